//! Asynchronous transfers of bytes between memories: what bulk and tensor copies come down to.

use std::sync::Arc;

use super::mbarrier::At;
use crate::fault::{AccessKind, FaultKind};
use crate::hazard::{Asynchronous, Bytes, Completion};
use crate::machine::{Awaited, Context, Issuer, Operation, Outcome, Raised, Warp};
use crate::program::code::ElementUpdate;

/// A transfer as an instruction asks for it.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) pieces: Vec<Piece>,
    /// The bytes that it reads, as few ranges as may be.
    pub(crate) reads: Vec<Bytes>,
    /// The bytes that it writes.
    pub(crate) writes: Vec<Bytes>,
    pub(crate) reduction: Option<Arc<ElementUpdate>>,
    pub(crate) completion: Signal,
    /// Whether it goes through the generic proxy.
    pub(crate) generic: bool,
}

/// Bytes of a transfer that are contiguous on both sides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) from: Source,
    pub(crate) to: Bytes,
}

/// Where the bytes of a piece come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    Memory(Bytes),
    /// These eight bytes over and over.
    Pattern(u64),
}

/// How a transfer tells that it is complete.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    /// It completes transactions of an mbarrier.
    Transactions { at: At, bytes: u32 },
    /// It belongs to a group of its thread: when its reads and when its writes are complete.
    Group { group: u32, reads: Completion, writes: Completion },
}

/// A transfer in flight.
#[derive(Debug)]
struct Flying {
    transfer: Transfer,
    operation: u32,
    issuer: Issuer,
}

impl Warp {
    /// Issues a transfer for a lane, as the operation of this number, which it shares with the
    /// other lanes of the instruction.
    pub(crate) fn transfer(
        &mut self,
        transfer: Transfer,
        number: u32,
        lane: usize,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let (mut reads, mut writes) = match transfer.completion {
            Signal::Transactions { at, .. } => {
                self.check_peer(at.rank, lane, context)?;
                self.see_mbarrier(at, lane, context)?;
                (Asynchronous::open(number), Asynchronous::open(number))
            }
            Signal::Group { reads, writes, .. } => {
                (Asynchronous::new(number, reads), Asynchronous::new(number, writes))
            }
        };
        if transfer.generic {
            (reads, writes) = (reads.generic(), writes.generic());
        }
        let written = match transfer.reduction {
            Some(_) => AccessKind::CopyAtomic,
            None => AccessKind::CopyWrite,
        };
        for &bytes in &transfer.reads {
            self.check_transfer(AccessKind::CopyRead, bytes, lane, context)?;
            self.observe_async(&reads, AccessKind::CopyRead, bytes, lane, context)?;
            let (space, address) = bytes.place();
            let read = (space, address, bytes.size());
            self.check_written(AccessKind::CopyRead, read, lane, context)?;
        }
        for &bytes in &transfer.writes {
            self.check_transfer(written, bytes, lane, context)?;
            if let Err(conflict) = self.observe_async(&writes, written, bytes, lane, context) {
                // Copies that write the same do not conflict, like stores that do.
                context.land_groups()?;
                if !transfer.is_silent(context) {
                    return Err(conflict);
                }
            }
        }
        let issuer = Issuer {
            cluster: self.clock.cluster(),
            thread: self.clock.thread(lane),
            pc: context.pc,
        };
        let flying = Flying { transfer, operation: number, issuer };
        context.flights.issue(Box::new(flying), context.now, context.random);
        context.land_due()
    }

    /// Refuses bytes outside of every allocation, and counts the traffic.
    fn check_transfer(
        &mut self,
        kind: AccessKind,
        bytes: Bytes,
        lane: usize,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let (space, address) = bytes.place();
        let size = bytes.size();
        match bytes {
            Bytes::Shared { rank, offset, .. } => {
                if context.blocks[rank].shared.get(offset, size).is_none() {
                    return Err(context.outside(kind, space, address, (size, lane)));
                }
                self.check_peer(rank, lane, context)?;
            }
            Bytes::Global { .. } => {
                let memory = context.run.memory;
                let Some(index) = memory.find(address, size, context.hint) else {
                    return Err(context.outside(kind, space, address, (size, lane)));
                };
                context.hint = index;
                if memory.buffers()[index].read_only && kind != AccessKind::CopyRead {
                    let access = context.describe(kind, space, address, size);
                    return Err(Raised::new(FaultKind::ReadOnly(access), 1 << lane));
                }
            }
        }
        context.count_bytes(kind, space, u64::from(size));
        Ok(())
    }
}

