//! `mbarrier`: barriers that are objects in shared memory.

mod object;

use foldhash::HashMap;
use tilewright_codegen::ptx::Space;

use super::access::locate;
use super::registers::{LANES, lanes};
use crate::fault::{AccessKind, FaultKind};
use crate::hazard::{Clocks, Completion, Proxy};
use crate::machine::{Awaited, Context, Outcome, Raised, Warp};
use crate::memory::window;
use crate::program::code::{Mbarrier, MbarrierOperation, Order, Phase, Scope};
use object::{Access, Arriving, MOST, Object};

/// Bytes of an object.
const SIZE: u32 = 8;

/// The mbarriers of a block by their offset in shared memory.
#[derive(Debug, Default)]
pub(crate) struct Mbarriers {
    objects: HashMap<u64, Object>,
    /// The agents of objects that were invalidated, and the times at which they were.
    retired: HashMap<u64, Completion>,
}

/// Where an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    /// The rank of its block in the cluster.
    pub(crate) rank: usize,
    /// Its offset in the block's shared memory.
    pub(crate) offset: u64,
}

impl At {
    fn address(self) -> u64 {
        (self.rank as u64) << window::RANK_SHIFT | self.offset
    }
}

impl Mbarriers {
    /// Whether an access touches a live object.
    pub(crate) fn overlaps(&self, offset: u64, size: u32) -> bool {
        let end = offset + u64::from(size);
        if self.objects.len() < size as usize / SIZE as usize {
            return self.objects.keys().any(|&at| at < end && offset < at + u64::from(SIZE));
        }
        !self.objects.is_empty()
            && (offset / 8..=(end - 1) / 8).any(|i| self.objects.contains_key(&(i * 8)))
    }

    /// The state of an object, for messages.
    pub(crate) fn describe(&self, offset: u64) -> Option<String> {
        self.objects.get(&offset).map(Object::to_string)
    }
}

