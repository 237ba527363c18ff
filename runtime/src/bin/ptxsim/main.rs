//! The program `ptxsim`: runs launch files on the simulator or a GPU, and looks at PTX.

mod diff;
mod inspect;
mod report;
mod run;
mod show;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use tilewright::device::DeviceName;
use tilewright::sim::Lints;

/// Kernels are trees of many small parts, built and dropped by the thousand.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs PTX kernels without a GPU, and says what is wrong with them.
///
/// Exit codes: 0 where everything expected was found, 1 where a buffer differs, 2 where the file or
/// the PTX is not usable, 3 where the kernel itself is at fault.
#[derive(Parser)]
#[command(name = "ptxsim", version)]
enum Command {
    /// Run a launch file and compare what it writes with what it expects.
    Run(RunOptions),
    /// Compare two folders that `run --out` wrote, within the launch file's tolerances.
    Diff {
        /// The launch file.
        launch: PathBuf,
        /// The folder with what is expected.
        expected: PathBuf,
        /// The folder with what was found.
        found: PathBuf,
    },
    /// Parse and check PTX.
    Check {
        /// The PTX file.
        ptx: PathBuf,
    },
    /// Parse and check PTX, and print it as this program writes it.
    Print {
        /// The PTX file.
        ptx: PathBuf,
    },
    /// Assemble PTX with ptxas: registers, spills, and the loops of the machine code.
    Assemble {
        /// The PTX file.
        ptx: PathBuf,
        /// The target, such as sm_80; by default that of the PTX.
        #[arg(long)]
        target: Option<String>,
    },
}

/// Options of `ptxsim run`.
#[derive(clap::Args)]
struct RunOptions {
    /// The launch file.
    launch: PathBuf,
    /// Decides the order of warps and when asynchronous work lands.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Write every buffer, as it is after the launch, to DIR/NAME.npy.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Where to run: sim, or cuda:ORDINAL.
    #[arg(long, default_value = "sim")]
    device: DeviceName,
    /// Do not look for races and reads of uninitialized memory: several times faster.
    #[arg(long)]
    no_hazards: bool,
    /// Hold the kernel to a rule beyond the usual; may be given several times.
    #[arg(long = "lint", value_name = "NAME", value_parser = PossibleValuesParser::new(Lints::NAMES))]
    lints: Vec<String>,
    /// Threads of this machine that execute blocks, 256 at the most; 0 takes all cores.
    #[arg(long, default_value_t = 0)]
    jobs: usize,
    /// Afterwards time the kernel on the GPU, this often.
    #[arg(long, value_name = "SAMPLES")]
    time: Option<u32>,
}

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Match = 0,
    Differ = 1,
    Unusable = 2,
    Fault = 3,
}

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::Run(options) => run::run(&options),
        Command::Diff { launch, expected, found } => diff::diff(&launch, &expected, &found),
        Command::Check { ptx } => inspect::check(&ptx),
        Command::Print { ptx } => inspect::print_text(&ptx),
        Command::Assemble { ptx, target } => inspect::assemble(&ptx, target.as_deref()),
    };
    ExitCode::from(outcome as u8)
}

/// Prints to the standard output. A reader that closed it has seen enough.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Prints to the standard error.
fn complain(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
