//! From the operands of checked PTX to slots.

use std::collections::HashMap;

use tilewright_codegen::ptx::check::{
    AddressBase, Checked, CheckedFunction, CheckedInstruction, CheckedOperand, ParameterLayout,
    RegisterId, VariableId,
};
use tilewright_codegen::ptx::isa::Kind;
use tilewright_codegen::ptx::{ScalarType, Space, SpecialRegister};

use super::ProgramError;
use super::code::{Address, Base, Passed};
use super::layout::{FrameLayout, SharedLayout};
use super::name::Name;
use crate::exec::registers::{AnySlot, Condition, Lane, PredicateSlot, Slot};

/// The predicate that holds the carry flag.
pub(crate) const CARRY: PredicateSlot = PredicateSlot(0);
/// A predicate that is false.
const FALSE: PredicateSlot = PredicateSlot(1);
/// Results thrown away go here.
const SCRATCH: u32 = 0;
const SCRATCH_PREDICATE: PredicateSlot = PredicateSlot(2);

/// A value that is the same throughout a run of a warp, kept in a register of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Constant {
    /// The same bits in every lane.
    Bits(u64),
    /// A special register that does not change.
    Special(SpecialRegister),
    /// An address in the block's shared memory.
    Shared(i64),
    /// An address in a variable of global or constant memory.
    Variable(VariableId, i64),
    /// The address of a function of the program.
    Function(u32),
}

/// Slots given out so far.
#[derive(Debug)]
pub(crate) struct Slots {
    pub(crate) words: u32,
    pub(crate) doubles: u32,
    pub(crate) predicates: u32,
    pub(crate) constants: Vec<(Constant, AnySlot)>,
    known: HashMap<(Constant, bool), u32>,
    /// Names of registers, by number, and where they are.
    pub(crate) names: Vec<String>,
    pub(crate) locations: Vec<RegisterSlot>,
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            words: SCRATCH + 1,
            doubles: SCRATCH + 2,
            predicates: SCRATCH_PREDICATE.0 + 1,
            constants: Vec::new(),
            known: HashMap::new(),
            names: Vec::new(),
            locations: Vec::new(),
        }
    }
}

impl Slots {
    pub(super) fn register(&mut self, scalar: ScalarType) -> RegisterSlot {
        let next = |counter: &mut u32, count| {
            *counter += count;
            *counter - count
        };
        match scalar.bits() {
            1 => RegisterSlot::Predicate(PredicateSlot(next(&mut self.predicates, 1))),
            64 => RegisterSlot::Value(AnySlot::Double(Slot::new(next(&mut self.doubles, 1)))),
            128 => RegisterSlot::Value(AnySlot::Quad(Slot::new(next(&mut self.doubles, 2)))),
            _ => RegisterSlot::Value(AnySlot::Word(Slot::new(next(&mut self.words, 1)))),
        }
    }

    /// The register that holds a constant; `wide` asks for one of 64 bits.
    fn constant(&mut self, constant: Constant, wide: bool) -> u32 {
        if let Some(&index) = self.known.get(&(constant, wide)) {
            return index;
        }
        let (index, slot) = if wide {
            self.doubles += 1;
            (self.doubles - 1, AnySlot::Double(Slot::new(self.doubles - 1)))
        } else {
            self.words += 1;
            (self.words - 1, AnySlot::Word(Slot::new(self.words - 1)))
        };
        self.constants.push((constant, slot));
        self.known.insert((constant, wide), index);
        index
    }
}

/// Where a register of PTX lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RegisterSlot {
    Predicate(PredicateSlot),
    Value(AnySlot),
}

/// What lowering an instruction needs to know of its function.
pub(super) struct FunctionContext<'a> {
    pub(super) function: &'a CheckedFunction,
    pub(super) registers: Vec<RegisterSlot>,
    /// The number of its first register among the program's.
    pub(super) first_number: u32,
    pub(super) frame: FrameLayout,
}

/// Functions called, in the order in which they are lowered.
#[derive(Default)]
pub(super) struct Functions {
    /// Indices into the module's.
    pub(super) queue: Vec<u32>,
}

