//! Attention kernels: what is to be computed ([`Problem`]), how ([`Config`]), and the
//! [`Kernel`] that does it.
//!
//! For every batch, query head h and query row i,
//!
//! ```text
//! S[i, j]   = scale · Σ_d Q[i, h, d] · K[j, g, d]      where (i, j) is visible, else −∞
//! LSE[h, i] = ln Σ_j exp S[i, j]
//! O[i, h]   = Σ_j exp(S[i, j] − LSE[h, i]) · V[j, g]
//! ```
//!
//! with g = h / (heads / kv_heads), the key-value head that h shares. A row that sees no key has
//! O = 0 and LSE = −∞.
//!
//! Q, K, V and O are contiguous `[batch, seqlen, heads, head_dim]`, LSE is a contiguous f32
//! `[batch, heads, seqlen_q]` of natural logarithms.

pub mod ampere;
mod arguments;
pub mod blackwell;
mod config;
pub mod exp2;
mod fields;
mod head_dims;
pub mod hopper;
mod kernel;
mod mask;
mod output;
mod problem;
pub mod quantize;
mod softmax;
mod visible;
mod work;

pub use config::{Config, ConfigError, FieldError, ParseConfigError, Resources, Subject, forward};
pub use fields::ConfigField;
pub use head_dims::HEAD_DIMS;
pub use kernel::{Argument, Grid, Kernel, Parameter, Tensor, TensorBox, TensorMap};
pub use mask::{Mask, MaskKind, ParseMaskError};
pub use problem::{
    DataType, LEAST_RAISE, ParseDataTypeError, ParsePassError, Pass, Problem, ProblemError,
};
pub use softmax::Rescale;
