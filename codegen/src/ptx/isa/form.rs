use smol_str::SmolStr;

use super::Opcode;
use crate::gpu::TargetSet;
use crate::ptx::{ScalarType, Space, Version};

/// One row of the table: a way to write an instruction.
#[derive(Debug)]
pub struct Form {
    /// What it does.
    pub opcode: Opcode,
    /// The row as it stands in the table.
    pub text: &'static str,
    /// What may follow the first word of the name, in order.
    pub slots: Vec<Slot>,
    /// Operands, in order.
    pub operands: Vec<OperandSpec>,
    /// The first PTX version that has it.
    pub version: Version,
    /// The targets that have it.
    pub targets: TargetSet,
}

/// A place in a name where one of some words stands.
#[derive(Debug)]
pub struct Slot {
    /// What operands and readers call it.
    pub name: Option<SmolStr>,
    /// The words that may stand there.
    pub choices: Vec<Choice>,
    /// Whether it may be empty.
    pub optional: bool,
}

/// One word of a [`Slot`].
#[derive(Debug)]
pub struct Choice {
    /// The word, without its dot.
    pub word: SmolStr,
    /// The number that the word means, such as 4 for `v4`.
    pub number: Option<u32>,
    /// The first PTX version that has it, where that is later than the form's.
    pub version: Option<Version>,
    /// The targets that have it, where they are fewer than the form's.
    pub targets: Option<TargetSet>,
}

/// What one operand may be.
#[derive(Clone, Debug, PartialEq)]
pub struct OperandSpec {
    /// Whether the instruction writes it.
    pub destination: bool,
    /// Whether it may be left out, with all that follow.
    pub optional: bool,
    /// The slot that must be filled for the operand to be there at all.
    pub only_with: Option<usize>,
    /// What it is.
    pub kind: Kind,
}

/// The kinds of operands.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A register or an immediate, or a vector of them.
    Value {
        /// Its type, or that of an element.
        ty: TypeRef,
        /// Whether a register may be wider than the type.
        relaxed: bool,
        /// Whether a register may stand here.
        register: bool,
        /// Whether an immediate may stand here.
        immediate: bool,
        /// Whether `_` may stand here.
        sink: bool,
        /// Whether a predicate may be negated.
        negatable: bool,
        /// Number of elements of a vector; none for a scalar.
        count: Option<Count>,
        /// A second destination after `|`, and whether it may be left out.
        pair: Option<(TypeRef, bool)>,
        /// The values that an immediate may have; any, where none are given.
        values: Option<Vec<ValueRange>>,
    },
    /// An address.
    Address(SpaceRef),
    /// An address in tensor memory, which is no state space: a 32-bit register.
    TensorMemory,
    /// A special register.
    Special(TypeRef),
    /// A tensor map and its coordinates.
    Tensor(Count),
    /// A label.
    Label,
    /// A function, or a register with its address.
    Function,
    /// A list of branch targets.
    Targets,
    /// A call prototype or a list of call targets.
    Prototype,
    /// A list of arguments or return values.
    Arguments,
    /// A variable or a function, whose address is meant.
    Symbol,
}

/// A type, given or chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeRef {
    /// This type.
    Given(ScalarType),
    /// The choice made at this slot.
    Slot(usize),
}

/// A state space, given or chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpaceRef {
    /// This space.
    Given(Space),
    /// The choice made at this slot; generic where it is empty.
    Slot(usize),
}

/// A number of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// This many.
    Given(u32),
    /// The number bound at `slot`, times `factor`, divided by `divisor`; a scalar where the slot is
    /// empty.
    Slot {
        /// Which slot.
        slot: usize,
        /// Multiplies its number.
        factor: u32,
        /// Divides its number.
        divisor: u32,
    },
}

/// Values that an immediate may have: `first`, `first + step` and so on up to `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ValueRange {
    pub first: i64,
    pub last: i64,
    pub step: i64,
}

impl ValueRange {
    /// Whether `value` is one of them.
    pub fn contains(&self, value: i64) -> bool {
        (self.first..=self.last).contains(&value) && (value - self.first) % self.step == 0
    }
}
