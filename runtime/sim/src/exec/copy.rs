//! `cp.async`: copies that land some time between their issue and the wait that covers them.

use tilewright_codegen::ptx::Space;

use super::access::{check_alignment, locate};
use super::registers::{LANES, lanes};
use crate::fault::AccessKind;
use crate::hazard::Proxy;
use crate::machine::{Context, Outcome, Raised, Random, Warp};
use crate::program::code::{Address, CopyAsync};

/// Copies of a warp that are in flight, and the groups they belong to.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    /// Groups that each lane has closed.
    committed: [u32; LANES],
    /// In order of issue.
    batches: Vec<Batch>,
    /// Arrivals on mbarriers that follow copies.
    arrivals: Vec<Arrival>,
    /// No batch lands by itself before this time.
    next_due: u64,
}

/// The copies that one instruction issued.
#[derive(Debug)]
struct Batch {
    /// When it lands, if no wait comes first.
    due: u64,
    /// The group of each lane's copy.
    group: [u32; LANES],
    /// Lanes whose copy has not landed.
    flying: u32,
    /// Lanes that have not waited for their copy.
    unawaited: u32,
    source: [u64; LANES],
    /// Offsets in the block's shared memory.
    destination: [u64; LANES],
    size: u32,
    /// Bytes of each lane that come from the source; the others are zeros.
    read: [u8; LANES],
}

/// An asynchronous arrival on an mbarrier after the copies issued before it.
#[derive(Debug)]
struct Arrival {
    lanes: u32,
    barrier: [u64; LANES],
    /// Batches before this one come first, counted from the beginning.
    after: usize,
}

impl Copies {
    /// `cp.async.commit_group`.
    pub(crate) fn commit(&mut self, active: u32) {
        for lane in lanes(active) {
            self.committed[lane] += 1;
        }
    }

    /// Whether something is due at this time.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        self.next_due <= now && self.in_flight()
    }

    /// Whether something has yet to land.
    pub(crate) fn in_flight(&self) -> bool {
        !self.arrivals.is_empty() || self.batches.iter().any(|batch| batch.flying != 0)
    }

    fn renew_due(&mut self) {
        let flying = self.batches.iter().filter(|batch| batch.flying != 0);
        self.next_due = flying.map(|batch| batch.due).min().unwrap_or(u64::MAX);
    }
}

/// When a copy issued now lands: at once, before long, or not until it is waited for.
pub(super) fn landing_time(now: u64, random: &mut Random) -> u64 {
    /// Instructions of the cluster that a copy may take.
    const LONGEST: u64 = 4096;
    match random.below(4) {
        0 => now,
        1 => u64::MAX,
        _ => now + random.below(LONGEST),
    }
}

impl Warp {
    /// Executes `cp.async`.
    pub(crate) fn copy_async(
        &mut self,
        group: usize,
        copy: &CopyAsync,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let size = copy.size;
        if !matches!(size, 4 | 8 | 16) {
            let what = format!("a copy of {size} bytes; expected 4, 8 or 16");
            return Err(Raised::undefined(what, active));
        }
        let to = self.addresses(group, &copy.destination);
        let from = self.addresses(group, &copy.source);
        check_alignment(context, AccessKind::CopyWrite, Space::Shared, &to, (size, active))?;
        check_alignment(context, AccessKind::CopyRead, Space::Global, &from, (size, active))?;
        let ignored = copy.ignore_source.map_or(0, |condition| self.registers.holds(condition));
        let mut read = [size as u8; LANES];
        for lane in lanes(active) {
            if let Some(slot) = copy.source_size {
                let asked = self.registers.get(slot)[lane];
                if asked > size {
                    let what = format!("a source of {asked} bytes for a copy of {size}");
                    return Err(Raised::undefined(what, 1 << lane));
                }
                read[lane] = asked as u8;
            }
            if ignored >> lane & 1 != 0 {
                read[lane] = 0;
            }
        }
        let mut destination = [0; LANES];
        for lane in lanes(active) {
            let at = context.own_shared(to[lane]);
            let held = at.filter(|&at| context.blocks[context.rank].shared.get(at, size).is_some());
            let Some(at) = held else {
                return Err(context.outside(
                    AccessKind::CopyWrite,
                    Space::Shared,
                    to[lane],
                    (size, lane),
                ));
            };
            destination[lane] = at;
            if read[lane] > 0 {
                self.check_source(from[lane], (u32::from(read[lane]), lane), context)?;
            }
        }
        context.count_access(AccessKind::CopyWrite, Space::Shared, &to, (size, active));
        context.count_access(AccessKind::CopyRead, Space::Global, &from, (size, active));
        let batch = Batch {
            due: landing_time(context.now, context.random),
            group: self.copies.committed,
            flying: active,
            unawaited: active,
            source: from,
            destination,
            size,
            read,
        };
        if context.hazards() {
            self.observe_copy(&batch.source, &to, (size, &batch.read), active, context)?;
        }
        self.copies.next_due = self.copies.next_due.min(batch.due);
        self.copies.batches.push(batch);
        self.land_due(context)
    }

    fn check_source(
        &self,
        address: u64,
        (size, lane): (u32, usize),
        context: &Context<'_>,
    ) -> Outcome<()> {
        let (space, address) = locate(Space::Global, address);
        match context.run.memory.find(address, size, context.hint) {
            Some(_) => Ok(()),
            None => Err(context.outside(AccessKind::CopyRead, space, address, (size, lane))),
        }
    }

