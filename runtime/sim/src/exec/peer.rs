//! Accesses to the shared memory of other blocks of the cluster.

use tilewright_codegen::ptx::Space;

use super::access::locate;
use super::registers::{LANES, lanes};
use crate::fault::{AccessKind, FaultKind};
use crate::machine::{Context, Outcome, Raised, Warp};
use crate::memory::window;
use crate::program::code::{Address, Pc};

/// The last access of a thread of the cluster to a block that is not its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    pub(crate) thread: u32,
    pub(crate) time: u32,
    pub(crate) pc: Pc,
}

impl Warp {
    /// Refuses accesses to blocks that may not have started, or have exited.
    pub(super) fn check_peers(
        &mut self,
        address: &Address,
        addresses: &[u64; LANES],
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        if context.blocks.len() == 1 {
            return Ok(());
        }
        for lane in lanes(active) {
            let (Space::Shared, at) = locate(address.space, addresses[lane]) else { continue };
            let rank = (at >> window::RANK_SHIFT) as usize;
            if rank == context.rank || rank >= context.blocks.len() {
                continue;
            }
            if !address.reaches_peers {
                return Err(context.outside(AccessKind::Read, Space::Shared, at, (1, lane)));
            }
            self.visit(rank, lane, context)?;
        }
        Ok(())
    }

    /// Accesses the shared memory of another block.
    fn visit(&mut self, rank: usize, lane: usize, context: &mut Context<'_>) -> Outcome<()> {
        self.check_peer(rank, lane, context)?;
        if context.hazards() {
            let (thread, time) = (self.clock.thread(lane), self.clock.time());
            let visit = Visit { thread, time, pc: context.pc };
            context.blocks[rank].visits.insert(thread, visit);
        }
        Ok(())
    }

    /// Refuses a block that may not have started or has exited; the own one is there.
    pub(crate) fn check_peer(
        &self,
        rank: usize,
        lane: usize,
        context: &Context<'_>,
    ) -> Outcome<()> {
        if rank == context.rank {
            return Ok(());
        }
        let block = context.blocks[rank].index;
        let refuse =
            |problem: &'static str| Err(Raised::new(FaultKind::Peer { block, problem }, 1 << lane));
        if context.blocks[rank].has_exited() {
            return refuse("it has exited");
        }
        if !context.hazards() {
            return Ok(());
        }
        let threads = (context.run.warps_per_block() * LANES) as u32;
        let first = rank as u32 * threads;
        if !self.clock.knows_started(lane, first..first + threads) {
            return refuse(
                "nothing tells that it has started: synchronize the cluster before the first access",
            );
        }
        Ok(())
    }
}

impl Context<'_> {
    /// Refuses to let a block go while others may yet access its shared memory.
    pub(crate) fn check_left_visits(&self, cluster: u32) -> Outcome<()> {
        let block = &self.blocks[self.rank];
        let unordered = block
            .visits
            .values()
            .filter(|visit| !block.left.knows(cluster, visit.thread, visit.time))
            .min_by_key(|visit| visit.thread);
        let Some(visit) = unordered else { return Ok(()) };
        let problem = "it may exit before this access: synchronize the cluster before the end";
        let mut raised = Raised::new(FaultKind::Peer { block: block.index, problem }, 0);
        raised.site = Some(self.run.site_of(cluster, visit.thread as usize, visit.pc));
        Err(raised)
    }
}
