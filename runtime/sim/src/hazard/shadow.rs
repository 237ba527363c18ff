//! The accesses to memory that a later one may conflict with.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::clock::WarpClock;
use super::proxy::Proxy;
use crate::fault::AccessKind;
use crate::program::code::Pc;

/// Bytes that share a list of accesses.
pub(super) const GRANULE: u64 = 16;
/// Accesses of one warp to the same bytes, unordered among themselves, that are kept: with those
/// the others of that warp would be found to conflict as well.
const KEPT_OF_WARP: usize = 4;
/// The same for all warps.
const KEPT: usize = 48;

/// An access to bytes of a granule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) time: u32,
    pub(super) cluster: u32,
    pub(super) pc: Pc,
    /// Which of the instructions that its warp executed.
    pub(super) issue: u32,
    /// Who accesses, as clocks number it: the thread, or the agent of an asynchronous operation.
    pub(super) accessor: u32,
    /// Index in its cluster of the thread whose instruction it is.
    pub(super) thread: u16,
    /// The bytes.
    pub(super) mask: u16,
    pub(super) kind: AccessKind,
    pub(super) proxy: Proxy,
    pub(super) strong: bool,
    /// A copy of `cp.async` that its thread has not waited for.
    pub(super) in_flight: bool,
    /// An access of an agent, which happened for those who know its time.
    pub(super) asynchronous: bool,
    /// A write of what the bytes held already.
    pub(super) silent: bool,
}

impl Record {
    fn writes(&self) -> bool {
        writes(self.kind)
    }

    /// Whether both belong to one instruction of one warp. Of lanes that store to one place one
    /// wins, which CUDA leaves open but allows (*CUDA C++ Programming Guide*, SIMT Architecture);
    /// that goes for copies as well.
    fn shares_instruction(&self, other: &Self) -> bool {
        self.cluster == other.cluster
            && self.thread / 32 == other.thread / 32
            && self.issue == other.issue
            && self.asynchronous == other.asynchronous
    }

    /// Whether a read is of the same operation as another, or of one that completes with it.
    fn reads_like(&self, other: &Self) -> bool {
        self.accessor == other.accessor
            && self.time == other.time
            && self.pc == other.pc
            && self.issue == other.issue
            && self.cluster == other.cluster
            && !other.writes()
    }
}

pub(super) fn writes(kind: AccessKind) -> bool {
    !matches!(kind, AccessKind::Read | AccessKind::CopyRead)
}

/// The accesses to a granule that may yet conflict.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell(Vec<Record>);

/// How an access conflicts.
#[derive(Debug)]
pub(super) enum Conflict {
    Race(Record),
    InFlight(Record),
    /// The new access goes through a proxy that need not see the old write.
    Unfenced(Record, Proxy),
}

impl Cell {
    /// Notes an access of a lane, or finds what it conflicts with.
    pub(super) fn access(
        &mut self,
        new: Record,
        lane: usize,
        clock: &WarpClock,
    ) -> Result<(), Conflict> {
        let own = u32::from(new.thread);
        let before = |r: &Record| {
            r.cluster == new.cluster && r.accessor == own
                || clock.knows(lane, r.cluster, r.accessor, r.time)
                || new.proxy == Proxy::Mbarrier
                    && clock.sees(lane, Proxy::Mbarrier, (r.cluster, r.accessor, r.time))
        };
        // Whether a write that happened before is hidden from the proxy of the new access.
        let hidden = |r: &Record| {
            (r.writes() || clock.fences_reads && new.writes())
                && r.proxy.needs_fence()
                && !clock.sees(lane, new.proxy, (r.cluster, r.accessor, r.time))
        };
        // Bytes to which a thread wrote what they held: their value is known whoever wrote first.
        let settled = |cell: &Self| {
            let silent = cell.0.iter().filter(|r| r.silent && r.mask & new.mask != 0 && before(r));
            silent.fold(0, |mask, r| mask | r.mask)
        };
        let mut settled_bytes = None;
        let (mut of_warp, mut unordered) = (0, 0);
        let mut i = 0;
        while i < self.0.len() {
            let old = self.0[i];
            if old.mask & new.mask == 0 {
                i += 1;
                continue;
            }
            if old.in_flight {
                return Err(Conflict::InFlight(old));
            }
            if new.asynchronous && !new.writes() && old.reads_like(&new) {
                self.0[i].mask |= new.mask;
                return Ok(());
            }
            if before(&old) {
                if !new.proxy.is_generic() && hidden(&old) {
                    return Err(Conflict::Unfenced(old, new.proxy));
                }
                // Whoever conflicts with the old one also conflicts with the new one.
                if (new.writes() || !old.writes()) && (old.strong || !new.strong) {
                    self.0[i].mask &= !new.mask;
                    if self.0[i].mask == 0 {
                        self.0.swap_remove(i);
                        continue;
                    }
                }
            } else if (old.writes() || new.writes()) && !(old.strong && new.strong) {
                let harmless = match (old.writes(), new.writes()) {
                    (true, true) => {
                        // What an unfinished copy will write is not there yet.
                        new.silent && !old.asynchronous || new.shares_instruction(&old)
                    }
                    (true, false) => {
                        let bytes = *settled_bytes.get_or_insert_with(|| settled(self));
                        old.silent || old.mask & new.mask & !bytes == 0
                    }
                    _ => false,
                };
                if !harmless {
                    return Err(match old.asynchronous {
                        true => Conflict::InFlight(old),
                        false => Conflict::Race(old),
                    });
                }
            } else {
                unordered += 1;
                of_warp +=
                    usize::from(old.cluster == new.cluster && old.thread / 32 == new.thread / 32);
            }
            i += 1;
        }
        if new.writes() || of_warp < KEPT_OF_WARP && unordered < KEPT {
            self.0.push(new);
        }
        Ok(())
    }

