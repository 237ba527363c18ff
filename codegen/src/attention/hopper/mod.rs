//! FlashAttention-3 style kernels for Hopper (sm_90a): a warpgroup that copies with TMA, and one to
//! three that multiply with `wgmma`.

mod config;
mod consumer;
mod epilogue;
mod error;
mod fields;
mod forward;
mod memory;
mod probabilities;
mod producer;
mod queries;
mod registers;
mod schedule;
mod shape;
mod shared;
mod text;
mod tile_loop;
mod transposer;
mod turns;

pub use config::Config;
pub use error::ConfigError;
pub use fields::FIELDS;
pub(super) use text::FORM;
pub use text::ParseConfigError;

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
    let entry = shape.entry();
    Ok(Kernel {
        module: dsl::kernel(&entry, gpu.target, |k| forward::forward(k, &shape)),
        entry,
        threads: resources.threads,
        dynamic_shared: resources.shared_bytes,
        tile_m: config.tile_m,
        grid: shape.grid(),
        parameters: shape.parameters(),
    })
}