impl Warp {
    /// Executes an `mbarrier` instruction, lane by lane. Whether it waits for a phase that some lane
    /// finds incomplete.
    pub(crate) fn mbarrier(
        &mut self,
        group: usize,
        instruction: &Mbarrier,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<bool> {
        if let MbarrierOperation::PendingCount { destination, state } = instruction.operation {
            let counts = self.registers.get(state).map(|state| state as u32);
            self.registers.set(destination, &counts, active);
            return Ok(false);
        }
        let Some(address) = instruction.address else { return Ok(false) };
        let addresses = self.addresses(group, &address);
        self.check_peers(&address, &addresses, active, context)?;
        let mut place = [At { rank: 0, offset: 0 }; LANES];
        for lane in lanes(active) {
            let (space, address) = locate(address.space, addresses[lane]);
            place[lane] = object_at(lane, space, address, context)?;
            let is_remote = place[lane].rank != context.rank;
            if is_remote && !instruction.operation.may_be_remote() {
                let problem = "it belongs to another block, which can arrive and count only";
                return Err(misused(lane, place[lane], problem, context));
            }
            if let MbarrierOperation::Initialize { .. } = &instruction.operation {
                if context.hazards() {
                    self.observe_mbarrier(place[lane].address(), lane, context)?;
                }
            } else {
                self.access_mbarrier(place[lane], lane, context)?;
            }
        }
        let mut separate = 0;
        if let MbarrierOperation::Arrive { count, .. } = &instruction.operation
            && context.hazards()
        {
            for (at, mask) in together(&place, active) {
                let count = |lane| count.map_or(1, |slot| self.registers.get(slot)[lane]);
                let arrivals: u64 = lanes(mask).map(|lane| u64::from(count(lane))).sum();
                let first = mask.trailing_zeros() as usize;
                if object(first, at, context)?.completes_within(arrivals) {
                    if context.run.options.lints.arrivals_in_two_phases {
                        let problem = "some of the lanes that arrive complete its phase, and the \
                                       others arrive in the next one";
                        return Err(misused(first, at, problem, context));
                    }
                    // Some of the lanes belong to the phase that others complete.
                    separate |= mask;
                } else {
                    let clocks = self.publish_arrival(instruction.order, at, mask);
                    object(first, at, context)?.arrived.join(&clocks);
                }
            }
        }
        let mut done = 0;
        for lane in lanes(active) {
            if separate >> lane & 1 != 0 {
                let clocks = self.publish_arrival(instruction.order, place[lane], 1 << lane);
                object(lane, place[lane], context)?.arrived.join(&clocks);
            }
            done |= u32::from(self.operate(&instruction.operation, lane, place[lane], context)?)
                << lane;
        }
        let MbarrierOperation::Wait { done: slot, .. } = instruction.operation else {
            return Ok(false);
        };
        self.registers.set_predicate(slot, done, active);
        // Who does not look at the answer has not waited.
        let is_looked_at = context.hazards() && !context.detail().is_unread;
        if done != 0 && is_looked_at {
            for (at, mask) in together(&place, done) {
                let completed = &object(mask.trailing_zeros() as usize, at, context)?.completed;
                match instruction.order.acquires() {
                    true => self.clock.learn(mask, completed),
                    false => self.clock.learn_relaxed(mask, completed),
                }
            }
        }
        for (At { rank, offset }, _) in together(&place, active & !done) {
            let awaited = Awaited::Mbarrier { rank, offset };
            context.flights.hasten(awaited, context.now, context.random);
            self.groups[group].awaited = Some(offset);
        }
        Ok(done != active)
    }

    /// What lanes tell those who wait where they arrive.
    fn publish_arrival(&mut self, order: Order, at: At, mask: u32) -> Clocks {
        let least = if at.rank == self.rank { Scope::Block } else { Scope::Cluster };
        match order.releases() {
            true => self.clock.publish(mask),
            false => self.clock.publish_relaxed(mask, least),
        }
    }

    /// What an operation does for one lane; whether a phase that it waits for is complete.
    fn operate(
        &mut self,
        operation: &MbarrierOperation,
        lane: usize,
        at: At,
        context: &mut Context<'_>,
    ) -> Outcome<bool> {
        let value = |slot| self.registers.get(slot)[lane];
        match operation {
            MbarrierOperation::Initialize { count } => {
                let count = value(*count);
                self.initialize(lane, at, count, context)?;
            }
            MbarrierOperation::Invalidate => self.invalidate(lane, at, context)?,
            MbarrierOperation::Arrive { state, count, expected, drop, completes } => {
                let count = count.map_or(1, value);
                let arriving = Arriving { count, drop: *drop, completes: *completes };
                let expected = expected.map(value);
                let token = update(lane, at, context, |object| {
                    if let Some(expected) = expected {
                        object.expect(expected, true)?;
                    }
                    object.arrive(arriving)
                })?;
                if let Some(slot) = state {
                    self.registers.get_mut(*slot)[lane] = token;
                }
            }
            MbarrierOperation::Expect { transactions } => {
                let transactions = value(*transactions);
                update(lane, at, context, |object| object.expect(transactions, false))?;
            }
            MbarrierOperation::Complete { transactions } => {
                let transactions = value(*transactions);
                update(lane, at, context, |object| object.complete(transactions))?;
            }
            MbarrierOperation::Wait { awaited, .. } => {
                let now = object(lane, at, context)?.phase;
                let phase = match awaited {
                    Phase::State(slot) => self.registers.get(*slot)[lane] >> 32,
                    Phase::Parity(slot) => {
                        let parity = u64::from(value(*slot));
                        return Ok(now & 1 != parity & 1);
                    }
                };
                if phase != now && phase + 1 != now {
                    let problem =
                        "the state waited for is not of the current or the preceding phase";
                    return Err(misused(lane, at, problem, context));
                }
                return Ok(phase != now);
            }
            MbarrierOperation::PendingCount { .. } => {}
        }
        Ok(false)
    }

    fn initialize(
        &mut self,
        lane: usize,
        at: At,
        count: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        if count == 0 || count > MOST {
            let problem = format!("its count is {count}; expected 1 to {MOST}");
            return Err(misused(lane, at, &problem, context));
        }
        let mbarriers = &mut context.blocks[at.rank].mbarriers;
        if mbarriers.objects.contains_key(&at.offset) {
            return Err(misused(lane, at, "it is initialized while it is live", context));
        }
        let agent = match mbarriers.retired.get(&at.offset) {
            Some(completion) => (completion.agent, completion.time),
            None => (context.agents.agent(), 0),
        };
        let access =
            Access { thread: self.clock.thread(lane), time: self.clock.time(), pc: context.pc };
        mbarriers.objects.insert(at.offset, Object::new(count, agent, access));
        context.blocks[at.rank].shared.set(at.offset, &[0; SIZE as usize]);
        *context.changes += 1;
        Ok(())
    }

    fn invalidate(&mut self, lane: usize, at: At, context: &mut Context<'_>) -> Outcome<()> {
        let held = object(lane, at, context)?;
        let completion = held.completion();
        let accessed = std::mem::take(&mut held.accessed);
        if context.hazards() {
            for (thread, &time) in accessed.iter().enumerate().filter(|(_, time)| **time != 0) {
                if !self.clock.knows_of_warp(lane, thread as u32, time) {
                    let problem = "it is invalidated while other threads may still use it";
                    return Err(misused(lane, at, problem, context));
                }
            }
        }
        let mbarriers = &mut context.blocks[at.rank].mbarriers;
        mbarriers.objects.remove(&at.offset);
        mbarriers.retired.insert(at.offset, completion);
        if context.hazards() {
            self.observe_mbarrier(at.address(), lane, context)?;
        }
        Ok(())
    }

    /// Looks at an access to a live object, and notes it.
    pub(crate) fn access_mbarrier(
        &mut self,
        at: At,
        lane: usize,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        self.see_mbarrier(at, lane, context)?;
        let (thread, time) = (self.clock.thread(lane), self.clock.time());
        object(lane, at, context)?.note_access(thread, time);
        Ok(())
    }

    /// Refuses a live object whose initialization is not visible. What completes at it asynchronously
    /// is no access by the thread that issued it.
    pub(crate) fn see_mbarrier(
        &self,
        at: At,
        lane: usize,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let (thread, cluster) = (self.clock.thread(lane), self.clock.cluster());
        let by = object(lane, at, context)?.initialized;
        let visible = !context.hazards()
            || by.thread == thread
            || self.clock.knows(lane, cluster, by.thread, by.time)
            || self.clock.sees(lane, Proxy::Mbarrier, (cluster, by.thread, by.time));
        if visible {
            return Ok(());
        }
        let access = context.describe(AccessKind::Atomic, Space::Shared, at.address(), SIZE);
        let other = context.run.site_of(cluster, by.thread as usize, by.pc);
        let kind = FaultKind::Race { access, other_kind: AccessKind::Write, other };
        Err(Raised::new(kind, 1 << lane))
    }

    /// Counts the arrival that will follow a lane's copies, unless the phase already does.
    pub(super) fn expect_copy_arrival(
        &mut self,
        lane: usize,
        (space, address): (Space, u64),
        counted: bool,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let at = object_at(lane, space, address, context)?;
        self.access_mbarrier(at, lane, context)?;
        if counted {
            return Ok(());
        }
        update(lane, at, context, Object::expect_arrival)
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
            let at = object_at(lane, Space::Shared, barrier[lane], context)?;
            if context.hazards() {
                self.await_copies_before(after, lane, context);
                let clocks = self.clock.publish(1 << lane);
                object(lane, at, context)?.arrived.join(&clocks);
            }
            let arriving = Arriving { count: 1, drop: false, completes: true };
            update(lane, at, context, |object| object.arrive(arriving))?;
        }
        Ok(())
    }
}

