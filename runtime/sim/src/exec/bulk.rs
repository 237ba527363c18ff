//! `cp.async.bulk` and `cp.reduce.async.bulk` of contiguous bytes, and the groups of bulk copies.

use tilewright_codegen::ptx::Space;

use super::access::{check_alignment, locate};
use super::mbarrier::{At, object_at};
use super::registers::{AnySlot, LANES, Slot, lanes};
use super::transfer::{Piece, Signal, Source, Transfer};
use crate::fault::{AccessKind, FaultKind};
use crate::hazard::{Bytes, Clocks, Completion};
use crate::machine::{Awaited, Context, Outcome, Raised, Warp};
use crate::program::code::{Address, Bulk, StoreAsync};

/// What sizes and addresses of bulk copies are multiples of.
const UNIT: u32 = 16;

/// The block whose mbarrier a copy signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signalled {
    /// The one that the copy writes to.
    Destination,
    /// Each that a multicast writes to, at the same offset.
    EachDestination,
    /// `.cta_group::2`: of the pair that the copy writes to, either block, as the mbarrier's address
    /// says.
    Pair,
    /// Of the pair of each block that a multicast writes to, the block whose rank is even or odd as
    /// that of the mbarrier's address.
    EachPair,
}

impl Signalled {
    pub(super) fn new(multicast: bool, of_pair: bool) -> Self {
        match (multicast, of_pair) {
            (false, false) => Self::Destination,
            (true, false) => Self::EachDestination,
            (false, true) => Self::Pair,
            (true, true) => Self::EachPair,
        }
    }
}

/// The groups of bulk copies of the lanes of a warp.
#[derive(Debug, Default)]
pub(crate) struct BulkGroups {
    /// Groups that each lane has closed.
    committed: [u32; LANES],
    /// The last group of each lane that reads shared memory, and the last whose reads it has waited
    /// for.
    reading: [u32; LANES],
    waited: [u32; LANES],
    /// For each lane that has issued any, the agents of their reads and of their writes.
    agents: [Option<(u32, u32)>; LANES],
}

impl BulkGroups {
    /// `cp.async.bulk.commit_group`.
    pub(crate) fn commit(&mut self, active: u32) {
        for lane in lanes(active) {
            self.committed[lane] += 1;
        }
    }
}

impl Warp {
    /// Executes `cp.async.bulk` and `cp.reduce.async.bulk`.
    pub(crate) fn bulk_copy(
        &mut self,
        group: usize,
        bulk: &Bulk,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let to = self.addresses(group, &bulk.destination);
        let from = self.addresses(group, &bulk.source);
        let (to_space, from_space) = (bulk.destination.space, bulk.source.space);
        check_alignment(context, AccessKind::CopyWrite, to_space, &to, (UNIT, active))?;
        check_alignment(context, AccessKind::CopyRead, from_space, &from, (UNIT, active))?;
        let number = context.agents.operation();
        for lane in lanes(active) {
            let size = self.registers.get(bulk.size)[lane];
            if !size.is_multiple_of(UNIT) {
                let what = format!("a bulk copy of {size} bytes; expected a multiple of {UNIT}");
                return Err(Raised::undefined(what, 1 << lane));
            }
            let (begin, end) = self.bytes_to_copy(bulk, size, lane)?;
            let source = place(from_space, from[lane], (size, lane), context)?;
            let destination = place(to_space, to[lane], (size, lane), context)?;
            let mut pieces = vec![(begin, end - begin)];
            if let Some(mask) = bulk.bytes {
                pieces = masked(size, self.registers.get(mask)[lane]);
            }
            let targets = self.targets(bulk.multicast, lane, destination, context)?;
            for (i, destination) in targets.into_iter().enumerate() {
                let signal = match bulk.barrier {
                    Some(address) => {
                        let to = (destination, Signalled::new(bulk.multicast.is_some(), false));
                        self.transactions(group, &address, (lane, size), to, context)?
                    }
                    None => self.group_signal(lane, context),
                };
                let piece = |&(at, size)| Piece {
                    from: Source::Memory(source.part(at, size)),
                    to: destination.part(at, size),
                };
                let pieces: Vec<Piece> = pieces.iter().map(piece).collect();
                let writes = pieces.iter().map(|piece| piece.to).collect();
                let reads = if i == 0 { vec![source.part(begin, end - begin)] } else { Vec::new() };
                let transfer = Transfer {
                    pieces,
                    reads,
                    writes,
                    reduction: bulk.reduction.clone(),
                    completion: signal,
                    generic: false,
                };
                self.transfer(transfer, number, lane, context)?;
            }
        }
        Ok(())
    }

