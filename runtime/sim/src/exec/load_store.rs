//! `ld` and `st`.

use tilewright_codegen::ptx::Space;

use super::access::{Words, check_alignment, locate};
use super::registers::{AnySlot, Slot, lanes};
use crate::fault::{AccessKind, FaultKind};
use crate::hazard::{Event, Unwritten};
use crate::machine::{Context, Outcome, Raised, Warp};
use crate::program::code::{Load, Store};

impl Warp {
    /// Executes a load.
    pub(crate) fn load(
        &mut self,
        group: usize,
        load: &Load,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let size = load.element * load.destinations.len() as u32;
        let addresses = self.addresses(group, &load.address);
        let space = load.address.space;
        check_alignment(context, AccessKind::Read, space, &addresses, (size, active))?;
        context.count_access(AccessKind::Read, space, &addresses, (size, active));
        self.check_peers(&load.address, &addresses, active, context)?;
        let strong = load.order.is_strong();
        let event = Event::new(AccessKind::Read, load.order, load.scope, size);
        let hazards = context.hazards();
        if hazards && !strong {
            self.observe(event, space, &addresses, active, context)?;
        }
        let mut unwritten = Unwritten::new();
        for lane in lanes(active) {
            let _turn = context.turn(load.order, space, addresses[lane]);
            if hazards && strong {
                self.observe(event, space, &addresses, 1 << lane, context)?;
            }
            let (space, address) = locate(space, addresses[lane]);
            let words = self.read(lane, space, address, size, context)?;
            if hazards {
                self.note_unwritten(&mut unwritten, lane, (space, address, size), context);
            }
            for (i, destination) in load.destinations.iter().enumerate() {
                if let Some(slot) = destination {
                    self.set_element(*slot, lane, &words, i, load);
                }
            }
        }
        self.leave_loaded_undefined(load, active, &unwritten, context);
        Ok(())
    }

    /// Writes element `i` of a load to its register.
    #[inline]
    fn set_element(&mut self, slot: AnySlot, lane: usize, words: &Words, i: usize, load: &Load) {
        match (load.element, slot) {
            (4, AnySlot::Word(slot)) => self.registers.get_mut(slot)[lane] = words[i],
            (16, AnySlot::Quad(slot)) => {
                let half = |at: usize| u64::from(words[at]) | u64::from(words[at + 1]) << 32;
                self.registers.get_mut(slot)[lane] = half(4 * i);
                self.registers.get_mut(Slot::<u64>::new(slot.index + 1))[lane] = half(4 * i + 2);
            }
            (8, slot) => {
                let value = u64::from(words[2 * i]) | u64::from(words[2 * i + 1]) << 32;
                self.registers.set_lane(slot, lane, value);
            }
            (element, slot) => {
                let (at, bits) = (i * element as usize, element * 8);
                let value = u64::from(words[at / 4] >> (8 * (at % 4)));
                let unused = 64 - bits;
                let value = match load.signed {
                    true => ((value << unused) as i64 >> unused) as u64 & load.keep,
                    false => value << unused >> unused,
                };
                self.registers.set_lane(slot, lane, value);
            }
        }
    }

    /// Reads what a lane's address holds.
    #[inline]
    pub(super) fn read(
        &self,
        lane: usize,
        space: Space,
        address: u64,
        size: u32,
        context: &mut Context<'_>,
    ) -> Outcome<Words> {
        let outside =
            |context: &Context<'_>| context.outside(AccessKind::Read, space, address, (size, lane));
        match space {
            Space::Global => {
                let memory = context.run.memory;
                let Some(index) = memory.find(address, size, context.hint) else {
                    return Err(outside(context));
                };
                context.hint = index;
                let buffer = &memory.buffers()[index];
                Ok(buffer.read((address - buffer.address()) as usize, size))
            }
            Space::Shared => {
                let at = context.shared_at(address);
                let bytes = at.and_then(|(rank, at)| context.blocks[rank].shared.get(at, size));
                bytes.map(words).ok_or_else(|| outside(context))
            }
            Space::Param => {
                let parameters = &context.run.launch.parameters;
                let range = address as usize..address.saturating_add(u64::from(size)) as usize;
                parameters.get(range).map(words).ok_or_else(|| outside(context))
            }
            _ => {
                let bytes = self.local.get(lane, address, size).ok_or_else(|| outside(context))?;
                let mut buffer = [0; 32];
                for (to, from) in buffer.iter_mut().zip(bytes) {
                    *to = from.0;
                }
                Ok(words(&buffer[..size as usize]))
            }
        }
    }

