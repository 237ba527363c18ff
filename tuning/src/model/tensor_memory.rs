//! One step of the steady loop of kernels that multiply with `tcgen05.mma` (Blackwell): the query
//! tiles of a block, 128 rows each, against one tile of keys and values that TMA brings.
//!
//! One thread issues all products, and they retire in its order. The scores of a query tile go from
//! tensor memory to the registers of a softmax warpgroup, a row a thread; probabilities go back, and
//! are the first factor of the product with V. A tile of scores thus goes round in turn through the
//! tensor core, the loads of the warpgroup and its exponentials, with latencies between them; the
//! query tiles of a block, usually two, are on their way at a time. Nothing about their order is left
//! to chance, so a step takes a round, or what the busiest pipe asks for.
//!
//! Clocks of `tcgen05` are those that public microbenchmarks measured on B200 and B300
//! (SemiAnalysisAI/microbench-blackwell, Antoniomv7/gb300-microbench, ademeure/QuickRunCUDA).

use tilewright_codegen::gpu::{Gpu, Rates};

use super::steps::{Bound, Clocks, Maximum, Order, Steps};

/// What the model is told of such a kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorMemoryKernel {
    /// Bytes of an element of Q, K and V.
    pub bytes: u32,
    /// Tiles of 128 query rows of a block.
    pub query_tiles: u32,
    /// Rows of K and V in a step's tile.
    pub tile_n: u32,
    /// Elements of a row of Q and K.
    pub head_dim: u32,
    /// Elements of a row of V.
    pub head_dim_v: u32,
    /// Tiles of K or V that fit the ring.
    pub stages: u32,
    /// Blocks whose tensor cores multiply together, each with half of K and V: 1 or 2.
    pub pair: u32,
    /// The share of probabilities that is handed to the product with V before the last of them
    /// are there.
    pub early_share: f64,
    /// The share of exponentials that are computed by polynomials, and their degree.
    pub polynomials: (f64, u32),
    /// Whether a block takes one query tile after another.
    pub persistent: bool,
    /// Blocks that a multiprocessor holds.
    pub blocks: u32,
    /// The order in which query tiles begin.
    pub order: Order,
    /// What the correction warps do about the maximum of a row.
    pub maximum: Maximum,
    /// SASS instructions of the softmax loop a score and thread, where they were counted.
    pub sass_per_score: Option<f64>,
}

/// `tcgen05.mma` beside copies and loads of tensor memory: as for `wgmma` on H100, there being no
/// measurement.
const BESIDE_COPIES: f64 = 1.05 * 1.05;

/// Clocks from the last product of a chain to its commit seen at an mbarrier: 148 − 12.
const PRODUCT_LATENCY: f64 = 136.0;

/// Clocks of a load from tensor memory in a loaded kernel.
const LOAD_LATENCY: f64 = 200.0;

/// Clocks from the last probability to the product that reads it: a store to tensor memory, its
/// wait, an arrival, and a wait on an mbarrier (about 40, 20, 20 and 32).
const STORE_LATENCY: f64 = 112.0;

/// Clocks in which the correction warps hear of a row's maximum and say that the output is ready: two
/// waits and arrivals, and a shared-memory round trip of 30.
const CORRECTION_LATENCY: f64 = 2.0 * 52.0 + 30.0;

/// Clocks from the last step of a query tile to the first of the next: the last products, the output
/// through registers and shared memory, Q, the first product. What FlashAttention-4 loses on B300
/// with 1024 keys, with blocks that persist and without.
const TILE_LATENCY: f64 = 8000.0;

/// Clocks to start a block besides: tensor memory is allocated in 253 clocks, in 1030 where the last
/// block still has it.
const BLOCK_LATENCY: f64 = 1000.0;

/// Clocks until a box is there from the L2 cache, with the wait and the issue around it.
const COPY_LATENCY: f64 = 700.0 + 100.0;

/// Rows of a query tile, and bytes of a step of a product in one row.
const ROWS: f64 = 128.0;
const DEPTH_BYTES: f64 = 32.0;

/// Warps of a warpgroup.
const WARPS: f64 = 4.0;

impl TensorMemoryKernel {
    /// Scores of a query tile in a step.
    fn scores(&self) -> f64 {
        ROWS * f64::from(self.tile_n)
    }

    /// Scores of a thread in a step: a row.
    pub(crate) fn scores_of_a_thread(&self) -> f64 {
        f64::from(self.tile_n)
    }

    /// Elements of a step of a product.
    fn depth(&self) -> f64 {
        DEPTH_BYTES / f64::from(self.bytes)
    }

    /// Clocks of a step of a product of `columns` columns: those of the multiplication, or of reading
    /// its operands from shared memory. B always comes from there, half of it from each block of a
    /// pair; A where `a_in_shared`, else from tensor memory.
    fn product_clocks(&self, rates: &Rates, columns: u32, a_in_shared: bool) -> f64 {
        let columns = f64::from(columns);
        let multiply = ROWS * columns * DEPTH_BYTES / f64::from(rates.tensor_f16);
        let rows = columns / f64::from(self.pair) + if a_in_shared { ROWS } else { 0.0 };
        multiply.max(rows * DEPTH_BYTES / f64::from(rates.shared_bytes))
    }

