//! Accesses to tensor memory, all of which are asynchronous but those of `tcgen05.dealloc`.
//!
//! An access is noted when it is issued, with the agent and the time that complete it: for loads and
//! stores the next `tcgen05.wait` of the warp, for operations of the queue the next `tcgen05.commit`
//! of the thread. What conflicts with it afterwards must know that time, or come after it on the
//! queue.

use super::asynchronous::Completion;
use super::clock::WarpClock;
use super::proxy::Proxy;
use crate::exec::registers::ALL;
use crate::fault::{AccessKind, FaultKind, TensorAccess};
use crate::machine::{Context, Outcome, Raised, Warp};
use crate::memory::tensor::{QUARTER, TENSOR_COLUMNS, TensorRegion};
use crate::options::Lints;
use crate::program::code::Pc;

/// What kind of operation accesses tensor memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// `tcgen05.ld`.
    Load,
    /// `tcgen05.st`.
    Store,
    /// `tcgen05.dealloc`.
    Deallocate,
    /// `tcgen05.mma`; those with the same accumulator, shape and kind have the same number.
    Product(u64),
    /// `tcgen05.cp`; whether it is of the shape 4x256b.
    Copy { rows4: bool },
    /// `tcgen05.shift`.
    Shift,
}

impl Stage {
    /// Whether it lands in the order of the queue.
    fn is_queued(self) -> bool {
        matches!(self, Self::Product(_) | Self::Copy { .. } | Self::Shift)
    }

    /// Whether the manual has an operation of a thread before a later one without a wait.
    pub(crate) fn is_pipelined_with(self, later: Self) -> bool {
        match (self, later) {
            (Self::Product(first), Self::Product(second)) => first == second,
            (Self::Copy { .. } | Self::Shift, Self::Product(_)) => true,
            (Self::Shift, Self::Copy { rows4 }) => rows4,
            (Self::Product(_), Self::Shift) => true,
            _ => false,
        }
    }

    /// What has to come before an access that conflicts.
    fn wait(self) -> &'static str {
        match self {
            Self::Load => "tcgen05.wait::ld by its warp",
            Self::Store => "tcgen05.wait::st by its warp",
            Self::Deallocate => "a barrier",
            _ => "tcgen05.commit by its thread, and a wait for that mbarrier",
        }
    }
}

/// Who accesses tensor memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TensorAccessor {
    /// The lanes of the warp that do.
    pub(crate) lanes: u32,
    stage: Stage,
    completion: Completion,
    /// The first of the threads in the cluster, and its time.
    thread: u32,
    time: u32,
    pc: Pc,
    /// The number of an operation of the queue, which its own accesses do not conflict with.
    operation: Option<u32>,
}

impl TensorAccessor {
    /// Nobody, where hazards are not looked for.
    pub(crate) fn unknown() -> Self {
        let completion = Completion { agent: 0, time: 0 };
        Self {
            lanes: ALL,
            stage: Stage::Load,
            completion,
            thread: 0,
            time: 0,
            pc: 0,
            operation: None,
        }
    }

    /// A warp that loads or stores.
    pub(crate) fn warp(
        warp: &Warp,
        stage: Stage,
        completion: Completion,
        context: &Context<'_>,
    ) -> Self {
        let (thread, time) = (warp.clock.thread(0), warp.clock.time());
        Self { lanes: ALL, stage, completion, thread, time, pc: context.pc, operation: None }
    }

    /// A warp that frees columns.
    pub(crate) fn synchronous(warp: &Warp, context: &Context<'_>) -> Self {
        let (thread, time) = (warp.clock.thread(0), warp.clock.time());
        let completion = Completion { agent: thread, time };
        Self::warp(warp, Stage::Deallocate, completion, context)
    }

