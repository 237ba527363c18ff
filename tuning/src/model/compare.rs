//! The model against what others measured of public kernels.
//!
//! The figures are in `published.csv` beside this file, each with its source. The kernels are those
//! of FlashAttention-2, whose tiles are public and which our kernels for Ampere resemble, of
//! FlashAttention-3, which those for Hopper do, and of FlashAttention-4, which those for Blackwell
//! do. The constants of the model are documented rates and latencies. Four of the figures were in
//! view when two things were decided: which of the documented latencies a lone warp is held up by
//! (FlashAttention-2 at head dimension 128, no mask, 16384 keys on A100 and H100, 2048 on RTX 4090),
//! and what is lost between query tiles on Blackwell (FlashAttention-4 at head dimension 64, no mask,
//! 1024 keys on B300). Of the two B200 that were measured one is slower than the other, by 15 to 20 %
//! on like problems; both are in the table.

use std::fmt;

use serde::Deserialize;
use tilewright_codegen::attention::{DataType, Mask, Problem};
use tilewright_codegen::gpu::{Gpu, occupancy};

use super::{
    Estimate, Kernel, Maximum, Model, Order, TensorMemoryKernel, WarpKernel, WarpgroupKernel,
};

/// A kernel that was measured, and what the model says of it.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The GPU.
    pub gpu: &'static Gpu,
    /// Whose kernel it is.
    pub kernel: String,
    /// The problem; where the source does not say what its batch is, 16384 over the length.
    pub problem: Problem,
    /// What was measured, in 10¹² floating-point operations a second.
    pub measured: f64,
    /// What the model says, counted in the same way.
    pub modelled: f64,
    /// What it says limits the kernel.
    pub estimate: Estimate,
    /// Where the measurement was published.
    pub source: String,
}

impl Comparison {
    /// What the model is off by, in parts of what was measured; positive where it is too fast.
    pub fn error(&self) -> f64 {
        self.modelled / self.measured - 1.0
    }
}

#[derive(Deserialize)]
struct Row {
    gpu: String,
    kernel: String,
    head_dim: u32,
    heads: u32,
    batch: u32,
    mask: String,
    seqlen: u32,
    tile_m: u32,
    tile_n: u32,
    warps: u32,
    q_in_registers: bool,
    sass_per_score: Option<f64>,
    tflops: f64,
    source: String,
}

/// Asks `model` about every kernel in the table.
pub fn comparisons(model: &dyn Model) -> Vec<Comparison> {
    rows().into_iter().map(|row| compare(model, row)).collect()
}

fn rows() -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(include_bytes!("published.csv").as_slice());
    reader.deserialize().map(|row| row.expect("the table is part of the program")).collect()
}

fn compare(model: &dyn Model, row: Row) -> Comparison {
    let gpu = Gpu::named(&row.gpu).expect("the table names known GPUs");
    let mask: Mask = row.mask.parse().expect("the table names known masks");
    let problem = Problem {
        dtype: DataType::F16,
        head_dim: row.head_dim,
        head_dim_v: row.head_dim,
        batch: row.batch,
        heads: row.heads,
        kv_heads: row.heads,
        seqlen_q: row.seqlen,
        seqlen_kv: row.seqlen,
        mask,
    };
    let kernel = match row.kernel.as_str() {
        "FlashAttention-3" => Kernel::Warpgroups(flash_attention_3(&row, mask)),
        "FlashAttention-4" => Kernel::TensorMemory(flash_attention_4(&row, mask, gpu)),
        _ => Kernel::Warps(flash_attention_2(&row, gpu)),
    };
    let estimate = model.estimate(gpu, &problem, &kernel);
    // Those who measured count a causal square as exactly one half.
    let full = Problem { mask: Mask::Full, ..problem }.flops();
    let flops = if mask == Mask::Causal { full / 2.0 } else { full };
    Comparison {
        gpu,
        kernel: row.kernel,
        problem,
        measured: row.tflops,
        modelled: flops / estimate.time_us * 1e-6,
        estimate,
        source: row.source,
    }
}

