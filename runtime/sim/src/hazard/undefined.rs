//! Registers that nothing wrote.
//!
//! Compilers read such registers where the value does not matter: a vector of which only some
//! elements are used is packed whole. So reading one is no fault by itself. What is computed from
//! it is undefined as far as it depends on it: the instruction is executed with several values in
//! place of the undefined bits, and the bits of its results that differ are undefined in turn. It is
//! a fault to use undefined bits as an address or a predicate, or to store them.

use foldhash::HashMap;

use crate::exec::registers::{AnySlot, LANES, Registers, Slot, lanes};
use crate::fault::{FaultKind, Site};
use crate::machine::{Context, Outcome, Raised, Warp};
use crate::program::code::{Action, Instruction, Pc, Store};
use crate::program::operands::RegisterSlot;
use crate::program::tcgen05::{Tcgen05, TensorStore};

/// Which bits of the registers of a warp are undefined.
#[derive(Debug, Default)]
pub(crate) struct Undefined {
    /// By number; of a register that is missing, lanes that nothing wrote are undefined as a whole.
    registers: HashMap<u32, Shadow>,
}

/// The undefined bits of a register and where they come from.
#[derive(Clone, Debug)]
struct Shadow {
    bits: [u64; LANES],
    origin: Origin,
}

/// The read of a register that nothing wrote.
#[derive(Clone, Copy, Debug)]
struct Origin {
    number: u32,
    pc: Pc,
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
        for &number in &detail.writes {
            self.written[number as usize] |= active;
        }
        Ok(false)
    }

    /// Refuses a guard that nothing wrote, which every lane of `mask` reads.
    pub(crate) fn check_guard(&mut self, mask: u32, context: &mut Context<'_>) -> Outcome<()> {
        // It is the last register that an instruction reads.
        let guard = context.run.program.details[context.pc as usize].reads.last();
        match guard {
            Some(&number) if mask & !self.written[number as usize] != 0 => {
                let lanes = mask & !self.written[number as usize];
                Err(self.undefined_used(number, lanes, context))
            }
            _ => Ok(()),
        }
    }

    /// The fault of an instruction that depends on undefined bits of a register.
    pub(super) fn undefined_used(
        &self,
        number: u32,
        lanes: u32,
        context: &mut Context<'_>,
    ) -> Box<Raised> {
        let program = context.run.program;
        let used =
            Site::new(program, context.pc, context.blocks[context.rank].index, self.index, lanes);
        let origin = self.origin(number, context.pc);
        let register = program.slots.names[origin.number as usize].clone();
        let used = (origin.pc != context.pc).then_some(used);
        context.pc = origin.pc;
        Raised::new(FaultKind::UninitializedRegister { register, used }, lanes)
    }

    fn origin(&self, number: u32, pc: Pc) -> Origin {
        let shadow = self.undefined.registers.get(&number);
        shadow.map_or(Origin { number, pc }, |shadow| shadow.origin)
    }

    /// Executes an instruction that reads undefined bits, if it only computes.
    fn execute_undefined(
        &mut self,
        instruction: &Instruction,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<bool> {
        let program = context.run.program;
        let detail = &program.details[context.pc as usize];
        let is_undefined = |warp: &Self, number: u32| active & !warp.written[number as usize] != 0;
        let found = detail.reads.iter().copied().find(|&number| is_undefined(self, number));
        let Some(first) = found else { return Ok(false) };
        let compute: &dyn Fn(&mut Registers, u32) = match &instruction.action {
            Action::Compute(compute) => compute,
            Action::MoveFragment(moved) => &moved.compute,
            // Lanes that it may not read are found when it is executed by itself.
            Action::Exchange(exchange) => &|registers, mask| {
                exchange(registers, mask);
            },
            Action::Store(store) => {
                return self.check_stored(store, active, context).map(|()| false);
            }
            action => {
                if let Action::Tcgen05(tcgen05) = action
                    && let Tcgen05::Store(store) = &**tcgen05
                {
                    return self.check_tensor_stored(store, context).map(|()| false);
                }
                let lanes = active & !self.written[first as usize];
                return Err(self.undefined_used(first, lanes, context));
            }
        };
        let origin = self.origin(first, context.pc);
        let location = |number: u32| program.slots.locations[number as usize];
        let sources: Vec<(RegisterSlot, [u64; LANES], [u64; LANES])> = detail
            .reads
            .iter()
            .map(|&number| {
                (location(number), value(&self.registers, location(number)), self.bits(number))
            })
            .collect();
        let mut results: Vec<([u64; LANES], [u64; LANES])> = Vec::new();
        let saved = self.registers.clone();
        for (i, pattern) in
            [0, u64::MAX, context.random.next(), context.random.next()].iter().enumerate()
        {
            for (slot, value, undefined) in &sources {
                let mixed = std::array::from_fn(|lane| {
                    let pattern = pattern.rotate_left(lane as u32);
                    value[lane] & !undefined[lane] | pattern & undefined[lane]
                });
                set_value(&mut self.registers, *slot, &mixed);
            }
            compute(&mut self.registers, active);
            for (k, &number) in detail.writes.iter().enumerate() {
                let result = value(&self.registers, location(number));
                match results.get_mut(k) {
                    Some((first, differing)) => {
                        for lane in 0..LANES {
                            differing[lane] |= first[lane] ^ result[lane];
                        }
                    }
                    None => results.push((result, [0; LANES])),
                }
            }
            if i < 3 {
                self.registers.clone_from(&saved);
            }
        }
        self.registers.clone_from(&saved);
        for (&number, (result, undefined)) in detail.writes.iter().zip(&results) {
            let old = value(&self.registers, location(number));
            let kept =
                std::array::from_fn(
                    |lane| {
                        if active >> lane & 1 != 0 { result[lane] } else { old[lane] }
                    },
                );
            set_value(&mut self.registers, location(number), &kept);
            self.define(number, active, undefined, origin);
        }
        Ok(true)
    }

    /// Refuses to store undefined bits, or to store at an undefined address.
    fn check_stored(&self, store: &Store, active: u32, context: &mut Context<'_>) -> Outcome<()> {
        let program = context.run.program;
        let stored = u64::MAX >> (64 - 8 * store.element.min(8));
        for &number in &program.details[context.pc as usize].reads {
            let location = program.slots.locations[number as usize];
            let is_data =
                matches!(location, RegisterSlot::Value(slot) if store.sources.contains(&slot));
            let used = if is_data { stored } else { u64::MAX };
            let bits = self.bits(number);
            let lanes = lanes(active).filter(|&l| bits[l] & used != 0).fold(0, |m, l| m | 1 << l);
            if lanes != 0 {
                return Err(self.undefined_used(number, lanes, context));
            }
        }
        Ok(())
    }

    /// Refuses to store at an undefined address in tensor memory. What is stored may be undefined:
    /// attention kernels of NVIDIA's CuTe DSL store more columns than they compute.
    fn check_tensor_stored(&self, store: &TensorStore, context: &mut Context<'_>) -> Outcome<()> {
        let program = context.run.program;
        for &number in &program.details[context.pc as usize].reads {
            let location = program.slots.locations[number as usize];
            let is_data = store.sources.iter().any(|&slot| location == word(slot));
            let lanes = !self.written[number as usize];
            if !is_data && lanes != 0 {
                return Err(self.undefined_used(number, lanes, context));
            }
        }
        Ok(())
    }

    /// The lanes in which bits of a word that the instruction reads are undefined.
    pub(crate) fn undefined_lanes(&self, slot: Slot<u32>, context: &Context<'_>) -> u32 {
        let locations = &context.run.program.slots.locations;
        let numbers = context.detail().reads.iter();
        let own = numbers.filter(|&&number| locations[number as usize] == word(slot));
        own.fold(0, |lanes, &number| lanes | !self.written[number as usize])
    }

    /// Makes what the instruction wrote undefined.
    pub(crate) fn leave_undefined(&mut self, lanes: u32, context: &Context<'_>) {
        let pc = context.pc;
        for &number in &context.run.program.details[pc as usize].writes {
            self.define(number, lanes, &[u64::MAX; LANES], Origin { number, pc });
        }
    }

    /// The undefined bits of a register.
    fn bits(&self, number: u32) -> [u64; LANES] {
        let written = self.written[number as usize];
        let shadow = self.undefined.registers.get(&number);
        std::array::from_fn(|lane| match shadow {
            _ if written >> lane & 1 != 0 => 0,
            Some(shadow) => shadow.bits[lane],
            None => u64::MAX,
        })
    }

    /// Notes which bits of a register are undefined after lanes wrote it.
    fn define(&mut self, number: u32, active: u32, undefined: &[u64; LANES], origin: Origin) {
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
