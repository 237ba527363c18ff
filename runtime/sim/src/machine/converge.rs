//! Instructions that lanes execute together.

use super::raise::{Outcome, Raised};
use super::warp::{Context, Group, State, Warp};
use crate::exec::registers::{ALL, Exchange, Slot, lanes};
use crate::fault::{FaultKind, Site};
use crate::program::code::{Action, Convergence};

/// Whether a group can execute an instruction that needs other lanes.
pub(super) enum Convergent {
    /// The lanes are there.
    Complete,
    /// They are not; the groups changed.
    Regrouped,
}

impl Warp {
    /// Whether the lanes that an instruction needs are all in the group; if not, parks those that
    /// are.
    pub(super) fn converge(
        &mut self,
        group: usize,
        convergence: Convergence,
        active: u32,
    ) -> Outcome<Convergent> {
        let members = match convergence {
            Convergence::Free => return Ok(Convergent::Complete),
            Convergence::Aligned | Convergence::Whole => {
                let whole = matches!(convergence, Convergence::Whole);
                if whole && self.live != ALL {
                    return Err(self.divergent(active, !self.live, None));
                }
                if active == self.live {
                    return Ok(Convergent::Complete);
                }
                if active != self.groups[group].mask {
                    return Err(self.divergent(active, self.live & !active, None));
                }
                self.groups[group].state = State::Parked;
                return Ok(Convergent::Regrouped);
            }
            Convergence::Members(slot) => slot,
        };
        if self.is_complete(members, active) {
            return Ok(Convergent::Complete);
        }
        let classes = self.classes(members, active)?;
        if classes.iter().all(|&(mask, lanes)| mask & self.live & !lanes == 0) {
            return Ok(Convergent::Complete);
        }
        let pc = self.groups[group].pc;
        for (mask, lanes) in classes {
            let complete = mask & self.live & !lanes == 0;
            let state = if complete { State::Ready } else { State::Parked };
            self.split(group, lanes, pc, state);
        }
        // What is left has its guard off and goes past.
        if self.groups[group].mask == 0 {
            self.groups.remove(group);
        } else {
            self.groups[group].pc += 1;
            self.settle(group);
        }
        Ok(Convergent::Regrouped)
    }

    /// Whether `active` are the live lanes of one mask that they all give, as nearly always.
    fn is_complete(&self, members: Slot<u32>, active: u32) -> bool {
        let values = self.registers.get(members);
        let mask = values[active.trailing_zeros() as usize];
        mask & self.live == active && lanes(active).all(|lane| values[lane] == mask)
    }

    /// The lanes of `active` by the member mask they give.
    fn classes(&self, members: Slot<u32>, active: u32) -> Outcome<Vec<(u32, u32)>> {
        let values = self.registers.get(members);
        let mut classes: Vec<(u32, u32)> = Vec::with_capacity(1);
        for lane in lanes(active) {
            let mask = values[lane];
            if mask >> lane & 1 == 0 {
                let what = format!("lane {lane} is not in its own member mask {mask:#010x}");
                return Err(Raised::undefined(what, 1 << lane));
            }
            match classes.iter_mut().find(|class| class.0 == mask) {
                Some(class) => class.1 |= 1 << lane,
                None => classes.push((mask, 1 << lane)),
            }
        }
        Ok(classes)
    }

    /// Executes an exchange for each set of lanes that name each other.
    pub(super) fn exchange(
        &mut self,
        convergence: Convergence,
        exchange: &Exchange,
        active: u32,
    ) -> Outcome<()> {
        let Convergence::Members(slot) = convergence else { return Ok(()) };
        if self.is_complete(slot, active) {
            return check_sources(exchange(&mut self.registers, active));
        }
        let values = *self.registers.get(slot);
        let mut left = active;
        while left != 0 {
            let mask = values[left.trailing_zeros() as usize];
            let together = lanes(left).filter(|&l| values[l] == mask).fold(0, |m, l| m | 1 << l);
            check_sources(exchange(&mut self.registers, together))?;
            left &= !together;
        }
        Ok(())
    }

    /// Finds the fault where every group is parked, since none will ever be complete. Groups at
    /// different `bar.warp.sync` of one mask go on together.
    pub(super) fn check_parked(&mut self, context: &mut Context<'_>) -> Outcome<()> {
        if self.groups.is_empty() || self.groups.iter().any(|g| g.state != State::Parked) {
            return Ok(());
        }
        let code = &context.run.program.code;
        let waiting = |warp: &Self, group: &Group| match &code[group.pc as usize] {
            i if matches!(i.action, Action::WarpSync) => match i.convergence {
                Convergence::Members(slot) => {
                    Some(warp.registers.get(slot)[group.mask.trailing_zeros() as usize])
                }
                _ => None,
            },
            _ => None,
        };
        for i in 0..self.groups.len() {
            let Some(mask) = waiting(self, &self.groups[i]) else { continue };
            let together: Vec<usize> = (0..self.groups.len())
                .filter(|&j| waiting(self, &self.groups[j]) == Some(mask))
                .collect();
            let arrived = together.iter().fold(0, |m, &j| m | self.groups[j].mask);
            if mask & self.live & !arrived == 0 {
                self.warp_sync(arrived, context);
                for j in together {
                    self.groups[j].pc += 1;
                    self.groups[j].state = State::Ready;
                }
                self.settle_all();
                return Ok(());
            }
        }
        let group = &self.groups[0];
        let needed = match code[group.pc as usize].convergence {
            Convergence::Members(slot) => {
                self.registers.get(slot)[group.mask.trailing_zeros() as usize] & self.live
            }
            _ => self.live,
        };
        let missing = needed & !group.mask;
        let other = self.groups.iter().find(|g| g.mask & missing != 0).map(|g| (g.pc, g.mask));
        Err(self.divergent(
            group.mask,
            missing,
            other.map(|(pc, mask)| self.site(context, pc, mask)),
        ))
    }

    /// Refuses to let lanes exit while others of their warp wait for them at an `.aligned`
    /// instruction, which they never execute.
    pub(super) fn check_left(&self, active: u32, context: &mut Context<'_>) -> Outcome<()> {
        let code = &context.run.program.code;
        let waits = self.groups.iter().find(|group| {
            group.state == State::Parked
                && !matches!(code[group.pc as usize].convergence, Convergence::Members(_))
        });
        let Some(group) = waits else { return Ok(()) };
        let left = self.site(context, context.pc, active);
        context.pc = group.pc;
        Err(self.divergent(group.mask, active, Some(left)))
    }

    fn divergent(&self, arrived: u32, missing: u32, other: Option<Site>) -> Box<Raised> {
        Raised::new(FaultKind::Divergent { arrived, missing, other }, arrived)
    }
}

/// Refuses an exchange in which some lanes read a lane that takes no part.
fn check_sources(lost: u32) -> Outcome<()> {
    match lost {
        0 => Ok(()),
        lanes => {
            let what = "it reads a lane that is not in the member mask or has exited";
            Err(Raised::undefined(what, lanes))
        }
    }
}
