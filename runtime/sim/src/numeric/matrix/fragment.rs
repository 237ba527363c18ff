//! *ldmatrix*, *stmatrix*, *movmatrix*: 8 × 8 matrices of 16-bit elements across the lanes of a warp.
//!
//! Lane 4g + q holds elements 2q and 2q + 1 of row g, the lower one in the low half; with `.trans`
//! elements 2q and 2q + 1 of column g.

use super::Register;

/// A row of a matrix in memory: eight elements, 16 bytes.
pub type Row = [u16; 8];

/// `ldmatrix`: the register that holds a matrix of these rows.
pub fn load(rows: &[Row; 8], transposed: bool) -> Register {
    std::array::from_fn(|lane| {
        let (g, q) = (lane / 4, lane % 4);
        let element = |j: usize| {
            let column = 2 * q + j;
            if transposed { rows[column][g] } else { rows[g][column] }
        };
        u32::from(element(1)) << 16 | u32::from(element(0))
    })
}

/// `stmatrix`: the rows of the matrix that a register holds; the inverse of [`load`].
pub fn store(register: &Register, transposed: bool) -> [Row; 8] {
    std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            let (g, other) = if transposed { (column, row) } else { (row, column) };
            (register[4 * g + other / 2] >> (16 * (other % 2))) as u16
        })
    })
}

/// `movmatrix.trans`: the register that holds the transposed matrix.
pub fn transpose(register: &Register) -> Register {
    load(&store(register, false), true)
}
