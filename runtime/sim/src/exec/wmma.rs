//! `wmma.load` and `wmma.store`.

use super::access::{Words, check_alignment, locate};
use super::registers::{LANES, lanes};
use crate::fault::AccessKind;
use crate::hazard::{Event, Unwritten};
use crate::machine::{Context, Outcome, Warp};
use crate::program::code::{FragmentAccess, Order, Scope};

impl FragmentAccess {
    /// Bytes of an element.
    fn size(&self) -> u32 {
        self.fragment.bits as u32 / 8
    }

    /// The bits of an element.
    fn ones(&self) -> u64 {
        u64::MAX >> (64 - self.fragment.bits)
    }

    /// Where each lane finds an element of a register.
    fn addresses(
        &self,
        matrix: &[u64; LANES],
        strides: &[u32; LANES],
        register: usize,
        element: usize,
    ) -> [u64; LANES] {
        std::array::from_fn(|lane| {
            let (row, column) = self.fragment.place(lane, register, element);
            let (major, minor) = if self.by_rows { (row, column) } else { (column, row) };
            let index = major as u64 * u64::from(strides[lane]) + minor as u64;
            matrix[lane].wrapping_add(index * u64::from(self.size()))
        })
    }
}

impl Warp {
    /// Executes `wmma.load`: one access for each element that a lane holds.
    pub(crate) fn load_fragment(
        &mut self,
        group: usize,
        load: &FragmentAccess,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let (space, size) = (load.address.space, load.size());
        let matrix = self.addresses(group, &load.address);
        let strides = *self.registers.get(load.stride);
        for (register, &slot) in load.registers.iter().enumerate() {
            let (mut values, mut undefined) = ([0; LANES], [0; LANES]);
            let mut origin = None;
            for element in 0..load.fragment.each() {
                let addresses = load.addresses(&matrix, &strides, register, element);
                check_alignment(context, AccessKind::Read, space, &addresses, (size, active))?;
                context.count_access(AccessKind::Read, space, &addresses, (size, active));
                if context.hazards() {
                    let event = Event::new(AccessKind::Read, Order::Weak, Scope::Block, size);
                    self.observe(event, space, &addresses, active, context)?;
                }
                let mut unwritten = Unwritten::new();
                for lane in lanes(active) {
                    let (space, address) = locate(space, addresses[lane]);
                    let words = self.read(lane, space, address, size, context)?;
                    let value = u64::from(words[0]) | u64::from(words[1]) << 32;
                    values[lane] |= value << (element * load.fragment.bits);
                    if context.hazards() {
                        self.note_unwritten(&mut unwritten, lane, (space, address, size), context);
                        let ones = if unwritten.bytes[lane] != 0 { load.ones() } else { 0 };
                        undefined[lane] |= ones << (element * load.fragment.bits);
                    }
                }
                origin = origin.or(unwritten.origin());
            }
            for lane in lanes(active) {
                self.registers.set_lane(slot, lane, values[lane]);
            }
            if let Some(origin) = origin {
                self.leave_bits_undefined(slot, (active, &undefined), origin, context);
            }
        }
        Ok(())
    }

    /// Executes `wmma.store`.
    pub(crate) fn store_fragment(
        &mut self,
        group: usize,
        store: &FragmentAccess,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let (space, size) = (store.address.space, store.size());
        let matrix = self.addresses(group, &store.address);
        let strides = *self.registers.get(store.stride);
        let origin = match context.hazards() {
            true => self.origin_of_reads(active, context),
            false => None,
        };
        for (register, &slot) in store.registers.iter().enumerate() {
            let undefined = origin.map(|origin| (self.undefined_bits(slot, context), origin));
            for element in 0..store.fragment.each() {
                let addresses = store.addresses(&matrix, &strides, register, element);
                check_alignment(context, AccessKind::Write, space, &addresses, (size, active))?;
                context.count_access(AccessKind::Write, space, &addresses, (size, active));
                let values: [Words; LANES] = std::array::from_fn(|lane| {
                    let held = self.registers.lane(slot, lane);
                    let value = held >> (element * store.fragment.bits) & store.ones();
                    [value as u32, (value >> 32) as u32, 0, 0, 0, 0, 0, 0]
                });
                for lane in lanes(active) {
                    if context.hazards() {
                        let event = Event::new(AccessKind::Write, Order::Weak, Scope::Block, size);
                        let event = event.writing(&values[lane]);
                        self.observe(event, space, &addresses, 1 << lane, context)?;
                    }
                    let (space, address) = locate(space, addresses[lane]);
                    self.write(lane, space, address, (size, &values[lane]), context)?;
                    if let Some((bits, origin)) = &undefined {
                        let bits = bits[lane] >> (element * store.fragment.bits) & store.ones();
                        let bytes = if bits != 0 { (1 << size) - 1 } else { 0 };
                        self.leave_unwritten(lane, (space, address), (bytes, *origin), context)?;
                    }
                }
            }
        }
        Ok(())
    }
}
