//! `setmaxnreg`: registers that the warps of a block give to each other.

use tilewright_codegen::ptx::tree::Directive;

use super::raise::{Outcome, Raised};
use super::step::Next;
use super::warp::{Context, State, Warp};
use crate::program::Program;
use crate::program::code::SetRegisters;

/// Registers of a multiprocessor of every GPU that has `setmaxnreg`.
const REGISTERS: u64 = 64 << 10;
/// Registers that a thread can have.
const MOST: u64 = 256;
/// They are given out to a thread by this number.
const GRANULE: u64 = 8;
/// Warps of a warpgroup.
const WARPGROUP: usize = 4;

/// What the warps of a block may use of the registers it was launched with.
///
/// The registers of PTX are not those of the machine: which of them a value lies in, ptxas decides,
/// and it keeps every value below the maximum of its warp. So only the counts are kept here.
#[derive(Debug)]
pub(crate) struct RegisterPool {
    /// Empty where no directive says what a thread is launched with: the instruction then has no
    /// effect.
    warps: Vec<Share>,
    /// Whether the first share of a warp is known.
    exact: bool,
    /// Registers that no warp has, counted for one thread of a warp.
    free: u32,
}

/// What a warp has.
#[derive(Clone, Debug)]
struct Share {
    /// Registers of each of its threads.
    registers: u32,
    /// The instructions by which it got there.
    history: Vec<SetRegisters>,
}

/// Registers of a thread at launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LaunchRegisters {
    /// `.maxnreg` says how many.
    Exactly(u32),
    /// What the bounds on the threads allow; ptxas may have taken fewer.
    AtMost(u32),
}

impl RegisterPool {
    /// The registers of a block of `threads` before its first instruction.
    pub(super) fn new(program: &Program, threads: u64) -> Self {
        let warps = threads.div_ceil(32) as usize;
        let share = |registers| vec![Share { registers, history: Vec::new() }; warps];
        let (warps, exact) = match launch_registers(&program.directives, threads) {
            Some(LaunchRegisters::Exactly(registers)) => (share(registers), true),
            Some(LaunchRegisters::AtMost(registers)) => (share(registers), false),
            None => (Vec::new(), true),
        };
        Self { warps, exact, free: 0 }
    }

    /// Sets the registers of a warp; false where that many are not free yet.
    fn set(&mut self, warp: usize, registers: u32) -> bool {
        let available = self.warps[warp].registers + self.free;
        if registers > available {
            return false;
        }
        self.warps[warp].registers = registers;
        self.free = available - registers;
        true
    }

    /// What is wrong with a warp's next instruction being this one, as far as the other warps of
    /// its warpgroup tell, of which `live` are the lanes that have not exited. Compilers give warps
    /// copies of an instruction on paths of their own, and shipped kernels let each warp give up as
    /// many registers as it can.
    fn disagreement(&self, warp: usize, set: SetRegisters, live: &[u32]) -> Option<&'static str> {
        let n = self.warps[warp].history.len();
        self.siblings(warp).find_map(|other| match self.warps[other].history.get(n) {
            Some(&theirs) if theirs != set && (theirs.increases || set.increases) => {
                Some("another warp of the warpgroup executes another setmaxnreg")
            }
            None if live[other] == 0 => Some("another warp of the warpgroup has exited without it"),
            _ => None,
        })
    }

    /// Whether a warp that exits has left out what others of its warpgroup have executed.
    fn is_behind(&self, warp: usize) -> bool {
        let len = |warp: usize| self.warps[warp].history.len();
        !self.warps.is_empty() && self.siblings(warp).any(|other| len(other) > len(warp))
    }

    fn siblings(&self, warp: usize) -> impl Iterator<Item = usize> + use<> {
        let first = warp / WARPGROUP * WARPGROUP;
        (first..self.warps.len().min(first + WARPGROUP)).filter(move |&other| other != warp)
    }

    /// What a warp waits for, for messages.
    pub(super) fn describe(&self, warp: usize, registers: u32) -> String {
        let (has, free) = (self.warps[warp].registers, self.free);
        let missing = registers - has;
        format!("waits for {missing} more registers a thread, of which {free} are free")
    }
}

