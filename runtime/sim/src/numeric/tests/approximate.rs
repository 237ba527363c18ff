use proptest::prelude::*;

use super::encodings;
use crate::numeric::{Arithmetic, Bf16, F16, F32, F64, Format, approximate};

const INFINITY: f32 = f32::INFINITY;
const SUBNORMAL: f32 = 1e-40;

/// Special cases without and with `.ftz`, one of each column of the manual's tables.
fn check(function: impl Fn(u32, bool) -> u32, flush: bool, cases: &[(f32, f32)]) {
    for &(input, expected) in cases {
        let result = function(input.to_bits(), flush);
        assert_eq!(result, F32::canonical(expected.to_bits()), "{input} ftz {flush}");
    }
}

#[test]
fn special_cases_of_ex2() {
    let ex2 = approximate::exponential::<F32>;
    for flush in [false, true] {
        check(
            ex2,
            flush,
            &[
                (-INFINITY, 0.0),
                (-SUBNORMAL, 1.0),
                (-0.0, 1.0),
                (0.0, 1.0),
                (SUBNORMAL, 1.0),
                (INFINITY, INFINITY),
                (f32::NAN, f32::NAN),
                (-1e30, 0.0),
                (128.0, INFINITY),
            ],
        );
    }
    check(ex2, false, &[(-127.0, 2.0_f32.powi(-127)), (-149.0, f32::from_bits(1)), (-151.0, 0.0)]);
    check(ex2, true, &[(-126.0, 2.0_f32.powi(-126)), (-127.0, 0.0)]);
}

#[test]
fn powers_of_two_are_exact() {
    for exponent in -149..128 {
        let expected = 2.0_f64.powi(exponent) as f32;
        check(approximate::exponential::<F32>, false, &[(exponent as f32, expected)]);
    }
}

#[test]
fn special_cases_of_lg2() {
    let negative = [(-INFINITY, f32::NAN), (-1.0, f32::NAN), (f32::NAN, f32::NAN)];
    let others = [(-0.0, -INFINITY), (0.0, -INFINITY), (INFINITY, INFINITY), (8.0, 3.0)];
    for flush in [false, true] {
        check(approximate::logarithm, flush, &negative);
        check(approximate::logarithm, flush, &others);
    }
    check(approximate::logarithm, false, &[(-SUBNORMAL, f32::NAN), (f32::from_bits(1), -149.0)]);
    check(approximate::logarithm, true, &[(-SUBNORMAL, -INFINITY), (SUBNORMAL, -INFINITY)]);
}

#[test]
fn special_cases_of_sin_and_cos() {
    for flush in [false, true] {
        check(
            approximate::sine,
            flush,
            &[(-INFINITY, f32::NAN), (INFINITY, f32::NAN), (-0.0, -0.0), (0.0, 0.0)],
        );
        check(
            approximate::cosine,
            flush,
            &[(-INFINITY, f32::NAN), (INFINITY, f32::NAN), (-0.0, 1.0), (SUBNORMAL, 1.0)],
        );
    }
    check(approximate::sine, true, &[(-SUBNORMAL, -0.0), (SUBNORMAL, 0.0)]);
}

#[test]
fn special_cases_of_roots_and_reciprocals() {
    for flush in [false, true] {
        check(
            approximate::reciprocal,
            flush,
            &[(-INFINITY, -0.0), (-0.0, -INFINITY), (0.0, INFINITY), (INFINITY, 0.0), (4.0, 0.25)],
        );
        check(
            approximate::square_root,
            flush,
            &[
                (-INFINITY, f32::NAN),
                (-1.0, f32::NAN),
                (-0.0, -0.0),
                (INFINITY, INFINITY),
                (9.0, 3.0),
            ],
        );
        check(
            approximate::reciprocal_square_root,
            flush,
            &[
                (-INFINITY, f32::NAN),
                (-1.0, f32::NAN),
                (-0.0, -INFINITY),
                (0.0, INFINITY),
                (INFINITY, 0.0),
                (16.0, 0.25),
            ],
        );
    }
    check(approximate::reciprocal, true, &[(SUBNORMAL, INFINITY), (2.0_f32.powi(127), 0.0)]);
    check(approximate::square_root, true, &[(-SUBNORMAL, -0.0)]);
    check(approximate::square_root, false, &[(-SUBNORMAL, f32::NAN)]);
    check(approximate::reciprocal_square_root, true, &[(-SUBNORMAL, -INFINITY)]);
}

#[test]
fn special_cases_of_tanh() {
    let tanh = |a, _| approximate::hyperbolic_tangent::<F32>(a);
    check(
        tanh,
        false,
        &[(-INFINITY, -1.0), (-0.0, -0.0), (0.0, 0.0), (INFINITY, 1.0), (SUBNORMAL, SUBNORMAL)],
    );
}

