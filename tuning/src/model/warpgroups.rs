//! One step of the steady loop of kernels whose warpgroups multiply with `wgmma` (Hopper): a block's
//! query tile against one tile of keys and values that TMA brings.
//!
//! A consumer warpgroup has one warp on each of the four schedulers. Its step of 64 rows goes round
//! three servers: the tensor core, the special function units (an exponential a score), and the
//! issue slots (all else). Warpgroups that want the same server at a time queue, which
//! [`network::interval`] follows for an order left to chance. Two devices make the order better than
//! chance: ping-pong, where warpgroups take turns to begin their products, and overlap, where a
//! warpgroup's products run under its own softmax. With both perfect, a step would take as long as
//! the busiest server; each is taken to close a fifth of the way there ([`PING_PONG`], [`OVERLAP`]).
//!
//! Clocks of `wgmma`, TMA and barriers are those measured on H100 by the public microbenchmarks
//! named at the constants. The two shares, and nothing else, were decided with FlashAttention-3's
//! ablation in view (arXiv 2407.08608, table 2: 570 TFLOPs/s without ping-pong and overlap, 582
//! without overlap, 661 with both).

use tilewright_codegen::gpu::{Gpu, Rates};

use super::network;
use super::steps::{Bound, Clocks, Maximum, Order, Steps};

/// What the model is told of such a kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct WarpgroupKernel {
    /// Bytes of an element of Q, K and V; where it is one, V is transposed on chip.
    pub bytes: u32,
    /// Rows of Q in a block's tile, 64 for each consumer warpgroup.
    pub tile_m: u32,
    /// Rows of K and V in a step's tile.
    pub tile_n: u32,
    /// Elements of a row of Q and K.
    pub head_dim: u32,
    /// Elements of a row of V.
    pub head_dim_v: u32,
    /// Tiles of K and V that are in flight or in use.
    pub stages: u32,
    /// Blocks that share what one of them reads of K and V.
    pub cluster: u32,
    /// Whether a warpgroup's products run under its own softmax.
    pub overlap: bool,
    /// Whether warpgroups take turns to begin their products.
    pub ping_pong: bool,
    /// Whether probabilities pass through shared memory.
    pub p_in_shared: bool,
    /// Whether Q stays in registers, or is read from shared memory in every step.
    pub q_in_registers: bool,
    /// Whether threads write the output themselves, 16 bytes of a row at a time, or TMA does.
    pub direct_output: bool,
    /// Whether a block takes one query tile after another.
    pub persistent: bool,
    /// Blocks that a multiprocessor holds.
    pub blocks: u32,
    /// The order in which query tiles begin.
    pub order: Order,
    /// What the steady loop does about the maximum of a row.
    pub maximum: Maximum,
    /// Of eight exponentials, how many are computed by polynomials.
    pub polynomials: u32,
    /// SASS instructions of the steady loop a score and thread, where they were counted; those
    /// that a branch may skip are among them.
    pub sass_per_score: Option<f64>,
}

/// The share of the waiting of an order left to chance that remains with ping-pong.
const PING_PONG: f64 = 0.8;

/// The share that remains with overlap.
const OVERLAP: f64 = 0.8;

/// `wgmma` beside TMA takes 1.05 times as long as alone, and 1.05 times that with the hand-off
/// through barriers ("hardware-unit-test" notes of H100 SXM).
const BESIDE_COPIES: f64 = 1.05 * 1.05;

/// Clocks from the end of the last `wgmma` of a product to its results (FlashGPU-Sim, H100: 64 to
/// 66), and of a wait on an mbarrier that is complete (32).
const PRODUCT_LATENCY: f64 = 66.0 + 32.0;

/// Clocks of the softmax in which nothing is issued: two shuffles for each of the row's maximum and
/// sum, at about 25, half of them hidden.
const SOFTMAX_LATENCY: f64 = 4.0 * 25.0 / 2.0;

