use std::io;
use std::path::{Path, PathBuf};

use crate::npy;

/// Why a launch file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read: the launch file itself, or one that it names under `key`.
    #[error("{}{}: {source}", path.display(), named_by(key))]
    Read {
        /// The file.
        path: PathBuf,
        /// Where the launch file names it.
        key: Option<String>,
        /// What the system said.
        source: io::Error,
    },
    /// The text is no JSON, or not of the form that a launch file has.
    #[error("{}:{line}:{column}: {}{reason}", path.display(), at(key))]
    Json {
        /// The launch file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// The key, such as `buffers.q.dtype`; empty for the whole file.
        key: String,
        /// What was expected and found.
        reason: String,
    },
    /// A value breaks a rule.
    #[error("{}: {}{reason}", path.display(), at(key))]
    Invalid {
        /// The launch file.
        path: PathBuf,
        /// The key, such as `params[3].pointer`.
        key: String,
        /// The rule, and what was found.
        reason: String,
    },
    /// An array cannot be used.
    #[error("{}{}: {source}", path.display(), named_by(&Some(key.clone())))]
    Array {
        /// The `.npy` file.
        path: PathBuf,
        /// Where the launch file names it.
        key: String,
        /// What is wrong with it.
        source: npy::Error,
    },
}

fn at(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("{key}: ") }
}

fn named_by(key: &Option<String>) -> String {
    key.as_ref().map(|key| format!(" (named by {key})")).unwrap_or_default()
}

impl Error {
    /// `key` is what the deserializer came through; it ends in `?` where no further key was read.
    pub(super) fn json(path: &Path, key: &str, error: &serde_json::Error) -> Error {
        // serde_json ends its text with the position, which is told apart here.
        let text = error.to_string();
        let position = format!(" at line {} column {}", error.line(), error.column());
        let reason = text.strip_suffix(&position).unwrap_or(&text).to_owned();
        Error::Json {
            path: path.to_owned(),
            line: error.line(),
            column: error.column(),
            key: key.trim_end_matches(['?', '.']).to_owned(),
            reason,
        }
    }
}
