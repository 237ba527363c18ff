//! Memory that nothing wrote, where instructions load it to registers that they leave undefined, or
//! store undefined registers to it.

use tilewright_codegen::ptx::Space;

use super::asynchronous::Bytes;
use super::undefined::{Cause, Origin};
use crate::exec::registers::{AnySlot, LANES, lanes};
use crate::fault::AccessKind;
use crate::machine::{Context, Outcome, Warp};
use crate::program::code::Load;

/// What the lanes of a load found that nothing wrote.
#[derive(Debug)]
pub(crate) struct Unwritten {
    /// A bit a byte of each lane's access.
    pub(crate) bytes: [u32; LANES],
    origin: Option<Origin>,
}

impl Unwritten {
    /// Nothing.
    pub(crate) fn new() -> Self {
        Self { bytes: [0; LANES], origin: None }
    }

    /// Where the first of it comes from; none where all was written.
    pub(crate) fn origin(&self) -> Option<Origin> {
        self.origin
    }
}

impl Warp {
    /// Notes which bytes of a lane's access, which has been found to lie in memory, nothing wrote.
    #[inline]
    pub(crate) fn note_unwritten(
        &self,
        unwritten: &mut Unwritten,
        lane: usize,
        (space, address, size): (Space, u64, u32),
        context: &Context<'_>,
    ) {
        let bytes = match space {
            Space::Local => {
                let held = self.local.get(lane, address, size).unwrap_or_default();
                let unwritten = held.iter().enumerate().filter(|(_, (_, written))| !written);
                unwritten.fold(0, |mask, (i, _)| mask | 1 << i)
            }
            _ => context.unwritten(space, address, size),
        };
        unwritten.bytes[lane] = bytes;
        if bytes != 0 {
            let read = (AccessKind::Read, (space, address, size));
            let of_lane = || self.read_of_unwritten(read, bytes, 1 << lane, context);
            unwritten.origin.get_or_insert_with(of_lane);
        }
    }

    /// Where the bytes come from of which a read finds some undefined.
    fn read_of_unwritten(
        &self,
        (kind, (space, address, size)): (AccessKind, (Space, u64, u32)),
        bytes: u32,
        lanes: u32,
        context: &Context<'_>,
    ) -> Origin {
        let stored = match space {
            Space::Shared => context
                .shared_at(address)
                .and_then(|(rank, at)| context.blocks[rank].origins.of_shared(at, bytes)),
            _ => None,
        };
        let cause = Cause::Memory { kind, space, address, size };
        stored.unwrap_or_else(|| self.origin(cause, lanes, context))
    }

    /// Where bytes of shared memory come from, of the block with a rank in the cluster, which an
    /// asynchronous operation finds to be undefined.
    pub(crate) fn read_of_factor(
        &self,
        (rank, offset): (usize, u64),
        size: u32,
        lanes: u32,
        context: &Context<'_>,
    ) -> Origin {
        let unwritten = context.blocks[rank].shared.unwritten(offset, size);
        let (space, address) = Bytes::Shared { rank, offset, size }.place();
        let read = (AccessKind::CopyRead, (space, address, size));
        self.read_of_unwritten(read, unwritten, lanes, context)
    }

    /// Leaves undefined what a load has loaded of bytes that nothing wrote.
    pub(crate) fn leave_loaded_undefined(
        &mut self,
        load: &Load,
        active: u32,
        unwritten: &Unwritten,
        context: &Context<'_>,
    ) {
        let Some(origin) = unwritten.origin else { return };
        for (i, destination) in load.destinations.iter().enumerate() {
            if let Some(slot) = destination {
                let first = i * load.element as usize;
                let of_lane = |bytes| undefined_bits(bytes >> first, load.element, load.signed);
                let bits = unwritten.bytes.map(of_lane);
                self.leave_bits_undefined(*slot, (active, &bits), origin, context);
            }
        }
    }

    /// Which bytes each lane stores with undefined bits, of elements of so many bytes, and where these
    /// come from; none where all is defined.
    pub(crate) fn undefined_bytes(
        &self,
        sources: &[AnySlot],
        element: u32,
        active: u32,
        context: &Context<'_>,
    ) -> Option<([u32; LANES], Origin)> {
        if !context.hazards() {
            return None;
        }
        let origin = self.origin_of_reads(active, context)?;
        let detour = self.on_detour(active).map_or(0, |(lanes, _)| lanes);
        let all = ((1_u64 << (element * sources.len() as u32)) - 1) as u32;
        let mut bytes = [0; LANES];
        lanes(detour).for_each(|lane| bytes[lane] = all);
        for (i, &source) in sources.iter().enumerate() {
            let bits = self.undefined_bits(source, context);
            for lane in lanes(active) {
                // Of 128 bits only whether they are defined is known.
                let of_element = match element {
                    16 if bits[lane] != 0 => 0xffff,
                    16 => 0,
                    _ => bytes_of_bits(bits[lane]) & ((1 << element) - 1),
                };
                bytes[lane] |= of_element << (i as u32 * element);
            }
        }
        Some((bytes, origin))
    }