/// Clocks from a warpgroup's P in registers to P in shared memory where `wgmma` may read it: an
/// `stmatrix`, a proxy fence and a barrier (36, 36 and 28 on B300; not known on H100).
const STORE_LATENCY: f64 = 36.0 + 36.0 + 28.0;

/// The least clocks between two `wgmma` (FlashGPU-Sim).
const PRODUCT_INTERVAL: f64 = 17.0;

/// Clocks until Q and the first keys are there, and the first product is done.
const PROLOGUE_LATENCY: f64 = 1500.0;

/// Clocks from the last step of a tile to the first of the next: the last product, the output
/// through shared memory, the next block.
const EPILOGUE_LATENCY: f64 = 1000.0;

/// What a persistent block saves of both: the producer fetches ahead while the output is written.
const PERSISTENT_SHARE: f64 = 0.5;

/// Clocks until a box is there from the L2 cache (H800: 365 to 369), with the producer's wait and
/// issue around it.
const COPY_LATENCY: f64 = 370.0 + 100.0;

/// TMA brings tiles that blocks of one head share at 81 bytes a clock and multiprocessor where loads
/// of private data reach 36 ("hardware-unit-test" notes, RRZE gpu-benches).
const SHARED_LINES: f64 = 81.0 / 36.0;

/// Bytes of an element of the output.
const ELEMENT_BYTES: f64 = 2.0;

/// Rows of a warpgroup, and bytes of a step of `wgmma` in one row.
const ROWS: f64 = 64.0;
const DEPTH_BYTES: f64 = 32.0;

/// Instructions of an exponential by a polynomial of degree 3 beyond the one that it takes the place
/// of, with a limit to the power where nothing else keeps it in range.
const POLYNOMIAL: f64 = 9.0;

impl WarpgroupKernel {
    fn consumers(&self) -> u32 {
        (self.tile_m / 64).max(1)
    }

    /// Scores of a warpgroup in a step.
    fn scores(&self) -> f64 {
        ROWS * f64::from(self.tile_n)
    }

    /// Scores of a thread in a step.
    pub(crate) fn scores_of_a_thread(&self) -> f64 {
        self.scores() / 128.0
    }

    /// `wgmma` instructions of a warpgroup in a step.
    pub(crate) fn product_instructions(&self) -> f64 {
        (f64::from(self.head_dim) + f64::from(self.tile_n)) / self.depth()
    }

    /// Elements of a step of `wgmma`.
    fn depth(&self) -> f64 {
        DEPTH_BYTES / f64::from(self.bytes)
    }

    /// The share of exponentials that are computed by polynomials.
    fn polynomial_share(&self) -> f64 {
        f64::from(self.polynomials) / 8.0
    }

    /// Clocks of a `wgmma` of `columns` columns: those of the multiplication, or of reading its
    /// operands from shared memory. B always comes from there, A where `a_in_shared`. A step has
    /// twice the elements of 8 bits, at twice the rate.
    fn product_clocks(rates: &Rates, columns: u32, a_in_shared: bool) -> f64 {
        let columns = f64::from(columns);
        let multiply = ROWS * columns * DEPTH_BYTES / f64::from(rates.tensor_f16);
        let rows = columns + if a_in_shared { ROWS } else { 0.0 };
        let read = rows * DEPTH_BYTES / f64::from(rates.shared_bytes);
        multiply.max(read).max(PRODUCT_INTERVAL)
    }

    /// The clocks of both products of a warpgroup.
    fn tensor(&self, rates: &Rates) -> f64 {
        let scores = f64::from(self.head_dim) / self.depth()
            * Self::product_clocks(rates, self.tile_n, !self.q_in_registers);
        let output = f64::from(self.tile_n) / self.depth()
            * Self::product_clocks(rates, self.head_dim_v, self.p_in_shared);
        (scores + output) * BESIDE_COPIES
    }

    /// Instructions of a warp that rescale the output.
    fn rescale_instructions(&self) -> f64 {
        f64::from(self.head_dim_v) / 2.0
    }

