//! What lies where in a block's shared memory.

use super::{Config, ConfigError};
use crate::attention::{DataType, Problem};
use crate::dsl::WARPGROUP_ROWS;
use crate::gpu::Gpu;
use crate::tile::{PanelLayout, SlotRing};

/// The layouts of the tiles of a block. In memory follow each other: Q (a tile for each consumer,
/// which O takes over where it passes through shared memory), the ring of K, the ring of V, that of V before it is transposed (for FP8),
/// P (a tile for each consumer, where it passes through shared memory), and the mbarriers of the
/// rings of Q, K and V.
#[derive(Clone, Copy, Debug)]
pub(super) struct SharedPlan {
    config: Config,
    /// A consumer's rows of Q.
    pub(super) query: PanelLayout,
    pub(super) key: PanelLayout,
    /// V as it is multiplied.
    pub(super) value: PanelLayout,
    /// V as it is copied, where it is transposed before it is multiplied.
    pub(super) staged: Option<PanelLayout>,
    /// A consumer's rows of O.
    pub(super) output: PanelLayout,
    /// A consumer's rows of P.
    pub(super) probability: PanelLayout,
}

impl SharedPlan {
    /// The plan for head dimensions and a key tile that [`Config::check`] accepts.
    pub(super) fn new(config: &Config, problem: &Problem) -> Self {
        let layout = |rows, columns| layout(problem.dtype, rows, columns);
        let copied = layout(config.tile_n, problem.head_dim_v);
        let (value, staged) = match problem.dtype.bytes() {
            1 => (layout(problem.head_dim_v, config.tile_n), Some(copied)),
            _ => (copied, None),
        };
        Self {
            config: *config,
            query: layout(WARPGROUP_ROWS, problem.head_dim),
            key: layout(config.tile_n, problem.head_dim),
            value,
            staged,
            output: self::layout(problem.dtype.output(), WARPGROUP_ROWS, problem.head_dim_v),
            probability: layout(WARPGROUP_ROWS, config.tile_n),
        }
    }

    /// V as TMA brings it.
    pub(super) fn copied_value(&self) -> PanelLayout {
        self.staged.unwrap_or(self.value)
    }

    /// Bytes from the queries of one consumer to those of the next.
    pub(super) fn query_stride(&self) -> u32 {
        match self.config.direct_output {
            true => self.query.bytes(),
            false => self.query.bytes().max(self.output.bytes()),
        }
    }

    pub(super) fn keys_at(&self) -> u32 {
        self.config.consumers() * self.query_stride()
    }

    pub(super) fn values_at(&self) -> u32 {
        self.keys_at() + self.config.stages * self.key.bytes()
    }

    pub(super) fn staged_at(&self) -> u32 {
        self.values_at() + self.config.stages * self.value.bytes()
    }

    fn staged_bytes(&self) -> u32 {
        self.staged.map_or(0, |tile| self.config.stages * tile.bytes())
    }

    pub(super) fn probabilities_at(&self) -> u32 {
        self.staged_at() + self.staged_bytes()
    }

    fn probability_bytes(&self) -> u32 {
        match self.config.p_in_shared {
            true => self.config.consumers() * self.probability.bytes(),
            false => 0,
        }
    }

    pub(super) fn barriers_at(&self) -> u32 {
        self.probabilities_at() + self.probability_bytes()
    }

    /// Bytes of all of it.
    fn bytes(&self) -> u32 {
        let staged = if self.staged.is_some() { self.config.stages } else { 0 };
        let rings = [1, self.config.stages, self.config.stages, staged];
        self.barriers_at() + rings.into_iter().map(SlotRing::barrier_bytes).sum::<u32>()
    }

    /// Bytes of a block.
    pub(super) fn check(&self, gpu: &Gpu) -> Result<u32, ConfigError> {
        let (needed, limit) = (self.bytes(), gpu.limits.shared_per_block);
        if needed > limit {
            let arithmetic = format!(
                "Q {} · {} + {} stages · ({} + {}) + V as copied {} + P {} + barriers {}",
                self.config.consumers(),
                self.query_stride(),
                self.config.stages,
                self.key.bytes(),
                self.value.bytes(),
                self.staged_bytes(),
                self.probability_bytes(),
                needed - self.barriers_at(),
            );
            return Err(ConfigError::Shared { needed, arithmetic, limit, target: gpu.target });
        }
        Ok(needed)
    }
}

fn layout(dtype: DataType, rows: u32, columns: u32) -> PanelLayout {
    let layout = PanelLayout::new(rows, columns * dtype.bytes());
    layout.expect("head dimensions and key tiles are multiples of 16")
}
