//! What the kernels of all architectures have in common in how they are configured.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::fields::{ConfigField, describe, form};
use super::{Kernel, Problem, ampere, blackwell, hopper};
use crate::gpu::Gpu;

/// How a kernel computes: its tiles and its variants, by the architecture that it is written for.
///
/// As text it is one word, and the word tells the architecture.
///
/// ```
/// use tilewright_codegen::attention::Config;
/// let config: Config = "m128n64w4s1sl".parse().unwrap();
/// assert!(matches!(config, Config::Ampere(_)));
/// let config: Config = "m128n128s2ovppsl".parse().unwrap();
/// assert!(matches!(config, Config::Hopper(_)));
/// let config: Config = "m256n128r3h3t8e2d3x192c80".parse().unwrap();
/// assert!(matches!(config, Config::Blackwell(_)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Config {
    /// For Ampere and Ada, and every later target.
    Ampere(ampere::Config),
    /// For Hopper.
    Hopper(hopper::Config),
    /// For Blackwell of data centres.
    Blackwell(blackwell::Config),
}

/// What a block of a kernel takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resources {
    /// Threads of a block.
    pub threads: u32,
    /// Bytes of dynamic shared memory of a block; there is no static one.
    pub shared_bytes: u32,
    /// Estimate of the registers of a thread, the greediest where they differ; ptxas decides.
    pub registers: u32,
}

/// Why a [`Config`] cannot be built for a problem and a GPU.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// A rule of the kernels for Ampere.
    #[error(transparent)]
    Ampere(#[from] ampere::ConfigError),
    /// A rule of the kernels for Hopper.
    #[error(transparent)]
    Hopper(#[from] hopper::ConfigError),
    /// A rule of the kernels for Blackwell.
    #[error(transparent)]
    Blackwell(#[from] blackwell::ConfigError),
}

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The head dimensions: no config would do.
    HeadDim,
    /// The data type: no config would do.
    DataType,
    /// Another part of the problem.
    Problem,
    /// The target: it has no such kernels.
    Target,
    /// The config, which breaks this rule.
    Rule(&'static str),
}

/// A field of a config cannot be set.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FieldError {
    /// Configs of the architecture have no such field.
    #[error("a tile for {architecture} has no field `{field}`; its fields are {}", known.join(", "))]
    Unknown {
        /// The architecture.
        architecture: &'static str,
        /// The name that was given.
        field: String,
        /// The names that there are.
        known: &'static [&'static str],
    },
    /// The field takes other values.
    #[error("expected {expected} for `{field}`")]
    Value {
        /// The name of the field.
        field: String,
        /// What it takes.
        expected: &'static str,
    },
}

/// A text that is no config; the message explains the word.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{text}` is not a tile; expected {expected}")]
pub struct ParseConfigError {
    text: String,
    expected: String,
}

impl ParseConfigError {
    pub(super) fn new(text: &str, expected: String) -> Self {
        const SHOWN: usize = 60;
        Self { text: text.chars().take(SHOWN).collect(), expected }
    }
}

/// The forward kernel for problems like `problem`: same data type, head dimensions and mask kind.
///
/// # Errors
///
/// What [`Config::check`] says.
pub fn forward(problem: &Problem, config: &Config, gpu: &Gpu) -> Result<Kernel, ConfigError> {
    Ok(match config {
        Config::Ampere(config) => ampere::forward(problem, config, gpu)?,
        Config::Hopper(config) => hopper::forward(problem, config, gpu)?,
        Config::Blackwell(config) => blackwell::forward(problem, config, gpu)?,
    })
}

impl Config {
    /// Whether the kernel can be built, and what a block takes then. This is the one list of rules:
    /// what it accepts is the search space.
    ///
    /// # Errors
    ///
    /// The first rule broken, with the arithmetic and the limit.
    pub fn check(&self, problem: &Problem, gpu: &Gpu) -> Result<Resources, ConfigError> {
        Ok(match self {
            Self::Ampere(config) => config.check(problem, gpu)?,
            Self::Hopper(config) => config.check(problem, gpu)?,
            Self::Blackwell(config) => config.check(problem, gpu)?,
        })
    }

