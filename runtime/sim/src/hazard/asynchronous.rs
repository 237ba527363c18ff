//! Asynchronous operations as the detector sees them.
//!
//! An operation that outlives its instruction (a bulk copy, `wgmma`) reads and writes memory at
//! some moment between its issue and what completes it. Its accesses are noted when it is issued,
//! in [`Warp::observe_async`]:
//!
//! - they must be ordered after what they conflict with, as accesses of the issuing thread would
//!   be, and where the operation goes through the async proxy, every generic write to its bytes
//!   must be followed by a `fence.proxy.async`, on the writer's side or on the reader's;
//! - whoever touches its bytes afterwards must know that it is complete.
//!
//! Who knows that follows from the same vector clocks as everything else. Completions that are
//! observed one after another belong to an *agent*, which has a time in the clocks like a thread: a
//! phase of an mbarrier, a group of a thread's bulk copies, a group of a warpgroup's `wgmma`. What
//! completes at time `t` of an agent is known to those who know that time, so a wait is
//! `clock.learn(lanes, &Clocks::completion(cluster, agent, t))`, and what a thread so learned it
//! hands on by barriers and releases.
//!
//! ```text
//! let completion = Completion { agent, time: group };            // the group it will be part of
//! let operation = Asynchronous::new(context.agents.operation(), completion);
//! self.observe_async(&operation, AccessKind::CopyRead, bytes, lane, context)?;  // at issue
//! self.clock.learn(lanes, &Clocks::completion(cluster, agent, group));          // at the wait
//! ```
//!
//! Where the completion is not known at issue (which phase of an mbarrier a copy counts in turns out
//! when it lands), the operation is [`Asynchronous::open`] until [`Context::complete_async`].

use tilewright_codegen::ptx::Space;

use super::observe::raise;
use super::proxy::Proxy;
use super::shadow::{GRANULE, Record, granules};
use crate::fault::AccessKind;
use crate::machine::{Context, Outcome, Warp};
use crate::memory::window;

/// Numbers the agents and the operations of a cluster.
#[derive(Debug)]
pub(crate) struct Agents {
    next_agent: u32,
    next_operation: u32,
}

impl Agents {
    /// For a cluster of so many threads, whose numbers come first.
    pub(crate) fn new(threads: usize) -> Self {
        Self { next_agent: threads as u32, next_operation: 0 }
    }

    /// A new agent.
    pub(crate) fn agent(&mut self) -> u32 {
        self.next_agent += 1;
        self.next_agent - 1
    }

    /// A new operation.
    pub(crate) fn operation(&mut self) -> u32 {
        self.next_operation = self.next_operation.wrapping_add(1);
        self.next_operation
    }
}

/// When an operation is complete: at a time of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Completion {
    pub(crate) agent: u32,
    pub(crate) time: u32,
}

impl Completion {
    /// The first of an agent.
    pub(crate) fn first(agent: u32) -> Self {
        Self { agent, time: 1 }
    }

    /// The next of the same agent.
    pub(crate) fn next(self) -> Self {
        Self { time: self.time + 1, ..self }
    }
}

/// An operation that has been issued.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asynchronous {
    /// Its number in the cluster.
    pub(crate) operation: u32,
    completion: Completion,
    /// Whether its accesses go through the generic proxy.
    generic: bool,
}

impl Asynchronous {
    /// An operation with a known completion.
    pub(crate) fn new(operation: u32, completion: Completion) -> Self {
        Self { operation, completion, generic: false }
    }

    /// One whose completion turns out when it lands.
    pub(crate) fn open(operation: u32) -> Self {
        Self::new(operation, Completion { agent: u32::MAX, time: u32::MAX })
    }

    /// The same through the generic proxy.
    pub(crate) fn generic(self) -> Self {
        Self { generic: true, ..self }
    }
}

/// Bytes of one memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// Of the block with this rank in the cluster.
    Shared {
        rank: usize,
        offset: u64,
        size: u32,
    },
    Global {
        address: u64,
        size: u32,
    },
}

impl Bytes {
    /// `size` of them from `begin` on.
    pub(crate) fn part(self, begin: u32, size: u32) -> Self {
        match self {
            Self::Shared { rank, offset, .. } => {
                Self::Shared { rank, offset: offset + u64::from(begin), size }
            }
            Self::Global { address, .. } => {
                Self::Global { address: address.wrapping_add(u64::from(begin)), size }
            }
        }
    }

