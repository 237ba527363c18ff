use thiserror::Error;

use crate::attention::head_dims::head_dims;
use crate::attention::{DataType, MaskKind, ProblemError, Subject};
use crate::gpu::Target;
use crate::tile::TensorTileError;

/// Why a [`Config`](super::Config) cannot be built for a problem and a GPU.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ConfigError {
    /// The problem itself is out of range.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// The target lacks the kernel's instructions.
    #[error("{target} lacks tensor memory; expected sm_100a or sm_103a")]
    Target { target: Target },
    /// Scores and output do not fit tensor memory.
    #[error("scores and output: {0}; take fewer rows or keys")]
    TensorMemory(#[from] TensorTileError),
    /// No kernel for these head dimensions.
    #[error("head_dim is {head_dim} and head_dim_v {head_dim_v}; expected {}", head_dims())]
    HeadDims { head_dim: u32, head_dim_v: u32 },
    /// A block does not get whole softmax warpgroups.
    #[error("tile_m = {found} rows; expected 128 or 256: 128 for each softmax warpgroup")]
    TileM { found: u32 },
    /// The width of the scores.
    #[error("tile_n = {found} keys; expected 64 or 128")]
    TileN { found: u32 },
    /// The depth of the ring.
    #[error("{found} stages; expected 2 to 16")]
    Stages { found: u32 },
    /// The share of probabilities that are handed over early.
    #[error("{found} of 4 quarters of the probabilities handed over early; expected 0 to 3")]
    EarlyQuarters { found: u32 },
    /// The share of exponentials by polynomials.
    #[error("{found} of 16 exponentials by polynomials; expected 0 to 6")]
    Polynomials { found: u32 },
    /// There is no such polynomial.
    #[error("polynomials of degree {found}; expected 3 to 5")]
    Degree { found: u32 },
    /// Probabilities would leave the range of their type.
    #[error("a threshold of 2^{found} with {dtype} probabilities; expected up to 2^{most}")]
    Threshold { found: u32, most: u32, dtype: DataType },
    /// Tiles are of one length, or of lengths that do not grow.
    #[error("longest-first order is for causal masks: under {mask} masks tiles are alike")]
    LongestFirst { mask: MaskKind },
    /// A pair that sees no keys has nothing by which to tell when it is done with Q.
    #[error(
        "pairs of blocks under {mask} masks need O in the place of Q; expected o_over_q = true"
    )]
    PairWithMask { mask: MaskKind },
    /// Half a row of V is not a row of whole swizzle atoms.
    #[error("pairs of blocks share a row of V: {found} bytes each; expected a multiple of 32")]
    PairWidth { found: u32 },
    /// Pairs do not take over others.
    #[error("pairs of blocks have no dynamic schedule; expected single or persistent")]
    DynamicPair,
    /// Too much shared memory.
    #[error("{needed} bytes of shared memory ({arithmetic}); {target} has {limit} for a block")]
    Shared { needed: u32, arithmetic: String, target: Target, limit: u32 },
    /// `setmaxnreg` takes multiples of 8 from 24 to 256.
    #[error(
        "{found} registers for a thread of the {role}; expected a multiple of 8 from {least} to {most}"
    )]
    Registers { role: &'static str, found: u32, least: u32, most: u32 },
}

impl ConfigError {
    /// What is refused.
    pub fn subject(&self) -> Subject {
        Subject::Rule(match self {
            Self::Problem(error) => return error.subject(),
            Self::HeadDims { .. } => return Subject::HeadDim,
            Self::Target { .. } => return Subject::Target,
            Self::TensorMemory(_) => "tensor memory",
            Self::TileM { .. } => "rows of a warpgroup",
            Self::TileN { .. } => "keys of a step",
            Self::Stages { .. } => "stages",
            Self::EarlyQuarters { .. } => "quarters of the probabilities",
            Self::Polynomials { .. } => "exponentials by polynomials",
            Self::Degree { .. } => "degree of polynomials",
            Self::Threshold { .. } => "range of probabilities",
            Self::PairWidth { .. } => "width of half a row",
            Self::LongestFirst { .. } => "longest first among equals",
            Self::PairWithMask { .. } => "pairs that may see no keys",
            Self::DynamicPair => "dynamic schedule of pairs",
            Self::Shared { .. } => "shared memory",
            Self::Registers { .. } => "registers",
        })
    }
}