impl Functions {
    /// The index in the program of a function of the module.
    pub(super) fn index(&mut self, of: u32) -> u32 {
        let known = self.queue.iter().position(|&f| f == of);
        known.unwrap_or_else(|| {
            self.queue.push(of);
            self.queue.len() - 1
        }) as u32
    }
}

/// One instruction while it is lowered.
pub(super) struct Operands<'a> {
    pub(super) checked: &'a Checked,
    pub(super) shared: &'a SharedLayout,
    pub(super) context: &'a FunctionContext<'a>,
    pub(super) instruction: &'a CheckedInstruction,
    pub(super) name: Name<'a>,
    pub(super) slots: &'a mut Slots,
    pub(super) functions: &'a mut Functions,
    pub(super) reads: Vec<u32>,
    pub(super) writes: Vec<u32>,
}

pub(super) type Lowered<T> = Result<T, ProgramError>;

impl<'a> Operands<'a> {
    /// An error about this instruction; `reason` says what about it.
    pub(super) fn unsupported(&self, reason: &str) -> ProgramError {
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        ProgramError::Unsupported {
            line: self.instruction.span.line,
            instruction: self.instruction.mnemonic.to_string(),
            reason,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.instruction.operands.len()
    }

    pub(super) fn operand(&self, index: usize) -> Lowered<&'a CheckedOperand> {
        let operands = &self.instruction.operands;
        operands.get(index).ok_or_else(|| self.unsupported("an operand is missing"))
    }

    fn register(&self, id: RegisterId) -> RegisterSlot {
        self.context.registers[id.0 as usize]
    }

    fn number(&self, id: RegisterId) -> u32 {
        self.context.first_number + id.0
    }

    /// Operand `index` as a value that the instruction reads.
    pub(super) fn source<T: TypedLane>(&mut self, index: usize) -> Lowered<Slot<T>> {
        let operand = self.operand(index)?;
        self.source_of(operand)
    }

    /// An operand as a value that the instruction reads.
    pub(super) fn source_of<T: TypedLane>(&mut self, operand: &CheckedOperand) -> Lowered<Slot<T>> {
        let slot = self.any_source(operand, T::WIDE)?;
        T::typed(slot).ok_or_else(|| self.unsupported("an operand has an unexpected width"))
    }

    /// An operand as a value of whatever width its register has; an immediate is 64 bits wide
    /// where `wide`.
    pub(super) fn any_source(&mut self, operand: &CheckedOperand, wide: bool) -> Lowered<AnySlot> {
        let constant = match operand {
            CheckedOperand::Register(id) => {
                self.reads.push(self.number(*id));
                return match self.register(*id) {
                    RegisterSlot::Value(slot) => Ok(slot),
                    RegisterSlot::Predicate(_) => Err(self.unsupported("a predicate as a value")),
                };
            }
            CheckedOperand::Vector(elements) if elements.len() == 1 => {
                return self.any_source(&elements[0], wide);
            }
            CheckedOperand::Immediate(bits) => Constant::Bits(*bits),
            CheckedOperand::Special(special) => Constant::Special(*special),
            CheckedOperand::Variable(id, offset) => self.variable_address(*id, *offset)?,
            CheckedOperand::Parameter { is_return: false, index, offset } if self.is_entry() => {
                let parameter = &self.context.function.parameters[*index as usize];
                Constant::Bits(parameter.offset.wrapping_add_signed(*offset))
            }
            CheckedOperand::Function(index) => {
                Constant::Function(self.functions.index(defined(self.checked, *index)))
            }
            _ => return Err(self.unsupported("an operand of this kind")),
        };
        let index = self.slots.constant(constant, wide);
        Ok(if wide { AnySlot::Double(Slot::new(index)) } else { AnySlot::Word(Slot::new(index)) })
    }

    pub(super) fn is_entry(&self) -> bool {
        self.context.function.is_entry
    }

    fn variable_address(&self, id: VariableId, offset: i64) -> Lowered<Constant> {
        let variable = &self.checked.variables()[id.0 as usize];
        Ok(match variable.space {
            Space::Shared => Constant::Shared(self.shared.offset(id).wrapping_add(offset)),
            Space::Global | Space::Const => Constant::Variable(id, offset),
            _ => return Err(self.unsupported("the address of such a variable")),
        })
    }

