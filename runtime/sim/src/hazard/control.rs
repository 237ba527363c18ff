//! Branches that depend on what nothing wrote.
//!
//! Attention kernels branch over the reciprocal of a row's sum, of rows that do not exist as well.
//! Which way a lane goes there is chosen by the seed. Until its ways meet again it is on a *detour*:
//! what it computes and stores is undefined, and so is, where they meet, what it would have written on
//! the other way. To do anything there that other threads could tell is a fault.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::undefined::Origin;
use crate::exec::registers::{Condition, LANES};
use crate::machine::{Context, Outcome, Warp};
use crate::program::Program;
use crate::program::code::{Action, Instruction, Pc};

/// What lies between a branch and the instruction at which its ways meet.
#[derive(Debug, PartialEq, Eq)]
struct Region {
    /// Where they meet; none if they do not.
    end: Option<Pc>,
    /// The registers that something in between writes, by number.
    writes: Vec<u32>,
}

/// The regions that were asked for, by their branches.
#[derive(Debug, Default)]
pub(crate) struct Regions(Mutex<HashMap<Pc, Arc<Region>>>);

/// Lanes that have taken a branch which depends on what nothing wrote.
#[derive(Debug)]
pub(super) struct Detour {
    lanes: u32,
    region: Arc<Region>,
    origin: Origin,
}

impl Regions {
    fn after(&self, branch: Pc, program: &Program) -> Arc<Region> {
        // A poisoned lock guards what was whole before it was taken.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let region = known.entry(branch);
        region.or_insert_with(|| Arc::new(Region::after(branch, &program.code, program))).clone()
    }
}

impl Region {
    /// The end is the first instruction of a path to an exit that no other path leaves out.
    fn after(branch: Pc, code: &[Instruction], program: &Program) -> Self {
        let path = path_to_exit(branch, code);
        let place: HashMap<Pc, usize> = path.iter().enumerate().map(|(i, &pc)| (pc, i)).collect();
        let mut beside = HashSet::new();
        // How far along the path one comes by leaving it.
        let mut reached = 0;
        let mut end = None;
        let mut walked = 0;
        for (i, &pc) in path.iter().enumerate() {
            if i > 0 && reached == i {
                end = Some(pc);
                break;
            }
            walked = i;
            let mut next = successors(pc, code);
            if is_exit(pc, code) {
                reached = path.len();
            }
            while let Some(pc) = next.pop() {
                match place.get(&pc) {
                    Some(&at) => reached = reached.max(at),
                    None => {
                        if beside.insert(pc) {
                            next.extend(successors(pc, code));
                            reached = if is_exit(pc, code) { path.len() } else { reached };
                        }
                    }
                }
            }
        }
        let within = path.iter().skip(1).take(walked).chain(&beside);
        let writes = within.flat_map(|&pc| program.details[pc as usize].writes.iter().copied());
        let mut writes: Vec<u32> = writes.collect();
        writes.sort_unstable();
        writes.dedup();
        Self { end, writes }
    }
}

/// A shortest path from an instruction to an exit, both included; without an exit the instruction.
fn path_to_exit(from: Pc, code: &[Instruction]) -> Vec<Pc> {
    let mut before = HashMap::from([(from, from)]);
    let mut next = VecDeque::from([from]);
    while let Some(pc) = next.pop_front() {
        if pc != from && is_exit(pc, code) {
            let mut path = vec![pc];
            while let Some(&last) = path.last().filter(|&&last| last != from) {
                path.push(before[&last]);
            }
            path.reverse();
            return path;
        }
        for successor in successors(pc, code) {
            before.entry(successor).or_insert_with(|| {
                next.push_back(successor);
                pc
            });
        }
    }
    vec![from]
}

fn is_exit(pc: Pc, code: &[Instruction]) -> bool {
    matches!(code[pc as usize].action, Action::Return | Action::Exit)
}

