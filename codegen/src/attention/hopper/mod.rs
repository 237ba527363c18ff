//! FlashAttention-3 style kernels for Hopper (sm_90a): a warpgroup that copies with TMA, and one to
//! three that multiply with `wgmma`.

mod config;
mod consumer;
mod epilogue;
mod error;
mod forward;
mod memory;
mod probabilities;
mod producer;
mod queries;
mod registers;
mod rules;
mod schedule;
mod shape;
mod shared;
mod space;
mod tile_loop;
mod transposer;
mod turns;

pub use config::{Config, FIELDS};
pub use error::ConfigError;

use self::shape::Shape;
use super::{Kernel, Problem};
use crate::dsl;
use crate::gpu::Gpu;

/// The forward kernel for problems like `problem`: same data type, head dimensions and mask kind.
///
/// # Errors
///
/// What [`Config::check`] says.
pub fn forward(problem: &Problem, config: &Config, gpu: &Gpu) -> Result<Kernel, ConfigError> {
    let resources = config.check(problem, gpu)?;
    let shape = Shape::new(problem, *config, resources, gpu);
    let launch = (shape.grid, shape.parameters());
    let body = |k: &dsl::Builder| forward::forward(k, &shape);
    Ok(Kernel::new(problem, &(*config).into(), gpu, resources, launch, body))
}
