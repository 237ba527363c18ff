use crate::dsl::{Builder, CtaGroup, MBARRIER_BYTES, Mbarrier, Pointer, Shared, Value, Variable};

/// A ring of slots in shared memory that one thread fills by asynchronous copies, or several by
/// writing, and others empty.
/// Each slot has two mbarriers: at one its copies complete, at the other those that read it arrive
/// when they are done.
///
/// Both sides go around the ring with a [`Turn`] of their own.
#[derive(Clone, Copy, Debug)]
pub struct SlotRing<'k> {
    slots: u32,
    /// Bytes that copies bring to a slot.
    bytes: u32,
    full: Mbarrier<'k>,
    empty: Mbarrier<'k>,
    /// Blocks that fill each other's slots together: all of a cluster, or 1.
    cluster: u32,
    /// In a [pair](Self::in_pair), whether this block leads.
    leads: Option<Value<'k, bool>>,
    /// Whether slots are known to be [free](Self::always_free) when their turn to be filled comes.
    always_free: bool,
}

/// The slot that is next for one side of a [`SlotRing`], and the parity of the phase that it waits
/// for there.
#[derive(Debug)]
pub struct Turn<'k> {
    slots: u32,
    index: Variable<'k, u32>,
    parity: Variable<'k, u32>,
}

/// A turn of a reader that has ended while its slot has still to be waited for and freed.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'k> {
    index: Value<'k, u32>,
    parity: Value<'k, u32>,
}

impl<'k> Taken<'k> {
    /// The number of the slot.
    pub fn slot(&self) -> Value<'k, u32> {
        self.index
    }
}

impl<'k> SlotRing<'k> {
    /// Bytes of the mbarriers of a ring.
    pub const fn barrier_bytes(slots: u32) -> u32 {
        2 * slots * MBARRIER_BYTES
    }

    /// A ring of `slots` slots whose mbarriers begin at `barriers`.
    pub fn new(barriers: Pointer<'k, u64, Shared>, slots: u32, bytes: u32, cluster: u32) -> Self {
        let full = Mbarrier::new(barriers);
        Self {
            slots,
            bytes,
            full,
            empty: full.element(slots),
            cluster,
            leads: None,
            always_free: false,
        }
    }

    /// The ring in a pair of blocks that multiply together. Each fills the slots of its own, but all
    /// copies complete in the block that [leads](CtaGroup::Two), which alone waits for full slots.
    pub fn in_pair(self, leads: Option<Value<'k, bool>>) -> Self {
        Self { leads, ..self }
    }

    /// The ring where whoever [writes](Self::write) a slot knows by other means that it is free, so
    /// that no reader says so.
    pub fn always_free(self) -> Self {
        Self { always_free: true, ..self }
    }

    /// Initializes the mbarriers, for `readers` arrivals of each block that gets the slot's data.
    /// One thread of the block does that.
    pub fn init(&self, readers: u32) {
        for slot in 0..self.slots {
            self.full.element(slot).init(1);
            self.empty.element(slot).init(readers * self.cluster);
        }
    }

    /// Initializes the mbarriers of a ring that `writers` threads of this block [write](Self::write)
    /// to, for `readers` arrivals. One thread of the block does that.
    pub fn init_written(&self, writers: u32, readers: u32) {
        for slot in 0..self.slots {
            self.full.element(slot).init(writers);
            if !self.always_free {
                self.empty.element(slot).init(readers);
            }
        }
    }

