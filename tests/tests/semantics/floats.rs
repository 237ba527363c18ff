//! Floats: each operation is rounded once, and subnormal numbers are kept.

use super::same;
use tilewright::half::{bf16, f16};

macro_rules! float {
    ($($module:ident: $ty:ident;)*) => { $(
        mod $module {
            use super::same;

            same! { add(a: $ty, b: $ty) -> $ty { a + b } }
            same! { subtract(a: $ty, b: $ty) -> $ty { a - b } }
            same! { multiply(a: $ty, b: $ty) -> $ty { a * b } }
            same! { divide(a: $ty, b: $ty) -> $ty { a / b } }
            same! { unfused(a: $ty, b: $ty, c: $ty) -> $ty { a * b + c } }
            same! { fused(a: $ty, b: $ty, c: $ty) -> $ty { fma(a, b, c) } else { a.mul_add(b, c) } }
            same! { root(a: $ty) -> $ty { sqrt(a) } else { a.sqrt() } }
            same! { magnitude(a: $ty) -> $ty { a.abs() } }
            same! { signed(a: $ty, b: $ty) -> $ty { a.copysign(b) } }
            same! { rounded(a: $ty) -> $ty { a.round() } }
            same! { rounded_to_even(a: $ty) -> $ty { a.round_ties_even() } }
            same! { floored(a: $ty) -> $ty { a.floor() + a.ceil() - a.trunc() } }
            same! { greatest(a: $ty, b: $ty) -> $ty { if a == 0.0 { b } else { a.max(b) } } }
            same! { finite(a: $ty) -> u32 { a.is_finite() as u32 + a.is_nan() as u32 * 2 } }
            same! { negated(a: $ty) -> $ty { -a } }
            same! { decimal(a: $ty) -> $ty { a * 0.1 + 1e-3 - 16777217.0 } }
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
        }
    )* };
}

float! {
    on_f32: f32;
    on_f64: f64;
}

same! { f16_add(a: f16, b: f16) -> f16 { a + b } else { f16::from_f32((a.to_f64() + b.to_f64()) as f32) } }
same! { f16_multiply(a: f16, b: f16) -> f16 { a * b } else { f16::from_f32((a.to_f64() * b.to_f64()) as f32) } }
same! { f16_divide(a: f16, b: f16) -> f16 { a / b } else { f16::from_f32((a.to_f64() / b.to_f64()) as f32) } }
same! { f16_constant(a: f16) -> f16 { a + 1.5 } else { f16::from_f32(a.to_f32() + 1.5) } }
same! { f16_less(a: f16, b: f16) -> u32 { (a < b) as u32 } }
same! { bf16_add(a: bf16, b: bf16) -> bf16 { a + b } else { bf16::from_f32(a.to_f32() + b.to_f32()) } }
same! { bf16_subtract(a: bf16, b: bf16) -> bf16 { a - b } else { bf16::from_f32(a.to_f32() - b.to_f32()) } }
same! { bf16_multiply(a: bf16, b: bf16) -> bf16 { a * b } else { bf16::from_f32(a.to_f32() * b.to_f32()) } }
same! { bf16_divide(a: bf16, b: bf16) -> bf16 { a / b } else { bf16::from_f32(a.to_f32() / b.to_f32()) } }
same! { bf16_less(a: bf16, b: bf16) -> u32 { (a < b || a != a) as u32 } }