    /// The clocks of Q·Kᵀ and of P·V of a query tile.
    fn products(&self, rates: &Rates) -> [f64; 2] {
        let scores =
            f64::from(self.head_dim) / self.depth() * self.product_clocks(rates, self.tile_n, true);
        let output = f64::from(self.tile_n) / self.depth()
            * self.product_clocks(rates, self.head_dim_v, false);
        [scores * BESIDE_COPIES, output * BESIDE_COPIES]
    }

    /// Instructions of a softmax warp in an unmasked step: those counted in the SASS, or an estimate.
    ///
    /// The estimate, a score: half an instruction for the maximum (three operands), half to subtract
    /// and scale (packed), an exponential, half a packed sum, half a conversion, and half for all
    /// that is packed and unpacked; for a polynomial the exponential less, a half for each degree
    /// (packed) and three for the reduction; and sixty for statistics, barriers and the loop. It
    /// comes to 4.3 a score for FlashAttention-4's tile of 128 keys with an eighth by polynomials,
    /// where the SASS has 4.0.
    pub fn instructions(&self) -> f64 {
        let scores = self.scores_of_a_thread();
        let (share, degree) = self.polynomials;
        let polynomials = share * (f64::from(degree) / 2.0 + 3.0 - 1.0);
        let estimate = (3.5 + polynomials) * scores + 60.0;
        self.sass_per_score.map_or(estimate, |per_score| per_score * scores)
    }

    /// Instructions of a correction warp in a step: a load, a multiplication and a store an element of
    /// the output, packed, where it is rescaled (186 for 128 elements in FlashAttention-4), and
    /// thirty to find out.
    fn correction_instructions(&self) -> f64 {
        let rescale = 1.25 * f64::from(self.head_dim_v);
        30.0 + if self.maximum == Maximum::Rescale { rescale } else { 0.0 }
    }

    /// Instructions of a softmax warp that a masked step has more: two a score, a comparison and a
    /// selection.
    fn mask_instructions(&self) -> f64 {
        2.0 * self.scores_of_a_thread()
    }

    /// Bytes of a step's tiles of K and V that a block fetches.
    fn tile_bytes(&self) -> f64 {
        let elements = f64::from(self.head_dim) + f64::from(self.head_dim_v);
        f64::from(self.tile_n) * elements * f64::from(self.bytes) / f64::from(self.pair)
    }

    /// Clocks in which the scores of a query tile come to registers.
    fn load_clocks(&self, rates: &Rates) -> f64 {
        self.scores() * 4.0 / f64::from(rates.tensor_memory_load_bytes)
    }

    /// Clocks in which the output of a query tile goes to registers and back, where it is rescaled.
    fn rescale_clocks(&self, rates: &Rates) -> f64 {
        let output = ROWS * f64::from(self.head_dim_v) * 4.0;
        let [load, store] = [rates.tensor_memory_load_bytes, rates.tensor_memory_store_bytes];
        match self.maximum {
            Maximum::Rescale => output / f64::from(load) + output / f64::from(store),
            Maximum::Skip | Maximum::Ignore => 0.0,
        }
    }

    /// Clocks of tensor memory for a query tile: scores, probabilities, and the output where it is
    /// rescaled.
    fn tensor_memory(&self, rates: &Rates) -> f64 {
        let probabilities = self.scores() * f64::from(self.bytes);
        let store = probabilities / f64::from(rates.tensor_memory_store_bytes);
        self.load_clocks(rates) + store + self.rescale_clocks(rates)
    }

    /// The clocks of a block's step on each pipe.
    pub fn clocks(&self, rates: &Rates) -> Clocks {
        let tiles = f64::from(self.query_tiles);
        let bytes = self.tile_bytes();
        let query = ROWS * f64::from(self.head_dim) * f64::from(self.bytes);
        let instructions = self.instructions() + self.correction_instructions();
        Clocks {
            tensor: tiles * self.products(rates).iter().sum::<f64>(),
            issue: tiles * instructions * WARPS / f64::from(rates.issue),
            exp2: tiles * self.exp2_clocks(rates),
            shared: (tiles * (query + bytes) + bytes) / f64::from(rates.shared_bytes),
            tensor_memory: tiles * self.tensor_memory(rates),
            l2: bytes / f64::from(rates.l2_bytes),
        }
    }

    fn exp2_clocks(&self, rates: &Rates) -> f64 {
        self.scores() * (1.0 - self.polynomials.0) / f64::from(rates.exp2)
    }

