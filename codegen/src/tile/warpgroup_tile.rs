use super::fragment::Product;
use super::layout::CHUNK;
use super::matrix::{MatrixOrder, MatrixReader};
use super::panels::{Descriptor, PanelLayout};
use crate::attention::DataType;
use crate::dsl::{Builder, FragmentA, OperandA, Pointer, Shared, WARPGROUP};

/// A tile of 64 rows in shared memory that a warpgroup moves from and to registers, 16 rows a warp.
#[derive(Debug)]
pub struct WarpgroupTile<'k> {
    address: Pointer<'k, u32, Shared>,
    layout: PanelLayout,
    access: MatrixReader<'k>,
}

/// Bytes of a row of a 16×16 piece.
const PIECE: u32 = 32;

impl<'k> WarpgroupTile<'k> {
    /// The tile at `address`, aligned to [`PanelLayout::ALIGN`].
    pub fn new(k: &'k Builder, address: Pointer<'k, u32, Shared>, layout: PanelLayout) -> Self {
        let first_row = k.thread_index().x % WARPGROUP / 32 * 16_u32;
        let order = MatrixOrder::ColumnsFirst;
        let access = MatrixReader::new(k, order, address, layout.panel(), first_row);
        Self { address, layout, access }
    }

    /// Writes this warp's rows, given as A operands from left to right.
    pub fn store(&self, pieces: &[FragmentA<'k>]) {
        for (step, piece) in (0..).zip(pieces) {
            let (panel, place) = self.place(step);
            self.access.store(panel, 0, place, *piece);
        }
    }

    /// Reads this warp's rows as A operands from left to right.
    pub fn load(&self) -> Vec<FragmentA<'k>> {
        (0..self.layout.steps_along_rows())
            .map(|step| {
                let (panel, piece) = self.place(step);
                self.access.a(panel, 0, piece)
            })
            .collect()
    }

    /// Where the panel of a 16×16 piece begins, in bytes, and which of the panel's pieces it is.
    fn place(&self, step: u32) -> (u32, u32) {
        let (at, width) = (step * PIECE, self.layout.width());
        (at / width * self.layout.panel().bytes(), at % width / PIECE)
    }

    /// Writes this warp's rows of a product whose columns are in the order of
    /// [`ByteTranspose::column_at`](crate::tile::ByteTranspose::column_at): of each 16, a thread has
    /// four that follow each other.
    pub fn store_transposed_columns(&self, k: &'k Builder, product: Product<'k>, dtype: DataType) {
        let (layout, swizzle) = (self.layout, self.layout.panel().swizzle());
        let lane = k.thread_index().x % 32;
        let (row, quad) = (lane / 4, lane % 4);
        let first_row = k.thread_index().x % WARPGROUP / 32 * 16_u32;
        let moved = (row >> swizzle.shift) & ((1 << swizzle.bits) - 1);
        let own = self.address.address() + (first_row + row) * layout.width() + quad % 2 * 8_u32;
        let pieces = 0..layout.width() / PIECE;
        let bases: Vec<_> =
            pieces.map(|piece| own + ((quad / 2 + 2 * piece) ^ moved) * CHUNK).collect();
        for (step, pair) in (0..).zip(product.fragments[0].chunks_exact(2)) {
            let (panel, piece) =
                (step * PIECE / layout.width(), step * PIECE % layout.width() / PIECE);
            for half in 0..2 {
                let [even, odd] = [pair[0], pair[1]].map(|f| [f[2 * half], f[2 * half + 1]]);
                let packed = [even[0].pack(odd[0], dtype), even[1].pack(odd[1], dtype)];
                let offset = panel * layout.panel().bytes() + half as u32 * 8 * layout.width();
                let at = Pointer::<u32, Shared>::new(bases[piece as usize]);
                at.byte_offset(offset.into()).store_vector(packed);
            }
        }
    }

    /// The tile as A operands, by depth step.
    pub fn steps(&self) -> Vec<OperandA<'k>> {
        let tile = Descriptor::new(self.address, self.layout);
        let steps = 0..self.layout.steps_along_rows();
        let step = |step| OperandA::Shared(tile.offset(self.layout.along_rows(step)).value());
        steps.map(step).collect()
    }
}