#[test]
fn special_cases_of_div() {
    let huge = 1.5 * 2.0_f32.powi(126);
    let check = |a: f32, b: f32, approx: f32, full: f32| {
        let (x, y) = (a.to_bits(), b.to_bits());
        assert_eq!(approximate::divide(x, y, false), F32::canonical(approx.to_bits()), "{a} / {b}");
        assert_eq!(approximate::divide_full(x, y, false), F32::canonical(full.to_bits()));
    };
    check(1.0, 3.0, 1.0 / 3.0, 1.0 / 3.0);
    check(huge, huge, 0.0, 1.0);
    check(-huge, huge, -0.0, -1.0);
    check(INFINITY, huge, f32::NAN, INFINITY);
    check(2.0_f32.powi(126), 2.0_f32.powi(126), 1.0, 1.0);
    check(1.0, INFINITY, 0.0, 0.0);
    check(1.0, 0.0, INFINITY, INFINITY);
    check(0.0, 0.0, f32::NAN, f32::NAN);
}

#[test]
fn f64_forms_look_at_the_upper_half() {
    let upper = |x: u64| x >> 32 << 32;
    let (one_third, two) = (3.0_f64.recip().to_bits(), 2.0_f64.to_bits());
    assert_eq!(approximate::reciprocal_f64(two | 0xffff_ffff), 0.5_f64.to_bits());
    assert_eq!(approximate::reciprocal_f64(3.0_f64.to_bits()), upper(one_third));
    assert_eq!(approximate::reciprocal_f64(1), f64::INFINITY.to_bits());
    assert_eq!(
        approximate::reciprocal_square_root_upper_f64(16.0_f64.to_bits()),
        0.25_f64.to_bits()
    );
    assert_eq!(approximate::reciprocal_square_root_f64(16.0_f64.to_bits()), 0.25_f64.to_bits());
    assert_eq!(approximate::reciprocal_square_root_f64((-1.0_f64).to_bits()), F64::NAN);
}

/// Whether `result` is within `units` in the last place of `exact`.
fn is_close<F: Arithmetic>(result: F::Bits, exact: f64, units: f64) -> bool {
    let nearest = F::from_f64_nearest(exact);
    if F::is_nan(nearest) || F::is_infinite(nearest) {
        return result == F::canonical(nearest);
    }
    let magnitude = F::magnitude(nearest);
    let next = F::encode(magnitude + 1);
    let unit = if F::is_infinite(next) {
        F::to_f64(F::encode(magnitude)) - F::to_f64(F::encode(magnitude - 1))
    } else {
        F::to_f64(next) - F::to_f64(F::encode(magnitude))
    };
    (F::to_f64(result) - exact).abs() <= units * unit
}

fn check_exponential<F: Arithmetic>(a: F::Bits) {
    let exact = F::to_f64(a).exp2();
    let result = approximate::exponential::<F>(a, false);
    assert!(is_close::<F>(result, exact, 0.501), "2^{} is {}", F::to_f64(a), F::to_f64(result));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn ex2_is_rounded_to_nearest_but_for_ties(a in encodings::<F32>(), b in -150.0_f32..130.0) {
        check_exponential::<F32>(a);
        check_exponential::<F32>(b.to_bits());
    }

    #[test]
    fn others_are_rounded_to_nearest(a in encodings::<F32>()) {
        let x = F32::to_f64(a);
        prop_assert!(is_close::<F32>(approximate::logarithm(a, false), x.log2(), 0.501));
        prop_assert!(is_close::<F32>(approximate::sine(a, false), x.sin(), 0.501));
        prop_assert!(is_close::<F32>(approximate::cosine(a, false), x.cos(), 0.501));
        prop_assert!(is_close::<F32>(approximate::hyperbolic_tangent::<F32>(a), x.tanh(), 0.501));
        let root = approximate::reciprocal_square_root(a, false);
        prop_assert!(is_close::<F32>(root, 1.0 / x.sqrt(), 0.501));
    }
}

#[test]
fn every_half_precision_exponential_and_tangent() {
    for a in 0..=u16::MAX {
        check_exponential::<F16>(a);
        check_exponential::<Bf16>(a);
        let tanh = approximate::hyperbolic_tangent::<F16>(a);
        assert!(is_close::<F16>(tanh, F16::to_f64(a).tanh(), 0.501));
        let flushed = approximate::exponential::<Bf16>(a, true);
        assert!(!Bf16::is_subnormal(flushed));
    }
}
