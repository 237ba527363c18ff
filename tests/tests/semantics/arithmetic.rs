//! Integers: everything wraps.

use super::same;

macro_rules! integer {
    ($($module:ident: $ty:ident;)*) => { $(
        mod $module {
            use super::same;

            same! { add(a: $ty, b: $ty) -> $ty { a + b } else { a.wrapping_add(b) } }
            same! { subtract(a: $ty, b: $ty) -> $ty { a - b } else { a.wrapping_sub(b) } }
            same! { multiply(a: $ty, b: $ty) -> $ty { a * b } else { a.wrapping_mul(b) } }
            same! { divide(a: $ty, b: $ty) -> $ty { a / b } where a.checked_div(b).is_some() }
            same! { remainder(a: $ty, b: $ty) -> $ty { a % b } where a.checked_rem(b).is_some() }
            same! { bits(a: $ty, b: $ty) -> $ty { (a & b) ^ !(a | b) } }
            same! { left(a: $ty, b: u32) -> $ty { a << b } else { a.wrapping_shl(b) } }
            same! { right(a: $ty, b: u8) -> $ty { a >> b } else { a.wrapping_shr(b.into()) } }
            same! { right_by_itself(a: $ty, b: $ty) -> $ty { a >> b } else { a.wrapping_shr(b as u32) } }
            same! { least(a: $ty, b: $ty) -> $ty { min(a, b) } else { a.min(b) } }
            same! { clamped(a: $ty, b: $ty) -> $ty { a.max(3).min(b) } }
            same! { updates(a: $ty, b: $ty) -> $ty {
                let mut c = a;
                c += b;
                c ^= 5;
                c -= 1;
                c <<= 3;
                c
            } else { (a.wrapping_add(b) ^ 5).wrapping_sub(1) << 3 } }
            same! { comparisons(a: $ty, b: $ty) -> u32 {
                let mut mask = 0;
                if a < b { mask |= 1 }
                if a <= b { mask |= 2 }
                if a > b { mask |= 4 }
                if a >= b { mask |= 8 }
                if a == b { mask |= 16 }
                if a != b { mask |= 32 }
                mask
            } }
            same! { constants(a: $ty) -> $ty {
                const LARGE: $ty = $ty::MAX - 2;
                a / LARGE ^ (LARGE >> 1)
            } }
        }
    )* };
}

integer! {
    on_u8: u8;
    on_u16: u16;
    on_u32: u32;
    on_u64: u64;
    on_i8: i8;
    on_i16: i16;
    on_i32: i32;
    on_i64: i64;
}

same! { negate_i8(a: i8) -> i8 { -a } else { a.wrapping_neg() } }
same! { negate_i32(a: i32) -> i32 { -a } else { a.wrapping_neg() } }
same! { negate_i64(a: i64) -> i64 { -a } else { a.wrapping_neg() } }
same! { magnitude_i8(a: i8) -> i8 { abs(a) } else { a.wrapping_abs() } }
same! { magnitude_i32(a: i32) -> i32 { a.abs() } else { a.wrapping_abs() } }
same! { population(a: u64) -> u32 { a.count_ones() + a.leading_zeros() * 100 } }
same! { trailing(a: u32) -> u32 { a.trailing_zeros() } }
same! { trailing_64(a: i64) -> u32 { a.trailing_zeros() } }
same! { reversed(a: u32) -> u32 { a.reverse_bits() } }
same! { rotated(a: u32, b: u32) -> u32 { a.rotate_left(b & 31) ^ a.rotate_right(b & 7) } }
same! { upper_half(a: u32, b: u32) -> u32 { mul_hi(a, b) } else { (a as u64 * b as u64 >> 32) as u32 } }
same! { upper_half_signed(a: i64, b: i64) -> i64 { mul_hi(a, b) } else { (a as i128 * b as i128 >> 64) as i64 } }
same! { literals(a: i32) -> i32 { a ^ 0xFF ^ 0b1010 ^ -1 ^ 1_000 ^ b'a' as i32 } }
