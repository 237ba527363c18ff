use thiserror::Error;
use tilewright_codegen::ptx::Checked;

/// Why a module cannot be lowered.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProgramError {
    /// No entry of this name, or several and no name given.
    #[error("{}", describe(wanted, entries))]
    NoEntry {
        /// The name asked for.
        wanted: Option<String>,
        /// The entries there are.
        entries: Vec<String>,
    },
    /// The simulator does not execute this instruction.
    #[error("line {line}: the simulator does not execute `{instruction}`{reason}")]
    Unsupported {
        /// Its line, from 1; 0 where the module was built and not parsed.
        line: u32,
        /// Its name and modifiers.
        instruction: String,
        /// What about it, where it is not the name; begins with a separator.
        reason: String,
    },
    /// A function is called but has no body.
    #[error("line {line}: `{function}` is called, but the module does not define it")]
    Undefined {
        /// Line of the call.
        line: u32,
        /// Name of the function.
        function: String,
    },
}

impl ProgramError {
    pub(super) fn no_entry(checked: &Checked, wanted: Option<&str>) -> Self {
        let entries = checked.functions().iter().filter(|f| f.is_entry);
        Self::NoEntry {
            wanted: wanted.map(Into::into),
            entries: entries.map(|f| f.name.to_string()).collect(),
        }
    }
}

fn describe(wanted: &Option<String>, entries: &[String]) -> String {
    let have = match entries {
        [] => "the module has none".into(),
        names => format!("the module has {}", names.join(", ")),
    };
    match wanted {
        Some(name) => format!("no entry is called `{name}`; {have}"),
        None => format!("the entry must be named; {have}"),
    }
}
