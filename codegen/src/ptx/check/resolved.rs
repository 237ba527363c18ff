use std::sync::Arc;

use smol_str::SmolStr;

use crate::ptx::isa::{Binding, Mnemonic};
use crate::ptx::tree::{Directive, Initializer};
use crate::ptx::{Opcode, ScalarType, Space, Span, SpecialRegister};

/// Index of a register among its function's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegisterId(pub u32);

/// Index of a variable among its module's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariableId(pub u32);

/// A register of a function. A vector register is as many of these, `name.x` first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterInfo {
    /// Its name, for messages.
    pub name: SmolStr,
    /// Its type.
    pub scalar: ScalarType,
}

/// A variable of a module or a function.
#[derive(Clone, Debug, PartialEq)]
pub struct VariableInfo {
    /// Its name.
    pub name: SmolStr,
    /// Where it lives.
    pub space: Space,
    /// Alignment in bytes.
    pub align: u32,
    /// Size in bytes; 0 for the open array of extern shared memory.
    pub size: u64,
    /// Type of an element.
    pub scalar: ScalarType,
    /// Whether it is `extern`: dynamic shared memory where it is in shared space.
    pub is_extern: bool,
    /// Initial values of its elements; what is missing is zero.
    pub initializer: Vec<Initializer>,
    /// The function whose body declares it; none for a variable of module scope.
    pub function: Option<SmolStr>,
}

/// A parameter of a function and where it lies in its parameter block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterLayout {
    /// Its name.
    pub name: SmolStr,
    /// Type of an element.
    pub scalar: ScalarType,
    /// Alignment in bytes.
    pub align: u32,
    /// Size in bytes.
    pub size: u64,
    /// Offset from the beginning of the block, each parameter aligned in turn.
    pub offset: u64,
    /// The register that holds it, for a `.reg` parameter of a device function.
    pub register: Option<RegisterId>,
}

/// A function in resolved form.
#[derive(Clone, Debug)]
pub struct CheckedFunction {
    /// Its name.
    pub name: SmolStr,
    /// Whether it can be launched.
    pub is_entry: bool,
    /// Whether it has a body.
    pub is_defined: bool,
    /// Launch and performance directives.
    pub directives: Vec<Directive>,
    /// Parameters, in order.
    pub parameters: Vec<ParameterLayout>,
    /// Return parameters, in order.
    pub returns: Vec<ParameterLayout>,
    /// The registers that the body names, in the order in which they are named first.
    pub registers: Vec<RegisterInfo>,
    /// Instructions in order; a label is the index of the instruction that follows it, and one at
    /// the end of the body is the number of instructions.
    pub code: Vec<CheckedInstruction>,
}

/// An instruction in resolved form.
#[derive(Clone, Debug)]
pub struct CheckedInstruction {
    /// Name and modifiers.
    pub mnemonic: Arc<Mnemonic>,
    /// The form whose operands fit and which the target has.
    pub binding: Arc<Binding>,
    /// The predicate it executes under, and whether that is negated.
    pub guard: Option<(RegisterId, bool)>,
    /// Operands, one for each of the form's that these words have, up to the first that was left
    /// out.
    pub operands: Vec<CheckedOperand>,
    /// Where it stood.
    pub span: Span,
}

impl CheckedInstruction {
    /// What it does.
    pub fn opcode(&self) -> Opcode {
        self.binding.form.opcode
    }
}

/// An operand in resolved form.
#[derive(Clone, Debug, PartialEq)]
pub enum CheckedOperand {
    /// A register.
    Register(RegisterId),
    /// A predicate register, negated.
    NotRegister(RegisterId),
    /// An immediate, as the bits of the operand's type, zero-extended (a negative s32 fills the
    /// low 32 bits only).
    Immediate(u64),
    /// A special register.
    Special(SpecialRegister),
    /// The address of a variable, plus an offset in bytes.
    Variable(VariableId, i64),
    /// The address of a parameter of this function, plus an offset in bytes: index among
    /// parameters, or among returns.
    Parameter {
        /// Whether it is a return parameter.
        is_return: bool,
        /// Which.
        index: u32,
        /// Bytes added to its address.
        offset: i64,
    },
    /// A function, by its index among the module's.
    Function(u32),
    /// An address in memory.
    Address {
        /// What it is relative to.
        base: AddressBase,
        /// Bytes added to it.
        offset: i64,
    },
    /// A tensor map, and coordinates.
    Tensor {
        /// Where the map is.
        map: AddressBase,
        /// Coordinates, innermost first.
        coordinates: Box<[CheckedOperand]>,
    },
    /// A vector.
    Vector(Box<[CheckedOperand]>),
    /// Two destinations.
    Pair(Box<CheckedOperand>, Box<CheckedOperand>),
    /// A destination that is thrown away.
    Sink,
    /// The index of the instruction a label stands before.
    Label(u32),
    /// The targets of a `brx.idx`, as labels.
    Targets(Box<[u32]>),
    /// A call prototype: any function with these parameters may be called.
    Prototype(Box<Prototype>),
    /// Arguments or return values of a call.
    Arguments(Box<[CheckedOperand]>),
}

/// What a function takes and returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prototype {
    /// Return parameters.
    pub returns: Vec<ParameterLayout>,
    /// Parameters.
    pub parameters: Vec<ParameterLayout>,
}

/// What an address is relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressBase {
    /// A register's value; 32-bit registers are zero-extended.
    Register(RegisterId),
    /// A variable.
    Variable(VariableId),
    /// A parameter of this function.
    Parameter {
        /// Whether it is a return parameter.
        is_return: bool,
        /// Which.
        index: u32,
    },
    /// Zero.
    Absolute,
}
