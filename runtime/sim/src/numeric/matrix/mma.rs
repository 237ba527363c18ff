//! *Multiply-and-Accumulate Instruction: mma*, dense shapes m16n8kK and m8n8k4.
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
use super::tile::{Tile, multiply_accumulate, transposed};
use crate::numeric::{F16, F32, Format, f32_to_f16};

/// The sum as its upper and lower eight rows.
type Sum = [Tile<8, 8>; 2];

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
    let mut sum = [0, 1].map(|half| accumulator(c[2 * half], c[2 * half + 1]));
    accumulate::<A, B, E, STEPS>(&mut sum, a, b);
    let d = sum.each_ref().map(registers);
    [d[0][0], d[0][1], d[1][0], d[1][1]].map(|register| register.map(F32::canonical))
}

/// D = A · B + C with C and D in `.f16`; the sum is rounded once.
pub fn mma_f16<A: Element<E>, B: Element<E>, const E: usize, const STEPS: usize>(
    a: [[&Register; 2]; STEPS],
    b: [&Register; STEPS],
    c: [&Register; 2],
) -> [Register; 2] {
    let mut sum = c.map(F16::widen);
    accumulate::<A, B, E, STEPS>(&mut sum, a, b);
    sum.map(|rows| {
        std::array::from_fn(|lane| {
            let pair = &rows[lane / 4][lane % 4 * 2..][..2];
            u32::from(f32_to_f16(pair[1])) << 16 | u32::from(f32_to_f16(pair[0]))
        })
    })
}

/// D = A · B + C with C and D in `.s32`, which wraps around, or with `finite` (`.satfinite`) stops
/// at the ends of its range. `E` is 16 for `.s8` and `.u8`, 32 for `.s4` and `.u4`.
pub fn mma_s32<A: Element<E>, B: Element<E>, const E: usize, const STEPS: usize>(
    a: [[&Register; 2]; STEPS],
    b: [&Register; STEPS],
    c: [&Register; 4],
    finite: bool,
) -> [Register; 4] {
    // 64 products of bytes stay below 2^24, and so are exact.
    let mut sum = [[[0.0; 8]; 8]; 2];
    accumulate::<A, B, E, STEPS>(&mut sum, a, b);
    let products = sum.each_ref().map(registers);
    std::array::from_fn(|r| {
        std::array::from_fn(|lane| {
            let product = f32::from_bits(products[r / 2][r % 2][lane]) as i32;
            let c = c[r][lane] as i32;
            let d = if finite { c.saturating_add(product) } else { c.wrapping_add(product) };
            d as u32
        })
    })
}

#[inline(always)]
fn accumulate<A: Element<E>, B: Element<E>, const E: usize, const STEPS: usize>(
    sum: &mut Sum,
    a: [[&Register; 2]; STEPS],
    b: [&Register; STEPS],
) {
    for (a, b) in a.iter().zip(b) {
        let b = transposed(&B::widen(b));
        for (sum, a) in sum.iter_mut().zip(a) {
            multiply_accumulate(sum, &A::widen(a), &b);
        }
    }
}

/// Eight rows of an accumulator from its registers for even and odd columns.
#[inline(always)]
fn accumulator(even: &Register, odd: &Register) -> Tile<8, 8> {
    let mut tile = [[0.0; 8]; 8];
    for lane in 0..32 {
        tile[lane / 4][lane % 4 * 2] = f32::from_bits(even[lane]);
        tile[lane / 4][lane % 4 * 2 + 1] = f32::from_bits(odd[lane]);
    }
    tile
}

/// The inverse of [`accumulator`].
#[inline(always)]
fn registers(tile: &Tile<8, 8>) -> [Register; 2] {
    [0, 1].map(|odd| std::array::from_fn(|lane| tile[lane / 4][lane % 4 * 2 + odd].to_bits()))
}

/// D = A · B + C in `.f64`: m8n8k4 with `HALVES` = 1 and `STEPS` = 1, m16n8k4, k8 and k16 with
/// `HALVES` = 2. Each element grows by fused multiply-adds in the order of k.
///
/// A is given by step and half of the rows, B by step, C and D by half and column modulo 2.
pub fn mma_f64<const HALVES: usize, const STEPS: usize>(
    a: [[&[u64; 32]; HALVES]; STEPS],
    b: [&[u64; 32]; STEPS],
    c: [[&[u64; 32]; 2]; HALVES],
) -> [[[u64; 32]; 2]; HALVES] {
    std::array::from_fn(|half| {
        std::array::from_fn(|odd| {
            std::array::from_fn(|lane| {
                let (row, column) = (lane / 4, lane % 4 * 2 + odd);
                let mut sum = f64::from_bits(c[half][odd][lane]);
                for (a, b) in a.iter().zip(b) {
                    for k in 0..4 {
                        let a = f64::from_bits(a[half][4 * row + k]);
                        sum = a.mul_add(f64::from_bits(b[4 * column + k]), sum);
                    }
                }
                crate::numeric::F64::canonical(sum.to_bits())
            })
        })
    })
}
