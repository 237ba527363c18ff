use super::memory::Memory;
use super::shape::Shape;
use crate::attention::DataType;
use crate::dsl::{Builder, Pointer, Shared, Value, WARPGROUP};
use crate::tile::{CHUNK, PanelLayout};

/// A thread's row of an output tile in shared memory.
#[derive(Debug)]
pub(super) struct OutputRow<'k> {
    dtype: DataType,
    layout: PanelLayout,
    /// Where each chunk of the row's part of a panel lies, in the first panel.
    chunks: Vec<Pointer<'k, u32, Shared>>,
}

impl<'k> OutputRow<'k> {
    pub(super) fn new(k: &'k Builder, shape: &Shape, memory: &Memory<'k>, tile: u32) -> Self {
        let layout = shape.plan.output;
        let row = k.thread_index().x % WARPGROUP;
        let own = memory.at(shape.plan.outputs_at() + tile * shape.plan.output_stride());
        let own = own.byte_add(row * layout.width());
        let swizzle = layout.panel().swizzle();
        let moved = (row >> swizzle.shift) & ((1 << swizzle.bits) - 1);
        let chunk = |chunk| own.byte_add((moved ^ chunk) * CHUNK);
        let chunks = (0..layout.width() / CHUNK).map(chunk).collect();
        Self { dtype: shape.dtype.output(), layout, chunks }
    }

    /// Rounds and writes numbers from column `column` on, in whole chunks.
    pub(super) fn store(&self, column: u32, numbers: &[Value<'k, f32>]) {
        let of_chunk = CHUNK / self.dtype.bytes();
        for (chunk, numbers) in (column / of_chunk..).zip(numbers.chunks_exact(of_chunk as usize)) {
            let words: [Value<'k, u32>; 4] =
                std::array::from_fn(|i| numbers[2 * i].pack(numbers[2 * i + 1], self.dtype));
            let of_panel = self.layout.panel().chunks();
            let panel = chunk / of_panel * self.layout.panel().bytes();
            let place = self.chunks[(chunk % of_panel) as usize].byte_offset(panel.into());
            place.store_vector(words);
        }
    }
}
