//! Which configs are built.

use super::shared::SharedPlan;
use super::{Config, ConfigError, registers};
use crate::attention::head_dims::HEAD_DIMS;
use crate::attention::{MaskKind, Problem, Rescale, Resources};
use crate::dsl::{WARPGROUP, WARPGROUP_ROWS};
use crate::gpu::{Gpu, Target};
use crate::tile::ByteTranspose;

impl Config {
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
}
