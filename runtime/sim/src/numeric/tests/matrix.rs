//! Fragments as the manual's formulas place them, products element by element.

use proptest::prelude::*;
use proptest::sample::select;

use crate::numeric::matrix::{
    self, Accumulator, BitOperation, Element, Layout, Register, S4, S8, U4, U8,
};
use crate::numeric::{
    Bf16, E4m3, E5m2, F16, F32, F64, Format, Mode, Rounding, Tf32, bf16_to_f32, f16_to_f32,
    f32_to_f16, float, narrow,
};

fn registers<const N: usize>() -> impl Strategy<Value = [Register; N]> {
    any::<[Register; N]>()
}

/// Element at a place of a fragment of registers with `each` elements: of A by row and column, of B
/// by column and row.
fn element(register: &[&Register], each: usize, outer: usize, k: usize, is_a: bool) -> u32 {
    let halves = if is_a { 2 } else { 1 };
    let r = k / (4 * each) * halves + outer / 8;
    let (g, q, j) = (outer % 8, k % (4 * each) / each, k % each);
    let width = 32 / each;
    let bits = register[r][4 * g + q] >> (width * j);
    if width == 32 { bits } else { bits & ((1 << width) - 1) }
}

/// Sums of products in f32 in the order of k, from `c`.
fn product<const STEPS: usize>(
    a: [[&Register; 2]; STEPS],
    b: [&Register; STEPS],
    each: usize,
    values: (impl Fn(u32) -> f32, impl Fn(u32) -> f32),
    c: impl Fn(usize, usize) -> f32,
) -> [[f32; 8]; 16] {
    let a = a.as_flattened();
    std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            (0..4 * each * STEPS).fold(c(row, column), |sum, k| {
                let a = values.0(element(a, each, row, k, true));
                sum + a * values.1(element(&b, each, column, k, false))
            })
        })
    })
}

/// Where an element of C or D in 32 bits lies: register and lane.
fn place(row: usize, column: usize) -> (usize, usize) {
    (row / 8 * 2 + column % 2, row % 8 * 4 + column / 2)
}

fn check_f32<A: Element<N>, B: Element<N>, const N: usize, const STEPS: usize>(
    a: &[[Register; 2]; STEPS],
    b: &[Register; STEPS],
    c: &[Register; 4],
    values: (impl Fn(u32) -> f32, impl Fn(u32) -> f32),
) {
    let (a, b) = (a.each_ref().map(|a| a.each_ref()), b.each_ref());
    let d = matrix::mma_f32::<A, B, N, STEPS>(a, b, c.each_ref());
    let expected = product(a, b, N / 4, values, |row, column| {
        let (register, lane) = place(row, column);
        f32::from_bits(c[register][lane])
    });
    for (row, expected) in expected.iter().enumerate() {
        for (column, expected) in expected.iter().enumerate() {
            let (register, lane) = place(row, column);
            let result = d[register][lane];
            assert_eq!(result, F32::canonical(expected.to_bits()), "row {row}, column {column}");
        }
    }
}

fn check_f16<A: Element<N>, B: Element<N>, const N: usize, const STEPS: usize>(
    a: &[[Register; 2]; STEPS],
    b: &[Register; STEPS],
    c: &[Register; 2],
    values: (impl Fn(u32) -> f32, impl Fn(u32) -> f32),
) {
    let (a, b) = (a.each_ref().map(|a| a.each_ref()), b.each_ref());
    let d = matrix::mma_f16::<A, B, N, STEPS>(a, b, c.each_ref());
    // Register i, half j: row g + 8i, column 2q + j.
    let at = |c: &[Register; 2], row: usize, column: usize| {
        (c[row / 8][row % 8 * 4 + column / 2] >> (column % 2 * 16)) as u16
    };
    let expected = product(a, b, N / 4, values, |row, column| f16_to_f32(at(c, row, column)));
    for row in 0..16 {
        for column in 0..8 {
            let expected = f32_to_f16(expected[row][column]);
            assert_eq!(at(&d, row, column), expected, "row {row}, column {column}");
        }
    }
}

