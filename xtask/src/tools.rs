//! NVIDIA's assembler and disassembler: found, or fetched from the Python package index.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use tilewright_tools::{Tool, tools_folder};

use crate::cargo::{run, target_folder};

/// The packages that hold the programs. The major version is that of the folder they lie in.
const PACKAGES: [&str; 2] = ["nvidia-cuda-nvcc==13.*", "nvidia-cuda-nvdisasm==13.*"];

/// Both programs.
pub(crate) struct Tools {
    pub(crate) ptxas: PathBuf,
    pub(crate) nvdisasm: PathBuf,
}

impl fmt::Display for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "ptxas: {}", self.ptxas.display())?;
        write!(f, "nvdisasm: {}", self.nvdisasm.display())
    }
}

/// The programs of this machine, or those in the target folder, fetched where they are missing.
pub(crate) fn provide() -> Result<Tools> {
    if find().is_err() {
        let folder = tools_folder(&target_folder()?);
        println!("fetching {} into {}", PACKAGES.join(" and "), folder.display());
        fetch(&folder)?;
    }
    find()
}

fn find() -> Result<Tools> {
    Ok(Tools {
        ptxas: tilewright_tools::find(Tool::Ptxas)?,
        nvdisasm: tilewright_tools::find(Tool::Nvdisasm)?,
    })
}

/// Installs the packages into `folder`, which appears whole or not at all.
fn fetch(folder: &Path) -> Result<()> {
    let partial = folder.with_extension("partial");
    remove(&partial)?;
    let installed = install(&partial);
    let moved = installed.and_then(|()| {
        remove(folder)?;
        fs::rename(&partial, folder)
            .with_context(|| format!("could not create {}", folder.display()))
    });
    moved.inspect_err(|_| drop(remove(&partial)))
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Installs with the first pip that works. With `--target`, pip also serves where the system
/// manages its Python packages, and outside a virtual environment.
fn install(target: &Path) -> Result<()> {
    let mut failures = Vec::new();
    for pip in [&["python3", "-m", "pip"][..], &["python", "-m", "pip"], &["pip3"], &["pip"]] {
        let mut command = Command::new(pip[0]);
        command.args(&pip[1..]).args(["install", "--quiet", "--disable-pip-version-check"]);
        command.args(["--no-input", "--no-deps", "--target"]).arg(target).args(PACKAGES);
        match run(&mut command) {
            Ok(()) => return Ok(()),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    match install_in_environment(target) {
        Ok(()) => Ok(()),
        Err(error) => {
            failures.push(format!("{error:#}"));
            bail!("no pip could install them:\n  {}", failures.join("\n  "))
        }
    }
}

/// Installs with the pip of a new virtual environment, for a Python that has none itself.
fn install_in_environment(target: &Path) -> Result<()> {
    let environment = target.with_extension("environment");
    let made = run(Command::new("python3").args(["-m", "venv"]).arg(&environment));
    let installed = made.and_then(|()| {
        let mut command = Command::new(environment.join("bin/python"));
        command.args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"]);
        run(command.arg(target).args(PACKAGES))
    });
    remove(&environment)?;
    installed
}
