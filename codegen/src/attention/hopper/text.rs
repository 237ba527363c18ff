//! The one-word form of a config, such as `m128n176s2ovppslrs`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::Config;
use crate::attention::Rescale;
use crate::attention::word::Word;

/// What the word consists of.
pub(crate) const FORM: &str = "such as m128n176s2ovpp: rows, keys, stages, then any of ov (softmax \
    under the products of the next tile), pp (ping-pong), ps (P through shared memory), qr (Q in \
    registers), do (direct output), c2 (clusters of 2), pe (persistent), lf (longest first), sl (split masked loop), rl or rs (rescale \
    lazily, or speculatively), and e1 to e4 (of 8 exponentials, how many by polynomials)";

/// A text that is no config.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a tile; expected {FORM}")]
pub struct ParseConfigError(String);

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}n{}s{}", self.tile_m, self.tile_n, self.stages)?;
        let flags = [
            (self.overlap, "ov"),
            (self.ping_pong, "pp"),
            (self.p_in_shared, "ps"),
            (self.q_in_registers, "qr"),
            (self.direct_output, "do"),
            (self.cluster == 2, "c2"),
            (self.persistent, "pe"),
            (self.longest_first, "lf"),
            (self.split_masked_loop, "sl"),
            (self.rescale == Rescale::Lazy, "rl"),
            (self.rescale == Rescale::Speculative, "rs"),
        ];
        flags.iter().filter(|(set, _)| *set).try_for_each(|(_, flag)| f.write_str(flag))?;
        match self.polynomials {
            0 => Ok(()),
            eighths => write!(f, "e{eighths}"),
        }
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
        stages: word.number('s')?,
        ..Config::PLAIN
    };
    word.flags(|flag| {
        match flag {
            "ov" => config.overlap = true,
            "pp" => config.ping_pong = true,
            "ps" => config.p_in_shared = true,
            "qr" => config.q_in_registers = true,
            "do" => config.direct_output = true,
            "c2" => config.cluster = 2,
            "pe" => config.persistent = true,
            "lf" => config.longest_first = true,
            "sl" => config.split_masked_loop = true,
            "rl" => config.rescale = Rescale::Lazy,
            "rs" => config.rescale = Rescale::Speculative,
            "e1" => config.polynomials = 1,
            "e2" => config.polynomials = 2,
            "e3" => config.polynomials = 3,
            "e4" => config.polynomials = 4,
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
        for text in ["m128n176s2", "m192n128s4ovpppsqrdoc2pelfslrl", "m64n16s2slrse2"] {
            assert_eq!(text.parse::<Config>().unwrap().to_string(), text);
        }
        for text in
            ["", "m128", "m128n64s2o", "m128n64s2xx", "m-1n64s1", "m128n64w4s1", "m64n64s2é"]
        {
            assert!(text.parse::<Config>().is_err(), "{text}");
        }
    }
}
