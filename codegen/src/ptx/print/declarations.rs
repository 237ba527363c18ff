//! Variables and functions.

use std::fmt::{self, Write};

use super::{separated, statements};
use crate::ptx::tree::{
    Directive, Function, Initializer, Linkage, Literal, Parameter, RegisterNames, Registers,
    Variable,
};

fn linkage(out: &mut String, linkage: Linkage) {
    out.push_str(match linkage {
        Linkage::Internal => "",
        Linkage::Visible => ".visible ",
        Linkage::Extern => ".extern ",
        Linkage::Weak => ".weak ",
        Linkage::Common => ".common ",
    });
}

pub(super) fn variable(out: &mut String, variable: &Variable) -> fmt::Result {
    linkage(out, variable.linkage);
    write!(out, ".{} ", variable.space)?;
    if let Some(align) = variable.align {
        write!(out, ".align {align} ")?;
    }
    if let Some(count) = variable.vector {
        write!(out, ".v{count} ")?;
    }
    write!(out, ".{} {}", variable.scalar, variable.name)?;
    for size in &variable.dimensions {
        match size {
            Some(size) => write!(out, "[{size}]")?,
            None => out.push_str("[]"),
        }
    }
    if !variable.initializer.is_empty() {
        out.push_str(" = ");
        let is_list = variable.vector.is_some() || !variable.dimensions.is_empty();
        match is_list {
            true => initializer_list(out, &variable.dimensions, &variable.initializer)?,
            false => initial_value(out, &variable.initializer[0])?,
        }
    }
    out.push_str(";\n");
    Ok(())
}

/// Braces within braces, one pair for each dimension.
fn initializer_list(
    out: &mut String,
    dimensions: &[Option<u64>],
    values: &[Initializer],
) -> fmt::Result {
    let inner = dimensions.get(1..).unwrap_or_default();
    out.push('{');
    if inner.is_empty() {
        separated(out, values, initial_value)?;
    } else {
        let stride: u64 = inner.iter().map(|size| size.unwrap_or(1)).product();
        let rows: Vec<_> = values.chunks(usize::try_from(stride).unwrap_or(1).max(1)).collect();
        separated(out, &rows, |out, row| initializer_list(out, inner, row))?;
    }
    out.push('}');
    Ok(())
}

fn initial_value(out: &mut String, value: &Initializer) -> fmt::Result {
    match value {
        Initializer::Literal(Literal::Integer(value)) => write!(out, "{value}"),
        Initializer::Literal(literal) => write!(out, "{literal}"),
        Initializer::Address { name, generic, offset } => {
            match generic {
                true => write!(out, "generic({name})")?,
                false => out.push_str(name),
            }
            match offset {
                0 => Ok(()),
                offset => write!(out, "+{offset}"),
            }
        }
    }
}

pub(super) fn function(out: &mut String, function: &Function) -> fmt::Result {
    linkage(out, function.linkage);
    out.push_str(if function.is_entry { ".entry " } else { ".func " });
    if !function.returns.is_empty() {
        parameters(out, &function.returns)?;
        out.push(' ');
    }
    out.push_str(&function.name);
    parameters(out, &function.parameters)?;
    for directive in &function.directives {
        out.push('\n');
        write_directive(out, directive)?;
    }
    match &function.body {
        None => out.push_str(";\n"),
        Some(body) => {
            out.push_str("\n{\n");
            statements::body(out, body, 1)?;
            out.push_str("}\n");
        }
    }
    Ok(())
}

/// `(returns) _ (parameters)` of a call prototype.
pub(super) fn prototype(out: &mut String, function: &Function) -> fmt::Result {
    parameters(out, &function.returns)?;
    out.push_str(" _ ");
    parameters(out, &function.parameters)?;
    for directive in &function.directives {
        out.push(' ');
        write_directive(out, directive)?;
    }
    Ok(())
}

fn parameters(out: &mut String, parameters: &[Parameter]) -> fmt::Result {
    out.push('(');
    match parameters {
        [] => {}
        [only] => parameter(out, only)?,
        several => {
            for (i, one) in several.iter().enumerate() {
                out.push_str(if i == 0 { "\n\t" } else { ",\n\t" });
                parameter(out, one)?;
            }
            out.push('\n');
        }
    }
    out.push(')');
    Ok(())
}

fn parameter(out: &mut String, parameter: &Parameter) -> fmt::Result {
    out.push_str(if parameter.is_register { ".reg " } else { ".param " });
    if let Some(align) = parameter.align {
        write!(out, ".align {align} ")?;
    }
    write!(out, ".{} ", parameter.scalar)?;
    if let Some(pointer) = parameter.pointer {
        out.push_str(".ptr ");
        if let Some(space) = pointer.space {
            write!(out, ".{space} ")?;
        }
        if let Some(align) = pointer.align {
            write!(out, ".align {align} ")?;
        }
    }
    out.push_str(&parameter.name);
    match parameter.array {
        Some(0) => out.write_str("[]"),
        Some(count) => write!(out, "[{count}]"),
        None => Ok(()),
    }
}

fn write_directive(out: &mut String, directive: &Directive) -> fmt::Result {
    let extents = |out: &mut String, name: &str, extents: &[u32]| {
        write!(out, "{name} ")?;
        separated(out, extents, |out, extent| write!(out, "{extent}"))
    };
    match directive {
        Directive::MaxThreads(threads) => extents(out, ".maxntid", threads),
        Directive::RequiredThreads(threads) => extents(out, ".reqntid", threads),
        Directive::RequiredCluster(blocks) => extents(out, ".reqnctapercluster", blocks),
        Directive::MinBlocksPerMultiprocessor(blocks) => write!(out, ".minnctapersm {blocks}"),
        Directive::MaxRegisters(count) => write!(out, ".maxnreg {count}"),
        Directive::MaxClusterRank(rank) => write!(out, ".maxclusterrank {rank}"),
        Directive::ExplicitCluster => out.write_str(".explicitcluster"),
        Directive::BlocksAreClusters => out.write_str(".blocksareclusters"),
        Directive::NoReturn => out.write_str(".noreturn"),
        Directive::Pragma(text) => write!(out, ".pragma \"{text}\";"),
    }
}

pub(super) fn registers(out: &mut String, registers: &Registers) -> fmt::Result {
    out.push_str(".reg ");
    if let Some(count) = registers.vector {
        write!(out, ".v{count} ")?;
    }
    write!(out, ".{} ", registers.scalar)?;
    separated(out, &registers.names, |out, names| match names {
        RegisterNames::One(name) => out.write_str(name),
        RegisterNames::Range { prefix, count } => write!(out, "{prefix}<{count}>"),
    })
}
