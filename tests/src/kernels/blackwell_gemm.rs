use tilewright::attention::DataType;
use tilewright::dsl::{
    self, Builder, CtaGroup, Major, Mbarrier, NamedBarrier, Pointer, Receivers, Shared,
    TENSOR_LANES, TensorAddress, TensorMap, TensorOperand, TensorProduct, Value, WARPGROUP,
};
use tilewright::gpu::Target;
use tilewright::ptx::tree::Module;
use tilewright::tile::{
    Descriptor, PanelLayout, PanelRow, SlotRing, TensorMemory, TensorPlan, TensorTile,
};

use super::panels::for_panels;

/// Tiles of [`blackwell_gemm`]. A group is a block, or a pair of blocks that multiply together.
#[derive(Clone, Copy, Debug)]
pub struct BlackwellGemm {
    /// Type of A and B.
    pub dtype: DataType,
    /// The order in which B is stored.
    pub b_major: Major,
    /// Blocks of a group, each with 128 rows of C.
    pub group: CtaGroup,
    /// Columns of C of a group, a multiple of 32.
    pub tile_n: u32,
    /// Depth of a step.
    pub tile_k: u32,
    /// Steps in shared memory at once.
    pub stages: u32,
}

/// Accumulators in tensor memory: one is written while the other is read.
const ACCUMULATORS: u32 = 2;

/// Columns of C that a thread has in registers at once.
const COLUMNS: u32 = 32;

/// The warps besides the four that write C: one that copies, and one that issues products.
const COPIES: u32 = 4;
const MULTIPLIES: u32 = 5;

impl BlackwellGemm {
    /// Threads of a block.
    pub const THREADS: u32 = WARPGROUP + 2 * 32;

    fn layout(dtype: DataType, rows: u32, columns: u32) -> PanelLayout {
        let layout = PanelLayout::new(rows, columns * dtype.bytes());
        layout.expect("tiles are multiples of 32")
    }

    /// Rows of C of a group.
    pub fn tile_m(&self) -> u32 {
        self.group.blocks() * TENSOR_LANES
    }

    /// Columns of B that a block copies.
    fn copied_columns(&self) -> u32 {
        self.tile_n / self.group.blocks()
    }

    fn a(&self) -> PanelLayout {
        Self::layout(self.dtype, TENSOR_LANES, self.tile_k)
    }

    fn b(&self) -> PanelLayout {
        match self.b_major {
            Major::Depth => Self::layout(self.dtype, self.copied_columns(), self.tile_k),
            Major::Columns => Self::layout(self.dtype, self.tile_k, self.copied_columns()),
        }
    }

    fn c(&self) -> PanelLayout {
        Self::layout(self.dtype.output(), TENSOR_LANES, self.tile_n)
    }

    /// Boxes of A, B and C: columns, rows.
    pub fn boxes(&self) -> [[u32; 2]; 3] {
        let of =
            |layout: PanelLayout, dtype: DataType| [layout.width() / dtype.bytes(), layout.rows()];
        [of(self.a(), self.dtype), of(self.b(), self.dtype), of(self.c(), self.dtype.output())]
    }

    fn slot_bytes(&self) -> u32 {
        self.a().bytes() + self.b().bytes()
    }

    fn c_at(&self) -> u32 {
        self.stages * self.slot_bytes()
    }

    fn barriers_at(&self) -> u32 {
        self.c_at() + self.c().bytes()
    }

    fn tensor_memory_at(&self) -> u32 {
        let rings = [self.stages, ACCUMULATORS];
        self.barriers_at() + rings.into_iter().map(SlotRing::barrier_bytes).sum::<u32>()
    }

    /// Bytes of dynamic shared memory.
    pub fn shared(&self) -> u32 {
        self.tensor_memory_at() + TensorMemory::BYTES
    }

    fn product(&self) -> TensorProduct {
        TensorProduct {
            types: (self.dtype, self.dtype),
            rows: self.tile_m(),
            columns: self.tile_n,
            b_major: self.b_major,
            group: self.group,
        }
    }

    /// The accumulators, and the columns to allocate for them.
    fn accumulators(&self) -> (TensorTile, u32) {
        let mut plan = TensorPlan::default();
        let [first, _] = [(); ACCUMULATORS as usize]
            .map(|()| plan.place(self.tile_n, 4).expect("two accumulators fit tensor memory"));
        (first, plan.allocated())
    }
}

/// What all of a block's warps know.
struct Block<'k> {
    k: &'k Builder,
    gemm: BlackwellGemm,
    memory: Pointer<'k, u32, Shared>,
    /// Slots of A and B.
    ring: SlotRing<'k>,
    accumulators: SlotRing<'k>,
    tensor: TensorMemory<'k>,
    /// Rank in the group.
    rank: Value<'k, u32>,
    /// Tiles of C along its rows, and of all of it.
    row_tiles: Value<'k, u32>,
    tiles: Value<'k, u32>,
    /// Steps along the depth.
    steps: Value<'k, u32>,
}

