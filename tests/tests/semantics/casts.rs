//! `as`: integers wrap, floats saturate.

use super::same;
use tilewright::half::{bf16, f16};

macro_rules! casts {
    ($($module:ident: $from:ident;)*) => { $(
        mod $module {
            use super::same;

            same! { to_u8(a: $from) -> u8 { a as u8 } }
            same! { to_u16(a: $from) -> u16 { a as u16 } }
            same! { to_u32(a: $from) -> u32 { a as u32 } }
            same! { to_u64(a: $from) -> u64 { a as u64 } }
            same! { to_i8(a: $from) -> i8 { a as i8 } }
            same! { to_i16(a: $from) -> i16 { a as i16 } }
            same! { to_i32(a: $from) -> i32 { a as i32 } }
            same! { to_i64(a: $from) -> i64 { a as i64 } }
            same! { to_f32(a: $from) -> f32 { a as f32 } }
            same! { to_f64(a: $from) -> f64 { a as f64 } }
        }
    )* };
}

casts! {
    from_u8: u8;
    from_u16: u16;
    from_u32: u32;
    from_u64: u64;
    from_i8: i8;
    from_i16: i16;
    from_i32: i32;
    from_i64: i64;
    from_f32: f32;
    from_f64: f64;
}

same! { f16_to_f32(a: f16) -> f32 { a as f32 } else { a.to_f32() } }
same! { f16_to_i8(a: f16) -> i8 { a as i8 } else { a.to_f32() as i8 } }
same! { f16_to_u64(a: f16) -> u64 { a as u64 } else { a.to_f32() as u64 } }
same! { f32_to_f16(a: f32) -> f16 { a as f16 } else { f16::from_f32(a) } }
same! { i32_to_f16(a: i32) -> f16 { a as f16 } else { f16::from_f32(a as f32) } }
same! { bf16_to_f32(a: bf16) -> f32 { a as f32 } else { a.to_f32() } }
same! { f32_to_bf16(a: f32) -> bf16 { a as bf16 } else { bf16::from_f32(a) } }
same! { i16_to_bf16(a: i16) -> bf16 { a as bf16 } else { bf16::from_f32(a as f32) } }
same! { bf16_to_f16(a: bf16) -> f16 { a as f16 } else { f16::from_f32(a.to_f32()) } }
same! { bool_to_integers(a: u32, b: u32) -> u64 { (a < b) as u64 + (a == b) as u8 as u64 } }
same! { bits_of_f32(a: f32) -> u32 { if is_nan(a) { 0 } else { a.to_bits() } } else {
    if a.is_nan() { 0 } else { a.to_bits() }
} }
same! { f64_of_bits(a: u64) -> f64 { f64::from_bits(a) } }
same! { f16_of_bits(a: u16) -> f16 { f16::from_bits(a) } }