    /// The bytes of a lane's copy that have to exist: others are left unwritten.
    fn bytes_to_copy(&self, bulk: &Bulk, size: u32, lane: usize) -> Outcome<(u32, u32)> {
        let Some((left, right)) = bulk.ignored else { return Ok((0, size)) };
        let (left, right) = (self.registers.get(left)[lane], self.registers.get(right)[lane]);
        if left >= UNIT || right >= UNIT || left + right > size {
            let what = format!(
                "a bulk copy of {size} bytes that ignores {left} and {right} at its ends; expected up to {} each",
                UNIT - 1
            );
            return Err(Raised::undefined(what, 1 << lane));
        }
        Ok((left, size - right))
    }

    /// Executes `st.async` and `red.async`.
    pub(crate) fn store_async(
        &mut self,
        group: usize,
        store: &StoreAsync,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let size = store.element * store.sources.len() as u32;
        let to = self.addresses(group, &store.destination);
        let space = store.destination.space;
        check_alignment(context, AccessKind::CopyWrite, space, &to, (size, active))?;
        let number = context.agents.operation();
        for lane in lanes(active) {
            let destination = place(space, to[lane], (size, lane), context)?;
            let target = (destination, Signalled::Destination);
            let completion =
                self.transactions(group, &store.barrier, (lane, size), target, context)?;
            let piece = |(i, &source): (usize, &AnySlot)| Piece {
                from: Source::Pattern(self.registers.lane(source, lane)),
                to: destination.part(i as u32 * store.element, store.element),
            };
            let transfer = Transfer {
                pieces: store.sources.iter().enumerate().map(piece).collect(),
                reads: Vec::new(),
                writes: vec![destination],
                reduction: store.reduction.clone(),
                completion,
                generic: true,
            };
            self.transfer(transfer, number, lane, context)?;
        }
        Ok(())
    }

    /// Where a copy to `destination` goes: there, or to the same offset in the blocks of a mask.
    pub(super) fn targets(
        &self,
        multicast: Option<Slot<u32>>,
        lane: usize,
        destination: Bytes,
        context: &Context<'_>,
    ) -> Outcome<Vec<Bytes>> {
        let (Some(mask), Bytes::Shared { offset, size, .. }) = (multicast, destination) else {
            return Ok(vec![destination]);
        };
        let mask = self.registers.get(mask)[lane] & 0xffff;
        let count = context.blocks.len();
        if mask == 0 || mask >> count != 0 {
            let what = format!("the mask {mask:#x} of a multicast in a cluster of {count} blocks");
            return Err(Raised::undefined(what, 1 << lane));
        }
        Ok(lanes(mask).map(|rank| Bytes::Shared { rank, offset, size }).collect())
    }

    /// The signal of a copy that completes `size` transactions of an mbarrier.
    pub(super) fn transactions(
        &mut self,
        group: usize,
        barrier: &Address,
        (lane, size): (usize, u32),
        (destination, signalled): (Bytes, Signalled),
        context: &mut Context<'_>,
    ) -> Outcome<Signal> {
        let address = self.addresses(group, barrier)[lane];
        let (space, address) = locate(barrier.space, address);
        let at = object_at(lane, space, address, context)?;
        let Bytes::Shared { rank, .. } = destination else {
            return Err(Raised::undefined("a copy to global memory with an mbarrier", 1 << lane));
        };
        let signalled_rank = match signalled {
            Signalled::Destination | Signalled::EachDestination => rank,
            Signalled::Pair | Signalled::EachPair => rank & !1 | at.rank & 1,
        };
        let is_multicast = matches!(signalled, Signalled::EachDestination | Signalled::EachPair);
        if !is_multicast && at.rank != signalled_rank {
            let what = "the mbarrier of a copy is in another block than its destination";
            return Err(Raised::undefined(what, 1 << lane));
        }
        Ok(Signal::Transactions { at: At { rank: signalled_rank, ..at }, bytes: size })
    }

