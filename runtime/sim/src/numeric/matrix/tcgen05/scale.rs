//! *Block Scaling*: where the scale factors of A and B lie in tensor memory.
//!
//! Factor j of row m of A, or of column m of B, is byte `byte + j` of column m / 32, at lane m % 32
//! of each quarter of the lanes: every quarter holds the same. A row has a factor for every 32 or 16
//! of its elements.

use super::{Column, PANEL};
use crate::numeric::narrow::{e4m3_to_f32, scale_to_f32};

/// The type of scale factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScaleType {
    /// `.ue8m0`: powers of two.
    Ue8m0,
    /// `.ue4m3`: `.e4m3` without a sign.
    Ue4m3,
}

impl ScaleType {
    /// The value of a factor.
    fn value(self, bits: u8) -> f32 {
        match self {
            Self::Ue8m0 => scale_to_f32(bits),
            Self::Ue4m3 => e4m3_to_f32(bits & 0x7f),
        }
    }
}

/// The factors of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScaleFactors {
    /// Their type.
    pub ty: ScaleType,
    /// The byte of the first.
    pub byte: u32,
    /// How many a row has.
    pub factors: usize,
}

/// Factors as they were in tensor memory when they were read: panels of rows, each of `factors`
/// times [`PANEL`] numbers.
pub type Scales = Vec<[f32; PANEL]>;

impl ScaleFactors {
    /// Columns that a word of the factors of so many rows takes.
    fn columns(self, rows: usize) -> usize {
        rows.div_ceil(32)
    }

    /// Columns that the factors of so many rows take together: four factors lie in a word, and what
    /// does not fit there lies beside it.
    pub fn reach(self, rows: usize) -> usize {
        self.columns(rows) * (self.byte as usize + self.factors).div_ceil(4)
    }

    /// Widens the factors of some rows as they lie from a lane on. Columns are numbered from that
    /// of the address; `all` rows lie there.
    pub fn widen<'a>(
        self,
        all: usize,
        rows: std::ops::Range<usize>,
        lane: usize,
        column: impl Fn(usize) -> &'a Column,
    ) -> Scales {
        let mut scales = Vec::with_capacity(rows.len() / PANEL * self.factors);
        for first in rows.step_by(PANEL) {
            for factor in 0..self.factors {
                scales.push(std::array::from_fn(|i| {
                    let row = first + i;
                    let byte = self.byte as usize + factor;
                    let column = column(row / 32 + byte / 4 * self.columns(all));
                    self.ty.value(column[lane + row % 32].to_le_bytes()[byte % 4])
                }));
            }
        }
        scales
    }
}
