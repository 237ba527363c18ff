//! *cvt* to and from packed and narrow formats, and *cvt.pack*.
//!
//! Of two operands the first becomes the upper half of the result.

use super::exact::{Value, signed};
use super::format::{Bf16, Clamp, E4m3, E5m2, F32, Format, Rounding, Tf32};
use super::host::{self, Arithmetic};

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

/// `.f32` to a format of 8 bits or fewer, to nearest, the only rounding that PTX has for these.
#[inline(always)]
fn byte<D: Format<Bits = u8>>(a: f32, how: Narrowing) -> u8 {
    how.result::<D>(host::narrow::<D>(a), a.is_nan())
}

/// Two `.f32` to `.e4m3x2`, `.e5m2x2`, `.e3m2x2` or `.e2m3x2`; `a` becomes the upper byte. NaN
/// becomes 0x7f, or the largest number of a format without NaN.
#[inline]
pub fn byte_pair<D: Format<Bits = u8>>(a: u32, b: u32, how: Narrowing) -> u16 {
    let [high, low] = [a, b].map(|x| byte::<D>(f32::from_bits(x), how));
    u16::from(high) << 8 | u16::from(low)
}

/// `.f16x2` or `.bf16x2` to `.e4m3x2`, `.e5m2x2`, `.e3m2x2` or `.e2m3x2`, half for half.
#[inline]
pub fn byte_pair_from_half_pair<D: Format<Bits = u8>, S: Arithmetic<Bits = u16>>(
    a: u32,
    how: Narrowing,
) -> u16 {
    let [high, low] = [(a >> 16) as u16, a as u16].map(|x| byte::<D>(S::to_f32(x), how));
    u16::from(high) << 8 | u16::from(low)
}

/// `.f16x2` or `.bf16x2` to `.e2m1x2`, half for half.
#[inline]
pub fn nibble_pair_from_half_pair<D: Format<Bits = u8>, S: Arithmetic<Bits = u16>>(
    a: u32,
    how: Narrowing,
) -> u8 {
    let [low, high] = byte_pair_from_half_pair::<D, S>(a, how).to_le_bytes();
    high << 4 | low
}

/// `.e4m3x2`, `.e5m2x2`, `.e3m2x2` or `.e2m3x2` to `.f16x2` or `.bf16x2`, half for half; exact.
#[inline]
pub fn half_pair_from_byte_pair<S: Format<Bits = u8>, D: Arithmetic<Bits = u16>>(
    a: u16,
    how: Narrowing,
) -> u32 {
    let [low, high] = a.to_le_bytes().map(|x| half::<D>(host::widen::<S>(x).to_bits(), how));
    u32::from(high) << 16 | u32::from(low)
}

/// Two `.f32` to `.e2m1x2`; `a` becomes the upper four bits. NaN becomes the largest number.
///
/// ```
/// use tilewright_sim::numeric::{E2m1, narrow};
/// let (six, half) = (6.0_f32.to_bits(), (-0.5_f32).to_bits());
/// assert_eq!(narrow::nibble_pair::<E2m1>(six, half, Default::default()), 0x79);
/// ```
#[inline]
pub fn nibble_pair<D: Format<Bits = u8>>(a: u32, b: u32, how: Narrowing) -> u8 {
    let [high, low] = [a, b].map(|x| byte::<D>(f32::from_bits(x), how));
    high << 4 | low
}

/// `.e2m1x2` to `.f16x2` or `.bf16x2`, half for half; exact.
#[inline]
pub fn half_pair_from_nibble_pair<S: Format<Bits = u8>, D: Arithmetic<Bits = u16>>(
    a: u8,
    how: Narrowing,
) -> u32 {
    half_pair_from_byte_pair::<S, D>(u16::from(a >> 4) << 8 | u16::from(a & 15), how)
}

