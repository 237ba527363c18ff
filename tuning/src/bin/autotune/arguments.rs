//! What the command line takes. One definition drives the parser, the help and the errors.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, value_parser};
use tilewright::attention::{DataType, Mask, Problem};
use tilewright::device::DeviceName;
use tilewright::gpu::Gpu;
use tilewright::sim::Options;

use crate::tile::Tile;

/// The most threads that can be asked for.
const MOST_JOBS: i64 = Options::MOST_JOBS as i64;

/// Searches the tile configurations of attention kernels for the fastest one that is right.
///
/// Every candidate is executed on the simulator against a reference in double precision, so no GPU
/// is needed; times are then modelled, and say so. The rows go to the folder of tuning tables.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) tune: Tune,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Writes a kernel, a launch file, random inputs and the outputs that must come out.
    Emit(Emit),
    /// Emits a kernel into a temporary folder and runs its launch file on the simulator.
    Verify(Verify),
    /// Says what this machine has: driver, GPUs, ptxas, nvdisasm, tables.
    Doctor(Doctor),
    /// Holds the model against what others measured of public kernels.
    Model,
}

/// The GPU.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Target {
    /// An architecture, for its usual GPU: sm80 is an A100, sm86 an RTX 3090, sm89 an RTX 4090, sm90
    /// an H100 SXM, sm100 a B200, sm103 a B300.
    #[arg(long, value_parser = Gpu::default_for)]
    arch: Option<&'static Gpu>,
    /// A GPU by name, such as a100_pcie, l40s, h200 or gb200.
    #[arg(long, value_parser = Gpu::named)]
    gpu: Option<&'static Gpu>,
}

impl Target {
    pub(crate) fn gpu(&self) -> &'static Gpu {
        // The parser has seen to it that there is one.
        self.gpu.or(self.arch).unwrap_or(&Gpu::all()[0])
    }
}

/// The search.
#[derive(Debug, Args)]
pub(crate) struct Tune {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Data types; may be given several times.
    #[arg(long, default_values = ["bf16", "f16"])]
    dtype: Vec<DataType>,
    /// Elements of a row of Q, K and V, or `QK,V` where V has its own; may be given several times.
    #[arg(long, default_values = ["64", "128"])]
    head_dim: Vec<HeadDim>,
    /// Masks: full, causal or window:LEFT,RIGHT; may be given several times.
    #[arg(long, default_values = ["full", "causal"])]
    mask: Vec<Mask>,
    #[command(flatten)]
    heads: Heads,
    /// Sequences [default: as many as have 16384 queries together].
    #[arg(long)]
    batch: Option<u32>,
    #[command(flatten)]
    lengths: Lengths,
    /// How many candidates of each problem, the ones that the model finds fastest, are assembled
    /// and executed.
    #[arg(long, default_value = "16")]
    pub(crate) top: NonZeroUsize,
    /// Candidates evaluated at a time [default: one a core].
    #[arg(long, value_parser = value_parser!(u16).range(1..=MOST_JOBS))]
    pub(crate) jobs: Option<u16>,
    /// Where random inputs begin; the cases of a kernel have this seed and the ones after it.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// What times the best candidates: a GPU, such as cuda:0, or sim for none [default: the first
    /// GPU that is the one tuned for].
    #[arg(long)]
    pub(crate) device: Option<DeviceName>,
    /// The folder of the tables.
    #[arg(long, default_value = "results")]
    pub(crate) out: PathBuf,
}

impl Tune {
    /// Every combination of the types, head dimensions and masks asked for.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for &dtype in &self.dtype {
            for &head_dim in &self.head_dim {
                for &mask in &self.mask {
                    let problem = self.problem(dtype, head_dim, mask);
                    if !problems.contains(&problem) {
                        problems.push(problem);
                    }
                }
            }
        }
        problems
    }

    fn problem(&self, dtype: DataType, head_dim: HeadDim, mask: Mask) -> Problem {
        // The shapes that FlashAttention is measured with: 2048 elements in all heads of a query,
        // 16384 queries.
        let (seqlen_q, seqlen_kv) = self.lengths.resolve(4096);
        let (heads, kv_heads) = self.heads.resolve(2048 / head_dim.qk.clamp(1, 2048));
        let batch = self.batch.unwrap_or_else(|| (16384 / seqlen_q.clamp(1, 16384)).max(1));
        let HeadDim { qk: head_dim, v: head_dim_v } = head_dim;
        Problem { dtype, head_dim, head_dim_v, batch, heads, kv_heads, seqlen_q, seqlen_kv, mask }
    }
}

