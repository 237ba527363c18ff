//! What lies where in a block's shared memory.

use super::config::ROWS;
use super::{Config, ConfigError};
use crate::attention::{DataType, Problem};
use crate::dsl::{ClusterLaunch, MBARRIER_BYTES};
use crate::gpu::Gpu;
use crate::tile::{PanelLayout, SlotRing, TensorMemory};

/// The layouts of the tiles of a block. In memory follow each other: Q and O of each query tile, or
/// both in one place, the ring of K and V, a factor of each row for the correction, one more for the
/// end, and the mbarriers.
#[derive(Clone, Copy, Debug)]
pub(super) struct SharedPlan {
    config: Config,
    /// Of a query tile.
    pub(super) query: PanelLayout,
    /// This block's part of a key tile.
    pub(super) key: PanelLayout,
    /// This block's part of a value tile.
    pub(super) value: PanelLayout,
    /// Of a query tile.
    pub(super) output: PanelLayout,
}

impl SharedPlan {
    /// The plan for head dimensions and a key tile that [`Config::check`] accepts.
    pub(super) fn new(config: &Config, problem: &Problem) -> Self {
        let blocks = config.group().blocks();
        let layout = |rows, columns| layout(problem.dtype, rows, columns);
        Self {
            config: *config,
            query: layout(ROWS, problem.head_dim),
            key: layout(config.tile_n / blocks, problem.head_dim),
            value: layout(config.tile_n, problem.head_dim_v / blocks),
            output: self::layout(problem.dtype.output(), ROWS, problem.head_dim_v),
        }
    }

    /// Bytes from one query tile to the next.
    pub(super) fn query_stride(&self) -> u32 {
        match self.config.o_over_q {
            true => self.query.bytes().max(self.output.bytes()),
            false => self.query.bytes(),
        }
    }

    /// Bytes from the output of one query tile to that of the next.
    pub(super) fn output_stride(&self) -> u32 {
        match self.config.o_over_q {
            true => self.query_stride(),
            false => self.output.bytes(),
        }
    }

    pub(super) fn outputs_at(&self) -> u32 {
        match self.config.o_over_q {
            true => 0,
            false => self.config.query_tiles() * self.query_stride(),
        }
    }

    pub(super) fn ring_at(&self) -> u32 {
        self.outputs_at() + self.config.query_tiles() * self.output_stride()
    }

    /// Bytes of a slot of the ring.
    pub(super) fn slot(&self) -> u32 {
        self.key.bytes().max(self.value.bytes())
    }

    /// The factors by which outputs are rescaled; those by which they are scaled at the end follow.
    pub(super) fn factors_at(&self) -> u32 {
        self.ring_at() + self.config.stages * self.slot()
    }

    /// Bytes of one kind of factors, of all query tiles.
    pub(super) fn factor_bytes(&self) -> u32 {
        self.config.tile_m * size_of::<f32>() as u32
    }

    /// The answer about the block that is taken over, and the address of tensor memory.
    pub(super) fn answer_at(&self) -> u32 {
        self.factors_at() + 2 * self.factor_bytes()
    }

    pub(super) fn tensor_memory_at(&self) -> u32 {
        self.answer_at() + ClusterLaunch::BYTES
    }

    pub(super) fn barriers_at(&self) -> u32 {
        (self.tensor_memory_at() + TensorMemory::BYTES).next_multiple_of(MBARRIER_BYTES)
    }

    /// Bytes of all of it.
    fn bytes(&self) -> u32 {
        let tiles = self.config.query_tiles();
        let rings = [self.config.stages, tiles, tiles, 1].map(SlotRing::barrier_bytes);
        self.barriers_at() + rings.iter().sum::<u32>() + SIGNALS * tiles * MBARRIER_BYTES
    }

    /// Bytes of a block.
    pub(super) fn check(&self, gpu: &Gpu) -> Result<u32, ConfigError> {
        let (needed, limit) = (self.bytes(), gpu.limits.shared_per_block);
        if needed > limit {
            let arithmetic = format!(
                "Q and O {} + {} stages · {} + factors and barriers {}",
                self.ring_at(),
                self.config.stages,
                self.slot(),
                needed - self.factors_at(),
            );
            return Err(ConfigError::Shared { needed, arithmetic, limit, target: gpu.target });
        }
        Ok(needed)
    }
}

/// The mbarriers of a query tile, beside those of rings.
pub(super) const SIGNALS: u32 = 7;

fn layout(dtype: DataType, rows: u32, columns: u32) -> PanelLayout {
    let layout = PanelLayout::new(rows, columns * dtype.bytes());
    layout.expect("head dimensions and key tiles are multiples of 32")
}
