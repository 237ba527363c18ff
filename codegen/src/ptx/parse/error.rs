use smol_str::SmolStr;
use thiserror::Error;

use crate::gpu::ParseTargetError;
use crate::ptx::{MnemonicError, Span};

/// Text that is not PTX: where, what was found there and what was expected.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{span}: {kind}")]
pub struct ParseError {
    /// Where the offending word begins.
    pub span: Span,
    /// What is wrong there.
    pub kind: ParseErrorKind,
}

impl ParseError {
    pub(super) fn new(span: Span, kind: ParseErrorKind) -> Self {
        Self { span, kind }
    }
}

/// What is wrong with a text.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ParseErrorKind {
    /// Something else should stand here.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What may stand here.
        expected: Expected,
        /// What stands here, in backquotes, or `the end of the text`.
        found: SmolStr,
    },
    /// The name of an instruction that no row of the table admits.
    #[error(transparent)]
    Mnemonic(#[from] MnemonicError),
    /// A `.target` that is none.
    #[error(transparent)]
    Target(#[from] ParseTargetError),
    /// A character that no word of PTX has.
    #[error("`{}` cannot stand in PTX", found.escape_default())]
    Character {
        /// The character.
        found: char,
    },
    /// A `/*` without its `*/`.
    #[error("this comment is never closed; expected `*/`")]
    OpenComment,
    /// A `"` without its fellow on the same line.
    #[error("this text is not closed on its line; expected `\"`")]
    OpenText,
    /// A number that cannot be read.
    #[error("`{found}` is not a number; expected {expected}")]
    Number {
        /// What stands here.
        found: SmolStr,
        /// What it should be.
        expected: &'static str,
    },
    /// A number with a fraction where only a whole number may stand.
    #[error("expected a whole number")]
    NotInteger,
    /// A constant expression without a value of 64 bits.
    #[error("this expression has no value of 64 bits")]
    Arithmetic,
    /// A list of initial values that is longer than its dimension.
    #[error("the list of initial values that ends here is longer than its dimension")]
    InitializerList,
    /// Blocks, parentheses or braces within each other, deeper than the parser follows.
    #[error("nested more than {limit} deep")]
    Nesting {
        /// How deep is allowed.
        limit: usize,
    },
    /// Something of PTX that this crate leaves out.
    #[error("{what} is not supported; {instead}")]
    Unsupported {
        /// What it is.
        what: &'static str,
        /// What to do.
        instead: &'static str,
    },
}

/// What could have stood where something unexpected stands.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Expected {
    #[error("`.version` at the beginning of the module")]
    VersionDirective,
    #[error("`.target` after `.version`")]
    TargetDirective,
    #[error("a PTX version such as 8.0")]
    Version,
    #[error("a target such as sm_80")]
    Target,
    #[error("`debug`, `texmode_unified` or `texmode_independent`")]
    TargetOption,
    #[error("64")]
    AddressSize,
    #[error("`{}`", *.0 as char)]
    Punctuation(u8),
    #[error("`{}` or `{}`", *.0 as char, *.1 as char)]
    Either(u8, u8),
    #[error("a variable, `.entry` or `.func`")]
    Item,
    #[error("`.entry`, `.func` or a state space")]
    LinkedItem,
    #[error("a body, a directive such as `.maxntid`, or `;`")]
    Body,
    #[error("a statement or `}}`")]
    Statement,
    #[error("an instruction after the guard")]
    Instruction,
    #[error("`.branchtargets`, `.calltargets` or `.callprototype`")]
    LabelledList,
    #[error("a name")]
    Name,
    #[error("a register")]
    Register,
    #[error("a label")]
    Label,
    #[error("a type such as `.b32`")]
    Type,
    #[error("a state space such as `.global`")]
    Space,
    #[error("an operand")]
    Operand,
    #[error("an operand or `;`")]
    OperandOrEnd,
    #[error("an address: a register, a variable or a number")]
    Address,
    #[error("a number")]
    Number,
    #[error("a whole number of at most 32 bits")]
    Count,
    #[error("an initial value")]
    Initializer,
    #[error("a text in double quotes")]
    Text,
    #[error("`.param` or `.reg`")]
    Parameter,
    #[error("a component: `.x`, `.y`, `.z` or `.w`")]
    Component,
}