impl MbarrierOperation {
    /// Whether the object may be of another block of the cluster.
    fn may_be_remote(&self) -> bool {
        match self {
            Self::Arrive { state, .. } => state.is_none(),
            Self::Expect { .. } | Self::Complete { .. } => true,
            _ => false,
        }
    }
}

/// Lanes by the object that they access.
fn together(place: &[At; LANES], active: u32) -> impl Iterator<Item = (At, u32)> {
    let mut left = active;
    std::iter::from_fn(move || {
        let first = lanes(left).next()?;
        let mask = lanes(left).filter(|&l| place[l] == place[first]).fold(0, |m, l| m | 1 << l);
        left &= !mask;
        Some((place[first], mask))
    })
}

/// Where the object at an address is.
pub(crate) fn object_at(
    lane: usize,
    space: Space,
    address: u64,
    context: &Context<'_>,
) -> Outcome<At> {
    let at = match space {
        Space::Shared => context.shared_at(address),
        _ => None,
    };
    let exists =
        |(rank, offset): &(usize, u64)| context.blocks[*rank].shared.get(*offset, SIZE).is_some();
    match at.filter(exists).map(|(rank, offset)| At { rank, offset }) {
        Some(at) if at.offset % u64::from(SIZE) == 0 => Ok(at),
        Some(at) => Err(misused(lane, at, "its address is no multiple of 8", context)),
        None => Err(context.outside(AccessKind::Atomic, space, address, (SIZE, lane))),
    }
}

