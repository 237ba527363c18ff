//! *Multiply-and-Accumulate Instruction: mma*, dense shapes m16n8kK.
//!
//! Lane 4g + q of a warp holds of each fragment (*Matrix Fragments for mma.m16n8k..*), where a
//! register has `E` elements:
//!
//! | fragment | register r, element j |
//! |---|---|
//! | A, 16 × K | row g + 8·(r mod 2), column q·E + j + 4·E·(r / 2) |
//! | B, K × 8 | row q·E + j + 4·E·r, column g |
//! | C and D in 32 bits | row g + 8·(r / 2), column 2·q + r mod 2 |
//! | C and D in `.f16` | row g + 8·r, column 2·q + j |
//!
//! So a register is 8 rows (of A) or columns (of B) of 4·E elements, and a step of the product
//! takes two registers of A and one of B: A is given as `[[a0, a1], [a2, a3]]`, B as `[b0, b1]`.

use super::Register;
use super::element::Element;
use super::tile::{Tile, multiply_accumulate};
use crate::numeric::{F32, Format, f16_to_f32, f32_to_f16};

/// D = A · B + C with C and D in `.f32`.
///
/// `E` is 4 for `.tf32`, 8 for `.f16` and `.bf16`, 16 for `.e4m3` and `.e5m2`; K is `E · STEPS`.
///
/// ```
/// use tilewright_sim::numeric::{F16, matrix};
/// // m16n8k16: every element of A and B is 1, of C 0.5.
/// let (ones, halves) = ([0x3c00_3c00; 32], [0.5_f32.to_bits(); 32]);
/// let a = [[&ones; 2]; 2];
/// let d = matrix::mma_f32::<F16, F16, 8, 2>(a, [&ones; 2], [&halves; 4]);
/// assert_eq!(d, [[16.5_f32.to_bits(); 32]; 4]);
/// ```
pub fn mma_f32<A: Element<E>, B: Element<E>, const E: usize, const STEPS: usize>(
    a: [[&Register; 2]; STEPS],
    b: [&Register; STEPS],
    c: [&Register; 4],
) -> [Register; 4] {
    let mut sum = [[[0.0; 8]; 8]; 2];
    for (row, sum) in sum.as_flattened_mut().iter_mut().enumerate() {
        let (even, lane) = (row / 8 * 2, row % 8 * 4);
        for q in 0..4 {
            sum[q] = f32::from_bits(c[even][lane + q]);
            sum[4 + q] = f32::from_bits(c[even + 1][lane + q]);
        }
    }
    accumulate::<A, B, E, 2, STEPS>(&mut sum, a, b);
    let mut d = [[0; 32]; 4];
    for (row, sum) in sum.as_flattened().iter().enumerate() {
        let (even, lane) = (row / 8 * 2, row % 8 * 4);
        for q in 0..4 {
            d[even][lane + q] = F32::canonical(sum[q].to_bits());
            d[even + 1][lane + q] = F32::canonical(sum[4 + q].to_bits());
        }
    }
    d
}

/// D = A · B + C with C and D in `.f16`; the sum is rounded once.
pub fn mma_f16<A: Element<E>, B: Element<E>, const E: usize, const STEPS: usize>(
    a: [[&Register; 2]; STEPS],
    b: [&Register; STEPS],
    c: [&Register; 2],
) -> [Register; 2] {
    let mut sum = [[[0.0; 8]; 8]; 2];
    for (row, sum) in sum.as_flattened_mut().iter_mut().enumerate() {
        for q in 0..4 {
            let pair = c[row / 8][row % 8 * 4 + q];
            sum[q] = f16_to_f32(pair as u16);
            sum[4 + q] = f16_to_f32((pair >> 16) as u16);
        }
    }
    accumulate::<A, B, E, 2, STEPS>(&mut sum, a, b);
    let mut d = [[0; 32]; 2];
    for (row, sum) in sum.as_flattened().iter().enumerate() {
        for q in 0..4 {
            let (even, odd) = (f32_to_f16(sum[q]), f32_to_f16(sum[4 + q]));
            d[row / 8][row % 8 * 4 + q] = u32::from(odd) << 16 | u32::from(even);
        }
    }
    d
}

/// The columns of B and of sums: a register of C holds either the even or the odd ones of a row.
pub(super) const ORDER: [usize; 8] = [0, 2, 4, 6, 1, 3, 5, 7];

/// Adds A · B to `sum`, eight rows each, whose columns are in [`ORDER`].
#[inline(always)]
pub(super) fn accumulate<A, B, const E: usize, const HALVES: usize, const STEPS: usize>(
    sum: &mut [Tile<8, 8>; HALVES],
    a: [[&Register; HALVES]; STEPS],
    b: [&Register; STEPS],
) where
    A: Element<E>,
    B: Element<E>,
{
    let mut rows = [[0.0; E]; 8];
    let mut columns = [[0.0; E]; 8];
    let mut ordered = [[0.0; 8]; E];
    for (a, b) in a.iter().zip(b) {
        B::widen(b, &mut columns);
        for (k, row) in ordered.iter_mut().enumerate() {
            for (element, n) in row.iter_mut().zip(ORDER) {
                *element = columns[n][k];
            }
        }
        for (a, sum) in a.iter().zip(sum.iter_mut()) {
            A::widen(a, &mut rows);
            multiply_accumulate(sum, &rows, &ordered);
        }
    }
}