    /// The filling side's first turn: every slot is free.
    pub fn first_fill(&self, k: &'k Builder) -> Turn<'k> {
        Turn { slots: self.slots, index: k.variable(0), parity: k.variable(1) }
    }

    /// The reading side's first turn: no slot is full.
    pub fn first_read(&self, k: &'k Builder) -> Turn<'k> {
        Turn { slots: self.slots, index: k.variable(0), parity: k.variable(0) }
    }

    /// Waits until the slot of this turn is free, and announces the copies to it that `copy`
    /// begins: it is given the slot's number and the mbarrier at which they complete. Ends the turn.
    pub fn fill(&self, turn: &mut Turn<'k>, copy: impl FnOnce(Value<'k, u32>, Mbarrier<'k>)) {
        self.fill_part(turn, self.bytes, copy);
    }

    /// As [`fill`](Self::fill), where the copies bring `bytes` bytes.
    pub fn fill_part(
        &self,
        turn: &mut Turn<'k>,
        bytes: u32,
        copy: impl FnOnce(Value<'k, u32>, Mbarrier<'k>),
    ) {
        let index = turn.index.get();
        let empty = self.empty.element(index);
        match (self.cluster, self.leads) {
            (1, None) => empty.wait(turn.parity.get()),
            _ => empty.wait_in_cluster(turn.parity.get()),
        }
        let full = self.full.element(index);
        match self.leads {
            None => {
                full.arrive_expecting(bytes);
                copy(index, full);
            }
            Some(leads) => {
                let k = leads.builder();
                k.guarded(leads, || full.arrive_expecting(CtaGroup::Two.blocks() * bytes));
                copy(index, full.of_leader());
            }
        }
        turn.advance();
    }

    /// Waits until the slot of this turn is free, has this thread write its part of it, and tells
    /// that to those who read it, by `wgmma` too. Ends the turn.
    pub fn write(&self, turn: &mut Turn<'k>, write: impl FnOnce(Value<'k, u32>)) {
        let index = turn.index.get();
        if !self.always_free {
            self.empty.element(index).wait(turn.parity.get());
        }
        write(index);
        index.builder().fence_shared_for_async();
        self.full.element(index).arrive();
        turn.advance();
    }

    /// Waits until the slot of this turn is full. The turn lasts until the slot is
    /// [freed](Self::free).
    pub fn wait(&self, turn: &Turn<'k>) {
        self.full.element(turn.slot()).wait(turn.parity.get());
    }

    /// Ends a reader's turn, and returns what to [wait for](Self::wait_for) and to
    /// [free](Self::empty), in any order with other turns.
    pub fn take(&self, turn: &mut Turn<'k>) -> Taken<'k> {
        let taken = Taken { index: turn.index.get(), parity: turn.parity.get() };
        turn.advance();
        taken
    }

    /// Waits until the slot of a filling side's turn is free, and ends the turn: what fills the slot
    /// arrives at its [mbarrier](Self::full) when it is done, as products do that are committed.
    pub fn claim(&self, turn: &mut Turn<'k>) -> Taken<'k> {
        let taken = self.take(turn);
        self.wait_until_empty(&taken);
        taken
    }

    /// The mbarrier at which the filling side arrives.
    pub fn full(&self, taken: &Taken<'k>) -> Mbarrier<'k> {
        self.full.element(taken.index)
    }

    fn wait_until_empty(&self, taken: &Taken<'k>) {
        let empty = self.empty.element(taken.index);
        match (self.cluster, self.leads) {
            (1, None) => empty.wait(taken.parity),
            _ => empty.wait_in_cluster(taken.parity),
        }
    }

    /// Waits until the slot of a turn is full.
    pub fn wait_for(&self, taken: &Taken<'k>) {
        let full = self.full.element(taken.index);
        match self.leads {
            None => full.wait(taken.parity),
            Some(_) => full.wait_in_cluster(taken.parity),
        }
    }

    /// The mbarrier at which a reader arrives that is done with its slot.
    pub fn empty(&self, taken: &Taken<'k>) -> Mbarrier<'k> {
        self.empty.element(taken.index)
    }

    /// Ends the turn of a reader that is done with its slot. Threads for which `tells` holds tell
    /// that to those who fill it: one thread of each reader.
    pub fn free(&self, turn: &mut Turn<'k>, tells: Value<'k, bool>) {
        let k = tells.builder();
        let empty = self.empty.element(turn.index.get());
        match self.cluster {
            _ if self.always_free => {}
            1 => k.guarded(tells, || empty.arrive()),
            blocks => k.if_(tells, || {
                (0..blocks).for_each(|rank| empty.arrive_at(k.constant(rank)));
            }),
        }
        turn.advance();
    }
}

impl<'k> Turn<'k> {
    /// The number of the slot.
    pub fn slot(&self) -> Value<'k, u32> {
        self.index.get()
    }

    fn advance(&mut self) {
        let next = self.index.get() + 1;
        let wraps = next.eq(self.slots);
        self.index.set(wraps.select(0_u32, next));
        let parity = self.parity.get();
        self.parity.set(wraps.select(parity ^ 1, parity));
    }
}

/// The phase of an mbarrier that a thread waits for next, where it waits for one after another.
#[derive(Debug)]
pub struct Phase<'k> {
    barrier: Mbarrier<'k>,
    parity: Variable<'k, u32>,
    in_cluster: bool,
}

impl<'k> Phase<'k> {
    /// The first phase.
    pub fn first(k: &'k Builder, barrier: Mbarrier<'k>) -> Self {
        Self { barrier, parity: k.variable(0), in_cluster: false }
    }

    /// The phase before the first, which has ended.
    pub fn before_first(k: &'k Builder, barrier: Mbarrier<'k>) -> Self {
        Self { barrier, parity: k.variable(1), in_cluster: false }
    }

    /// The same, of an mbarrier at which other blocks of a group arrive too, where there are any.
    pub fn of_group(self, group: CtaGroup) -> Self {
        Self { in_cluster: group == CtaGroup::Two, ..self }
    }

    /// Waits for the end of the phase, and goes on to the next.
    pub fn wait(&mut self) {
        self.wait_at(self.barrier);
        self.advance();
    }

    /// Waits for the end of the phase of an mbarrier that is in the same one: a parity serves
    /// several that go on together.
    pub fn wait_at(&self, barrier: Mbarrier<'k>) {
        let parity = self.parity.get();
        match self.in_cluster {
            false => barrier.wait(parity),
            true => barrier.wait_in_cluster(parity),
        }
    }

    /// Goes on to the next phase.
    pub fn advance(&mut self) {
        self.parity.set(self.parity.get() ^ 1);
    }
}
