//! The launch file: one JSON file that describes one launch of one PTX kernel, its geometry, its
//! arguments, the data it reads, and what it must write.
//!
//! ```json
//! {
//!   "ptx": "kernel.ptx",
//!   "grid": [4, 1, 1], "block": [128, 1, 1],
//!   "buffers": {
//!     "x": {"npy": "x.npy", "dtype": "f32"},
//!     "y": {"shape": [500], "dtype": "f32", "fill": "nan"}
//!   },
//!   "params": [{"pointer": "x"}, {"pointer": "y"}, {"f32": 0.5}, {"i32": 500}],
//!   "expect": {"y": {"npy": "expect_y.npy", "atol": 1e-6, "rtol": 1e-6}}
//! }
//! ```
//!
//! [`LaunchFile`] is the file itself; [`LaunchFile::load`] reads the PTX and the arrays that it
//! names, and gives a [`Launch`], in which every name is resolved.

mod buffer;
mod error;
mod load;
mod named;
mod param;
mod run;
mod validate;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use buffer::{BufferSource, BufferSpec, Fill};
pub use error::Error;
pub use load::{Expected, ExpectedValues, InputBuffer, LONGEST_PTX, Launch};
pub use named::Named;
pub use param::{Param, Patch, Scalar, TensorMapParam};
pub use run::Placed;

/// The longest launch file that is read.
const LONGEST_FILE: u64 = 64 << 20;

/// A launch, as its file describes it. Paths are relative to the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchFile {
    /// The PTX module.
    pub ptx: PathBuf,
    /// The entry, where the module has more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// Blocks in x, y and z.
    pub grid: [u32; 3],
    /// Threads of a block in x, y and z.
    pub block: [u32; 3],
    /// Blocks of a cluster in x, y and z.
    #[serde(default = "one_block")]
    pub cluster: [u32; 3],
    /// Bytes of extern shared memory.
    #[serde(default)]
    pub dynamic_shared: u32,
    /// The buffers by name.
    #[serde(default)]
    pub buffers: Named<BufferSpec>,
    /// The arguments, in the order of the entry's parameters.
    #[serde(default)]
    pub params: Vec<Param>,
    /// What must be in the buffers afterwards.
    #[serde(default)]
    pub expect: Named<Expectation>,
}

fn one_block() -> [u32; 3] {
    [1; 3]
}

/// What must be in a buffer after the launch: |found − expected| ≤ `atol` + `rtol`·|expected|.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The expected elements: of the buffer's own type, or for a floating-point buffer float32 or
    /// float64.
    pub npy: PathBuf,
    /// The absolute tolerance.
    #[serde(default)]
    pub atol: f64,
    /// The tolerance relative to the expected value.
    #[serde(default)]
    pub rtol: f64,
}

impl LaunchFile {
    /// Reads and checks the file at `path`. The files it names are not opened yet.
    ///
    /// # Errors
    /// [`Error`] with the line and column, or the key, and what is wrong there.
    pub fn read(path: &Path) -> Result<LaunchFile, Error> {
        let text = crate::files::read_text(path, LONGEST_FILE).map_err(|source| Error::Read {
            path: path.to_owned(),
            key: None,
            source,
        })?;
        LaunchFile::parse(&text, path)
    }

    /// Reads and checks `text`, as the contents of the file at `path`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(text: &str, path: &Path) -> Result<LaunchFile, Error> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let file: LaunchFile = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| Error::json(path, &error.path().to_string(), error.inner()))?;
        reader.end().map_err(|error| Error::json(path, "", &error))?;
        validate::validate(&file).map_err(|(key, reason)| Error::Invalid {
            path: path.to_owned(),
            key,
            reason,
        })?;
        Ok(file)
    }

    /// Writes the file at `path`, whole or not at all.
    ///
    /// # Errors
    /// Where the system could not write it.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        text.push('\n');
        crate::files::write_whole(path, |file| file.write_all(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests;
