use super::ConfigError;
use super::registers;
use super::shared::SharedPlan;
use crate::attention::{MaskKind, Problem, Rescale, Resources};
use crate::dsl::{WARPGROUP, WARPGROUP_ROWS};
use crate::gpu::{Gpu, Target};
use crate::tile::ByteTranspose;

/// How the forward kernel computes: its tiles and its variants. As text it is one word, such as
/// `m128n176s2ovppslrs`; see [`ParseConfigError`](super::ParseConfigError).
///
/// ```
/// use tilewright_codegen::attention::hopper::Config;
/// let config: Config = "m128n176s2ovppsl".parse().unwrap();
/// assert_eq!((config.tile_m, config.tile_n, config.stages), (128, 176, 2));
/// assert!(config.overlap && config.ping_pong && !config.persistent);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// Query rows of a block: 64 for each of its one to three consumer warpgroups.
    pub tile_m: u32,
    /// Keys of one iteration.
    pub tile_n: u32,
    /// Slots of the ring of key tiles, and of that of value tiles.
    pub stages: u32,
    /// Whether a warpgroup takes the softmax of one key tile while its tensor core multiplies the
    /// tile before with V. Probabilities then live in registers beside the scores.
    pub overlap: bool,
    /// Whether warpgroups take turns to begin their products, so that one takes its softmax while
    /// the tensor core works for another.
    pub ping_pong: bool,
    /// Whether probabilities pass through shared memory on their way to the product with V.
    pub p_in_shared: bool,
    /// Whether Q is read from shared memory once and stays in registers.
    pub q_in_registers: bool,
    /// Whether threads write O to global memory from their registers. Otherwise it passes through
    /// the memory of Q, and TMA writes it; then Q of the next tile can be copied only after that.
    pub direct_output: bool,
    /// Blocks of a cluster: neighbouring query tiles of a head, each of which reads a part of the
    /// key and value tiles for all. They walk the key tiles that any of them sees. 1 is none.
    pub cluster: u32,
    /// Whether a block stays on its multiprocessor and takes one query tile after another.
    pub persistent: bool,
    /// Whether query tiles begin with those that have the most keys, for as many heads at a time as
    /// have their keys and values in half the second-level cache. Otherwise the tiles of one head
    /// follow each other.
    pub longest_first: bool,
    /// Whether iterations that need no mask run in a loop of their own, without mask code.
    pub split_masked_loop: bool,
    /// When the output accumulator is rescaled.
    pub rescale: Rescale,
    /// Of eight exponentials of a thread, how many are computed on the pipes of additions and
    /// multiplications, by a polynomial of degree 3, beside the special-function unit: 0 to 4.
    pub polynomials: u32,
}

/// Head dimensions of Q and K, and of V, that the kernel has.
pub(super) const HEAD_DIMS: [(u32, u32); 6] =
    [(64, 64), (96, 96), (128, 128), (192, 128), (192, 192), (256, 256)];

impl Config {
    /// No tile yet, and none of the variants.
    pub const PLAIN: Self = Self {
        tile_m: 0,
        tile_n: 0,
        stages: 0,
        overlap: false,
        ping_pong: false,
        p_in_shared: false,
        q_in_registers: false,
        direct_output: false,
        cluster: 1,
        persistent: false,
        longest_first: false,
        split_masked_loop: false,
        rescale: Rescale::Always,
        polynomials: 0,
    };

    /// Whether the kernel can be built, and what a block takes then. This is the one list of rules:
    /// what it accepts is the search space.
    ///
    /// # Errors
    ///
    /// The first rule broken, with the arithmetic and the limit.
    pub fn check(&self, problem: &Problem, gpu: &Gpu) -> Result<Resources, ConfigError> {
        problem.check()?;
        if gpu.target != Target::architecture(90) {
            return Err(ConfigError::Target { target: gpu.target });
        }
        self.check_shape(problem)?;
        self.check_variants(problem)?;
        Ok(Resources {
            threads: self.threads(),
            shared_bytes: SharedPlan::new(self, problem).check(gpu)?,
            registers: registers::check(self, problem)?,
        })
    }

    /// Consumer warpgroups of a block.
    pub const fn consumers(&self) -> u32 {
        self.tile_m / WARPGROUP_ROWS
    }

    /// Threads of a block: those of the consumers, and a warpgroup that copies.
    pub fn threads(&self) -> u32 {
        (self.consumers() + 1) * WARPGROUP
    }

    /// Whether the memory of Q is free as soon as Q has been read: nothing else takes it.
    pub(super) const fn frees_queries_early(&self) -> bool {
        self.q_in_registers && self.direct_output
    }

