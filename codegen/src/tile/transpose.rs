use thiserror::Error;

use super::layout::CHUNK;
use super::panels::PanelLayout;
use crate::dsl::{Pointer, Scalar, Shared, Value, WARPGROUP};

/// Transposes tiles of bytes in shared memory: `wgmma` takes 8-bit operands only along their depth,
/// and the depth of P·V are the keys, which are V's rows.
///
/// A warpgroup does it in blocks of 32 rows and 16 columns, with one `ldmatrix` and one `stmatrix`
/// each. `ldmatrix.trans` moves pairs of bytes, so that what lies together afterwards are rows 2q
/// and 2q + 1, and columns come apart in even and odd ones. Both orders are left as they come:
///
/// - row [`row_at`](Self::row_at)(p) of the source is at byte p of a row of the result. The
///   accumulator of a product has its columns just so in the registers of A, so that P needs no
///   shuffle;
/// - column [`column_at`](Self::column_at)(r) of the source is row r of the result, by which `stmatrix`
///   has no bank conflicts, and a thread's columns of P·V follow each other.
#[derive(Debug)]
pub struct ByteTranspose<'k> {
    split: Split,
    /// By the place of a block's columns within a panel.
    source: Vec<Value<'k, u32>>,
    /// By the place of a block's rows within a panel.
    result: Vec<Value<'k, u32>>,
}

/// How the four warps share the blocks of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Split {
    from: PanelLayout,
    to: PanelLayout,
    /// Warps side by side.
    across: u32,
    /// Warps one below the other.
    down: u32,
}

/// A tile that a warpgroup cannot transpose.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "{rows} rows of {columns} bytes cannot be shared out to 4 warps in blocks of 32 rows of 16 bytes"
)]
pub struct TransposeError {
    rows: u32,
    columns: u32,
}

/// Rows of a block.
const BLOCK_ROWS: u32 = 32;
/// Columns of a block.
const BLOCK_COLUMNS: u32 = CHUNK;
/// Chunks of a row of the result that a block fills.
const BLOCK_CHUNKS: u32 = BLOCK_ROWS / CHUNK;
const WARPS: u32 = WARPGROUP / 32;

impl Split {
    fn new(rows: u32, columns: u32) -> Result<Self, TransposeError> {
        let refused = TransposeError { rows, columns };
        if !rows.is_multiple_of(BLOCK_ROWS) || !columns.is_multiple_of(BLOCK_COLUMNS) {
            return Err(refused);
        }
        let across = 1 << (columns / BLOCK_COLUMNS).trailing_zeros().min(WARPS.ilog2());
        let down = WARPS / across;
        if !(rows / BLOCK_ROWS).is_multiple_of(down) {
            return Err(refused);
        }
        let layouts = PanelLayout::new(rows, columns).and_then(|from| {
            let to = PanelLayout::new(columns, rows)?;
            Ok(Self { from, to, across, down })
        });
        layouts.map_err(|_| refused)
    }
}

impl<'k> ByteTranspose<'k> {
    /// The layout of the result for a source of `rows` rows and `columns` columns.
    ///
    /// # Errors
    ///
    /// Where a warpgroup cannot transpose such a tile.
    pub fn result_layout(rows: u32, columns: u32) -> Result<PanelLayout, TransposeError> {
        Split::new(rows, columns).map(|split| split.to)
    }

    /// For tiles of `rows` rows and `columns` columns, done by the warpgroup of which this is
    /// thread `thread`.
    ///
    /// # Errors
    ///
    /// Where a warpgroup cannot transpose such a tile.
    pub fn new(thread: Value<'k, u32>, rows: u32, columns: u32) -> Result<Self, TransposeError> {
        let split = Split::new(rows, columns)?;
        let (lane, warp) = (thread % 32, thread / 32);
        let (column, row) = (warp % split.across, warp / split.across);
        let source = bases(split.from, row * BLOCK_ROWS + lane, (lane, column), split.across);
        // Matrices 0 and 1 are the even columns, 2 and 3 the odd ones; 1 and 3 the second chunk.
        let to_row = column * BLOCK_COLUMNS + lane / 16 * 8 + lane % 8;
        let to_chunk = row * BLOCK_CHUNKS + lane / 8 % 2;
        let result = bases(split.to, to_row, (lane, to_chunk), split.down * BLOCK_CHUNKS);
        Ok(Self { split, source, result })
    }

