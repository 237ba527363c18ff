//! Against the manual's pseudocode, bit by bit.

use proptest::prelude::*;

use super::integers;
use crate::numeric::bits::{self, Overflow, Permute};
use crate::numeric::integer::Integer;

fn bit(a: u64, i: u32) -> u64 {
    a >> i & 1
}

fn check_fields<T: Integer>(a: u64, b: u64, position: u32, length: u32) {
    let (a, b) = (T::from_bits(a), T::from_bits(b));
    let msb = T::BITS - 1;
    let (pos, len) = (position & 0xff, length & 0xff);
    let sign = if !T::SIGNED || len == 0 { 0 } else { bit(a.bits(), (pos + len - 1).min(msb)) };
    let extracted: u64 = (0..=msb)
        .map(|i| (if i < len && pos + i <= msb { bit(a.bits(), pos + i) } else { sign }) << i)
        .sum();
    assert_eq!(bits::extract_field(a, position, length).bits(), extracted, "{a:?} {pos} {len}");
    let mut inserted = b.bits();
    let mut i = 0;
    while i < len && pos + i <= msb {
        inserted = inserted & !(1 << (pos + i)) | bit(a.bits(), i) << (pos + i);
        i += 1;
    }
    assert_eq!(bits::insert_field(a, b, position, length).bits(), inserted, "{a:?} {pos} {len}");
}

fn check_scans<T: Integer>(a: u64) {
    let a = T::from_bits(a);
    let ones = a.bits();
    let msb = T::BITS - 1;
    let flipped = if T::SIGNED && bit(ones, msb) == 1 { !ones } else { ones };
    let found = (0..=msb).rev().find(|&i| bit(flipped, i) == 1);
    assert_eq!(bits::find_highest(a, false), found.unwrap_or(u32::MAX));
    assert_eq!(bits::find_highest(a, true), found.map_or(u32::MAX, |i| msb - i));
    assert_eq!(u64::from(bits::count_ones(a)), (0..=msb).map(|i| bit(ones, i)).sum());
    let highest = (0..=msb).rev().position(|i| bit(ones, i) == 1);
    assert_eq!(bits::leading_zeros(a), highest.map_or(T::BITS, |zeros| zeros as u32));
    let reversed: u64 = (0..=msb).map(|i| bit(ones, i) << (msb - i)).sum();
    assert_eq!(bits::reverse(a).bits(), reversed);
    assert_eq!(bits::logical_not(a).bits(), u64::from(ones == 0));
}

fn check_shifts<T: Integer>(a: u64, amount: u32) {
    let a = T::from_bits(a);
    // Wider than any amount that matters.
    let exact = amount.min(64);
    let right = bits::shift_right(a, amount).value();
    assert_eq!(right, a.value() >> exact, "{a:?} >> {amount}");
    let left = u128::from(a.bits()) << exact & ((1 << T::BITS) - 1);
    assert_eq!(u128::from(bits::shift_left(a, amount).bits()), left, "{a:?} << {amount}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn fields(a in integers(), b in integers(), position in 0_u32..80, length in 0_u32..80,
        more: u32, unmasked: bool
    ) {
        let high = if unmasked { more << 8 } else { 0 };
        check_fields::<u32>(a, b, position | high, length | high);
        check_fields::<i32>(a, b, position | high, length | high);
        check_fields::<u64>(a, b, position | high, length | high);
        check_fields::<i64>(a, b, position | high, length | high);
        check_fields::<u64>(a, b, more, more >> 8);
        check_fields::<i32>(a, b, more, more >> 8);
    }

    #[test]
    fn scans(a in integers()) {
        check_scans::<u32>(a);
        check_scans::<i32>(a);
        check_scans::<u64>(a);
        check_scans::<i64>(a);
        check_scans::<u16>(a);
    }

    #[test]
    fn shifts(a in integers(), amount in prop_oneof![0_u32..70, any::<u32>()]) {
        check_shifts::<u16>(a, amount);
        check_shifts::<i16>(a, amount);
        check_shifts::<u32>(a, amount);
        check_shifts::<i32>(a, amount);
        check_shifts::<u64>(a, amount);
        check_shifts::<i64>(a, amount);
    }

    #[test]
    fn funnel_shifts(a: u32, b: u32, amount in prop_oneof![0_u32..70, any::<u32>()]) {
        for overflow in [Overflow::Clamp, Overflow::Wrap] {
            let n = if overflow == Overflow::Clamp { amount.min(32) } else { amount % 32 };
            let or_zero = |x: Option<u32>| x.unwrap_or(0);
            let left = or_zero(b.checked_shl(n)) | or_zero(a.checked_shr(32 - n));
            let right = or_zero(b.checked_shl(32 - n)) | or_zero(a.checked_shr(n));
            prop_assert_eq!(bits::funnel_shift_left(a, b, amount, overflow), left);
            prop_assert_eq!(bits::funnel_shift_right(a, b, amount, overflow), right);
        }
    }

    #[test]
    fn logic(a: u32, b: u32, c: u32, table: u8) {
        let expected: u32 = (0..32)
            .map(|i| {
                let index = (a >> i & 1) << 2 | (b >> i & 1) << 1 | c >> i & 1;
                (u32::from(table) >> index & 1) << i
            })
            .sum();
        prop_assert_eq!(bits::logic3(a, b, c, table), expected);
        prop_assert_eq!(bits::logic3(a, b, c, 0xf0 & 0xcc | 0xaa), a & b | c);
    }

    #[test]
    fn finds_nth_set(mask: u32, base in 0_u32..32, offset in -34_i32..=34) {
        prop_assert_eq!(bits::find_nth_set(mask, base, offset), nth_set(mask, base, offset));
    }

    #[test]
    fn extensions(a: u32, width in prop_oneof![0_u32..70, any::<u32>()], signed: bool) {
        for overflow in [Overflow::Clamp, Overflow::Wrap] {
            let expected = extended(a, width, signed, overflow == Overflow::Clamp);
            prop_assert_eq!(bits::extend(a, width, signed, overflow), expected);
        }
    }

    #[test]
    fn masks(a in prop_oneof![0_u32..70, any::<u32>()], b in prop_oneof![0_u32..70, any::<u32>()]) {
        for overflow in [Overflow::Clamp, Overflow::Wrap] {
            let expected = masked(a, b, overflow == Overflow::Clamp);
            prop_assert_eq!(bits::mask(a, b, overflow), expected);
        }
    }

    #[test]
    fn permutes_any(a: u32, b: u32, selector: u32) {
        let source = [a.to_le_bytes(), b.to_le_bytes()].concat();
        let expected = std::array::from_fn(|i| {
            let control = selector >> (4 * i) & 15;
            let byte = source[control as usize & 7];
            match control & 8 {
                0 => byte,
                _ if byte & 0x80 != 0 => 0xff,
                _ => 0,
            }
        });
        prop_assert_eq!(bits::permute(a, b, selector, Permute::Any), u32::from_le_bytes(expected));
    }
}

