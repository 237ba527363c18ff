//! *Asynchronous Warpgroup Level Matrix Multiply-Accumulate*: `wgmma.mma_async`, m64nNkK.
//!
//! D is 64 × N, of which warp w of the warpgroup has rows 16w to 16w + 15; a row of A has 32 bytes,
//! so that K is 256 by the bits of an element. Lane 4g + q holds, where a register has `e`
//! elements:
//!
//! | fragment | register r, element j |
//! |---|---|
//! | A | row g + 8·(r mod 2), column q·e + j + 4·e·(r / 2) |
//! | D in 32 bits | row g + 8·(r / 2 mod 2), column 8·(r / 4) + 2·q + r mod 2 |
//! | D in `.f16` | row g + 8·(r mod 2), column 8·(r / 2) + 2·q + j |
//!
//! Operands are widened to `f32` once for all warps: A to rows, B to panels of eight columns, each
//! of K rows. Sums of floating point grow in `f32`, one product after the other in the order of k,
//! from D or from 0. Products of factors are exact, but for those of `.bf16` and `.tf32` that are
//! beyond the range of `f32`; PTX leaves order and rounding of the sums open. Sums of integers are
//! exact.

use super::Register;
use super::descriptor::{Descriptor, Major, UNIT};
use super::element::{B1, Element, Number, S8, U8};
use super::shared::Units;
use super::tile::{Tile, multiply_accumulate};
use super::wmma::Sum;
use crate::numeric::{Bf16, E4m3, E5m2, F16, F32, Format, Tf32, f16_to_f32, f32_to_f16};

/// Rows of A and D.
pub const M: usize = 64;
/// Rows of A and D that a warp has.
pub const WARP_ROWS: usize = 16;
/// Columns of B that lie together.
pub const PANEL: usize = 8;

/// A type of the elements of A or B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Factor {
    F16,
    Bf16,
    Tf32,
    E4m3,
    E5m2,
    S8,
    U8,
    B1,
}

/// Evaluates an expression with a type parameter standing for the type of the elements, and a
/// constant for how many a register of four lanes has.
macro_rules! with_factor {
    ($factor:expr, $T:ident, $E:ident => $body:expr) => {
        match $factor {
            Factor::F16 => with_factor!(@ $T = F16, $E = 8 => $body),
            Factor::Bf16 => with_factor!(@ $T = Bf16, $E = 8 => $body),
            Factor::Tf32 => with_factor!(@ $T = Tf32, $E = 4 => $body),
            Factor::E4m3 => with_factor!(@ $T = E4m3, $E = 16 => $body),
            Factor::E5m2 => with_factor!(@ $T = E5m2, $E = 16 => $body),
            Factor::S8 => with_factor!(@ $T = S8, $E = 16 => $body),
            Factor::U8 => with_factor!(@ $T = U8, $E = 16 => $body),
            Factor::B1 => with_factor!(@ $T = B1, $E = 128 => $body),
        }
    };
    (@ $T:ident = $type:ty, $E:ident = $each:literal => $body:expr) => {{
        type $T = $type;
        const $E: usize = $each;
        $body
    }};
}

impl Factor {
    /// Bits of an element.
    pub const fn bits(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 16,
            Self::Tf32 => 32,
            Self::E4m3 | Self::E5m2 | Self::S8 | Self::U8 => 8,
            Self::B1 => 1,
        }
    }

    /// Columns of A and rows of B.
    pub const fn k(self) -> usize {
        256 / self.bits()
    }

    /// Elements of a 16-byte unit.
    const fn each(self) -> usize {
        8 * UNIT / self.bits()
    }
}

/// A matrix in shared memory: A by rows, or B by columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SharedMatrix {
    /// Where it lies.
    pub descriptor: Descriptor,
    /// In which order.
    pub major: Major,
    /// The type of its elements.
    pub factor: Factor,
}

impl SharedMatrix {
    /// Where its units lie.
    pub fn placement(self) -> Units {
        let Self { descriptor, major, factor } = self;
        Units { descriptor, major, each: factor.each(), k: factor.k() }
    }

    /// The addresses of its 16-byte units, as rows or columns `outer` have them.
    pub fn units(self, outer: std::ops::Range<usize>) -> impl Iterator<Item = u32> {
        self.placement().of(outer).map(|(_, _, at)| at)
    }

    /// Widens A: 64 rows of K numbers.
    pub fn rows(self, read: impl Fn(u32) -> [u8; UNIT], rows: &mut Vec<f32>) {
        with_factor!(self.factor, T, E => {
            rows.resize(M * 2 * E, 0.0);
            self.widen::<T, E>(M, read, |i, k, value| rows[i * 2 * E + k] = value);
        });
    }

    /// Widens B of `n` columns: panels of [`PANEL`] columns in the order of even, then odd ones,
    /// each of K rows.
    pub fn panels(self, n: usize, read: impl Fn(u32) -> [u8; UNIT], panels: &mut Vec<f32>) {
        /// Where each column of a panel is.
        const PLACE: [usize; PANEL] = [0, 4, 1, 5, 2, 6, 3, 7];
        with_factor!(self.factor, T, E => {
            panels.resize(n * 2 * E, 0.0);
            self.widen::<T, E>(n, read, |i, k, value| {
                panels[(i / PANEL * 2 * E + k) * PANEL + PLACE[i % PANEL]] = value;
            });
        });
    }

