use super::layout::{CHUNK, SharedLayout};
use crate::dsl::{Builder, Global, Pointer, Shared, Value};

/// How the threads of a block copy a tile from global memory to a [`SharedLayout`], 16 bytes a
/// thread and copy.
///
/// Neighbouring threads copy neighbouring chunks of a row, up to 128 bytes; the block covers as
/// many rows as it can in one pass.
#[derive(Clone, Debug)]
pub struct TileCopy<'k> {
    layout: SharedLayout,
    rows_of_a_pass: u32,
    width: u32,
    row: Value<'k, u32>,
    chunk: Value<'k, u32>,
    destination: Pointer<'k, u32, Shared>,
}

/// Which part of a tile is copied.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'k> {
    /// All of it.
    All,
    /// All of it or, where the predicate does not hold, nothing.
    AllIf(Value<'k, bool>),
    /// The rows below this number; the others are not read but filled with zeros.
    Rows(Value<'k, i32>),
}

/// Rows that `threads` threads copy at once, where a row has `row_bytes` bytes.
pub const fn rows_of_a_pass(threads: u32, row_bytes: u32) -> u32 {
    threads / width(row_bytes)
}

/// Neighbouring threads on one row: the largest power of two that divides its chunks, up to 8.
const fn width(row_bytes: u32) -> u32 {
    let chunks = row_bytes / CHUNK;
    let power = chunks & chunks.wrapping_neg();
    if power < 8 { power } else { 8 }
}

impl<'k> TileCopy<'k> {
    /// A copy by `threads` threads to tiles in `memory`. The rows of the layout are a multiple of
    /// [`rows_of_a_pass`], and those a multiple of the swizzle's period.
    pub fn new(
        k: &'k Builder,
        memory: Pointer<'k, u32, Shared>,
        layout: SharedLayout,
        threads: u32,
    ) -> Self {
        let width = width(layout.row_bytes());
        let rows_of_a_pass = threads / width;
        debug_assert!(layout.rows().is_multiple_of(rows_of_a_pass));
        debug_assert!(rows_of_a_pass.is_multiple_of(layout.swizzle().period()));
        let thread = k.thread_index().x;
        let (row, chunk) = (thread / width, thread % width);
        let swizzle = layout.swizzle();
        let moved = chunk ^ ((row >> swizzle.shift) & ((1 << swizzle.bits) - 1));
        let destination = memory.byte_add(row * layout.row_bytes() + moved * CHUNK);
        Self { layout, rows_of_a_pass, width, row, chunk, destination }
    }

    /// The copy to tiles that lie `bytes` further on.
    pub fn shifted(&self, bytes: Value<'k, u32>) -> Self {
        Self { destination: self.destination.byte_add(bytes), ..self.clone() }
    }

    /// Begins to copy the tile `before` bytes behind `source`, whose rows are `row_stride` bytes
    /// apart, to the one at `tile` bytes. The source tile spans less than 2³² bytes.
    pub fn start<T: crate::dsl::Scalar>(
        &self,
        tile: u32,
        source: Pointer<'k, T, Global>,
        before: Value<'k, u64>,
        row_stride: Value<'k, u32>,
        wanted: Wanted<'k>,
    ) {
        let k = row_stride.builder();
        let pass_stride = row_stride.multiply_wide(self.rows_of_a_pass);
        let own = self.row * row_stride + self.chunk * CHUNK;
        let mut source = source.byte_add(before + own.widen());
        for pass in 0..self.layout.rows() / self.rows_of_a_pass {
            let first_row = pass * self.rows_of_a_pass;
            let valid = match wanted {
                Wanted::Rows(rows) => {
                    let row = self.row.as_signed() + first_row as i32;
                    Some(row.lt(rows).select(CHUNK, 0))
                }
                Wanted::All | Wanted::AllIf(_) => None,
            };
            let offset = tile + first_row * self.layout.row_bytes();
            let destination = self.destination.byte_offset(offset.into());
            for group in 0..self.layout.chunks() / self.width {
                let along = i64::from(group * self.width * CHUNK);
                let (to, from) = (destination.byte_offset(along), source.byte_offset(along));
                match wanted {
                    Wanted::AllIf(condition) => k.guarded(condition, || to.copy_async(from, None)),
                    Wanted::All | Wanted::Rows(_) => to.copy_async(from, valid),
                }
            }
            source = source.byte_add(pass_stride);
        }
    }
}
