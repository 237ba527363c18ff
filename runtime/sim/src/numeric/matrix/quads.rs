//! *Multiply-and-Accumulate Instruction: mma*, m8n8k4 on `.f16`: four products, each of eight lanes,
//! of a shape made for Volta.
//!
//! Product p is that of lanes 4p to 4p + 3, the low group, and 16 more than these, the high group.
//! Lane l of a group, which is `high` or not, holds elements i, two in a register
//! (*Matrix Fragments for mma.m8n8k4 with .f16 floating point type*):
//!
//! | fragment | element i |
//! |---|---|
//! | A by rows | row l + 4·high, column i |
//! | A by columns | row i + 4·high, column l |
//! | B by rows | row l, column i + 4·high |
//! | B by columns | row i, column l + 4·high |
//! | C and D in `.f16` | row l + 4·high, column i |
//! | C and D in `.f32` | row (l & 1) + (i & 2) + 4·high, column (i & 4) + (l & 2) + (i & 1) |

use super::Register;
use super::tile::{Tile, multiply_accumulate};
use crate::numeric::{F32, Format, f16_to_f32, f32_to_f16};

/// In which order a matrix lies: `.row` or `.col`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// `.row`: row after row.
    Row,
    /// `.col`: column after column.
    Column,
}

/// C of m8n8k4.
#[derive(Clone, Copy, Debug)]
pub enum Accumulator<'a> {
    /// `.f16`, two a register.
    Half([&'a Register; 4]),
    /// `.f32`.
    Single([&'a Register; 8]),
}

/// D = A · B + C of the four products; the sums in f32.
fn products(
    a: [&Register; 2],
    b: [&Register; 2],
    layouts: [Layout; 2],
    c: Accumulator<'_>,
) -> [Tile<8, 8>; 4] {
    std::array::from_fn(|product| {
        let (mut a_tile, mut b_tile, mut sum) = ([[0.0; 4]; 8], [[0.0; 8]; 4], [[0.0; 8]; 8]);
        for (l, high, lane) in members(product) {
            for i in 0..4 {
                let (row, column) = match layouts[0] {
                    Layout::Row => (l + 4 * high, i),
                    Layout::Column => (i + 4 * high, l),
                };
                a_tile[row][column] = half(a[i / 2][lane], i);
                let (row, column) = match layouts[1] {
                    Layout::Row => (l, i + 4 * high),
                    Layout::Column => (i, l + 4 * high),
                };
                b_tile[row][column] = half(b[i / 2][lane], i);
            }
            for i in 0..8 {
                match c {
                    Accumulator::Half(c) => sum[l + 4 * high][i] = half(c[i / 2][lane], i),
                    Accumulator::Single(c) => {
                        let (row, column) = single_place(l, high, i);
                        sum[row][column] = f32::from_bits(c[i][lane]);
                    }
                }
            }
        }
        multiply_accumulate(&mut sum, &a_tile, &b_tile);
        sum
    })
}

/// D = A · B + C with D in `.f32`.
///
/// `layouts` are those of A and B.
pub fn mma_m8n8k4_f32(
    a: [&Register; 2],
    b: [&Register; 2],
    layouts: [Layout; 2],
    c: Accumulator<'_>,
) -> [Register; 8] {
    let mut d = [[0; 32]; 8];
    for (product, sum) in products(a, b, layouts, c).iter().enumerate() {
        for (l, high, lane) in members(product) {
            for (i, d) in d.iter_mut().enumerate() {
                let (row, column) = single_place(l, high, i);
                d[lane] = F32::canonical(sum[row][column].to_bits());
            }
        }
    }
    d
}

/// D = A · B + C with D in `.f16`; the sum is rounded once.
pub fn mma_m8n8k4_f16(
    a: [&Register; 2],
    b: [&Register; 2],
    layouts: [Layout; 2],
    c: [&Register; 4],
) -> [Register; 4] {
    let mut d = [[0; 32]; 4];
    for (product, sum) in products(a, b, layouts, Accumulator::Half(c)).iter().enumerate() {
        for (l, high, lane) in members(product) {
            for (d, pair) in d.iter_mut().zip(sum[l + 4 * high].as_chunks::<2>().0) {
                let [low, high] = pair.map(|x| u32::from(f32_to_f16(x)));
                d[lane] = high << 16 | low;
            }
        }
    }
    d
}

/// Of the lanes of a product: the number in its group, whether it is the high one, the lane.
fn members(product: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..8).map(move |i| (i % 4, i / 4, 4 * product + i % 4 + i / 4 * 16))
}

/// Row and column of element i of C and D in `.f32`.
fn single_place(l: usize, high: usize, i: usize) -> (usize, usize) {
    ((l & 1) + (i & 2) + 4 * high, (i & 4) + (l & 2) + (i & 1))
}

/// Element i of those that lie two in a register.
fn half(register: u32, i: usize) -> f32 {
    f16_to_f32((register >> (16 * (i % 2))) as u16)
}
