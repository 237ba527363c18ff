//! Barriers, fences and the end of a spin, as a warp executes them.

use super::block::{Arrival, Tally};
use super::raise::{Outcome, Raised};
use super::step::Next;
use super::warp::{Context, Snapshot, State, Warp};
use crate::exec::registers::{LANES, lanes};
use crate::fault::{FaultKind, Site};
use crate::hazard::Proxy;
use crate::program::code::{Barrier, BarrierKind, Fence, MoveFragment, Pc, Reduction, Scope};

impl Warp {
    /// `bar` and `barrier`.
    pub(super) fn barrier(
        &mut self,
        group: usize,
        barrier: &Barrier,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<Next> {
        let number = self.uniform(barrier.number, active, "barrier number")?;
        let threads = match barrier.threads {
            Some(slot) => Some(self.uniform(slot, active, "thread count")?),
            None => None,
        };
        let (votes, result) = match &barrier.kind {
            BarrierKind::Reduce { operation, condition } => {
                (Some(self.registers.holds(*condition)), Some(*operation))
            }
            _ => (None, None),
        };
        if let (BarrierKind::Arrive, None) = (&barrier.kind, threads) {
            let problem = "an arrival needs a thread count".into();
            return Err(Raised::new(FaultKind::Barrier { barrier: number, problem }, active));
        }
        *context.changes += 1;
        let warp = self.index;
        let waits = !matches!(barrier.kind, BarrierKind::Arrive);
        let clocks = context.hazards().then(|| self.clock.publish(active));
        let arrival = Arrival { number, threads, warp, lanes: active, votes, waits, clocks };
        let phase = context.block().arrive(arrival)?;
        if let BarrierKind::Arrive = barrier.kind {
            self.groups[group].pc += 1;
            return Ok(Next::Go);
        }
        let pc = self.groups[group].pc;
        let waiting = State::Barrier { number, phase, result };
        if active == self.groups[group].mask {
            self.groups[group].state = waiting;
        } else {
            self.split(group, active, pc, waiting);
            self.groups[group].pc += 1;
        }
        Ok(Next::Select)
    }

    /// The value of a register that must be the same in every lane.
    fn uniform(
        &self,
        slot: crate::exec::registers::Slot<u32>,
        active: u32,
        what: &str,
    ) -> Outcome<u32> {
        let values = self.registers.get(slot);
        let value = values[active.trailing_zeros() as usize];
        if lanes(active).any(|lane| values[lane] != value) {
            return Err(Raised::undefined(format!("the {what} differs between lanes"), active));
        }
        Ok(value)
    }

    /// Writes what a reduction over a barrier came to.
    pub(super) fn finish_reduction(&mut self, reduction: Reduction, tally: Tally, mask: u32) {
        let truth = |holds: bool| if holds { u32::MAX } else { 0 };
        match reduction {
            Reduction::Count(slot) => self.registers.set(slot, &[tally.held; LANES], mask),
            Reduction::And(slot) => {
                self.registers.set_predicate(slot, truth(tally.held == tally.threads), mask);
            }
            Reduction::Or(slot) => self.registers.set_predicate(slot, truth(tally.held > 0), mask),
        }
    }

    /// `membar` and `fence`.
    pub(super) fn fence(&mut self, fence: Fence, active: u32, context: &mut Context<'_>) {
        if context.hazards() {
            self.clock.fence(active, fence.scope);
        }
    }

    /// `fence.proxy` and `fence.mbarrier_init`.
    pub(super) fn fence_proxy(
        &mut self,
        proxies: &[Proxy],
        active: u32,
        context: &mut Context<'_>,
    ) {
        if context.hazards() {
            self.clock.fence_proxy(active, proxies);
        }
    }

    /// `barrier.cluster.arrive`.
    pub(super) fn cluster_arrive(
        &mut self,
        releases: bool,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        *context.changes += 1;
        let clocks = context.hazards().then(|| match releases {
            true => self.clock.publish(active),
            false => self.clock.publish_relaxed(active, Scope::Cluster),
        });
        let warp = (self.rank, self.index);
        context
            .cluster_barrier
            .arrive(warp, active, clocks, context.blocks)
            .map_err(|problem| Raised::new(FaultKind::ClusterBarrier(problem), active))
    }

    /// `barrier.cluster.wait`.
    pub(super) fn cluster_wait(
        &mut self,
        group: usize,
        acquires: bool,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<Next> {
        if !context.cluster_barrier.may_wait((self.rank, self.index), active) {
            let problem = "a thread waits without having arrived";
            return Err(Raised::new(FaultKind::ClusterBarrier(problem), active));
        }
        let waiting = State::ClusterBarrier { acquires };
        if active == self.groups[group].mask {
            self.groups[group].state = waiting;
        } else {
            let pc = self.groups[group].pc;
            self.split(group, active, pc, waiting);
            self.groups[group].pc += 1;
        }
        Ok(Next::Select)
    }

    /// Learns what the barrier of the cluster tells, if it has completed.
    pub(super) fn leave_cluster_barrier(
        &mut self,
        group: usize,
        acquires: bool,
        context: &mut Context<'_>,
    ) -> bool {
        let mask = self.groups[group].mask;
        let Some(clocks) = context.cluster_barrier.wait((self.rank, self.index), mask) else {
            return false;
        };
        if context.hazards() && acquires {
            self.clock.learn(mask, &clocks);
        }
        true
    }

    /// `wgmma.wait_group`.
    pub(super) fn wait_products(
        &mut self,
        group: usize,
        most: u32,
        active: u32,
        context: &mut Context<'_>,
    ) -> Next {
        let last = self.products.last_covered(most);
        if let Some(last) = last.filter(|&last| !self.is_issued(last, context)) {
            return self.await_issue(group, last, active, context);
        }
        self.end_wait(most, context);
        self.groups[group].pc += 1;
        Next::Go
    }

    /// `mov` of accumulators. Compilers move them before they wait, which ptxas puts right by
    /// waiting there: what is moved is the sum, which may be used after the wait only.
    pub(super) fn move_fragment(
        &mut self,
        group: usize,
        moved: &MoveFragment,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<Next> {
        if let Some(last) = self.last_accumulating(&moved.sources, context) {
            if !self.is_issued(last, context) {
                return Ok(self.await_issue(group, last, active, context));
            }
            self.land_products(Some(last), context);
        }
        self.move_undefined(&moved.compute, active, context);
        self.groups[group].pc += 1;
        Ok(Next::Go)
    }

    /// Waits for the other warps of the warpgroup to issue a product; the instruction is then
    /// executed again.
    fn await_issue(
        &mut self,
        group: usize,
        last: u64,
        active: u32,
        context: &mut Context<'_>,
    ) -> Next {
        self.wait_to_execute_again(group, State::Products { last }, active, context)
    }

    /// Waits, and then executes the instruction as if it had not been executed yet.
    pub(crate) fn wait_to_execute_again(
        &mut self,
        group: usize,
        state: State,
        active: u32,
        context: &mut Context<'_>,
    ) -> Next {
        self.groups[group].state = state;
        self.executed -= 1;
        context.now -= 1;
        let count = &mut context.tallies.instructions[context.pc as usize];
        count.warps -= 1;
        count.threads -= u64::from(active.count_ones());
        Next::Select
    }

    /// `bar.warp.sync`, whose lanes are all here.
    pub(crate) fn warp_sync(&mut self, active: u32, context: &mut Context<'_>) {
        if context.hazards() {
            let clocks = self.clock.publish(active);
            self.clock.learn(active, &clocks);
        }
    }

    /// Looks whether a group that branched back is where it was, with nothing changed since.
    pub(super) fn suspect(&mut self, group: usize, context: &Context<'_>) {
        let Self { groups, registers, .. } = self;
        let this = &mut groups[group];
        let is_known = |s: &Snapshot| s.repeats && s.changes == *context.changes;
        if this.snapshot.as_deref().is_some_and(is_known) {
            return;
        }
        let same = this.snapshot.as_ref().is_some_and(|snapshot| {
            snapshot.pc == this.pc
                && snapshot.changes == *context.changes
                && registers.equal(&snapshot.registers, this.mask)
        });
        if let Some(snapshot) = this.snapshot.as_mut().filter(|_| same) {
            snapshot.repeats = true;
        } else if this.snapshot.as_ref().is_none_or(|snapshot| {
            snapshot.changes != *context.changes || context.now >= snapshot.renew_at
        }) {
            // Brent's method: the wait for a repetition doubles, so that a cycle of any length,
            // over any number of branches, is found.
            let wait = this.snapshot.as_ref().map_or(64, |s| s.wait.saturating_mul(2));
            this.snapshot = Some(Box::new(Snapshot {
                pc: this.pc,
                changes: *context.changes,
                registers: registers.clone(),
                repeats: false,
                wait,
                renew_at: context.now + wait,
            }));
        }
    }

    /// Whether no group can change its state before something else changes.
    pub(super) fn is_stuck(&self, changes: u64) -> bool {
        self.groups.iter().all(|group| match group.state {
            State::Ready => {
                group.snapshot.as_ref().is_some_and(|s| s.repeats && s.changes == changes)
            }
            State::Parked
            | State::Barrier { .. }
            | State::ClusterBarrier { .. }
            | State::Products { .. }
            | State::TensorMemory(_)
            | State::Registers(_) => true,
        })
    }

    /// An instruction of this warp, for messages.
    pub(crate) fn site(&self, context: &Context<'_>, pc: Pc, lanes: u32) -> Site {
        let block = context.blocks[context.rank].index;
        Site::new(context.run.program, pc, block, self.index, lanes)
    }
}