    /// The raw grid of configs around a problem, of the kernels that are best on the GPU; most break
    /// a rule of [`Config::check`].
    pub fn space(problem: &Problem, gpu: &Gpu) -> Box<dyn Iterator<Item = Config>> {
        match Self::default_for(problem, gpu) {
            Self::Ampere(_) => Box::new(ampere::Config::space(problem, gpu).map(Self::Ampere)),
            Self::Hopper(_) => Box::new(hopper::Config::space(problem, gpu).map(Self::Hopper)),
            Self::Blackwell(_) => {
                Box::new(blackwell::Config::space(problem, gpu).map(Self::Blackwell))
            }
        }
    }

    /// A good config where nothing has been tuned. On Hopper and Blackwell it is one of their own
    /// kernels where they have the head dimensions, else and on other GPUs one of Ampere's.
    pub fn default_for(problem: &Problem, gpu: &Gpu) -> Config {
        let own = match gpu.target.sm {
            90 => Some(Self::Hopper(hopper::Config::default_for(problem, gpu))),
            100 | 103 => Some(Self::Blackwell(blackwell::Config::default_for(problem, gpu))),
            _ => None,
        };
        own.filter(|config| config.check(problem, gpu).is_ok())
            .unwrap_or_else(|| Self::Ampere(ampere::Config::default_for(problem, gpu)))
    }

    /// Query rows of a block.
    pub fn tile_m(&self) -> u32 {
        match self {
            Self::Ampere(config) => config.tile_m,
            Self::Hopper(config) => config.tile_m,
            Self::Blackwell(config) => config.tile_m,
        }
    }

    /// Keys of one iteration.
    pub fn tile_n(&self) -> u32 {
        match self {
            Self::Ampere(config) => config.tile_n,
            Self::Hopper(config) => config.tile_n,
            Self::Blackwell(config) => config.tile_n,
        }
    }

    /// Key and value tiles that fit shared memory at once.
    pub fn stages(&self) -> u32 {
        match self {
            Self::Ampere(config) => config.stages,
            Self::Hopper(config) => config.stages,
            // Keys and values share the ring.
            Self::Blackwell(config) => config.stages.div_ceil(2),
        }
    }

    /// The fields of the configs of each architecture, by its name.
    ///
    /// ```
    /// use tilewright_codegen::attention::Config;
    /// let [(ampere, fields), ..] = Config::fields();
    /// assert_eq!((ampere, fields[0].name), ("Ampere", "tile_m"));
    /// assert!(fields[0].documentation.starts_with("Query rows of a block"));
    /// ```
    pub fn fields() -> [(&'static str, Vec<ConfigField>); 3] {
        [
            ("Ampere", describe::<ampere::Config>().collect()),
            ("Hopper", describe::<hopper::Config>().collect()),
            ("Blackwell", describe::<blackwell::Config>().collect()),
        ]
    }

    /// Sets a field by its name, such as `tile_m`, to what the text says: a number, `true` or
    /// `false`, or a word.
    ///
    /// # Errors
    ///
    /// Where there is no such field, or it does not take that.
    pub fn set(&mut self, field: &str, value: &str) -> Result<(), FieldError> {
        match self {
            Self::Ampere(config) => config.set(field, value),
            Self::Hopper(config) => config.set(field, value),
            Self::Blackwell(config) => config.set(field, value),
        }
    }
}

impl From<ampere::Config> for Config {
    fn from(config: ampere::Config) -> Self {
        Self::Ampere(config)
    }
}

impl From<hopper::Config> for Config {
    fn from(config: hopper::Config) -> Self {
        Self::Hopper(config)
    }
}

impl From<blackwell::Config> for Config {
    fn from(config: blackwell::Config) -> Self {
        Self::Blackwell(config)
    }
}

impl ConfigError {
    /// What is refused.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Ampere(error) => error.subject(),
            Self::Hopper(error) => error.subject(),
            Self::Blackwell(error) => error.subject(),
        }
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ampere(config) => config.fmt(f),
            Self::Hopper(config) => config.fmt(f),
            Self::Blackwell(config) => config.fmt(f),
        }
    }
}