/// One kernel for one problem.
#[derive(Debug, Args)]
pub(crate) struct Kernel {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The data type.
    #[arg(long, default_value = "bf16")]
    dtype: DataType,
    /// Elements of a row of Q, K and V, or `QK,V` where V has its own.
    #[arg(long, default_value = "128")]
    head_dim: HeadDim,
    /// The mask: full, causal or window:LEFT,RIGHT.
    #[arg(long, default_value = "full")]
    mask: Mask,
    #[command(flatten)]
    heads: Heads,
    /// Sequences.
    #[arg(long, default_value_t = 1)]
    batch: u32,
    #[command(flatten)]
    lengths: Lengths,
    #[command(flatten)]
    pub(crate) tile: Tile,
    /// What the random inputs are drawn from.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}

impl Kernel {
    pub(crate) fn problem(&self) -> Problem {
        let (seqlen_q, seqlen_kv) = self.lengths.resolve(512);
        let (heads, kv_heads) = self.heads.resolve(2);
        let HeadDim { qk: head_dim, v: head_dim_v } = self.head_dim;
        Problem {
            dtype: self.dtype,
            head_dim,
            head_dim_v,
            batch: self.batch,
            heads,
            kv_heads,
            seqlen_q,
            seqlen_kv,
            mask: self.mask,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Emit {
    #[command(flatten)]
    pub(crate) kernel: Kernel,
    /// The folder to write to.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) kernel: Kernel,
    /// Threads that execute blocks [default: one a core].
    #[arg(long, value_parser = value_parser!(u16).range(1..=MOST_JOBS))]
    pub(crate) jobs: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The folder of the tables.
    #[arg(long, default_value = "results")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
struct Heads {
    /// Heads of Q.
    #[arg(long)]
    heads: Option<u32>,
    /// Heads of K and V [default: those of Q].
    #[arg(long)]
    kv_heads: Option<u32>,
}

impl Heads {
    /// Heads of Q and of K and V; where nothing was said, `usual` of both, or as many of Q as there
    /// are of K and V.
    fn resolve(&self, usual: u32) -> (u32, u32) {
        let heads = self.heads.unwrap_or(self.kv_heads.unwrap_or(0).max(usual));
        (heads, self.kv_heads.unwrap_or(heads))
    }
}

#[derive(Debug, Args)]
struct Lengths {
    /// Rows of Q, K and V in a sequence.
    #[arg(long)]
    seqlen: Option<u32>,
    /// Rows of Q in a sequence [default: --seqlen].
    #[arg(long)]
    seqlen_q: Option<u32>,
    /// Rows of K and V in a sequence [default: --seqlen].
    #[arg(long)]
    seqlen_kv: Option<u32>,
}

impl Lengths {
    fn resolve(&self, usual: u32) -> (u32, u32) {
        let seqlen = self.seqlen.unwrap_or(usual);
        (self.seqlen_q.unwrap_or(seqlen), self.seqlen_kv.unwrap_or(seqlen))
    }
}

/// `128`, or `192,128` where V has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeadDim {
    qk: u32,
    v: u32,
}

/// A text that is no head dimension.
#[derive(Debug, Clone, thiserror::Error)]
#[error("expected a number such as 128, or two such as 192,128 where V has its own")]
pub(crate) struct ParseHeadDimError;

impl FromStr for HeadDim {
    type Err = ParseHeadDimError;

    fn from_str(text: &str) -> Result<HeadDim, ParseHeadDimError> {
        let number = |text: &str| text.trim().parse().map_err(|_| ParseHeadDimError);
        match text.split_once(',') {
            Some((qk, v)) => Ok(HeadDim { qk: number(qk)?, v: number(v)? }),
            None => number(text).map(|both| HeadDim { qk: both, v: both }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }
}