/// The instructions that may come next in the same function.
fn successors(pc: Pc, code: &[Instruction]) -> Vec<Pc> {
    let instruction = &code[pc as usize];
    let mut all = match &instruction.action {
        Action::Branch(target) => vec![*target],
        Action::BranchTable { targets, .. } => targets.to_vec(),
        Action::Return | Action::Exit | Action::Trap | Action::AssertionFails => Vec::new(),
        _ => return vec![pc + 1],
    };
    if instruction.guard.is_some() {
        all.push(pc + 1);
    }
    all
}

impl Warp {
    /// The lanes of `mask` in which the guard of an instruction holds. Where nothing wrote it, either
    /// may be of a branch.
    pub(crate) fn guarded(
        &mut self,
        (instruction, guard): (&Instruction, Condition),
        mask: u32,
        context: &mut Context<'_>,
    ) -> Outcome<u32> {
        let holds = mask & self.registers.holds(guard);
        // It is the last register that an instruction reads.
        let number = match context.detail().reads.last() {
            Some(&number) if mask & !self.written[number as usize] != 0 => number,
            _ => return Ok(holds),
        };
        let lanes = mask & !self.written[number as usize];
        match (&instruction.action, &context.run.hazards) {
            (Action::Branch(_), Some(hazards)) => {
                let origin = self.origin_of(number, lanes, context);
                let region = hazards.regions.after(context.pc, context.run.program);
                let detours = &mut self.undefined.detours;
                match detours.iter_mut().find(|detour| Arc::ptr_eq(&detour.region, &region)) {
                    Some(detour) => detour.lanes |= lanes,
                    None => detours.push(Detour { lanes, region, origin }),
                }
                Ok(holds & !lanes | context.random.next() as u32 & lanes)
            }
            _ => Err(self.undefined_used(number, lanes, context)),
        }
    }

    /// Whether some lanes are on a detour.
    #[inline]
    pub(crate) fn has_detours(&self) -> bool {
        !self.undefined.detours.is_empty()
    }

    /// Ends the detours of lanes that have come to where the ways meet.
    pub(crate) fn end_detours(&mut self, pc: Pc, mask: u32) {
        let mut i = 0;
        while let Some(detour) = self.undefined.detours.get_mut(i) {
            let (lanes, origin) = (detour.lanes & mask, detour.origin);
            if detour.region.end == Some(pc) && lanes != 0 {
                detour.lanes &= !lanes;
                let region = detour.region.clone();
                for &number in &region.writes {
                    self.define(number, lanes, &[u64::MAX; LANES], origin);
                }
            }
            match self.undefined.detours[i].lanes & self.live {
                0 => {
                    self.undefined.detours.swap_remove(i);
                }
                _ => i += 1,
            }
        }
    }

    /// The lanes of `active` that are on a detour, and why the first of them is.
    pub(super) fn on_detour(&self, active: u32) -> Option<(u32, Origin)> {
        let mut detours = self.undefined.detours.iter().filter(|detour| detour.lanes & active != 0);
        let first = detours.next()?;
        let lanes = detours.fold(first.lanes, |lanes, detour| lanes | detour.lanes);
        Some((lanes & active, first.origin))
    }

    /// Refuses to do on a detour what others could tell.
    pub(crate) fn check_detour(
        &mut self,
        instruction: &Instruction,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        use Action::*;
        let Some((lanes, origin)) = self.on_detour(active) else { return Ok(()) };
        match instruction.action {
            Compute(_) | MoveFragment(_) | Exchange(_) | Clock(..) | FrameAddress { .. } => Ok(()),
            Load(_) | LoadMatrix(_) | LoadFragment(_) | Store(_) => Ok(()),
            Branch(_) | BranchTable { .. } | Call(_) | Return | Exit => Ok(()),
            WarpSync | Print { .. } | Nothing | Yield => Ok(()),
            _ => Err(self.depends(origin, lanes, context)),
        }
    }

    /// Makes undefined what lanes on a detour have written.
    pub(crate) fn leave_detour_undefined(&mut self, active: u32, context: &Context<'_>) {
        let Some((lanes, origin)) = self.on_detour(active) else { return };
        for &number in &context.run.program.details[context.pc as usize].writes {
            self.define(number, lanes, &[u64::MAX; LANES], origin);
        }
    }
}
