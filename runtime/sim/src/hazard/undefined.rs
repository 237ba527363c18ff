//! What nothing wrote.
//!
//! Compilers read registers that nothing wrote where the value does not matter: a vector of which
//! only some elements are used is packed whole. Kernels load and multiply whole tiles of shared memory
//! of which only some rows exist, and drop what comes of the others. So reading it is no fault by
//! itself. What is computed from it is undefined as far as it depends on it: the instruction is
//! executed with several values in place of the undefined bits, and the bits of its results that
//! differ are undefined in turn. Memory of the block or the thread to which undefined bits are stored
//! is as if nothing had written it (see [`unwritten`](super::unwritten)). Branches
//! may depend on undefined bits (see [`control`](super::control)). It is a fault to use them as an
//! address or another predicate, or to let them out to global memory.

use foldhash::HashMap;
use tilewright_codegen::ptx::Space;

use super::control::Detour;
use crate::exec::registers::{AnySlot, Compute, LANES, Registers, Slot, lanes};
use crate::fault::{AccessKind, FaultKind, Site, TensorAccess};
use crate::machine::{Context, Outcome, Raised, Warp};
use crate::memory::tensor::TensorRegion;
use crate::program::code::{Action, Instruction, Multiplicand, Pc};
use crate::program::operands::RegisterSlot;
use crate::program::tcgen05::Tcgen05;

/// Which bits of the registers of a warp are undefined.
#[derive(Debug, Default)]
pub(crate) struct Undefined {
    /// By number; of a register that is missing, lanes that nothing wrote are undefined as a whole.
    registers: HashMap<u32, Shadow>,
    pub(super) detours: Vec<Detour>,
}

/// The undefined bits of a register and where they come from.
#[derive(Clone, Debug)]
struct Shadow {
    bits: [u64; LANES],
    origin: Origin,
}

/// A read of something that nothing wrote: what, and which instruction of which lanes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    cause: Cause,
    pc: Pc,
    /// The first thread of the warp, as clocks number it.
    thread: u32,
    lanes: u32,
}

/// What was read though nothing wrote it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cause {
    /// A register, by its number.
    Register(u32),
    /// Bytes of memory.
    Memory { kind: AccessKind, space: Space, address: u64, size: u32 },
    /// Cells of tensor memory.
    Tensor(TensorRegion),
}

/// Where the undefined bits in the memory of a block come from, where some were stored there.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    /// By words of shared memory.
    shared: HashMap<u64, Origin>,
    /// By columns of tensor memory.
    tensor: HashMap<u32, Origin>,
}

impl Origins {
    /// Notes where the undefined ones of up to 32 bytes of shared memory come from.
    pub(super) fn note_shared(&mut self, offset: u64, bytes: u32, origin: Origin) {
        for byte in (0..32).filter(|byte| bytes >> byte & 1 != 0) {
            self.shared.insert((offset + byte) / 4, origin);
        }
    }

    /// Where the first undefined one of some bytes comes from.
    pub(super) fn of_shared(&self, offset: u64, bytes: u32) -> Option<Origin> {
        self.shared.get(&((offset + u64::from(bytes.trailing_zeros())) / 4)).copied()
    }

    /// Notes where the undefined cells of a column come from.
    pub(crate) fn note_column(&mut self, column: u32, origin: Origin) {
        self.tensor.insert(column, origin);
    }

    pub(crate) fn of_column(&self, column: u32) -> Option<Origin> {
        self.tensor.get(&column).copied()
    }
}

