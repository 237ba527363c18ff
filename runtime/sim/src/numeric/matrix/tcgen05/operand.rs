//! A and B, widened to panels of numbers.

use super::{Column, LANES, PANEL};
use crate::numeric::matrix::{Number, S8, U8, UNIT, Units};
use crate::numeric::{Bf16, E2m1, E2m3, E3m2, E4m3, E5m2, F16, Tf32};

/// A type of the elements of A or B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Factor {
    F16,
    Bf16,
    Tf32,
    E4m3,
    E5m2,
    /// 16 elements of six bits in 16 bytes, or one in the low bits of a byte of tensor memory.
    E2m3,
    /// The same.
    E3m2,
    /// 16 elements of four bits in 16 bytes, or one in bits 2 to 5 of a byte of tensor memory.
    E2m1,
    /// Two elements in a byte.
    E2m1Packed,
    S8,
    U8,
}

/// Evaluates an expression with a type parameter standing for the type of the elements, and a
/// constant for how many 16 bytes have.
macro_rules! with_factor {
    ($factor:expr, $T:ident, $E:ident => $body:expr) => {
        match $factor {
            Factor::F16 => with_factor!(@ $T = F16, $E = 8 => $body),
            Factor::Bf16 => with_factor!(@ $T = Bf16, $E = 8 => $body),
            Factor::Tf32 => with_factor!(@ $T = Tf32, $E = 4 => $body),
            Factor::E4m3 => with_factor!(@ $T = E4m3, $E = 16 => $body),
            Factor::E5m2 => with_factor!(@ $T = E5m2, $E = 16 => $body),
            Factor::E2m3 => with_factor!(@ $T = E2m3, $E = 16 => $body),
            Factor::E3m2 => with_factor!(@ $T = E3m2, $E = 16 => $body),
            Factor::E2m1 => with_factor!(@ $T = E2m1, $E = 16 => $body),
            Factor::E2m1Packed => with_factor!(@ $T = E2m1, $E = 32 => $body),
            Factor::S8 => with_factor!(@ $T = S8, $E = 16 => $body),
            Factor::U8 => with_factor!(@ $T = U8, $E = 16 => $body),
        }
    };
    (@ $T:ident = $type:ty, $E:ident = $each:literal => $body:expr) => {{
        type $T = $type;
        const $E: usize = $each;
        $body
    }};
}

impl Factor {
    /// Elements of 16 bytes of shared memory, or of four columns of tensor memory.
    pub const fn each(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 8,
            Self::Tf32 => 4,
            Self::E2m1Packed => 32,
            _ => 16,
        }
    }

    /// Bytes that are read of 16 bytes of shared memory: small formats leave the last ones out.
    pub const fn unit_bytes(self) -> u32 {
        match self {
            Self::E2m1 => 8,
            Self::E2m3 | Self::E3m2 => 12,
            _ => 16,
        }
    }

    /// Bits from one element to the next, in both memories.
    const fn container(self) -> usize {
        8 * UNIT / self.each()
    }
}

/// A matrix in shared memory: A by rows, or B by columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SharedMatrix {
    /// Where it lies.
    pub units: Units,
    /// The type of its elements.
    pub factor: Factor,
}

impl SharedMatrix {
    /// Widens `rows` rows of A: panels of rows, each of K times [`PANEL`] numbers.
    pub fn rows(self, rows: usize, read: impl Fn(u32) -> [u8; UNIT], panels: &mut Vec<f32>) {
        let k = self.units.k;
        panels.resize(rows * k, 0.0);
        with_factor!(self.factor, T, E => {
            self.units.widen::<T, E>(rows, read, |row, at, value| {
                panels[(row / PANEL * k + at) * PANEL + row % PANEL] = value;
            });
        });
    }

    /// Widens `columns` columns of B: panels of columns, each of K in chunks, each of [`PANEL`] times
    /// `chunk` numbers.
    pub fn columns(
        self,
        columns: usize,
        chunk: usize,
        read: impl Fn(u32) -> [u8; UNIT],
        panels: &mut Vec<f32>,
    ) {
        let k = self.units.k;
        let start = panels.len();
        panels.resize(start + columns * k, 0.0);
        let panels = &mut panels[start..];
        with_factor!(self.factor, T, E => {
            self.units.widen::<T, E>(columns, read, |column, at, value| {
                let chunks = column / PANEL * (k / chunk) + at / chunk;
                panels[(chunks * PANEL + column % PANEL) * chunk + at % chunk] = value;
            });
        });
    }
}

/// Widens A of K columns where it lies in tensor memory: the panels of all lanes, each of K times
/// [`PANEL`] numbers. Columns of the memory are numbered from that of the address.
pub fn lane_panels<'a>(
    factor: Factor,
    k: usize,
    column: impl Fn(usize) -> &'a Column,
    panels: &mut Vec<f32>,
) {
    panels.resize(LANES * k, 0.0);
    let container = factor.container();
    let each = 32 / container;
    // A small format lies within its byte with zeros around it.
    let below = if factor == Factor::E2m1 { 2 } else { 0 };
    with_factor!(factor, T, _E => {
        for at in 0..k {
            let (column, shift) = (column(at / each), at % each * container + below);
            for (panel, cells) in column.as_chunks::<PANEL>().0.iter().enumerate() {
                let values = &mut panels[(panel * k + at) * PANEL..][..PANEL];
                for (value, cell) in values.iter_mut().zip(cells) {
                    *value = T::value(cell >> shift);
                }
            }
        }
    });
}
