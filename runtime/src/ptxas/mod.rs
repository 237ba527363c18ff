//! NVIDIA's assembler `ptxas`, run as a program: what it makes of a PTX text, and what it says of it.
//!
//! Nothing in the crate needs it: it tells registers and spills before a GPU is at hand, and
//! `nvdisasm` beside it shows the instructions that a kernel really becomes ([`crate::sass`]).
//!
//! ```no_run
//! use tilewright::ptxas::Ptxas;
//!
//! # fn main() -> Result<(), tilewright::ptxas::Error> {
//! # let text = String::new();
//! let assembled = Ptxas::find()?.assemble(&text, "sm_80")?;
//! for entry in &assembled.report.entries {
//!     println!("{}: {} registers, {} bytes spilled", entry.name, entry.registers, entry.spill_bytes());
//! }
//! # Ok(())
//! # }
//! ```

mod process;
mod report;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use report::{EntryReport, Message, Report};
pub use tilewright_tools::{NotFound, Tool};

use crate::sass;

/// The longest that one run of a tool may take before it is ended.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// Why a tool could not be used, or what it had against its input.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such program is on this machine.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The program exists but could not be started, or its files could not be written or read.
    #[error("could not run {}: {source}", path.display())]
    Io {
        /// The program.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The program did not end in time and was ended.
    #[error("{} was ended after {} s without a result", path.display(), limit.as_secs())]
    TimeLimit {
        /// The program.
        path: PathBuf,
        /// The time it was given.
        limit: Duration,
    },
    /// The program refused its input.
    #[error("{}", report::refusal(tool, messages, output))]
    Refused {
        /// The program.
        tool: Tool,
        /// Its messages of the kinds "error" and "fatal", in order.
        messages: Vec<Message>,
        /// All that it printed.
        output: String,
    },
    /// The program printed what this crate cannot read.
    #[error("the output of {tool} was not understood: {reason}")]
    Output {
        /// The program.
        tool: Tool,
        /// What was expected and what was found.
        reason: String,
    },
}

/// An assembled module.
#[derive(Debug, Clone)]
pub struct Assembled {
    /// The cubin, an ELF file.
    pub cubin: Vec<u8>,
    /// What `ptxas -v` said.
    pub report: Report,
}

/// The assembler, from PTX to a cubin.
#[derive(Debug, Clone)]
pub struct Ptxas {
    path: PathBuf,
}

impl Ptxas {
    /// The `ptxas` of this machine: `$PTXAS`, `PATH`, `$CUDA_HOME/bin`, then the folder that
    /// `cargo xtask test` fills.
    ///
    /// # Errors
    /// [`Error::NotFound`], with the places looked at.
    pub fn find() -> Result<Ptxas, Error> {
        Ok(Ptxas { path: tilewright_tools::find(Tool::Ptxas)? })
    }

    /// The `ptxas` at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Ptxas {
        Ptxas { path: path.into() }
    }

    /// Where the program is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its release, such as `13.5.37`.
    ///
    /// # Errors
    /// Where the program cannot be run or names no version.
    pub fn version(&self) -> Result<String, Error> {
        version(Tool::Ptxas, &self.path)
    }

    /// Assembles `ptx` for `target`, such as `sm_80` or `sm_90a`.
    ///
    /// # Errors
    /// [`Error::Refused`] with the messages and their lines where the text does not assemble;
    /// the others where the program itself fails.
    pub fn assemble(&self, ptx: &str, target: &str) -> Result<Assembled, Error> {
        let io = |source| Error::Io { path: self.path.clone(), source };
        let folder = tempfile::tempdir().map_err(io)?;
        let (input, output) =
            (folder.path().join("kernel.ptx"), folder.path().join("kernel.cubin"));
        std::fs::write(&input, ptx).map_err(io)?;
        let arguments = [
            "-v".as_ref(),
            "--gpu-name".as_ref(),
            target.as_ref(),
            "-o".as_ref(),
            output.as_os_str(),
            input.as_os_str(),
        ];
        let run = process::run(&self.path, &arguments, TIME_LIMIT)?;
        let text = run.stdout + &run.stderr;
        if !run.success {
            return Err(Error::Refused {
                tool: Tool::Ptxas,
                messages: report::refusals(&text),
                output: text,
            });
        }
        let cubin = std::fs::read(&output).map_err(io)?;
        Ok(Assembled { cubin, report: Report::parse(&text)? })
    }
}

/// The disassembler, from a cubin to SASS.
#[derive(Debug, Clone)]
pub struct Nvdisasm {
    path: PathBuf,
}

impl Nvdisasm {
    /// The `nvdisasm` of this machine: `$NVDISASM`, then as [`Ptxas::find`].
    ///
    /// # Errors
    /// [`Error::NotFound`], with the places looked at.
    pub fn find() -> Result<Nvdisasm, Error> {
        Ok(Nvdisasm { path: tilewright_tools::find(Tool::Nvdisasm)? })
    }

    /// The `nvdisasm` at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Nvdisasm {
        Nvdisasm { path: path.into() }
    }

    /// Where the program is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its release, such as `13.5.37`.
    ///
    /// # Errors
    /// Where the program cannot be run or names no version.
    pub fn version(&self) -> Result<String, Error> {
        version(Tool::Nvdisasm, &self.path)
    }

    /// The functions of a cubin, instruction by instruction.
    ///
    /// # Errors
    /// [`Error::Refused`] where `cubin` is none; the others where the program itself fails.
    pub fn disassemble(&self, cubin: &[u8]) -> Result<Vec<sass::Function>, Error> {
        let io = |source| Error::Io { path: self.path.clone(), source };
        let folder = tempfile::tempdir().map_err(io)?;
        let input = folder.path().join("kernel.cubin");
        std::fs::write(&input, cubin).map_err(io)?;
        let run = process::run(&self.path, &["-c".as_ref(), input.as_os_str()], TIME_LIMIT)?;
        if !run.success {
            return Err(Error::Refused {
                tool: Tool::Nvdisasm,
                messages: report::refusals(&run.stderr),
                output: run.stderr,
            });
        }
        sass::parse(&run.stdout)
            .map_err(|error| Error::Output { tool: Tool::Nvdisasm, reason: error.to_string() })
    }
}

/// The release in the last line of what `--version` prints: `Cuda compilation tools, release 13.5, V13.5.37`.
fn version(tool: Tool, path: &Path) -> Result<String, Error> {
    let run = process::run(path, &[OsStr::new("--version")], TIME_LIMIT)?;
    run.stdout
        .split_whitespace()
        .filter_map(|word| word.strip_prefix('V'))
        .find(|version| version.starts_with(|c: char| c.is_ascii_digit()))
        .map(str::to_owned)
        .ok_or_else(|| Error::Output {
            tool,
            reason: format!("--version names no release: {:?}", run.stdout.trim()),
        })
}

#[cfg(test)]
mod tests;
