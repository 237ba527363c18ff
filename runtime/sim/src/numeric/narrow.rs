//! *cvt* to and from packed and narrow formats, and *cvt.pack*.
//!
//! Of two operands the first becomes the upper half of the result.

use super::exact::{Value, signed};
use super::format::{Clamp, E4m3, E5m2, F16, F32, Format, Rounding, Tf32};
use super::host::{self, Arithmetic, f16_to_f32, f32_to_f16};

/// The modifiers of a conversion to a narrower format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Narrowing {
    /// `.rn`, `.rz` or `.rna`.
    pub rounding: Rounding,
    /// `.relu`: negative becomes +0.
    pub relu: bool,
    /// `.satfinite`: what is beyond the largest number becomes that number, with its sign.
    pub finite: bool,
}

impl Narrowing {
    /// Of a rounded number, or NaN where the operand was one.
    #[inline(always)]
    fn result<F: Format>(self, bits: F::Bits, is_nan: bool) -> F::Bits {
        let overflowed = self.finite && !is_nan && F::magnitude(bits) >= F::INFINITY;
        let largest = signed::<F>(F::is_negative(bits), F::LARGEST);
        let bits = if overflowed { largest } else { bits };
        F::clamp(bits, if self.relu { Clamp::Relu } else { Clamp::None })
    }
}

/// `.f32` to `.f16` or `.bf16`: `cvt.rn.relu.satfinite.f16.f32` and its like.
#[inline(always)]
pub fn half<D: Arithmetic<Bits = u16>>(a: u32, how: Narrowing) -> u16 {
    let bits = match how.rounding {
        Rounding::NearestEven => D::from_f32_nearest(f32::from_bits(a)),
        rounding => Value::of::<F32>(a).round::<D>(rounding),
    };
    how.result::<D>(bits, F32::is_nan(a))
}

/// Two `.f32` to `.f16x2` or `.bf16x2`; `a` becomes the upper half.
///
/// ```
/// use tilewright_sim::numeric::{F16, narrow};
/// let (one, two) = (1.0_f32.to_bits(), 2.0_f32.to_bits());
/// assert_eq!(narrow::half_pair::<F16>(one, two, Default::default()), 0x3c00_4000);
/// ```
#[inline(always)]
pub fn half_pair<D: Arithmetic<Bits = u16>>(a: u32, b: u32, how: Narrowing) -> u32 {
    u32::from(half::<D>(a, how)) << 16 | u32::from(half::<D>(b, how))
}

/// `.f32` to `.tf32`; the low 13 bits of the result are zero.
#[inline]
pub fn tf32(a: u32, how: Narrowing) -> u32 {
    let bits = Value::of::<F32>(a).round::<Tf32>(how.rounding);
    how.result::<Tf32>(bits, F32::is_nan(a))
}

/// `.f32` to an 8-bit format, to nearest, the only rounding that PTX has for these.
#[inline(always)]
fn byte<D: Format<Bits = u8>>(a: f32, how: Narrowing) -> u8 {
    how.result::<D>(host::narrow::<D>(a), a.is_nan())
}

/// Two `.f32` to `.e4m3x2` or `.e5m2x2`; `a` becomes the upper byte. NaN becomes 0x7f.
#[inline]
pub fn byte_pair<D: Format<Bits = u8>>(a: u32, b: u32, how: Narrowing) -> u16 {
    let [high, low] = [a, b].map(|x| byte::<D>(f32::from_bits(x), how));
    u16::from(high) << 8 | u16::from(low)
}

/// `.f16x2` to `.e4m3x2` or `.e5m2x2`, half for half.
#[inline]
pub fn byte_pair_from_half_pair<D: Format<Bits = u8>>(a: u32, how: Narrowing) -> u16 {
    let [high, low] = [(a >> 16) as u16, a as u16].map(|x| byte::<D>(f16_to_f32(x), how));
    u16::from(high) << 8 | u16::from(low)
}

/// `.e4m3x2` or `.e5m2x2` to `.f16x2`, half for half; exact.
#[inline]
pub fn half_pair_from_byte_pair<S: Format<Bits = u8>>(a: u16, relu: bool) -> u32 {
    let how = Narrowing { relu, ..Narrowing::default() };
    let half = |x: u8| {
        let value = host::widen::<S>(x);
        how.result::<F16>(f32_to_f16(value), value.is_nan())
    };
    u32::from(half((a >> 8) as u8)) << 16 | u32::from(half(a as u8))
}

/// The value of an `.e4m3`.
#[inline(always)]
pub fn e4m3_to_f32(bits: u8) -> f32 {
    host::widen::<E4m3>(bits)
}

/// The value of an `.e5m2`.
#[inline(always)]
pub fn e5m2_to_f32(bits: u8) -> f32 {
    host::widen::<E5m2>(bits)
}

/// `cvt.pack.sat` of two `.s32` to integers of `width` bits, clamped to their range. They enter
/// below `c`, which moves up; it is 0 in the form without it. `a` becomes the upper one.
///
/// ```
/// use tilewright_sim::numeric::narrow;
/// // cvt.pack.sat.s8.s32.b32
/// assert_eq!(narrow::pack(1000, -1, 0x1234, 8, true), 0x1234_7fff);
/// ```
#[inline(always)]
pub fn pack(a: i32, b: i32, c: u32, width: u32, signed: bool) -> u32 {
    let (low, high) =
        if signed { (-1 << (width - 1), (1 << (width - 1)) - 1) } else { (0, (1 << width) - 1) };
    let field = |x: i32| u64::from(x.clamp(low, high) as u32) & ((1 << width) - 1);
    (u64::from(c) << (2 * width) | field(a) << width | field(b)) as u32
}
