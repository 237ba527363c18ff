//! FlashAttention-2 style kernels for Ampere and Ada (sm_80, sm_86, sm_89), which also run on
//! every later target.

mod block;
mod config;
mod epilogue;
mod error;
mod fields;
mod forward;
mod registers;
mod shape;
mod stream;
mod text;

pub use super::softmax::Rescale;
pub use config::Config;
pub use error::ConfigError;
pub use fields::FIELDS;
pub(super) use text::FORM;
pub use text::ParseConfigError;

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
    let entry = shape.entry();
    Ok(Kernel {
        module: dsl::kernel(&entry, gpu.target, |k| forward::forward(k, &shape)),
        entry,
        threads: resources.threads,
        dynamic_shared: resources.shared_bytes,
        tile_m: config.tile_m,
        grid: Grid::Tiles,
        parameters: shape.parameters(),
    })
}