impl Transfer {
    /// Whether it is a copy to global memory that finds there what it writes.
    fn is_silent(&self, context: &mut Context<'_>) -> bool {
        let (mut from, mut to) = (Vec::new(), Vec::new());
        self.reduction.is_none()
            && self.pieces.iter().all(|piece| {
                let (Source::Memory(source), Bytes::Global { size, .. }) = (piece.from, piece.to)
                else {
                    return false;
                };
                from.resize(size as usize, 0);
                to.resize(size as usize, 0);
                context.read_range(source, &mut from);
                context.read_range(piece.to, &mut to);
                from == to
            })
    }
}

impl Operation for Flying {
    fn land(&self, context: &mut Context<'_>) -> Outcome<()> {
        let Transfer { pieces, reads, writes, reduction, completion, .. } = &self.transfer;
        let mut data = Vec::new();
        for piece in pieces {
            data.clear();
            data.resize(piece.to.size() as usize, 0);
            match piece.from {
                Source::Memory(bytes) => context.read_range(bytes, &mut data),
                Source::Pattern(pattern) => {
                    for (byte, from) in data.iter_mut().zip(pattern.to_le_bytes().iter().cycle()) {
                        *byte = *from;
                    }
                }
            }
            match reduction {
                Some(reduction) => context.update_range(piece.to, &data, reduction),
                None => context.write_range(piece.to, &data),
            }
        }
        *context.changes += 1;
        if let Signal::Transactions { at, bytes } = *completion {
            let completion = context.complete_transactions(at, bytes, self.issuer.cluster)?;
            let all = reads.iter().chain(writes).copied();
            context.complete_async(self.issuer.cluster, self.operation, completion, all);
        }
        Ok(())
    }

    fn completes(&self, awaited: Awaited) -> bool {
        match (self.transfer.completion, awaited) {
            (Signal::Transactions { at, .. }, Awaited::Mbarrier { rank, offset }) => {
                at == At { rank, offset }
            }
            (Signal::Group { group, .. }, Awaited::Groups { thread, last }) => {
                thread == self.issuer.thread && group <= last
            }
            _ => false,
        }
    }

    fn belongs_to_group(&self) -> bool {
        matches!(self.transfer.completion, Signal::Group { .. })
    }

    fn touches(&self, of: usize) -> bool {
        let Transfer { reads, writes, completion, .. } = &self.transfer;
        let signals = matches!(completion, Signal::Transactions { at, .. } if at.rank == of);
        let shared = |bytes: &Bytes| matches!(bytes, Bytes::Shared { rank, .. } if *rank == of);
        // The memory of a block is kept until its copies out of it are done.
        !self.belongs_to_group() && (signals || reads.iter().chain(writes).any(shared))
    }

    fn issuer(&self) -> Issuer {
        self.issuer
    }
}

impl Context<'_> {
    /// Reads bytes that exist.
    fn read_range(&mut self, bytes: Bytes, data: &mut [u8]) {
        match bytes {
            Bytes::Shared { rank, offset, size } => {
                if let Some(held) = self.blocks[rank].shared.get(offset, size) {
                    data.copy_from_slice(held);
                }
            }
            Bytes::Global { address, size } => {
                if let Some(index) = self.run.memory.find(address, size, self.hint) {
                    self.hint = index;
                    let buffer = &self.run.memory.buffers()[index];
                    buffer.read_range((address - buffer.address()) as usize, data);
                }
            }
        }
    }

    /// Writes bytes that exist.
    fn write_range(&mut self, bytes: Bytes, data: &[u8]) {
        match bytes {
            Bytes::Shared { rank, offset, .. } => self.blocks[rank].shared.set_range(offset, data),
            Bytes::Global { address, size } => {
                if let Some(index) = self.run.memory.find(address, size, self.hint) {
                    self.hint = index;
                    let buffer = &self.run.memory.buffers()[index];
                    buffer.write_range((address - buffer.address()) as usize, data);
                }
            }
        }
    }

    /// Updates the elements at bytes that exist, each atomically.
    fn update_range(&mut self, bytes: Bytes, data: &[u8], reduction: &ElementUpdate) {
        let size = reduction.size;
        let (space, first) = bytes.place();
        for (i, element) in data.chunks_exact(size as usize).enumerate() {
            let mut value = [0; 8];
            value[..element.len()].copy_from_slice(element);
            let value = u64::from_le_bytes(value);
            let update = |old| (reduction.update)(old, value, 0);
            let address = first + i as u64 * u64::from(size);
            // The bytes exist and can be written, which was seen to at issue.
            let _ = super::atomic::update_memory(0, space, address, (size, &update), self);
        }
    }
}