    /// Where in the function's frame an operand's variable or parameter lies, if it is one.
    pub(super) fn frame_offset(&self, operand: &CheckedOperand) -> Option<(Space, i64)> {
        match operand {
            CheckedOperand::Variable(id, offset) => {
                let base = self.context.frame.variable(*id)?;
                let space = self.checked.variables()[id.0 as usize].space;
                Some((space, i64::from(base).wrapping_add(*offset)))
            }
            CheckedOperand::Parameter { is_return, index, offset } if !self.is_entry() => {
                let base = self.context.frame.parameter(*is_return, *index);
                Some((Space::Param, i64::from(base).wrapping_add(*offset)))
            }
            _ => None,
        }
    }

    /// Operand `index` as a destination.
    pub(super) fn destination<T: TypedLane>(&mut self, index: usize) -> Lowered<Slot<T>> {
        let operand = self.operand(index)?;
        self.destination_of(operand)
    }

    /// An operand as a destination.
    pub(super) fn destination_of<T: TypedLane>(
        &mut self,
        operand: &CheckedOperand,
    ) -> Lowered<Slot<T>> {
        match self.any_destination(operand)? {
            None => Ok(Slot::new(SCRATCH)),
            Some(slot) => T::typed(slot)
                .ok_or_else(|| self.unsupported("a destination has an unexpected width")),
        }
    }

    /// An operand as a destination of any width; none for a sink.
    pub(super) fn any_destination(&mut self, operand: &CheckedOperand) -> Lowered<Option<AnySlot>> {
        match operand {
            CheckedOperand::Sink => Ok(None),
            CheckedOperand::Vector(elements) if elements.len() == 1 => {
                self.any_destination(&elements[0])
            }
            CheckedOperand::Register(id) => {
                self.writes.push(self.number(*id));
                match self.register(*id) {
                    RegisterSlot::Value(slot) => Ok(Some(slot)),
                    RegisterSlot::Predicate(_) => {
                        Err(self.unsupported("a predicate as a destination"))
                    }
                }
            }
            _ => Err(self.unsupported("a destination of this kind")),
        }
    }

    /// Bits of the register that an operand is; 64 for anything else.
    pub(super) fn destination_bits(&self, operand: &CheckedOperand) -> u32 {
        match operand {
            CheckedOperand::Register(id) => {
                self.context.function.registers[id.0 as usize].scalar.bits().min(64)
            }
            _ => 64,
        }
    }

