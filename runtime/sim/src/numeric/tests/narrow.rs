//! Formats of six and four bits, scales, and rounding at random.

use proptest::prelude::*;

use super::encodings;
use crate::numeric::narrow::{self, Narrowing};
use crate::numeric::{Bf16, E2m1, E2m3, E3m2, E4m3, E5m2, F16, F32, Format, Rounding};

/// The numbers of a format without sign, by definition.
fn magnitudes<F: Format>() -> Vec<f64> {
    let fraction_values = 1 << F::FRACTION_BITS;
    let value = |encoding: u64| {
        let (exponent, fraction) = (encoding / fraction_values, encoding % fraction_values);
        let fraction = fraction as f64 / fraction_values as f64;
        let bias = (1 << (F::EXPONENT_BITS - 1)) - 1;
        match exponent {
            0 => fraction * 2.0_f64.powi(1 - bias),
            _ => (1.0 + fraction) * 2.0_f64.powi(exponent as i32 - bias),
        }
    };
    (0..=F::LARGEST).map(value).collect()
}

/// Checks that an encoding is the nearest to `a`, and of two as near the even one.
fn check_nearest<F: Format>(a: f32, found: u8) {
    let numbers = magnitudes::<F>();
    if a.is_nan() {
        return assert_eq!(u64::from(found), F::LARGEST);
    }
    let sign = u64::from(found) & F::SIGN;
    assert_eq!(sign != 0, a.is_sign_negative(), "{a} {found:x}");
    let magnitude = (u64::from(found) ^ sign) as usize;
    let distance = |i: usize| (numbers[i] - f64::from(a.abs()).min(1e9)).abs();
    for other in 0..numbers.len() {
        let nearer = distance(other) < distance(magnitude);
        let even = distance(other) == distance(magnitude) && magnitude % 2 == 1;
        assert!(!nearer && (!even || other == magnitude), "{a}: {magnitude:x} or {other:x}");
    }
}

/// Random numbers of the sizes that small formats have, and halfway between these.
fn numbers() -> impl Strategy<Value = f32> {
    prop_oneof![
        2 => (-2200_i32..2200).prop_map(|eighths| eighths as f32 / 64.0),
        2 => -40.0_f32..40.0,
        1 => encodings::<F32>().prop_map(f32::from_bits),
    ]
}

proptest! {
    #[test]
    fn few_bits_are_rounded_to_the_nearest(a in numbers(), b in numbers()) {
        let (x, y) = (a.to_bits(), b.to_bits());
        let how = Narrowing { finite: true, ..Narrowing::default() };
        let nibbles = narrow::nibble_pair::<E2m1>(x, y, how);
        check_nearest::<E2m1>(a, nibbles >> 4);
        check_nearest::<E2m1>(b, nibbles & 15);
        let [low, high] = narrow::byte_pair::<E2m3>(x, y, how).to_le_bytes();
        check_nearest::<E2m3>(a, high);
        check_nearest::<E2m3>(b, low);
        let [low, high] = narrow::byte_pair::<E3m2>(x, y, how).to_le_bytes();
        check_nearest::<E3m2>(a, high);
        check_nearest::<E3m2>(b, low);
    }

    #[test]
    fn scales_are_the_powers_of_two_around(a in encodings::<F32>()) {
        let value = f64::from(f32::from_bits(a).abs());
        for finite in [false, true] {
            let scale = |rounding| narrow::scale_pair(0, a, rounding, finite) as u8;
            let (down, up) = (scale(Rounding::TowardZero), scale(Rounding::Up));
            if value.is_nan() {
                prop_assert_eq!((down, up), (255, 255));
                continue;
            }
            let largest = if finite { 254 } else { 255 };
            let of = |scale: u8| 2.0_f64.powi(i32::from(scale) - 127);
            prop_assert!(down == 0 || down == largest || of(down) <= value && value < of(down + 1));
            prop_assert!(down != 0 || value < of(1));
            prop_assert!(down != largest || of(largest) <= value);
            prop_assert!(up == largest || value <= of(up));
            prop_assert!(up == 0 || of(up - 1) < value);
            let halves = narrow::scale_pair_from_half_pair(a, Rounding::Up, finite);
            let upper = narrow::scale_pair(a & 0xffff_0000, a << 16, Rounding::Up, finite);
            prop_assert_eq!(halves, upper);
        }
    }

    #[test]
    fn rounding_at_random_takes_a_neighbour_as_often_as_it_is_near(a in numbers(), seed: u16) {
        check_random::<E4m3>(a, seed);
        check_random::<E5m2>(a, seed);
        check_random::<E2m3>(a, seed);
        check_random::<E3m2>(a, seed);
    }

    #[test]
    fn halves_at_random_carry_what_they_drop(a in encodings::<F32>(), b in encodings::<F32>(), random: u32) {
        let how = Narrowing::default();
        let pair = narrow::half_pair_at_random::<Bf16>(a, b, random, how);
        for (x, random, found) in [(a, random >> 16, pair >> 16), (b, random & 0xffff, pair & 0xffff)] {
            if f32::from_bits(x).is_nan() {
                prop_assert_eq!(found, 0x7fff);
            } else if f32::from_bits(x).is_finite() {
                // The formats have the same exponents, so that this is an addition of integers.
                prop_assert_eq!(found, x.wrapping_add(random) >> 16);
            }
        }
        // With nothing random it truncates, and with the most it goes up wherever it is not exact
        // to 13 bits.
        let down = narrow::half_pair_at_random::<F16>(a, b, 0, how) as u16;
        let cut = narrow::half::<F16>(b, Narrowing { rounding: Rounding::TowardZero, ..how });
        if f32::from_bits(b).abs() < 65504.0 {
            prop_assert_eq!(down, cut);
        }
    }
}