fn check_s32<A: Element<N>, B: Element<N>, const N: usize, const STEPS: usize>(
    a: &[[Register; 2]; STEPS],
    b: &[Register; STEPS],
    c: &[Register; 4],
    values: (impl Fn(u32) -> i64, impl Fn(u32) -> i64),
) {
    let (a, b) = (a.each_ref().map(|a| a.each_ref()), b.each_ref());
    for finite in [false, true] {
        let d = matrix::mma_s32::<A, B, N, STEPS>(a, b, c.each_ref(), finite);
        for row in 0..16 {
            for column in 0..8 {
                let (register, lane) = place(row, column);
                let products = (0..N * STEPS).map(|k| {
                    let a = values.0(element(a.as_flattened(), N / 4, row, k, true));
                    a * values.1(element(&b, N / 4, column, k, false))
                });
                let sum = i64::from(c[register][lane] as i32) + products.sum::<i64>();
                let limit = i64::from(i32::MAX);
                let sum = if finite { sum.clamp(-limit - 1, limit) } else { sum };
                assert_eq!(d[register][lane], sum as u32, "row {row}, column {column}");
            }
        }
    }
}

const F16_VALUE: fn(u32) -> f32 = |bits| f16_to_f32(bits as u16);
const BF16_VALUE: fn(u32) -> f32 = |bits| bf16_to_f32(bits as u16);
const TF32_VALUE: fn(u32) -> f32 = |bits| f32::from_bits(bits >> 13 << 13);
const E4M3_VALUE: fn(u32) -> f32 = |bits| narrow::e4m3_to_f32(bits as u8);
const E5M2_VALUE: fn(u32) -> f32 = |bits| narrow::e5m2_to_f32(bits as u8);
const S8_VALUE: fn(u32) -> i64 = |bits| i64::from(bits as i8);
const U8_VALUE: fn(u32) -> i64 = |bits| i64::from(bits as u8);
const S4_VALUE: fn(u32) -> i64 = |bits| (i64::from(bits) ^ 8) - 8;
const U4_VALUE: fn(u32) -> i64 = |bits| i64::from(bits);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Random bits: infinities, NaNs and subnormal numbers are among them.
    #[test]
    fn floating_point(a in registers::<4>(), b in registers::<2>(), c in registers::<4>()) {
        let a = &[[a[0], a[1]], [a[2], a[3]]];
        let (a1, b1) = (&[a[0]], &[b[0]]);
        check_f32::<F16, F16, 8, 1>(a1, b1, &c, (F16_VALUE, F16_VALUE));
        check_f32::<F16, F16, 8, 2>(a, &b, &c, (F16_VALUE, F16_VALUE));
        check_f32::<Bf16, Bf16, 8, 1>(a1, b1, &c, (BF16_VALUE, BF16_VALUE));
        check_f32::<Bf16, Bf16, 8, 2>(a, &b, &c, (BF16_VALUE, BF16_VALUE));
        check_f32::<Tf32, Tf32, 4, 1>(a1, b1, &c, (TF32_VALUE, TF32_VALUE));
        check_f32::<Tf32, Tf32, 4, 2>(a, &b, &c, (TF32_VALUE, TF32_VALUE));
        check_f32::<E4m3, E5m2, 16, 1>(a1, b1, &c, (E4M3_VALUE, E5M2_VALUE));
        check_f32::<E5m2, E4m3, 16, 2>(a, &b, &c, (E5M2_VALUE, E4M3_VALUE));
        let c = &[c[0], c[1]];
        check_f16::<F16, F16, 8, 1>(a1, b1, c, (F16_VALUE, F16_VALUE));
        check_f16::<F16, F16, 8, 2>(a, &b, c, (F16_VALUE, F16_VALUE));
        check_f16::<E4m3, E4m3, 16, 2>(a, &b, c, (E4M3_VALUE, E4M3_VALUE));
    }

    #[test]
    fn integers(a in registers::<4>(), b in registers::<2>(), c in registers::<4>()) {
        let a = &[[a[0], a[1]], [a[2], a[3]]];
        let (a1, b1) = (&[a[0]], &[b[0]]);
        check_s32::<S8, S8, 16, 1>(a1, b1, &c, (S8_VALUE, S8_VALUE));
        check_s32::<S8, U8, 16, 2>(a, &b, &c, (S8_VALUE, U8_VALUE));
        check_s32::<U8, S8, 16, 2>(a, &b, &c, (U8_VALUE, S8_VALUE));
        check_s32::<U8, U8, 16, 2>(a, &b, &c, (U8_VALUE, U8_VALUE));
        check_s32::<S4, U4, 32, 1>(a1, b1, &c, (S4_VALUE, U4_VALUE));
        check_s32::<U4, S4, 32, 2>(a, &b, &c, (U4_VALUE, S4_VALUE));
    }

    #[test]
    fn eight_rows(a: Register, b: Register, c in registers::<4>(), finite: bool) {
        // As the upper half of the larger shape, whatever the lower half is.
        let whole = matrix::mma_s32::<S8, U8, 16, 1>([[&a, &b]], [&b], c.each_ref(), finite);
        let upper = matrix::mma_s32_m8::<S8, U8, 16>(&a, &b, [&c[0], &c[1]], finite);
        prop_assert_eq!(upper, [whole[0], whole[1]]);
        let whole = matrix::mma_s32::<U4, S4, 32, 1>([[&a, &b]], [&b], c.each_ref(), finite);
        let upper = matrix::mma_s32_m8::<U4, S4, 32>(&a, &b, [&c[0], &c[1]], finite);
        prop_assert_eq!(upper, [whole[0], whole[1]]);
    }

    #[test]
    fn single_bits(a in registers::<4>(), b in registers::<2>(), c in registers::<4>()) {
        let steps = [[&a[0], &a[1]], [&a[2], &a[3]]];
        let halves = [[&c[0], &c[1]], [&c[2], &c[3]]];
        let and = matrix::mma_b1::<2, 2>(steps, b.each_ref(), halves, BitOperation::And);
        let xor = matrix::mma_b1::<2, 2>(steps, b.each_ref(), halves, BitOperation::Xor);
        for row in 0..16 {
            for column in 0..8 {
                let (register, lane) = place(row, column);
                let bits = |k| {
                    let a = element(steps.as_flattened(), 32, row, k, true);
                    (a, element(&b.each_ref(), 32, column, k, false))
                };
                let count = |f: fn(u32, u32) -> u32| {
                    let ones: u32 = (0..256).map(|k| { let (a, b) = bits(k); f(a, b) }).sum();
                    c[register][lane].wrapping_add(ones)
                };
                prop_assert_eq!(and[register / 2][register % 2][lane], count(|a, b| a & b));
                prop_assert_eq!(xor[register / 2][register % 2][lane], count(|a, b| a ^ b));
            }
        }
        let eight = matrix::mma_b1::<1, 1>([[&a[0]]], [&b[0]], [halves[0]], BitOperation::And);
        let sixteen = matrix::mma_b1::<2, 1>([steps[0]], [&b[0]], halves, BitOperation::And);
        prop_assert_eq!(eight[0], sixteen[0]);
    }

    /// The products of quads, from matrices written into fragments as the manual places them.
    #[test]
    fn quads(
        a: [[[i8; 4]; 8]; 4], b: [[[i8; 8]; 4]; 4], c: [[[i8; 8]; 8]; 4],
        a_by_columns: bool, b_by_columns: bool,
    ) {
        let number = |x: i8| f32::from(x) / 4.0;
        let mut registers = ([[0; 32]; 2], [[0; 32]; 2], [[0; 32]; 4], [[0; 32]; 8]);
        let put = |registers: &mut [Register], lane: usize, i: usize, x: i8| {
            registers[i / 2][lane] |= u32::from(f32_to_f16(number(x))) << (16 * (i % 2));
        };
        for lane in 0..32 {
            let (p, l, high) = (lane % 16 / 4, lane % 4, lane / 16 * 4);
            for i in 0..4 {
                let (row, column) = if a_by_columns { (i + high, l) } else { (l + high, i) };
                put(&mut registers.0, lane, i, a[p][row][column]);
                let (row, column) = if b_by_columns { (i, l + high) } else { (l, i + high) };
                put(&mut registers.1, lane, i, b[p][row][column]);
            }
            for i in 0..8 {
                put(&mut registers.2, lane, i, c[p][l + high][i]);
                let (row, column) = ((lane & 1) + (i & 2) + high, (i & 4) + (lane & 2) + (i & 1));
                registers.3[i][lane] = number(c[p][row][column]).to_bits();
            }
        }
        let layout = |by_columns| if by_columns { Layout::Column } else { Layout::Row };
        let layouts = [layout(a_by_columns), layout(b_by_columns)];
        let (a_regs, b_regs) = (registers.0.each_ref(), registers.1.each_ref());
        let (half, single) = (registers.2.each_ref(), registers.3.each_ref());
        let from_half = matrix::mma_m8n8k4_f32(a_regs, b_regs, layouts, Accumulator::Half(half));
        let from_single =
            matrix::mma_m8n8k4_f32(a_regs, b_regs, layouts, Accumulator::Single(single));
        let to_half = matrix::mma_m8n8k4_f16(a_regs, b_regs, layouts, half);
        prop_assert_eq!(from_half, from_single);
        for lane in 0..32 {
            let (p, high) = (lane % 16 / 4, lane / 16 * 4);
            // Small multiples of 1/16: exact in f32 in any order.
            let exact = |row: usize, column: usize| {
                let products = (0..4).map(|k| number(a[p][row][k]) * number(b[p][k][column]));
                number(c[p][row][column]) + products.sum::<f32>()
            };
            for i in 0..8 {
                let (row, column) = ((lane & 1) + (i & 2) + high, (i & 4) + (lane & 2) + (i & 1));
                prop_assert_eq!(f32::from_bits(from_single[i][lane]), exact(row, column));
                let half = (to_half[i / 2][lane] >> (16 * (i % 2))) as u16;
                prop_assert_eq!(half, f32_to_f16(exact(lane % 4 + high, i)));
            }
        }
    }

    #[test]
    fn double_precision(
        a in any::<[[f64; 32]; 4]>(), b in any::<[[f64; 32]; 2]>(), c in any::<[[f64; 32]; 4]>(),
        rounding in select(vec![Rounding::NearestEven, Rounding::TowardZero, Rounding::Up]),
    ) {
        let [a, c] = [a, c].map(|registers| registers.map(|r| r.map(f64::to_bits)));
        let b = b.map(|r| r.map(f64::to_bits));
        let halves = [[&c[0], &c[1]], [&c[2], &c[3]]];
        let steps = [[&a[0], &a[1]], [&a[2], &a[3]]];
        let d = matrix::mma_f64::<2, 2>(steps, b.each_ref(), halves, rounding);
        let mode = Mode::NEAREST.rounded(rounding);
        for row in 0..16 {
            for column in 0..8 {
                let (register, lane) = place(row, column);
                let sum = (0..8).fold(c[register][lane], |sum, k| {
                    let a = a[k / 4 * 2 + row / 8][row % 8 * 4 + k % 4];
                    float::multiply_add::<F64>(a, b[k / 4][column * 4 + k % 4], sum, mode)
                });
                prop_assert_eq!(d[register / 2][register % 2][lane], sum);
            }
        }
        let eight = matrix::mma_f64::<1, 1>([[&a[0]]], [&b[0]], [halves[0]], rounding);
        let sixteen = matrix::mma_f64::<2, 1>([steps[0]], [&b[0]], halves, rounding);
        prop_assert_eq!(eight[0], sixteen[0]);
    }

    #[test]
    fn matrices_in_memory(rows: [[u16; 8]; 8]) {
        let plain = matrix::load(&rows, false);
        let transposed = matrix::load(&rows, true);
        for lane in 0..32 {
            let (g, q) = (lane / 4, lane % 4);
            for j in 0..2 {
                prop_assert_eq!((plain[lane] >> (16 * j)) as u16, rows[g][2 * q + j]);
                prop_assert_eq!((transposed[lane] >> (16 * j)) as u16, rows[2 * q + j][g]);
            }
        }
        prop_assert_eq!(matrix::store(&plain, false), rows);
        prop_assert_eq!(matrix::store(&transposed, true), rows);
        prop_assert_eq!(matrix::transpose(&plain), transposed);
        prop_assert_eq!(matrix::transpose(&transposed), plain);
    }
}
