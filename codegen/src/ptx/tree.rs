//! The tree: what the embedded language builds, the parser returns and the printer writes.

use std::sync::Arc;

use smol_str::SmolStr;

use super::isa::Mnemonic;
use super::special::SpecialRegister;
use super::types::{ScalarType, Space, Span, Version};
use crate::gpu::Target;

/// A PTX module. Debug directives (`.file`, `.loc`, `.section`) are not part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Module {
    /// `.version`.
    pub version: Version,
    /// `.target`.
    pub target: Target,
    /// Variables and functions, in order. Addresses are always 64 bits wide.
    pub items: Vec<Item>,
}

/// Something at the top level of a module.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A module-scope variable.
    Variable(Variable),
    /// An entry or a device function, or its declaration.
    Function(Function),
    /// `.alias name, target;`: another name for a device function.
    Alias {
        /// The other name, declared before.
        name: SmolStr,
        /// The function it stands for.
        target: SmolStr,
        /// Where it stood.
        span: Span,
    },
    /// `.pragma "…";`.
    Pragma(SmolStr),
}

/// `.visible`, `.extern` and their like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Linkage {
    #[default]
    Internal,
    Visible,
    Extern,
    Weak,
    Common,
}

/// A variable in a state space other than registers.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// Who else sees it.
    pub linkage: Linkage,
    /// Where it lives.
    pub space: Space,
    /// `.align`, in bytes.
    pub align: Option<u32>,
    /// `.v2` or `.v4`: elements of the vector type.
    pub vector: Option<u8>,
    /// Type of an element.
    pub scalar: ScalarType,
    /// Its name.
    pub name: SmolStr,
    /// Array dimensions; `None` is the open `[]` of extern shared memory.
    pub dimensions: Vec<Option<u64>>,
    /// Initial values, flattened in order; what is missing is zero.
    pub initializer: Vec<Initializer>,
    /// Where it was declared.
    pub span: Span,
}

/// One element of an initializer list.
#[derive(Clone, Debug, PartialEq)]
pub enum Initializer {
    /// A literal.
    Literal(Literal),
    /// The address of a variable or function, plus an offset in bytes.
    Address {
        /// Whose address.
        name: SmolStr,
        /// Whether it is `generic(name)`.
        generic: bool,
        /// Added to it.
        offset: i64,
    },
}

/// An entry or a device function.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// `.entry`, or `.func`.
    pub is_entry: bool,
    /// Who else sees it.
    pub linkage: Linkage,
    /// Return parameters; none for an entry.
    pub returns: Vec<Parameter>,
    /// Its name.
    pub name: SmolStr,
    /// Parameters, in order.
    pub parameters: Vec<Parameter>,
    /// `.maxntid` and its like.
    pub directives: Vec<Directive>,
    /// The body; a declaration has none.
    pub body: Option<Vec<Statement>>,
    /// Where its name stood.
    pub span: Span,
}

/// A parameter, in `.param` space or, for a device function, in a register.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: SmolStr,
    /// Whether it is a `.reg` parameter of a device function.
    pub is_register: bool,
    /// `.align`, in bytes.
    pub align: Option<u32>,
    /// Type of an element.
    pub scalar: ScalarType,
    /// Number of elements, for an array; 0 is `[]`, the arguments that vary.
    pub array: Option<u64>,
    /// `.ptr`: where a pointer points, and the alignment promised there.
    pub pointer: Option<Pointer>,
}

/// What a `.ptr` attribute promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// The state space pointed to, where it is given.
    pub space: Option<Space>,
    /// Alignment in bytes, where it is given.
    pub align: Option<u32>,
}

/// A performance or launch directive of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Directive {
    /// `.maxntid x, y, z`.
    MaxThreads(Vec<u32>),
    /// `.reqntid x, y, z`.
    RequiredThreads(Vec<u32>),
    /// `.minnctapersm n`.
    MinBlocksPerMultiprocessor(u32),
    /// `.maxnreg n`.
    MaxRegisters(u32),
    /// `.reqnctapercluster x, y, z`.
    RequiredCluster(Vec<u32>),
    /// `.maxclusterrank n`.
    MaxClusterRank(u32),
    /// `.explicitcluster`.
    ExplicitCluster,
    /// `.blocksareclusters`.
    BlocksAreClusters,
    /// `.noreturn`.
    NoReturn,
    /// `.pragma "…"`.
    Pragma(SmolStr),
}

