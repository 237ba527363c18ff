//! Reads what `nvdisasm -c` prints.

use std::collections::HashMap;

use super::{Function, Instruction};

/// A line of a disassembly that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}: {text:?}")]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: &'static str,
    /// The line itself.
    pub text: String,
}

/// A function whose labels are not resolved yet.
struct Open {
    function: Function,
    /// From a label to the index of the instruction after it.
    labels: HashMap<String, usize>,
}

/// Reads the functions of a disassembly.
///
/// # Errors
/// [`ParseError`] for an instruction outside every function, one that does not end in `;`, or a
/// branch to a label that is nowhere.
pub fn parse(text: &str) -> Result<Vec<Function>, ParseError> {
    let mut functions = Vec::new();
    let mut open: Option<Open> = None;
    for (number, line) in text.lines().enumerate() {
        let error = |reason| ParseError { line: number + 1, reason, text: line.trim().to_owned() };
        let trimmed = line.trim();
        if let Some(name) = trimmed.strip_prefix(".text.").and_then(|t| t.strip_suffix(':')) {
            functions.extend(open.take().map(close));
            let function = Function { name: name.to_owned(), instructions: Vec::new() };
            open = Some(Open { function, labels: HashMap::new() });
        } else if let Some(rest) = trimmed.strip_prefix("/*") {
            let open = open.as_mut().ok_or_else(|| error("an instruction outside a function"))?;
            open.function.instructions.push(instruction(rest).map_err(error)?);
        } else if let (Some(label), Some(open)) = (trimmed.strip_suffix(':'), open.as_mut()) {
            open.labels.insert(label.to_owned(), open.function.instructions.len());
        }
    }
    functions.extend(open.take().map(close));
    Ok(functions)
}

/// Reads `ADDRESS*/  @GUARD OPCODE OPERANDS ;`, the part after `/*`.
fn instruction(text: &str) -> Result<Instruction, &'static str> {
    let (address, rest) = text.split_once("*/").ok_or("an address that does not end")?;
    let address = u64::from_str_radix(address, 16).map_err(|_| "an address that is no number")?;
    let rest = rest.trim().trim_start_matches('{').trim();
    let (body, annotation) = rest.split_once(';').ok_or("an instruction that does not end in ;")?;
    let mut body = body.trim();
    let mut guard = None;
    if let Some(guarded) = body.strip_prefix('@') {
        let (predicate, rest) = guarded.split_once(' ').ok_or("a guard with no instruction")?;
        guard = Some(predicate.to_owned());
        body = rest.trim();
    }
    let (opcode, operands) = body.split_once(char::is_whitespace).unwrap_or((body, ""));
    // Spills are marked and the targets of an indirect branch listed in a comment within the
    // instruction or after it.
    let operands = format!("{} {}", operands.trim(), annotation.trim());
    Ok(Instruction {
        address,
        guard,
        opcode: opcode.to_owned(),
        operands: operands.trim().to_owned(),
        targets: Vec::new(),
    })
}

/// Resolves the labels. Those of another function, as in a call, are no targets.
fn close(open: Open) -> Function {
    let Open { mut function, labels } = open;
    let count = function.instructions.len();
    for instruction in &mut function.instructions {
        let names =
            instruction.operands.split(|c: char| !(c.is_alphanumeric() || "._$".contains(c)));
        let targets = names.filter_map(|name| labels.get(name).copied());
        instruction.targets = targets.filter(|&target| target < count).collect();
    }
    function
}