    /// The signal of a copy that belongs to the lane's open group and reads shared memory.
    pub(super) fn group_signal(&mut self, lane: usize, context: &mut Context<'_>) -> Signal {
        let agents = &mut context.agents;
        let (reads, writes) =
            *self.bulk.agents[lane].get_or_insert_with(|| (agents.agent(), agents.agent()));
        let group = self.bulk.committed[lane] + 1;
        self.bulk.reading[lane] = group;
        let completion = |agent| Completion { agent, time: group };
        Signal::Group { group, reads: completion(reads), writes: completion(writes) }
    }

    /// Executes `cp.async.bulk.wait_group`.
    pub(crate) fn bulk_wait(
        &mut self,
        most: u32,
        only_reads: bool,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        for lane in lanes(active) {
            let last = self.bulk.committed[lane].saturating_sub(most);
            self.bulk.waited[lane] = self.bulk.waited[lane].max(last);
            let Some((reads, writes)) = self.bulk.agents[lane] else { continue };
            context.land_awaited(Awaited::Groups { thread: self.clock.thread(lane), last })?;
            if context.hazards() {
                let cluster = self.clock.cluster();
                let mut clocks = Clocks::completion(cluster, reads, last);
                if !only_reads {
                    clocks.join(&Clocks::completion(cluster, writes, last));
                }
                self.clock.learn(1 << lane, &clocks);
            }
        }
        Ok(())
    }

    /// Refuses to let lanes exit whose bulk copies may still read shared memory.
    pub(crate) fn check_left_groups(&self, active: u32, context: &Context<'_>) -> Outcome<()> {
        if !context.run.options.lints.exit_before_bulk_reads {
            return Ok(());
        }
        let left = |&lane: &usize| self.bulk.reading[lane] > self.bulk.waited[lane];
        let lanes = lanes(active).filter(left).fold(0, |mask, lane| mask | 1 << lane);
        if lanes == 0 {
            return Ok(());
        }
        let block = context.blocks[context.rank].index;
        Err(Raised::new(FaultKind::BulkLeft { block }, lanes))
    }
}

/// The bytes at an address.
fn place(
    space: Space,
    address: u64,
    (size, lane): (u32, usize),
    context: &Context<'_>,
) -> Outcome<Bytes> {
    let (space, address) = locate(space, address);
    match (space, context.shared_at(address)) {
        (Space::Shared, Some((rank, offset))) => Ok(Bytes::Shared { rank, offset, size }),
        (Space::Global, _) => Ok(Bytes::Global { address, size }),
        _ => Err(context.outside(AccessKind::CopyRead, space, address, (size, lane))),
    }
}

/// The pieces that a mask of bytes leaves of every 16: where each begins, and its size.
fn masked(size: u32, mask: u32) -> Vec<(u32, u32)> {
    let mask = mask & 0xffff;
    let mut pieces = Vec::new();
    for unit in (0..size).step_by(UNIT as usize) {
        let mut at = 0;
        while mask >> at != 0 {
            at += (mask >> at).trailing_zeros();
            let length = (mask >> at).trailing_ones();
            pieces.push((unit + at, length));
            at += length;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_leaves_runs_of_bytes() {
        assert_eq!(masked(32, 0xffff), [(0, 16), (16, 16)]);
        assert_eq!(masked(16, 0b1_0110), [(1, 2), (4, 1)]);
        assert_eq!(masked(16, 0), []);
    }
}
