//! The program `autotune`.

mod arguments;
mod doctor;
mod emit;
mod model;
mod say;
mod search;
mod tile;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use say::complain;

/// Kernels are trees of many small parts, built and dropped by the thousand.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a command ends with where it did not fail.
enum Ending {
    /// Everything is as it should be.
    Success,
    /// A kernel gives wrong results.
    Wrong,
    /// A kernel is at fault.
    Fault,
}

type Outcome = Result<Ending, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        None => search::run(&arguments.tune),
        Some(Command::Emit(emit)) => emit::emit(&emit),
        Some(Command::Verify(verify)) => emit::verify(&verify),
        Some(Command::Doctor(doctor)) => doctor::run(&doctor),
        Some(Command::Model) => model::run(),
    };
    match outcome {
        Ok(Ending::Success) => ExitCode::SUCCESS,
        Ok(Ending::Wrong) => ExitCode::from(1),
        Ok(Ending::Fault) => ExitCode::from(3),
        Err(error) => {
            complain!("error: {error}");
            ExitCode::from(2)
        }
    }
}
