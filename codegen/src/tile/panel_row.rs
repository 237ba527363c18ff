use super::layout::CHUNK;
use super::panels::PanelLayout;
use crate::attention::DataType;
use crate::dsl::{Pointer, Shared, Value};

/// A row of a tile in shared memory that one thread writes, as TMA reads it from there: of a row of
/// numbers in tensor memory a thread has all.
#[derive(Clone, Debug)]
pub struct PanelRow<'k> {
    dtype: DataType,
    layout: PanelLayout,
    /// Where each chunk of the row's part of a panel lies, in the first panel.
    chunks: Vec<Pointer<'k, u32, Shared>>,
}

impl<'k> PanelRow<'k> {
    /// Row `row` of the tile of `dtype`, of two bytes, at `tile`, aligned to [`PanelLayout::ALIGN`].
    pub fn new(
        tile: Pointer<'k, u32, Shared>,
        layout: PanelLayout,
        dtype: DataType,
        row: Value<'k, u32>,
    ) -> Self {
        let own = tile.byte_add(row * layout.width());
        let swizzle = layout.panel().swizzle();
        let moved = (row >> swizzle.shift) & ((1 << swizzle.bits) - 1);
        let chunk = |chunk| own.byte_add((moved ^ chunk) * CHUNK);
        let chunks = (0..layout.width() / CHUNK).map(chunk).collect();
        Self { dtype, layout, chunks }
    }

    /// Rounds and writes numbers from column `column` on, in whole chunks of 16 bytes.
    pub fn store(&self, column: u32, numbers: &[Value<'k, f32>]) {
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
