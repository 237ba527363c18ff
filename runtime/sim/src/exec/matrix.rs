//! `ldmatrix`.

use super::access::{check_alignment, locate};
use super::registers::{ALL, lanes};
use crate::fault::AccessKind;
use crate::hazard::Event;
use crate::machine::{Context, Outcome, Warp};
use crate::numeric::matrix::{self, Row};
use crate::program::code::{LoadMatrix, Order, Scope};

/// Bytes of a row.
const ROW: u32 = 16;

impl Warp {
    /// Executes `ldmatrix`: lanes 8i to 8i + 7 give the addresses of the rows of matrix i.
    pub(crate) fn load_matrix(
        &mut self,
        group: usize,
        load: &LoadMatrix,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let matrices = load.destinations.len();
        let addresses = self.addresses(group, &load.address);
        let space = load.address.space;
        let used = active & (ALL >> (32 - 8 * matrices));
        check_alignment(context, AccessKind::Read, space, &addresses, (ROW, used))?;
        context.count_access(AccessKind::Read, space, &addresses, (ROW, used));
        if context.hazards() {
            let event = Event::new(AccessKind::Read, Order::Weak, Scope::Block, ROW);
            self.observe(event, space, &addresses, used, context)?;
        }
        let mut rows = [[[0; 8]; 8]; 4];
        for lane in lanes(used) {
            let (space, address) = locate(space, addresses[lane]);
            let words = self.read(lane, space, address, ROW, context)?;
            let row: Row = std::array::from_fn(|i| (words[i / 2] >> (16 * (i % 2))) as u16);
            rows[lane / 8][lane % 8] = row;
        }
        for (slot, rows) in load.destinations.iter().zip(&rows) {
            self.registers.set(*slot, &matrix::load(rows, load.transposed), active);
        }
        Ok(())
    }
}
