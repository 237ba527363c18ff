use proptest::prelude::*;

use super::integers;
use crate::numeric::integer::{self, Integer};

/// `value` modulo the type's range.
fn wrapped<T: Integer>(value: i128) -> i128 {
    let modulus = 1_i128 << T::BITS;
    let low = value.rem_euclid(modulus);
    if T::SIGNED && low >= modulus / 2 { low - modulus } else { low }
}

fn clamped<T: Integer>(value: i128) -> i128 {
    let (low, high) = match T::SIGNED {
        true => (-(1_i128 << (T::BITS - 1)), (1_i128 << (T::BITS - 1)) - 1),
        false => (0, (1_i128 << T::BITS) - 1),
    };
    value.max(low).min(high)
}

fn check<T: Integer>(a: u64, b: u64, c: u64) {
    let (a, b, c) = (T::from_bits(a), T::from_bits(b), T::from_bits(c));
    let (x, y, z) = (a.value(), b.value(), c.value());
    let equal = |result: T, exact: i128| {
        assert_eq!(result.value(), wrapped::<T>(exact), "{a:?} {b:?} {c:?}");
    };
    equal(integer::add(a, b), x + y);
    equal(integer::subtract(a, b), x - y);
    equal(integer::multiply_low(a, b), x.wrapping_mul(y));
    equal(integer::sum_of_absolute_difference(a, b, c), z + (x - y).abs());
    equal(integer::absolute(a), x.abs());
    equal(integer::negate(a), -x);
    equal(integer::minimum(a, b), x.min(y));
    equal(integer::maximum(a, b), x.max(y));
    equal(integer::relu(a), x.max(0));
    assert_eq!(integer::add_saturating(a, b).value(), clamped::<T>(x + y));
    assert_eq!(integer::subtract_saturating(a, b).value(), clamped::<T>(x - y));
    if y != 0 {
        equal(integer::divide(a, b), x / y);
        equal(integer::remainder(a, b), x % y);
    } else {
        equal(integer::divide(a, b), -1);
        equal(integer::remainder(a, b), x);
    }
    // The product of unsigned 64-bit numbers does not fit i128; its high half is checked apart.
    if T::SIGNED || T::BITS < 64 {
        let high = (x * y) >> T::BITS;
        equal(integer::multiply_high(a, b), high);
        equal(integer::multiply_add_high(a, b, c), high + z);
    }
    equal(integer::multiply_add_low(a, b, c), x.wrapping_mul(y) + z);
    check_carries(a, b, c);
}

fn check_carries<T: Integer>(a: T, b: T, c: T) {
    let modulus = 1_i128 << T::BITS;
    let unsigned = |x: T| i128::from(x.bits());
    let (x, y, z) = (unsigned(a), unsigned(b), unsigned(c));
    for carry in [false, true] {
        let (sum, out) = integer::add_with_carry(a, b, carry);
        assert_eq!(unsigned(sum) + if out { modulus } else { 0 }, x + y + i128::from(carry));
        let (difference, out) = integer::subtract_with_borrow(a, b, carry);
        let borrowed = if out { modulus } else { 0 };
        assert_eq!(unsigned(difference) - borrowed, x - y - i128::from(carry));
        let low = unsigned(integer::multiply_low(a, b));
        let (sum, out) = integer::multiply_add_low_with_carry(a, b, c, carry);
        assert_eq!(unsigned(sum) + if out { modulus } else { 0 }, low + z + i128::from(carry));
        let high = unsigned(integer::multiply_high(a, b));
        let (sum, out) = integer::multiply_add_high_with_carry(a, b, c, carry);
        assert_eq!(unsigned(sum) + if out { modulus } else { 0 }, high + z + i128::from(carry));
    }
}

fn check_wide<T: Integer>(a: u64, b: u64, c: u64) {
    let (a, b, c) = (T::from_bits(a), T::from_bits(b), T::Wide::from_bits(c));
    assert_eq!(integer::multiply_wide(a, b).value(), a.value() * b.value());
    let exact = a.value() * b.value() + c.value();
    assert_eq!(integer::multiply_add_wide(a, b, c).value(), wrapped::<T::Wide>(exact));
}

fn check24<T: Integer>(a: u64, b: u64, c: u64) {
    let low24 = |x: u64| {
        let low = i128::from(x & 0xff_ffff);
        if T::SIGNED && low >= 1 << 23 { low - (1 << 24) } else { low }
    };
    let product = low24(a) * low24(b);
    let (a, b, c) = (T::from_bits(a), T::from_bits(b), T::from_bits(c));
    let equal = |result: T, exact| assert_eq!(result.value(), wrapped::<T>(exact));
    equal(integer::multiply24_low(a, b), product);
    equal(integer::multiply24_high(a, b), product >> 16);
    equal(integer::multiply_add24_low(a, b, c), wrapped::<T>(product) + c.value());
    equal(integer::multiply_add24_high(a, b, c), wrapped::<T>(product >> 16) + c.value());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_width(a in integers(), b in integers(), c in integers()) {
        check::<u16>(a, b, c);
        check::<i16>(a, b, c);
        check::<u32>(a, b, c);
        check::<i32>(a, b, c);
        check::<u64>(a, b, c);
        check::<i64>(a, b, c);
        check_wide::<u16>(a, b, c);
        check_wide::<i16>(a, b, c);
        check_wide::<u32>(a, b, c);
        check_wide::<i32>(a, b, c);
        check24::<u32>(a, b, c);
        check24::<i32>(a, b, c);
        let high = (u128::from(a) * u128::from(b)) >> 64;
        prop_assert_eq!(integer::multiply_high(a, b), high as u64);
    }

    #[test]
    fn saturating_multiply_add(a in integers(), b in integers(), c in integers()) {
        let (a, b, c) = (a as i32, b as i32, c as i32);
        let high = (i128::from(a) * i128::from(b)) >> 32;
        let expected = clamped::<i32>(high + i128::from(c));
        prop_assert_eq!(i128::from(integer::multiply_add_high_saturating(a, b, c)), expected);
        let high = integer::multiply24_high(a, b);
        let expected = clamped::<i32>(i128::from(high) + i128::from(c));
        prop_assert_eq!(i128::from(integer::multiply_add24_high_saturating(a, b, c)), expected);
    }

    #[test]
    fn dot_products(a: u32, b: u32, c: u32, a_signed: bool, b_signed: bool) {
        let element = |byte: u8, signed: bool| {
            if signed { i64::from(byte as i8) } else { i64::from(byte) }
        };
        let (x, y) = (a.to_le_bytes(), b.to_le_bytes());
        let exact: i64 =
            (0..4).map(|i| element(x[i], a_signed) * element(y[i], b_signed)).sum();
        let expected = (i64::from(c) + exact) as u32;
        prop_assert_eq!(integer::dot4(a, b, c, a_signed, b_signed), expected);
        for (high, first) in [(false, 0), (true, 2)] {
            let half = |i: u32| {
                let half = (a >> (16 * i)) as u16;
                if a_signed { i64::from(half as i16) } else { i64::from(half) }
            };
            let exact: i64 = (0..2)
                .map(|i| half(i) * element(y[first + i as usize], b_signed))
                .sum();
            let expected = (i64::from(c) + exact) as u32;
            prop_assert_eq!(integer::dot2(a, b, c, a_signed, b_signed, high), expected);
        }
    }
}

#[test]
fn every_pair_of_bytes() {
    for a in 0..=255 {
        for b in 0..=255 {
            check::<u8>(a, b, a ^ b);
            check::<i8>(a, b, a ^ b);
        }
    }
}
