//! PTX that was parsed and checked, with its text.

use tilewright_codegen::ptx::check::{CheckErrors, CheckedFunction};
use tilewright_codegen::ptx::{self, Checked, ParseError, Span};

use super::{Argument, Error, arguments};

/// A module that any device can load.
///
/// ```
/// use tilewright::device::Module;
/// let error = Module::parse(".version 7.0\n.target sm_80\n.entry f() { adf.s32 a, 1, 2; }");
/// assert_eq!(error.unwrap_err().problems()[0].0.line, 3);
/// ```
#[derive(Debug, Clone)]
pub struct Module {
    text: String,
    checked: Checked,
}

/// PTX that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PtxError {
    /// It is no PTX.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// It is PTX that breaks a rule.
    #[error(transparent)]
    Check(#[from] CheckErrors),
}

impl PtxError {
    /// Each thing that is wrong, with its place.
    pub fn problems(&self) -> Vec<(Span, String)> {
        match self {
            PtxError::Parse(error) => vec![(error.span, error.kind.to_string())],
            PtxError::Check(errors) => {
                let hint = |hint: &String| format!("; {hint}");
                let text = |error: &ptx::check::CheckError| {
                    format!("{}{}", error.kind, error.hint.as_ref().map(hint).unwrap_or_default())
                };
                errors.0.iter().map(|error| (error.span, text(error))).collect()
            }
        }
    }
}

impl Module {
    /// Parses and checks a PTX text.
    ///
    /// # Errors
    /// [`PtxError`] with the lines and columns of what is wrong.
    pub fn parse(text: impl Into<String>) -> Result<Module, PtxError> {
        let text = text.into();
        let checked = ptx::check(ptx::parse(&text)?)?;
        Ok(Module { text, checked })
    }

    /// The text, as it was parsed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The module in resolved form.
    pub fn checked(&self) -> &Checked {
        &self.checked
    }

    /// The entry of this name, or the only one.
    ///
    /// # Errors
    /// [`Error::NoEntry`] with the entries that there are.
    pub fn entry(&self, name: Option<&str>) -> Result<&CheckedFunction, Error> {
        self.checked.entry(name).ok_or_else(|| Error::NoEntry {
            wanted: name.map(Into::into),
            entries: self.entries().map(|entry| entry.name.to_string()).collect(),
        })
    }

    /// Checks that `arguments`, which name `buffers` buffers, are what the entry takes.
    ///
    /// # Errors
    /// [`Error::NoEntry`], or [`Error::Arguments`] with the first that does not fit.
    pub fn check_arguments(
        &self,
        entry: Option<&str>,
        arguments: &[Argument],
        buffers: usize,
    ) -> Result<(), Error> {
        Ok(arguments::check(&self.entry(entry)?.parameters, arguments, buffers)?)
    }

    /// The entries.
    pub fn entries(&self) -> impl Iterator<Item = &CheckedFunction> {
        self.checked.functions().iter().filter(|function| function.is_entry)
    }
}
