use tilewright::attention::DataType;
use tilewright::dsl::{
    self, Major, OperandA, Pointer, Receivers, Shared, TensorMap, Value, WARPGROUP, WARPGROUP_ROWS,
};
use tilewright::gpu::Target;
use tilewright::ptx::tree::Module;
use tilewright::tile::{
    Accumulator, Descriptor, PanelLayout, SlotRing, Steps, Turn, WarpgroupTile,
};

use super::panels::for_panels;

/// Tiles of [`hopper_gemm`].
#[derive(Clone, Copy, Debug)]
pub struct HopperGemm {
    /// Type of A, B and C.
    pub dtype: DataType,
    /// Warpgroups that multiply, each of them 64 rows.
    pub consumers: u32,
    /// Columns of C of a block.
    pub tile_n: u32,
    /// Depth of a step.
    pub tile_k: u32,
    /// Steps in shared memory at once.
    pub stages: u32,
    /// Blocks of a cluster, which read B for each other.
    pub cluster: u32,
}

impl HopperGemm {
    fn layout(&self, rows: u32, columns: u32) -> PanelLayout {
        let layout = PanelLayout::new(rows, columns * self.dtype.bytes());
        layout.expect("tiles are multiples of 16")
    }

    fn a(&self) -> PanelLayout {
        self.layout(self.tile_m(), self.tile_k)
    }

    fn b(&self) -> PanelLayout {
        self.layout(self.tile_k, self.tile_n)
    }

    /// A consumer's part of C.
    fn c(&self) -> PanelLayout {
        self.layout(WARPGROUP_ROWS, self.tile_n)
    }

    /// Rows of C of a block.
    pub fn tile_m(&self) -> u32 {
        self.consumers * WARPGROUP_ROWS
    }

    /// Threads of a block.
    pub fn threads(&self) -> u32 {
        (self.consumers + 1) * WARPGROUP
    }

    /// Boxes of A, B and C: columns, rows.
    pub fn boxes(&self) -> [[u32; 2]; 3] {
        let columns = |layout: PanelLayout| layout.width() / self.dtype.bytes();
        [
            [columns(self.a()), self.tile_m()],
            [columns(self.b()), self.tile_k / self.cluster],
            [columns(self.c()), WARPGROUP_ROWS],
        ]
    }

    fn slot_bytes(&self) -> u32 {
        self.a().bytes() + self.b().bytes()
    }

    fn c_at(&self) -> u32 {
        self.stages * self.slot_bytes()
    }

    fn barriers_at(&self) -> u32 {
        self.c_at() + self.consumers * self.c().bytes()
    }

    /// Bytes of dynamic shared memory.
    pub fn shared(&self) -> u32 {
        self.barriers_at() + SlotRing::barrier_bytes(self.stages)
    }
}

