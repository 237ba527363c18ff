//! Where NVIDIA's programs are on this machine.
//!
//! A crate of its own, so that what fetches the programs is built without what uses them.
//!
//! ```
//! use tilewright_tools::{Tool, find};
//!
//! match find(Tool::Ptxas) {
//!     Ok(path) => println!("{}", path.display()),
//!     Err(missing) => println!("{missing}"),
//! }
//! ```

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

/// A program of NVIDIA's CUDA toolkit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// The assembler.
    Ptxas,
    /// The disassembler.
    Nvdisasm,
}

impl Tool {
    /// The program's file name.
    pub fn program(self) -> &'static str {
        match self {
            Tool::Ptxas => "ptxas",
            Tool::Nvdisasm => "nvdisasm",
        }
    }

    /// The environment variable that names the program's path.
    pub fn variable(self) -> &'static str {
        match self {
            Tool::Ptxas => "PTXAS",
            Tool::Nvdisasm => "NVDISASM",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

/// The folder below a cargo target folder into which `cargo xtask test` installs the programs, and
/// where they lie in it: the layout of NVIDIA's Python packages.
const FETCHED: &str = "cuda-tools";
const FETCHED_BIN: &str = "nvidia/cu13/bin";

/// The folder that `cargo xtask test` fills, below the cargo target folder `target`.
pub fn tools_folder(target: &Path) -> PathBuf {
    target.join(FETCHED)
}

/// The places to look at, in order.
fn candidates(tool: Tool) -> Vec<PathBuf> {
    let program = tool.program();
    let mut places: Vec<PathBuf> = Vec::new();
    places.extend(env::var_os(tool.variable()).filter(|v| !v.is_empty()).map(PathBuf::from));
    if let Some(path) = env::var_os("PATH") {
        // An empty entry means the current folder, which is no place to run programs from.
        let folders = env::split_paths(&path).filter(|folder| !folder.as_os_str().is_empty());
        places.extend(folders.map(|folder| folder.join(program)));
    }
    if let Some(home) = env::var_os("CUDA_HOME").filter(|v| !v.is_empty()) {
        places.push(Path::new(&home).join("bin").join(program));
    }
    places.extend(target_folders().map(|t| tools_folder(&t).join(FETCHED_BIN).join(program)));
    places
}

/// Cargo target folders in sight: that of the running program, and `target` in the current folder
/// or one above it.
fn target_folders() -> impl Iterator<Item = PathBuf> {
    let ancestors = |path: PathBuf| path.ancestors().map(Path::to_owned).collect::<Vec<_>>();
    let of_program = env::current_exe().map(ancestors).unwrap_or_default();
    let of_folder = env::current_dir().map(ancestors).unwrap_or_default();
    of_program.into_iter().chain(of_folder.into_iter().map(|folder| folder.join("target")))
}

/// A program is not on this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{tool} was not found: looked at ${variable}, PATH, $CUDA_HOME/bin, target/{FETCHED}; set \
     ${variable} to it, or run `cargo xtask tools` to fetch it",
    variable = tool.variable()
)]
pub struct NotFound {
    /// The program looked for.
    pub tool: Tool,
}

/// The path of a program: that in its [variable](Tool::variable), else the first in `PATH`,
/// `$CUDA_HOME/bin`, or the folder that `cargo xtask test` fills ([`tools_folder`]).
///
/// # Errors
/// Where it is at none of them.
pub fn find(tool: Tool) -> Result<PathBuf, NotFound> {
    candidates(tool).into_iter().find(|place| is_program(place)).ok_or(NotFound { tool })
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}
