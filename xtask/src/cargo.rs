//! What runs cargo.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::tools;

/// Runs the workspace's tests, documentation tests among them.
pub(crate) fn test(without_tools: bool, arguments: &[OsString]) -> Result<()> {
    let mut command = command("test");
    match tools::provide() {
        Ok(tools) => {
            println!("{tools}");
            command.env("PTXAS", &tools.ptxas).env("NVDISASM", &tools.nvdisasm);
        }
        Err(error) if without_tools => {
            eprintln!("warning: {error:#}; the tests that need ptxas and nvdisasm are skipped");
        }
        Err(error) => {
            return Err(error.context(
                "ptxas and nvdisasm could not be fetched (--without-tools skips the tests that need them)",
            ));
        }
    }
    let chosen =
        |argument: &OsString| ["-p", "--package"].map(OsStr::new).contains(&argument.as_os_str());
    if !arguments.iter().any(chosen) {
        command.arg("--workspace");
    }
    run(command.args(arguments))
}

/// The cargo that runs this program, with a subcommand.
pub(crate) fn command(subcommand: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand);
    command
}

/// Runs a command to success.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("could not run {command:?}"))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}

/// The cargo target folder, in which this program lies as `debug/xtask`.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let program = std::env::current_exe().context("this program's own path is unknown")?;
    let folder = program.ancestors().nth(2).context("this program lies in no target folder")?;
    Ok(folder.to_owned())
}