    /// Executes a store.
    pub(crate) fn store(
        &mut self,
        group: usize,
        store: &Store,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let size = store.element * store.sources.len() as u32;
        let addresses = self.addresses(group, &store.address);
        let space = store.address.space;
        check_alignment(context, AccessKind::Write, space, &addresses, (size, active))?;
        context.count_access(AccessKind::Write, space, &addresses, (size, active));
        self.check_peers(&store.address, &addresses, active, context)?;
        let undefined = self.undefined_bytes(&store.sources, store.element, active, context);
        for lane in lanes(active) {
            let words = self.stored(store, lane);
            let _turn = context.turn(store.order, space, addresses[lane]);
            if context.hazards() {
                // Lane by lane, since a lane may write what one before it has written.
                let event = Event::new(AccessKind::Write, store.order, store.scope, size);
                self.observe(event.writing(&words), space, &addresses, 1 << lane, context)?;
            }
            let (space, address) = locate(space, addresses[lane]);
            self.write(lane, space, address, (size, &words), context)?;
            if let Some((bytes, origin)) = &undefined {
                self.leave_unwritten(lane, (space, address), (bytes[lane], *origin), context)?;
            }
        }
        Ok(())
    }

    /// What a lane stores.
    #[inline]
    fn stored(&self, store: &Store, lane: usize) -> Words {
        let mut words = [0; 8];
        for (i, &source) in store.sources.iter().enumerate() {
            match (store.element, source) {
                (4, AnySlot::Word(slot)) => words[i] = self.registers.get(slot)[lane],
                (16, AnySlot::Quad(slot)) => {
                    let high = Slot::<u64>::new(slot.index + 1);
                    let halves = [self.registers.get(slot)[lane], self.registers.get(high)[lane]];
                    for (k, half) in halves.into_iter().enumerate() {
                        words[4 * i + 2 * k] = half as u32;
                        words[4 * i + 2 * k + 1] = (half >> 32) as u32;
                    }
                }
                (8, source) => {
                    let value = self.registers.lane(source, lane);
                    words[2 * i] = value as u32;
                    words[2 * i + 1] = (value >> 32) as u32;
                }
                (element, source) => {
                    let at = i * element as usize;
                    let ones = u32::MAX >> (32 - 8 * element.min(4));
                    let value = self.registers.lane(source, lane) as u32 & ones;
                    words[at / 4] |= value << (8 * (at % 4));
                }
            }
        }
        words
    }

    /// Writes to a lane's address.
    #[inline]
    pub(super) fn write(
        &mut self,
        lane: usize,
        space: Space,
        address: u64,
        (size, words): (u32, &Words),
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let outside = |context: &Context<'_>| {
            context.outside(AccessKind::Write, space, address, (size, lane))
        };
        match space {
            Space::Global => {
                let memory = context.run.memory;
                let Some(index) = memory.find(address, size, context.hint) else {
                    return Err(outside(context));
                };
                context.hint = index;
                let buffer = &memory.buffers()[index];
                if buffer.read_only {
                    let access = context.describe(AccessKind::Write, space, address, size);
                    return Err(Raised::new(FaultKind::ReadOnly(access), 1 << lane));
                }
                let offset = (address - buffer.address()) as usize;
                if context.suspicious && buffer.read(offset, size) == *words {
                    return Ok(());
                }
                *context.changes += 1;
                buffer.write(offset, size, words);
            }
            Space::Shared => {
                let Some((rank, at)) = context.shared_at(address) else {
                    return Err(outside(context));
                };
                let Some(held) = context.blocks[rank].shared.get(at, size) else {
                    return Err(outside(context));
                };
                let bytes = bytes(words);
                let bytes = &bytes[..size as usize];
                *context.changes += u64::from(!context.suspicious || held != bytes);
                context.blocks[rank].shared.set(at, bytes);
            }
            Space::Local => {
                let held =
                    self.local.get_mut(lane, address, size).ok_or_else(|| outside(context))?;
                for (to, from) in held.iter_mut().zip(bytes(words)) {
                    *context.changes += u64::from(to.0 != from);
                    *to = (from, true);
                }
            }
            _ => {
                let access = context.describe(AccessKind::Write, space, address, size);
                return Err(Raised::new(FaultKind::ReadOnly(access), 1 << lane));
            }
        }
        Ok(())
    }
}

/// Bytes as words.
#[inline]
pub(super) fn words(bytes: &[u8]) -> Words {
    let mut words = [0; 8];
    if let [a, b, c, d] = *bytes {
        words[0] = u32::from_le_bytes([a, b, c, d]);
        return words;
    }
    let mut padded = [0; 32];
    padded[..bytes.len()].copy_from_slice(bytes);
    for (word, chunk) in words.iter_mut().zip(padded.chunks_exact(4)) {
        *word = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
    }
    words
}

/// Words as bytes.
#[inline]
pub(crate) fn bytes(words: &Words) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, word) in bytes.chunks_exact_mut(4).zip(words) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}
