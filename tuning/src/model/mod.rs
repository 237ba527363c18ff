//! The time that an attention kernel takes, without a GPU.
//!
//! [`Model`] is what the tuner asks; [`Analytic`] answers it from the rates of the GPU and the
//! shape of the kernel. How far off it is, where the time of a public kernel is known, is what
//! [`compare`] tells.

pub mod compare;
mod kernel;
mod network;
mod schedule;
mod steps;
mod tensor_memory;
mod warpgroups;
mod warps;
mod work;

use tilewright_codegen::attention::Problem;
use tilewright_codegen::gpu::Gpu;

pub use kernel::Kernel;
pub use steps::{Bound, Clocks, Maximum, Order};
pub use tensor_memory::TensorMemoryKernel;
pub use warpgroups::WarpgroupKernel;
pub use warps::WarpKernel;

use self::steps::Steps;

/// A model of the GPUs.
pub trait Model: Sync {
    /// Its name and version, as it stands in tables. Another time for any kernel is another version.
    fn version(&self) -> &str;

    /// The time that `kernel` takes for `problem` on `gpu`.
    fn estimate(&self, gpu: &Gpu, problem: &Problem, kernel: &Kernel) -> Estimate;
}

/// What a model says of a kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Microseconds from the start of the kernel to its end.
    pub time_us: f64,
    /// What limits it.
    pub bound: Bound,
}

impl Estimate {
    /// 10¹² floating-point operations a second for `problem`.
    pub fn tflops(&self, problem: &Problem) -> f64 {
        problem.flops() / self.time_us * 1e-6
    }
}

/// The first model: closed formulas for one step of the loop, and a simulation of how the blocks
/// fill the multiprocessors.
///
/// For a step it takes the demand on each pipe ([`WarpKernel::clocks`],
/// [`WarpgroupKernel::clocks`], [`TensorMemoryKernel::clocks`]); how much of the softmax runs beside the products of other warps
/// follows from how many warps or warpgroups share a multiprocessor, as in a network of queues. The
/// blocks then go to the multiprocessors in the order of the grid, each with the steps that the mask
/// leaves it, and those that are on one at a time share it; persistent blocks are dealt theirs. A
/// kernel is no faster than its traffic with device memory, at nine tenths of the datasheet's
/// bandwidth.
///
/// It knows nothing of bank conflicts, register banks, the instruction cache and power; clocks are
/// the ones that [`Gpu::sustained_clock_mhz`] says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Analytic;

/// Microseconds from one launch in a stream to the next (measured on H100: 1.24).
const LAUNCH_US: f64 = 1.2;

/// The share of the datasheet's bandwidth of device memory that kernels reach (A100: 1770 to 1900
/// of 2039 GB/s, H100: 3020 of 3350; RRZE gpu-benches).
const MEMORY_SHARE: f64 = 0.9;

/// The most blocks that are followed one by one.
const MOST_BLOCKS: u64 = 1 << 17;

/// The most query tiles of a head that are looked at.
const MOST_TILES: u32 = 1 << 12;

impl Model for Analytic {
    fn version(&self) -> &str {
        "analytic-1"
    }

    fn estimate(&self, gpu: &Gpu, problem: &Problem, kernel: &Kernel) -> Estimate {
        let steps = kernel.steps(gpu);
        let compute = compute_clocks(gpu, problem, &steps) / f64::from(gpu.sustained_clock_mhz);
        let memory = memory_bytes(problem) / (f64::from(gpu.memory_gb_per_s) * 1e3 * MEMORY_SHARE);
        let bound = if memory > compute { Bound::Memory } else { steps.bound };
        Estimate { time_us: compute.max(memory) + LAUNCH_US, bound }
    }
}

/// Clocks until the last block has ended.
fn compute_clocks(gpu: &Gpu, problem: &Problem, steps: &Steps) -> f64 {
    let Steps { tile: (tile_m, tile_n), ref times, masked, overhead, .. } = *steps;
    let Some(full) = times.last() else { return f64::INFINITY };
    let work = |tile: u32| {
        let steps = work::steps(problem, tile * tile_m, tile_m, tile_n);
        overhead + f64::from(steps.whole) + f64::from(steps.masked) * masked
    };
    let tiles = problem.seqlen_q.div_ceil(tile_m);
    let heads = u64::from(problem.heads) * u64::from(problem.batch);
    if tiles <= MOST_TILES && heads * u64::from(tiles) <= MOST_BLOCKS {
        let head: Vec<f64> = (0..tiles).map(work).collect();
        let blocks: Vec<f64> = match steps.order {
            Order::FirstTile => (0..heads).flat_map(|_| head.iter().copied()).collect(),
            Order::LastTile => (0..heads).flat_map(|_| head.iter().rev().copied()).collect(),
            Order::LastTileOfAllHeads => {
                head.iter().rev().flat_map(|&work| (0..heads).map(move |_| work)).collect()
            }
        };
        return match steps.persistent {
            true => schedule::dealt(blocks.into_iter(), gpu.multiprocessors, times[0]),
            false => schedule::makespan(blocks.into_iter(), gpu.multiprocessors, times),
        };
    }
    // So many blocks leave no multiprocessor idle for long: all the work, evenly spread.
    let samples = tiles.min(MOST_TILES);
    let tile = |sample: u32| (u64::from(sample) * u64::from(tiles) / u64::from(samples)) as u32;
    let mean = (0..samples).map(|sample| work(tile(sample))).sum::<f64>() / f64::from(samples);
    let blocks = heads as f64 * f64::from(tiles);
    blocks * mean * full / times.len() as f64 / f64::from(gpu.multiprocessors)
}

/// Bytes that must cross device memory: Q, K, V and the outputs once.
fn memory_bytes(problem: &Problem) -> f64 {
    let elements = |shape: &[usize]| shape.iter().map(|&extent| extent as f64).product::<f64>();
    let half = [
        elements(&problem.query_shape()),
        elements(&problem.key_shape()),
        elements(&problem.value_shape()),
        elements(&problem.output_shape()),
    ];
    half.iter().sum::<f64>() * f64::from(problem.dtype.bytes())
        + elements(&problem.log_sum_exp_shape()) * 4.0
}
