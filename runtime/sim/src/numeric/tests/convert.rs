use num_bigint::BigInt;
use proptest::prelude::*;

use super::oracle::{Dyadic, check_dyadic};
use super::{encodings, integers};
use crate::numeric::integer::Integer;
use crate::numeric::narrow::{self, Narrowing};
use crate::numeric::{
    Arithmetic, Bf16, Clamp, E4m3, E5m2, F16, F32, F64, Format, Mode, Rounding, Tf32, convert,
};

fn rounded(rounding: Rounding) -> Mode {
    Mode::NEAREST.rounded(rounding)
}

/// A floating-point conversion, by definition.
fn check_float<S: Arithmetic, D: Arithmetic>(a: S::Bits) {
    for rounding in Rounding::ALL {
        let result = convert::float::<S, D>(a, rounded(rounding));
        check_converted::<S, D>(a, result, rounding);
    }
}

fn check_converted<S: Format, D: Format>(a: S::Bits, result: D::Bits, rounding: Rounding) {
    if S::is_nan(a) {
        assert_eq!(result, D::encode(D::NAN));
    } else if S::is_infinite(a) {
        let sign = if S::is_negative(a) { D::SIGN } else { 0 };
        assert_eq!(result, D::encode(D::INFINITY | sign));
    } else {
        check_dyadic::<D>(result, &Dyadic::of::<S>(a), S::is_negative(a), rounding);
    }
}

/// The integer that a number rounds to.
fn integral(exact: &Dyadic, rounding: Rounding) -> BigInt {
    if exact.exponent >= 0 {
        return &exact.mantissa << exact.exponent;
    }
    let dropped = -exact.exponent as u32;
    // The shift rounds down.
    let floor: BigInt = &exact.mantissa >> dropped;
    let rest: BigInt = &exact.mantissa - (&floor << dropped);
    let half = BigInt::from(1) << (dropped - 1);
    let up = match rounding {
        Rounding::Down => false,
        Rounding::Up => rest > BigInt::ZERO,
        Rounding::TowardZero => exact.is_negative() && rest > BigInt::ZERO,
        Rounding::NearestEven => rest > half || rest == half && floor.bit(0),
        Rounding::NearestAway => rest > half || rest == half && !exact.is_negative(),
    };
    floor + u8::from(up)
}

fn check_to_integer<S: Arithmetic, D: Integer>(a: S::Bits) {
    for rounding in Rounding::ALL {
        let result = convert::float_to_integer::<S, D>(a, rounded(rounding)).value();
        let expected = if S::is_nan(a) {
            let bits = match S::FRACTION_BITS == 52 || D::BITS == 64 {
                true => 1 << (D::BITS - 1),
                false => 0,
            };
            D::from_bits(bits).value()
        } else if S::is_infinite(a) {
            if S::is_negative(a) { D::MIN.value() } else { D::MAX.value() }
        } else {
            let exact = integral(&Dyadic::of::<S>(a), rounding);
            let clamped = exact.max(D::MIN.value().into()).min(D::MAX.value().into());
            clamped.try_into().unwrap()
        };
        assert_eq!(result, expected, "{a:x} {rounding:?}");
    }
}

fn check_to_integers<S: Arithmetic>(a: S::Bits) {
    check_to_integer::<S, u8>(a);
    check_to_integer::<S, i8>(a);
    check_to_integer::<S, u16>(a);
    check_to_integer::<S, i16>(a);
    check_to_integer::<S, u32>(a);
    check_to_integer::<S, i32>(a);
    check_to_integer::<S, u64>(a);
    check_to_integer::<S, i64>(a);
}

fn check_integral<F: Arithmetic>(a: F::Bits) {
    for rounding in Rounding::ALL {
        let result = convert::float_to_integral::<F>(a, rounded(rounding));
        if F::magnitude(a) >= F::INFINITY {
            assert_eq!(result, F::canonical(a));
        } else {
            let exact = Dyadic { mantissa: integral(&Dyadic::of::<F>(a), rounding), exponent: 0 };
            check_dyadic::<F>(result, &exact, F::is_negative(a), Rounding::TowardZero);
        }
    }
}

fn check_from_integer<S: Integer, D: Arithmetic>(a: u64) {
    let a = S::from_bits(a);
    for rounding in Rounding::ALL {
        let result = convert::integer_to_float::<S, D>(a, rounded(rounding));
        check_dyadic::<D>(result, &Dyadic::integer(a.value()), false, rounding);
    }
}

