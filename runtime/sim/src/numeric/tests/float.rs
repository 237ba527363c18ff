use proptest::prelude::*;
use proptest::sample::select;

use super::encodings;
use super::oracle::{Dyadic, Real, check_dyadic, check_rounded};
use crate::numeric::float::{self, Extremum, Property};
use crate::numeric::format::Bits;
use crate::numeric::{Arithmetic, Bf16, Clamp, F16, F32, F64, Format, Mode, Rounding};

fn roundings() -> impl Strategy<Value = Rounding> {
    use Rounding::*;
    select(vec![NearestEven, NearestEven, TowardZero, Down, Up])
}

fn is_finite<F: Format>(bits: F::Bits) -> bool {
    F::magnitude(bits) < F::INFINITY
}

fn assert_nan<F: Format>(bits: F::Bits) {
    assert_eq!(bits, F::encode(F::NAN));
}

fn infinity<F: Format>(negative: bool) -> F::Bits {
    F::encode(F::INFINITY | if negative { F::SIGN } else { 0 })
}

/// a · b + c, and a + c where b is one, a · b where c is a zero of the product's sign.
fn check_multiply_add<F: Arithmetic>(
    result: F::Bits,
    a: F::Bits,
    b: F::Bits,
    c: F::Bits,
    rounding: Rounding,
) {
    let product_negative = F::is_negative(a) != F::is_negative(b);
    let product_infinite = F::is_infinite(a) || F::is_infinite(b);
    let zero_times_infinite = product_infinite && (F::magnitude(a) == 0 || F::magnitude(b) == 0);
    let opposite = F::is_infinite(c) && product_negative != F::is_negative(c);
    let invalid = zero_times_infinite || product_infinite && opposite;
    if F::is_nan(a) || F::is_nan(b) || F::is_nan(c) || invalid {
        return assert_nan::<F>(result);
    }
    if product_infinite {
        return assert_eq!(result, infinity::<F>(product_negative));
    }
    if F::is_infinite(c) {
        return assert_eq!(result, c);
    }
    let exact = Dyadic::of::<F>(a).times(&Dyadic::of::<F>(b)).plus(&Dyadic::of::<F>(c));
    let zero_negative = if product_negative == F::is_negative(c) {
        product_negative
    } else {
        rounding == Rounding::Down
    };
    check_dyadic::<F>(result, &exact, zero_negative, rounding);
}

fn check_arithmetic<F: Arithmetic>(a: F::Bits, b: F::Bits, c: F::Bits, rounding: Rounding) {
    let mode = Mode::NEAREST.rounded(rounding);
    let one = F::encode(F::ONE);
    check_multiply_add::<F>(float::multiply_add::<F>(a, b, c, mode), a, b, c, rounding);
    check_multiply_add::<F>(float::add::<F>(a, c, mode), a, one, c, rounding);
    let minus_c = float::negate::<F>(c, false);
    check_multiply_add::<F>(float::subtract::<F>(a, c, mode), a, one, minus_c, rounding);
    let signed_zero = F::Bits::narrow((a.widen() ^ b.widen()) & F::SIGN);
    check_multiply_add::<F>(float::multiply::<F>(a, b, mode), a, b, signed_zero, rounding);
    check_divide::<F>(float::divide::<F>(a, b, mode), a, b, rounding);
    check_divide::<F>(float::reciprocal::<F>(b, mode), one, b, rounding);
    check_square_root::<F>(float::square_root::<F>(a, mode), a, rounding);
}

fn check_divide<F: Format>(result: F::Bits, a: F::Bits, b: F::Bits, rounding: Rounding) {
    let negative = F::is_negative(a) != F::is_negative(b);
    let zeros = F::magnitude(a) == 0 && F::magnitude(b) == 0;
    let infinities = F::is_infinite(a) && F::is_infinite(b);
    if F::is_nan(a) || F::is_nan(b) || zeros || infinities {
        assert_nan::<F>(result);
    } else if F::is_infinite(a) || F::magnitude(b) == 0 {
        assert_eq!(result, infinity::<F>(negative));
    } else if F::is_infinite(b) {
        assert_eq!(result, F::encode(if negative { F::SIGN } else { 0 }));
    } else {
        let [a, b] = [a, b].map(|x| Dyadic::of::<F>(x).magnitude());
        check_rounded::<F>(result, negative, &Real::Quotient(a, b), rounding);
    }
}