    /// Lands the copies whose time has come.
    pub(crate) fn land_due(&mut self, context: &mut Context<'_>) -> Outcome<()> {
        if !self.copies.is_due(context.now) {
            return Ok(());
        }
        for i in 0..self.copies.batches.len() {
            if self.copies.batches[i].due <= context.now {
                self.land(i, u32::MAX, context);
            }
        }
        self.copies.renew_due();
        self.drop_landed(context)
    }

    /// Lands the earliest copy; whether there was one.
    pub(crate) fn land_earliest(&mut self, context: &mut Context<'_>) -> Outcome<bool> {
        let first = self.copies.batches.iter().position(|batch| batch.flying != 0);
        if let Some(i) = first {
            self.land(i, u32::MAX, context);
        }
        let arrivals = self.copies.arrivals.len();
        self.drop_landed(context)?;
        Ok(first.is_some() || self.copies.arrivals.len() != arrivals)
    }

    /// Lands the copies that lanes of a batch still have in flight.
    fn land(&mut self, batch: usize, active: u32, context: &mut Context<'_>) {
        let batch = &mut self.copies.batches[batch];
        let landing = batch.flying & active;
        batch.flying &= !active;
        for lane in lanes(landing) {
            let read = u32::from(batch.read[lane]);
            let mut data = [0; 32];
            if read > 0 {
                let address = batch.source[lane];
                if let Some(index) = context.run.memory.find(address, read, context.hint) {
                    let buffer = &context.run.memory.buffers()[index];
                    data = buffer.copy_bytes((address - buffer.address()) as usize, read as usize);
                }
            }
            let block = &mut context.blocks[context.rank];
            block.shared.set(batch.destination[lane], &data[..batch.size as usize]);
        }
        *context.changes += u64::from(landing != 0);
    }

    /// Executes `cp.async.wait_group`, or `cp.async.wait_all` where `most` is none.
    pub(crate) fn copy_wait(
        &mut self,
        most: Option<u32>,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        if most.is_none() {
            self.copies.commit(active);
        }
        let most = most.unwrap_or(0);
        for i in 0..self.copies.batches.len() {
            let batch = &self.copies.batches[i];
            let covered = lanes(active & batch.unawaited)
                .filter(|&l| batch.group[l].saturating_add(most) < self.copies.committed[l])
                .fold(0, |m, l| m | 1 << l);
            if covered != 0 {
                self.land(i, covered, context);
                self.await_batch(i, covered, Proxy::Generic, context);
            }
        }
        self.copies.renew_due();
        self.drop_landed(context)
    }

    /// Notes that copies of a batch are complete for their lanes.
    fn await_batch(&mut self, batch: usize, lanes: u32, proxy: Proxy, context: &mut Context<'_>) {
        let batch = &mut self.copies.batches[batch];
        batch.unawaited &= !lanes;
        if context.hazards() {
            let (destination, size) = (batch.destination, batch.size);
            self.observe_landing((&destination, size), lanes, proxy, context);
        }
    }

    /// Forgets what has landed and was waited for, and lets arrivals follow.
    fn drop_landed(&mut self, context: &mut Context<'_>) -> Outcome<()> {
        self.fire_arrivals(context)?;
        let keep = |batch: &Batch| batch.flying != 0 || batch.unawaited != 0;
        if self.copies.arrivals.is_empty() {
            self.copies.batches.retain(keep);
        }
        Ok(())
    }

    /// Notes that an mbarrier counts a lane's copies before batch `after` as complete. Shipped kernels
    /// let products read what such copies wrote, without a fence.
    pub(super) fn await_copies_before(
        &mut self,
        after: usize,
        lane: usize,
        context: &mut Context<'_>,
    ) {
        for i in 0..after {
            let lanes = self.copies.batches[i].unawaited & 1 << lane;
            if lanes != 0 {
                self.await_batch(i, lanes, Proxy::AsyncShared, context);
            }
        }
    }

    /// Executes `cp.async.mbarrier.arrive`.
    pub(crate) fn copy_arrive(
        &mut self,
        group: usize,
        barrier: Address,
        counted: bool,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let addresses = self.addresses(group, &barrier);
        for lane in lanes(active) {
            let place = locate(barrier.space, addresses[lane]);
            self.expect_copy_arrival(lane, place, counted, context)?;
        }
        let barrier = addresses.map(|address| locate(barrier.space, address).1);
        let after = self.copies.batches.len();
        self.copies.arrivals.push(Arrival { lanes: active, barrier, after });
        self.drop_landed(context)
    }

    /// Arrives on mbarriers for lanes whose earlier copies have landed.
    fn fire_arrivals(&mut self, context: &mut Context<'_>) -> Outcome<()> {
        for i in 0..self.copies.arrivals.len() {
            let arrival = &self.copies.arrivals[i];
            let before = &self.copies.batches[..arrival.after];
            let flying = before.iter().fold(0, |mask, batch| mask | batch.flying);
            let ready = arrival.lanes & !flying;
            let barrier = arrival.barrier;
            let after = arrival.after;
            self.copies.arrivals[i].lanes &= !ready;
            if ready != 0 {
                self.arrive_after_copies(&barrier, ready, after, context)?;
            }
        }
        self.copies.arrivals.retain(|arrival| arrival.lanes != 0);
        Ok(())
    }
}
