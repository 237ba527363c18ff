use tilewright::attention::DataType;
use tilewright::dsl::{self, Builder, Global, Pointer, Value};
use tilewright::gpu::Target;
use tilewright::ptx::tree::Module;
use tilewright::tile::{
    Accumulator, CopyRing, MatrixOrder, MatrixReader, SharedLayout, TileCopy, Wanted,
};

/// Tiles of [`gemm`].
#[derive(Clone, Copy, Debug)]
pub struct Gemm {
    /// Type of A and B.
    pub dtype: DataType,
    /// Rows of C of a block, 16 or 32 for each warp.
    pub tile_m: u32,
    /// Columns of C of a block.
    pub tile_n: u32,
    /// Depth of a step.
    pub tile_k: u32,
    /// Warps of a block.
    pub warps: u32,
    /// Steps in shared memory at once.
    pub stages: u32,
}

impl Gemm {
    fn a(&self) -> SharedLayout {
        SharedLayout::new(self.tile_m, self.tile_k * 2).expect("tile_k is a multiple of 8")
    }

    fn b(&self) -> SharedLayout {
        SharedLayout::new(self.tile_k, self.tile_n * 2).expect("tile_n is a multiple of 8")
    }

    /// Bytes of dynamic shared memory.
    pub fn shared(&self) -> u32 {
        self.stages * (self.a().bytes() + self.b().bytes())
    }
}

/// C = A·B with A m×k, B k×n and C m×n in f32, all by rows; m, n and k are multiples of the tiles.
pub fn gemm(target: Target, gemm: Gemm) -> Module {
    dsl::kernel("gemm", target, |k| {
        let threads = gemm.warps * 32;
        k.require_threads(threads);
        let n = k.parameter::<u32>("n");
        let depth = k.parameter::<u32>("k");
        let a = k.pointer_parameter::<u16>("a");
        let b = k.pointer_parameter::<u16>("b");
        let c = k.pointer_parameter::<f32>("c");
        let block = k.block_index();
        let (row, column) = (block.y * gemm.tile_m, block.x * gemm.tile_n);
        let warp_rows = gemm.tile_m / gemm.warps;
        let warp_row = k.thread_index().x / 32 * warp_rows;

        let memory = k.dynamic_shared();
        let (a_layout, b_layout) = (gemm.a(), gemm.b());
        let b_at = a_layout.bytes();
        let a_copy = TileCopy::new(k, memory, a_layout, threads);
        let b_copy = TileCopy::new(k, memory, b_layout, threads);
        let (a_stride, b_stride) = (depth * 2, n * 2);
        let a = a.byte_add(row.multiply_wide(a_stride));
        let b = b.element(column);
        let copy = |place: Value<'_, u32>, step: Value<'_, u32>, wanted| {
            let a_before = step.multiply_wide(2 * gemm.tile_k);
            let b_before = step.multiply_wide(b_stride * gemm.tile_k);
            a_copy.shifted(place).start(0, a, a_before, a_stride, wanted);
            b_copy.shifted(place).start(b_at, b, b_before, b_stride, wanted);
        };
        let steps = depth / gemm.tile_k;
        let mut ring =
            CopyRing::fill(k, gemm.stages, gemm.a().bytes() + gemm.b().bytes(), |at, i| {
                copy(k.constant(at), k.constant(i), Wanted::AllIf(steps.gt(i)));
            });

        let a_reader = MatrixReader::new(k, MatrixOrder::ColumnsFirst, memory, a_layout, warp_row);
        let b_reader =
            MatrixReader::new(k, MatrixOrder::ColumnsFirst, memory, b_layout, k.constant(0));
        let mut sum = Accumulator::zeros(k, warp_rows / 16, gemm.tile_n / 8);
        k.for_range(0, steps, 1, |step| {
            let ahead = step + (gemm.stages - 1);
            ring.advance(|place| copy(place, ahead, Wanted::AllIf(ahead.lt(steps))));
            let (a, b) = (a_reader.shifted(ring.current()), b_reader.shifted(ring.current()));
            for depth in 0..gemm.tile_k / 16 {
                for row in 0..warp_rows / 16 {
                    let operand = a.a(0, row, depth);
                    for pair in 0..gemm.tile_n / 16 {
                        for (half, b) in b.b(b_at, depth, pair).into_iter().enumerate() {
                            let at = (row, 2 * pair + half as u32);
                            sum.multiply_add(gemm.dtype, at, operand, b);
                        }
                    }
                }
            }
        });
        store(k, gemm, &sum, c.element(column), row + warp_row, n);
    })
}

fn store<'k>(
    k: &'k Builder,
    gemm: Gemm,
    sum: &Accumulator<'k>,
    c: Pointer<'k, f32, Global>,
    first_row: Value<'k, u32>,
    n: Value<'k, u32>,
) {
    let lane = k.thread_index().x % 32;
    for row_step in 0..gemm.tile_m / gemm.warps / 16 {
        for column_step in 0..gemm.tile_n / 8 {
            let [a, b, c_low, d] = sum.fragment(row_step, column_step);
            for (half, pair) in [[a, b], [c_low, d]].into_iter().enumerate() {
                let row = first_row + lane / 4 + (16 * row_step + 8 * half as u32);
                let row = c.byte_add(row.multiply_wide(n * 4_u32));
                let column = (lane % 4 * 2_u32).multiply_wide(4);
                row.byte_add(column).byte_offset(i64::from(column_step) * 32).store_vector(pair);
            }
        }
    }
}