    fn check_shape(&self, problem: &Problem) -> Result<(), ConfigError> {
        let dims = (problem.head_dim, problem.head_dim_v);
        if !HEAD_DIMS.contains(&dims) {
            return Err(ConfigError::HeadDims { head_dim: dims.0, head_dim_v: dims.1 });
        }
        if ![64, 128, 192].contains(&self.tile_m) {
            return Err(ConfigError::TileM { found: self.tile_m });
        }
        if !self.tile_n.is_multiple_of(16) || !(32..=256).contains(&self.tile_n) {
            return Err(ConfigError::TileN { found: self.tile_n });
        }
        if !(2..=4).contains(&self.stages) {
            return Err(ConfigError::Stages { found: self.stages });
        }
        if self.polynomials > 4 {
            return Err(ConfigError::Polynomials { found: self.polynomials });
        }
        if ![1, 2].contains(&self.cluster) {
            return Err(ConfigError::Cluster { found: self.cluster });
        }
        Ok(())
    }

    fn check_variants(&self, problem: &Problem) -> Result<(), ConfigError> {
        if problem.dtype.bytes() == 1 {
            ByteTranspose::result_layout(self.tile_n, problem.head_dim_v)?;
            if self.p_in_shared {
                return Err(ConfigError::SharedProbabilities { dtype: problem.dtype });
            }
        }
        if self.ping_pong && self.consumers() == 1 {
            return Err(ConfigError::PingPongAlone);
        }
        if self.cluster > 1 && !self.tile_n.is_multiple_of(8 * self.cluster) {
            return Err(ConfigError::ClusterShare { tile_n: self.tile_n, cluster: self.cluster });
        }
        if self.longest_first && problem.mask.kind() != MaskKind::Causal {
            return Err(ConfigError::LongestFirst { mask: problem.mask.kind() });
        }
        if self.rescale == Rescale::Speculative && !self.split_masked_loop {
            return Err(ConfigError::SpeculationWithoutSplit);
        }
        Ok(())
    }

    /// The raw grid of configs around a problem; most break a rule of [`Config::check`].
    pub fn space(_problem: &Problem, _gpu: &Gpu) -> impl Iterator<Item = Config> + use<> {
        const RESCALES: [Rescale; 3] = [Rescale::Always, Rescale::Lazy, Rescale::Speculative];
        let tiles = [64, 128, 192].into_iter().flat_map(|tile_m| {
            let keys = (2..=16).map(|steps| 16 * steps);
            keys.flat_map(move |tile_n| (2..=4).map(move |stages| (tile_m, tile_n, stages)))
        });
        tiles.flat_map(|(tile_m, tile_n, stages)| {
            RESCALES.into_iter().flat_map(move |rescale| {
                (0..768).map(move |bits: u32| Config {
                    tile_m,
                    tile_n,
                    stages,
                    overlap: bits & 1 != 0,
                    ping_pong: bits & 2 != 0,
                    p_in_shared: bits & 4 != 0,
                    q_in_registers: bits & 64 != 0,
                    direct_output: bits & 128 != 0,
                    cluster: 1 + (bits >> 3 & 1),
                    persistent: bits & 16 != 0,
                    longest_first: bits & 32 != 0,
                    split_masked_loop: true,
                    rescale,
                    polynomials: bits >> 8,
                })
            })
        })
    }

    /// A good config where nothing has been tuned: the first of a list that passes
    /// [`Config::check`]. Every pair of head dimensions that the kernel takes has one.
    pub fn default_for(problem: &Problem, gpu: &Gpu) -> Config {
        let tiles: &[(u32, u32)] = match (problem.head_dim, problem.head_dim_v) {
            (..=64, _) if problem.dtype.bytes() == 1 => &[(192, 128)],
            _ if problem.dtype.bytes() == 1 => {
                &[(128, 224), (128, 192), (128, 160), (128, 128), (128, 96)]
            }
            (..=64, _) => &[(192, 160), (192, 128)],
            (..=96, _) => &[(128, 144), (128, 128)],
            (..=128, _) => &[(128, 160), (128, 128)],
            (..=192, ..=128) => &[(128, 112)],
            (..=192, _) => &[(128, 96)],
            _ => &[(128, 80), (128, 64)],
        };
        let config = |&(tile_m, tile_n): &(u32, u32)| Config {
            tile_m,
            tile_n,
            stages: 2,
            overlap: true,
            ping_pong: problem.head_dim <= 128,
            p_in_shared: false,
            q_in_registers: false,
            direct_output: false,
            cluster: 1,
            persistent: problem.mask.kind() == MaskKind::Full,
            longest_first: problem.mask.kind() == MaskKind::Causal,
            split_masked_loop: true,
            rescale: Rescale::Speculative,
            polynomials: 0,
        };
        let last = config(&(128, 64));
        let mut configs = tiles.iter().map(config);
        configs.find(|config| config.check(problem, gpu).is_ok()).unwrap_or(last)
    }
}