    pub(crate) fn size(self) -> u32 {
        match self {
            Self::Shared { size, .. } | Self::Global { size, .. } => size,
        }
    }

    /// The space and the address there, as messages show it.
    pub(crate) fn place(self) -> (Space, u64) {
        match self {
            Self::Shared { rank, offset, .. } => {
                (Space::Shared, (rank as u64) << window::RANK_SHIFT | offset)
            }
            Self::Global { address, .. } => (Space::Global, address),
        }
    }
}

impl Warp {
    /// Looks at an access of an operation that `lane` issues. Bytes outside of every allocation are
    /// for the caller to refuse.
    pub(crate) fn observe_async(
        &mut self,
        operation: &Asynchronous,
        kind: AccessKind,
        bytes: Bytes,
        lane: usize,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        if !context.hazards() || bytes.size() == 0 {
            return Ok(());
        }
        let proxy = match bytes {
            _ if operation.generic => Proxy::Generic,
            Bytes::Shared { .. } => Proxy::AsyncShared,
            Bytes::Global { .. } => Proxy::AsyncGlobal,
        };
        let record = Record {
            time: operation.completion.time,
            cluster: self.clock.cluster(),
            pc: context.pc,
            issue: operation.operation,
            accessor: operation.completion.agent,
            thread: self.clock.thread(lane) as u16,
            mask: 0,
            kind,
            proxy,
            strong: kind == AccessKind::CopyAtomic,
            in_flight: false,
            asynchronous: true,
            silent: false,
        };
        match bytes {
            Bytes::Shared { rank, offset, size } => {
                context.check_no_mbarrier(rank, offset, size, lane)?;
                let block = &mut context.blocks[rank];
                for (granule, mask) in granules(offset, size) {
                    let cell = block.shadow.cell(granule);
                    let access = cell.access(Record { mask, ..record }, lane, &self.clock);
                    let (at, length) = extent(granule, mask);
                    let address = (rank as u64) << window::RANK_SHIFT | at;
                    let place = (Space::Shared, address, lane);
                    if let Err(conflict) = access {
                        return Err(raise((kind, length), place, &conflict, context));
                    }
                }
            }
            Bytes::Global { address, size } => {
                let memory = context.run.memory;
                let Some(index) = memory.find(address, size, context.hint) else { return Ok(()) };
                let Some(hazards) = &context.run.hazards else { return Ok(()) };
                context.hint = index;
                let buffer = &memory.buffers()[index];
                let mut page = None;
                for (granule, mask) in granules(address - buffer.address(), size) {
                    let access =
                        hazards.shadows[index].with_cell((index, granule), &mut page, |cell| {
                            cell.access(Record { mask, ..record }, lane, &self.clock)
                        });
                    let (at, length) = extent(granule, mask);
                    let place = (Space::Global, buffer.address() + at, lane);
                    if let Some(Err(conflict)) = access {
                        return Err(raise((kind, length), place, &conflict, context));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Where the bytes of a granule begin, and how many there are.
fn extent(granule: usize, mask: u16) -> (u64, u32) {
    let first = u64::from(mask.trailing_zeros());
    (granule as u64 * GRANULE + first, mask.count_ones())
}

impl Context<'_> {
    /// Notes when an operation that was open is complete, at all the bytes that it accesses.
    pub(crate) fn complete_async(
        &mut self,
        cluster: u32,
        operation: u32,
        completion: Completion,
        bytes: impl IntoIterator<Item = Bytes>,
    ) {
        let Some(hazards) = &self.run.hazards else { return };
        let (of, at) = ((cluster, operation), (completion.agent, completion.time));
        for bytes in bytes {
            match bytes {
                Bytes::Shared { rank, offset, size } => {
                    let shadow = &mut self.blocks[rank].shadow;
                    for (granule, _) in granules(offset, size) {
                        shadow.cell(granule).complete(of, at);
                    }
                }
                Bytes::Global { address, size } => {
                    let memory = self.run.memory;
                    let Some(index) = memory.find(address, size, self.hint) else { continue };
                    let begin = memory.buffers()[index].address();
                    let mut page = None;
                    for (granule, _) in granules(address - begin, size) {
                        hazards.shadows[index]
                            .with_cell((index, granule), &mut page, |cell| cell.complete(of, at));
                    }
                }
            }
        }
    }
}
