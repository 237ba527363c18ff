//! One step of the steady loop of kernels whose warps multiply with `mma.sync`: a block's query tile
//! against one tile of keys and values.

use tilewright_codegen::gpu::{Gpu, Rates};

use super::network;
use super::steps::{Bound, Clocks, Maximum, Order, Steps};

/// What the model is told of such a kernel. Elements of Q, K, V and the output have 16 bits.
#[derive(Debug, Clone, PartialEq)]
pub struct WarpKernel {
    /// Rows of Q in a block's tile.
    pub tile_m: u32,
    /// Rows of K and V in a step's tile.
    pub tile_n: u32,
    /// Warps of a block; each has `tile_m / warps` rows.
    pub warps: u32,
    /// Elements of a row of Q and K.
    pub head_dim: u32,
    /// Elements of a row of V.
    pub head_dim_v: u32,
    /// Tiles of K and V that are in flight or in use.
    pub stages: u32,
    /// Whether Q stays in registers, or is read from shared memory in every step.
    pub q_in_registers: bool,
    /// Blocks that a multiprocessor holds.
    pub blocks: u32,
    /// The order in which query tiles begin.
    pub order: Order,
    /// What the steady loop does about the maximum of a row.
    pub maximum: Maximum,
    /// SASS instructions of the steady loop a score and thread, where they were counted; those
    /// that a branch may skip are among them.
    pub sass_per_score: Option<f64>,
}

/// A lone warp issues one instruction in this many clocks: the latency from one arithmetic
/// instruction to one that needs its result, on every architecture from Volta on (RRZE and
/// Abdelkhalik et al. for 8.0, FlashGPU-Sim for 9.0). A second warp fills the gaps of the first.
const CLOCKS_PER_DEPENDENT_INSTRUCTION: f64 = 4.0;

/// Clocks of a step in which nothing is issued: two block-wide barriers (about 30 each), and for
/// each of the two products the first `ldmatrix` (about 33) and the last `mma` (about 33), and two
/// shuffles for each of the row's maximum and sum (about 25 each), half of them hidden.
const STEP_LATENCY: f64 = 2.0 * 30.0 + 2.0 * (33.0 + 33.0) + 4.0 * 25.0 / 2.0;

/// Clocks until the first tile of a block is there: from the L2 cache, with the address
/// arithmetic before it.
const PROLOGUE_LATENCY: f64 = 700.0;

/// Clocks from the last step of a block to the start of the next block in its place.
const EPILOGUE_LATENCY: f64 = 600.0;

/// Floating-point operations of an `mma.m16n8k16`.
const MMA_FLOP: f64 = 2.0 * 16.0 * 8.0 * 16.0;

const ELEMENT_BYTES: f64 = 2.0;
const WARP: f64 = 32.0;

impl WarpKernel {
    fn scores(&self) -> f64 {
        f64::from(self.tile_m) * f64::from(self.tile_n)
    }

    /// Scores of a thread in a step.
    pub(crate) fn scores_of_a_thread(&self) -> f64 {
        self.scores() / (f64::from(self.warps) * WARP)
    }

    fn head_dims(&self) -> f64 {
        f64::from(self.head_dim) + f64::from(self.head_dim_v)
    }

    /// `mma.m16n8k16` instructions of a step, all warps together.
    pub(crate) fn mma_instructions(&self) -> f64 {
        self.scores() * self.head_dims() / (16.0 * 8.0 * 16.0)
    }

    /// Instructions that rescale the output, all warps together.
    fn rescale_instructions(&self) -> f64 {
        f64::from(self.tile_m) * f64::from(self.head_dim_v) / WARP
    }

    /// Bytes of a step's tiles of K and V.
    fn tile_bytes(&self) -> f64 {
        f64::from(self.tile_n) * self.head_dims() * ELEMENT_BYTES
    }

    /// Bytes that the warps read of shared memory in a step: each reads all of K and V, and where
    /// Q is not in registers, its rows of Q.
    fn operand_bytes(&self) -> f64 {
        let query = f64::from(self.tile_m) * f64::from(self.head_dim) * ELEMENT_BYTES;
        let query = if self.q_in_registers { 0.0 } else { query };
        f64::from(self.warps) * self.tile_bytes() + query
    }

    /// Warp instructions of an unmasked step: those counted in the SASS, or an estimate.
    ///
    /// The estimate: the `mma`s; an `ldmatrix.x4` for each 512 bytes of operands; a copy of 16
    /// bytes a thread for each 512 bytes of K and V; three and a half a score (subtract and
    /// scale, exponential, sum, half a packed conversion), and one more for the maximum where it is
    /// taken; one an element of the output where it is
    /// rescaled; and forty a warp for row statistics, addresses, barriers and the loop. It comes
    /// to 12.7 a score for FlashAttention's 128×64 tile with four warps, where the SASS of two
    /// releases has 13.1 and 14.0.
    pub fn instructions(&self) -> f64 {
        match (self.sass_per_score, self.maximum) {
            (Some(per_score), Maximum::Skip) => {
                per_score * self.scores() / WARP - self.rescale_instructions()
            }
            (Some(per_score), _) => per_score * self.scores() / WARP,
            (None, maximum) => {
                let (taken, rescale) = match maximum {
                    Maximum::Rescale => (1.0, self.rescale_instructions()),
                    Maximum::Skip => (1.0, 0.0),
                    Maximum::Ignore => (0.0, 0.0),
                };
                let softmax = (3.5 + taken) * self.scores() / WARP;
                let operands = (self.operand_bytes() + self.tile_bytes()) / (WARP * 16.0);
                let rest = 40.0 * f64::from(self.warps);
                self.mma_instructions() + operands + softmax + rescale + rest
            }
        }
    }