fn object<'a>(lane: usize, at: At, context: &'a mut Context<'_>) -> Outcome<&'a mut Object> {
    if !context.blocks[at.rank].mbarriers.objects.contains_key(&at.offset) {
        return Err(misused(lane, at, "nothing initialized it", context));
    }
    let missing = || Raised::undefined("an mbarrier that does not exist", 1 << lane);
    context.blocks[at.rank].mbarriers.objects.get_mut(&at.offset).ok_or_else(missing)
}

/// Changes an object, and names it where it refuses.
fn update<T>(
    lane: usize,
    at: At,
    context: &mut Context<'_>,
    change: impl FnOnce(&mut Object) -> Result<T, String>,
) -> Outcome<T> {
    *context.changes += 1;
    match change(object(lane, at, context)?) {
        Ok(value) => Ok(value),
        Err(problem) => Err(misused(lane, at, &problem, context)),
    }
}

fn misused(lane: usize, at: At, problem: &str, context: &Context<'_>) -> Box<Raised> {
    let access = context.describe(AccessKind::Atomic, Space::Shared, at.address(), SIZE);
    let place = access.place.map_or(String::new(), |place| format!(" ({place})"));
    let state = context.blocks[at.rank].mbarriers.describe(at.offset);
    let state = state.map_or(String::new(), |state| format!(", {state}"));
    let place = format!("shared address {:#x}{place}{state}", at.address());
    Raised::new(FaultKind::Mbarrier { place, problem: problem.into() }, 1 << lane)
}

impl Context<'_> {
    /// Completes transactions of an operation that has landed; when those who wait for the phase
    /// know it.
    pub(crate) fn complete_transactions(
        &mut self,
        at: At,
        bytes: u32,
        cluster: u32,
    ) -> Outcome<Completion> {
        let hazards = self.hazards();
        let completion = object(0, at, self)?.completion();
        update(0, at, self, |object| {
            if hazards {
                let Completion { agent, time } = completion;
                object.arrived.join(&Clocks::completion(cluster, agent, time));
            }
            object.complete(bytes)
        })?;
        Ok(completion)
    }

    /// Arrives once, for what those who wait then know.
    pub(crate) fn arrive_at(&mut self, at: At, clocks: Option<&Clocks>) -> Outcome<()> {
        update(0, at, self, |object| {
            if let Some(clocks) = clocks {
                object.arrived.join(clocks);
            }
            object.arrive(Arriving { count: 1, drop: false, completes: true })
        })?;
        Ok(())
    }

    /// Refuses an access to bytes of a live object that is no mbarrier instruction.
    pub(crate) fn check_no_mbarrier(
        &self,
        rank: usize,
        offset: u64,
        size: u32,
        lane: usize,
    ) -> Outcome<()> {
        if !self.blocks[rank].mbarriers.overlaps(offset, size) {
            return Ok(());
        }
        let place = format!("shared address {offset:#x}");
        let problem = "it is live, and an access other than mbarrier's touches it".into();
        Err(Raised::new(FaultKind::Mbarrier { place, problem }, 1 << lane))
    }

    /// Refuses to let a block go where more transactions were complete than anybody expected.
    pub(crate) fn check_left_mbarriers(&self) -> Outcome<()> {
        let objects = &self.blocks[self.rank].mbarriers.objects;
        let unexpected = objects.iter().filter(|(_, object)| object.has_unexpected());
        match unexpected.map(|(offset, _)| *offset).min() {
            None => Ok(()),
            Some(offset) => {
                let at = At { rank: self.rank, offset };
                let problem = "the block exits, and copies were complete that nobody expected";
                Err(misused(0, at, problem, self))
            }
        }
    }
}
