//! The queue of asynchronous operations, and `tcgen05.commit`.
//!
//! By the letter of the manual only some of the operations of a thread are in order, those that form
//! a *pipeline* (*Memory Consistency Model for 5th generation of TensorCore operations*). Shipped
//! kernels rely on the order of all of them, and so the queue has it; which pairs the manual has in
//! order is [`Stage::is_pipelined_with`](crate::hazard::Stage::is_pipelined_with).

use std::fmt;

use super::super::access::locate;
use super::super::mbarrier::{At, object_at};
use super::super::registers::{LANES, lanes};
use super::peer;
use crate::hazard::{Asynchronous, Clocks, Completion, Stage, TensorAccessor};
use crate::machine::{Awaited, Context, Issuer, Operation, Outcome, Raised, Warp};
use crate::program::tcgen05::Commit;

/// The operations that the threads of a warp have put on the queue.
#[derive(Debug, Default)]
pub(crate) struct Issues {
    /// How often each lane has committed.
    commits: [u32; LANES],
    /// For each lane that has issued any, the agent that completes its operations.
    agents: [Option<u32>; LANES],
}

/// An operation that a thread is about to put on the queue.
#[derive(Debug)]
pub(crate) struct Issued {
    /// What its accesses to shared memory are noted with.
    pub(crate) operation: Asynchronous,
    /// What its accesses to tensor memory are noted with.
    pub(crate) access: TensorAccessor,
    issuer: Issuer,
    pair: bool,
}

impl Issued {
    /// The ranks of the blocks that it is for.
    pub(crate) fn ranks(&self, context: &Context<'_>) -> impl Iterator<Item = usize> + use<> {
        let (own, pair) = (context.rank, self.pair);
        std::iter::once(own).chain(pair.then_some(own ^ 1))
    }
}

/// What an operation of the queue does when its turn comes.
pub(crate) trait Landing: fmt::Debug + Send {
    /// Reads and writes shared and tensor memory.
    ///
    /// # Errors
    ///
    /// The fault of the operation, which is reported at the instruction that issued it.
    fn land(&self, context: &mut Context<'_>) -> Outcome<()>;
}

/// An operation on the queue.
#[derive(Debug)]
struct Queued {
    landing: Box<dyn Landing>,
    issuer: Issuer,
    /// The block that issued it.
    rank: usize,
    /// Whether it is for both blocks of the pair.
    pair: bool,
}

impl Operation for Queued {
    fn land(&self, context: &mut Context<'_>) -> Outcome<()> {
        *context.changes += 1;
        self.landing.land(context)
    }

    fn completes(&self, _: Awaited) -> bool {
        false
    }

    fn belongs_to_group(&self) -> bool {
        false
    }

    fn touches(&self, rank: usize) -> bool {
        rank == self.rank || self.pair && rank == self.rank ^ 1
    }

    fn issuer(&self) -> Issuer {
        self.issuer
    }
}

impl Warp {
    /// Begins an operation of a lane, in both blocks of the pair where `pair`.
    pub(crate) fn begin_tensor_operation(
        &mut self,
        lane: usize,
        stage: Stage,
        pair: bool,
        context: &mut Context<'_>,
    ) -> Outcome<Issued> {
        if pair {
            let peer = peer(context, 1 << lane)?;
            self.check_peer(peer, lane, context)?;
        }
        let completion = self.tensor_completion(lane, context);
        let operation = Asynchronous::new(context.agents.operation(), completion);
        let number = (operation.operation, completion);
        let access = TensorAccessor::queued(self, lane, stage, number, context);
        Ok(Issued { operation, access, issuer: self.issuer(lane, context), pair })
    }

    /// When the operations are complete that a lane issues now: with its next commit.
    fn tensor_completion(&mut self, lane: usize, context: &mut Context<'_>) -> Completion {
        let agent = *self.issues.agents[lane].get_or_insert_with(|| context.agents.agent());
        Completion { agent, time: self.issues.commits[lane] + 1 }
    }