    /// The clocks between the ends of two steps of a block, `extra` being instructions of a softmax
    /// warp beyond those of an unmasked step.
    fn interval(&self, gpu: &Gpu, extra: f64) -> f64 {
        let rates = &gpu.rates;
        let clocks = self.clocks(rates);
        let tiles = f64::from(self.query_tiles);
        let issue = |instructions: f64| instructions * WARPS / f64::from(rates.issue);
        // The maximum is taken of scores as they come; all else goes beside exponentials.
        let others = issue(self.instructions() - self.scores_of_a_thread() / 2.0);
        let exponentials = self.exp2_clocks(rates).max(others);
        // What was handed over early is multiplied while the rest is still computed.
        let [scores, output] = self.products(rates);
        let rest = (exponentials + STORE_LATENCY) * (1.0 - self.early_share);
        let hidden = rest.min(output * self.early_share);
        let round = scores
            + output
            + PRODUCT_LATENCY
            + LOAD_LATENCY
            + self.load_clocks(rates)
            // Loads and stores of the output go between those of scores, half of them in the way.
            + self.rescale_clocks(rates) / 2.0
            + CORRECTION_LATENCY
            + exponentials
            + STORE_LATENCY
            - hidden
            + issue(extra);
        // All query tiles of a block are on their way at a time.
        round
            .max(clocks.longest().1)
            .max(clocks.issue + tiles * issue(extra))
            .max(self.copy_interval(&clocks))
    }

    /// The clocks between two steps where the latency of copies is all that there is to wait for:
    /// K and V take turns in the ring.
    fn copy_interval(&self, clocks: &Clocks) -> f64 {
        2.0 * (COPY_LATENCY + clocks.l2 / 2.0) / f64::from(self.stages)
    }

    /// The steps of the kernel, for all that does not depend on how it multiplies.
    pub(super) fn steps(&self, gpu: &Gpu) -> Steps {
        let full = self.interval(gpu, 0.0);
        let latency = TILE_LATENCY + if self.persistent { 0.0 } else { BLOCK_LATENCY };
        Steps {
            tile: (self.query_tiles * ROWS as u32, self.tile_n),
            order: self.order,
            persistent: self.persistent,
            times: (1..=self.blocks).map(|n| full * f64::from(n)).collect(),
            masked: self.interval(gpu, self.mask_instructions()) / full,
            overhead: latency / (full * f64::from(self.blocks.max(1))),
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

    const TILES: TensorMemoryKernel = TensorMemoryKernel {
        bytes: 2,
        query_tiles: 2,
        tile_n: 128,
        head_dim: 128,
        head_dim_v: 128,
        stages: 4,
        pair: 1,
        early_share: 0.75,
        polynomials: (0.125, 3),
        persistent: true,
        blocks: 1,
        order: Order::FirstTile,
        maximum: Maximum::Skip,
        sass_per_score: None,
    };

    fn interval(gpu: &str, kernel: &TensorMemoryKernel) -> f64 {
        kernel.interval(Gpu::named(gpu).unwrap(), 0.0)
    }

    /// Two tiles of 128×128×128: 1024 clocks of multiplication each, and 1024 of exponentials, of
    /// which an eighth goes to polynomials.
    #[test]
    fn demands_are_those_of_the_tiles() {
        let clocks = TILES.clocks(&Gpu::named("b200").unwrap().rates);
        assert!((clocks.tensor / BESIDE_COPIES - 2048.0).abs() < 1.0, "{clocks:?}");
        assert_eq!(clocks.exp2, 2048.0 * 7.0 / 8.0);
        assert_eq!(clocks.shared, (2.0 * (32768.0 + 65536.0) + 65536.0) / 128.0);
    }

    /// Clocks of a step of a product that were measured on B200, by columns.
    #[test]
    fn products_take_what_was_measured() {
        let rates = &Gpu::named("b200").unwrap().rates;
        let pair = TensorMemoryKernel { pair: 2, ..TILES };
        for (columns, shared, tensor_memory, paired) in [
            (64, 48.0, 32.0, 43.0),
            (96, 56.0, 48.0, 49.4),
            (128, 64.0, 64.0, 64.0),
            (256, 128.0, 128.0, 128.0),
        ] {
            let off = |found: f64, measured: f64| (found / measured - 1.0).abs();
            assert!(off(TILES.product_clocks(rates, columns, true), shared) < 0.01);
            assert!(off(TILES.product_clocks(rates, columns, false), tensor_memory) < 0.01);
            assert!(off(pair.product_clocks(rates, columns, true), paired) < 0.12);
        }
    }

    #[test]
    fn every_device_helps_where_it_should() {
        let best = interval("b200", &TILES);
        let without = [
            TensorMemoryKernel { early_share: 0.0, ..TILES },
            TensorMemoryKernel { polynomials: (0.0, 3), ..TILES },
            TensorMemoryKernel { maximum: Maximum::Rescale, ..TILES },
        ];
        for kernel in without {
            assert!(interval("b200", &kernel) > best, "{kernel:?}");
        }
        // Where exponentials are twice as fast, polynomials only cost instructions.
        let none = TensorMemoryKernel { polynomials: (0.0, 3), ..TILES };
        let half = TensorMemoryKernel { polynomials: (0.5, 3), ..TILES };
        assert!(interval("b300", &none) < interval("b300", &half));
    }
}