    /// A thread that puts an operation on the queue.
    pub(crate) fn queued(
        warp: &Warp,
        lane: usize,
        stage: Stage,
        (operation, completion): (u32, Completion),
        context: &Context<'_>,
    ) -> Self {
        let (thread, time) = (warp.clock.thread(lane), warp.clock.time());
        let operation = Some(operation);
        Self { lanes: 1 << lane, stage, completion, thread, time, pc: context.pc, operation }
    }
}

/// Columns as bits.
type Columns = [u64; TENSOR_COLUMNS as usize / 64];

fn columns(first: u32, count: u32) -> Columns {
    std::array::from_fn(|i| {
        let begin = first.max(64 * i as u32);
        let end = (first + count).min(64 * (i as u32 + 1));
        match end.checked_sub(begin) {
            None | Some(0) => 0,
            Some(count) => u64::MAX >> (64 - count) << (begin % 64),
        }
    })
}

/// An access to cells of a quarter of the lanes.
#[derive(Clone, Debug)]
struct Record {
    columns: Columns,
    lanes: u32,
    writes: bool,
    accessor: TensorAccessor,
}

impl Record {
    fn overlaps(&self, other: &Self) -> bool {
        self.lanes & other.lanes != 0
            && self.columns.iter().zip(&other.columns).any(|(a, b)| a & b != 0)
    }

    fn is_within(&self, other: &Self) -> bool {
        self.lanes & !other.lanes == 0
            && self.columns.iter().zip(&other.columns).all(|(a, b)| a & !b == 0)
    }

    /// Takes out the columns of an access that covers it there; whether any are left.
    fn subtract(&mut self, other: &Self) -> bool {
        if self.lanes & !other.lanes == 0 {
            self.columns.iter_mut().zip(&other.columns).for_each(|(a, b)| *a &= !b);
        }
        self.columns.iter().any(|&columns| columns != 0)
    }
}

/// An access that a later one conflicts with.
#[derive(Debug)]
struct Conflict {
    accessor: TensorAccessor,
    writes: bool,
    /// What has to come first.
    wait: &'static str,
}

/// The accesses to a block's tensor memory that a later one may conflict with.
#[derive(Debug, Default)]
pub(crate) struct TensorShadow {
    /// By quarters of the lanes.
    quarters: [Vec<Record>; 4],
}

impl TensorShadow {
    /// Notes an access, or finds one that it conflicts with.
    fn access(
        &mut self,
        accessor: &TensorAccessor,
        writes: bool,
        region: &TensorRegion,
        (clock, lints): (&WarpClock, Lints),
    ) -> Result<(), Box<Conflict>> {
        let columns = columns(region.column, region.columns);
        for (quarter, records) in self.quarters.iter_mut().enumerate() {
            let lanes = (region.lanes >> (quarter * QUARTER)) as u32;
            if lanes != 0 {
                let new = Record { columns, lanes, writes, accessor: *accessor };
                note(records, new, clock, lints)?;
            }
        }
        Ok(())
    }

    /// Forgets the accesses to columns.
    pub(crate) fn forget(&mut self, column: u32, count: u32) {
        let gone = columns(column, count);
        for records in &mut self.quarters {
            records.retain_mut(|record| {
                record.columns.iter_mut().zip(&gone).for_each(|(a, b)| *a &= !b);
                record.columns.iter().any(|&columns| columns != 0)
            });
        }
    }
}

fn note(
    records: &mut Vec<Record>,
    new: Record,
    clock: &WarpClock,
    lints: Lints,
) -> Result<(), Box<Conflict>> {
    let mut merged = false;
    let mut i = 0;
    while i < records.len() {
        let old = &mut records[i];
        if !old.writes && !new.writes && old.lanes == new.lanes && old.accessor.is_like(&new) {
            old.columns.iter_mut().zip(&new.columns).for_each(|(a, b)| *a |= b);
            merged = true;
        } else if old.overlaps(&new) {
            let order = old.accessor.is_before(&new.accessor, clock, lints);
            if let (Err(wait), true) = (order, old.writes || new.writes) {
                let (accessor, writes) = (old.accessor, old.writes);
                return Err(Box::new(Conflict { accessor, writes, wait }));
            }
            if old.accessor.is_handed_on_to(&new.accessor, clock, lints) && old.is_within(&new) {
                // Once it is loaded it is stored.
                old.accessor.completion = new.accessor.completion;
            }
            if order.is_ok() && (new.writes || !old.writes) && !old.subtract(&new) {
                records.swap_remove(i);
                continue;
            }
        }
        i += 1;
    }
    if !merged {
        records.push(new);
    }
    Ok(())
}