impl Warp {
    /// Looks at the registers that an instruction is about to read and write. True where it has
    /// been executed in the course.
    pub(crate) fn check_registers(
        &mut self,
        instruction: &Instruction,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<bool> {
        let detail = &context.run.program.details[context.pc as usize];
        if !detail.fragments.is_empty() {
            self.check_fragments(instruction, &detail.fragments, context)?;
        }
        self.check_loading(context)?;
        let written = |&number: &u32| self.written[number as usize];
        let defined = detail.reads.iter().map(written).fold(u32::MAX, |all, written| all & written);
        if active & !defined != 0 {
            return self.execute_undefined(instruction, active, context);
        }
        // What a product leaves undefined depends on what its sums were before.
        if !matches!(instruction.action, Action::Wgmma(_)) {
            for &number in &detail.writes {
                self.written[number as usize] |= active;
            }
        }
        Ok(false)
    }

    /// The fault of an instruction that depends on undefined bits of a register.
    pub(super) fn undefined_used(
        &self,
        number: u32,
        lanes: u32,
        context: &mut Context<'_>,
    ) -> Box<Raised> {
        self.depends(self.origin_of(number, lanes, context), lanes, context)
    }

    /// The fault of an instruction that depends on what nothing wrote. It shows where that was read.
    pub(super) fn depends(&self, origin: Origin, lanes: u32, context: &Context<'_>) -> Box<Raised> {
        let Origin { cause, pc, thread, .. } = origin;
        let is_here = (pc, thread) == (context.pc, self.clock.thread(0));
        let used = (!is_here).then(|| self.site(context, context.pc, lanes));
        let kind = match cause {
            Cause::Register(number) => {
                let register = context.run.program.slots.names[number as usize].clone();
                FaultKind::UninitializedRegister { register, used }
            }
            Cause::Memory { kind, space, address, size } => {
                let access = context.describe(kind, space, address, size);
                FaultKind::UninitializedMemory { access, used }
            }
            Cause::Tensor(region) => {
                let access = TensorAccess::new(AccessKind::CopyRead, &region);
                FaultKind::UninitializedTensorMemory { access, used }
            }
        };
        let site = context.run.site_of(self.clock.cluster(), thread as usize, pc);
        let lanes = if is_here { lanes } else { origin.lanes };
        Box::new(Raised { kind, lanes, site: Some(Site { lanes, ..site }) })
    }

    /// A read of lanes, by the instruction that executes.
    pub(crate) fn origin(&self, cause: Cause, lanes: u32, context: &Context<'_>) -> Origin {
        Origin { cause, pc: context.pc, thread: self.clock.thread(0), lanes }
    }

    /// Where undefined bits of a register in some lanes come from.
    pub(super) fn origin_of(&self, number: u32, lanes: u32, context: &Context<'_>) -> Origin {
        match self.undefined.registers.get(&number) {
            Some(shadow) => shadow.origin,
            None => self.origin(Cause::Register(number), lanes, context),
        }
    }

    /// Executes an instruction that reads undefined bits, if it only computes.
    fn execute_undefined(
        &mut self,
        instruction: &Instruction,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<bool> {
        let program = context.run.program;
        match &instruction.action {
            Action::Compute(compute) => self.compute_undefined(compute, active, context),
            // Lanes that it may not read are found when it is executed by itself.
            Action::Exchange(exchange) => {
                let compute = |registers: &mut Registers, mask| {
                    exchange(registers, mask);
                };
                self.compute_undefined(&compute, active, context);
            }
            action => {
                let used = program.details[context.pc as usize].reads.iter().find(|&&number| {
                    active & !self.written[number as usize] != 0
                        && !passes_on(action, program.slots.locations[number as usize])
                });
                return match used {
                    Some(&number) => {
                        let lanes = active & !self.written[number as usize];
                        Err(self.undefined_used(number, lanes, context))
                    }
                    None => Ok(false),
                };
            }
        }
        Ok(true)
    }

    /// Executes a `mov` of accumulators, which may be undefined.
    pub(crate) fn move_undefined(
        &mut self,
        compute: &Compute,
        active: u32,
        context: &mut Context<'_>,
    ) {
        match context.hazards() && self.reads_undefined(active, context) {
            true => self.compute_undefined(compute, active, context),
            false => compute(&mut self.registers, active),
        }
    }

    /// Computes from undefined bits.
    fn compute_undefined(
        &mut self,
        compute: &dyn Fn(&mut Registers, u32),
        active: u32,
        context: &mut Context<'_>,
    ) {
        let program = context.run.program;
        let detail = &program.details[context.pc as usize];
        let is_undefined = |number: &&u32| active & !self.written[**number as usize] != 0;
        let Some(&first) = detail.reads.iter().find(is_undefined) else { return };
        let undefined = active & !self.written[first as usize];
        let origin = self.origin_of(first, undefined, context);
        let parts = |&number: &u32| parts(program.slots.locations[number as usize]);
        let used = detail.reads.iter().chain(&detail.writes).flat_map(parts);
        let held: Vec<_> = used.map(|slot| (slot, value(&self.registers, slot))).collect();
        let of_source = |number: &u32| {
            let undefined = self.bits(*number);
            let part = |slot| (slot, value(&self.registers, slot), undefined);
            parts(number).map(part).collect::<Vec<_>>()
        };
        let sources: Vec<_> = detail.reads.iter().flat_map(of_source).collect();
        let destinations: Vec<_> = detail.writes.iter().flat_map(parts).collect();
        let mut results: Vec<([u64; LANES], [u64; LANES])> = Vec::new();
        for pattern in [0, u64::MAX, context.random.next(), context.random.next()] {
            for (slot, value) in &held {
                set_value(&mut self.registers, *slot, value);
            }
            for (slot, value, undefined) in &sources {
                let mixed = std::array::from_fn(|lane| {
                    let pattern = pattern.rotate_left(lane as u32);
                    value[lane] & !undefined[lane] | pattern & undefined[lane]
                });
                set_value(&mut self.registers, *slot, &mixed);
            }
            compute(&mut self.registers, active);
            for (k, &slot) in destinations.iter().enumerate() {
                let result = value(&self.registers, slot);
                match results.get_mut(k) {
                    Some((first, differing)) => {
                        for lane in 0..LANES {
                            differing[lane] |= first[lane] ^ result[lane];
                        }
                    }
                    None => results.push((result, [0; LANES])),
                }
            }
        }
        for (slot, value) in &held {
            set_value(&mut self.registers, *slot, value);
        }
        for (&slot, (result, _)) in destinations.iter().zip(&results) {
            let old = value(&self.registers, slot);
            let is_active = |lane: usize| active >> lane & 1 != 0;
            let kept =
                std::array::from_fn(|lane| if is_active(lane) { result[lane] } else { old[lane] });
            set_value(&mut self.registers, slot, &kept);
        }
        let mut results = results.iter();
        for number in &detail.writes {
            let mut undefined = [0; LANES];
            for (_, (_, differing)) in parts(number).zip(&mut results) {
                for lane in 0..LANES {
                    undefined[lane] |= differing[lane];
                }
            }
            self.define(*number, active, &undefined, origin);
        }
    }

    /// Whether a register that the instruction reads has undefined bits.
    pub(crate) fn reads_undefined(&self, active: u32, context: &Context<'_>) -> bool {
        let reads = &context.run.program.details[context.pc as usize].reads;
        reads.iter().any(|&number| active & !self.written[number as usize] != 0)
    }

    /// The number of a register that the instruction reads, if it does.
    pub(super) fn number_read(&self, slot: AnySlot, context: &Context<'_>) -> Option<u32> {
        number_of(RegisterSlot::Value(slot), &context.detail().reads, context)
    }

    /// The number of a register that the instruction writes, if it does.
    pub(super) fn number_written(&self, slot: AnySlot, context: &Context<'_>) -> Option<u32> {
        number_of(RegisterSlot::Value(slot), &context.detail().writes, context)
    }

    /// The lanes in which bits of a word that the instruction reads are undefined.
    pub(crate) fn undefined_lanes(&self, slot: Slot<u32>, context: &Context<'_>) -> u32 {
        let number = self.number_read(AnySlot::Word(slot), context);
        number.map_or(0, |number| !self.written[number as usize])
    }

    /// Where undefined bits of a word that the instruction reads come from; none where it does not.
    pub(crate) fn origin_read(
        &self,
        slot: Slot<u32>,
        lanes: u32,
        context: &Context<'_>,
    ) -> Option<Origin> {
        let number = self.number_read(AnySlot::Word(slot), context)?;
        Some(self.origin_of(number, lanes, context))
    }

    /// Makes bits of a register undefined which the instruction wrote in some lanes.
    pub(crate) fn leave_bits_undefined(
        &mut self,
        slot: AnySlot,
        (lanes, bits): (u32, &[u64; LANES]),
        origin: Origin,
        context: &Context<'_>,
    ) {
        if let Some(number) = self.number_written(slot, context) {
            self.define(number, lanes, bits, origin);
        }
    }

    /// Makes what the instruction wrote undefined.
    pub(crate) fn leave_undefined(&mut self, lanes: u32, context: &Context<'_>) {
        for &number in &context.detail().writes {
            let origin = self.origin(Cause::Register(number), lanes, context);
            self.define(number, lanes, &[u64::MAX; LANES], origin);
        }
    }

    /// The undefined bits of a register.
    pub(super) fn bits(&self, number: u32) -> [u64; LANES] {
        let written = self.written[number as usize];
        let shadow = self.undefined.registers.get(&number);
        std::array::from_fn(|lane| match shadow {
            _ if written >> lane & 1 != 0 => 0,
            Some(shadow) => shadow.bits[lane],
            None => u64::MAX,
        })
    }

    /// Notes which bits of a register are undefined after lanes wrote it.
    pub(super) fn define(
        &mut self,
        number: u32,
        active: u32,
        undefined: &[u64; LANES],
        origin: Origin,
    ) {
        let mut bits = self.bits(number);
        let written = &mut self.written[number as usize];
        for lane in lanes(active) {
            bits[lane] = undefined[lane];
            match undefined[lane] {
                0 => *written |= 1 << lane,
                _ => *written &= !(1 << lane),
            }
        }
        if *written == u32::MAX {
            self.undefined.registers.remove(&number);
        } else {
            let shadow = self.undefined.registers.entry(number);
            let shadow = shadow.or_insert(Shadow { bits, origin });
            (shadow.bits, shadow.origin) = (bits, origin);
        }
    }
}

fn word(slot: Slot<u32>) -> RegisterSlot {
    RegisterSlot::Value(AnySlot::Word(slot))
}

/// Whether an action reads a register that may be undefined, and knows to pass that on.
fn passes_on(action: &Action, location: RegisterSlot) -> bool {
    let is_word = |&slot: &Slot<u32>| location == word(slot);
    let is_value = |&slot: &AnySlot| location == RegisterSlot::Value(slot);
    match action {
        // It reads only its guard.
        Action::Branch(_) => true,
        Action::Store(store) => store.sources.iter().any(is_value),
        Action::StoreMatrix(store) => store.sources.iter().any(is_word),
        Action::StoreFragment(store) => store.registers.iter().any(is_value),
        Action::MoveFragment(moved) => moved.sources.iter().any(is_word),
        Action::Wgmma(wgmma) => match &wgmma.a {
            Multiplicand::Registers(slots) => slots.iter().any(is_word),
            Multiplicand::Shared(..) => false,
        },
        Action::Tcgen05(tcgen05) => match &**tcgen05 {
            Tcgen05::Store(store) => store.sources.iter().any(is_word),
            _ => false,
        },
        _ => false,
    }
}

/// Which of some registers lies here, by number.
fn number_of(location: RegisterSlot, numbers: &[u32], context: &Context<'_>) -> Option<u32> {
    let locations = &context.run.program.slots.locations;
    numbers.iter().copied().find(|&number| locations[number as usize] == location)
}

/// The registers of at most 64 bits that a register consists of.
fn parts(slot: RegisterSlot) -> impl Iterator<Item = RegisterSlot> {
    let (first, second) = match slot {
        RegisterSlot::Value(AnySlot::Quad(low)) => {
            let double = |slot| RegisterSlot::Value(AnySlot::Double(slot));
            (double(low), Some(double(Slot::new(low.index + 1))))
        }
        slot => (slot, None),
    };
    std::iter::once(first).chain(second)
}

/// What a register holds; of a predicate, all ones or zero.
fn value(registers: &Registers, slot: RegisterSlot) -> [u64; LANES] {
    match slot {
        RegisterSlot::Value(slot) => registers.wide(slot),
        RegisterSlot::Predicate(slot) => {
            let mask = registers.predicates[slot.0 as usize];
            std::array::from_fn(|lane| if mask >> lane & 1 != 0 { u64::MAX } else { 0 })
        }
    }
}

fn set_value(registers: &mut Registers, slot: RegisterSlot, value: &[u64; LANES]) {
    match slot {
        RegisterSlot::Value(AnySlot::Word(slot)) => {
            *registers.get_mut(slot) = value.map(|value| value as u32);
        }
        RegisterSlot::Value(AnySlot::Double(slot) | AnySlot::Quad(slot)) => {
            *registers.get_mut(slot) = *value;
        }
        RegisterSlot::Predicate(slot) => {
            let mask = lanes(u32::MAX).filter(|&l| value[l] & 1 != 0).fold(0, |m, l| m | 1 << l);
            registers.predicates[slot.0 as usize] = mask;
        }
    }
}
