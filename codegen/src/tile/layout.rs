use thiserror::Error;

/// Bytes that one thread moves at once: the unit of layouts.
pub const CHUNK: u32 = 16;

/// Chunks that the banks of shared memory deliver at once: 32 banks of 4 bytes.
const CHUNKS_AT_ONCE: u32 = 8;

/// A permutation of the chunks of each row: chunk c of row r is stored at
/// `c ^ ((r >> shift) & (2^bits − 1))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swizzle {
    /// Bits of the chunk's number that change.
    pub bits: u32,
    /// Bits of the row's number that are skipped.
    pub shift: u32,
}

impl Swizzle {
    /// Nothing moves.
    pub const NONE: Self = Self { bits: 0, shift: 0 };

    /// Rows after which the permutation repeats.
    pub const fn period(self) -> u32 {
        1 << (self.bits + self.shift)
    }

    const fn mask(self) -> u32 {
        (1 << self.bits) - 1
    }
}

/// How a tile of rows lies in shared memory: row after row, the chunks of each row swizzled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedLayout {
    rows: u32,
    row_bytes: u32,
    swizzle: Swizzle,
}

/// Why there is no such layout.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum LayoutError {
    /// Rows are copied in whole chunks.
    #[error("a row of {0} bytes; expected a positive multiple of 16")]
    RowBytes(u32),
    /// A chunk would leave its row.
    #[error("a swizzle of {bits} bits moves chunks out of a row of {chunks}; expected a multiple of {}", 1 << .bits)]
    NoBijection {
        /// Bits of the swizzle.
        bits: u32,
        /// Chunks of a row.
        chunks: u32,
    },
}

impl SharedLayout {
    /// The layout in which the eight rows of an 8×8 matrix are read, and eight chunks of a row are
    /// written, without bank conflicts: as many rows as share the banks are told apart by as many
    /// bits of the row's number.
    ///
    /// # Errors
    ///
    /// Where a row is not made of whole chunks.
    pub fn new(rows: u32, row_bytes: u32) -> Result<Self, LayoutError> {
        let bits = (row_bytes / CHUNK).trailing_zeros().min(CHUNKS_AT_ONCE.ilog2());
        let shift = CHUNKS_AT_ONCE.ilog2() - bits;
        Self::with_swizzle(rows, row_bytes, Swizzle { bits, shift })
    }

    /// A layout with a given swizzle.
    ///
    /// # Errors
    ///
    /// Where a row is not made of whole chunks, or two chunks would share a place.
    pub fn with_swizzle(rows: u32, row_bytes: u32, swizzle: Swizzle) -> Result<Self, LayoutError> {
        if row_bytes == 0 || !row_bytes.is_multiple_of(CHUNK) {
            return Err(LayoutError::RowBytes(row_bytes));
        }
        let chunks = row_bytes / CHUNK;
        match chunks.is_multiple_of(1 << swizzle.bits) {
            true => Ok(Self { rows, row_bytes, swizzle }),
            false => Err(LayoutError::NoBijection { bits: swizzle.bits, chunks }),
        }
    }

    /// Rows of the tile.
    pub const fn rows(&self) -> u32 {
        self.rows
    }

    /// Bytes of a row.
    pub const fn row_bytes(&self) -> u32 {
        self.row_bytes
    }

    /// Chunks of a row.
    pub const fn chunks(&self) -> u32 {
        self.row_bytes / CHUNK
    }

    /// Bytes of the tile.
    pub const fn bytes(&self) -> u32 {
        self.rows * self.row_bytes
    }

    /// The permutation of chunks.
    pub const fn swizzle(&self) -> Swizzle {
        self.swizzle
    }

    /// Where a chunk lies, in bytes from the tile's beginning.
    pub const fn offset(&self, row: u32, chunk: u32) -> u32 {
        let moved = chunk ^ ((row >> self.swizzle.shift) & self.swizzle.mask());
        row * self.row_bytes + moved * CHUNK
    }

    /// How many times more often the banks are asked than needed, when each of `lanes` reads or
    /// writes the chunk at (row, chunk): 1 without conflicts. Eight lanes are served at once.
    pub fn bank_conflicts(&self, lanes: &[(u32, u32)]) -> u32 {
        let degree = |phase: &[(u32, u32)]| {
            let mut at_bank = [0; CHUNKS_AT_ONCE as usize];
            for &(row, chunk) in phase {
                let bank = self.offset(row, chunk) / CHUNK % CHUNKS_AT_ONCE;
                at_bank[bank as usize] += 1;
            }
            at_bank.into_iter().max().unwrap_or(0)
        };
        lanes.chunks(CHUNKS_AT_ONCE as usize).map(degree).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW_BYTES: [u32; 8] = [32, 64, 128, 192, 256, 320, 384, 512];

    #[test]
    fn every_chunk_has_a_place_of_its_own() {
        for row_bytes in ROW_BYTES {
            let layout = SharedLayout::new(32, row_bytes).unwrap();
            let mut taken = vec![false; (layout.bytes() / CHUNK) as usize];
            for row in 0..layout.rows() {
                for chunk in 0..layout.chunks() {
                    let place = &mut taken[(layout.offset(row, chunk) / CHUNK) as usize];
                    assert!(!*place, "{layout:?}: row {row}, chunk {chunk}");
                    *place = true;
                }
            }
        }
    }

    #[test]
    fn no_bank_conflicts() {
        for row_bytes in ROW_BYTES {
            let layout = SharedLayout::new(32, row_bytes).unwrap();
            for chunk in 0..layout.chunks() {
                let matrix: Vec<_> = (8..16).map(|row| (row, chunk)).collect();
                assert_eq!(layout.bank_conflicts(&matrix), 1, "{layout:?}: reading {chunk}");
            }
            let width = (layout.chunks() & layout.chunks().wrapping_neg()).min(8);
            let copy: Vec<_> = (0..32).map(|lane| (lane / width, lane % width)).collect();
            assert_eq!(layout.bank_conflicts(&copy), 1, "{layout:?}: writing");
        }
    }

    #[test]
    fn conflicts_are_found() {
        let plain = SharedLayout::with_swizzle(8, 128, Swizzle::NONE).unwrap();
        let column: Vec<_> = (0..8).map(|row| (row, 0)).collect();
        assert_eq!(plain.bank_conflicts(&column), 8);
        let row: Vec<_> = (0..8).map(|chunk| (0, chunk)).collect();
        assert_eq!(plain.bank_conflicts(&row), 1);
    }

    #[test]
    fn refuses_what_is_no_bijection() {
        let swizzle = Swizzle { bits: 3, shift: 0 };
        let error = SharedLayout::with_swizzle(8, 192, swizzle).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a swizzle of 3 bits moves chunks out of a row of 12; expected a multiple of 8"
        );
        assert!(SharedLayout::new(8, 40).is_err());
    }
}
