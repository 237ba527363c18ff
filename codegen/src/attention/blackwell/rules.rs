//! Which configs are built.

use super::config::ROWS;
use super::plan::SharedPlan;
use super::row::E4M3_POWERS;
use super::tensor_plan::AttentionPlan;
use super::{Config, ConfigError, Schedule, registers};
use crate::attention::exp2::DEGREES;
use crate::attention::head_dims::HEAD_DIMS;
use crate::attention::{LEAST_RAISE, MaskKind, Problem, Resources};
use crate::dsl::{CtaGroup, WARPGROUP};
use crate::gpu::{Gpu, Target};

impl Config {
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
        if self.polynomials > 6 {
            return Err(ConfigError::Polynomials { found: self.polynomials });
        }
        if !DEGREES.contains(&self.degree) {
            return Err(ConfigError::Degree { found: self.degree });
        }
        let most = if problem.dtype.bytes() == 1 { E4M3_POWERS - LEAST_RAISE } else { 12 };
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
}
