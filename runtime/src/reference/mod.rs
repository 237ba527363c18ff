//! Attention in double precision, which every kernel is held to.
//!
//! The formula and the layouts are those of [`attention`](tilewright_codegen::attention): Q, K, V
//! and O contiguous `[batch, seqlen, heads, head_dim]`, the log-sum-exp `[batch, heads, seqlen_q]`,
//! in natural logarithms. A row that sees no key has O = 0 and LSE = −∞.
//!
//! ```
//! use tilewright::attention::{DataType, Mask, Problem};
//! use tilewright::reference::{Inputs, Values, forward};
//!
//! let problem = Problem {
//!     dtype: DataType::Bf16, head_dim: 64, head_dim_v: 64, batch: 1, heads: 4, kv_heads: 2,
//!     seqlen_q: 5, seqlen_kv: 7, mask: Mask::Causal,
//! };
//! let inputs = Inputs::random(&problem, Values::Normal, 1);
//! let expected = forward(&problem, problem.default_softmax_scale(), &inputs)?;
//! assert_eq!(expected.output.len(), 5 * 4 * 64);
//! assert_eq!(expected.log_sum_exp.len(), 4 * 5);
//! # Ok::<(), tilewright::reference::ShapeError>(())
//! ```

mod forward;
mod inputs;
mod quantized;
mod tolerance;

pub use forward::{Output, forward};
pub use inputs::{Inputs, Values};

/// A tensor has another number of elements than the problem says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{tensor} has {found} elements; expected {expected}")]
pub struct ShapeError {
    /// Which tensor.
    pub tensor: &'static str,
    /// The elements it has.
    pub found: usize,
    /// The elements that its shape asks for.
    pub expected: usize,
}

#[cfg(test)]
mod tests;
