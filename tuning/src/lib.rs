//! The autotuner: searches the tile configurations of the attention kernels for the fastest one
//! that is right, and writes what it found to tables.
//!
//! It depends on `tilewright` for kernels, devices, the reference and NVIDIA's tools, and knows no
//! instruction itself. A candidate goes through [`space`] (can it be built?), [`emit()`] (PTX, read
//! back), [`tools`] (registers, instructions), [`checks`] (is it right?) and [`model`] (how long
//! does it take?); [`tune`] does so for all of them, and [`table`] keeps what came out.
//!
//! ```
//! use tilewright::attention::{DataType, Mask, Problem};
//! use tilewright::gpu::Gpu;
//! use tilewright_tuning::model::Analytic;
//! use tilewright_tuning::space::explore;
//!
//! let problem = Problem {
//!     dtype: DataType::Bf16, head_dim: 128, head_dim_v: 128, batch: 4, heads: 16, kv_heads: 16,
//!     seqlen_q: 4096, seqlen_kv: 4096, mask: Mask::Causal,
//! };
//! let space = explore(&problem, Gpu::named("a100_sxm")?, &Analytic)?;
//! let best = &space.candidates[0];
//! println!("{} would take {:.0} µs", best.config, best.estimate.time_us);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod checks;
mod emit;
pub mod evaluate;
pub mod journal;
pub mod measure;
pub mod model;
mod paths;
pub mod report;
pub mod space;
pub mod table;
pub mod tools;
pub mod tune;

pub use emit::{EmitError, Emitted, LAUNCH_FILE, emit, write};
pub use paths::{FileError, prepare_folder};
