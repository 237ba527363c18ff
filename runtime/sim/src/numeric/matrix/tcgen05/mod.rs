//! *TensorCore 5th Generation Family Instructions*: what `tcgen05.mma` computes.
//!
//! D is M × N, in tensor memory; A is M × K, in tensor memory or shared memory; B is K × N, in shared
//! memory. The [instruction descriptor](Instruction) gives shape and types, the
//! [layout](Layout) where rows of A and D lie in tensor memory, and [scale factors](ScaleFactors)
//! lie there too. With `.cta_group::2` each of a pair of blocks has a part of A, B and D.
//!
//! Operands are widened to `f32` once: A to panels of [`PANEL`] lanes, each of K rows, and B to
//! panels of as many columns, in chunks of K. Sums of floating point grow in `f32`, one product after
//! the other in the order of k, from D or from 0; those of a block of scaled elements are multiplied
//! by its scales before they are added. Products of elements are exact, but for those of `.bf16` and
//! `.tf32` that are beyond the range of `f32`; PTX leaves order and rounding of the sums open. Sums
//! of integers are exact.

mod instruction;
mod layout;
mod operand;
mod product;
mod scale;

pub use instruction::{Form, Instruction, InstructionError, Kind};
pub use layout::{Layout, Part};
pub use operand::{Factor, SharedMatrix, lane_panels};
pub use product::{Accumulation, Operands, Product};
pub use scale::{ScaleFactors, ScaleType, Scales};

/// Lanes of tensor memory.
pub const LANES: usize = 128;

/// The cells of a column of tensor memory, one for each lane.
pub type Column = [u32; LANES];

/// Lanes, and columns of B, that are computed together.
pub const PANEL: usize = 8;
