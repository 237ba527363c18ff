//! The forward kernel: one query tile against all the key tiles that it sees.

use super::block::Block;
use super::epilogue::store_output;
use super::shape::{Arguments, Shape};
use super::stream::{ArrivedTile, KeyValueStream};
use crate::attention::MaskKind;
use crate::attention::softmax::OnlineSoftmax;
use crate::dsl::{Builder, FragmentA, Pointer, Shared, Value};
use crate::tile::{Accumulator, MatrixOrder, MatrixReader, Product, TileCopy, Wanted};

/// The body of the kernel.
pub(super) fn forward(k: &Builder, shape: &Shape) {
    k.require_threads(shape.resources.threads);
    let block = Block::new(k, Arguments::declare(k, shape), shape);
    let scale_log2 = block.arguments.softmax_scale * std::f32::consts::LOG2_E;
    let config = &shape.config;
    let mut output = Accumulator::zeros(k, shape.row_steps(), shape.head_dim_v / 8);
    let mut softmax = OnlineSoftmax::new(
        k,
        shape.dtype,
        shape.row_steps(),
        scale_log2,
        config.row_sum,
        config.rescale,
    );
    let tiles = block.tiles;
    k.if_(tiles.end.gt(tiles.begin), || {
        let memory = k.dynamic_shared();
        let mut stream = KeyValueStream::new(k, &block, shape, memory);
        let mut tile = k.variable(tiles.end - 1);
        let query = Query::load(k, &block, shape, memory, &mut stream);

        let mut run = |masked: bool, bound: Value<'_, i32>| {
            k.while_(tile.get().ge(bound), || {
                let now = tile.get();
                let scores = query.scores(k, shape, stream.keys(now, masked));
                let values = stream.values(now);
                let scores = if masked { block.mask(scores, now, shape) } else { scores };
                let probabilities = softmax.update(scores, masked, &mut output);
                accumulate(&mut output, shape, &probabilities, values);
                tile -= 1;
                tile.get().ge(bound)
            });
        };
        if config.split_masked_loop {
            run(true, tiles.full_end.max(tiles.begin));
            run(false, tiles.full_begin.max(tiles.begin));
        }
        if !config.split_masked_loop || shape.mask == MaskKind::Window {
            run(true, tiles.begin);
        }
    });
    store_output(k, &block, shape, output, softmax.finish());
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
        copy.start(0, copy.source(tile, row_stride), row_stride, rows);

        let warp = k.thread_index().x / 32;
        let reader = MatrixReader::new(
            k,
            MatrixOrder::ColumnsFirst,
            memory,
            layout,
            warp * shape.warp_rows(),
        );
        if !shape.config.q_in_registers {
            // Q belongs to the first group of the stream, which the loop waits for.
            stream.start(first_tile);
            return Self::Shared(reader);
        }
        k.commit_copies();
        if !shape.config.share_q_k {
            stream.start(first_tile);
            k.wait_copies(stream.groups_at_start());
        } else {
            k.wait_copies(0);
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