    /// The elements of an operand: of a vector, or the operand itself.
    pub(super) fn elements(&self, index: usize) -> Lowered<&'a [CheckedOperand]> {
        Ok(match self.operand(index)? {
            CheckedOperand::Vector(elements) => elements,
            operand => std::slice::from_ref(operand),
        })
    }

    /// Registers of a vector operand that the instruction reads.
    pub(super) fn sources<T: TypedLane, const N: usize>(
        &mut self,
        index: usize,
    ) -> Lowered<[Slot<T>; N]> {
        let slots =
            self.elements(index)?.iter().map(|e| self.source_of(e)).collect::<Lowered<Vec<_>>>()?;
        slots.try_into().map_err(|_| self.unsupported("a vector has an unexpected length"))
    }

    /// Registers of a vector operand that the instruction writes.
    pub(super) fn destinations<T: TypedLane, const N: usize>(
        &mut self,
        index: usize,
    ) -> Lowered<[Slot<T>; N]> {
        let slots = self
            .elements(index)?
            .iter()
            .map(|e| self.destination_of(e))
            .collect::<Lowered<Vec<_>>>()?;
        slots.try_into().map_err(|_| self.unsupported("a vector has an unexpected length"))
    }

    /// Operand `index` as a predicate that the instruction reads.
    pub(super) fn condition(&mut self, index: usize) -> Lowered<Condition> {
        let (id, negated) = match self.operand(index)? {
            CheckedOperand::Register(id) => (*id, false),
            CheckedOperand::NotRegister(id) => (*id, true),
            CheckedOperand::Immediate(bits) => {
                return Ok(Condition { slot: FALSE, negated: *bits != 0 });
            }
            // A launch is never given an explicit cluster's attributes beyond its shape.
            CheckedOperand::Special(_) => return Ok(Condition { slot: FALSE, negated: true }),
            _ => return Err(self.unsupported("a predicate of this kind")),
        };
        self.condition_of(id, negated)
    }

    pub(super) fn condition_of(&mut self, id: RegisterId, negated: bool) -> Lowered<Condition> {
        self.reads.push(self.number(id));
        match self.register(id) {
            RegisterSlot::Predicate(slot) => Ok(Condition { slot, negated }),
            RegisterSlot::Value(_) => Err(self.unsupported("a value as a predicate")),
        }
    }

    /// An operand as a predicate that the instruction writes.
    pub(super) fn predicate_of(&mut self, operand: &CheckedOperand) -> Lowered<PredicateSlot> {
        match operand {
            CheckedOperand::Sink => Ok(SCRATCH_PREDICATE),
            CheckedOperand::Register(id) => {
                self.writes.push(self.number(*id));
                match self.register(*id) {
                    RegisterSlot::Predicate(slot) => Ok(slot),
                    RegisterSlot::Value(_) => Err(self.unsupported("a value as a predicate")),
                }
            }
            _ => Err(self.unsupported("a destination of this kind")),
        }
    }

    /// Operand `index` as one or two predicates to write.
    pub(super) fn predicates(&mut self, index: usize) -> Lowered<(PredicateSlot, PredicateSlot)> {
        match self.operand(index)? {
            CheckedOperand::Pair(first, second) => {
                Ok((self.predicate_of(first)?, self.predicate_of(second)?))
            }
            operand => Ok((self.predicate_of(operand)?, SCRATCH_PREDICATE)),
        }
    }

    /// Operand `index` as a value to write and an optional predicate beside it.
    pub(super) fn destination_pair<T: TypedLane>(
        &mut self,
        index: usize,
    ) -> Lowered<(Slot<T>, PredicateSlot)> {
        match self.operand(index)? {
            CheckedOperand::Pair(first, second) => {
                Ok((self.destination_of(first)?, self.predicate_of(second)?))
            }
            operand => Ok((self.destination_of(operand)?, SCRATCH_PREDICATE)),
        }
    }

    /// The state space of the address at operand `index`.
    fn space(&self, index: usize) -> Space {
        let binding = &self.instruction.binding;
        match binding.operands.get(index).map(|o| &o.kind) {
            Some(Kind::Address(space)) => binding.resolve_space(*space).unwrap_or(Space::Generic),
            _ => Space::Generic,
        }
    }

    /// Operand `index` as an address.
    pub(super) fn address(&mut self, index: usize) -> Lowered<Address> {
        let CheckedOperand::Address { base, offset } = self.operand(index)? else {
            return Err(self.unsupported("an address is missing"));
        };
        self.address_of(self.space(index), base, offset)
    }

    /// Operand `index` as the address of a tensor map and coordinates.
    pub(super) fn tensor(&mut self, index: usize) -> Lowered<(Address, Vec<Slot<u32>>)> {
        let CheckedOperand::Tensor { map, coordinates } = self.operand(index)? else {
            return Err(self.unsupported("a tensor map is missing"));
        };
        let map = self.address_of(Space::Generic, map, &0)?;
        let coordinates = coordinates.iter().map(|c| self.source_of(c)).collect::<Lowered<_>>()?;
        Ok((map, coordinates))
    }

    fn address_of(
        &mut self,
        mut space: Space,
        base: &AddressBase,
        offset: &i64,
    ) -> Lowered<Address> {
        let reaches_peers = space == Space::Generic || self.name.has("shared::cluster");
        if let (Space::Generic, AddressBase::Variable(id)) = (space, base) {
            space = self.checked.variables()[id.0 as usize].space;
        }
        let (operand, offset) = match *base {
            AddressBase::Absolute => {
                return Ok(Address { space, reaches_peers, base: Base::Zero, offset: *offset });
            }
            AddressBase::Register(id) => (CheckedOperand::Register(id), *offset),
            AddressBase::Variable(id) => (CheckedOperand::Variable(id, 0), *offset),
            AddressBase::Parameter { is_return, index } => {
                if self.is_entry() {
                    let parameter = &self.context.function.parameters[index as usize];
                    let offset = (parameter.offset as i64).wrapping_add(*offset);
                    let (space, base) = (Space::Param, Base::Zero);
                    return Ok(Address { space, reaches_peers: false, base, offset });
                }
                (CheckedOperand::Parameter { is_return, index, offset: 0 }, *offset)
            }
        };
        if let Some((_, frame_offset)) = self.frame_offset(&operand) {
            let offset = frame_offset.wrapping_add(offset);
            let (space, base) = (Space::Local, Base::Frame);
            return Ok(Address { space, reaches_peers: false, base, offset });
        }
        let base = match self.any_source(&operand, !matches!(space, Space::Shared))? {
            AnySlot::Word(slot) => Base::Word(slot),
            AnySlot::Double(slot) => Base::Double(slot),
            AnySlot::Quad(_) => return Err(self.unsupported("an address of 128 bits")),
        };
        Ok(Address { space, reaches_peers, base, offset })
    }

    /// Operand `index` as an immediate.
    pub(super) fn immediate(&self, index: usize) -> Lowered<u64> {
        match self.operand(index)? {
            CheckedOperand::Immediate(bits) => Ok(*bits),
            _ => Err(self.unsupported("an operand that is no constant")),
        }
    }

    /// The index of the instruction at the label that is operand `index`, in its function.
    pub(super) fn label(&self, index: usize) -> Lowered<u32> {
        match self.operand(index)? {
            CheckedOperand::Label(at) => Ok(*at),
            _ => Err(self.unsupported("a target that is no label")),
        }
    }

    /// Where arguments or return values at operand `index` are passed.
    pub(super) fn arguments(
        &mut self,
        index: usize,
        written: bool,
        layouts: &[ParameterLayout],
    ) -> Lowered<Vec<Option<Passed>>> {
        let arguments: &[CheckedOperand] = match self.operand(index)? {
            CheckedOperand::Arguments(arguments) => arguments,
            operand => std::slice::from_ref(operand),
        };
        let pairs = arguments.iter().zip(layouts);
        pairs
            .map(|(argument, layout)| self.argument(argument, written, layout.size as u32))
            .collect()
    }

    fn argument(
        &mut self,
        argument: &CheckedOperand,
        written: bool,
        size: u32,
    ) -> Lowered<Option<Passed>> {
        if let Some((_, offset)) = self.frame_offset(argument) {
            return Ok(Some(Passed::Frame { offset: offset as u32, size }));
        }
        let slot = match written {
            true => self.any_destination(argument)?,
            false => Some(self.any_source(argument, size == 8)?),
        };
        Ok(slot.map(Passed::Register))
    }
}

/// A lane type with its width.
pub(super) trait TypedLane: Lane {
    /// Whether it has 64 bits.
    const WIDE: bool;
    /// The slot, if it is one of this type.
    fn typed(slot: AnySlot) -> Option<Slot<Self>>;
}

impl TypedLane for u32 {
    const WIDE: bool = false;
    fn typed(slot: AnySlot) -> Option<Slot<Self>> {
        match slot {
            AnySlot::Word(slot) => Some(slot),
            _ => None,
        }
    }
}

impl TypedLane for u64 {
    const WIDE: bool = true;
    fn typed(slot: AnySlot) -> Option<Slot<Self>> {
        match slot {
            AnySlot::Double(slot) => Some(slot),
            _ => None,
        }
    }
}

/// The definition of a function that may only be declared at `index`.
pub(super) fn defined(checked: &Checked, index: u32) -> u32 {
    let functions = checked.functions();
    let name = &functions[index as usize].name;
    let definition = functions.iter().position(|f| f.is_defined && f.name == *name);
    definition.map_or(index, |i| i as u32)
}