fn nth_set(mask: u32, base: u32, offset: i32) -> u32 {
    if offset == 0 {
        return if mask >> base & 1 == 1 { base } else { u32::MAX };
    }
    let (mut position, mut count) = (base as i32, offset.abs() - 1);
    while (0..32).contains(&position) {
        if mask >> position & 1 == 1 {
            if count == 0 {
                return position as u32;
            }
            count -= 1;
        }
        position += offset.signum();
    }
    u32::MAX
}

fn extended(a: u32, b: u32, signed: bool, clamp: bool) -> u32 {
    let low = b & 0x1f;
    let too_large = b >= 32 && clamp;
    let mask = if too_large { 0 } else { u32::MAX << low };
    let sign_position = low.wrapping_sub(1) & 0x1f;
    let sign = !(low == 0 || too_large || !signed) && a >> sign_position & 1 == 1;
    a & !mask | if sign { mask } else { 0 }
}

fn masked(a: u32, b: u32, clamp: bool) -> u32 {
    let (a1, b1) = (a & 0x1f, b & 0x1f);
    let mut mask0 = u32::MAX << a1;
    let sum = a1 + b1;
    let mut overflow = sum >= 32;
    if clamp && a >= 32 {
        overflow = true;
        mask0 = 0;
    }
    if clamp && b >= 32 {
        overflow = true;
    }
    let mask1 = match (overflow, b1) {
        (true, _) => 0,
        (false, 0) => u32::MAX,
        (false, _) => u32::MAX << sum,
    };
    mask0 & !mask1
}

/// The manual's table: the source bytes of bytes 3 to 0 for selectors 0 to 3.
#[test]
fn permutes_by_mode() {
    let check = |mode, table: [[u8; 4]; 4]| {
        for (selector, bytes) in table.into_iter().enumerate() {
            // Byte i of the sources has the value i; only two bits of the selector count.
            let result = bits::permute(0x0302_0100, 0x0706_0504, selector as u32 | 0xf0, mode);
            assert_eq!(result, u32::from_be_bytes(bytes), "{mode:?} {selector}");
        }
    };
    check(Permute::ForwardFourExtract, [[3, 2, 1, 0], [4, 3, 2, 1], [5, 4, 3, 2], [6, 5, 4, 3]]);
    check(Permute::BackwardFourExtract, [[5, 6, 7, 0], [6, 7, 0, 1], [7, 0, 1, 2], [0, 1, 2, 3]]);
    check(Permute::ReplicateByte, [[0, 0, 0, 0], [1, 1, 1, 1], [2, 2, 2, 2], [3, 3, 3, 3]]);
    check(Permute::EdgeClampLeft, [[3, 2, 1, 0], [3, 2, 1, 1], [3, 2, 2, 2], [3, 3, 3, 3]]);
    check(Permute::EdgeClampRight, [[0, 0, 0, 0], [1, 1, 1, 0], [2, 2, 1, 0], [3, 2, 1, 0]]);
    check(Permute::ReplicateHalf, [[1, 0, 1, 0], [3, 2, 3, 2], [1, 0, 1, 0], [3, 2, 3, 2]]);
}