fn check_square_root<F: Format>(result: F::Bits, a: F::Bits, rounding: Rounding) {
    if F::magnitude(a) == 0 || a == F::encode(F::INFINITY) {
        assert_eq!(result, a);
    } else if F::is_nan(a) || F::is_negative(a) {
        assert_nan::<F>(result);
    } else {
        check_rounded::<F>(result, false, &Real::Root(Dyadic::of::<F>(a)), rounding);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn f32_rounds_once(
        a in encodings::<F32>(), b in encodings::<F32>(), c in encodings::<F32>(), r in roundings()
    ) {
        check_arithmetic::<F32>(a, b, c, r);
    }

    #[test]
    fn f64_rounds_once(
        a in encodings::<F64>(), b in encodings::<F64>(), c in encodings::<F64>(), r in roundings()
    ) {
        check_arithmetic::<F64>(a, b, c, r);
    }

    #[test]
    fn f16_rounds_once(
        a in encodings::<F16>(), b in encodings::<F16>(), c in encodings::<F16>(), r in roundings()
    ) {
        check_arithmetic::<F16>(a, b, c, r);
    }

    #[test]
    fn bf16_rounds_once(
        a in encodings::<Bf16>(), b in encodings::<Bf16>(), c in encodings::<Bf16>(),
        r in roundings()
    ) {
        check_arithmetic::<Bf16>(a, b, c, r);
    }

    /// An addend that nearly cancels the product, or lies just beside half a unit of it.
    #[test]
    fn fma_near_cancellation_and_ties(
        a in encodings::<F32>(), b in encodings::<F32>(), near in -4_i32..4, scale in -30_i32..30,
        r in roundings()
    ) {
        prop_assume!(is_finite::<F32>(a) && is_finite::<F32>(b));
        let product = -(f64::from(f32::from_bits(a)) * f64::from(f32::from_bits(b)));
        let c = (product * 2.0_f64.powi(scale / 3 * 3)) as f32;
        let c = c.to_bits().wrapping_add_signed(near);
        let mode = Mode::NEAREST.rounded(r);
        check_multiply_add::<F32>(float::multiply_add::<F32>(a, b, c, mode), a, b, c, r);
    }

    #[test]
    fn ftz_flushes_operands_and_results(
        a in encodings::<F32>(), b in encodings::<F32>(), c in encodings::<F32>()
    ) {
        let flush = F32::flush;
        let [x, y, z] = [a, b, c].map(flush);
        let (plain, ftz) = (Mode::NEAREST, Mode::NEAREST_FLUSH);
        prop_assert_eq!(float::add::<F32>(a, b, ftz), flush(float::add::<F32>(x, y, plain)));
        prop_assert_eq!(float::multiply::<F32>(a, b, ftz), flush(float::multiply::<F32>(x, y, plain)));
        prop_assert_eq!(
            float::multiply_add::<F32>(a, b, c, ftz),
            flush(float::multiply_add::<F32>(x, y, z, plain))
        );
        prop_assert!(!F32::is_subnormal(x) && !F32::is_subnormal(float::divide::<F32>(a, b, ftz)));
        let kept = if F32::is_subnormal(a) { a & 0x8000_0000 } else { a };
        prop_assert_eq!(x, kept);
    }

    #[test]
    fn sat_and_relu_clamp(a in encodings::<F32>(), b in encodings::<F32>()) {
        let sum = f32::from_bits(float::add::<F32>(a, b, Mode::NEAREST));
        let clamped = |clamp| float::add::<F32>(a, b, Mode::NEAREST.clamped(clamp));
        let saturated = if sum.is_nan() || sum <= 0.0 { 0.0 } else { sum.min(1.0) };
        prop_assert_eq!(clamped(Clamp::Saturate), saturated.to_bits());
        let positive = if sum <= 0.0 { 0 } else { sum.to_bits() };
        prop_assert_eq!(clamped(Clamp::Relu), positive);
    }

    #[test]
    fn minimum_and_maximum(a in encodings::<F16>(), b in encodings::<F16>()) {
        check_extremum::<F16>(a, b);
    }

    #[test]
    fn minimum_and_maximum_f32(a in encodings::<F32>(), b in encodings::<F32>()) {
        check_extremum::<F32>(a, b);
    }
}

/// The manual's pseudocode, on values.
fn check_extremum<F: Arithmetic>(a: F::Bits, b: F::Bits) {
    for smaller in [true, false] {
        for flags in 0..8 {
            let how = Extremum {
                flush: flags & 1 != 0,
                propagate_nan: flags & 2 != 0,
                xor_sign: flags & 4 != 0,
            };
            let (mut x, mut y) = if how.flush { (F::flush(a), F::flush(b)) } else { (a, b) };
            let xor_sign = F::is_negative(x) != F::is_negative(y);
            if how.xor_sign {
                (x, y) = (float::absolute::<F>(x, false), float::absolute::<F>(y, false));
            }
            let (vx, vy) = (F::to_f64(x), F::to_f64(y));
            let zeros = vx == 0.0 && vy == 0.0;
            let x_first = match smaller {
                true => vx < vy || zeros && F::is_negative(x),
                false => vx > vy || zeros && !F::is_negative(x),
            };
            let nan = F::encode(F::NAN);
            let mut expected = match (F::is_nan(x), F::is_nan(y)) {
                (true, true) => nan,
                (true, false) | (false, true) if how.propagate_nan => nan,
                (true, false) => y,
                (false, true) => x,
                (false, false) => {
                    if x_first {
                        x
                    } else {
                        y
                    }
                }
            };
            if how.xor_sign && !F::is_nan(expected) && xor_sign {
                expected = float::negate::<F>(expected, false);
            }
            let result = match smaller {
                true => float::minimum::<F>(a, b, how),
                false => float::maximum::<F>(a, b, how),
            };
            assert_eq!(result, expected, "{a:x} {b:x} {how:?} smaller {smaller}");
        }
    }
}

#[test]
fn every_f16_has_the_value_that_its_fields_say() {
    for bits in 0..=u16::MAX {
        if is_finite::<F16>(bits) {
            let exact = Dyadic::of::<F16>(bits);
            let mantissa = i32::try_from(exact.mantissa).unwrap();
            let value = f64::from(mantissa) * 2.0_f64.powi(exact.exponent);
            assert_eq!(F16::to_f64(bits), value);
            assert_eq!(F16::to_f64(bits).is_sign_negative(), bits >> 15 == 1);
        } else {
            assert_eq!(F16::to_f64(bits).is_nan(), bits & 0x3ff != 0);
            assert_eq!(F16::to_f64(bits).is_infinite(), bits & 0x3ff == 0);
        }
        assert_eq!(F16::from_f32_nearest(F16::to_f32(bits)), F16::canonical(bits));
        assert_eq!(F16::from_f64_nearest(F16::to_f64(bits)), F16::canonical(bits));
    }
}

/// Every pair of an exponent and fraction of A with a sample of B.
#[test]
fn f16_operations_over_every_first_operand() {
    for a in 0..=u16::MAX {
        let b = ((u32::from(a) * 40_503) >> 3) as u16;
        let c = b.rotate_left(5) ^ 0x8001;
        check_multiply_add::<F16>(
            float::multiply_add::<F16>(a, b, c, Mode::NEAREST),
            a,
            b,
            c,
            Rounding::NearestEven,
        );
        check_multiply_add::<F16>(
            float::add::<F16>(a, b, Mode::NEAREST),
            a,
            0x3c00,
            b,
            Rounding::NearestEven,
        );
    }
}

/// Products halfway between two results, where an addend far below decides: rounding to f64, or for
/// f16 to f32, before the last rounding would lose it.
#[test]
fn fma_does_not_round_twice() {
    let f32_fma = |a: f32, b: f32, c: f32| {
        let [a, b, c] = [a, b, c].map(f32::to_bits);
        f32::from_bits(float::multiply_add::<F32>(a, b, c, Mode::NEAREST))
    };
    let tiny = 2.0_f32.powi(-100);
    assert_eq!(f32_fma(4097.0, 4097.0, 0.0), 16_785_408.0);
    assert_eq!(f32_fma(4097.0, 4097.0, tiny), 16_785_410.0);
    assert_eq!(f32_fma(4097.0, 4097.0, -tiny), 16_785_408.0);
    assert_eq!(f32_fma(-4097.0, 4097.0, -tiny), -16_785_410.0);
    let f16_fma = |a: f32, b: f32, c: f32| {
        let [a, b, c] = [a, b, c].map(F16::from_f32_nearest);
        F16::to_f32(float::multiply_add::<F16>(a, b, c, Mode::NEAREST))
    };
    let tiny = 2.0_f32.powi(-24);
    assert_eq!(f16_fma(683.0, 6.0, 0.0), 4096.0);
    assert_eq!(f16_fma(683.0, 6.0, tiny), 4100.0);
    assert_eq!(f16_fma(683.0, -6.0, -tiny), -4100.0);
    assert_eq!(f16_fma(683.0, 6.0, -tiny), 4096.0);
}

#[test]
fn negate_absolute_copy_sign() {
    for bits in 0..=u16::MAX {
        assert_eq!(float::negate::<F16>(bits, false), bits ^ 0x8000);
        assert_eq!(float::absolute::<F16>(bits, false), bits & 0x7fff);
        assert_eq!(float::negate::<F16>(bits, true), F16::flush(bits) ^ 0x8000);
        assert_eq!(float::absolute::<F16>(bits, true), F16::flush(bits) & 0x7fff);
    }
    assert_eq!(
        float::copy_sign::<F32>((-0.0_f32).to_bits(), 2.0_f32.to_bits()),
        (-2.0_f32).to_bits()
    );
    assert_eq!(float::copy_sign::<F64>(1.0_f64.to_bits(), (-2.0_f64).to_bits()), 2.0_f64.to_bits());
}

#[test]
fn properties() {
    use Property::*;
    let check = |value: f32, holds: &[Property]| {
        for property in [Finite, Infinite, Number, NotANumber, Normal, Subnormal] {
            let result = float::test_property::<F32>(value.to_bits(), property);
            assert_eq!(result, holds.contains(&property), "{property:?} of {value}");
        }
    };
    check(0.0, &[Finite, Number, Normal]);
    check(-0.0, &[Finite, Number, Normal]);
    check(-1.5, &[Finite, Number, Normal]);
    check(1e-40, &[Finite, Number, Subnormal]);
    check(f32::NEG_INFINITY, &[Infinite, Number]);
    check(f32::NAN, &[NotANumber]);
}
