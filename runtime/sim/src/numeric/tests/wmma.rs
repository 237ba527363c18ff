use proptest::prelude::*;

use crate::numeric::f32_to_f16;
use crate::numeric::matrix::Register;
use crate::numeric::matrix::wmma::{self, Factor, Fragment, Matrix, Shape, Sum, Types};

/// The registers that hold, wherever a fragment places it, the element of a matrix.
fn fragment(fragment: Fragment, value: impl Fn(usize, usize) -> u32) -> Vec<Register> {
    let (rows, columns) = fragment.size();
    let mut held = vec![vec![false; columns]; rows];
    let mut registers = vec![[0; 32]; fragment.registers];
    for (r, register) in registers.iter_mut().enumerate() {
        for (lane, word) in register.iter_mut().enumerate() {
            for i in 0..fragment.each() {
                let (row, column) = fragment.place(lane, r, i);
                held[row][column] = true;
                *word |= value(row, column) << (i * fragment.bits);
            }
        }
    }
    assert!(held.iter().flatten().all(|&held| held), "an element has no place");
    registers
}

fn check_wmma<const C: usize, const D: usize>(
    shape: Shape,
    types: Types,
    [a_registers, b_registers]: [usize; 2],
    seed: u64,
) {
    let k = shape.k;
    let of = |matrix, bits, registers| Fragment { matrix, shape, bits, registers };
    // Small integers: products and sums are exact in every type.
    let number = |matrix: u64, row: usize, column: usize| -> i32 {
        let mixed = (seed ^ (matrix << 40 | (row as u64) << 20 | column as u64))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 61) as i32
    };
    let factor = |factor: Factor, x: i32| match factor {
        Factor::F16 => u32::from(f32_to_f16(x as f32)),
        Factor::Bf16 => (x as f32).to_bits() >> 16,
        Factor::Tf32 => (x as f32).to_bits(),
        Factor::S8 | Factor::U8 => x as u32 & 0xff,
    };
    let sum = |sum: Sum, x: i32| match sum {
        Sum::F16 => u32::from(f32_to_f16(x as f32)),
        Sum::F32 => (x as f32).to_bits(),
        Sum::S32 => x as u32,
    };
    let a = fragment(of(Matrix::A, types.a.bits(), a_registers), |row, column| {
        factor(types.a, number(1, row, column))
    });
    let b = fragment(of(Matrix::B, types.b.bits(), b_registers), |row, column| {
        factor(types.b, number(2, row, column))
    });
    let c = fragment(of(Matrix::Sum, types.c.bits(), C), |row, column| {
        sum(types.c, number(3, row, column) - 4)
    });
    let [a, b, c] = [&a, &b, &c].map(|registers| registers.iter().collect::<Vec<_>>());
    let d = wmma::wmma::<D>(shape, types, [&a, &b, &c]);
    let expected = fragment(of(Matrix::Sum, types.d.bits(), D), |row, column| {
        let products = (0..k).map(|k| number(1, row, k) * number(2, k, column));
        sum(types.d, products.sum::<i32>() + number(3, row, column) - 4)
    });
    assert_eq!(d.to_vec(), expected, "{shape:?} {types:?}");
}

#[test]
fn finite_sums_of_wmma() {
    let shape = Shape { m: 16, n: 16, k: 16 };
    let check = |a: f32, c: f32, half: Option<u16>, single: Option<f32>| {
        let packed = u32::from(f32_to_f16(a)) * 0x1_0001;
        let (a, c) = ([packed; 32], [c.to_bits(); 32]);
        let operands: [&[&Register]; 3] = [&[&a; 8], &[&a; 8], &[&c; 8]];
        let types = |d| Types { a: Factor::F16, b: Factor::F16, c: Sum::F32, d, finite: true };
        if let Some(half) = half {
            let d = wmma::wmma::<4>(shape, types(Sum::F16), operands);
            assert_eq!(d, [[u32::from(half) * 0x1_0001; 32]; 4]);
        }
        if let Some(single) = single {
            let d = wmma::wmma::<8>(shape, types(Sum::F32), operands);
            assert_eq!(d, [[single.to_bits(); 32]; 8]);
        }
    };
    check(f32::NAN, 0.0, Some(0), Some(0.0));
    check(1.0, f32::NEG_INFINITY, Some(0xfbff), Some(f32::MIN));
    check(256.0, 0.0, Some(0x7bff), Some(1_048_576.0));
    let (bytes, near) = ([0x7f7f_7f7f; 32], [i32::MAX as u32 - 1; 32]);
    let types = |finite| Types { a: Factor::S8, b: Factor::S8, c: Sum::S32, d: Sum::S32, finite };
    let operands: [&[&Register]; 3] = [&[&bytes; 2], &[&bytes; 2], &[&near; 8]];
    let saturated = wmma::wmma::<8>(shape, types(true), operands);
    assert_eq!(saturated, [[i32::MAX as u32; 32]; 8]);
    let wrapped = wmma::wmma::<8>(shape, types(false), operands);
    assert_eq!(wrapped, [[(i32::MAX as u32 - 1).wrapping_add(16 * 127 * 127); 32]; 8]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    /// Every shape of wmma: matrices written through their fragments, the product read back.
    #[test]
    fn opaque_fragments(seed: u64, finite: bool) {
        for (m, n, k) in [(16, 16, 16), (8, 32, 16), (32, 8, 16)] {
            let shape = Shape { m, n, k };
            let types = |a, b, c, d| Types { a, b, c, d, finite };
            check_wmma::<8, 8>(shape, types(Factor::F16, Factor::F16, Sum::F32, Sum::F32), [8, 8], seed);
            check_wmma::<8, 4>(shape, types(Factor::F16, Factor::F16, Sum::F32, Sum::F16), [8, 8], seed);
            check_wmma::<4, 8>(shape, types(Factor::F16, Factor::F16, Sum::F16, Sum::F32), [8, 8], seed);
            let bf16 = types(Factor::Bf16, Factor::Bf16, Sum::F32, Sum::F32);
            check_wmma::<8, 8>(shape, bf16, [m / 4, n / 4], seed);
            let bytes = types(Factor::S8, Factor::U8, Sum::S32, Sum::S32);
            check_wmma::<8, 8>(shape, bytes, [m / 8, n / 8], seed);
        }
        let tf32 = Types { a: Factor::Tf32, b: Factor::Tf32, c: Sum::F32, d: Sum::F32, finite };
        check_wmma::<8, 8>(Shape { m: 16, n: 16, k: 8 }, tf32, [4, 4], seed);
    }
}