/// Two `.f32` to `.ue8m0x2`, powers of two; `a` becomes the upper byte. The sign is ignored, and
/// what is smaller than 2^-127 becomes that. `.rz` takes the power below, `.rp` the one above; 2^128
/// is encoded as NaN, 0xff, which `finite` (`.satfinite`) makes the largest for all but NaN.
///
/// ```
/// use tilewright_sim::numeric::{Rounding, narrow};
/// let (three, one) = (3.0_f32.to_bits(), 1.0_f32.to_bits());
/// assert_eq!(narrow::scale_pair(three, one, Rounding::Up, true), 129 << 8 | 127);
/// ```
#[inline]
pub fn scale_pair(a: u32, b: u32, rounding: Rounding, finite: bool) -> u16 {
    let scale = |x: u32| {
        let magnitude = x & 0x7fff_ffff;
        let exponent = magnitude >> 23;
        let fraction = magnitude & 0x7f_ffff;
        // 2^-127 is a subnormal number, and encoded as 0.
        let least = if exponent == 0 { 1 << 22 } else { 0 };
        let up = rounding == Rounding::Up && exponent < 255 && fraction > least;
        let scale = exponent + u32::from(up);
        if finite && !F32::is_nan(x) { scale.min(254) } else { scale }
    };
    (scale(a) << 8 | scale(b)) as u16
}

/// `.bf16x2` to `.ue8m0x2`, half for half; see [`scale_pair`].
#[inline]
pub fn scale_pair_from_half_pair(a: u32, rounding: Rounding, finite: bool) -> u16 {
    scale_pair(a & 0xffff_0000, a << 16, rounding, finite)
}

/// `.ue8m0x2` to `.bf16x2`, half for half; exact.
#[inline]
pub fn half_pair_from_scale_pair(a: u16) -> u32 {
    let [low, high] = a.to_le_bytes().map(|scale| Bf16::from_f32_nearest(scale_to_f32(scale)));
    u32::from(high) << 16 | u32::from(low)
}

/// The value of a `.ue8m0`.
#[inline(always)]
pub fn scale_to_f32(scale: u8) -> f32 {
    match scale {
        0 => f32::from_bits(1 << 22),
        255 => f32::NAN,
        scale => f32::from_bits(u32::from(scale) << 23),
    }
}

/// `.f32` rounded at random, *cvt* with `.rs`.
fn at_random<D: Format>(a: u32, (random, bits): (u32, u32), how: Narrowing) -> D::Bits {
    how.result::<D>(Value::of::<F32>(a).round_at_random::<D>(random, bits), F32::is_nan(a))
}

/// Two `.f32` to `.f16x2` or `.bf16x2` at random; `a` becomes the upper half. Each half of `random`
/// serves the operand of that half, with as many bits as the format drops from a normal number.
pub fn half_pair_at_random<D: Format<Bits = u16>>(
    a: u32,
    b: u32,
    random: u32,
    how: Narrowing,
) -> u32 {
    let bits = F32::FRACTION_BITS - D::FRACTION_BITS;
    let half = |x, random| u32::from(at_random::<D>(x, (random & ((1 << bits) - 1), bits), how));
    half(a, random >> 16) << 16 | half(b, random)
}

/// Four `.f32` to `.e4m3x4`, `.e5m2x4`, `.e3m2x4` or `.e2m3x4` at random; the first becomes the
/// highest byte. The upper half of `random` serves the first two, the lower half the others.
pub fn byte_quad_at_random<D: Format<Bits = u8>>(
    values: [u32; 4],
    random: u32,
    how: Narrowing,
) -> u32 {
    let halves = [random >> 16, random & 0xffff];
    let byte = |i: usize| at_random::<D>(values[i], (halves[i / 2], 16), how);
    u32::from_be_bytes([byte(0), byte(1), byte(2), byte(3)])
}

/// Four `.f32` to `.e2m1x4` at random; the first becomes the highest four bits. The upper bytes of
/// the halves of `random` serve the first two, the lower bytes the others.
pub fn nibble_quad_at_random<D: Format<Bits = u8>>(
    values: [u32; 4],
    random: u32,
    how: Narrowing,
) -> u16 {
    let [a, b, c, d] = random.to_be_bytes();
    let serving = u32::from_be_bytes([a, c, b, d]);
    let [a, b, c, d] = byte_quad_at_random::<D>(values, serving, how).to_be_bytes();
    u16::from_be_bytes([a << 4 | b, c << 4 | d])
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

/// The value of a number of six or four bits.
#[inline(always)]
pub fn small_to_f32<F: Format<Bits = u8>>(bits: u8) -> f32 {
    host::widen::<F>(bits)
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
