//! The run loop of a warp.

use super::converge::Convergent;
use super::raise::{Outcome, Raised};
use super::warp::{Context, Warp};
use crate::exec::registers::{ALL, AnySlot};
use crate::fault::FaultKind;
use crate::program::code::{Action, Convergence, Instruction};
use tilewright_codegen::ptx::SpecialRegister;

/// What a group does after an instruction.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It goes on at its program counter.
    Go,
    /// Another group of the warp may have to go first.
    Select,
    /// Another warp should go first.
    Yield,
}

/// Nanoseconds that `%globaltimer` advances by for each instruction of a cluster.
const NANOSECONDS: u64 = 1;

impl Warp {
    /// Executes up to `quantum` instructions; how many it was. None means that the warp waits.
    pub(super) fn run(&mut self, context: &mut Context<'_>, quantum: u32) -> Outcome<u32> {
        let begin = self.executed;
        let end = begin + u64::from(quantum);
        while self.executed < end && self.live != 0 {
            let Some(group) = self.select(context)? else { break };
            if self.run_group(group, end, context)? == Next::Yield {
                break;
            }
        }
        Ok((self.executed - begin) as u32)
    }

    /// Executes a group until it waits, its warp's groups change, or `end`.
    fn run_group(&mut self, group: usize, end: u64, context: &mut Context<'_>) -> Outcome<Next> {
        let program = context.run.program;
        while self.executed < end {
            let pc = self.groups[group].pc;
            let mask = self.groups[group].mask;
            context.pc = pc;
            let instruction = &program.code[pc as usize];
            let hazards = !self.written.is_empty();
            if self.has_detours() {
                self.end_detours(pc, mask);
            }
            let active = match instruction.guard {
                Some(guard) if hazards => self.guarded((instruction, guard), mask, context)?,
                Some(guard) => mask & self.registers.holds(guard),
                None => mask,
            };
            self.executed += 1;
            context.now += 1;
            let count = &mut context.tallies.instructions[pc as usize];
            count.warps += 1;
            count.threads += u64::from(if active == ALL { 32 } else { active.count_ones() });
            if active == 0 {
                self.groups[group].pc += 1;
                if self.groups.len() > 1 {
                    self.settle(group);
                    return Ok(Next::Select);
                }
                continue;
            }
            if !matches!(instruction.convergence, Convergence::Free) {
                match self.converge(group, instruction.convergence, active)? {
                    Convergent::Complete => {}
                    Convergent::Regrouped => {
                        // It did not execute: it will when its lanes are together.
                        self.executed -= 1;
                        context.now -= 1;
                        let count = &mut context.tallies.instructions[pc as usize];
                        count.warps -= 1;
                        count.threads -= u64::from(active.count_ones());
                        return Ok(Next::Select);
                    }
                }
            }
            let detours = self.has_detours();
            if detours {
                self.check_detour(instruction, active, context)?;
            }
            let executed = hazards && self.check_registers(instruction, active, context)?;
            let next = match executed {
                true => {
                    self.groups[group].pc += 1;
                    Next::Go
                }
                false => self.execute(group, instruction, active, context)?,
            };
            if detours {
                self.leave_detour_undefined(active, context);
            }
            if next != Next::Go {
                return Ok(next);
            }
            if self.groups.len() > 1 {
                self.settle(group);
                return Ok(Next::Select);
            }
        }
        Ok(Next::Select)
    }

