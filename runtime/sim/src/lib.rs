//! A simulator for PTX.

#![allow(dead_code)]

mod exec;
mod fault;
mod hazard;
mod launch;
mod machine;
mod memory;
pub mod numeric;
mod options;
mod program;
mod stats;

pub use fault::{Access, AccessKind, Fault, FaultKind, Place, Site, Waiter};
pub use launch::{Launch, LaunchError};
pub use machine::{RunError, run};
pub use memory::{Buffer, Memory};
pub use options::{Limits, Options};
pub use program::{Program, ProgramError};
pub use stats::{Count, Statistics, Traffic};
