use crate::dsl::{Builder, MBARRIER_BYTES, Mbarrier, Pointer, Shared, Value, Variable};

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
}

/// The slot that is next for one side of a [`SlotRing`], and the parity of the phase that it waits
/// for there.
#[derive(Debug)]
pub struct Turn<'k> {
    slots: u32,
    index: Variable<'k, u32>,
    parity: Variable<'k, u32>,
}

impl<'k> SlotRing<'k> {
    /// Bytes of the mbarriers of a ring.
    pub const fn barrier_bytes(slots: u32) -> u32 {
        2 * slots * MBARRIER_BYTES
    }

    /// A ring of `slots` slots whose mbarriers begin at `barriers`.
    pub fn new(barriers: Pointer<'k, u64, Shared>, slots: u32, bytes: u32, cluster: u32) -> Self {
        let full = Mbarrier::new(barriers);
        Self { slots, bytes, full, empty: full.element(slots), cluster }
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
            self.empty.element(slot).init(readers);
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
        let index = turn.index.get();
        let empty = self.empty.element(index);
        match self.cluster {
            1 => empty.wait(turn.parity.get()),
            _ => empty.wait_in_cluster(turn.parity.get()),
        }
        let full = self.full.element(index);
        full.arrive_expecting(self.bytes);
        copy(index, full);
        turn.advance();
    }

    /// Waits until the slot of this turn is free, has this thread write its part of it, and tells
    /// that to those who read it, by `wgmma` too. Ends the turn.
    pub fn write(&self, turn: &mut Turn<'k>, write: impl FnOnce(Value<'k, u32>)) {
        let index = turn.index.get();
        self.empty.element(index).wait(turn.parity.get());
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

    /// Ends the turn of a reader that is done with its slot. Threads for which `tells` holds tell
    /// that to those who fill it: one thread of each reader.
    pub fn free(&self, turn: &mut Turn<'k>, tells: Value<'k, bool>) {
        let k = tells.builder();
        let empty = self.empty.element(turn.index.get());
        match self.cluster {
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