    /// Instructions of a warp in an unmasked step: those counted in the SASS, or an estimate.
    ///
    /// The estimate: three and a half a score (subtract and scale, exponential, sum, half a packed
    /// conversion), and one more for the maximum where it is taken; an eighth for storing P where
    /// it passes through shared memory; one an element of the output where it is rescaled; the
    /// products; and sixty for row statistics, barriers and the loop. It comes to 6.3 a score for
    /// FlashAttention-3's 128×176 tile, where the SASS has 6.7.
    pub fn instructions(&self) -> f64 {
        let scores = self.scores_of_a_thread();
        match (self.sass_per_score, self.maximum) {
            (Some(per_score), Maximum::Skip) => per_score * scores - self.rescale_instructions(),
            (Some(per_score), _) => per_score * scores,
            (None, maximum) => {
                let (taken, rescale) = match maximum {
                    Maximum::Rescale => (1.0, self.rescale_instructions()),
                    Maximum::Skip => (1.0, 0.0),
                    Maximum::Ignore => (0.0, 0.0),
                };
                let stored = if self.p_in_shared { 0.125 } else { 0.0 };
                let polynomials = POLYNOMIAL * self.polynomial_share();
                (3.5 + taken + stored + polynomials) * scores
                    + rescale
                    + self.product_instructions()
                    + 60.0
            }
        }
    }

    /// Instructions of a warp that a masked step has more: two a score, a comparison and a
    /// selection.
    fn mask_instructions(&self) -> f64 {
        2.0 * self.scores_of_a_thread()
    }

    /// Bytes of a step's tiles of K and V.
    fn tile_bytes(&self) -> f64 {
        let elements = f64::from(self.head_dim) + f64::from(self.head_dim_v);
        f64::from(self.tile_n) * elements * f64::from(self.bytes)
    }

    /// Bytes of shared memory that the products of a warpgroup read, and that its P is written to.
    fn operand_bytes(&self) -> f64 {
        let bytes = f64::from(self.bytes);
        let query = ROWS * f64::from(self.head_dim) * bytes;
        let query = if self.q_in_registers { 0.0 } else { query };
        let probabilities = if self.p_in_shared { 2.0 * self.scores() * bytes } else { 0.0 };
        self.tile_bytes() + query + probabilities
    }

    /// The clocks of a block's step on each pipe.
    pub fn clocks(&self, rates: &Rates) -> Clocks {
        let consumers = f64::from(self.consumers());
        let bytes = self.tile_bytes();
        let transposed = match self.bytes {
            1 => 2.0 * f64::from(self.tile_n) * f64::from(self.head_dim_v),
            _ => 0.0,
        };
        Clocks {
            tensor: consumers * self.tensor(rates),
            issue: consumers * self.instructions() * 4.0 / f64::from(rates.issue),
            exp2: consumers * self.scores() * (1.0 - self.polynomial_share())
                / f64::from(rates.exp2),
            shared: (consumers * self.operand_bytes() + bytes + transposed)
                / f64::from(rates.shared_bytes),
            tensor_memory: 0.0,
            l2: bytes / (f64::from(rates.l2_bytes) * SHARED_LINES * f64::from(self.cluster)),
        }
    }

    /// The clocks between the ends of two steps of a block on a multiprocessor that runs `blocks`
    /// blocks, `extra` being instructions of a warp beyond those of an unmasked step.
    fn interval(&self, gpu: &Gpu, blocks: u32, extra: f64) -> f64 {
        let clocks = self.clocks(&gpu.rates);
        let consumers = f64::from(self.consumers());
        let extra = extra * 4.0 / f64::from(gpu.rates.issue);
        let demands =
            [clocks.tensor / consumers, clocks.exp2 / consumers, clocks.issue / consumers + extra];
        let stored = if self.p_in_shared { STORE_LATENCY } else { 0.0 };
        let delay = 2.0 * PRODUCT_LATENCY + SOFTMAX_LATENCY + stored;
        let warpgroups = self.consumers() * blocks;
        let chance = network::interval(&demands, delay, warpgroups);
        let round = demands.iter().sum::<f64>() + delay;
        let busiest = demands.into_iter().fold(0.0, f64::max);
        let hidden = if self.overlap { clocks.tensor / consumers / 2.0 } else { 0.0 };
        let perfect = busiest.max((round - hidden) / f64::from(warpgroups));
        let ping_pong = if self.ping_pong { PING_PONG } else { 1.0 };
        let overlap = if self.overlap { OVERLAP } else { 1.0 };
        let waiting = (chance - perfect).max(0.0) * ping_pong * overlap;
        let step = (perfect + waiting) * consumers;
        step.max(clocks.shared).max(clocks.l2).max(self.copy_interval(&clocks, blocks))
    }