impl FromStr for Config {
    type Err = ParseConfigError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let explain = || {
            let [ampere, hopper, blackwell] =
                [form::<ampere::Config>(), form::<hopper::Config>(), form::<blackwell::Config>()];
            format!("for Ampere {ampere}; for Hopper {hopper}; for Blackwell {blackwell}")
        };
        let ampere = text.parse().map(Self::Ampere);
        ampere
            .or_else(|_| text.parse().map(Self::Hopper))
            .or_else(|_| text.parse().map(Self::Blackwell))
            .map_err(|_: ParseConfigError| ParseConfigError::new(text, explain()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_set(config: &str, field: &str, value: &str, expected: &str) {
        let mut config: Config = config.parse().unwrap();
        let found = match config.set(field, value) {
            Ok(()) => config.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn fields_are_set_by_name() {
        check_set("m128n64w4s1", "tile_n", "96", "m128n96w4s1");
        check_set("m128n64w4s1", "rescale", "lazy", "m128n64w4s1rl");
        check_set("m128n64s2", "ping_pong", "true", "m128n64s2pp");
        check_set("m128n64s2", "cluster", "2", "m128n64s2c2");
        check_set("m128n64w4s1", "tile_n", "many", "expected a number for `tile_n`");
        check_set(
            "m128n64s2",
            "rescale",
            "2",
            "expected always, lazy or speculative for `rescale`",
        );
        check_set(
            "m128n64s2",
            "warps",
            "4",
            "a tile for Hopper has no field `warps`; its fields are tile_m, tile_n, stages, overlap, \
             ping_pong, p_in_shared, q_in_registers, direct_output, cluster, persistent, longest_first, split_masked_loop, rescale, polynomials",
        );
    }

    #[test]
    fn parses_what_it_prints() {
        for text in [
            "m128n64w4s1",
            "m64n128w4s2b3qrshslrl",
            "m16n16w1s8b2slrs",
            "m128n176s2",
            "m192n128s4ovpppsqrdoc2pelfslrl",
            "m64n16s2slrse2",
            "m256n128r3h3t8e2d3x192c80",
            "m128n64r5h0t0e0d5x200c64prdylfoq",
        ] {
            assert_eq!(text.parse::<Config>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_config_is_explained() {
        for text in [
            "",
            "m128",
            "m128n64w4s1q",
            "m128n64w4s1xx",
            "m-1n64w4s1",
            "m128n64w4s1é",
            "m128n64w4s1b",
            "m128n64s2o",
            "m64n64s2c99999999999",
            "m256n128r3",
            "m256n128r3h3t8e2d3x192c80xx",
        ] {
            let error = text.parse::<Config>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("`{text}` is not a tile; expected for Ampere such as"))
            );
        }
        let error = "m64".parse::<ampere::Config>().unwrap_err().to_string();
        let expected = "`m64` is not a tile; expected such as m128n64w4s1qrsl: each with its number \
             m (rows), n (keys), w (warps), s (stages), then any of b (blocks on a multiprocessor), \
             qr (Q in registers), sh (Q and K share memory), sl (split masked loop), rl or rs (rescale \
             lazily or speculatively)";
        assert_eq!(error, expected);
    }

    #[test]
    fn every_field_that_is_named_can_be_set() {
        for (config, fields) in [
            ("m128n64w4s1", ampere::FIELDS),
            ("m128n64s2", hopper::FIELDS),
            ("m256n128r3h3t8e2d3x192c80", blackwell::FIELDS),
        ] {
            let mut config: Config = config.parse().unwrap();
            for field in fields {
                let set =
                    ["1", "true", "lazy", "single"].map(|value| config.set(field, value).is_ok());
                assert_eq!(set.iter().filter(|set| **set).count(), 1, "{field}");
            }
        }
    }

    #[test]
    fn no_text_is_a_config_of_two_architectures() {
        for text in [
            "m128n64w4s1",
            "m128n64w4s1b2qrsl",
            "m128n64s2",
            "m192n128s4ovpppsc2pelfslrl",
            "m256n128r3h3t8e2d3x192c80pelfoq",
        ] {
            let of = [
                text.parse::<ampere::Config>().is_ok(),
                text.parse::<hopper::Config>().is_ok(),
                text.parse::<blackwell::Config>().is_ok(),
            ];
            assert_eq!(of.iter().filter(|is| **is).count(), 1, "{text}");
        }
    }
}
