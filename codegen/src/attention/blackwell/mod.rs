//! FlashAttention-4 style kernels for Blackwell (sm_100a, sm_103a): five stages in warps of their
//! own, with scores, probabilities and output in tensor memory.
//!
//! | warps | stage |
//! | --- | --- |
//! | a warpgroup for each query tile of 128 rows | softmax: a thread has a row |
//! | a warpgroup | correction: rescales the output where a row's reference moves, and scales it at the end |
//! | a warp | issues the matrix products |
//! | a warp | copies Q, K and V |
//! | a warp | copies O back |
//!
//! In tensor memory lie, for each query tile, the scores S and the output O. Probabilities P take
//! the place of the scores that they were computed from. The products of two query tiles take turns,
//! so that the tensor core works for one while the other takes its softmax:
//!
//! ```text
//! S₀ = Q₀·Kᵀ   S₁ = Q₁·Kᵀ   O₀ += P₀·V   S₀ = Q₀·Kᵀ   O₁ += P₁·V   S₁ = Q₁·Kᵀ   …
//! ```
//!
//! Products complete in the order in which they were issued. Hence who sees the scores of a key tile
//! complete knows that the product with V of the key tile before is, and S may be issued while the
//! product that reads P, which lies there, is still under way.
//!
//! # When the output is rescaled
//!
//! Exponentials are relative to a reference R of each row, which the output and the sum of
//! exponentials share, so that it cancels in their quotient, and which the logarithm of the sum has
//! added: any R gives the same result but for rounding. R follows the maximum M of the scores only
//! where M has grown by more than 2^t over it, t being [`Config::threshold`]. So exponentials are at
//! most 2^t, a sum of n at most n·2^t, far within f32, and within the type of P for every t that
//! [`Config::check`] accepts. Since R ≤ M, no exponential is smaller than it would be relative to M,
//! and none underflows that would not then. Relative rounding errors do not depend on R, as it moves
//! exponents alone. For e4m3, whose exponents are few, all exponentials are raised by 2^(8−t) besides,
//! so that they reach its largest power of two and no further.

mod config;
mod correction;
mod epilogue;
mod error;
mod forward;
mod load;
mod memory;
mod multiply;
mod plan;
mod registers;
mod row;
mod rules;
mod schedule;
mod shape;
mod softmax;
mod space;
mod tensor_plan;

pub use config::{Config, FIELDS, Schedule};
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
    let shape = Shape::new(problem, *config, resources, gpu)?;
    let launch = (shape.grid, shape.parameters());
    let body = |k: &dsl::Builder| forward::forward(k, &shape);
    Ok(Kernel::new(problem, &(*config).into(), gpu, resources, launch, body))
}
