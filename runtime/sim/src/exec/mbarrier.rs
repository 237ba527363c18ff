//! `mbarrier`: barriers that are objects in shared memory.

use std::collections::HashMap;

use tilewright_codegen::ptx::Space;

use super::access::locate;
use super::registers::{LANES, lanes};
use crate::fault::{AccessKind, FaultKind};
use crate::hazard::Clocks;
use crate::machine::{Context, Outcome, Raised, Warp};
use crate::program::code::{Awaited, Mbarrier, MbarrierOperation};

/// Bytes of an object.
const SIZE: u32 = 8;
/// The largest count of arrivals.
const MOST: u32 = (1 << 20) - 1;

/// The mbarriers of a block by their offset in shared memory.
#[derive(Debug, Default)]
pub(crate) struct Mbarriers {
    objects: HashMap<u64, Object>,
}

/// The state of an mbarrier; *Contents of the mbarrier object*.
#[derive(Clone, Debug)]
struct Object {
    /// How many phases have completed.
    phase: u64,
    /// Arrivals that a phase needs.
    expected: u32,
    /// Arrivals that the current phase still needs.
    pending: u32,
    /// What those know who arrived in the current phase, and in the one before.
    arrived: Clocks,
    completed: Clocks,
}

impl Object {
    /// The state that an arrival returns: the phase, and the arrivals that were pending.
    fn token(&self) -> u64 {
        self.phase << 32 | u64::from(self.pending)
    }

    fn complete_if_done(&mut self) {
        if self.pending == 0 {
            self.phase += 1;
            self.pending = self.expected;
            self.completed = std::mem::take(&mut self.arrived);
        }
    }
}

impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { phase, expected, pending, .. } = self;
        write!(f, "phase {phase}, {pending} of {expected} arrivals pending")
    }
}

impl Mbarriers {
    /// Whether an access touches a live object.
    pub(crate) fn overlaps(&self, offset: u64, size: u32) -> bool {
        !self.objects.is_empty()
            && (offset / 8..=(offset + u64::from(size) - 1) / 8)
                .any(|i| self.objects.contains_key(&(i * 8)))
    }
}

impl Warp {
    /// Executes an `mbarrier` instruction, lane by lane.
    pub(crate) fn mbarrier(
        &mut self,
        group: usize,
        instruction: &Mbarrier,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        if let MbarrierOperation::PendingCount { destination, state } = instruction.operation {
            let counts = self.registers.get(state).map(|state| state as u32);
            self.registers.set(destination, &counts, active);
            return Ok(());
        }
        let Some(address) = instruction.address else { return Ok(()) };
        let addresses = self.addresses(group, &address);
        let mut done = 0;
        for lane in lanes(active) {
            let (space, address) = locate(address.space, addresses[lane]);
            let at = object_offset(lane, space, address, context)?;
            if context.hazards() {
                let kind = match &instruction.operation {
                    MbarrierOperation::Initialize { .. } | MbarrierOperation::Invalidate => {
                        AccessKind::Write
                    }
                    _ => AccessKind::Atomic,
                };
                self.observe_mbarrier(kind, address, lane, context)?;
            }
            match &instruction.operation {
                MbarrierOperation::Initialize { count } => {
                    let count = self.registers.get(*count)[lane];
                    initialize(lane, at, count, context)?;
                }
                MbarrierOperation::Invalidate => {
                    object(lane, at, context)?;
                    context.block().mbarriers.objects.remove(&at);
                }
                MbarrierOperation::Arrive { state, count, drop, completes } => {
                    let count = count.map_or(1, |slot| self.registers.get(slot)[lane]);
                    if context.hazards() && instruction.order.releases() {
                        let clocks = self.clock.publish(1 << lane);
                        object(lane, at, context)?.arrived.join(&clocks);
                    }
                    let token = arrive((lane, at), count, *drop, *completes, context)?;
                    if let Some(slot) = state {
                        self.registers.get_mut(*slot)[lane] = token;
                    }
                }
                MbarrierOperation::Wait { awaited, .. } => {
                    let phase_now = object(lane, at, context)?.phase;
                    let complete = match awaited {
                        Awaited::State(slot) => {
                            let phase = self.registers.get(*slot)[lane] >> 32;
                            if phase != phase_now && phase + 1 != phase_now {
                                let problem = "the state waited for is not of the current or the preceding phase";
                                return Err(misused(lane, at, problem, context));
                            }
                            phase != phase_now
                        }
                        Awaited::Parity(slot) => {
                            let parity = self.registers.get(*slot)[lane];
                            phase_now & 1 != u64::from(parity & 1)
                        }
                    };
                    if complete && context.hazards() && instruction.order.acquires() {
                        let completed = &object(lane, at, context)?.completed;
                        self.clock.learn(1 << lane, completed);
                    }
                    done |= u32::from(complete) << lane;
                }
                MbarrierOperation::PendingCount { .. } => {}
            }
        }
        if let MbarrierOperation::Wait { done: slot, .. } = instruction.operation {
            self.registers.set_predicate(slot, done, active);
        }
        Ok(())
    }

