//! From an attention problem to a PTX module.
//!
//! This crate is pure: it knows no device and does no input or output.
//!
//! ```
//! use tilewright_codegen::attention::{Config, DataType, Mask, Problem, forward};
//! use tilewright_codegen::gpu::Gpu;
//! use tilewright_codegen::ptx;
//!
//! let problem = Problem {
//!     dtype: DataType::Bf16, head_dim: 128, head_dim_v: 128, batch: 1, heads: 8, kv_heads: 2,
//!     seqlen_q: 300, seqlen_kv: 300, mask: Mask::Causal,
//! };
//! let gpu = Gpu::named("a100_sxm").unwrap();
//! let kernel = forward(&problem, &Config::default_for(&problem, gpu), gpu)?;
//! assert_eq!(kernel.grid(&problem), [300_u32.div_ceil(kernel.tile_m), 8, 1]);
//!
//! let text = ptx::print(&ptx::check(kernel.module)?);
//! assert!(text.contains("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod attention;
pub mod dsl;
pub mod gpu;
pub mod ptx;
pub mod published;
pub mod tile;
