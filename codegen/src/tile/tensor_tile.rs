use thiserror::Error;

use crate::dsl::{Builder, TENSOR_COLUMNS, TensorAddress, TensorOperand, WARPGROUP};

/// Bytes of a column of a lane.
const COLUMN_BYTES: u32 = 4;

/// Columns of one step of an A operand: 32 bytes.
const STEP_COLUMNS: u32 = 8;

/// A matrix of 128 rows in tensor memory, row r in lane r. Elements of less than 32 bits share a
/// column, the first in the low bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorTile {
    first_column: u32,
    elements: u32,
    element_bytes: u32,
}

/// What lies where in tensor memory: tiles follow each other.
#[derive(Clone, Copy, Debug, Default)]
pub struct TensorPlan {
    columns: u32,
}

/// Why a tile has no place in tensor memory.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TensorTileError {
    /// Elements do not fill columns.
    #[error(
        "{elements} elements of {element_bytes} bytes a row; expected whole columns of 4 bytes"
    )]
    PartOfColumn {
        /// Elements of a row.
        elements: u32,
        /// Bytes of an element.
        element_bytes: u32,
    },
    /// There are no more columns.
    #[error("tensor memory has {TENSOR_COLUMNS} columns; expected no more than that, found {0}")]
    Full(u32),
    /// A tile over another is larger than it.
    #[error("columns {skipped} to {end} of a tile of {columns}; expected a part of it")]
    Outside {
        /// Columns before.
        skipped: u32,
        /// Column after the last.
        end: u32,
        /// Columns that there are.
        columns: u32,
    },
}

impl TensorPlan {
    /// Places a tile of `elements` elements a row behind those before.
    ///
    /// # Errors
    ///
    /// Where it does not fill whole columns, or there are not as many left.
    pub fn place(
        &mut self,
        elements: u32,
        element_bytes: u32,
    ) -> Result<TensorTile, TensorTileError> {
        let tile = TensorTile::new(self.columns, elements, element_bytes)?;
        self.columns += tile.columns();
        Ok(tile)
    }

    /// Columns to allocate: those of all tiles, rounded up to a power of two that can be had.
    pub fn allocated(&self) -> u32 {
        self.columns.next_power_of_two().max(32)
    }
}

impl TensorTile {
    fn new(first_column: u32, elements: u32, element_bytes: u32) -> Result<Self, TensorTileError> {
        if !(elements * element_bytes).is_multiple_of(COLUMN_BYTES) {
            return Err(TensorTileError::PartOfColumn { elements, element_bytes });
        }
        let tile = Self { first_column, elements, element_bytes };
        match tile.end() {
            end if end > TENSOR_COLUMNS => Err(TensorTileError::Full(end)),
            _ => Ok(tile),
        }
    }

    /// A tile in the place of a part of this one, from its column `skipped` on: probabilities over
    /// the scores that they were computed from.
    ///
    /// # Errors
    ///
    /// Where it does not fill whole columns, or is not within this one.
    pub fn over(
        &self,
        skipped: u32,
        elements: u32,
        element_bytes: u32,
    ) -> Result<TensorTile, TensorTileError> {
        let tile = Self::new(self.first_column + skipped, elements, element_bytes)?;
        let (end, columns) = (skipped + tile.columns(), self.columns());
        match end > columns {
            true => Err(TensorTileError::Outside { skipped, end, columns }),
            false => Ok(tile),
        }
    }

    /// Columns that it takes.
    pub const fn columns(&self) -> u32 {
        self.elements * self.element_bytes / COLUMN_BYTES
    }

    /// Elements of a row.
    pub const fn elements(&self) -> u32 {
        self.elements
    }

    const fn end(&self) -> u32 {
        self.first_column + self.columns()
    }

    /// Its place in the tensor memory that begins at `base`.
    pub fn at<'k>(&self, base: TensorAddress<'k>) -> TensorAddress<'k> {
        base.column(self.first_column)
    }

    /// Its rows that this warp reads and writes, from column `column` of the tile on.
    pub fn of_warp<'k>(&self, k: &'k Builder, base: TensorAddress<'k>) -> TensorAddress<'k> {
        let warp = (k.thread_index().x % WARPGROUP / 32).of_first_lane();
        self.at(base).add_lanes(warp * 32_u32)
    }

    /// The tile as an A operand, by depth step of 32 bytes.
    pub fn steps<'k>(&self, base: TensorAddress<'k>) -> Vec<TensorOperand<'k>> {
        let steps = 0..self.columns() / STEP_COLUMNS;
        let step = |step| TensorOperand::Tensor(self.at(base).column(step * STEP_COLUMNS));
        steps.map(step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T>(found: Result<T, TensorTileError>, expected: &str) {
        let found = found.map_or_else(|error| error.to_string(), |_| "ok".into());
        assert_eq!(found, expected);
    }

    #[test]
    fn tiles_follow_each_other_as_far_as_there_are_columns() {
        let mut plan = TensorPlan::default();
        let places = [128, 128, 192].map(|n| plan.place(n, 4).unwrap().first_column);
        assert_eq!((places, plan.allocated()), ([0, 128, 256], 512));
        check(plan.place(128, 2), "ok");
        check(
            plan.place(8, 4),
            "tensor memory has 512 columns; expected no more than that, found 520",
        );
        check(
            TensorPlan::default().place(3, 2),
            "3 elements of 2 bytes a row; expected whole columns of 4 bytes",
        );
    }

    #[test]
    fn a_tile_lies_over_part_of_another() {
        let scores = TensorPlan::default().place(128, 4).unwrap();
        let probabilities = scores.over(64, 128, 2).unwrap();
        assert_eq!((probabilities.first_column, probabilities.columns()), (64, 64));
        check(scores.over(65, 128, 2), "columns 65 to 129 of a tile of 128; expected a part of it");
    }
}
