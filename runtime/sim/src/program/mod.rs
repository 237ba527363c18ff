//! From checked PTX to the form that the machine executes.

use thiserror::Error;
use tilewright_codegen::ptx::Checked;
use tilewright_codegen::ptx::check::ParameterLayout;

/// An entry and the functions it calls, lowered once for any number of launches.
#[derive(Debug)]
pub struct Program {
    name: String,
    parameters: Vec<ParameterLayout>,
    shared_size: u64,
}

/// Why a module cannot be lowered.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProgramError {
    /// No entry of this name, or several and no name given.
    #[error("{}", no_entry(wanted, entries))]
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

fn no_entry(wanted: &Option<String>, entries: &[String]) -> String {
    let have = match entries {
        [] => "the module has none".into(),
        names => format!("the module has {}", names.join(", ")),
    };
    match wanted {
        Some(name) => format!("no entry is called `{name}`; {have}"),
        None => format!("the entry must be named; {have}"),
    }
}

impl Program {
    /// Lowers the entry `name`, or the only one.
    ///
    /// # Errors
    ///
    /// Where there is no such entry, or it uses what the simulator does not execute.
    pub fn new(checked: &Checked, name: Option<&str>) -> Result<Self, ProgramError> {
        let entry = checked.entry(name).ok_or_else(|| ProgramError::NoEntry {
            wanted: name.map(Into::into),
            entries: checked
                .functions()
                .iter()
                .filter(|f| f.is_entry)
                .map(|f| f.name.to_string())
                .collect(),
        })?;
        if let Some(instruction) = entry.code.first() {
            return Err(ProgramError::Unsupported {
                line: instruction.span.line,
                instruction: instruction.mnemonic.to_string(),
                reason: String::new(),
            });
        }
        Ok(Self {
            name: entry.name.to_string(),
            parameters: entry.parameters.clone(),
            shared_size: 0,
        })
    }

    /// Name of the entry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Parameters of the entry, and where each lies in [`Launch::parameters`].
    ///
    /// [`Launch::parameters`]: crate::Launch::parameters
    pub fn parameters(&self) -> &[ParameterLayout] {
        &self.parameters
    }

    /// Bytes of shared memory that the module's variables take in each block.
    pub fn shared_size(&self) -> u64 {
        self.shared_size
    }
}
