//! `tcgen05.shift`: rows of a matrix in tensor memory move down by one.

use super::super::registers::lanes;
use super::{Landing, refuse};
use crate::fault::AccessKind;
use crate::hazard::Stage;
use crate::machine::{Context, Outcome, Warp};
use crate::memory::tensor::{QUARTER, TENSOR_LANES, TensorAddress, TensorRegion, lane_mask};
use crate::program::code::Address;

/// Columns of the elements that move, which have 32 bytes.
const COLUMNS: u32 = 8;

/// The rows from a lane on, of the blocks given by rank: each moves to the lane after it, but the
/// last one, which has none.
#[derive(Debug)]
struct Shift {
    ranks: Vec<usize>,
    lane: usize,
    column: u32,
}

impl Warp {
    /// Executes `tcgen05.shift`.
    pub(super) fn shift_tensor(
        &mut self,
        group: usize,
        (pair, address): (bool, &Address),
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let addresses = self.addresses(group, address);
        for thread in lanes(active) {
            let TensorAddress { lane, column } = TensorAddress::new(addresses[thread] as u32);
            let issued = self.begin_tensor_operation(thread, Stage::Shift, pair, context)?;
            let ranks: Vec<usize> = issued.ranks(context).collect();
            let rows = |rank, first: u32| TensorRegion {
                rank,
                lanes: lane_mask(first, TENSOR_LANES as u32 - 1 - lane.min(127)),
                column,
                columns: COLUMNS,
            };
            if !(lane as usize).is_multiple_of(QUARTER) || lane as usize >= TENSOR_LANES {
                let problem = format!("its lane is {lane}; expected 0, 32, 64 or 96");
                let region = TensorRegion { lanes: u128::MAX, ..rows(context.rank, 0) };
                return Err(refuse(AccessKind::CopyWrite, &region, problem, 1 << thread));
            }
            for &rank in &ranks {
                self.access_tensor(
                    &issued.access,
                    AccessKind::CopyRead,
                    &rows(rank, lane),
                    context,
                )?;
                let columns = column..column + COLUMNS;
                let memory = &context.blocks[rank].tensor.memory;
                let unwritten: Vec<_> =
                    columns.clone().map(|i| memory.unwritten_lanes(i)).collect();
                let to = rows(rank, lane + 1);
                self.access_tensor(&issued.access, AccessKind::CopyWrite, &to, context)?;
                for (column, unwritten) in columns.zip(unwritten) {
                    let lanes = unwritten << 1 & to.lanes;
                    let region = TensorRegion { lanes, column, columns: 1, ..to };
                    context.blocks[rank].tensor.memory.mark_unwritten(&region);
                }
            }
            let shift = Shift { ranks, lane: lane as usize, column };
            self.enqueue_tensor_operation(issued, Box::new(shift), context)?;
        }
        Ok(())
    }
}

impl Landing for Shift {
    fn land(&self, context: &mut Context<'_>) -> Outcome<()> {
        for &rank in &self.ranks {
            let memory = &mut context.blocks[rank].tensor.memory;
            for column in self.column..self.column + COLUMNS {
                let cells = memory.column_mut(column);
                cells.copy_within(self.lane..TENSOR_LANES - 1, self.lane + 1);
            }
        }
        Ok(())
    }
}