/// A statement of a body.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `.reg`.
    Registers(Registers),
    /// A variable of function scope.
    Variable(Box<Variable>),
    /// `name:`.
    Label(SmolStr, Span),
    /// An instruction.
    Instruction(Instruction),
    /// `{ … }`, a scope of its own.
    Block(Vec<Statement>),
    /// `name: .branchtargets …;`.
    BranchTargets {
        /// Label of the list.
        name: SmolStr,
        /// Labels that `brx.idx` may jump to.
        targets: Vec<SmolStr>,
        /// Where it stood.
        span: Span,
    },
    /// `name: .calltargets …;`
    CallTargets {
        /// Label of the list.
        name: SmolStr,
        /// Functions that an indirect call may reach.
        targets: Vec<SmolStr>,
        /// Where it stood.
        span: Span,
    },
    /// `name: .callprototype …;`, kept as a bodiless function of that name.
    CallPrototype(Box<Function>),
    /// `.pragma "…";`.
    Pragma(SmolStr),
}

/// One `.reg` declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Registers {
    /// `.v2` or `.v4`.
    pub vector: Option<u8>,
    /// Type of each register, or of an element.
    pub scalar: ScalarType,
    /// The registers declared.
    pub names: Vec<RegisterNames>,
    /// Where it stood.
    pub span: Span,
}

/// One name of a `.reg` declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisterNames {
    /// `name`.
    One(SmolStr),
    /// `prefix<count>`: `prefix0` to `prefix{count-1}`.
    Range {
        /// The part before the number.
        prefix: SmolStr,
        /// How many.
        count: u32,
    },
}

/// An instruction.
#[derive(Clone, Debug, PartialEq)]
pub struct Instruction {
    /// `@p` or `@!p`.
    pub guard: Option<Guard>,
    /// Name and modifiers.
    pub mnemonic: Arc<Mnemonic>,
    /// Operands, in order.
    pub operands: Vec<Operand>,
    /// Where it stood.
    pub span: Span,
}

/// The predicate under which an instruction executes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Name of a predicate register.
    pub register: SmolStr,
    /// Whether it is `@!p`.
    pub negated: bool,
}

/// An operand as written.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A register, with the element selector of a vector register (`r.x`).
    Register(SmolStr, Option<u8>),
    /// `!p`.
    NotRegister(SmolStr),
    /// A literal.
    Literal(Literal),
    /// A special register such as `%tid.x`.
    Special(SpecialRegister),
    /// A variable, function or label, plus an offset in bytes.
    Symbol(SmolStr, i64),
    /// `[base + offset]`.
    Address(Address),
    /// `[map, {c0, c1, …}]`, a tensor map and coordinates.
    Tensor(Box<TensorCoordinates>),
    /// `{a, b, …}`.
    Vector(Vec<Operand>),
    /// `d | p`: two destinations.
    Pair(Box<Operand>, Box<Operand>),
    /// `_`, a destination that is thrown away.
    Sink,
    /// `(a, b)`, the arguments or return values of a call.
    Arguments(Vec<Operand>),
}

/// `[map, {c0, c1, …}]`.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorCoordinates {
    /// The address of the map.
    pub map: Address,
    /// Coordinates, innermost first.
    pub coordinates: Vec<Operand>,
}

/// `[base + offset]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// What the address is relative to.
    pub base: Base,
    /// Bytes added to it.
    pub offset: i64,
}

/// The base of an [`Address`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// A register.
    Register(SmolStr),
    /// A variable or parameter.
    Symbol(SmolStr),
    /// Zero: the offset is an absolute address.
    Absolute,
}

/// A constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literal {
    /// An integer between −2⁶³ and 2⁶⁴ − 1.
    Integer(i128),
    /// `0f…`, single precision by its bits, which is also how it prints.
    F32(u32),
    /// `0d…` or a decimal, double precision by its bits.
    F64(u64),
}
