//! `tcgen05`: tensor memory, and the operations of the tensor cores on it.
//!
//! Warps move their registers to and from it (`registers`), and single threads put matrix products,
//! copies from shared memory and shifts on a queue (`queue`).
//!
//! # How an operation gets on the queue
//!
//! The two blocks of a pair share one queue. What is on it lands in the order of issue, at moments
//! that the seed chooses, and `tcgen05.commit` is on it too. To issue an operation, a thread
//!
//! 1. begins it: [`Warp::begin_tensor_operation`] gives an [`Issued`];
//! 2. names what it accesses, which is where faults and hazards are found: tensor memory by
//!    [`Warp::access_tensor`], shared memory by [`Warp::observe_async`] with [`Issued::operation`];
//! 3. enqueues it, as something that implements [`Landing`]: [`Warp::enqueue_tensor_operation`].
//!
//! ```text
//! let issued = self.begin_tensor_operation(lane, Stage::Product(key), pair, context)?;
//! self.access_tensor(&issued.access, AccessKind::CopyRead, &a, context)?;
//! self.access_tensor(&issued.access, AccessKind::CopyWrite, &d, context)?;
//! let bytes = Bytes::Shared { rank, offset, size: 16 };                // for each unit of B
//! self.observe_async(&issued.operation, AccessKind::CopyRead, bytes, lane, context)?;
//! self.enqueue_tensor_operation(issued, Box::new(Product { .. }), context)
//! ```
//!
//! A [`TensorRegion`] names cells of the executing block or of its peer by rank, lanes and columns.
//! When the operation lands, [`Landing::land`] finds the cells in
//! `context.blocks[rank].tensor.memory`, a column of 128 lanes at a time: `column`, `column_mut`.
//! Regions that `access_tensor` has let pass are there then.
//!
//! What an operation makes of cells or bytes that nothing wrote is undefined: it takes the cells that it
//! writes for unwritten when it is issued (`undefined`), as flags of what is written follow the order of
//! issue.

mod allocate;
pub(crate) mod copy;
mod mma;
mod queue;
mod registers;
pub(crate) mod shape;
mod shift;
mod undefined;

pub(crate) use allocate::{Claim, Tensor};
pub(crate) use queue::{Issues, Landing};
pub(crate) use registers::TensorWaits;

use super::registers::{LANES, Slot};
use crate::fault::{AccessKind, FaultKind, TensorAccess};
use crate::hazard::{Proxy, TensorAccessor};
use crate::machine::{Context, Next, Outcome, Raised, Warp};
use crate::memory::tensor::TensorRegion;
use crate::program::tcgen05::Tcgen05;

impl Warp {
    /// Executes a `tcgen05` instruction.
    pub(crate) fn tcgen05(
        &mut self,
        group: usize,
        instruction: &Tcgen05,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<Next> {
        match instruction {
            Tcgen05::Allocate { pair, destination, columns } => {
                return self.allocate_columns(group, (*pair, *columns), destination, context);
            }
            Tcgen05::Deallocate { pair, address, columns } => {
                return self.deallocate_columns(group, *pair, (*address, *columns), context);
            }
            Tcgen05::Relinquish => context.block().tensor.relinquished = true,
            Tcgen05::Load(load) => self.load_tensor(group, load, context)?,
            Tcgen05::Store(store) => self.store_tensor(group, store, context)?,
            Tcgen05::Wait { stores } => self.wait_tensor(*stores),
            Tcgen05::Fence { before } => self.fence_tensor(*before, active, context),
            Tcgen05::Copy(copy) => self.copy_to_tensor(group, copy, active, context)?,
            Tcgen05::Shift { pair, address } => {
                self.shift_tensor(group, (*pair, address), active, context)?;
            }
            Tcgen05::Commit(commit) => self.commit(group, commit, active, context)?,
            Tcgen05::Multiply(multiply) => {
                self.multiply_tensor(group, multiply, active, context)?;
            }
        }
        self.groups[group].pc += 1;
        Ok(Next::Go)
    }

    /// `tcgen05.fence`, which only a lint asks for.
    fn fence_tensor(&mut self, before: bool, active: u32, context: &Context<'_>) {
        let asked = context.hazards() && context.run.options.lints.unfenced_tensor_memory;
        match (asked, before) {
            (false, _) => {}
            (true, true) => self.clock.fence_proxy(active, &[Proxy::TensorBefore]),
            (true, false) => self.clock.fence_tensor_after(active),
        }
    }

    /// The value of a register that must be the same in all lanes of the warp.
    fn common(&self, slot: Slot<u32>, what: &str) -> Outcome<u32> {
        let values = self.registers.get(slot);
        let differing = (0..LANES).filter(|&lane| values[lane] != values[0]);
        match differing.fold(0, |mask, lane| mask | 1 << lane) {
            0 => Ok(values[0]),
            lanes => Err(Raised::undefined(format!("{what} differs between lanes"), lanes)),
        }
    }

    /// Looks at an access to tensor memory: its cells must be allocated, and nothing that it conflicts
    /// with be under way.
    pub(crate) fn access_tensor(
        &mut self,
        accessor: &TensorAccessor,
        kind: AccessKind,
        region: &TensorRegion,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let memory = &context.blocks[region.rank].tensor.memory;
        if !memory.contains(region) {
            let problem = format!("it lies outside of what is allocated: {}", memory.describe());
            return Err(refuse(kind, region, problem, accessor.lanes));
        }
        match context.hazards() {
            true => self.observe_tensor(accessor, kind, region, context),
            false => Ok(()),
        }
    }
}

/// The fault of an access to tensor memory.
pub(crate) fn refuse(
    kind: AccessKind,
    region: &TensorRegion,
    problem: String,
    lanes: u32,
) -> Box<Raised> {
    Raised::new(FaultKind::TensorMemory { access: TensorAccess::new(kind, region), problem }, lanes)
}

/// The rank of the other block of a pair, where the cluster has it.
fn peer(context: &Context<'_>, active: u32) -> Outcome<usize> {
    let peer = context.rank ^ 1;
    if peer < context.blocks.len() {
        return Ok(peer);
    }
    let count = context.blocks.len();
    let what = format!(
        "cta_group::2 needs the two blocks whose ranks differ in the last bit; the cluster has {count}"
    );
    Err(Raised::undefined(what, active))
}