/// C = A·B with A m×k by rows; B k×n by rows, or n×k by rows where it is stored along the depth; and
/// C m×n by rows: tensor maps `[columns, rows]`. Groups of blocks along x take one tile of C after
/// another. m, n and k need not be multiples of the tiles.
pub fn blackwell_gemm(target: Target, gemm: BlackwellGemm) -> Module {
    dsl::kernel("gemm", target, |k| {
        k.require_threads(BlackwellGemm::THREADS);
        k.min_blocks_per_multiprocessor(1);
        if gemm.group == CtaGroup::Two {
            k.require_cluster(gemm.group.blocks());
        }
        let [a, b, c] = ["a", "b", "c"].map(|name| k.tensor_map_parameter::<2>(name));
        let [m, n, depth] = ["m", "n", "k"].map(|name| k.parameter::<u32>(name));
        let block = Block::new(k, gemm, [m, n, depth]);
        let warp = (k.thread_index().x / 32).of_first_lane();
        block.begin(warp);
        let accumulator = gemm.accumulators().0.at(block.tensor.base());
        k.if_(warp.eq(COPIES), || k.if_(k.elect(), || block.copy(a, b)));
        let leads = warp.eq(MULTIPLIES).and(block.rank.eq(0));
        k.if_(leads, || k.if_(k.elect(), || block.multiply(accumulator)));
        k.if_(warp.lt(COPIES), || block.store(c, accumulator, warp));
        block.end(warp);
    })
}

