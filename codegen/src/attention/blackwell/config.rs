use super::ConfigError;
use super::plan::SharedPlan;
use super::registers;
use super::tensor_plan::AttentionPlan;
use crate::attention::exp2::DEGREES;
use crate::attention::{DataType, MaskKind, Problem, Resources};
use crate::dsl::{CtaGroup, WARPGROUP};
use crate::gpu::{Gpu, Target};

/// How the forward kernel computes: its tiles and its variants. As text it is one word, such as
/// `m256n128r3h3t8e2d3x192c80`; see [`ParseConfigError`](super::ParseConfigError).
///
/// ```
/// use tilewright_codegen::attention::blackwell::Config;
/// let config: Config = "m256n128r3h3t8e2d3x192c80pe".parse().unwrap();
/// assert_eq!((config.tile_m, config.tile_n, config.stages), (256, 128, 3));
/// assert_eq!((config.early_quarters, config.threshold, config.polynomials), (3, 8, 2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// Query rows of a block: 128 for each of its one or two softmax warpgroups.
    pub tile_m: u32,
    /// Keys of one iteration.
    pub tile_n: u32,
    /// Slots of the ring that key and value tiles share.
    pub stages: u32,
    /// Of four quarters of a tile's probabilities, how many are handed over before the rest, so that
    /// the product with V begins with them: 0 to 3. With 0 all are handed over at once.
    pub early_quarters: u32,
    /// By what power of two the maximum of a row may grow over the reference of the exponential
    /// before the output is rescaled; see the [module](super). With 0 it always follows.
    pub threshold: u32,
    /// Of sixteen exponentials, how many are computed by polynomials on the pipes of additions and
    /// multiplications, beside the special-function unit: 0 to 8.
    pub polynomials: u32,
    /// The [degree](crate::attention::exp2::DEGREES) of those polynomials.
    pub degree: u32,
    /// Registers of a thread that computes softmax.
    pub softmax_registers: u32,
    /// Registers of a thread that corrects. Those that issue and copy get what is left.
    pub correction_registers: u32,
    /// Whether two blocks multiply together, neighbouring query tiles of one head: each holds half
    /// of every key and value tile.
    pub pair: bool,
    /// How blocks come to their query tiles.
    pub schedule: Schedule,
    /// Whether query tiles begin with those that have the most keys, for as many heads at a time as
    /// have their keys and values in half the second-level cache. Otherwise the tiles of one head
    /// follow each other.
    pub longest_first: bool,
    /// Whether O takes the place of Q in shared memory. The next query tile is then copied only
    /// when this one is written, but there is room for more stages.
    pub o_over_q: bool,
}

/// How blocks come to their query tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// A block for each.
    Single,
    /// As many blocks as there are multiprocessors; each takes every so-and-so-manyth tile.
    Persistent,
    /// A block for each, but those that run take over those that have not begun
    /// (`clusterlaunchcontrol`).
    Dynamic,
}

/// Head dimensions of Q and K, and of V, that the kernel has.
pub(super) const HEAD_DIMS: [(u32, u32); 6] =
    [(64, 64), (96, 96), (128, 128), (192, 128), (192, 192), (256, 256)];

/// Query rows of a tile in tensor memory.
pub(super) const ROWS: u32 = 128;

impl Config {
    /// No tile yet, and none of the variants.
    pub const PLAIN: Self = Self {
        tile_m: 0,
        tile_n: 0,
        stages: 0,
        early_quarters: 0,
        threshold: 0,
        polynomials: 0,
        degree: 3,
        softmax_registers: 192,
        correction_registers: 80,
        pair: false,
        schedule: Schedule::Single,
        longest_first: false,
        o_over_q: false,
    };

    /// Whether the kernel can be built, and what a block takes then. This is the one list of rules:
    /// what it accepts is the search space.
    ///
    /// # Errors
    ///
    /// The first rule broken, with the arithmetic and the limit.
    pub fn check(&self, problem: &Problem, gpu: &Gpu) -> Result<Resources, ConfigError> {
        problem.check()?;
        if ![Target::architecture(100), Target::architecture(103)].contains(&gpu.target) {
            return Err(ConfigError::Target { target: gpu.target });
        }
        self.check_shape(problem)?;
        self.check_variants(problem)?;
        AttentionPlan::new(self, problem)?;
        Ok(Resources {
            threads: self.threads(),
            shared_bytes: SharedPlan::new(self, problem).check(gpu)?,
            registers: registers::check(self, problem)?,
        })
    }

    /// Query tiles of a block, each with a softmax warpgroup.
    pub const fn query_tiles(&self) -> u32 {
        self.tile_m / ROWS
    }

    /// Threads of a block: those of the softmax warpgroups, of the correction, and a warpgroup of
    /// the warps that issue and copy.
    pub fn threads(&self) -> u32 {
        (self.query_tiles() + 2) * WARPGROUP
    }

    /// The blocks that multiply together.
    pub(super) const fn group(&self) -> CtaGroup {
        if self.pair { CtaGroup::Two } else { CtaGroup::One }
    }