    /// Turns copies of a thread into writes through a proxy that happened now, since they are
    /// complete.
    pub(super) fn land(&mut self, thread: u16, mask: u16, time: u32, proxy: Proxy) {
        for record in &mut self.0 {
            if record.in_flight && record.thread == thread && record.mask & mask != 0 {
                record.in_flight = false;
                record.time = time;
                record.proxy = proxy;
            }
        }
    }

    /// Gives the accesses of an asynchronous operation the accessor and time at which they are
    /// complete.
    pub(super) fn complete(&mut self, operation: (u32, u32), (agent, time): (u32, u32)) {
        for record in &mut self.0 {
            if record.asynchronous
                && (record.cluster, record.issue) == operation
                && record.time == u32::MAX
            {
                (record.accessor, record.time) = (agent, time);
            }
        }
    }
}

/// The granules of `size` bytes at `offset`, each with the bytes of it.
pub(super) fn granules(offset: u64, size: u32) -> impl Iterator<Item = (usize, u16)> {
    let end = offset + u64::from(size);
    (offset / GRANULE..end.div_ceil(GRANULE)).map(move |granule| {
        let first = offset.saturating_sub(granule * GRANULE).min(GRANULE);
        let last = (end - granule * GRANULE).min(GRANULE);
        let mask = ((1_u32 << last) - 1) & !((1_u32 << first) - 1);
        (granule as usize, mask as u16)
    })
}

/// The accesses to the shared memory of a block.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedShadow(Vec<Cell>);

impl SharedShadow {
    /// The cell of a granule.
    pub(super) fn cell(&mut self, granule: usize) -> &mut Cell {
        if granule >= self.0.len() {
            self.0.resize_with(granule + 1, Cell::default);
        }
        &mut self.0[granule]
    }
}

/// A lock on cells of a buffer: which buffer and page, and the cells.
pub(super) type Page<'a> = ((usize, usize), MutexGuard<'a, Vec<Cell>>);

/// Granules whose accesses one lock guards.
const PAGE: usize = 256;

/// The accesses to a buffer of global memory, which all blocks share.
#[derive(Debug)]
pub(crate) struct BufferShadow {
    pages: Vec<Mutex<Vec<Cell>>>,
}

impl BufferShadow {
    pub(crate) fn new(size: usize) -> Self {
        let pages = size.div_ceil(GRANULE as usize * PAGE);
        Self { pages: (0..pages).map(|_| Mutex::default()).collect() }
    }

