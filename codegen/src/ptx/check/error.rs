use std::fmt;

use smol_str::SmolStr;
use thiserror::Error;

use crate::gpu::{Target, TargetSet};
use crate::ptx::{ScalarType, Space, Span, Version};

fn spelled(space: Space) -> String {
    match space {
        Space::Generic => "generic, which reaches .global, .shared and .local".into(),
        space => format!("in .{space}"),
    }
}

/// Everything that is wrong with a module, in the order it stands there.
#[derive(Clone, Debug, Error, PartialEq)]
pub struct CheckErrors(pub Vec<CheckError>);

impl fmt::Display for CheckErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong with a module.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{span}: {kind}{}", hint.as_ref().map_or(String::new(), |h| format!("; {h}")))]
pub struct CheckError {
    /// Where it stands.
    pub span: Span,
    /// What is wrong.
    pub kind: CheckErrorKind,
    /// What to do about it, where that can be told.
    pub hint: Option<String>,
}

/// What is wrong with a module.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CheckErrorKind {
    /// A name that means nothing here.
    #[error("`{name}` is not declared here")]
    Undeclared {
        /// The name.
        name: SmolStr,
    },
    /// A name that is taken.
    #[error("`{name}` is declared twice in the same scope")]
    Duplicate {
        /// The name.
        name: SmolStr,
    },
    /// A guard that is no predicate.
    #[error("a guard is a predicate register, and `{name}` is {found}")]
    Guard {
        /// What was written.
        name: SmolStr,
        /// What it is.
        found: String,
    },
    /// More or fewer operands than any form takes.
    #[error("`{mnemonic}` takes {expected}, found {found}")]
    OperandCount {
        /// The instruction.
        mnemonic: SmolStr,
        /// How many it takes.
        expected: String,
        /// How many there are.
        found: usize,
    },
    /// An operand that no form takes.
    #[error("operand {position} of `{mnemonic}`: expected {expected}, found {found}")]
    Operand {
        /// The instruction.
        mnemonic: SmolStr,
        /// Which operand, from 1.
        position: usize,
        /// What it may be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A feature that the target lacks.
    #[error("{what} is not on {target}; it is on {targets}")]
    Target {
        /// What it is.
        what: String,
        /// The module's target.
        target: Target,
        /// Which targets have it.
        targets: TargetSet,
    },
    /// A feature of a later PTX version.
    #[error("{what} needs PTX {needs}, the module says {module}")]
    Version {
        /// What it is.
        what: String,
        /// The first version that has it.
        needs: Version,
        /// The module's.
        module: Version,
    },
    /// A target that does not exist.
    #[error("there is no target {target}")]
    NoSuchTarget {
        /// The module's target.
        target: Target,
    },
    /// A type that nothing of this kind can have.
    #[error("a {what} cannot have type .{scalar}")]
    Type {
        /// What has the type.
        what: &'static str,
        /// The type.
        scalar: ScalarType,
    },
    /// An alignment that is no power of two.
    #[error("an alignment of {align} is not a power of two")]
    Alignment {
        /// The alignment.
        align: u32,
    },
    /// A declaration that this place does not allow.
    #[error("{what} cannot stand here")]
    Misplaced {
        /// What stands there.
        what: String,
    },
    /// Initial values where there can be none, or too many of them.
    #[error("the initializer of `{name}` {problem}")]
    Initializer {
        /// The variable.
        name: SmolStr,
        /// What is wrong with it.
        problem: String,
    },
    /// Something larger than PTX allows.
    #[error("{what} is {found}; the limit is {limit}")]
    Limit {
        /// What has the size.
        what: String,
        /// Its size.
        found: u64,
        /// The largest allowed.
        limit: u64,
    },
    /// A call that does not fit the function called.
    #[error("this call of `{function}` needs {expected}, found {found}")]
    Call {
        /// The function, or its prototype.
        function: SmolStr,
        /// What it passes or takes back.
        found: String,
        /// What the function takes or gives back.
        expected: String,
    },
    /// A store to a parameter that may only be read, or the reverse.
    #[error("`{name}` cannot be {verb} here")]
    Access {
        /// The parameter.
        name: SmolStr,
        /// `read` or `written`.
        verb: &'static str,
    },
    /// Two declarations of one function or variable that differ.
    #[error("`{name}` was declared before in another way")]
    Redeclared {
        /// Its name.
        name: SmolStr,
    },
    /// Directives of a function that exclude each other.
    #[error("`{first}` and `{second}` exclude each other")]
    Conflict {
        /// One of them.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A constant outside the range that the instruction takes.
    #[error("{what} is {found}; expected {expected}")]
    Range {
        /// What the constant is.
        what: &'static str,
        /// Its value.
        found: i128,
        /// What it may be.
        expected: &'static str,
    },
    /// A variable in a state space that this instruction does not reach.
    #[error("`{name}` is in .{found}, and this address is {}", spelled(*expected))]
    Space {
        /// The variable.
        name: SmolStr,
        /// Where it lives.
        found: Space,
        /// Where the instruction looks.
        expected: Space,
    },
}
