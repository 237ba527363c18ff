//! Asynchronous operations in flight.
//!
//! They belong to the cluster: the warp that issued one may have exited when it lands. When that
//! is, the seed chooses: at once, before long, or not before something waits for it or nothing else
//! can go on. Operations of one queue land in the order of their issue.

use std::fmt;

use super::raise::{Outcome, Raised};
use super::random::Random;
use super::warp::Context;
use crate::fault::{FaultKind, Site};
use crate::program::code::Pc;

/// What an operation does when it lands.
pub(crate) trait Operation: fmt::Debug + Send {
    /// Reads and writes memory, and signals that it has.
    fn land(&self, context: &mut Context<'_>) -> Outcome<()>;

    /// Whether a wait for this has to wait for the operation.
    fn completes(&self, awaited: Awaited) -> bool;

    /// Whether it is a bulk copy that belongs to a group.
    fn belongs_to_group(&self) -> bool;

    /// Whether it accesses the shared memory of the block with this rank, which must then not exit.
    fn touches(&self, rank: usize) -> bool;

    /// The instruction that issued it, for messages.
    fn issuer(&self) -> Issuer;
}

/// What something may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// An mbarrier, by the rank of its block and its offset there.
    Mbarrier { rank: usize, offset: u64 },
    /// Groups of bulk copies of a thread, up to this one.
    Groups { thread: u32, last: u32 },
}

/// The thread that issued an operation, and the instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Issuer {
    pub(crate) cluster: u32,
    /// Its index in the cluster.
    pub(crate) thread: u32,
    pub(crate) pc: Pc,
}

#[derive(Debug)]
struct Flight {
    /// When it lands, in instructions of the cluster. In a queue, not before those in front of it.
    due: u64,
    /// The queue in which it lands in the order of issue.
    queue: Option<usize>,
    operation: Box<dyn Operation>,
}

/// The operations of a cluster that are in flight, in order of issue.
#[derive(Debug)]
pub(crate) struct Flights {
    list: Vec<Flight>,
    /// Nothing lands before this time.
    next_due: u64,
}

impl Default for Flights {
    fn default() -> Self {
        Self { list: Vec::new(), next_due: u64::MAX }
    }
}

/// Instructions of the cluster that an operation may take.
const LONGEST: u64 = 2048;
/// The same once something waits for it.
const LONGEST_AWAITED: u64 = 128;

impl Flights {
    /// Whether something lands at this time.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        self.next_due <= now
    }

    /// Issues an operation.
    pub(crate) fn issue(&mut self, operation: Box<dyn Operation>, now: u64, random: &mut Random) {
        let due = landing_time(now, random);
        self.next_due = self.next_due.min(due);
        self.list.push(Flight { due, queue: None, operation });
    }

    /// Issues an operation that lands after those before it in its queue.
    pub(crate) fn issue_in_order(
        &mut self,
        queue: usize,
        operation: Box<dyn Operation>,
        now: u64,
        random: &mut Random,
    ) {
        let queue = Some(queue);
        let last = self.list.iter().rev().find(|flight| flight.queue == queue);
        let due = landing_time(now, random).max(last.map_or(0, |last| last.due));
        self.next_due = self.next_due.min(due);
        self.list.push(Flight { due, queue, operation });
    }

    /// Lets what something waits for land soon, with what is in front of it.
    pub(crate) fn hasten(&mut self, awaited: Awaited, now: u64, random: &mut Random) {
        for i in 0..self.list.len() {
            let Flight { due, queue, operation } = &self.list[i];
            if *due <= now + LONGEST_AWAITED || !operation.completes(awaited) {
                continue;
            }
            let (queue, due) = (*queue, now + random.below(LONGEST_AWAITED));
            self.list[i].due = due;
            let in_front =
                self.list[..i].iter_mut().filter(|f| queue.is_some() && f.queue == queue);
            in_front.for_each(|flight| flight.due = flight.due.min(due));
            self.next_due = self.next_due.min(due);
        }
    }

    /// An operation that accesses the shared memory of a block.
    pub(crate) fn touching(&self, rank: usize) -> Option<&dyn Operation> {
        let mut touching = self.list.iter().filter(|flight| flight.operation.touches(rank));
        touching.next().map(|flight| &*flight.operation)
    }

    /// Takes the first operation that `lands` holds for.
    fn take(&mut self, lands: impl Fn(&Flight) -> bool) -> Option<Box<dyn Operation>> {
        let index = self.list.iter().position(lands)?;
        let operation = self.list.remove(index).operation;
        self.next_due = self.list.iter().map(|flight| flight.due).min().unwrap_or(u64::MAX);
        Some(operation)
    }
}

/// When an operation lands that nothing waits for.
fn landing_time(now: u64, random: &mut Random) -> u64 {
    match random.below(4) {
        0 => now,
        1 => u64::MAX,
        _ => now + random.below(LONGEST),
    }
}

impl Context<'_> {
    fn land(&mut self, operation: &dyn Operation) -> Outcome<()> {
        operation.land(self).map_err(|mut raised| {
            raised.site.get_or_insert_with(|| self.issuing_site(operation));
            raised
        })
    }

    /// The instruction that issued an operation.
    fn issuing_site(&self, operation: &dyn Operation) -> Site {
        let Issuer { cluster, thread, pc } = operation.issuer();
        self.run.site_of(cluster, thread as usize, pc)
    }

    /// Refuses to let a block go whose shared memory is still in use, or whose mbarriers show that
    /// more was copied than anybody expected.
    pub(super) fn close_block(&mut self, cluster: u32) -> Outcome<()> {
        if let Some(operation) = self.flights.touching(self.rank) {
            let site = self.issuing_site(operation);
            let block = self.blocks[self.rank].index;
            let mut raised = Raised::new(FaultKind::LeftInFlight { block }, 0);
            raised.site = Some(site);
            return Err(raised);
        }
        self.check_left_visits(cluster)?;
        self.check_left_columns()?;
        self.check_left_mbarriers()
    }

    /// Lands the operations whose time has come.
    pub(crate) fn land_due(&mut self) -> Outcome<()> {
        while self.flights.is_due(self.now) {
            let now = self.now;
            match self.flights.take(|flight| flight.due <= now) {
                Some(operation) => self.land(&*operation)?,
                None => break,
            }
        }
        Ok(())
    }

    /// Lands what a wait covers.
    pub(crate) fn land_awaited(&mut self, awaited: Awaited) -> Outcome<()> {
        while let Some(operation) = self.flights.take(|flight| flight.operation.completes(awaited))
        {
            self.land(&*operation)?;
        }
        Ok(())
    }

    /// Lands the bulk copies that belong to groups.
    pub(crate) fn land_groups(&mut self) -> Outcome<()> {
        while let Some(operation) = self.flights.take(|flight| flight.operation.belongs_to_group())
        {
            self.land(&*operation)?;
        }
        Ok(())
    }

    /// Lands the operation issued first; whether there was one.
    pub(crate) fn land_first(&mut self) -> Outcome<bool> {
        let operation = self.flights.take(|_| true);
        if let Some(operation) = &operation {
            self.land(&**operation)?;
        }
        Ok(operation.is_some())
    }
}
