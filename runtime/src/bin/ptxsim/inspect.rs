//! What can be told of PTX without running it.

use std::fmt::Write;
use std::path::Path;

use tilewright::device::Module;
use tilewright::files::read_text;
use tilewright::launch_file::LONGEST_PTX;
use tilewright::ptx;
use tilewright::ptxas::{Assembled, Error, Nvdisasm, Ptxas};
use tilewright::sass::Function;

use crate::{Outcome, complain, print, show};

/// Reads and checks PTX, or says what is wrong with it.
pub(crate) fn module(path: &Path) -> Option<Module> {
    let text = match read_text(path, LONGEST_PTX) {
        Ok(text) => text,
        Err(error) => {
            complain(&format!("error: {}: {error}\n", path.display()));
            return None;
        }
    };
    match Module::parse(text.as_str()) {
        Ok(module) => Some(module),
        Err(error) => {
            complain(&show::problems(path, &text, &error.problems()));
            None
        }
    }
}

pub(crate) fn check(path: &Path) -> Outcome {
    let Some(module) = module(path) else { return Outcome::Unusable };
    let mut text = String::new();
    for entry in module.entries() {
        let (name, count) = (&entry.name, entry.parameters.len());
        let _ = writeln!(text, "{name}: {count} parameters, {} instructions", entry.code.len());
        for parameter in &entry.parameters {
            let _ = writeln!(text, "  {}: {} bytes", parameter.name, parameter.size);
        }
    }
    print(&text);
    Outcome::Match
}

pub(crate) fn print_text(path: &Path) -> Outcome {
    let Some(module) = module(path) else { return Outcome::Unusable };
    print(&ptx::print(module.checked()));
    Outcome::Match
}

pub(crate) fn assemble(path: &Path, target: Option<&str>) -> Outcome {
    let Some(module) = module(path) else { return Outcome::Unusable };
    let own = module.checked().module().target.to_string();
    match assembled(&module, target.unwrap_or(&own)) {
        Ok(text) => {
            print(&text);
            Outcome::Match
        }
        Err(error) => {
            complain(&format!("error: {}: {error}\n", path.display()));
            Outcome::Unusable
        }
    }
}

fn assembled(module: &Module, target: &str) -> Result<String, Error> {
    let Assembled { cubin, report } = Ptxas::find()?.assemble(module.text(), target)?;
    let mut text = String::new();
    for entry in &report.entries {
        let _ = writeln!(
            text,
            "{} for {target}: {} registers, {} + {} bytes spilled and filled, {} bytes of stack, \
             {} bytes of shared memory",
            entry.name,
            entry.registers,
            entry.spill_store_bytes,
            entry.spill_load_bytes,
            entry.stack_bytes,
            entry.shared_bytes
        );
    }
    for warning in &report.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    for function in Nvdisasm::find()?.disassemble(&cubin)? {
        describe(&function, &mut text);
    }
    Ok(text)
}

/// A function's loops, and what is in them.
fn describe(function: &Function, text: &mut String) {
    let _ = writeln!(text, "{}: {} instructions", function.name, function.instructions.len());
    for each in function.loops() {
        let address = function.instructions[each.head].address;
        let _ = writeln!(text, "  loop at {address:#06x}, {}", function.mix(&each));
    }
}
