//! Operands, and how the tree's parts display.

use std::fmt::{self, Write};

use super::separated;
use crate::ptx::tree::{Address, Base, Instruction, Literal, Operand};

/// The largest magnitude written in decimal; what is longer is easier to read in hexadecimal.
const DECIMAL: i128 = 1 << 24;

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Integer(value) if value > DECIMAL => write!(f, "{value:#x}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::F32(bits) => write!(f, "0f{bits:08X}"),
            Self::F64(bits) => write!(f, "0d{bits:016X}"),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        operand(&mut text, self)?;
        f.write_str(&text)
    }
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(guard) = &self.guard {
            write!(f, "@{}{} ", if guard.negated { "!" } else { "" }, guard.register)?;
        }
        write!(f, "{}", self.mnemonic)?;
        for (i, operand) in self.operands.iter().enumerate() {
            write!(f, "{} {operand}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

fn address(out: &mut String, address: &Address) -> fmt::Result {
    let name = match &address.base {
        Base::Register(name) | Base::Symbol(name) => name,
        Base::Absolute => return write!(out, "{}", address.offset),
    };
    out.push_str(name);
    match address.offset {
        0 => Ok(()),
        offset => write!(out, "+{offset}"),
    }
}

pub(super) fn operand(out: &mut String, operand: &Operand) -> fmt::Result {
    match operand {
        Operand::Register(name, component) => {
            out.push_str(name);
            if let Some(component) = component {
                out.push('.');
                out.push(char::from(b"xyzw"[usize::from(component & 3)]));
            }
        }
        Operand::NotRegister(name) => {
            out.push('!');
            out.push_str(name);
        }
        Operand::Literal(literal) => write!(out, "{literal}")?,
        Operand::Special(special) => out.push_str(special.name()),
        Operand::Symbol(name, offset) => {
            out.push_str(name);
            if *offset != 0 {
                write!(out, "+{offset}")?;
            }
        }
        Operand::Address(address) => {
            out.push('[');
            self::address(out, address)?;
            out.push(']');
        }
        Operand::Tensor(tensor) => {
            out.push('[');
            address(out, &tensor.map)?;
            out.push_str(", {");
            separated(out, &tensor.coordinates, self::operand)?;
            out.push_str("}]");
        }
        Operand::Vector(elements) => {
            out.push('{');
            separated(out, elements, self::operand)?;
            out.push('}');
        }
        Operand::Pair(first, second) => {
            self::operand(out, first)?;
            out.push('|');
            self::operand(out, second)?;
        }
        Operand::Sink => out.push('_'),
        Operand::Arguments(arguments) => {
            out.push('(');
            separated(out, arguments, self::operand)?;
            out.push(')');
        }
    }
    Ok(())
}
