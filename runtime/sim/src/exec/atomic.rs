//! `atom` and `red`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tilewright_codegen::ptx::Space;

use super::access::{check_alignment, locate};
use super::load_store::{bytes, words};
use super::registers::lanes;
use crate::fault::{AccessKind, FaultKind};
use crate::hazard::Event;
use crate::machine::{Context, Outcome, Raised, Warp};
use crate::memory::Buffer;
use crate::program::code::Atomic;

/// Locks for the atomic operations of 64 bits, which are two words here.
static PAIRS: [Mutex<()>; 64] = [const { Mutex::new(()) }; 64];

fn lock_pair(address: u64) -> MutexGuard<'static, ()> {
    // A poisoned lock guards no data that could be inconsistent.
    PAIRS[(address / 8 % 64) as usize].lock().unwrap_or_else(PoisonError::into_inner)
}

impl Warp {
    /// Executes an atomic operation, lane by lane.
    pub(crate) fn atomic(
        &mut self,
        group: usize,
        atomic: &Atomic,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let element = atomic.element;
        let size = element * atomic.elements.len() as u32;
        let addresses = self.addresses(group, &atomic.address);
        let space = atomic.address.space;
        check_alignment(context, AccessKind::Atomic, space, &addresses, (size, active))?;
        context.count_access(AccessKind::Atomic, space, &addresses, (size, active));
        self.check_peers(&atomic.address, &addresses, active, context)?;
        let event = Event::new(AccessKind::Atomic, atomic.order, atomic.scope, size);
        for lane in lanes(active) {
            let _turn = context.turn(atomic.order, space, addresses[lane]);
            if context.hazards() {
                self.observe(event, space, &addresses, 1 << lane, context)?;
            }
            let (space, mut address) = locate(space, addresses[lane]);
            let read = |slot| self.registers.lane(slot, lane);
            let operands: Vec<_> =
                atomic.elements.iter().map(|element| element.operands.map(read)).collect();
            for (registers, [a, b]) in atomic.elements.iter().zip(operands) {
                let update = |old| (atomic.update)(old, a, b);
                let old = update_memory(lane, space, address, (element, &update), context)?;
                if let Some(destination) = registers.destination {
                    self.registers.set_lane(destination, lane, old);
                }
                address += u64::from(element);
            }
        }
        Ok(())
    }
}

/// Replaces the number at an address; the one that was there.
pub(super) fn update_memory(
    lane: usize,
    space: Space,
    address: u64,
    (size, update): (u32, &dyn Fn(u64) -> u64),
    context: &mut Context<'_>,
) -> Outcome<u64> {
    let outside =
        |context: &Context<'_>| context.outside(AccessKind::Atomic, space, address, (size, lane));
    match space {
        Space::Global => {
            let memory = context.run.memory;
            let Some(index) = memory.find(address, size, context.hint) else {
                return Err(outside(context));
            };
            context.hint = index;
            let buffer = &memory.buffers()[index];
            if buffer.read_only {
                let access = context.describe(AccessKind::Atomic, space, address, size);
                return Err(Raised::new(FaultKind::ReadOnly(access), 1 << lane));
            }
            let offset = (address - buffer.address()) as usize;
            let (old, new) = update_buffer(buffer, offset, size, address, update);
            *context.changes += u64::from(old != new);
            Ok(old)
        }
        Space::Shared => {
            let Some((rank, at)) = context.shared_at(address) else {
                return Err(outside(context));
            };
            let Some(held) = context.blocks[rank].shared.get(at, size) else {
                return Err(outside(context));
            };
            let held = words(held);
            let old = u64::from(held[0]) | u64::from(held[1]) << 32;
            let new = update(old);
            let replacement = bytes(&[new as u32, (new >> 32) as u32, 0, 0, 0, 0, 0, 0]);
            context.blocks[rank].shared.set(at, &replacement[..size as usize]);
            *context.changes += u64::from(old != new);
            Ok(old)
        }
        _ => {
            let access = context.describe(AccessKind::Atomic, space, address, size);
            Err(Raised::new(FaultKind::ReadOnly(access), 1 << lane))
        }
    }
}

/// Replaces a number of a buffer; the old and the new one.
fn update_buffer(
    buffer: &Buffer,
    offset: usize,
    size: u32,
    address: u64,
    update: &dyn Fn(u64) -> u64,
) -> (u64, u64) {
    if size == 8 {
        let _guard = lock_pair(address);
        let held = buffer.read(offset, 8);
        let old = u64::from(held[0]) | u64::from(held[1]) << 32;
        let new = update(old);
        buffer.write(offset, 8, &[new as u32, (new >> 32) as u32, 0, 0, 0, 0, 0, 0]);
        return (old, new);
    }
    let shift = 8 * (offset % 4);
    let ones = u32::MAX >> (32 - 8 * size);
    let (mut old, mut new) = (0, 0);
    buffer.update_word(offset, |word| {
        old = word >> shift & ones;
        new = update(u64::from(old)) as u32 & ones;
        word & !(ones << shift) | new << shift
    });
    buffer.mark_written(offset, size);
    (u64::from(old), u64::from(new))
}
