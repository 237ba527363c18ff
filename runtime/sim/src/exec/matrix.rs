//! `ldmatrix` and `stmatrix`.

use super::access::{check_alignment, locate};
use super::registers::{ALL, lanes};
use crate::fault::AccessKind;
use crate::hazard::Event;
use crate::machine::{Context, Outcome, Warp};
use crate::numeric::matrix::{self, Row};
use crate::program::code::{LoadMatrix, Order, Scope, StoreMatrix};

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

    /// Executes `stmatrix`: lanes 8i to 8i + 7 give the addresses of the rows of matrix i.
    pub(crate) fn store_matrix(
        &mut self,
        group: usize,
        store: &StoreMatrix,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let addresses = self.addresses(group, &store.address);
        let space = store.address.space;
        let used = active & (ALL >> (32 - 8 * store.sources.len()));
        check_alignment(context, AccessKind::Write, space, &addresses, (ROW, used))?;
        context.count_access(AccessKind::Write, space, &addresses, (ROW, used));
        for (i, &slot) in store.sources.iter().enumerate() {
            let rows = matrix::store(self.registers.get(slot), store.transposed);
            for (lane, row) in (8 * i..).zip(&rows) {
                let mut words = [0; 8];
                for (word, pair) in words.iter_mut().zip(row.as_chunks::<2>().0) {
                    *word = u32::from(pair[1]) << 16 | u32::from(pair[0]);
                }
                if context.hazards() {
                    let event = Event::new(AccessKind::Write, Order::Weak, Scope::Block, ROW);
                    self.observe(event.writing(&words), space, &addresses, 1 << lane, context)?;
                }
                let (space, address) = locate(space, addresses[lane]);
                self.write(lane, space, address, (ROW, &words), context)?;
            }
        }
        Ok(())
    }
}
