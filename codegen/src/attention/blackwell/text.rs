//! The one-word form of a config, such as `m256n128r3h3t8e2d3x192c80pe`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{Config, Schedule};
use crate::attention::word::Word;

/// What the word consists of.
pub(crate) const FORM: &str = "such as m256n128r3h3t8e2d3x192c80: rows, keys, slots of the ring, \
    quarters of P handed over early, threshold of rescaling, exponentials by polynomials of 16, their \
    degree, registers of softmax and of correction, then any of pr (pairs of blocks), pe \
    (persistent), dy (dynamic), lf (longest first), oq (O over Q)";

/// A text that is no config.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a tile; expected {FORM}")]
pub struct ParseConfigError(String);

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = [
            ('m', self.tile_m),
            ('n', self.tile_n),
            ('r', self.stages),
            ('h', self.early_quarters),
            ('t', self.threshold),
            ('e', self.polynomials),
            ('d', self.degree),
            ('x', self.softmax_registers),
            ('c', self.correction_registers),
        ];
        numbers.iter().try_for_each(|(letter, number)| write!(f, "{letter}{number}"))?;
        let flags = [
            (self.pair, "pr"),
            (self.schedule == Schedule::Persistent, "pe"),
            (self.schedule == Schedule::Dynamic, "dy"),
            (self.longest_first, "lf"),
            (self.o_over_q, "oq"),
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
        stages: word.number('r')?,
        early_quarters: word.number('h')?,
        threshold: word.number('t')?,
        polynomials: word.number('e')?,
        degree: word.number('d')?,
        softmax_registers: word.number('x')?,
        correction_registers: word.number('c')?,
        ..Config::PLAIN
    };
    word.flags(|flag| {
        match flag {
            "pr" => config.pair = true,
            "pe" => config.schedule = Schedule::Persistent,
            "dy" => config.schedule = Schedule::Dynamic,
            "lf" => config.longest_first = true,
            "oq" => config.o_over_q = true,
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
        for text in ["m256n128r3h3t8e2d3x192c80", "m128n64r5h0t0e0d5x200c64prdylfoq"] {
            assert_eq!(text.parse::<Config>().unwrap().to_string(), text);
        }
        for text in ["", "m256", "m256n128r3", "m256n128r3h3t8e2d3x192c80xx", "m256n128s3"] {
            assert!(text.parse::<Config>().is_err(), "{text}");
        }
    }
}
