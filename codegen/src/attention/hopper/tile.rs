use crate::dsl::{Builder, FragmentA, OperandA, Pointer, Shared, WARPGROUP};
use crate::tile::{Descriptor, MatrixOrder, MatrixReader, PanelLayout};

/// A tile of 64 rows in shared memory that a warpgroup writes from registers, 16 rows a warp.
#[derive(Debug)]
pub(super) struct WarpgroupTile<'k> {
    address: Pointer<'k, u32, Shared>,
    layout: PanelLayout,
    access: MatrixReader<'k>,
}

/// Bytes of a row of a 16×16 piece.
const PIECE: u32 = 32;

impl<'k> WarpgroupTile<'k> {
    pub(super) fn new(
        k: &'k Builder,
        address: Pointer<'k, u32, Shared>,
        layout: PanelLayout,
    ) -> Self {
        let first_row = k.thread_index().x % WARPGROUP / 32 * 16_u32;
        let order = MatrixOrder::ColumnsFirst;
        let access = MatrixReader::new(k, order, address, layout.panel(), first_row);
        Self { address, layout, access }
    }

    /// Writes this warp's rows, given as A operands from left to right.
    pub(super) fn store(&self, pieces: &[FragmentA<'k>]) {
        for (step, piece) in (0..).zip(pieces) {
            let at = step * PIECE;
            let panel = at / self.layout.width() * self.layout.panel().bytes();
            self.access.store(panel, 0, at % self.layout.width() / PIECE, *piece);
        }
    }

    /// The tile as A operands, by depth step.
    pub(super) fn steps(&self) -> Vec<OperandA<'k>> {
        let tile = Descriptor::new(self.address, self.layout);
        let steps = 0..self.layout.steps_along_rows();
        let step = |step| OperandA::Shared(tile.offset(self.layout.along_rows(step)).value());
        steps.map(step).collect()
    }
}
