use std::time::Duration;

use super::{ArgumentError, PtxError};

/// Why a device did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no CUDA driver on this machine.
    #[error("no CUDA driver was found (libcuda is not here); the simulator needs none: sim")]
    NoDriver,
    /// There is no such GPU.
    #[error("there is no GPU cuda:{ordinal}; the driver knows {count}")]
    NoGpu {
        /// The GPU asked for.
        ordinal: usize,
        /// How many there are.
        count: usize,
    },
    /// The driver refused a call.
    #[error("{call}: {name}: {text}")]
    Driver {
        /// The driver's function.
        call: &'static str,
        /// The error's name, such as `CUDA_ERROR_ILLEGAL_ADDRESS`.
        name: String,
        /// What the driver says of it.
        text: String,
    },
    /// The driver did not compile the PTX.
    #[error("the driver did not take the PTX: {name}\n{log}")]
    Jit {
        /// The error's name.
        name: String,
        /// The log of the driver's compiler.
        log: String,
    },
    /// The kernel was not done in time; it may never be.
    #[error("the kernel was not done after {} s", limit.as_secs_f64())]
    TimeLimit {
        /// The time it was given.
        limit: Duration,
    },
    /// The PTX text cannot be used.
    #[error(transparent)]
    Ptx(#[from] PtxError),
    /// No entry of this name, or several and no name given.
    #[error("{}", no_entry(wanted, entries))]
    NoEntry {
        /// The name asked for.
        wanted: Option<String>,
        /// The entries there are.
        entries: Vec<String>,
    },
    /// The arguments are not what the entry takes.
    #[error(transparent)]
    Arguments(#[from] ArgumentError),
    /// The launch exceeds a limit of the device.
    #[error("{what} is {found}; the device allows {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        found: u64,
        /// The most that is allowed.
        limit: u64,
    },
    /// The device lacks what the kernel or launch needs.
    #[error("{device} has no {feature}")]
    Unsupported {
        /// The device.
        device: String,
        /// What it lacks.
        feature: String,
    },
    /// The module is for GPUs other than this one.
    #[error("{device} has compute capability {}.{} and cannot run code for {target}", capability / 10, capability % 10)]
    Target {
        /// The device.
        device: String,
        /// Its compute capability, major times ten plus minor.
        capability: u16,
        /// What the module is for.
        target: tilewright_codegen::gpu::Target,
    },
    /// The simulator does not execute the module.
    #[error(transparent)]
    Program(#[from] tilewright_sim::ProgramError),
    /// The simulator does not accept the launch.
    #[error(transparent)]
    Launch(#[from] tilewright_sim::LaunchError),
    /// The kernel is at fault.
    #[error(transparent)]
    Fault(#[from] Box<tilewright_sim::Fault>),
    /// The device tells no time.
    #[error("the simulator tells no time; a GPU does")]
    NoClock,
}

impl Error {
    /// The line of the PTX text, from 1, that the error is about.
    pub fn line(&self) -> Option<u32> {
        use tilewright_sim::ProgramError;
        let line = match self {
            Error::Fault(fault) => fault.site.as_ref()?.line,
            Error::Program(ProgramError::Unsupported { line, .. }) => *line,
            Error::Program(ProgramError::Undefined { line, .. }) => *line,
            _ => 0,
        };
        (line > 0).then_some(line)
    }

    /// Whether it is the kernel's own fault, and not that of its description or of the device.
    pub fn is_kernel_fault(&self) -> bool {
        const OF_THE_KERNEL: [&str; 8] = [
            "CUDA_ERROR_ILLEGAL_ADDRESS",
            "CUDA_ERROR_MISALIGNED_ADDRESS",
            "CUDA_ERROR_INVALID_ADDRESS_SPACE",
            "CUDA_ERROR_INVALID_PC",
            "CUDA_ERROR_ILLEGAL_INSTRUCTION",
            "CUDA_ERROR_HARDWARE_STACK_ERROR",
            "CUDA_ERROR_LAUNCH_FAILED",
            "CUDA_ERROR_LAUNCH_TIMEOUT",
        ];
        match self {
            Error::Fault(_) | Error::TimeLimit { .. } => true,
            Error::Driver { name, .. } => OF_THE_KERNEL.contains(&name.as_str()),
            _ => false,
        }
    }
}

fn no_entry(wanted: &Option<String>, entries: &[String]) -> String {
    let have = match entries {
        [] => "the module has none".into(),
        names => format!("the module has {}", names.join(", ")),
    };
    match wanted {
        Some(name) => format!("no entry is called `{name}`; {have}"),
        None => format!("the entry must be named; {have}"),
    }
}