    /// Calls a function with the cell of a granule of this buffer, which is number `buffer`.
    /// `page` keeps the lock of the last one.
    pub(super) fn with_cell<'a, T>(
        &'a self,
        (buffer, granule): (usize, usize),
        page: &mut Option<Page<'a>>,
        f: impl FnOnce(&mut Cell) -> T,
    ) -> Option<T> {
        let index = (buffer, granule / PAGE);
        if page.as_ref().is_none_or(|(held, _)| *held != index) {
            // One lock at a time, so that workers cannot wait for each other.
            *page = None;
            let lock = self.pages.get(index.1)?;
            // A poisoned lock belongs to a run that has failed already.
            *page = Some((index, lock.lock().unwrap_or_else(PoisonError::into_inner)));
        }
        let (_, cells) = page.as_mut()?;
        if cells.is_empty() {
            cells.resize_with(PAGE, Cell::default);
        }
        Some(f(&mut cells[granule % PAGE]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_covers_its_granules() {
        let list = |offset, size| granules(offset, size).collect::<Vec<_>>();
        assert_eq!(list(32, 16), [(2, 0xffff)]);
        assert_eq!(list(36, 4), [(2, 0x00f0)]);
        assert_eq!(list(24, 16), [(1, 0xff00), (2, 0x00ff)]);
    }

    fn record(thread: u16, kind: AccessKind) -> Record {
        Record {
            time: 1,
            cluster: 0,
            pc: 0,
            issue: u32::from(thread),
            accessor: u32::from(thread),
            thread,
            mask: 0xf,
            kind,
            proxy: Proxy::Generic,
            strong: false,
            in_flight: false,
            asynchronous: false,
            silent: false,
        }
    }

    #[test]
    fn unordered_writes_race_and_reads_do_not() {
        let clock = WarpClock::new(0, 0, 64);
        let mut cell = Cell::default();
        cell.access(record(0, AccessKind::Read), 0, &clock).unwrap();
        cell.access(record(1, AccessKind::Read), 1, &clock).unwrap();
        let race = cell.access(record(1, AccessKind::Write), 1, &clock);
        assert!(matches!(race, Err(Conflict::Race(old)) if old.thread == 0));
    }

    #[test]
    fn an_asynchronous_write_is_in_flight_until_its_time_is_known() {
        let mut clock = WarpClock::new(0, 0, 64);
        let mut cell = Cell::default();
        let write = Record {
            accessor: 64,
            time: u32::MAX,
            issue: 7,
            kind: AccessKind::CopyWrite,
            proxy: Proxy::AsyncShared,
            asynchronous: true,
            ..record(0, AccessKind::CopyWrite)
        };
        cell.access(write, 0, &clock).unwrap();
        let read =
            |cell: &mut Cell, clock: &WarpClock| cell.access(record(0, AccessKind::Read), 0, clock);
        assert!(matches!(read(&mut cell, &clock), Err(Conflict::InFlight(_))));
        cell.complete((0, 7), (64, 3));
        assert!(matches!(read(&mut cell, &clock), Err(Conflict::InFlight(_))));
        clock.learn(1, &crate::hazard::Clocks::completion(0, 64, 3));
        read(&mut cell, &clock).unwrap();
    }

    #[test]
    fn a_generic_write_is_fenced_before_an_asynchronous_read() {
        let mut clock = WarpClock::new(0, 0, 64);
        let mut cell = Cell::default();
        cell.access(record(0, AccessKind::Write), 0, &clock).unwrap();
        let read = Record {
            accessor: 64,
            kind: AccessKind::CopyRead,
            proxy: Proxy::AsyncShared,
            asynchronous: true,
            ..record(0, AccessKind::CopyRead)
        };
        assert!(matches!(cell.access(read, 0, &clock), Err(Conflict::Unfenced(..))));
        cell.0[0].time = clock.time();
        clock.fence_proxy(1, &[Proxy::AsyncShared]);
        cell.access(read, 0, &clock).unwrap();
        // What is written afterwards overtakes the read.
        let write = cell.access(record(0, AccessKind::Write), 0, &clock);
        assert!(matches!(write, Err(Conflict::InFlight(_))));
    }

    #[test]
    fn a_write_of_the_same_value_is_no_race() {
        let clock = WarpClock::new(0, 0, 64);
        let mut cell = Cell::default();
        let silent = Record { silent: true, ..record(1, AccessKind::Write) };
        cell.access(record(0, AccessKind::Write), 0, &clock).unwrap();
        cell.access(silent, 1, &clock).unwrap();
        cell.access(record(1, AccessKind::Read), 1, &clock).unwrap();
        assert!(cell.access(record(2, AccessKind::Read), 2, &clock).is_err());
    }
}