    /// Executes one instruction for the lanes `active`, which are not none.
    fn execute(
        &mut self,
        group: usize,
        instruction: &Instruction,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<Next> {
        match &instruction.action {
            Action::Compute(compute) => compute(&mut self.registers, active),
            Action::MoveFragment(moved) => {
                return self.move_fragment(group, moved, active, context);
            }
            Action::Exchange(exchange) => {
                self.exchange(instruction.convergence, exchange, active)?;
            }
            Action::Load(load) => self.load(group, load, active, context)?,
            Action::Store(store) => self.store(group, store, active, context)?,
            Action::Atomic(atomic) => self.atomic(group, atomic, active, context)?,
            Action::LoadMatrix(load) => self.load_matrix(group, load, active, context)?,
            Action::StoreMatrix(store) => self.store_matrix(group, store, active, context)?,
            Action::LoadFragment(load) => self.load_fragment(group, load, active, context)?,
            Action::StoreFragment(store) => self.store_fragment(group, store, active, context)?,
            Action::CopyAsync(copy) => self.copy_async(group, copy, active, context)?,
            Action::CopyCommit => self.copies.commit(active),
            Action::CopyWait(most) => self.copy_wait(*most, active, context)?,
            Action::CopyMbarrierArrive { barrier, counted } => {
                self.copy_arrive(group, *barrier, *counted, active, context)?;
            }
            Action::Mbarrier(operation) => {
                if self.mbarrier(group, operation, active, context)? {
                    return Ok(self.yield_turn(group));
                }
                self.groups[group].awaited = None;
            }
            Action::Bulk(bulk) => self.bulk_copy(group, bulk, active, context)?,
            Action::StoreAsync(store) => self.store_async(group, store, active, context)?,
            Action::TensorCopy(copy) => self.tensor_copy(group, copy, active, context)?,
            Action::TryCancel(request) => self.try_cancel(group, request, active, context)?,
            Action::QueryCancel(query) => self.query_cancel(query, active, context)?,
            Action::ReplaceField(replace) => self.replace_field(group, replace, active, context)?,
            Action::CopyMap(copy) => self.copy_map(group, copy, active, context)?,
            Action::BulkCommit => self.bulk.commit(active),
            Action::BulkWait { most, only_reads } => {
                self.bulk_wait(*most, *only_reads, active, context)?;
            }
            Action::Wgmma(wgmma) => self.multiply_async(wgmma, context)?,
            Action::WgmmaFence => self.fence_fragments(),
            Action::WgmmaCommit => self.products.commit(),
            Action::WgmmaWait(most) => return Ok(self.wait_products(group, *most, active, context)),
            Action::Tcgen05(instruction) => {
                return self.tcgen05(group, instruction, active, context);
            }
            Action::Fence(fence) => self.fence(*fence, active, context),
            Action::FenceProxy(proxies) => self.fence_proxy(proxies, active, context),
            Action::ClusterArrive { releases } => {
                self.cluster_arrive(*releases, active, context)?;
            }
            Action::ClusterWait { acquires } => {
                return self.cluster_wait(group, *acquires, active, context);
            }
            Action::WarpSync => self.warp_sync(active, context),
            Action::Clock(slot, special) => self.clock(*slot, *special, active, context),
            Action::FrameAddress { destination, offset, window } => {
                let base = i64::from(self.frame_base(group));
                let address = window.wrapping_add_signed(base.wrapping_add(*offset));
                for lane in crate::exec::registers::lanes(active) {
                    self.registers.set_lane(*destination, lane, address);
                }
            }
            Action::Nothing => {}
            Action::Barrier(barrier) => return self.barrier(group, barrier, active, context),
            Action::SetRegisters(set) => return self.set_registers(group, *set, active, context),
            Action::Branch(target) => return Ok(self.branch(group, *target, active, context)),
            Action::BranchTable { index, targets } => {
                return self.branch_table(group, *index, targets, active);
            }
            Action::Call(call) => return self.call(group, call, active, context),
            Action::Return => return self.return_from(group, active, context),
            Action::Exit => return self.exit(group, active, context),
            Action::Print { results } => self.print(group, results, active),
            Action::AssertionFails => {
                return Err(Raised::new(FaultKind::AssertionFailed, active));
            }
            Action::Trap => return Err(Raised::new(FaultKind::Trap, active)),
            Action::Yield => return Ok(self.yield_turn(group)),
        }
        self.groups[group].pc += 1;
        Ok(Next::Go)
    }

    /// Goes on after others had their turn.
    fn yield_turn(&mut self, group: usize) -> Next {
        self.groups[group].pc += 1;
        self.settle(group);
        self.end_streak();
        Next::Yield
    }

    /// Reads a clock: time is the number of instructions executed.
    fn clock(
        &mut self,
        slot: AnySlot,
        special: SpecialRegister,
        active: u32,
        context: &mut Context<'_>,
    ) {
        use SpecialRegister::*;
        let time = match special {
            GlobalTimer | GlobalTimerLo | GlobalTimerHi => context.now * NANOSECONDS,
            _ => context.now,
        };
        let value = match special {
            ClockHi | GlobalTimerHi => time >> 32,
            Clock | GlobalTimerLo => time & 0xffff_ffff,
            _ => time,
        };
        for lane in crate::exec::registers::lanes(active) {
            self.registers.set_lane(slot, lane, value);
        }
    }
}
