//! FlashAttention-2 style kernels for Ampere and Ada (sm_80, sm_86, sm_89), which also run on
//! every later target.

mod config;
mod error;
mod text;

pub use config::{Config, Rescale, Resources, RowSum};
pub use error::ConfigError;
pub use text::ParseConfigError;

use super::{Kernel, Problem};
use crate::gpu::Gpu;
use crate::ptx::Version;
use crate::ptx::tree::Module;

/// The forward kernel for problems like `problem`: same data type, head dimensions and mask kind.
///
/// # Errors
///
/// What [`Config::check`] says.
pub fn forward(problem: &Problem, config: &Config, gpu: &Gpu) -> Result<Kernel, ConfigError> {
    let resources = config.check(problem, gpu)?;
    Ok(Kernel {
        module: Module { version: Version::new(7, 0), target: gpu.target, items: Vec::new() },
        entry: String::new(),
        threads: resources.threads,
        dynamic_shared: resources.shared_bytes,
        tile_m: config.tile_m,
        parameters: Vec::new(),
    })
}