fn check_from_integers<D: Arithmetic>(a: u64) {
    check_from_integer::<u8, D>(a);
    check_from_integer::<i8, D>(a);
    check_from_integer::<u16, D>(a);
    check_from_integer::<i16, D>(a);
    check_from_integer::<u32, D>(a);
    check_from_integer::<i32, D>(a);
    check_from_integer::<u64, D>(a);
    check_from_integer::<i64, D>(a);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn between_formats(a in encodings::<F32>(), b in encodings::<F64>()) {
        check_float::<F32, F16>(a);
        check_float::<F32, Bf16>(a);
        check_float::<F32, F32>(a);
        check_float::<F32, F64>(a);
        check_float::<F64, F32>(b);
        check_float::<F64, F16>(b);
        check_float::<F64, Bf16>(b);
    }

    /// Just beside the numbers of the narrower format and their midpoints.
    #[test]
    fn narrowing_near_ties(a: u16, half: bool, near in -2_i32..=2) {
        let beside = |value: f32, unit: u32| {
            let tie = value.to_bits() + if half { unit / 2 } else { 0 };
            tie.wrapping_add_signed(near)
        };
        check_float::<F32, F16>(beside(F16::to_f32(a), 1 << 13));
        check_float::<F32, Bf16>(beside(Bf16::to_f32(a), 1 << 16));
        let wide = F64::from_f32_nearest(F16::to_f32(a)) + if half { 1 << 41 } else { 0 };
        check_float::<F64, F16>(wide.wrapping_add_signed(near.into()));
    }

    #[test]
    fn to_integers(a in encodings::<F32>(), b in encodings::<F64>(), c in encodings::<Bf16>(),
        d in integers()
    ) {
        check_to_integers::<F32>(a);
        check_to_integers::<F64>(b);
        check_to_integers::<Bf16>(c);
        check_to_integers::<F64>((d as i64 as f64 / 2.0).to_bits());
        check_to_integers::<F32>((d as i32 as f32 / 4.0).to_bits());
        check_integral::<F32>(a);
        check_integral::<F64>(b);
    }

    #[test]
    fn from_integers(a in integers()) {
        check_from_integers::<F16>(a);
        check_from_integers::<Bf16>(a);
        check_from_integers::<F32>(a);
        check_from_integers::<F64>(a);
    }

    #[test]
    fn between_integers(a in integers()) {
        prop_assert_eq!(convert::integer::<i8, u64>(a as i8, false), a as i8 as u64);
        prop_assert_eq!(convert::integer::<u8, i64>(a as u8, false), a as u8 as i64);
        prop_assert_eq!(convert::integer::<i32, u64>(a as i32, false), a as i32 as u64);
        prop_assert_eq!(convert::integer::<u64, i16>(a, false), a as i16);
        let clamp = |low: i128, high: i128, x: i128| x.clamp(low, high);
        prop_assert_eq!(
            i128::from(convert::integer::<i64, u8>(a as i64, true)), clamp(0, 255, (a as i64).into())
        );
        prop_assert_eq!(
            i128::from(convert::integer::<u64, i8>(a, true)), clamp(-128, 127, a.into())
        );
        prop_assert_eq!(
            i128::from(convert::integer::<i32, u32>(a as i32, true)),
            clamp(0, u32::MAX.into(), (a as i32).into())
        );
    }

    #[test]
    fn tf32(a in encodings::<F32>(), relu: bool, finite: bool) {
        for rounding in [Rounding::NearestEven, Rounding::NearestAway, Rounding::TowardZero] {
            let plain = narrow::tf32(a, Narrowing { rounding, ..Default::default() });
            prop_assert_eq!(plain & 0x1fff, 0);
            check_converted::<F32, Tf32>(a, plain, rounding);
            let result = narrow::tf32(a, Narrowing { rounding, relu, finite });
            prop_assert_eq!(result, modified::<Tf32>(plain, relu, finite));
        }
    }

    #[test]
    fn packed_halves(a in encodings::<F32>(), b in encodings::<F32>(), relu: bool, finite: bool) {
        for rounding in [Rounding::NearestEven, Rounding::TowardZero] {
            let how = Narrowing { rounding, relu, finite };
            check_packed::<F16>(a, b, how);
            check_packed::<Bf16>(a, b, how);
        }
    }

    #[test]
    fn packed_bytes(a in encodings::<F32>(), b in encodings::<F32>(), relu: bool) {
        check_bytes::<E4m3>(a, b, relu);
        check_bytes::<E5m2>(a, b, relu);
    }

    #[test]
    fn packed_integers(a in integers(), b in integers(), c: u32) {
        let (a, b) = (a as i32, b as i32);
        let halves = |x: i32, low, high| (x.clamp(low, high) as u32) & 0xffff;
        prop_assert_eq!(narrow::pack(a, b, 0, 16, false), halves(a, 0, 65535) << 16 | halves(b, 0, 65535));
        let (low, high) = (-32768, 32767);
        prop_assert_eq!(
            narrow::pack(a, b, 0, 16, true), halves(a, low, high) << 16 | halves(b, low, high)
        );
        let byte = |x: i32| u32::from(x.clamp(-128, 127) as i8 as u8);
        prop_assert_eq!(
            narrow::pack(a, b, c, 8, true), c << 16 | byte(a) << 8 | byte(b)
        );
    }
}

