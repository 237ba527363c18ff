//! The forward kernel: one query tile against all the key tiles that it sees.

use super::Rescale;
use super::block::Block;
use super::epilogue::store_output;
use super::shape::{Arguments, Shape};
use super::stream::{ArrivedTile, KeyValueStream};
use crate::attention::MaskKind;
use crate::attention::softmax::OnlineSoftmax;
use crate::dsl::{Builder, FragmentA, Pointer, Shared, Value, Variable};
use crate::tile::{Accumulator, MatrixOrder, MatrixReader, Product, TileCopy, Wanted};

/// The body of the kernel.
pub(super) fn forward(k: &Builder, shape: &Shape) {
    k.require_threads(shape.resources.threads);
    k.limit_registers(shape.register_limit);
    let block = Block::new(k, Arguments::declare(k, shape), shape);
    let mut output = Accumulator::zeros(k, shape.row_steps(), shape.head_dim_v / 8);
    let scale_log2 = block.arguments.softmax_scale * std::f32::consts::LOG2_E;
    let mut softmax =
        OnlineSoftmax::new(k, shape.dtype, shape.row_steps(), scale_log2, shape.config.rescale, 0);
    let tiles = block.tiles;
    k.if_(tiles.end.gt(tiles.begin), || {
        let memory = k.dynamic_shared();
        let mut stream = KeyValueStream::new(k, &block, shape, memory);
        let query = Query::load(k, &block, shape, memory, &mut stream);
        let tile = k.variable(tiles.end - 1);
        let (output, softmax) = (&mut output, &mut softmax);
        let mut tile_loop = TileLoop { k, block, shape, query, stream, tile, output, softmax };
        if shape.config.split_masked_loop {
            tile_loop.masked(tiles.full_end.max(tiles.begin));
            match shape.config.rescale {
                Rescale::Speculative => tile_loop.speculative(tiles.full_begin.max(tiles.begin)),
                _ => tile_loop.unmasked(tiles.full_begin.max(tiles.begin)),
            }
        }
        if !shape.config.split_masked_loop || shape.mask == MaskKind::Window {
            tile_loop.masked(tiles.begin);
        }
    });
    store_output(k, &block, shape, output, softmax.finish());
}

/// What the loops over key tiles work on. Each takes the tiles from where the one before it ended
/// down to its bound.
struct TileLoop<'a, 'k> {
    k: &'k Builder,
    block: Block<'k>,
    shape: &'a Shape,
    query: Query<'k>,
    stream: KeyValueStream<'k>,
    tile: Variable<'k, i32>,
    output: &'a mut Accumulator<'k>,
    softmax: &'a mut OnlineSoftmax<'k>,
}

impl<'k> TileLoop<'_, 'k> {
    /// Tiles of which some rows see only a part.
    fn masked(&mut self, bound: Value<'k, i32>) {
        self.k.while_(self.tile.get().ge(bound), || {
            let tile = self.tile.get();
            self.stream.wait_for_keys(tile, true);
            let scores = self.block.mask(self.scores(), tile, self.shape);
            let probabilities = self.softmax.update(scores, true, self.output);
            self.accumulate(probabilities);
            self.tile.get().ge(bound)
        });
    }

    /// Tiles that all rows see in full.
    fn unmasked(&mut self, bound: Value<'k, i32>) {
        self.k.while_(self.tile.get().ge(bound), || {
            self.stream.wait_for_keys(self.tile.get(), false);
            let probabilities = self.softmax.update(self.scores(), false, self.output);
            self.accumulate(probabilities);
            self.tile.get().ge(bound)
        });
    }

    /// The same without maxima, in an inner loop. The outer loop is for the first tile, and for
    /// those whose exponentials turn out too large: it does them with the maximum.
    fn speculative(&mut self, bound: Value<'k, i32>) {
        self.k.if_(self.tile.get().ge(bound), || {
            self.stream.wait_for_keys(self.tile.get(), false);
            self.k.repeat(|with_maximum| {
                let probabilities = self.softmax.update(self.scores(), false, self.output);
                self.accumulate(probabilities);
                self.k.while_(self.tile.get().ge(bound), || {
                    self.stream.wait_for_keys(self.tile.get(), false);
                    let (exponentials, sums) = self.softmax.guess(self.scores());
                    let probabilities = exponentials.into_a(self.shape.dtype);
                    with_maximum.again_unless(self.k.all_in_warp(sums.fit()));
                    self.softmax.add(&sums);
                    self.accumulate(probabilities);
                    self.tile.get().ge(bound)
                });
            });
        });
    }

    /// Q·Kᵀ for the keys that have arrived.
    fn scores(&self) -> Product<'k> {
        self.query.scores(self.k, self.shape, self.stream.keys())
    }

    /// Waits for the values, adds P·V to the output, and turns to the next tile.
    fn accumulate(&mut self, probabilities: Vec<Vec<FragmentA<'k>>>) {
        self.stream.wait_for_values(self.tile.get());
        accumulate(self.output, self.shape, &probabilities, self.stream.values());
        self.tile -= 1;
    }
}