    /// Where what the instruction stores comes from, as far as it is undefined.
    pub(crate) fn origin_of_reads(&self, active: u32, context: &Context<'_>) -> Option<Origin> {
        let undefined = |&number: &u32| active & !self.written[number as usize];
        let mut reads = context.detail().reads.iter();
        match reads.find(|number| undefined(number) != 0) {
            Some(number) => Some(self.origin_of(*number, undefined(number), context)),
            None => self.on_detour(active).map(|(_, origin)| origin),
        }
    }

    /// The undefined bits of a register that the instruction reads.
    pub(crate) fn undefined_bits(&self, slot: AnySlot, context: &Context<'_>) -> [u64; LANES] {
        self.number_read(slot, context).map_or([0; LANES], |number| self.bits(number))
    }

    /// Takes bytes for unwritten at which a lane has stored undefined bits, and refuses that where others
    /// may see them.
    pub(crate) fn leave_unwritten(
        &mut self,
        lane: usize,
        (space, address): (Space, u64),
        (bytes, origin): (u32, Origin),
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        if bytes == 0 {
            return Ok(());
        }
        let size = u32::BITS - bytes.leading_zeros();
        match space {
            Space::Shared => {
                if let Some((rank, at)) = context.shared_at(address) {
                    let block = &mut context.blocks[rank];
                    block.shared.mark_unwritten(at, bytes);
                    block.origins.note_shared(at, bytes, origin);
                }
            }
            Space::Local => {
                let held = self.local.get_mut(lane, address, size).unwrap_or_default();
                for (i, (_, written)) in held.iter_mut().enumerate() {
                    *written &= bytes >> i & 1 == 0;
                }
            }
            _ => return Err(self.depends(origin, 1 << lane, context)),
        }
        Ok(())
    }

    /// Refuses to read bytes that nothing wrote, for instructions that cannot leave undefined what they
    /// make of them.
    pub(crate) fn check_written(
        &self,
        kind: AccessKind,
        (space, address, size): (Space, u64, u32),
        lane: usize,
        context: &Context<'_>,
    ) -> Outcome<()> {
        const PART: u32 = 16;
        for begin in (0..size).step_by(PART as usize).filter(|_| context.hazards()) {
            let (at, size) = (address + u64::from(begin), PART.min(size - begin));
            let unwritten = context.unwritten(space, at, size);
            if unwritten != 0 {
                let read = (kind, (space, at, size));
                let origin = self.read_of_unwritten(read, unwritten, 1 << lane, context);
                return Err(self.depends(origin, 1 << lane, context));
            }
        }
        Ok(())
    }
}

impl Context<'_> {
    /// Which of up to 32 bytes that lie in shared or global memory nothing wrote.
    #[inline]
    pub(crate) fn unwritten(&self, space: Space, address: u64, size: u32) -> u32 {
        match space {
            Space::Shared => {
                let place = self.shared_at(address);
                place.map_or(0, |(rank, at)| self.blocks[rank].shared.unwritten(at, size))
            }
            Space::Global => {
                let memory = self.run.memory;
                memory.find(address, size, self.hint).map_or(0, |index| {
                    let buffer = &memory.buffers()[index];
                    buffer.unwritten((address - buffer.address()) as usize, size)
                })
            }
            _ => 0,
        }
    }
}

/// The undefined bits of a register to which an element was loaded, from those of its bytes.
fn undefined_bits(bytes: u32, element: u32, signed: bool) -> u64 {
    if element == 16 {
        return if bytes & 0xffff != 0 { u64::MAX } else { 0 };
    }
    let undefined = (0..element).filter(|byte| bytes >> byte & 1 != 0);
    let bits = undefined.fold(0, |bits, byte| bits | 0xff << (8 * byte));
    let unused = 64 - 8 * element;
    match signed {
        true => ((bits << unused) as i64 >> unused) as u64,
        false => bits,
    }
}

/// The bytes in which some bits are set, a bit each.
fn bytes_of_bits(bits: u64) -> u32 {
    let bytes = bits.to_le_bytes();
    bytes.iter().enumerate().fold(0, |mask, (i, &byte)| mask | u32::from(byte != 0) << i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_undefined_by_their_bytes() {
        assert_eq!(undefined_bits(0b10, 2, false), 0xff00);
        assert_eq!(undefined_bits(0b10, 2, true), 0xffff_ffff_ffff_ff00);
        assert_eq!(undefined_bits(0b01, 2, true), 0xff);
        assert_eq!(undefined_bits(0b1_0000, 4, false), 0);
        assert_eq!(undefined_bits(0b1000_0001, 8, false), 0xff00_0000_0000_00ff);
        assert_eq!(undefined_bits(1 << 15, 16, false), u64::MAX);
        assert_eq!(bytes_of_bits(0x0100_0000_0080_0001), 0b1000_0101);
    }
}
