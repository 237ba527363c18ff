//! What lies where in tensor memory.

use super::Config;
use super::config::ROWS;
use crate::attention::{DataType, Problem};
use crate::dsl::{Major, TensorProduct};
use crate::tile::{TensorPlan, TensorTile, TensorTileError};

/// The tiles of tensor memory: S of each query tile, with P in its place, then O of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct AttentionPlan {
    dtype: DataType,
    config: Config,
    scores: [TensorTile; 2],
    pub(super) outputs: [TensorTile; 2],
    probabilities: [TensorTile; 2],
    /// Columns to allocate.
    pub(super) columns: u32,
}

impl AttentionPlan {
    /// The plan; with one query tile the second of each pair is the first.
    pub(super) fn new(config: &Config, problem: &Problem) -> Result<Self, TensorTileError> {
        let mut plan = TensorPlan::default();
        let mut place = |elements| {
            let first = plan.place(elements, size_of::<f32>() as u32)?;
            match config.query_tiles() {
                1 => Ok([first; 2]),
                _ => Ok([first, plan.place(elements, size_of::<f32>() as u32)?]),
            }
        };
        let scores = place(config.tile_n)?;
        let outputs = place(problem.head_dim_v)?;
        let bytes = problem.dtype.probability().bytes();
        let over = |scores: TensorTile| scores.over(0, config.tile_n, bytes);
        Ok(Self {
            dtype: problem.dtype,
            config: *config,
            scores,
            outputs,
            probabilities: [over(scores[0])?, over(scores[1])?],
            columns: plan.allocated(),
        })
    }

    /// The scores of a query tile.
    pub(super) fn scores(&self, tile: u32) -> TensorTile {
        self.scores[tile as usize]
    }

    /// The probabilities of a query tile.
    pub(super) fn probabilities(&self, tile: u32) -> TensorTile {
        self.probabilities[tile as usize]
    }

    /// The output of a query tile.
    pub(super) fn output(&self, tile: u32) -> TensorTile {
        self.outputs[tile as usize]
    }

    /// Columns from the scores of one query tile to those of the next.
    pub(super) fn scores_stride(&self) -> u32 {
        self.scores[0].columns()
    }

    /// S = Q·Kᵀ.
    pub(super) fn scores_product(&self) -> TensorProduct {
        self.product((self.dtype, self.dtype), self.config.tile_n, Major::Depth)
    }

    /// O += P·V.
    pub(super) fn output_product(&self) -> TensorProduct {
        let types = (self.dtype.probability(), self.dtype);
        self.product(types, self.outputs[0].elements(), Major::Columns)
    }

    fn product(&self, types: (DataType, DataType), columns: u32, b_major: Major) -> TensorProduct {
        let group = self.config.group();
        TensorProduct { types, rows: ROWS * group.blocks(), columns, b_major, group }
    }
}
