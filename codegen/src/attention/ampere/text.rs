//! The one-word form of a config, such as `m128n64w4s1qrsl`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{Config, Rescale};
use crate::attention::word::Word;

/// What the word consists of.
pub(crate) const FORM: &str = "such as m128n64w4s1: rows, keys, warps, stages, b2 for two blocks on \
    a multiprocessor, then any of qr (Q in registers), sh (Q and K share memory), sl (split masked \
    loop), and rl or rs (rescale lazily, or speculatively)";

/// A text that is no config.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a tile; expected {FORM}")]
pub struct ParseConfigError(String);

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}n{}w{}s{}", self.tile_m, self.tile_n, self.warps, self.stages)?;
        if self.blocks != 1 {
            write!(f, "b{}", self.blocks)?;
        }
        let flags = [
            (self.q_in_registers, "qr"),
            (self.share_q_k, "sh"),
            (self.split_masked_loop, "sl"),
            (self.rescale == Rescale::Lazy, "rl"),
            (self.rescale == Rescale::Speculative, "rs"),
        ];
        flags.iter().filter(|(set, _)| *set).try_for_each(|(_, flag)| f.write_str(flag))
    }
}

impl FromStr for Config {
    type Err = ParseConfigError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseConfigError(text.chars().take(60).collect()))
    }
}

fn parse(text: &str) -> Option<Config> {
    let mut word = Word(text);
    let mut config = Config {
        tile_m: word.number('m')?,
        tile_n: word.number('n')?,
        warps: word.number('w')?,
        stages: word.number('s')?,
        blocks: word.number('b').unwrap_or(1),
        ..Config::PLAIN
    };
    word.flags(|flag| {
        match flag {
            "qr" => config.q_in_registers = true,
            "sh" => config.share_q_k = true,
            "sl" => config.split_masked_loop = true,
            "rl" => config.rescale = Rescale::Lazy,
            "rs" => config.rescale = Rescale::Speculative,
            _ => return None,
        }
        Some(())
    })?;
    Some(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_prints() {
        for text in ["m128n64w4s1", "m64n128w4s2b3qrshslrl", "m16n16w1s8b2slrs"] {
            assert_eq!(text.parse::<Config>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "m128",
            "m128n64w4s1q",
            "m128n64w4s1xx",
            "m-1n64w4s1",
            "m128n64w4s1é",
            "m128n64w4s1b",
        ] {
            assert!(text.parse::<Config>().is_err(), "{text}");
        }
    }
}