/// Adds P·V to the output.
fn accumulate<'k>(
    output: &mut Accumulator<'k>,
    shape: &Shape,
    probabilities: &[Vec<FragmentA<'k>>],
    values: ArrivedTile<'k>,
) {
    for step in 0..shape.config.tile_n / 16 {
        for pair in 0..shape.head_dim_v / 16 {
            for (half, b) in values.b(step, pair).into_iter().enumerate() {
                for (row_step, a) in probabilities.iter().enumerate() {
                    let at = (row_step as u32, 2 * pair + half as u32);
                    output.multiply_add(shape.dtype, at, a[step as usize], b);
                }
            }
        }
    }
}

/// A warp's rows of Q.
#[derive(Debug)]
enum Query<'k> {
    /// Read from shared memory for every key tile.
    Shared(MatrixReader<'k>),
    /// Held as A operands, by depth step and row step.
    Registers(Vec<Vec<FragmentA<'k>>>),
}

impl<'k> Query<'k> {
    /// Copies the query tile, and starts the stream of keys and values as early as memory allows.
    fn load(
        k: &'k Builder,
        block: &Block<'k>,
        shape: &Shape,
        memory: Pointer<'k, u32, Shared>,
        stream: &mut KeyValueStream<'k>,
    ) -> Self {
        let first_tile = block.tiles.end - 1;
        let layout = shape.query_layout();
        let row_stride = block.arguments.heads * layout.row_bytes();
        let copy = TileCopy::new(k, memory, layout, shape.resources.threads);
        let tile = block.row(
            block.arguments.query,
            block.arguments.seqlen_q,
            block.first_row,
            block.head,
            (layout.row_bytes(), row_stride),
        );
        let rows = Wanted::Rows(block.arguments.seqlen_q - block.first_row);
        copy.start(0, tile, k.constant(0), row_stride, rows);

        let warp = k.thread_index().x / 32;
        let reader = MatrixReader::new(
            k,
            MatrixOrder::ColumnsFirst,
            memory,
            layout,
            warp * shape.warp_rows(),
        );
        if !shape.config.q_in_registers {
            // The loop waits for Q with the first keys.
            stream.start(first_tile);
            return Self::Shared(reader);
        }
        if shape.config.share_q_k {
            k.wait_all_copies();
        } else {
            k.commit_copies();
            stream.start(first_tile);
            k.wait_copies(stream.groups_at_start());
        }
        k.barrier();
        let steps = 0..shape.head_dim / 16;
        let operands = steps.map(|step| operands(&reader, shape, step)).collect();
        if shape.config.share_q_k {
            k.barrier();
            stream.start(first_tile);
        }
        Self::Registers(operands)
    }

    /// Q·Kᵀ for a key tile.
    fn scores(&self, k: &'k Builder, shape: &Shape, keys: ArrivedTile<'k>) -> Product<'k> {
        let size = [shape.row_steps(), shape.config.tile_n / 8, shape.head_dim / 16];
        let query = |step: u32| match self {
            Self::Shared(reader) => operands(reader, shape, step),
            Self::Registers(operands) => operands[step as usize].clone(),
        };
        Product::new(k, shape.dtype, size, query, |step, pair| keys.b_transposed(pair, step))
    }
}

/// The A operands of a depth step, by row step.
fn operands<'k>(reader: &MatrixReader<'k>, shape: &Shape, step: u32) -> Vec<FragmentA<'k>> {
    (0..shape.row_steps()).map(|row_step| reader.a(0, row_step, step)).collect()
}
