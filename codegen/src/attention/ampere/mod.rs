//! FlashAttention-2 style kernels for Ampere and Ada (sm_80, sm_86, sm_89), which also run on
//! every later target.

mod block;
mod config;
mod epilogue;
mod error;
mod forward;
mod registers;
mod rules;
mod shape;
mod space;
mod stream;

pub use super::softmax::Rescale;
pub use config::{Config, FIELDS};
pub use error::ConfigError;

use self::shape::Shape;
use super::{Grid, Kernel, Problem};
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
    let launch = (Grid::Tiles, shape.parameters());
    let body = |k: &dsl::Builder| forward::forward(k, &shape);
    Ok(Kernel::new(problem, &(*config).into(), gpu, resources, launch, body))
}