    /// The clocks between two steps where the latency of copies is all that there is to wait for.
    fn copy_interval(&self, clocks: &Clocks, blocks: u32) -> f64 {
        (COPY_LATENCY + clocks.l2) / f64::from(self.stages) / f64::from(blocks)
    }

    /// The steps of the kernel, for all that does not depend on how it multiplies.
    pub(super) fn steps(&self, gpu: &Gpu) -> Steps {
        let full = self.interval(gpu, self.blocks, 0.0);
        let masked = self.interval(gpu, self.blocks, self.mask_instructions());
        let latency = PROLOGUE_LATENCY + EPILOGUE_LATENCY;
        let latency = if self.persistent { latency * PERSISTENT_SHARE } else { latency };
        // Sectors of 32 bytes that are written in halves travel twice.
        let output = f64::from(self.tile_m) * f64::from(self.head_dim_v) * ELEMENT_BYTES;
        let again = if self.direct_output { output / f64::from(gpu.rates.l2_bytes) } else { 0.0 };
        let latency = latency + again;
        Steps {
            tile: (self.tile_m, self.tile_n),
            order: self.order,
            persistent: self.persistent,
            times: (1..=self.blocks).map(|n| self.interval(gpu, n, 0.0) * f64::from(n)).collect(),
            masked: masked / full,
            overhead: latency / (full * f64::from(self.blocks)),
            bound: self.bound(gpu, full),
        }
    }

    fn bound(&self, gpu: &Gpu, interval: f64) -> Bound {
        self.clocks(&gpu.rates).bound(interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TILE: WarpgroupKernel = WarpgroupKernel {
        bytes: 2,
        polynomials: 0,
        tile_m: 128,
        tile_n: 128,
        head_dim: 128,
        head_dim_v: 128,
        stages: 2,
        cluster: 1,
        overlap: true,
        ping_pong: true,
        p_in_shared: false,
        q_in_registers: false,
        direct_output: false,
        persistent: true,
        blocks: 1,
        order: Order::FirstTile,
        maximum: Maximum::Rescale,
        sass_per_score: None,
    };

    fn interval(kernel: &WarpgroupKernel) -> f64 {
        kernel.interval(Gpu::named("h100_sxm").unwrap(), 1, 0.0)
    }

    /// A 128×128×128 step: 2048 clocks of multiplication, 1024 of exponentials.
    #[test]
    fn demands_are_those_of_the_tile() {
        let clocks = TILE.clocks(&Gpu::named("h100_sxm").unwrap().rates);
        assert!((clocks.tensor / BESIDE_COPIES - 2048.0).abs() < 1.0, "{clocks:?}");
        assert_eq!(clocks.exp2, 1024.0);
        assert_eq!(clocks.shared, (2.0 * (65536.0 + 16384.0) + 65536.0) / 128.0);
    }

    #[test]
    fn every_device_helps() {
        let best = interval(&TILE);
        let without = [
            WarpgroupKernel { overlap: false, ..TILE },
            WarpgroupKernel { ping_pong: false, ..TILE },
            WarpgroupKernel { maximum: Maximum::Rescale, sass_per_score: Some(9.0), ..TILE },
            WarpgroupKernel { p_in_shared: true, ..TILE },
        ];
        for kernel in without {
            assert!(interval(&kernel) > best, "{kernel:?}");
        }
        assert!(interval(&WarpgroupKernel { maximum: Maximum::Ignore, ..TILE }) < best);
    }
}
