//! SASS, the instructions that a GPU executes, as `nvdisasm` prints them: functions, their loops,
//! and what is in a loop.
//!
//! The measure of an attention kernel without a GPU is the number of instructions in its steady
//! loop, over the scores that a thread computes in it:
//!
//! ```no_run
//! # fn main() -> Result<(), tilewright::ptxas::Error> {
//! # let cubin = Vec::new();
//! let functions = tilewright::ptxas::Nvdisasm::find()?.disassemble(&cubin)?;
//! if let Some(steady) = functions[0].steady_loop(&["HMMA", "MUFU.EX2"]) {
//!     let mix = functions[0].mix(&steady);
//!     println!("{} instructions, {} of them HMMA", mix.total(), mix.count("HMMA"));
//! }
//! # Ok(())
//! # }
//! ```

mod flow;
mod loops;
mod parse;

use std::collections::BTreeMap;
use std::fmt;

pub use loops::Loop;
pub use parse::{ParseError, parse};

/// A function of a cubin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name, that of the PTX entry.
    pub name: String,
    /// Its instructions, in the order of their addresses.
    pub instructions: Vec<Instruction>,
}

/// One SASS instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// The byte address in the function.
    pub address: u64,
    /// The predicate that guards it, such as `!P0`.
    pub guard: Option<String>,
    /// The opcode with its modifiers, such as `HMMA.16816.F32`.
    pub opcode: String,
    /// The operands as printed.
    pub operands: String,
    /// The indices of the instructions whose labels its operands name.
    pub targets: Vec<usize>,
}

impl Instruction {
    /// Whether the opcode is `name` or `name` with further modifiers: `HMMA.16816.F32` is an
    /// `HMMA`, `MUFU.EX2` a `MUFU.EX2` and a `MUFU`.
    pub fn is(&self, name: &str) -> bool {
        self.opcode.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(guard) = &self.guard {
            write!(f, "@{guard} ")?;
        }
        write!(f, "{}", self.opcode)?;
        if !self.operands.is_empty() {
            write!(f, " {}", self.operands)?;
        }
        Ok(())
    }
}

impl Function {
    /// Every natural loop, outer loops before the loops in them.
    pub fn loops(&self) -> Vec<Loop> {
        loops::find(&self.instructions)
    }

    /// The loop that an attention kernel spends its time in: of the innermost loops that hold every
    /// one of `opcodes`, the one with the fewest instructions. A kernel with a loop for masked and
    /// one for unmasked tiles thus shows the unmasked one.
    pub fn steady_loop(&self, opcodes: &[&str]) -> Option<Loop> {
        let holds = |l: &Loop| {
            opcodes.iter().all(|name| l.body.iter().any(|&i| self.instructions[i].is(name)))
        };
        let holding: Vec<Loop> = self.loops().into_iter().filter(holds).collect();
        let innermost = |l: &&Loop| !holding.iter().any(|other| l.encloses(other));
        holding.iter().filter(innermost).min_by_key(|l| l.body.len()).cloned()
    }

    /// How often each opcode stands in a loop. Loops nested in it count once, as does an
    /// instruction that a branch may skip.
    pub fn mix(&self, of: &Loop) -> Mix {
        let mut counts = BTreeMap::new();
        for &index in &of.body {
            *counts.entry(self.instructions[index].opcode.clone()).or_default() += 1;
        }
        Mix { counts }
    }
}

/// Instructions by opcode.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mix {
    /// How often each opcode, with its modifiers, stands there.
    pub counts: BTreeMap<String, usize>,
}

impl Mix {
    /// All instructions.
    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }

    /// The instructions whose opcode is `name`, with any further modifiers.
    pub fn count(&self, name: &str) -> usize {
        let is = |opcode: &str| {
            opcode.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.counts.iter().filter(|(opcode, _)| is(opcode)).map(|(_, count)| count).sum()
    }

    /// The counts by opcode without modifiers, most frequent first.
    pub fn by_base_opcode(&self) -> Vec<(String, usize)> {
        let mut bases: BTreeMap<&str, usize> = BTreeMap::new();
        for (opcode, count) in &self.counts {
            *bases.entry(opcode.split('.').next().unwrap_or(opcode)).or_default() += count;
        }
        let mut bases: Vec<_> = bases.into_iter().map(|(base, n)| (base.to_owned(), n)).collect();
        bases.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        bases
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} instructions:", self.total())?;
        for (opcode, count) in self.by_base_opcode() {
            write!(f, " {opcode} {count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
