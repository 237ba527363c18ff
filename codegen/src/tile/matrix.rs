use super::layout::{CHUNK, SharedLayout};
use crate::dsl::{Builder, FragmentA, FragmentB, Pointer, Shared, Value};

/// Reads 16×16 pieces of swizzled tiles with `ldmatrix`, as operands of `mma.m16n8k16`, and writes
/// them with `stmatrix`.
///
/// Swizzled addresses repeat after a few pieces of a row, so that a register for each of those,
/// plus a constant, is every address.
#[derive(Clone, Debug)]
pub struct MatrixReader<'k> {
    order: MatrixOrder,
    layout: SharedLayout,
    bases: Vec<Value<'k, u32>>,
}

/// In which order the four 8×8 matrices of a piece are read. Registers of an operand must follow
/// each other, or they are moved first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatrixOrder {
    /// Left half from top to bottom, then right half: an A operand that is stored by rows, and two
    /// B operands that are stored by rows (V for P·V).
    ColumnsFirst,
    /// Upper half from left to right, then lower half: two B operands that are stored by columns
    /// (K for Q·Kᵀ).
    RowsFirst,
}

impl<'k> MatrixReader<'k> {
    /// A reader of tiles in `memory` whose rows are counted from `first_row`, a multiple of 16.
    pub fn new(
        k: &'k Builder,
        order: MatrixOrder,
        memory: Pointer<'k, u32, Shared>,
        layout: SharedLayout,
        first_row: Value<'k, u32>,
    ) -> Self {
        let lane = k.thread_index().x % 32;
        let (row, half) = match order {
            MatrixOrder::ColumnsFirst => (lane % 16, lane / 16),
            MatrixOrder::RowsFirst => (lane % 8 + lane / 16 * 8, lane / 8 % 2),
        };
        let swizzle = layout.swizzle();
        let moved = (row >> swizzle.shift) & ((1 << swizzle.bits) - 1);
        let row_offset = memory.address() + (first_row + row) * layout.row_bytes();
        let pieces = ((1 << swizzle.bits) / 2).max(1);
        let base = |piece: u32| ((half + 2 * piece) ^ moved) * CHUNK + row_offset;
        Self { order, layout, bases: (0..pieces).map(base).collect() }
    }

    /// The reader for tiles that lie `bytes` further on.
    pub fn shifted(&self, bytes: Value<'k, u32>) -> Self {
        let bases = self.bases.iter().map(|base| *base + bytes).collect();
        Self { bases, ..*self }
    }

    /// Address of this lane for the piece whose first row is 16 · `row_step` and whose first column
    /// 16 · `column_step`, in the tile at `tile` bytes.
    fn piece(&self, tile: u32, row_step: u32, column_step: u32) -> Pointer<'k, u32, Shared> {
        let repeat = self.bases.len() as u32;
        let (base, over) = (column_step % repeat, column_step / repeat * repeat);
        let offset = tile + row_step * 16 * self.layout.row_bytes() + over * 2 * CHUNK;
        Pointer::new(self.bases[base as usize]).byte_offset(offset.into())
    }

    /// Writes the piece, given as an A operand.
    pub fn store(&self, tile: u32, row_step: u32, column_step: u32, piece: FragmentA<'k>) {
        debug_assert_eq!(self.order, MatrixOrder::ColumnsFirst);
        self.piece(tile, row_step, column_step).store_matrices(piece);
    }

    /// The piece as an A operand.
    pub fn a(&self, tile: u32, row_step: u32, column_step: u32) -> FragmentA<'k> {
        debug_assert_eq!(self.order, MatrixOrder::ColumnsFirst);
        self.piece(tile, row_step, column_step).load_matrices()
    }

    /// The piece's transpose as two B operands, of its rows 0 to 7 and 8 to 15.
    pub fn b_transposed(&self, tile: u32, row_step: u32, column_step: u32) -> [FragmentB<'k>; 2] {
        debug_assert_eq!(self.order, MatrixOrder::RowsFirst);
        let [top_left, top_right, bottom_left, bottom_right] =
            self.piece(tile, row_step, column_step).load_matrices();
        [[top_left, top_right], [bottom_left, bottom_right]]
    }

    /// The piece as two B operands, of its columns 0 to 7 and 8 to 15.
    pub fn b(&self, tile: u32, row_step: u32, column_step: u32) -> [FragmentB<'k>; 2] {
        debug_assert_eq!(self.order, MatrixOrder::ColumnsFirst);
        let [top_left, bottom_left, top_right, bottom_right] =
            self.piece(tile, row_step, column_step).load_matrices_transposed();
        [[top_left, bottom_left], [top_right, bottom_right]]
    }
}