    /// Counts the arrival that will follow a lane's copies, unless the phase already does.
    pub(super) fn expect_copy_arrival(
        &mut self,
        lane: usize,
        space: Space,
        address: u64,
        counted: bool,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let at = object_offset(lane, space, address, context)?;
        let object = object(lane, at, context)?;
        if !counted {
            if object.pending == MOST {
                return Err(misused(lane, at, "too many pending arrivals", context));
            }
            object.pending += 1;
        }
        Ok(())
    }

    /// Arrives for lanes whose copies before batch `after` have all landed.
    pub(super) fn arrive_after_copies(
        &mut self,
        barrier: &[u64; LANES],
        active: u32,
        after: usize,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        for lane in lanes(active) {
            let at = object_offset(lane, Space::Shared, barrier[lane], context)?;
            if context.hazards() {
                self.await_copies_before(after, lane, context);
                let clocks = self.clock.publish(1 << lane);
                object(lane, at, context)?.arrived.join(&clocks);
            }
            arrive((lane, at), 1, false, true, context)?;
        }
        Ok(())
    }
}

/// The offset of an object in the block's shared memory.
fn object_offset(lane: usize, space: Space, address: u64, context: &Context<'_>) -> Outcome<u64> {
    let at = match space {
        Space::Shared => context.own_shared(address),
        _ => None,
    };
    let exists = |&at: &u64| context.blocks[context.rank].shared.get(at, SIZE).is_some();
    match at.filter(exists) {
        Some(at) if at % u64::from(SIZE) == 0 => Ok(at),
        Some(at) => Err(misused(lane, at, "its address is no multiple of 8", context)),
        None => {
            let kind = AccessKind::Atomic;
            Err(context.outside(kind, space, address, (SIZE, lane)))
        }
    }
}

fn object<'a>(lane: usize, at: u64, context: &'a mut Context<'_>) -> Outcome<&'a mut Object> {
    if !context.block().mbarriers.objects.contains_key(&at) {
        return Err(misused(lane, at, "nothing initialized it", context));
    }
    let missing = || Raised::undefined("an mbarrier that does not exist", 1 << lane);
    context.block().mbarriers.objects.get_mut(&at).ok_or_else(missing)
}

fn misused(lane: usize, at: u64, problem: &str, context: &Context<'_>) -> Box<Raised> {
    let access = context.describe(AccessKind::Atomic, Space::Shared, at, SIZE);
    let place = access.place.map_or(String::new(), |place| format!(" ({place})"));
    let objects = &context.blocks[context.rank].mbarriers.objects;
    let state = objects.get(&at).map_or(String::new(), |object| format!(", {object}"));
    let place = format!("shared address {at:#x}{place}{state}");
    Raised::new(FaultKind::Mbarrier { place, problem: problem.into() }, 1 << lane)
}

fn initialize(lane: usize, at: u64, count: u32, context: &mut Context<'_>) -> Outcome<()> {
    if count == 0 || count > MOST {
        let problem = format!("its count is {count}; expected 1 to {MOST}");
        return Err(misused(lane, at, &problem, context));
    }
    if context.block().mbarriers.objects.contains_key(&at) {
        return Err(misused(lane, at, "it is initialized while it is live", context));
    }
    let object = Object {
        phase: 0,
        expected: count,
        pending: count,
        arrived: Clocks::default(),
        completed: Clocks::default(),
    };
    context.block().mbarriers.objects.insert(at, object);
    context.block().shared.set(at, &[0; SIZE as usize]);
    *context.changes += 1;
    Ok(())
}

/// Arrives `count` times; the state before.
fn arrive(
    (lane, at): (usize, u64),
    count: u32,
    drop: bool,
    completes: bool,
    context: &mut Context<'_>,
) -> Outcome<u64> {
    let object = object(lane, at, context)?;
    let token = object.token();
    if count == 0 || count > object.pending {
        let problem = format!("{count} arrivals, more than are pending");
        return Err(misused(lane, at, &problem, context));
    }
    if !completes && count == object.pending {
        let problem = "an arrival with .noComplete completes the phase";
        return Err(misused(lane, at, problem, context));
    }
    object.pending -= count;
    if drop {
        object.expected = object.expected.saturating_sub(count);
    }
    object.complete_if_done();
    *context.changes += 1;
    Ok(token)
}