/// `.relu` and `.satfinite` on a converted number.
fn modified<F: Format>(bits: F::Bits, relu: bool, finite: bool) -> F::Bits {
    let sign = if F::is_negative(bits) { F::SIGN } else { 0 };
    match () {
        () if F::is_nan(bits) => F::encode(F::NAN),
        () if relu && F::is_negative(bits) => F::encode(0),
        () if finite && F::is_infinite(bits) => F::encode(F::LARGEST | sign),
        () => bits,
    }
}

fn check_packed<F: Arithmetic<Bits = u16>>(a: u32, b: u32, how: Narrowing) {
    let convert =
        |x| modified::<F>(convert::float::<F32, F>(x, rounded(how.rounding)), how.relu, how.finite);
    let expected = u32::from(convert(a)) << 16 | u32::from(convert(b));
    assert_eq!(narrow::half_pair::<F>(a, b, how), expected, "{a:x} {b:x} {how:?}");
}

/// To nearest with `.satfinite`, as PTX requires for bytes.
fn check_byte<S: Arithmetic, D: Format<Bits = u8>>(a: S::Bits, result: u8, relu: bool) {
    let value = S::to_f64(a);
    let largest = i128::try_from(Dyadic::of::<D>(D::encode(D::LARGEST)).mantissa).unwrap() as f64
        * 2.0_f64.powi(Dyadic::of::<D>(D::encode(D::LARGEST)).exponent);
    if value.is_nan() {
        assert_eq!(result, 0x7f);
    } else if relu && S::is_negative(a) {
        assert_eq!(result, 0);
    } else if value.abs() >= largest {
        let sign = if S::is_negative(a) { 0x80 } else { 0 };
        assert_eq!(result, D::LARGEST as u8 | sign, "{value}");
    } else {
        check_dyadic::<D>(result, &Dyadic::of::<S>(a), S::is_negative(a), Rounding::NearestEven);
    }
}

fn check_bytes<D: Format<Bits = u8>>(a: u32, b: u32, relu: bool) {
    let how = Narrowing { relu, finite: true, ..Default::default() };
    let [low, high] = narrow::byte_pair::<D>(a, b, how).to_le_bytes();
    check_byte::<F32, D>(a, high, relu);
    check_byte::<F32, D>(b, low, relu);
}

#[test]
fn every_f16_and_bf16_to_everything() {
    for a in 0..=u16::MAX {
        check_float::<F16, F32>(a);
        check_float::<Bf16, F32>(a);
        check_float::<F16, Bf16>(a);
        check_float::<Bf16, F16>(a);
        check_integral::<F16>(a);
        check_integral::<Bf16>(a);
        check_to_integer::<F16, i8>(a);
        check_to_integer::<F16, u32>(a);
        check_to_integer::<Bf16, i64>(a);
        for relu in [false, true] {
            let how = Narrowing { relu, finite: true, ..Default::default() };
            let pair = u32::from(a) << 16 | u32::from(!a);
            let [low, high] =
                narrow::byte_pair_from_half_pair::<E4m3, F16>(pair, how).to_le_bytes();
            check_byte::<F16, E4m3>(a, high, relu);
            check_byte::<F16, E4m3>(!a, low, relu);
            let [low, high] =
                narrow::byte_pair_from_half_pair::<E5m2, F16>(pair, how).to_le_bytes();
            check_byte::<F16, E5m2>(a, high, relu);
            check_byte::<F16, E5m2>(!a, low, relu);
        }
    }
}