    /// Puts an operation on the queue.
    pub(crate) fn enqueue_tensor_operation(
        &mut self,
        issued: Issued,
        landing: Box<dyn Landing>,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let Issued { issuer, pair, .. } = issued;
        let queued = Queued { landing, issuer, rank: context.rank, pair };
        context.enqueue(Box::new(queued))
    }

    /// The thread of a lane, at the instruction that executes.
    pub(super) fn issuer(&self, lane: usize, context: &Context<'_>) -> Issuer {
        let (cluster, thread) = (self.clock.cluster(), self.clock.thread(lane));
        Issuer { cluster, thread, pc: context.pc }
    }

    /// `tcgen05.commit`.
    pub(super) fn commit(
        &mut self,
        group: usize,
        commit: &Commit,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let addresses = self.addresses(group, &commit.barrier);
        for lane in lanes(active) {
            let (space, address) = locate(commit.barrier.space, addresses[lane]);
            let at = object_at(lane, space, address, context)?;
            let ranks = match commit.multicast {
                None => 1 << at.rank,
                Some(mask) => self.registers.get(mask)[lane] & 0xffff,
            };
            let count = context.blocks.len();
            if ranks == 0 || ranks >> count != 0 {
                let what =
                    format!("the mask {ranks:#x} of a commit in a cluster of {count} blocks");
                return Err(Raised::undefined(what, 1 << lane));
            }
            let targets: Vec<At> = lanes(ranks).map(|rank| At { rank, ..at }).collect();
            for &at in &targets {
                self.check_peer(at.rank, lane, context)?;
                self.access_mbarrier(at, lane, context)?;
            }
            let completion = self.tensor_completion(lane, context);
            self.issues.commits[lane] += 1;
            let clocks = context.hazards().then(|| {
                let mut clocks = committed(self.clock.cluster(), completion, context);
                // What the thread knew happened before its operations, and so before they complete.
                clocks.join(&self.clock.publish(1 << lane));
                clocks
            });
            let issuer = self.issuer(lane, context);
            let arrival = Arrival { targets, rank: context.rank, issuer, clocks };
            context.enqueue(Box::new(arrival))?;
        }
        Ok(())
    }
}

/// What those know who wait for a commit, which brings the fence before a synchronization along.
fn committed(cluster: u32, completion: Completion, context: &Context<'_>) -> Clocks {
    let Completion { agent, time } = completion;
    match context.run.options.lints.unfenced_tensor_memory {
        true => Clocks::fenced_completion(cluster, agent, time),
        false => Clocks::completion(cluster, agent, time),
    }
}

/// A commit on the queue: it arrives at mbarriers when its turn comes.
#[derive(Debug)]
struct Arrival {
    targets: Vec<At>,
    /// The block that issued it.
    rank: usize,
    issuer: Issuer,
    /// What is known by those who wait for it, if hazards are looked for.
    clocks: Option<Clocks>,
}

impl Operation for Arrival {
    fn land(&self, context: &mut Context<'_>) -> Outcome<()> {
        for &at in &self.targets {
            // The mbarriers of a block that is gone are its own affair.
            if at.rank != self.rank || !context.blocks[at.rank].has_exited() {
                context.arrive_at(at, self.clocks.as_ref())?;
            }
        }
        Ok(())
    }

    fn completes(&self, awaited: Awaited) -> bool {
        matches!(awaited, Awaited::Mbarrier { rank, offset } if self.targets.contains(&At { rank, offset }))
    }

    fn belongs_to_group(&self) -> bool {
        false
    }

    fn touches(&self, rank: usize) -> bool {
        rank != self.rank && self.targets.iter().any(|at| at.rank == rank)
    }

    fn issuer(&self) -> Issuer {
        self.issuer
    }
}

impl Context<'_> {
    /// Puts something on the queue of the executing block's pair.
    fn enqueue(&mut self, operation: Box<dyn Operation>) -> Outcome<()> {
        self.flights.issue_in_order(self.rank / 2, operation, self.now, self.random);
        self.land_due()
    }
}