    fn check_shape(&self, problem: &Problem) -> Result<(), ConfigError> {
        let dims = (problem.head_dim, problem.head_dim_v);
        if !HEAD_DIMS.contains(&dims) {
            return Err(ConfigError::HeadDims { head_dim: dims.0, head_dim_v: dims.1 });
        }
        if ![ROWS, 2 * ROWS].contains(&self.tile_m) {
            return Err(ConfigError::TileM { found: self.tile_m });
        }
        if ![64, 128].contains(&self.tile_n) {
            return Err(ConfigError::TileN { found: self.tile_n });
        }
        if !(2..=16).contains(&self.stages) {
            return Err(ConfigError::Stages { found: self.stages });
        }
        Ok(())
    }

    fn check_variants(&self, problem: &Problem) -> Result<(), ConfigError> {
        if self.early_quarters > 3 {
            return Err(ConfigError::EarlyQuarters { found: self.early_quarters });
        }
        if self.polynomials > 8 {
            return Err(ConfigError::Polynomials { found: self.polynomials });
        }
        // Polynomials are to be off by less than the rounding of probabilities.
        let least = if problem.dtype == DataType::F16 { 3 } else { *DEGREES.start() };
        if !(least..=*DEGREES.end()).contains(&self.degree) {
            let (found, dtype) = (self.degree, problem.dtype);
            return Err(ConfigError::Degree { found, least, dtype });
        }
        let most = if problem.dtype.bytes() == 1 { 8 } else { 12 };
        if self.threshold > most {
            let (found, dtype) = (self.threshold, problem.dtype);
            return Err(ConfigError::Threshold { found, most, dtype });
        }
        let mask = problem.mask.kind();
        if self.longest_first && mask != MaskKind::Causal {
            return Err(ConfigError::LongestFirst { mask });
        }
        if self.pair && mask != MaskKind::Full && !self.o_over_q {
            return Err(ConfigError::PairWithMask { mask });
        }
        let half_row = problem.head_dim_v * problem.dtype.bytes() / 2;
        if self.pair && !half_row.is_multiple_of(32) {
            return Err(ConfigError::PairWidth { found: half_row });
        }
        if self.pair && self.schedule == Schedule::Dynamic {
            return Err(ConfigError::DynamicPair);
        }
        Ok(())
    }

    /// The raw grid of configs around a problem; most break a rule of [`Config::check`].
    pub fn space(_problem: &Problem, _gpu: &Gpu) -> impl Iterator<Item = Config> + use<> {
        const SCHEDULES: [Schedule; 3] =
            [Schedule::Single, Schedule::Persistent, Schedule::Dynamic];
        const REGISTERS: [(u32, u32); 4] = [(192, 80), (184, 88), (176, 88), (224, 104)];
        let tiles = [128, 256].into_iter().flat_map(|tile_m| {
            [64, 128]
                .into_iter()
                .flat_map(move |tile_n| (2..=12).map(move |stages| (tile_m, tile_n, stages)))
        });
        let variants = |(tile_m, tile_n, stages)| {
            SCHEDULES.into_iter().flat_map(move |schedule| {
                (0..5 * 4 * 4 * 2 * 8).map(move |number: u32| Config {
                    tile_m,
                    tile_n,
                    stages,
                    polynomials: number % 5,
                    early_quarters: number / 5 % 4,
                    softmax_registers: REGISTERS[(number / 20 % 4) as usize].0,
                    correction_registers: REGISTERS[(number / 20 % 4) as usize].1,
                    threshold: [0, 8][(number / 80 % 2) as usize],
                    degree: 3,
                    pair: (number / 160) & 1 != 0,
                    longest_first: (number / 160) & 2 != 0,
                    o_over_q: (number / 160) & 4 != 0,
                    schedule,
                })
            })
        };
        tiles.flat_map(variants)
    }

    /// A good config where nothing has been tuned: the first of a list that passes
    /// [`Config::check`]. Every pair of head dimensions that the kernel takes has one.
    pub fn default_for(problem: &Problem, gpu: &Gpu) -> Config {
        let causal = problem.mask.kind() == MaskKind::Causal;
        let (tile_m, tile_n) = match (problem.head_dim, problem.head_dim_v) {
            (_, ..=128) => (256, 128),
            (..=192, _) => (128, 128),
            _ => (128, 64),
        };
        let config = |o_over_q, stages| Config {
            tile_m,
            tile_n,
            stages,
            early_quarters: 3,
            threshold: if problem.dtype.bytes() == 1 { 4 } else { 8 },
            // B300 has special-function units twice as fast.
            polynomials: if gpu.target == Target::architecture(103) { 0 } else { 2 },
            degree: 3,
            softmax_registers: if tile_m == 256 { 192 } else { 224 },
            correction_registers: if tile_m == 256 { 80 } else { 104 },
            pair: false,
            // Registers for more than one query tile are short there.
            schedule: match causal || (tile_m == 256 && problem.head_dim > 128) {
                true => Schedule::Single,
                false => Schedule::Persistent,
            },
            longest_first: causal,
            o_over_q,
        };
        let mut configs =
            [false, true].into_iter().flat_map(|over| (2..=8).rev().map(move |s| config(over, s)));
        configs.find(|config| config.check(problem, gpu).is_ok()).unwrap_or(config(true, 2))
    }
}
