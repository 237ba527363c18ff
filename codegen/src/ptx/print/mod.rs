//! The printer: from a checked module to text that [`parse`](super::parse()) reads back as the same
//! tree.

mod declarations;
mod operands;
mod statements;

use std::fmt::{self, Write};

use super::check::Checked;
use super::tree::{Item, Module};

/// The text of a module.
///
/// ```
/// use tilewright_codegen::ptx;
/// let text = ".version 7.0 .target sm_80 .visible .entry f() { .reg .b32 a; mov.b32 a, 1; exit; }";
/// let checked = ptx::check(ptx::parse(text).unwrap()).unwrap();
/// let printed = ptx::print(&checked);
/// assert_eq!(&ptx::parse(&printed).unwrap(), checked.module());
/// ```
pub fn print(module: &Checked) -> String {
    // About the length of a line with an instruction.
    const LINE: usize = 48;
    let lines: usize = module.functions().iter().map(|f| f.code.len() + 16).sum();
    let mut text = String::with_capacity(lines * LINE);
    write_module(&mut text, module.module()).expect("a string takes all that is written to it");
    text
}

fn write_module(out: &mut String, module: &Module) -> fmt::Result {
    writeln!(out, ".version {}", module.version)?;
    writeln!(out, ".target {}", module.target)?;
    writeln!(out, ".address_size 64")?;
    let mut previous = None;
    for item in &module.items {
        let kind = std::mem::discriminant(item);
        if matches!(item, Item::Function(_)) || previous != Some(kind) {
            out.push('\n');
        }
        previous = Some(kind);
        match item {
            Item::Variable(variable) => declarations::variable(out, variable)?,
            Item::Function(function) => declarations::function(out, function)?,
            Item::Alias { name, target, .. } => writeln!(out, ".alias {name}, {target};")?,
            Item::Pragma(text) => writeln!(out, ".pragma \"{text}\";")?,
        }
    }
    Ok(())
}

/// Writes `items` with commas between.
fn separated<T>(
    out: &mut String,
    items: &[T],
    mut write: impl FnMut(&mut String, &T) -> fmt::Result,
) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        write(out, item)?;
    }
    Ok(())
}