/// Checks rounding of one number with one random number, by exact arithmetic in `f64`.
fn check_random<F: Format<Bits = u8>>(a: f32, random: u16) {
    let numbers = magnitudes::<F>();
    let value = f64::from(a.abs());
    if value.is_nan() || value >= numbers[numbers.len() - 1] {
        return;
    }
    let how = Narrowing { finite: true, ..Narrowing::default() };
    let halves = u32::from(random) << 16 | u32::from(!random);
    let bits = a.to_bits();
    let found = narrow::byte_quad_at_random::<F>([bits; 4], halves, how).to_be_bytes();
    let below = numbers.partition_point(|&number| number <= value) - 1;
    let part = (value - numbers[below]) / (numbers[below + 1] - numbers[below]);
    for (found, random) in found.into_iter().zip([random, random, !random, !random]) {
        // Bits of the part below the random ones never carry.
        let carries = (part * 65536.0).floor() + f64::from(random) >= 65536.0;
        let magnitude = u64::from(found) & (F::SIGN - 1);
        assert_eq!(magnitude as usize, below + usize::from(carries), "{a} {random:x}");
    }
}

#[test]
fn small_formats_are_widened_exactly() {
    let check = |found: u32, expected: f64| {
        let found = f64::from(crate::numeric::f16_to_f32(found as u16));
        assert_eq!(found, expected);
    };
    for (i, &number) in magnitudes::<E2m1>().iter().enumerate() {
        check(
            narrow::half_pair_from_nibble_pair::<E2m1, F16>(i as u8, Narrowing::default()),
            number,
        );
        check(
            narrow::half_pair_from_nibble_pair::<E2m1, F16>(i as u8 | 8, Narrowing::default()),
            -number,
        );
        check(
            narrow::half_pair_from_nibble_pair::<E2m1, F16>(
                i as u8 | 8,
                Narrowing { relu: true, ..Narrowing::default() },
            ),
            0.0,
        );
        let high =
            narrow::half_pair_from_nibble_pair::<E2m1, F16>((i as u8) << 4, Narrowing::default())
                >> 16;
        check(high, number);
    }
    for (i, &number) in magnitudes::<E2m3>().iter().enumerate() {
        check(
            narrow::half_pair_from_byte_pair::<E2m3, F16>(i as u16, Narrowing::default()),
            number,
        );
        check(
            narrow::half_pair_from_byte_pair::<E2m3, F16>(i as u16 | 32, Narrowing::default()),
            -number,
        );
    }
    for (i, &number) in magnitudes::<E3m2>().iter().enumerate() {
        check(
            narrow::half_pair_from_byte_pair::<E3m2, F16>(i as u16, Narrowing::default()),
            number,
        );
    }
    assert_eq!(magnitudes::<E2m1>(), [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]);
}

#[test]
fn scales_are_widened_exactly() {
    for scale in 0..=254_u8 {
        let pair = narrow::half_pair_from_scale_pair(u16::from(scale));
        let value = f64::from(f32::from_bits(pair << 16));
        assert_eq!(value, 2.0_f64.powi(i32::from(scale) - 127));
        assert_eq!(f64::from(narrow::scale_to_f32(scale)), value);
    }
    assert_eq!(narrow::half_pair_from_scale_pair(0xff00) >> 16, 0x7fff);
}

#[test]
fn nibbles_at_random_take_their_bytes() {
    let how = Narrowing { finite: true, ..Narrowing::default() };
    // Three quarters of the way from 1 to 1.5.
    let values = [1.375_f32.to_bits(); 4];
    let quad = |random| narrow::nibble_quad_at_random::<E2m1>(values, random, how);
    assert_eq!(quad(0), 0x2222);
    assert_eq!(quad(0x4000_0000), 0x3322);
    assert_eq!(quad(0x0040_0000), 0x2233);
    assert_eq!(quad(0x3f3f_ffff), 0x2222);
}
