//! *Multiply-and-Accumulate Instruction: mma* on integers of 8, 4 and 1 bits. Fragments are those of
//! [`mma_f32`](super::mma_f32); shapes m8n8kK have only the registers of the upper eight rows.

use super::Register;
use super::element::Element;
use super::mma::{ORDER, accumulate};

/// D = A · B + C, m16n8kK, which wraps around, or with `finite` (`.satfinite`) stops at the ends of
/// the range of `.s32`. `E` is 16 for `.s8` and `.u8`, 32 for `.s4` and `.u4`.
pub fn mma_s32<A: Element<E>, B: Element<E>, const E: usize, const STEPS: usize>(
    a: [[&Register; 2]; STEPS],
    b: [&Register; STEPS],
    c: [&Register; 4],
    finite: bool,
) -> [Register; 4] {
    let mut d = c.map(|c| *c);
    multiply::<A, B, E, 2, STEPS>(&mut d, a, b, finite);
    d
}

/// The same as [`mma_s32`] for eight rows: m8n8k16 on bytes and m8n8k32 on four bits.
pub fn mma_s32_m8<A: Element<E>, B: Element<E>, const E: usize>(
    a: &Register,
    b: &Register,
    c: [&Register; 2],
    finite: bool,
) -> [Register; 2] {
    let mut d = c.map(|c| *c);
    multiply::<A, B, E, 1, 1>(&mut d, [[a]], [b], finite);
    d
}

/// Adds A · B to two registers for each eight rows.
#[inline(always)]
fn multiply<A, B, const E: usize, const HALVES: usize, const STEPS: usize>(
    sum: &mut [Register],
    a: [[&Register; HALVES]; STEPS],
    b: [&Register; STEPS],
    finite: bool,
) where
    A: Element<E>,
    B: Element<E>,
{
    // 64 products of bytes stay below 2^24, and so are exact.
    let mut products = [[[0.0; 8]; 8]; HALVES];
    accumulate::<A, B, E, HALVES, STEPS>(&mut products, a, b);
    for (row, products) in products.as_flattened().iter().enumerate() {
        for (&column, &product) in ORDER.iter().zip(products) {
            let sum = &mut sum[row / 8 * 2 + column % 2][row % 8 * 4 + column / 2];
            let (c, product) = (*sum as i32, product as i32);
            let d = if finite { c.saturating_add(product) } else { c.wrapping_add(product) };
            *sum = d as u32;
        }
    }
}

/// How single bits are multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BitOperation {
    /// `.xor`.
    Xor,
    /// `.and`.
    And,
}

/// `.b1` with `.popc`: to each element of C is added how many ones the operation on a row of A and
/// a column of B has; it wraps around. `HALVES` is 1 for m8n8k128, 2 for m16n8k128 and m16n8k256,
/// the latter with 2 `STEPS`. C and D are given by eight rows.
pub fn mma_b1<const HALVES: usize, const STEPS: usize>(
    a: [[&Register; HALVES]; STEPS],
    b: [&Register; STEPS],
    c: [[&Register; 2]; HALVES],
    operation: BitOperation,
) -> [[Register; 2]; HALVES] {
    std::array::from_fn(|half| {
        std::array::from_fn(|odd| {
            std::array::from_fn(|lane| {
                let (row, column) = (lane / 4, lane % 4 * 2 + odd);
                let mut sum = c[half][odd][lane];
                for (a, b) in a.iter().zip(b) {
                    for q in 0..4 {
                        let (a, b) = (a[half][4 * row + q], b[4 * column + q]);
                        let bits = match operation {
                            BitOperation::Xor => a ^ b,
                            BitOperation::And => a & b,
                        };
                        sum = sum.wrapping_add(bits.count_ones());
                    }
                }
                sum
            })
        })
    })
}