/// The fewest registers that a thread may have at launch.
pub(super) fn least_registers(directives: &[Directive], threads: u64) -> u32 {
    match launch_registers(directives, threads) {
        Some(LaunchRegisters::Exactly(registers)) => registers.max(1),
        Some(LaunchRegisters::AtMost(_)) | None => GRANULE as u32,
    }
}

/// Registers of a thread at launch, where the directives of the kernel say so.
fn launch_registers(directives: &[Directive], threads: u64) -> Option<LaunchRegisters> {
    let mut registers = None;
    let (mut bounded, mut blocks) = (false, 1);
    for directive in directives {
        match directive {
            Directive::MaxRegisters(most) => registers = Some(u64::from(*most)),
            Directive::MaxThreads(_) | Directive::RequiredThreads(_) => bounded = true,
            Directive::MinBlocksPerMultiprocessor(least) => blocks = u64::from((*least).max(1)),
            _ => {}
        }
    }
    let each = REGISTERS / (blocks * threads.next_multiple_of(32)) / GRANULE * GRANULE;
    let count = |registers: u64| registers.min(MOST) as u32;
    let exactly = |most: u64| LaunchRegisters::Exactly(count(most.next_multiple_of(GRANULE)));
    registers.map(exactly).or(bounded.then_some(LaunchRegisters::AtMost(count(each))))
}

impl Warp {
    /// `setmaxnreg`.
    pub(super) fn set_registers(
        &mut self,
        group: usize,
        set: SetRegisters,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<Next> {
        let block = context.block();
        let pool = &mut block.registers;
        if pool.warps.is_empty() {
            self.groups[group].pc += 1;
            return Ok(Next::Go);
        }
        if let Some(problem) = pool.disagreement(self.index, set, &block.live) {
            return Err(Raised::undefined(problem, active));
        }
        let share = &mut pool.warps[self.index];
        let (has, wanted) = (share.registers, set.registers);
        let known = pool.exact || !share.history.is_empty();
        if set.increases && wanted < has && known || !set.increases && wanted > has {
            let what = format!("setmaxnreg to {wanted} where each thread has {has} registers");
            return Err(Raised::undefined(what, active));
        }
        share.history.push(set);
        *context.changes += 1;
        if context.block().registers.set(self.index, wanted) {
            self.groups[group].pc += 1;
            return Ok(Next::Go);
        }
        self.groups[group].state = State::Registers(wanted);
        Ok(Next::Select)
    }

    /// Whether the registers that a group waits for are there now.
    pub(super) fn take_registers(&self, registers: u32, context: &mut Context<'_>) -> bool {
        let taken = context.block().registers.set(self.index, registers);
        *context.changes += u64::from(taken);
        taken
    }

    /// Refuses that the warp's last lanes exit before a `setmaxnreg` that others have executed.
    pub(super) fn check_registers_left(
        &self,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        match context.block().registers.is_behind(self.index) {
            true => {
                let what = "the warp exits without a setmaxnreg that others of its warpgroup \
                            have executed";
                Err(Raised::undefined(what, active))
            }
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(directives: &[Directive], threads: u64, expected: Option<LaunchRegisters>) {
        assert_eq!(launch_registers(directives, threads), expected);
    }

    #[test]
    fn directives_say_what_a_thread_is_launched_with() {
        use LaunchRegisters::{AtMost, Exactly};
        check(&[], 384, None);
        check(&[Directive::MaxRegisters(168)], 384, Some(Exactly(168)));
        check(&[Directive::MaxThreads(vec![384])], 384, Some(AtMost(168)));
        check(&[Directive::RequiredThreads(vec![128])], 128, Some(AtMost(256)));
        let bounds = [Directive::MaxThreads(vec![256]), Directive::MinBlocksPerMultiprocessor(2)];
        check(&bounds, 256, Some(AtMost(128)));
    }
}
