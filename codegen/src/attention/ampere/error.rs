use thiserror::Error;

use crate::attention::{DataType, ProblemError, Subject};
use crate::gpu::{OccupancyLimit, Target};

/// Why a [`Config`](super::Config) cannot be built for a problem and a GPU.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ConfigError {
    /// The problem itself is out of range.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// The target lacks the kernel's instructions.
    #[error("{target} lacks cp.async and mma.m16n8k16 for bf16; expected sm_80 or later")]
    Target { target: Target },
    /// The kernel has no such data type.
    #[error("{dtype} is not served here; expected f16 or bf16")]
    DataType { dtype: DataType },
    /// The head dimension cannot be cut into the kernel's steps.
    #[error("{name} is {found}; expected a multiple of 32 from 32 to 256")]
    HeadDim { name: &'static str, found: u32 },
    /// The number of warps is not one that a block may have.
    #[error("{found} warps; expected 1 to 16")]
    Warps { found: u32 },
    /// A warp does not get whole 16-row tiles.
    #[error(
        "tile_m = {tile_m} rows over {warps} warps; expected a positive multiple of 16 · {warps} = {unit}"
    )]
    TileM { tile_m: u32, warps: u32, unit: u32 },
    /// The key tile is not made of whole 16-column steps.
    #[error("tile_n = {tile_n} keys; expected a multiple of 16 from 16 to 256")]
    TileN { tile_n: u32 },
    /// A pass of the threads does not end where the swizzle repeats.
    #[error(
        "{threads} threads copy {rows} rows of {name} in a pass; expected a multiple of 8: take another number of warps"
    )]
    CopyRows { name: &'static str, threads: u32, rows: u32 },
    /// The threads do not cover a tile in whole passes.
    #[error(
        "{threads} threads copy {rows} rows of {name} in a pass; expected {tile} = {found} to be a multiple"
    )]
    CopyPass { name: &'static str, tile: &'static str, threads: u32, rows: u32, found: u32 },
    /// The depth of the copy pipeline.
    #[error("{found} stages; expected 1 to 8")]
    Stages { found: u32 },
    /// Q cannot give up its memory while it is read from there.
    #[error("share_q_k needs q_in_registers: otherwise Q is read from its memory to the end")]
    ShareWithoutRegisters,
    /// Masked iterations always take the maximum.
    #[error(
        "speculative rescaling needs split_masked_loop: iterations with masks do not speculate"
    )]
    SpeculationWithoutSplit,
    /// Too much shared memory.
    #[error("{needed} bytes of shared memory ({arithmetic}); {target} has {limit} for a block")]
    Shared { needed: u32, arithmetic: String, target: Target, limit: u32 },
    /// A multiprocessor cannot hold the blocks, whatever their registers.
    #[error(
        "{found} blocks on a multiprocessor, each with {threads} threads and {shared_bytes} bytes of shared memory; expected 1 to {most}: it runs out of {limit}"
    )]
    Blocks { found: u32, most: u32, threads: u32, shared_bytes: u32, limit: OccupancyLimit },
    /// Too many registers.
    #[error("about {needed} registers a thread ({arithmetic}); {limit} {reason}")]
    Registers { needed: u32, arithmetic: String, limit: u32, reason: String },
}

impl ConfigError {
    /// What is refused.
    pub fn subject(&self) -> Subject {
        Subject::Rule(match self {
            Self::Problem(error) => return error.subject(),
            Self::HeadDim { .. } => return Subject::HeadDim,
            Self::DataType { .. } => return Subject::DataType,
            Self::Target { .. } => return Subject::Target,
            Self::Warps { .. } => "warps",
            Self::TileM { .. } => "rows of a warp",
            Self::TileN { .. } => "keys of a step",
            Self::CopyRows { .. } | Self::CopyPass { .. } => "whole copies of a tile",
            Self::Stages { .. } => "stages",
            Self::ShareWithoutRegisters => "Q read from the memory it gave up",
            Self::SpeculationWithoutSplit => "speculation without a loop of its own",
            Self::Shared { .. } => "shared memory",
            Self::Blocks { .. } => "blocks on a multiprocessor",
            Self::Registers { .. } => "registers",
        })
    }
}
