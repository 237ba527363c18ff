//! *ldmatrix* and *stmatrix* of 8-bit elements across the lanes of a warp.
//!
//! With g and q of lane 4g + q as in [`load`](super::load):
//!
//! | matrix in memory | instruction | byte b of register j |
//! | --- | --- | --- |
//! | 8 rows of 16 bytes | `ldmatrix.m8n16` | row g, byte 4q + b |
//! | 16 rows of 16 bytes | `ldmatrix.m16n16.trans` | row 4q + b, byte g + 8j |
//! | 8 rows of 16 bytes | `stmatrix.m16n8.trans` | row 2q + b % 2, byte g + 8(b / 2) |

use super::Register;

/// A row of a matrix in memory: 16 elements of a byte each.
pub type ByteRow = [u8; 16];

/// How 16 elements of a row lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// A byte each.
    B8,
    /// `.b6x16_p32`: 6 bits each, then 32 bits of padding.
    B6,
    /// `.b4x16_p64`: 4 bits each, then 64 bits of padding.
    B4,
}

impl Packing {
    /// Bytes of a row but its padding.
    pub fn bytes(self) -> u32 {
        match self {
            Self::B8 => 16,
            Self::B6 => 12,
            Self::B4 => 8,
        }
    }

    /// The elements of a row in memory, each in the low bits of its byte.
    pub fn unpack(self, row: ByteRow) -> ByteRow {
        let bits = u128::from_le_bytes(row);
        let (width, ones) = match self {
            Self::B8 => return row,
            Self::B6 => (6, 0x3f),
            Self::B4 => (4, 0xf),
        };
        std::array::from_fn(|i| (bits >> (width * i)) as u8 & ones)
    }
}

/// `ldmatrix.m8n16`: the register that holds a matrix of these rows.
pub fn load_bytes(rows: &[ByteRow; 8]) -> Register {
    std::array::from_fn(|lane| {
        let (g, q) = (lane / 4, lane % 4);
        u32::from_le_bytes(std::array::from_fn(|b| rows[g][4 * q + b]))
    })
}

/// `ldmatrix.m16n16.trans`: the registers that hold a matrix of these rows.
pub fn load_bytes_transposed(rows: &[ByteRow; 16]) -> [Register; 2] {
    std::array::from_fn(|j| {
        std::array::from_fn(|lane| {
            let (g, q) = (lane / 4, lane % 4);
            u32::from_le_bytes(std::array::from_fn(|b| rows[4 * q + b][g + 8 * j]))
        })
    })
}

/// `stmatrix.m16n8.trans`: the rows of the matrix that a register holds.
pub fn store_bytes_transposed(register: &Register) -> [ByteRow; 8] {
    std::array::from_fn(|row| {
        std::array::from_fn(|byte| {
            let (q, g) = (row / 2, byte % 8);
            register[4 * g + q].to_le_bytes()[row % 2 + 2 * (byte / 8)]
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_elements_are_unpacked() {
        let row: ByteRow = std::array::from_fn(|i| i as u8 * 0x11);
        assert_eq!(Packing::B8.unpack(row), row);
        assert_eq!(Packing::B4.unpack(row)[..4], [0, 0, 1, 1]);
        // 0x00, 0x11, 0x22 in groups of six bits, low bits first.
        assert_eq!(Packing::B6.unpack(row)[..4], [0x00, 0x04, 0x21, 0x08]);
    }

    #[test]
    fn a_stored_tile_is_loaded_as_its_transpose() {
        // Element (row, column) of an accumulator's 16 x 8 tile is 8 row + column.
        let tile = |row: usize, column: usize| (8 * row + column) as u8;
        let register: Register = std::array::from_fn(|lane| {
            let (g, q) = (lane / 4, lane % 4);
            u32::from_le_bytes(std::array::from_fn(|b| tile(g + 8 * (b / 2), 2 * q + b % 2)))
        });
        let rows = store_bytes_transposed(&register);
        for (column, stored) in rows.iter().enumerate() {
            assert_eq!(*stored, std::array::from_fn(|row| tile(row, column)));
        }
        let matrix: [ByteRow; 16] = std::array::from_fn(|k| [k as u8; 16]);
        assert_eq!(load_bytes_transposed(&matrix)[1][4 * 3 + 2], 0x0b0a_0908);
        assert_eq!(load_bytes(&std::array::from_fn(|row| matrix[row]))[4 * 3 + 2], 0x0303_0303);
    }
}
