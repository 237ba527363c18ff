use super::layout::{LayoutError, SharedLayout};
use crate::dsl::{Pointer, Scalar, Shared, Value};

/// How a tile of rows lies in shared memory for TMA, `wgmma` and `tcgen05.mma`: cut into panels of 128, 64 or 32
/// bytes of every row, whichever is the widest that divides a row. A panel holds its part of all
/// rows, one after another, in the swizzle of its width; panels follow each other.
///
/// A box as wide as a panel is what one TMA instruction copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PanelLayout {
    panel: SharedLayout,
    panels: u32,
}

/// Rows after which the rows of an 8×8 core matrix begin anew.
const CORE_ROWS: u32 = 8;

/// Depth of one product of the tensor core, in bytes of an operand that is stored along its depth.
const DEPTH_BYTES: u32 = 32;

impl PanelLayout {
    /// Bytes to which a tile is aligned: the widest swizzle repeats after as many.
    pub const ALIGN: u32 = 1024;

    /// The layout of `rows` rows of `row_bytes` bytes. `rows` is a multiple of 8.
    ///
    /// # Errors
    ///
    /// Where a row is not made of whole 32-byte panels.
    pub fn new(rows: u32, row_bytes: u32) -> Result<Self, LayoutError> {
        debug_assert!(rows.is_multiple_of(CORE_ROWS));
        let widths = [128, 64, 32];
        let width =
            widths.into_iter().find(|width| row_bytes > 0 && row_bytes.is_multiple_of(*width));
        let width = width.ok_or(LayoutError::RowBytes(row_bytes))?;
        Ok(Self { panel: SharedLayout::new(rows, width)?, panels: row_bytes / width })
    }

    /// The layout of one panel.
    pub const fn panel(&self) -> SharedLayout {
        self.panel
    }

    /// Number of panels.
    pub const fn panels(&self) -> u32 {
        self.panels
    }

    /// Bytes of a row of a panel, and the span of its swizzle.
    pub const fn width(&self) -> u32 {
        self.panel.row_bytes()
    }

    /// Rows of the tile.
    pub const fn rows(&self) -> u32 {
        self.panel.rows()
    }

    /// Bytes of a row of the tile.
    pub const fn row_bytes(&self) -> u32 {
        self.panels * self.width()
    }

    /// Bytes of the tile.
    pub const fn bytes(&self) -> u32 {
        self.panels * self.panel.bytes()
    }

    /// Where a chunk of a row lies, in bytes from the tile's beginning.
    pub const fn offset(&self, row: u32, chunk: u32) -> u32 {
        let chunks = self.panel.chunks();
        chunk / chunks * self.panel.bytes() + self.panel.offset(row, chunk % chunks)
    }

    /// Steps of one product each, along rows.
    pub const fn steps_along_rows(&self) -> u32 {
        self.panels * self.width() / DEPTH_BYTES
    }

    /// Steps of one product each, across rows of elements of `element_bytes` bytes.
    pub const fn steps_across_rows(&self, element_bytes: u32) -> u32 {
        self.rows() * element_bytes / DEPTH_BYTES
    }

    /// Where step `step` along rows begins, in bytes from the tile's beginning. The hardware adds
    /// it to an address before it swizzles.
    pub const fn along_rows(&self, step: u32) -> u32 {
        let at = step * DEPTH_BYTES;
        at / self.width() * self.panel.bytes() + at % self.width()
    }

    /// Where step `step` across rows of elements of `element_bytes` bytes begins, in bytes from the
    /// tile's beginning.
    pub const fn across_rows(&self, step: u32, element_bytes: u32) -> u32 {
        step * (DEPTH_BYTES / element_bytes) * self.width()
    }

    /// The distance of core matrices along rows of the tile, as descriptors hold it.
    const fn core_distance(&self) -> u32 {
        (CORE_ROWS * self.width()) >> UNIT_SHIFT
    }

    /// The upper half of a descriptor for `wgmma`: the distance of core matrices, and the code of
    /// the swizzle (PTX ISA, *Matrix Descriptor Format*).
    const fn descriptor_high(&self) -> u32 {
        let swizzle = match self.width() {
            128 => 1,
            64 => 2,
            _ => 3,
        };
        swizzle << 30 | self.core_distance()
    }

    /// The same for `tcgen05.mma`, with the number of the format (PTX ISA, *Shared memory
    /// descriptor*).
    const fn tensor_descriptor_high(&self) -> u32 {
        const FORMAT: u32 = 1 << 14;
        let swizzle = match self.width() {
            128 => 2,
            64 => 4,
            _ => 6,
        };
        swizzle << 29 | FORMAT | self.core_distance()
    }
}

