//! Statements of a body.

use std::fmt::{self, Write};

use super::{declarations, operands, separated};
use crate::ptx::tree::{Instruction, Statement};

/// Writes the statements of a block, `depth` tabs in; labels stand one tab less far in.
pub(super) fn body(out: &mut String, statements: &[Statement], depth: usize) -> fmt::Result {
    for statement in statements {
        let is_label = matches!(statement, Statement::Label(..));
        indent(out, depth - usize::from(is_label));
        match statement {
            Statement::Registers(registers) => {
                declarations::registers(out, registers)?;
                out.push_str(";\n");
            }
            Statement::Variable(variable) => declarations::variable(out, variable)?,
            Statement::Label(name, _) => writeln!(out, "{name}:")?,
            Statement::Instruction(one) => instruction(out, one)?,
            Statement::Block(inner) => {
                out.push_str("{\n");
                body(out, inner, depth + 1)?;
                indent(out, depth);
                out.push_str("}\n");
            }
            Statement::BranchTargets { name, targets, .. } => {
                list(out, name, "branchtargets", targets)?;
            }
            Statement::CallTargets { name, targets, .. } => {
                list(out, name, "calltargets", targets)?;
            }
            Statement::CallPrototype(function) => {
                write!(out, "{}: .callprototype ", function.name)?;
                declarations::prototype(out, function)?;
                out.push_str(";\n");
            }
            Statement::Pragma(text) => writeln!(out, ".pragma \"{text}\";")?,
        }
    }
    Ok(())
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n('\t', depth));
}

fn list(out: &mut String, name: &str, kind: &str, targets: &[smol_str::SmolStr]) -> fmt::Result {
    write!(out, "{name}: .{kind} ")?;
    separated(out, targets, |out, target| out.write_str(target))?;
    out.push_str(";\n");
    Ok(())
}

fn instruction(out: &mut String, instruction: &Instruction) -> fmt::Result {
    if let Some(guard) = &instruction.guard {
        out.push_str(if guard.negated { "@!" } else { "@" });
        out.push_str(&guard.register);
        out.push(' ');
    }
    out.push_str(instruction.mnemonic.text());
    if !instruction.operands.is_empty() {
        out.push(' ');
        separated(out, &instruction.operands, operands::operand)?;
    }
    out.push_str(";\n");
    Ok(())
}