    /// Transposes the tile at `source`. Both tiles are aligned to [`PanelLayout::ALIGN`].
    pub fn run<T, U>(&self, source: Pointer<'k, T, Shared>, result: Pointer<'k, U, Shared>)
    where
        T: Scalar,
        U: Scalar,
    {
        let Split { from, to, across, down } = self.split;
        let source = at(&self.source, source.address());
        let result = at(&self.result, result.address());
        for block_column in (0..from.row_bytes() / BLOCK_COLUMNS).step_by(across as usize) {
            for block_row in (0..from.rows() / BLOCK_ROWS).step_by(down as usize) {
                let read = place(&source, from, block_row * BLOCK_ROWS, (block_column, across));
                let [a, b, c, d] = read.load_matrices_transposed();
                let [even, odd] = [0x6420, 0x7531]
                    .map(|bytes| [a.permute_bytes(b, bytes), c.permute_bytes(d, bytes)]);
                let chunk = (block_row * BLOCK_CHUNKS, down * BLOCK_CHUNKS);
                let write = place(&result, to, block_column * BLOCK_COLUMNS, chunk);
                write.store_matrices([even[0], even[1], odd[0], odd[1]]);
            }
        }
    }
}

impl ByteTranspose<'_> {
    /// The source's row at byte `position` of the result's rows.
    pub const fn row_at(position: u32) -> u32 {
        let (block, within) = (position / 16 * 16, position % 16);
        block + within / 4 * 2 + within % 2 + within / 2 % 2 * 8
    }

    /// The source's column that is row `row` of the result.
    pub const fn column_at(row: u32) -> u32 {
        let (block, within) = (row / 16 * 16, row % 16);
        block + within % 8 * 2 + within / 8
    }
}

/// A lane's addresses in a tile at 0, by the place of its first chunk in a panel, in steps of
/// `step` chunks. The lane has row `row` and chunk `chunk` of the warp's first block. Rows of blocks are 8 apart or more, which is
/// where swizzles repeat.
fn bases<'k>(
    layout: PanelLayout,
    row: Value<'k, u32>,
    (lane, chunk): (Value<'k, u32>, Value<'k, u32>),
    step: u32,
) -> Vec<Value<'k, u32>> {
    let swizzle = layout.panel().swizzle();
    let moved = ((lane % 8) >> swizzle.shift) & ((1 << swizzle.bits) - 1);
    let base = |first: u32| ((chunk ^ moved) ^ first) * CHUNK + row * layout.width();
    (0..layout.width() / CHUNK).step_by(step as usize).map(base).collect()
}

/// The addresses in a tile that lies at `tile`.
fn at<'k>(bases: &[Value<'k, u32>], tile: Value<'k, u32>) -> Vec<Value<'k, u32>> {
    bases.iter().map(|base| *base + tile).collect()
}

/// The address for the block whose first row is `row` and whose first chunk is `chunk`, a multiple
/// of `step`.
fn place<'k>(
    bases: &[Value<'k, u32>],
    layout: PanelLayout,
    row: u32,
    (chunk, step): (u32, u32),
) -> Pointer<'k, u32, Shared> {
    let chunks = layout.width() / CHUNK;
    let base = bases[(chunk % chunks / step) as usize];
    let offset = chunk / chunks * layout.panel().bytes() + row * layout.width();
    Pointer::new(base).byte_offset(offset.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_are_permuted_in_blocks() {
        let rows: Vec<u32> = (0..32).map(ByteTranspose::row_at).collect();
        assert_eq!(rows[..8], [0, 1, 8, 9, 2, 3, 10, 11]);
        assert_eq!(rows[16..20], [16, 17, 24, 25]);
        let columns: Vec<u32> = (0..16).map(ByteTranspose::column_at).collect();
        assert_eq!(columns, [0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15]);
        let mut sorted = rows.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..32).collect::<Vec<_>>());
    }

    #[test]
    fn tiles_that_do_not_divide_are_refused() {
        assert!(ByteTranspose::result_layout(224, 128).is_ok());
        assert!(ByteTranspose::result_layout(64, 96).is_ok());
        let refused = ByteTranspose::result_layout(96, 96).unwrap_err();
        assert!(refused.to_string().starts_with("96 rows of 96 bytes"), "{refused}");
    }
}