/// C = A·B with A m×k, B k×n and C m×n, all by rows and as tensor maps `[columns, rows]`; blocks
/// have C's row tiles along x and its column tiles along y. m, n and k need not be multiples of the
/// tiles, but there is a multiple of `cluster` of row tiles.
pub fn hopper_gemm(target: Target, gemm: HopperGemm) -> Module {
    dsl::kernel("gemm", target, |k| {
        k.require_threads(gemm.threads());
        k.min_blocks_per_multiprocessor(1);
        if gemm.cluster > 1 {
            k.require_cluster(gemm.cluster);
        }
        let [a, b, c] = ["a", "b", "c"].map(|name| k.tensor_map_parameter::<2>(name));
        let depth = k.parameter::<u32>("k");
        let steps = (depth + (gemm.tile_k - 1)) / gemm.tile_k;
        let memory = k.dynamic_shared_aligned(PanelLayout::ALIGN);
        let barriers = memory.byte_offset(gemm.barriers_at().into()).cast();
        let ring = SlotRing::new(barriers, gemm.stages, gemm.slot_bytes(), gemm.cluster);
        k.if_(k.thread_index().x.eq(0), || {
            ring.init(gemm.consumers);
            if gemm.cluster > 1 {
                k.fence_mbarrier_init();
            }
        });
        match gemm.cluster {
            1 => k.barrier(),
            _ => k.cluster_barrier_relaxed(),
        }
        let at = |bytes: u32| memory.byte_offset(bytes.into());
        let block = k.block_index();
        let (row, column) = (block.x * gemm.tile_m(), block.y * gemm.tile_n);
        let warpgroup = (k.thread_index().x / WARPGROUP).of_first_lane();

        let copies = || {
            let warp = (k.thread_index().x / 32).of_first_lane();
            k.if_(warp.eq(0), || {
                k.if_(k.elect(), || {
                    let rank = if gemm.cluster == 1 { k.constant(0) } else { k.cluster_rank() };
                    let mut turn = ring.first_fill(k);
                    k.for_range(0, steps, 1, |step| {
                        let depth = step * gemm.tile_k;
                        ring.fill(&mut turn, |slot, full| {
                            let slot = at(0).byte_add(slot * gemm.slot_bytes());
                            let copy = |map: TensorMap<'_, 2>, layout, bytes, first, to| {
                                let slot = slot.byte_add(bytes);
                                for_panels(gemm.dtype, layout, first, |at, place| {
                                    map.load(at, slot.byte_offset(place), full, to, None);
                                });
                            };
                            copy(a, gemm.a(), k.constant(0), [depth, row], Receivers::Block);
                            let rows = rank * (gemm.tile_k / gemm.cluster);
                            let to = match gemm.cluster {
                                1 => Receivers::Block,
                                blocks => Receivers::Cluster(k.constant((1 << blocks) - 1)),
                            };
                            let place = rows * gemm.b().width() + gemm.a().bytes();
                            copy(b, gemm.b(), place, [column, depth + rows], to);
                        });
                    });
                });
            });
        };

        let multiplies = || {
            let consumer = warpgroup - 1;
            let is_first_thread = (k.thread_index().x % WARPGROUP).eq(0);
            let mut turn = ring.first_read(k);
            let mut sum = Accumulator::zeros(k, 1, gemm.tile_n / 8);
            k.fence_products();
            k.for_range(0, steps, 1, |_| {
                ring.wait(&turn);
                let operands = operands(gemm, at(0), consumer, &turn);
                sum.begin_adding((gemm.dtype, gemm.dtype), &operands).wait(k);
                ring.free(&mut turn, is_first_thread);
            });
            let own = at(gemm.c_at()).byte_add(consumer * gemm.c().bytes());
            let pieces = sum.product().into_a(gemm.dtype).concat();
            WarpgroupTile::new(k, own, gemm.c()).store(&pieces);
            k.fence_shared_for_async();
            k.named_barrier(consumer + 1, WARPGROUP).wait();
            k.if_(is_first_thread, || {
                let first = [column, row + consumer * WARPGROUP_ROWS];
                for_panels(gemm.dtype, gemm.c(), first, |at, place| {
                    c.store(at, own.byte_offset(place));
                });
                k.commit_stores();
                k.wait_for_store_sources();
            });
        };
        k.if_else(warpgroup.eq(0), copies, multiplies);
        if gemm.cluster > 1 {
            k.cluster_barrier();
        }
    })
}

/// A consumer's rows of A, and B, of the slot of this turn.
fn operands<'k>(
    gemm: HopperGemm,
    memory: Pointer<'k, u32, Shared>,
    consumer: Value<'k, u32>,
    turn: &Turn<'k>,
) -> Steps<'k> {
    let tile = |at: u32, layout| {
        let first = Descriptor::new(memory.byte_offset(at.into()), layout);
        first.element(turn.slot(), gemm.slot_bytes())
    };
    let (a, b) = (gemm.a(), gemm.b());
    let rows = tile(0, a).element(consumer, WARPGROUP_ROWS * a.width());
    let columns = tile(a.bytes(), b);
    Steps {
        a: rows.steps_along_rows(a).iter().map(|step| OperandA::Shared(step.value())).collect(),
        b: columns.steps_across_rows(b, gemm.dtype.bytes()),
        major: Major::Columns,
    }
}
