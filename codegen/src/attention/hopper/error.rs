use thiserror::Error;

use crate::attention::head_dims::head_dims;
use crate::attention::{DataType, MaskKind, ProblemError, Subject};
use crate::gpu::Target;
use crate::tile::TransposeError;

/// Why a [`Config`](super::Config) cannot be built for a problem and a GPU.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ConfigError {
    /// The problem itself is out of range.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// The target lacks the kernel's instructions.
    #[error("{target} lacks wgmma and setmaxnreg; expected sm_90a")]
    Target { target: Target },
    /// Values cannot be transposed.
    #[error("V: {0}; take another number of keys")]
    Transpose(#[from] TransposeError),
    /// FP8 probabilities have no other way than registers.
    #[error("{dtype} probabilities pass through registers alone; expected p_in_shared = false")]
    SharedProbabilities { dtype: DataType },
    /// No kernel for these head dimensions.
    #[error("head_dim is {head_dim} and head_dim_v {head_dim_v}; expected {}", head_dims())]
    HeadDims { head_dim: u32, head_dim_v: u32 },
    /// A block does not get whole warpgroups.
    #[error("tile_m = {found} rows; expected 64, 128 or 192: 64 for each consumer warpgroup")]
    TileM { found: u32 },
    /// The key tile is not made of whole steps of wgmma.
    #[error("tile_n = {found} keys; expected a multiple of 16 from 32 to 256")]
    TileN { found: u32 },
    /// The depth of the rings.
    #[error("{found} stages; expected 2 to 4")]
    Stages { found: u32 },
    /// The share of exponentials by polynomials.
    #[error("{found} of 8 exponentials by polynomials; expected 0 to 4")]
    Polynomials { found: u32 },
    /// The size of a cluster.
    #[error("clusters of {found} blocks; expected 1 or 2")]
    Cluster { found: u32 },
    /// Nobody to take turns with.
    #[error("ping-pong needs two consumer warpgroups or more: tile_m = 128 or 192")]
    PingPongAlone,
    /// The blocks of a cluster cannot share out a key tile.
    #[error(
        "tile_n = {tile_n} keys over {cluster} blocks; expected whole groups of 8 rows for each"
    )]
    ClusterShare { tile_n: u32, cluster: u32 },
    /// Tiles are of one length, or of lengths that do not grow.
    #[error("longest-first order is for causal masks: under {mask} masks tiles are alike")]
    LongestFirst { mask: MaskKind },
    /// Masked iterations always take the maximum.
    #[error(
        "speculative rescaling needs split_masked_loop: iterations with masks do not speculate"
    )]
    SpeculationWithoutSplit,
    /// Too much shared memory.
    #[error("{needed} bytes of shared memory ({arithmetic}); {target} has {limit} for a block")]
    Shared { needed: u32, arithmetic: String, target: Target, limit: u32 },
    /// Too many registers.
    #[error("about {needed} registers a thread ({arithmetic}); a consumer has {limit}")]
    Registers { needed: u32, arithmetic: String, limit: u32 },
}

impl ConfigError {
    /// What is refused.
    pub fn subject(&self) -> Subject {
        Subject::Rule(match self {
            Self::Problem(error) => return error.subject(),
            Self::HeadDims { .. } => return Subject::HeadDim,
            Self::Transpose(_) => "whole blocks to transpose",
            Self::SharedProbabilities { .. } => "FP8 probabilities in shared memory",
            Self::Target { .. } => return Subject::Target,
            Self::TileM { .. } => "rows of a warpgroup",
            Self::TileN { .. } => "keys of a step",
            Self::Stages { .. } => "stages",
            Self::Polynomials { .. } => "exponentials by polynomials",
            Self::Cluster { .. } | Self::ClusterShare { .. } => "clusters",
            Self::PingPongAlone => "ping-pong with nobody",
            Self::LongestFirst { .. } => "longest first among equals",
            Self::SpeculationWithoutSplit => "speculation without a loop of its own",
            Self::Shared { .. } => "shared memory",
            Self::Registers { .. } => "registers",
        })
    }
}