/// One stage: Q, K and V each have their place. The compiler takes all registers there are.
fn flash_attention_2(row: &Row, gpu: &Gpu) -> WarpKernel {
    let shared = (row.tile_m + 2 * row.tile_n) * row.head_dim * 2;
    WarpKernel {
        tile_m: row.tile_m,
        tile_n: row.tile_n,
        warps: row.warps,
        head_dim: row.head_dim,
        head_dim_v: row.head_dim,
        stages: 1,
        q_in_registers: row.q_in_registers,
        blocks: occupancy(gpu, row.warps * 32, gpu.limits.registers_per_thread, shared).blocks,
        order: Order::FirstTile,
        maximum: Maximum::Rescale,
        sass_per_score: row.sass_per_score,
    }
}

/// Its source has two stages; a scheduler that begins with the last tiles where the mask is causal,
/// and one block a multiprocessor that takes tile after tile where there is none; overlap always,
/// and ping-pong up to a head dimension of 128.
fn flash_attention_3(row: &Row, mask: Mask) -> WarpgroupKernel {
    WarpgroupKernel {
        bytes: 2,
        polynomials: 0,
        tile_m: row.tile_m,
        tile_n: row.tile_n,
        head_dim: row.head_dim,
        head_dim_v: row.head_dim,
        stages: 2,
        cluster: 1,
        overlap: true,
        ping_pong: row.head_dim <= 128,
        p_in_shared: false,
        q_in_registers: false,
        direct_output: false,
        persistent: mask == Mask::Full,
        blocks: 1,
        order: if mask == Mask::Full { Order::FirstTile } else { Order::LastTileOfAllHeads },
        maximum: Maximum::Rescale,
        sass_per_score: row.sass_per_score,
    }
}

/// Its source has an eighth of the exponentials by polynomials of degree 3, and none where the GPU has
/// them at twice the rate; a scheduler that begins with the last tiles where the mask is causal, and
/// blocks that take tile after tile where there is none, in pairs at a head dimension of 128.
fn flash_attention_4(row: &Row, mask: Mask, gpu: &Gpu) -> TensorMemoryKernel {
    let full = mask == Mask::Full;
    TensorMemoryKernel {
        bytes: 2,
        query_tiles: row.tile_m / 128,
        tile_n: row.tile_n,
        head_dim: row.head_dim,
        head_dim_v: row.head_dim,
        stages: 6,
        pair: if full && row.head_dim == 128 { 2 } else { 1 },
        early_share: 0.75,
        polynomials: (if gpu.rates.exp2 > 16 { 0.0 } else { 0.125 }, 3),
        persistent: full,
        blocks: 1,
        order: if full { Order::FirstTile } else { Order::LastTileOfAllHeads },
        maximum: Maximum::Skip,
        sass_per_score: row.sass_per_score,
    }
}

/// How far off a model is on several kernels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Kernels compared.
    pub count: usize,
    /// The mean of |error|.
    pub mean: f64,
    /// The largest |error|.
    pub worst: f64,
}

impl Summary {
    /// Of those in `comparisons`.
    pub fn of<'c>(comparisons: impl IntoIterator<Item = &'c Comparison>) -> Summary {
        let errors: Vec<f64> = comparisons.into_iter().map(|c| c.error().abs()).collect();
        Summary {
            count: errors.len(),
            mean: errors.iter().sum::<f64>() / errors.len().max(1) as f64,
            worst: errors.iter().copied().fold(0.0, f64::max),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { count, mean, worst } = self;
        write!(
            f,
            "{count} kernels, off by {:.0} % on average, by {:.0} % at worst",
            mean * 100.0,
            worst * 100.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Analytic;

    /// How far off the model may be before it has to be looked at again: what the README says.
    #[test]
    fn is_as_far_off_as_documented() {
        let all = Summary::of(&comparisons(&Analytic));
        assert_eq!(all.count, 109);
        assert!(all.mean < 0.09, "{all}");
        assert!(all.worst < 0.25, "{all}");
    }

    #[test]
    fn errors_are_summed_up() {
        let all = comparisons(&Analytic);
        let one = Comparison { measured: 100.0, modelled: 110.0, ..all[0].clone() };
        let other = Comparison { measured: 100.0, modelled: 70.0, ..all[0].clone() };
        let summary = Summary::of([&one, &other]);
        assert!((summary.mean - 0.2).abs() < 1e-9 && (summary.worst - 0.3).abs() < 1e-9);
    }
}
