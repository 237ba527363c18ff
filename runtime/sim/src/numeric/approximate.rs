//! The `.approx` and `.full` forms of *Floating Point Instructions* and *Half Precision Floating
//! Point Instructions*.
//!
//! PTX bounds their errors and fixes their special cases; here the value computed in f64 is rounded
//! once, which every bound admits. So results are nearer the exact value than a GPU's, and differ
//! from it in the last bits.

use super::float;
use super::format::{Bits, F32, F64, Format, Mode};
use super::host::Arithmetic;

#[inline(always)]
fn apply<F: Arithmetic>(a: F::Bits, flush: bool, function: impl Fn(f64) -> f64) -> F::Bits {
    let mode = Mode { flush, ..Mode::NEAREST };
    mode.result::<F>(F::from_f64_nearest(function(F::to_f64(mode.operand::<F>(a)))))
}

/// `ex2.approx`: 2^a.
#[inline(always)]
pub fn exponential<F: Arithmetic>(a: F::Bits, flush: bool) -> F::Bits {
    apply::<F>(a, flush, exponential_f64)
}

/// 2^x to 37 bits for |x| < 160, and beyond, for every format but `.f64`, what under- and
/// overflows to the right thing. Free of branches, so that loops over lanes vectorize.
#[inline(always)]
fn exponential_f64(x: f64) -> f64 {
    /// Added to a number, leaves it as an integer in the low bits.
    const INTEGER: f64 = 1.5 * (1_u64 << 52) as f64;
    /// ln(2)^k / k!
    const TAYLOR: [f64; 10] = {
        let mut terms = [1.0; 10];
        let mut k = 1;
        while k < terms.len() {
            terms[k] = terms[k - 1] * std::f64::consts::LN_2 / k as f64;
            k += 1;
        }
        terms
    };
    let x = x.clamp(-160.0, 160.0);
    let shifted = x + INTEGER;
    let fraction = x - (shifted - INTEGER);
    let power = TAYLOR.iter().rev().fold(0.0, |sum, term| sum * fraction + term);
    f64::from_bits(power.to_bits().wrapping_add(shifted.to_bits() << 52))
}

/// `lg2.approx`: log₂ a; of zeros −∞, of negative numbers NaN.
#[inline]
pub fn logarithm(a: u32, flush: bool) -> u32 {
    apply::<F32>(a, flush, f64::log2)
}

/// `sin.approx`: sin a, a in radians; NaN for an infinity.
#[inline]
pub fn sine(a: u32, flush: bool) -> u32 {
    apply::<F32>(a, flush, f64::sin)
}

/// `cos.approx`: cos a, a in radians; NaN for an infinity.
#[inline]
pub fn cosine(a: u32, flush: bool) -> u32 {
    apply::<F32>(a, flush, f64::cos)
}

/// `tanh.approx`: the hyperbolic tangent. Subnormal numbers are supported.
#[inline]
pub fn hyperbolic_tangent<F: Arithmetic>(a: F::Bits) -> F::Bits {
    apply::<F>(a, false, f64::tanh)
}

/// `rcp.approx`: 1 / a.
#[inline(always)]
pub fn reciprocal(a: u32, flush: bool) -> u32 {
    float::reciprocal::<F32>(a, Mode { flush, ..Mode::NEAREST })
}

/// `sqrt.approx`: √a; of negative numbers NaN, of −0 −0.
#[inline(always)]
pub fn square_root(a: u32, flush: bool) -> u32 {
    float::square_root::<F32>(a, Mode { flush, ..Mode::NEAREST })
}

/// `rsqrt.approx`: 1 / √a; an infinity for zeros, with their sign, NaN for negative numbers.
#[inline(always)]
pub fn reciprocal_square_root(a: u32, flush: bool) -> u32 {
    apply::<F32>(a, flush, |x| 1.0 / x.sqrt())
}

/// `div.full`: a / b over the whole range.
#[inline(always)]
pub fn divide_full(a: u32, b: u32, flush: bool) -> u32 {
    float::divide::<F32>(a, b, Mode { flush, ..Mode::NEAREST })
}

/// `div.approx`: a / b. For a finite |b| above 2^126 it is a · 0, so 0 or, of an infinity, NaN.
#[inline(always)]
pub fn divide(a: u32, b: u32, flush: bool) -> u32 {
    const LIMIT: u64 = (127 + 126) << 23;
    let magnitude = F32::magnitude(b);
    if magnitude > LIMIT && magnitude < F32::INFINITY {
        let zero = F32::encode(u64::from(b) & F32::SIGN);
        return float::multiply::<F32>(a, zero, Mode { flush, ..Mode::NEAREST });
    }
    divide_full(a, b, flush)
}

/// `rcp.approx.ftz.f64`: 1 / a from the upper 32 bits of a; the lower 32 bits of the result are 0.
#[inline]
pub fn reciprocal_f64(a: u64) -> u64 {
    upper_half(a, true, |x| 1.0 / x)
}

/// `rsqrt.approx.ftz.f64`: 1 / √a from the upper 32 bits of a; the lower 32 bits of the result
/// are 0.
#[inline]
pub fn reciprocal_square_root_upper_f64(a: u64) -> u64 {
    upper_half(a, true, |x| 1.0 / x.sqrt())
}

/// `rsqrt.approx.f64`: 1 / √a.
#[inline]
pub fn reciprocal_square_root_f64(a: u64) -> u64 {
    apply::<F64>(a, false, |x| 1.0 / x.sqrt())
}

fn upper_half(a: u64, flush: bool, function: impl Fn(f64) -> f64) -> u64 {
    const UPPER: u64 = !0 << 32;
    apply::<F64>(a & UPPER, flush, function).widen() & UPPER
}
