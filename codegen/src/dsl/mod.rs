//! The embedded language: kernels as Rust functions.
//!
//! [`kernel`] hands a [`Builder`] to a closure. [`Value`]s have the types and operators of Rust,
//! and using them appends instructions; [`Builder::if_`], [`Builder::while_`] and
//! [`Builder::for_range`] are the control flow of the kernel, while Rust's own runs as the kernel
//! is built, so that a Rust loop unrolls. What mixes types, spaces or kernels does not compile:
//!
//! ```compile_fail
//! # use tilewright_codegen::dsl::Builder;
//! fn mixed(k: &Builder) {
//!     let n = k.parameter::<u32>("n");
//!     let x = k.parameter::<f32>("x");
//!     let _ = n + x;
//! }
//! ```

mod arithmetic;
mod builder;
mod cluster;
mod cluster_launch;
mod control;
mod division;
mod fold;
mod mbarrier;
mod memory;
mod pack;
mod pair;
mod scalar;
mod tcgen05;
mod tensor_map;
mod tensor_memory;
mod value;
mod variable;
mod warp;
mod warpgroup;

pub use builder::{Builder, kernel};
pub use cluster_launch::ClusterLaunch;
pub use control::Repeat;
pub use mbarrier::{MBARRIER_BYTES, Mbarrier};
pub use memory::{AddressSpace, Global, Pointer, Shared};
pub use pair::Pair;
pub use scalar::{Comparisons, Integer, Numeric, Scalar};
pub use tcgen05::{TensorOperand, TensorProduct, TensorProductError};
pub use tensor_map::{CacheHint, Receivers, TENSOR_MAP_BYTES, TensorMap};
pub use tensor_memory::{CtaGroup, TENSOR_COLUMNS, TENSOR_LANES, TensorAddress};
pub use value::{IntoValue, Value};
pub use variable::Variable;
pub use warp::{Coordinates, FragmentA, FragmentB, FragmentC};
pub use warpgroup::{Major, NamedBarrier, OperandA, ProductGroup, WARPGROUP, WARPGROUP_ROWS};