impl TensorAccessor {
    /// Whether its lanes know a time of an agent.
    fn knows(&self, clock: &WarpClock, agent: u32, time: u32) -> bool {
        clock.all_know(self.lanes, agent, time)
            || clock.all_see(self.lanes, Proxy::TensorMemory, (agent, time))
    }

    /// Whether this is a store of which the warp that loads it was told, if not of its end: kernels
    /// of CUTLASS do so. A warp loads after what was stored to its lanes before.
    fn is_handed_on_to(&self, later: &Self, clock: &WarpClock, lints: Lints) -> bool {
        !lints.unwaited_tensor_stores
            && (self.stage, later.stage) == (Stage::Store, Stage::Load)
            && self.thread != later.thread
            && later.knows(clock, self.thread, self.time)
    }

    /// Whether another access completes with this one.
    fn is_like(&self, new: &Record) -> bool {
        self.completion == new.accessor.completion && self.stage == new.accessor.stage
    }

    /// Whether a later access is ordered after this one, and if not, what has to come first.
    fn is_before(&self, later: &Self, clock: &WarpClock, lints: Lints) -> Result<(), &'static str> {
        let Completion { agent, time } = self.completion;
        let same_thread = self.thread == later.thread;
        let pipelined = match lints.unpipelined_tensor_operations {
            true => self.stage.is_pipelined_with(later.stage),
            false => self.stage.is_queued() && later.stage.is_queued(),
        };
        let knows = |agent, time| later.knows(clock, agent, time);
        let issued = || same_thread || knows(self.thread, self.time);
        let same_operation = self.operation.is_some() && self.operation == later.operation;
        if same_operation || pipelined && issued() {
            return Ok(());
        }
        if !knows(agent, time) && !self.is_handed_on_to(later, clock, lints) {
            return Err(self.stage.wait());
        }
        let own = same_thread && !self.stage.is_queued();
        let exempt = own || later.stage == Stage::Deallocate;
        let fenced = || clock.all_see(later.lanes, Proxy::TensorAfter, (agent, time));
        if lints.unfenced_tensor_memory && !exempt && !fenced() {
            let wait = "tcgen05.fence::before_thread_sync and after_thread_sync around the barrier";
            return Err(wait);
        }
        Ok(())
    }
}

impl Warp {
    /// Looks at an access to tensor memory that is allocated.
    pub(crate) fn observe_tensor(
        &mut self,
        accessor: &TensorAccessor,
        kind: AccessKind,
        region: &TensorRegion,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let writes = super::shadow::writes(kind);
        let tensor = &mut context.blocks[region.rank].tensor;
        let rules = (&self.clock, context.run.options.lints);
        let conflict = tensor.shadow.access(accessor, writes, region, rules);
        let memory = &mut tensor.memory;
        if writes {
            memory.mark_written(region);
        }
        let access = || TensorAccess::new(kind, region);
        if let Err(conflict) = conflict {
            let Conflict { accessor: other, writes, wait } = *conflict;
            let other_kind = if writes { AccessKind::CopyWrite } else { AccessKind::CopyRead };
            let other = context.run.site_of(self.clock.cluster(), other.thread as usize, other.pc);
            let kind = FaultKind::TensorConflict { access: access(), other_kind, other, wait };
            return Err(Raised::new(kind, accessor.lanes));
        }
        Ok(())
    }
}
