//! The typed tree: what the checker makes of Rust's syntax and the lowering reads.

use super::constant::Constant;
use super::intrinsics::{Builtin, Intrinsic};
use super::types::{Scalar, Type};
use crate::diagnostic::Location;

/// Index of a [`Variable`] in its [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct VariableId(pub(crate) usize);

/// Index of a [`Function`] in its [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FunctionId(pub(crate) usize);

/// Identifies a loop or labelled block, for `break` and `continue`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LoopId(pub(crate) usize);

/// A kernel and the functions inside it.
#[derive(Debug, Default)]
pub(crate) struct Program {
    /// The kernel is the first.
    pub(crate) functions: Vec<Function>,
    pub(crate) variables: Vec<Variable>,
}

/// A kernel or a device function.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) parameters: Vec<VariableId>,
    pub(crate) result: Type,
    pub(crate) body: Block,
}

/// A parameter, a `let` or the variable of a loop.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) mutable: bool,
    pub(crate) storage: Storage,
}

/// Where a variable lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Registers; for an array that a register file cannot index, local memory.
    Thread,
    /// As [`Storage::Thread`], and its value is known while the kernel compiles.
    Static,
    /// Shared memory of a size known while the kernel compiles.
    Shared,
    /// Shared memory of the size given at launch.
    DynamicShared,
}

/// `{ … }`.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) statements: Vec<Statement>,
    /// The value, where the block has one.
    pub(crate) value: Option<Box<Expression>>,
}

/// One step of a block.
#[derive(Debug)]
pub(crate) enum Statement {
    /// A variable and its first value; shared memory has none.
    Let(VariableId, Option<Expression>),
    /// A tuple taken apart.
    LetTuple(Vec<VariableId>, Expression),
    Expression(Expression),
}

/// An expression, its type and where it stood.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) kind: Kind,
    pub(crate) ty: Type,
    pub(crate) location: Location,
}

/// What an expression is.
#[derive(Debug)]
pub(crate) enum Kind {
    Constant(Constant),
    /// A literal with a decimal point, as written: which value it is depends on its type.
    Decimal(String),
    /// A built-in value such as `thread_index`, and which of its axes.
    Builtin(&'static Builtin, usize),
    /// The value at a place.
    Read(Place),
    /// `&mut place`, `&place`.
    Address(Place),
    Negate(Box<Expression>),
    Not(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    Compare(Comparison, Box<Expression>, Box<Expression>),
    /// `&&`.
    Both(Box<Expression>, Box<Expression>),
    /// `||`.
    Either(Box<Expression>, Box<Expression>),
    Cast(Box<Expression>),
    /// The same bits as another type: `to_bits`, `from_bits`.
    Reinterpret(Box<Expression>),
    /// `pointer.add(count)`, or `sub`.
    Offset {
        pointer: Box<Expression>,
        count: Box<Expression>,
        backwards: bool,
    },
    Assign(Place, Box<Expression>),
    /// `place += value` and its like.
    Update(Operator, Place, Box<Expression>),
    Intrinsic(&'static Intrinsic, Vec<Expression>),
    Call(FunctionId, Vec<Expression>),
    Tuple(Vec<Expression>),
    Array(Vec<Expression>),
    /// `[value; count]`.
    Repeat(Box<Expression>, u64),
    Block(Option<LoopId>, Block),
    If(Box<Expression>, Block, Option<Box<Expression>>),
    While(LoopId, Box<Expression>, Block),
    Loop(LoopId, Block),
    For(Box<For>),
    Break(LoopId, Option<Box<Expression>>),
    Continue(LoopId),
    Return(Option<Box<Expression>>),
    /// What was wrong and has been reported.
    Error,
}

/// `for variable in start..end { … }`.
#[derive(Debug)]
pub(crate) struct For {
    pub(crate) id: LoopId,
    pub(crate) variable: VariableId,
    pub(crate) start: Expression,
    pub(crate) end: Expression,
    /// `..=`.
    pub(crate) inclusive: bool,
    pub(crate) step: Option<Expression>,
    /// `.rev()`.
    pub(crate) reversed: bool,
    /// `#[unroll]`.
    pub(crate) unroll: bool,
    pub(crate) body: Block,
}

/// What can be read and assigned.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) kind: PlaceKind,
    pub(crate) ty: Type,
    pub(crate) location: Location,
}

/// What a place is.
#[derive(Debug)]
pub(crate) enum PlaceKind {
    Variable(VariableId),
    /// `*pointer`, or `pointer[index]`.
    Target(Box<Expression>, Option<Box<Expression>>),
    /// `array[index]`.
    Element(Box<Place>, Box<Expression>),
    /// `tuple.0`.
    Field(Box<Place>, usize),
    /// A value that stands where a place is read.
    Value(Box<Expression>),
}

/// Arithmetic and bitwise operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

/// Comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::And => "&",
            Self::Or => "|",
            Self::Xor => "^",
            Self::ShiftLeft => "<<",
            Self::ShiftRight => ">>",
        }
    }

    pub(crate) const fn is_shift(self) -> bool {
        matches!(self, Self::ShiftLeft | Self::ShiftRight)
    }
}

impl Comparison {
    /// The comparison's name in `setp`. PTX compares unordered floats unequal, as Rust does.
    pub(crate) const fn modifier(self, scalar: Scalar) -> &'static str {
        match self {
            Self::Equal => "eq",
            // A NaN is not equal to anything, which `ne` would deny.
            Self::NotEqual if scalar.is_float() => "neu",
            Self::NotEqual => "ne",
            Self::Less => "lt",
            Self::LessOrEqual => "le",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "ge",
        }
    }
}