/// The descriptor of a tile as an operand of `wgmma` or `tcgen05.mma`. Depth steps are offsets.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor<'k> {
    low: Value<'k, u32>,
    high: u32,
}

/// Descriptors hold addresses in units of 16 bytes.
const UNIT_SHIFT: u32 = 4;

/// The part of an address that descriptors hold: above it is the block's rank in its cluster.
const WITHIN_BLOCK: u32 = 0x3_ffff;

impl<'k> Descriptor<'k> {
    /// The descriptor for `wgmma` of the tile at `address`, which is aligned to
    /// [`PanelLayout::ALIGN`].
    ///
    /// An operand that is stored along its columns spans panels, whose distance it holds; for one
    /// that is stored along its depth the hardware has no use for that number.
    pub fn new<T: Scalar>(address: Pointer<'k, T, Shared>, layout: PanelLayout) -> Self {
        Self { low: Self::low(address, layout), high: layout.descriptor_high() }
    }

    /// The same for `tcgen05.mma`.
    pub fn for_tensor_memory<T: Scalar>(
        address: Pointer<'k, T, Shared>,
        layout: PanelLayout,
    ) -> Self {
        Self { low: Self::low(address, layout), high: layout.tensor_descriptor_high() }
    }

    /// The lower half: where the tile begins, and the distance of its panels.
    fn low<T: Scalar>(address: Pointer<'k, T, Shared>, layout: PanelLayout) -> Value<'k, u32> {
        let panel = layout.panel.bytes() >> UNIT_SHIFT;
        ((address.address() & WITHIN_BLOCK) >> UNIT_SHIFT) | (panel << 16)
    }

    /// The descriptors of the tile's steps along rows, as of an operand stored along its depth.
    pub fn steps_along_rows(self, layout: PanelLayout) -> Vec<Self> {
        let steps = 0..layout.steps_along_rows();
        steps.map(|step| self.offset(layout.along_rows(step))).collect()
    }

    /// The descriptors of the tile's steps across rows of elements of `element_bytes` bytes, as of
    /// an operand stored along its columns.
    pub fn steps_across_rows(self, layout: PanelLayout, element_bytes: u32) -> Vec<Self> {
        let steps = 0..layout.steps_across_rows(element_bytes);
        steps.map(|step| self.offset(layout.across_rows(step, element_bytes))).collect()
    }

    /// The descriptor `bytes` bytes further on, a multiple of 16.
    pub fn offset(self, bytes: u32) -> Self {
        Self { low: self.low + (bytes >> UNIT_SHIFT), ..self }
    }

    /// The descriptor of the tile `index` places further on, where tiles are `bytes` bytes apart.
    pub fn element(self, index: Value<'k, u32>, bytes: u32) -> Self {
        Self { low: self.low + index * (bytes >> UNIT_SHIFT), ..self }
    }

    /// As an operand.
    pub fn value(self) -> Value<'k, u64> {
        let high = self.low.builder().constant(self.high);
        self.low.join(high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the panels of rows of `row_bytes` bytes, and where steps along rows begin.
    fn check(row_bytes: u32, width: u32, steps: &[u32]) {
        let layout = PanelLayout::new(64, row_bytes).unwrap();
        assert_eq!((layout.width(), layout.bytes()), (width, 64 * row_bytes));
        let found: Vec<_> = (0..layout.steps_along_rows()).map(|s| layout.along_rows(s)).collect();
        assert_eq!(found, steps);
    }

    #[test]
    fn steps_stay_in_their_panel() {
        check(128, 128, &[0, 32, 64, 96]);
        check(192, 64, &[0, 32, 4096, 4128, 8192, 8224]);
        check(256, 128, &[0, 32, 64, 96, 8192, 8224, 8256, 8288]);
        check(96, 32, &[0, 2048, 4096]);
        assert_eq!(PanelLayout::new(64, 48), Err(LayoutError::RowBytes(48)));
        assert_eq!(PanelLayout::new(64, 0), Err(LayoutError::RowBytes(0)));
    }

    #[test]
    fn the_descriptor_is_that_of_the_manual() {
        let layout = PanelLayout::new(64, 128).unwrap();
        assert_eq!(layout.descriptor_high(), 0x4000_0040);
        assert_eq!(layout.tensor_descriptor_high(), 0x4000_4040);
        let narrow = PanelLayout::new(64, 64).unwrap();
        assert_eq!(narrow.tensor_descriptor_high(), 0x8000_4020);
    }
}