    /// Warp instructions that a masked step has more: two a score, a comparison and a selection.
    fn mask_instructions(&self) -> f64 {
        2.0 * self.scores() / WARP
    }

    /// The clocks of a step on each pipe.
    pub fn clocks(&self, rates: &Rates) -> Clocks {
        let tensor_rate = f64::from(rates.tensor_f16) * f64::from(rates.mma_sync_share);
        Clocks {
            tensor: self.mma_instructions() * MMA_FLOP / tensor_rate,
            issue: self.instructions() / f64::from(rates.issue),
            exp2: self.scores() / f64::from(rates.exp2),
            shared: (self.operand_bytes() + self.tile_bytes()) / f64::from(rates.shared_bytes),
            tensor_memory: 0.0,
            l2: self.tile_bytes() / f64::from(rates.l2_bytes),
        }
    }

    /// The clocks between the ends of two steps on a multiprocessor that runs `blocks` blocks,
    /// `extra` being warp instructions beyond those of an unmasked step.
    ///
    /// A warp's step goes from the tensor core of its scheduler to the scheduler's issue slots and
    /// back; where all warps of a scheduler want the same one they queue ([`network::interval`]).
    /// No step is shorter than its demand on any pipe.
    fn interval(&self, gpu: &Gpu, blocks: u32, extra: f64) -> f64 {
        let clocks = self.clocks(&gpu.rates);
        let schedulers = gpu.limits.schedulers;
        let warps = (blocks * self.warps).div_ceil(schedulers);
        // A scheduler and its tensor core serve the warps one after the other: the demand of one
        // warp's share of a step is that of the step, times schedulers over warps.
        let share = f64::from(schedulers) / f64::from(self.warps);
        let tensor = clocks.tensor * share;
        let others = self.instructions() - self.mma_instructions() + extra;
        let issue = others / f64::from(gpu.rates.issue) * share;
        let delay = issue * (CLOCKS_PER_DEPENDENT_INSTRUCTION - 1.0) + STEP_LATENCY;
        let queued = network::interval(&[tensor, issue], delay, warps) / share;
        let extra = extra / f64::from(gpu.rates.issue);
        queued
            .max(clocks.longest().1)
            .max(clocks.issue + extra)
            .max(self.copy_interval(gpu, blocks))
    }

    /// The clocks between two steps where the latency of a copy is all that there is to wait for:
    /// each block has `stages − 1` tiles in flight while it works on one, half a tile where K and V
    /// take turns in a single stage.
    fn copy_interval(&self, gpu: &Gpu, blocks: u32) -> f64 {
        let ahead = (f64::from(self.stages) - 1.0).max(0.5);
        let latency = PROLOGUE_LATENCY + self.tile_bytes() / f64::from(gpu.rates.l2_bytes);
        latency / (ahead + 1.0) / f64::from(blocks)
    }

    /// The steps of the kernel, for all that does not depend on how it multiplies.
    pub(super) fn steps(&self, gpu: &Gpu) -> Steps {
        Steps {
            tile: (self.tile_m, self.tile_n),
            order: self.order,
            persistent: false,
            times: self.step_times(gpu),
            masked: self.masked_step(gpu),
            overhead: self.overhead(gpu),
            bound: self.bound(gpu),
        }
    }

    /// The clocks that a block with each number of residents beside it, from none to
    /// `blocks − 1`, takes for an unmasked step.
    fn step_times(&self, gpu: &Gpu) -> Vec<f64> {
        (1..=self.blocks).map(|n| self.interval(gpu, n, 0.0) * f64::from(n)).collect()
    }

    /// A masked step, in unmasked ones.
    fn masked_step(&self, gpu: &Gpu) -> f64 {
        let masked = self.interval(gpu, self.blocks, self.mask_instructions());
        masked / self.interval(gpu, self.blocks, 0.0)
    }

    /// What a block does before and after its steps, in unmasked steps of a full multiprocessor.
    fn overhead(&self, gpu: &Gpu) -> f64 {
        let query = f64::from(self.tile_m) * f64::from(self.head_dim) * ELEMENT_BYTES;
        let output = f64::from(self.tile_m) * f64::from(self.head_dim_v) * ELEMENT_BYTES;
        let traffic = (query + output) / f64::from(gpu.rates.l2_bytes);
        let step = self.interval(gpu, self.blocks, 0.0) * f64::from(self.blocks);
        (PROLOGUE_LATENCY + EPILOGUE_LATENCY + traffic) / step
    }

    /// What limits the steady loop.
    fn bound(&self, gpu: &Gpu) -> Bound {
        self.clocks(&gpu.rates).bound(self.interval(gpu, self.blocks, 0.0))
    }
}
