//! Control flow: how the lanes of a warp part and come together again.
//!
//! A warp starts as one group of lanes. Where lanes go different ways, the group splits; groups
//! that reach the same instruction of the same call become one again. Of the groups that can
//! execute, the one in the deepest call and at the lowest instruction goes first, which brings
//! them together where their ways meet; a group that has long been passed over goes in between, so
//! that lanes may wait for each other. Instructions that need other lanes park their group until
//! those arrive, so that convergence never depends on the order of groups.

use super::raise::{Outcome, Raised};
use super::step::Next;
use super::warp::{Context, Group, State, Warp};
use crate::exec::registers::{Slot, lanes};
use crate::program::code::{Pc, Reduction};

/// Instructions that a group executes before one that is passed over gets its turn.
const STREAK: u32 = 4096;
/// Instructions of such a turn.
const TURN: u32 = 256;

impl Warp {
    /// The group to execute next; none while all wait.
    pub(super) fn select(&mut self, context: &mut Context<'_>) -> Outcome<Option<usize>> {
        if let [Group { state: State::Ready, .. }] = self.groups[..] {
            return Ok(Some(0));
        }
        for i in 0..self.groups.len() {
            self.wake(i, context);
        }
        let ready = || {
            let groups = self.groups.iter().enumerate();
            groups.filter(|(_, group)| group.state == State::Ready)
        };
        let first = ready().min_by_key(|(_, group)| (u32::MAX - group.depth(), group.pc));
        let Some((first, _)) = first else {
            self.check_parked(context)?;
            return Ok(None);
        };
        if self.groups.len() == 1 {
            self.streak = 0;
            return Ok(Some(first));
        }
        self.streak += 1;
        if self.streak < STREAK {
            return Ok(Some(first));
        }
        let oldest = ready().min_by_key(|(_, group)| group.last_run).map_or(first, |(i, _)| i);
        if self.streak > STREAK + TURN {
            self.streak = 0;
            self.groups[oldest].last_run = self.executed;
        }
        Ok(Some(oldest))
    }

    /// Gives the turn to groups that were passed over.
    pub(super) fn end_streak(&mut self) {
        self.streak = self.streak.max(STREAK - 1);
    }

    /// Lets a group go on that has what it waited for.
    fn wake(&mut self, group: usize, context: &mut Context<'_>) {
        let arrived = match self.groups[group].state {
            State::Ready | State::Parked => false,
            State::Barrier { number, phase, result } => {
                self.leave_barrier(group, (number, phase, result), context)
            }
            State::Registers(wanted) => self.take_registers(wanted, context),
            State::ClusterBarrier { acquires } => {
                self.leave_cluster_barrier(group, acquires, context)
            }
            State::TensorMemory(claim) => {
                if self.may_claim(&claim, context) {
                    self.groups[group].state = State::Ready;
                }
                false
            }
            State::Products { last } => {
                if self.is_issued(last, context) {
                    // The instruction that waited finds it issued now.
                    self.groups[group].state = State::Ready;
                }
                false
            }
        };
        if arrived {
            self.groups[group].state = State::Ready;
            self.groups[group].pc += 1;
        }
    }

    /// Takes what a barrier came to, if it has completed.
    fn leave_barrier(
        &mut self,
        group: usize,
        (number, phase, result): (u32, u64, Option<Reduction>),
        context: &mut Context<'_>,
    ) -> bool {
        if context.block().phase(number) == phase {
            return false;
        }
        if let Some(outcome) = context.block().read_outcome(number, phase) {
            let mask = self.groups[group].mask;
            if let Some(reduction) = result {
                self.finish_reduction(reduction, outcome.tally, mask);
            }
            if context.hazards() {
                self.clock.learn(mask, &outcome.clocks);
            }
        }
        true
    }

    /// Joins a group with one at the same instruction, if there is one.
    pub(super) fn settle(&mut self, group: usize) {
        let this = &self.groups[group];
        let joins = |other: &Group| {
            other.pc == this.pc
                && matches!(other.state, State::Ready | State::Parked)
                && other.same_frame(this)
        };
        let found = (0..self.groups.len()).find(|&i| i != group && joins(&self.groups[i]));
        if let Some(other) = found {
            let mask = self.groups[group].mask;
            let other = &mut self.groups[other];
            other.mask |= mask;
            other.state = State::Ready;
            self.groups.remove(group);
        }
    }

    /// Moves some lanes of a group into a group of their own at `pc`.
    pub(super) fn split(&mut self, group: usize, lanes: u32, pc: Pc, state: State) {
        let mut part = self.groups[group].clone();
        self.groups[group].mask &= !lanes;
        (part.mask, part.pc, part.state, part.snapshot) = (lanes, pc, state, None);
        self.groups.push(part);
    }

    /// Joins every group that can be; the last step of whatever splits groups.
    pub(super) fn settle_all(&mut self) {
        let mut i = 0;
        while i < self.groups.len() {
            let count = self.groups.len();
            self.settle(i);
            if self.groups.len() == count {
                i += 1;
            }
        }
    }

    /// `bra`.
    pub(super) fn branch(
        &mut self,
        group: usize,
        target: Pc,
        active: u32,
        context: &mut Context<'_>,
    ) -> Next {
        let mask = self.groups[group].mask;
        if active == mask {
            let backward = target <= self.groups[group].pc;
            self.groups[group].pc = target;
            if backward && context.suspicious {
                self.suspect(group, context);
            }
            return Next::Go;
        }
        self.split(group, active, target, State::Ready);
        self.groups[group].pc += 1;
        self.settle_all();
        Next::Select
    }

    /// `brx.idx`.
    pub(super) fn branch_table(
        &mut self,
        group: usize,
        index: Slot<u32>,
        targets: &[Pc],
        active: u32,
    ) -> Outcome<Next> {
        let indices = *self.registers.get(index);
        let mut left = active;
        while left != 0 {
            let lane = left.trailing_zeros() as usize;
            let index = indices[lane];
            let Some(&target) = targets.get(index as usize) else {
                let what = format!("brx.idx index {index}, with {} targets", targets.len());
                return Err(Raised::undefined(what, 1 << lane));
            };
            let together = lanes(left).filter(|&l| indices[l] == index).fold(0, |m, l| m | 1 << l);
            self.split(group, together, target, State::Ready);
            left &= !together;
        }
        self.leave(group);
        Ok(Next::Select)
    }

    /// Lets what is left of a group go past the instruction whose lanes went elsewhere.
    pub(super) fn leave(&mut self, group: usize) {
        if self.groups[group].mask == 0 {
            self.groups.remove(group);
        } else {
            self.groups[group].pc += 1;
        }
        self.settle_all();
    }

    /// `exit`.
    pub(super) fn exit(
        &mut self,
        group: usize,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<Next> {
        self.check_left(active, context)?;
        self.check_left_groups(active, context)?;
        self.live &= !active;
        if self.live == 0 {
            self.check_registers_left(active, context)?;
        }
        self.groups[group].mask &= !active;
        *context.changes += 1;
        if self.groups[group].mask == 0 {
            self.groups.remove(group);
        } else {
            self.groups[group].pc += 1;
        }
        // Those who waited for the lanes that are gone may be complete now.
        for group in &mut self.groups {
            if group.state == State::Parked {
                group.state = State::Ready;
            }
        }
        if context.blocks.len() > 1 && context.hazards() {
            let clocks = self.clock.publish(active);
            context.block().left.join(&clocks);
        }
        let (index, live) = (self.index, self.live);
        context.block().note_exit(index, live);
        context.cluster_barrier.complete_if_full(context.blocks);
        Ok(Next::Select)
    }
}
