//! A warp: its registers, and its lanes in groups that execute together.

use std::sync::Arc;

use super::block::Block;
use super::cluster_barrier::ClusterBarrier;
use super::flight::Flights;
use super::random::Random;
use super::setup::Run;
use crate::exec::bulk::BulkGroups;
use crate::exec::copy::Copies;
use crate::exec::registers::Registers;
use crate::exec::tcgen05::{Claim, Issues, TensorWaits};
use crate::exec::wgmma::Products;
use crate::hazard::{Agents, Fragments, Undefined, WarpClock};
use crate::memory::LocalMemory;
use crate::program::code::{Detail, Pc, Reduction};
use crate::stats::Tallies;

/// The lanes of a warp and what belongs to them.
#[derive(Debug)]
pub(crate) struct Warp {
    /// Its index in its block.
    pub(crate) index: usize,
    /// The rank of its block in the cluster.
    pub(crate) rank: usize,
    pub(crate) registers: Registers,
    /// For each register by number, the lanes that something wrote; empty where nobody asks.
    pub(crate) written: Vec<u32>,
    /// Lanes that have not exited.
    pub(crate) live: u32,
    pub(crate) groups: Vec<Group>,
    pub(crate) local: LocalMemory,
    pub(crate) copies: Copies,
    pub(crate) bulk: BulkGroups,
    pub(crate) products: Products,
    /// Its operations on tensor memory: those of the queue, and loads and stores.
    pub(crate) issues: Issues,
    pub(crate) tensor_waits: TensorWaits,
    /// What its threads know to have happened.
    pub(crate) clock: WarpClock,
    pub(crate) undefined: Undefined,
    pub(crate) fragments: Fragments,
    /// Instructions executed.
    pub(crate) executed: u64,
    /// Instructions executed by one group while others were ready.
    pub(super) streak: u32,
}

/// Lanes that are at the same instruction of the same call.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) pc: Pc,
    pub(crate) mask: u32,
    /// The call that the lanes are in; none in the entry.
    pub(crate) frame: Option<Arc<Frame>>,
    pub(crate) state: State,
    /// The offset of an mbarrier of which it last found a phase incomplete.
    pub(crate) awaited: Option<u64>,
    /// When it last executed, in instructions of the warp.
    pub(crate) last_run: u64,
    /// The state of its lanes at a backward branch, where a spin is suspected.
    pub(super) snapshot: Option<Box<Snapshot>>,
}

/// Whether a group can execute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Ready,
    /// Waits for other lanes of the warp at an instruction that needs them.
    Parked,
    /// Waits until a barrier has completed more often than this.
    Barrier {
        number: u32,
        phase: u64,
        result: Option<Reduction>,
    },
    /// Waits until its block has registers free for each thread to have this many.
    Registers(u32),
    /// Waits for the barrier of the cluster; whether it then knows what others did.
    ClusterBarrier {
        acquires: bool,
    },
    /// Waits until all warps of its warpgroup have issued this product.
    Products {
        last: u64,
    },
    /// Waits for columns of tensor memory, or for the other block of its pair.
    TensorMemory(Claim),
}

/// A call in progress.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) parent: Option<Arc<Frame>>,
    /// The call instruction; the lanes go on after it.
    pub(crate) call: Pc,
    /// Index of the function called.
    pub(crate) function: u32,
    /// Address in local memory of the function's frame.
    pub(crate) base: u32,
    pub(crate) depth: u32,
    /// The warp's registers as they were, where the function calls itself.
    pub(crate) saved: Option<Registers>,
}

/// What a group's lanes looked like at a backward branch.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) pc: Pc,
    /// [`Context::changes`] at that moment.
    pub(super) changes: u64,
    pub(super) registers: Registers,
    /// Whether the group came back to the same state.
    pub(super) repeats: bool,
    /// Instructions before another state is taken instead.
    pub(super) wait: u64,
    /// When that is.
    pub(super) renew_at: u64,
}

/// What a warp reaches while it executes.
pub(crate) struct Context<'a> {
    pub(crate) run: &'a Run<'a>,
    /// The blocks of the cluster, by rank.
    pub(crate) blocks: &'a mut [Block],
    /// What they have issued that has not landed.
    pub(crate) flights: &'a mut Flights,
    pub(crate) agents: &'a mut Agents,
    pub(crate) cluster_barrier: &'a mut ClusterBarrier,
    /// The rank of the warp's block.
    pub(crate) rank: usize,
    pub(crate) tallies: &'a mut Tallies,
    pub(crate) random: &'a mut Random,
    /// Instructions that the cluster has executed, which is its time.
    pub(crate) now: u64,
    /// Counts what may let a waiting thread go on: stores, arrivals, exits, copies that land.
    pub(crate) changes: &'a mut u64,
    /// Whether the cluster has long done nothing that counts as a change.
    pub(crate) suspicious: bool,
    /// The instruction that executes.
    pub(crate) pc: Pc,
    /// The buffer accessed last, where the next access probably is.
    pub(crate) hint: usize,
}

impl Context<'_> {
    pub(crate) fn block(&mut self) -> &mut Block {
        &mut self.blocks[self.rank]
    }

    /// What is known of the instruction that executes.
    pub(crate) fn detail(&self) -> &Detail {
        &self.run.program.details[self.pc as usize]
    }
}

impl Warp {
    /// The base of the frame that a group is in.
    pub(crate) fn frame_base(&self, group: usize) -> u32 {
        self.groups[group].frame.as_ref().map_or(0, |frame| frame.base)
    }
}

impl Group {
    pub(crate) fn depth(&self) -> u32 {
        self.frame.as_ref().map_or(0, |frame| frame.depth)
    }

    /// Whether two groups are in the same call.
    pub(super) fn same_frame(&self, other: &Self) -> bool {
        same_frame(self.frame.as_ref(), other.frame.as_ref())
    }
}

fn same_frame(a: Option<&Arc<Frame>>, b: Option<&Arc<Frame>>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            Arc::ptr_eq(a, b)
                || a.call == b.call
                    && a.function == b.function
                    && a.base == b.base
                    && a.saved.is_none()
                    && b.saved.is_none()
                    && same_frame(a.parent.as_ref(), b.parent.as_ref())
        }
        _ => false,
    }
}