impl<'k> Block<'k> {
    fn new(k: &'k Builder, gemm: BlackwellGemm, [m, n, depth]: [Value<'k, u32>; 3]) -> Self {
        let memory = k.dynamic_shared_aligned(PanelLayout::ALIGN);
        let (rank, leads) = match gemm.group {
            CtaGroup::One => (k.constant(0), None),
            CtaGroup::Two => {
                let rank = k.cluster_rank();
                (rank, Some(rank.eq(0)))
            }
        };
        let barriers = memory.byte_offset(gemm.barriers_at().into()).cast();
        let ring = SlotRing::new(barriers, gemm.stages, gemm.slot_bytes(), 1).in_pair(leads);
        let barriers = barriers.byte_offset(SlotRing::barrier_bytes(gemm.stages).into());
        let accumulators = SlotRing::new(barriers, ACCUMULATORS, 0, 1).in_pair(leads);
        let slot = memory.byte_offset(gemm.tensor_memory_at().into());
        let tensor = TensorMemory::new(gemm.group, slot, gemm.accumulators().1);
        let tiles = |size: Value<'k, u32>, tile: u32| (size + (tile - 1)) / tile;
        let row_tiles = tiles(m, gemm.tile_m());
        Self {
            k,
            gemm,
            memory,
            ring,
            accumulators,
            tensor,
            rank,
            row_tiles,
            tiles: row_tiles * tiles(n, gemm.tile_n),
            steps: tiles(depth, gemm.tile_k),
        }
    }

    /// Prepares mbarriers and tensor memory for all.
    fn begin(&self, warp: Value<'k, u32>) {
        let Self { k, gemm, .. } = *self;
        k.if_(k.thread_index().x.eq(0), || {
            self.ring.init(1);
            self.accumulators.init(gemm.group.blocks() * COPIES);
        });
        if gemm.group == CtaGroup::Two {
            // Pairs allocate together: both blocks must have begun.
            k.cluster_barrier_relaxed();
        }
        k.if_(warp.eq(MULTIPLIES), || self.tensor.allocate(k));
        k.fence_tensor_before_sync();
        self.barrier();
        k.fence_tensor_after_sync();
    }

    /// Gives back tensor memory when nobody of the group uses it any more.
    fn end(&self, warp: Value<'k, u32>) {
        let k = self.k;
        k.fence_tensor_before_sync();
        self.barrier();
        k.if_(warp.eq(MULTIPLIES), || {
            k.fence_tensor_after_sync();
            self.tensor.free(k);
        });
    }

    fn barrier(&self) {
        match self.gemm.group {
            CtaGroup::One => self.k.barrier(),
            CtaGroup::Two => self.k.cluster_barrier(),
        }
    }

    /// Calls `body` with the first row and column of each tile of the group.
    fn for_each_tile(&self, body: impl FnOnce([Value<'k, u32>; 2])) {
        let Self { k, gemm, row_tiles, .. } = *self;
        let blocks = gemm.group.blocks();
        k.for_range(k.block_index().x / blocks, self.tiles, k.grid_dim().x / blocks, |tile| {
            body([tile % row_tiles * gemm.tile_m(), tile / row_tiles * gemm.tile_n]);
        });
    }

    /// Copies this block's rows of A and columns of B.
    fn copy(&self, a: TensorMap<'k, 2>, b: TensorMap<'k, 2>) {
        let Self { k, gemm, rank, .. } = *self;
        let receivers = match gemm.group {
            CtaGroup::One => Receivers::Block,
            CtaGroup::Two => Receivers::Pair,
        };
        let mut turn = self.ring.first_fill(k);
        self.for_each_tile(|[row, column]| {
            let row = row + rank * TENSOR_LANES;
            let column = column + rank * gemm.copied_columns();
            k.for_range(0, self.steps, 1, |step| {
                let depth = step * gemm.tile_k;
                self.ring.fill(&mut turn, |slot, full| {
                    let slot = self.memory.byte_add(slot * gemm.slot_bytes());
                    let copy = |map: TensorMap<'k, 2>, layout, place: u32, first| {
                        let tile = slot.byte_offset(place.into());
                        for_panels(gemm.dtype, layout, first, |at, panel| {
                            map.load(at, tile.byte_offset(panel), full, receivers, None);
                        });
                    };
                    copy(a, gemm.a(), 0, [depth, row]);
                    let first = match gemm.b_major {
                        Major::Depth => [depth, column],
                        Major::Columns => [column, depth],
                    };
                    copy(b, gemm.b(), gemm.a().bytes(), first);
                });
            });
        });
    }

    /// Issues the group's products.
    fn multiply(&self, accumulator: TensorAddress<'k>) {
        let Self { k, gemm, .. } = *self;
        let product = gemm.product();
        let mut reads = self.ring.first_read(k);
        let mut writes = self.accumulators.first_fill(k);
        self.for_each_tile(|_| {
            let sum = self.accumulators.claim(&mut writes);
            k.fence_tensor_after_sync();
            let d = accumulator.add_columns(sum.slot() * gemm.tile_n);
            let mut accumulates = k.variable(false);
            k.for_range(0, self.steps, 1, |_| {
                let slot = self.ring.take(&mut reads);
                self.ring.wait_for(&slot);
                k.fence_tensor_after_sync();
                let (a, b) = self.operands(slot.slot());
                product.begin(k, d, &a, &b, accumulates.get());
                accumulates.set(true);
                self.commit(self.ring.empty(&slot));
            });
            self.commit(self.accumulators.full(&sum));
        });
    }

    /// Arrives at an mbarrier of every block of the group when what was issued so far is complete.
    fn commit(&self, barrier: Mbarrier<'k>) {
        const BOTH: u16 = 0b11;
        match self.gemm.group {
            group @ CtaGroup::One => self.k.commit_tensor_products(group, barrier),
            group @ CtaGroup::Two => self.k.commit_tensor_products_to(group, barrier, BOTH),
        }
    }

    /// A and B in a slot, by depth step.
    fn operands(&self, slot: Value<'k, u32>) -> (Vec<TensorOperand<'k>>, Vec<Descriptor<'k>>) {
        let gemm = self.gemm;
        let tile = |place: u32, layout| {
            let first = self.memory.byte_offset(place.into());
            Descriptor::for_tensor_memory(first, layout).element(slot, gemm.slot_bytes())
        };
        let a = tile(0, gemm.a()).steps_along_rows(gemm.a());
        let b = tile(gemm.a().bytes(), gemm.b());
        let b = match gemm.b_major {
            Major::Depth => b.steps_along_rows(gemm.b()),
            Major::Columns => b.steps_across_rows(gemm.b(), gemm.dtype.bytes()),
        };
        (a.into_iter().map(|step| TensorOperand::Shared(step.value())).collect(), b)
    }

    /// Writes this block's rows of C, of which a thread has one at a time, through shared memory.
    fn store(&self, c: TensorMap<'k, 2>, accumulator: TensorAddress<'k>, warp: Value<'k, u32>) {
        let Self { k, gemm, .. } = *self;
        let dtype = gemm.dtype.output();
        let tile = self.memory.byte_offset(gemm.c_at().into());
        let thread_row = PanelRow::new(tile, gemm.c(), dtype, k.thread_index().x);
        let own = accumulator.add_lanes(warp * 32_u32);
        let together: NamedBarrier<'k> = k.named_barrier(k.constant(1), WARPGROUP);
        let mut reads = self.accumulators.first_read(k);
        self.for_each_tile(|[row, column]| {
            let sum = self.accumulators.take(&mut reads);
            self.accumulators.wait_for(&sum);
            k.fence_tensor_after_sync();
            let own = own.add_columns(sum.slot() * gemm.tile_n);
            for first in (0..gemm.tile_n).step_by(COLUMNS as usize) {
                let numbers = own.column(first).load(COLUMNS);
                k.wait_for_tensor_loads();
                thread_row.store(first, &numbers);
            }
            k.fence_tensor_before_sync();
            k.if_(k.elect(), || {
                let empty = self.accumulators.empty(&sum);
                match gemm.group {
                    CtaGroup::One => empty.arrive(),
                    CtaGroup::Two => empty.arrive_at(k.constant(0)),
                }
            });
            k.fence_shared_for_async();
            together.wait();
            k.if_(k.thread_index().x.eq(0), || {
                let first = [column, row + self.rank * TENSOR_LANES];
                for_panels(dtype, gemm.c(), first, |at, panel| {
                    c.store(at, tile.byte_offset(panel));
                });
                k.commit_stores();
                k.wait_for_store_sources();
            });
            together.wait();
        });
    }
}