    /// Calls a function with each element of `outer` rows or columns.
    #[inline(always)]
    fn widen<T: Number, const E: usize>(
        self,
        outer: usize,
        read: impl Fn(u32) -> [u8; UNIT],
        put: impl FnMut(usize, usize, f32),
    ) {
        self.placement().widen::<T, E>(outer, read, put);
    }
}

/// Widens the fragment of A that a warp has: 16 rows of K numbers.
pub fn fragment_rows(factor: Factor, fragment: [&Register; 4], rows: &mut Vec<f32>) {
    with_factor!(factor, T, E => {
        rows.resize(WARP_ROWS * 2 * E, 0.0);
        let mut tile = [[0.0; E]; 8];
        for (r, register) in fragment.into_iter().enumerate() {
            T::widen(register, &mut tile);
            let places = rows.chunks_exact_mut(2 * E).skip(8 * (r % 2));
            for (row, values) in places.zip(&tile) {
                row[r / 2 * E..][..E].copy_from_slice(values);
            }
        }
    });
}

/// What is computed from A, B and D.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Product {
    /// K, one of the factors' [`k`](Factor::k).
    pub k: usize,
    /// The type of D.
    pub sum: Sum,
    /// Whether one of A and B is negated, but not both.
    pub negate: bool,
    /// `.satfinite`: integers stop at the ends of their range.
    pub finite: bool,
}

impl Product {
    /// Registers of D for a panel of columns.
    pub const fn registers(sum: Sum) -> usize {
        match sum {
            Sum::F16 => 2,
            Sum::F32 | Sum::S32 => 4,
        }
    }

    /// Adds to the registers of D for one panel the product of a warp's 16 rows of A and a panel of
    /// B, both widened; without `accumulate` D begins at 0.
    pub fn add(self, d: &mut [Register; 4], accumulate: bool, a: &[f32], panel: &[f32]) {
        let mut sum = match (accumulate, self.sum) {
            (true, Sum::F32) => singles(d),
            (true, Sum::F16) => halves(d),
            _ => [[0.0; PANEL]; WARP_ROWS],
        };
        match self.k {
            8 => self.multiply::<8>(&mut sum, a, panel),
            16 => self.multiply::<16>(&mut sum, a, panel),
            32 => self.multiply::<32>(&mut sum, a, panel),
            _ => self.multiply::<256>(&mut sum, a, panel),
        }
        for (row, sum) in sum.iter().enumerate() {
            let (half, lane) = (row / 8, row % 8 * 4);
            for q in 0..4 {
                let (even, odd) = (sum[q], sum[4 + q]);
                match self.sum {
                    Sum::F32 => {
                        d[2 * half][lane + q] = F32::canonical(even.to_bits());
                        d[2 * half + 1][lane + q] = F32::canonical(odd.to_bits());
                    }
                    Sum::F16 => {
                        let pair = [even, odd].map(|x| u32::from(f32_to_f16(x)));
                        d[half][lane + q] = pair[1] << 16 | pair[0];
                    }
                    Sum::S32 => {
                        for (i, sum) in [even, odd].into_iter().enumerate() {
                            let d = &mut d[2 * half + i][lane + q];
                            let c = if accumulate { *d as i32 } else { 0 };
                            *d = self.add_integer(c, sum as i32);
                        }
                    }
                }
            }
        }
    }

    fn add_integer(self, c: i32, sum: i32) -> u32 {
        (if self.finite { c.saturating_add(sum) } else { c.wrapping_add(sum) }) as u32
    }

    #[inline(always)]
    fn multiply<const K: usize>(self, sum: &mut Tile<WARP_ROWS, PANEL>, a: &[f32], panel: &[f32]) {
        let mut rows = [[0.0; K]; WARP_ROWS];
        for (row, values) in rows.iter_mut().zip(a.as_chunks::<K>().0) {
            *row = if self.negate { values.map(|x| -x) } else { *values };
        }
        if let Some((panel, _)) = panel.as_chunks::<PANEL>().0.split_first_chunk::<K>() {
            multiply_accumulate(sum, &rows, panel);
        }
    }
}

/// D in `.f32` for a panel, its columns in the order of even, then odd ones.
fn singles(d: &[Register; 4]) -> Tile<WARP_ROWS, PANEL> {
    let mut sum = [[0.0; PANEL]; WARP_ROWS];
    for (row, sum) in sum.iter_mut().enumerate() {
        let (half, lane) = (row / 8, row % 8 * 4);
        for q in 0..4 {
            sum[q] = f32::from_bits(d[2 * half][lane + q]);
            sum[4 + q] = f32::from_bits(d[2 * half + 1][lane + q]);
        }
    }
    sum
}

/// The same of `.f16`.
fn halves(d: &[Register; 4]) -> Tile<WARP_ROWS, PANEL> {
    let mut sum = [[0.0; PANEL]; WARP_ROWS];
    for (row, sum) in sum.iter_mut().enumerate() {
        for q in 0..4 {
            let pair = d[row / 8][row % 8 * 4 + q];
            sum[q] = f16_to_f32(pair as u16);
            sum[4 + q] = f16_to_f32((pair >> 16) as u16);
        }
    }
    sum
}
