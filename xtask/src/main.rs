//! Chores of the repository: `cargo xtask test` and others.

mod cargo;
mod exp2;
mod gpu;
mod tools;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Chores of the repository.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Chore {
    /// Fetch ptxas and nvdisasm where there are none, then run every test of the workspace.
    Test {
        /// Go on where the programs cannot be fetched: the tests that need them are skipped.
        #[arg(long)]
        without_tools: bool,
        /// Further arguments of `cargo test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Find ptxas and nvdisasm, or fetch them into the target folder.
    Tools,
    /// Fit the polynomials with which kernels compute powers of two, and print them.
    Exp2,
    /// Pack a folder that runs every launch file on a machine with a GPU and nothing but a driver.
    Gpu {
        /// The folder to make.
        #[arg(long, default_value = "target/gpu")]
        out: PathBuf,
        /// What the attention kernels are emitted for; may be given several times.
        #[arg(long, default_values = ["sm80", "sm90", "sm100", "sm103"])]
        arch: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Chore::parse() {
        Chore::Test { without_tools, arguments } => cargo::test(without_tools, &arguments),
        Chore::Gpu { out, arch } => gpu::pack(&out, &arch),
        Chore::Exp2 => {
            exp2::print(tilewright_codegen::attention::exp2::DEGREES);
            Ok(())
        }
        Chore::Tools => tools::provide().map(|tools| println!("{tools}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