/// Exact, and back again.
fn check_every_byte<F: Format<Bits = u8>>(to_f32: impl Fn(u8) -> f32) {
    for a in 0..=u8::MAX {
        let pair = narrow::half_pair_from_byte_pair::<F, F16>(
            u16::from(a) << 8 | u16::from(!a),
            Narrowing::default(),
        );
        let half = (pair >> 16) as u16;
        let [by_half, direct] = [F16::to_f32(half), to_f32(a)].map(|x| F32::canonical(x.to_bits()));
        assert_eq!(direct, by_half, "{a:x}");
        if F::is_nan(a) {
            assert_eq!(half, 0x7fff);
            assert!(to_f32(a).is_nan());
        } else if F::is_infinite(a) {
            assert_eq!(half, if a >> 7 == 1 { 0xfc00 } else { 0x7c00 });
        } else {
            check_dyadic::<F16>(half, &Dyadic::of::<F>(a), a >> 7 == 1, Rounding::NearestEven);
        }
        let relu = narrow::half_pair_from_byte_pair::<F, F16>(
            u16::from(a),
            Narrowing { relu: true, ..Narrowing::default() },
        ) as u16;
        let expected = if half >> 15 == 1 && !F16::is_nan(half) { 0 } else { half };
        assert_eq!(relu, expected);
        let brain = narrow::half_pair_from_byte_pair::<F, Bf16>(u16::from(a), Narrowing::default());
        assert_eq!(F32::canonical(Bf16::to_f32(brain as u16).to_bits()), direct, "{a:x}");
    }
}

#[test]
fn every_e4m3_and_e5m2() {
    check_every_byte::<E4m3>(narrow::e4m3_to_f32);
    check_every_byte::<E5m2>(narrow::e5m2_to_f32);
    assert_eq!(narrow::e4m3_to_f32(0x7e), 448.0);
    assert_eq!(narrow::e4m3_to_f32(0x01), 2.0_f32.powi(-9));
    assert_eq!(narrow::e5m2_to_f32(0x7b), 57344.0);
    assert_eq!(narrow::e5m2_to_f32(0xfc), f32::NEG_INFINITY);
}

#[test]
fn flushing_is_about_f32_only() {
    let ftz = Mode::NEAREST_FLUSH;
    let tiny = f32::from_bits(1).to_bits();
    assert_eq!(convert::float::<F32, F64>(tiny | 1 << 31, ftz), (-0.0_f64).to_bits());
    assert_eq!(convert::float::<F64, F32>(1e-40_f64.to_bits(), ftz), 0);
    // 2⁻²⁴ is a subnormal f16, but no subnormal f32.
    assert_eq!(convert::float::<F32, F16>(2.0_f32.powi(-24).to_bits(), ftz), 1);
    assert_eq!(convert::float::<F16, F32>(1, ftz), 2.0_f32.powi(-24).to_bits());
    let up = ftz.rounded(Rounding::Up);
    assert_eq!(convert::float_to_integer::<F32, i32>(tiny, up), 0);
    assert_eq!(convert::float_to_integer::<F32, i32>(tiny, rounded(Rounding::Up)), 1);
}

#[test]
fn saturation_to_the_unit_interval() {
    let sat = Mode::NEAREST.clamped(Clamp::Saturate);
    let check = |a: f32, expected: f32| {
        assert_eq!(convert::float::<F32, F32>(a.to_bits(), sat), expected.to_bits(), "{a}");
        let half = convert::float::<F32, F16>(a.to_bits(), sat);
        assert_eq!(F16::to_f32(half), expected);
    };
    check(0.25, 0.25);
    check(1.5, 1.0);
    check(-0.0, 0.0);
    check(f32::NEG_INFINITY, 0.0);
    check(f32::NAN, 0.0);
    assert_eq!(convert::integer_to_float::<i32, F32>(-7, sat), 0);
    assert_eq!(convert::integer_to_float::<u64, F32>(7, sat), 1.0_f32.to_bits());
}

#[test]
fn nibbles_are_packed_below_what_is_there() {
    // Two .s4 below the rest of c: 7 clamps 100, −8 clamps −100.
    assert_eq!(narrow::pack(100, -100, 0x0012_3456, 4, true), 0x1234_5678);
    assert_eq!(narrow::pack(100, -100, 0x0012_3456, 4, false), 0x1234_56f0);
    assert_eq!(narrow::pack(-1, 1, 1, 2, true), 0b1_11_01);
}
