//! Operations rounded to the nearest by way of the host's own f32 and f64, free of branches so
//! that loops over lanes vectorize.

use super::format::{Bf16, Bits, F16, F32, F64, Format};

/// A format that arithmetic instructions compute in.
///
/// The operations round once, to the nearest even; the bits of a NaN that they return are any.
pub trait Arithmetic: Format {
    /// a + b.
    fn add_nearest(a: Self::Bits, b: Self::Bits) -> Self::Bits;
    /// a · b.
    fn multiply_nearest(a: Self::Bits, b: Self::Bits) -> Self::Bits;
    /// a · b + c.
    fn multiply_add_nearest(a: Self::Bits, b: Self::Bits, c: Self::Bits) -> Self::Bits;
    /// a / b.
    fn divide_nearest(a: Self::Bits, b: Self::Bits) -> Self::Bits;
    /// √a.
    fn square_root_nearest(a: Self::Bits) -> Self::Bits;
    /// The value, exact.
    fn to_f64(a: Self::Bits) -> f64;
    /// The nearest number.
    fn from_f64_nearest(value: f64) -> Self::Bits;
    /// The value, exact but for `.f64`.
    fn to_f32(a: Self::Bits) -> f32;
    /// The nearest number.
    fn from_f32_nearest(value: f32) -> Self::Bits;
}

impl Arithmetic for F64 {
    #[inline(always)]
    fn add_nearest(a: u64, b: u64) -> u64 {
        (f64::from_bits(a) + f64::from_bits(b)).to_bits()
    }
    #[inline(always)]
    fn multiply_nearest(a: u64, b: u64) -> u64 {
        (f64::from_bits(a) * f64::from_bits(b)).to_bits()
    }
    #[inline(always)]
    fn multiply_add_nearest(a: u64, b: u64, c: u64) -> u64 {
        f64::from_bits(a).mul_add(f64::from_bits(b), f64::from_bits(c)).to_bits()
    }
    #[inline(always)]
    fn divide_nearest(a: u64, b: u64) -> u64 {
        (f64::from_bits(a) / f64::from_bits(b)).to_bits()
    }
    #[inline(always)]
    fn square_root_nearest(a: u64) -> u64 {
        f64::from_bits(a).sqrt().to_bits()
    }
    #[inline(always)]
    fn to_f64(a: u64) -> f64 {
        f64::from_bits(a)
    }
    #[inline(always)]
    fn from_f64_nearest(value: f64) -> u64 {
        value.to_bits()
    }
    #[inline(always)]
    fn to_f32(a: u64) -> f32 {
        f64::from_bits(a) as f32
    }
    #[inline(always)]
    fn from_f32_nearest(value: f32) -> u64 {
        f64::from(value).to_bits()
    }
}

impl Arithmetic for F32 {
    #[inline(always)]
    fn add_nearest(a: u32, b: u32) -> u32 {
        (f32::from_bits(a) + f32::from_bits(b)).to_bits()
    }
    #[inline(always)]
    fn multiply_nearest(a: u32, b: u32) -> u32 {
        (f32::from_bits(a) * f32::from_bits(b)).to_bits()
    }
    #[inline(always)]
    fn multiply_add_nearest(a: u32, b: u32, c: u32) -> u32 {
        let sum = multiply_add_to_odd(Self::to_f64(a), Self::to_f64(b), Self::to_f64(c));
        Self::from_f64_nearest(sum)
    }
    #[inline(always)]
    fn divide_nearest(a: u32, b: u32) -> u32 {
        (f32::from_bits(a) / f32::from_bits(b)).to_bits()
    }
    #[inline(always)]
    fn square_root_nearest(a: u32) -> u32 {
        f32::from_bits(a).sqrt().to_bits()
    }
    #[inline(always)]
    fn to_f64(a: u32) -> f64 {
        f64::from(f32::from_bits(a))
    }
    #[inline(always)]
    fn from_f64_nearest(value: f64) -> u32 {
        (value as f32).to_bits()
    }
    #[inline(always)]
    fn to_f32(a: u32) -> f32 {
        f32::from_bits(a)
    }
    #[inline(always)]
    fn from_f32_nearest(value: f32) -> u32 {
        value.to_bits()
    }
}

/// The 16-bit formats compute in f64, where their sums, products and quotients are exact or have
/// more than twice the bits of the result, and round that once more.
macro_rules! sixteen_bit {
    ($format:ty, $to_f32:path, $from_f32:path) => {
        impl Arithmetic for $format {
            #[inline(always)]
            fn add_nearest(a: u16, b: u16) -> u16 {
                // At least 2·11 + 2 bits, or exact where the result is subnormal.
                $from_f32($to_f32(a) + $to_f32(b))
            }
            #[inline(always)]
            fn multiply_nearest(a: u16, b: u16) -> u16 {
                Self::from_f64_nearest(Self::to_f64(a) * Self::to_f64(b))
            }
            #[inline(always)]
            fn multiply_add_nearest(a: u16, b: u16, c: u16) -> u16 {
                let sum = multiply_add_to_odd(Self::to_f64(a), Self::to_f64(b), Self::to_f64(c));
                Self::from_f64_nearest(sum)
            }
            #[inline(always)]
            fn divide_nearest(a: u16, b: u16) -> u16 {
                Self::from_f64_nearest(Self::to_f64(a) / Self::to_f64(b))
            }
            #[inline(always)]
            fn square_root_nearest(a: u16) -> u16 {
                Self::from_f64_nearest(Self::to_f64(a).sqrt())
            }
            #[inline(always)]
            fn to_f64(a: u16) -> f64 {
                f64::from($to_f32(a))
            }
            #[inline(always)]
            fn from_f64_nearest(value: f64) -> u16 {
                $from_f32(narrow_to_odd(value))
            }
            #[inline(always)]
            fn to_f32(a: u16) -> f32 {
                $to_f32(a)
            }
            #[inline(always)]
            fn from_f32_nearest(value: f32) -> u16 {
                $from_f32(value)
            }
        }
    };
}
sixteen_bit!(F16, f16_to_f32, f32_to_f16);
sixteen_bit!(Bf16, bf16_to_f32, f32_to_bf16);

/// a · b + c in f64, rounded to odd: where it is not exact, to the neighbour whose last bit is one.
/// Rounding that once more, to a format with at least two bits less, is as good as rounding the
/// exact value (Boldo and Melquiond, *Emulation of FMA and correctly rounded sums*, 2008). The
/// product must be exact.
#[inline(always)]
fn multiply_add_to_odd(a: f64, b: f64, c: f64) -> f64 {
    let product = a * b;
    let sum = product + c;
    // Knuth's TwoSum: the rounding error of the sum, exact. NaN where the sum is not finite.
    let c_rounded = sum - product;
    let error = (product - (sum - c_rounded)) + (c - c_rounded);
    let inexact = (error > 0.0) | (error < 0.0);
    let grow = (error > 0.0) == (sum > 0.0);
    let bits = sum.to_bits();
    let adjust = inexact & (bits & 1 == 0);
    let step = if grow { 1 } else { u64::MAX };
    f64::from_bits(if adjust { bits.wrapping_add(step) } else { bits })
}

/// An f64 as f32, rounded to odd; see [`multiply_add_to_odd`].
#[inline(always)]
fn narrow_to_odd(value: f64) -> f32 {
    let nearest = value as f32;
    let error = value - f64::from(nearest);
    let inexact = (error > 0.0) | (error < 0.0);
    let grow = (error > 0.0) == (value > 0.0);
    let bits = nearest.to_bits();
    let adjust = inexact & (bits & 1 == 0);
    let step = if grow { 1 } else { u32::MAX };
    f32::from_bits(if adjust { bits.wrapping_add(step) } else { bits })
}

/// The value of a number of a format narrower than f32, exact; a NaN stays one.
#[inline(always)]
pub(super) fn widen<F: Format>(bits: F::Bits) -> f32 {
    const { assert!(F::EXPONENT_BITS < 8 && F::FRACTION_BITS < 23) };
    let bits = bits.widen() as u32;
    let sign = (bits & F::SIGN as u32) << (31 - F::EXPONENT_BITS - F::FRACTION_BITS);
    let magnitude = (bits & (F::SIGN as u32 - 1)) << (23 - F::FRACTION_BITS);
    let special = mask_if_less(largest_in_f32::<F>(), magnitude) & F32::INFINITY as u32;
    let rebiased = f32::from_bits((magnitude + rebias::<F>()) | special);
    // A subnormal number has become half of the smallest normal one, times 1.fraction, but is the
    // smallest normal one times 0.fraction.
    let below = rebiased - smallest_normal::<F>();
    let value = rebiased + if below < 0.0 { below } else { 0.0 };
    f32::from_bits(value.to_bits() | sign)
}

/// The nearest number of a format narrower than f32; NaN becomes the canonical one.
#[inline(always)]
pub(super) fn narrow<F: Format>(value: f32) -> F::Bits {
    const { assert!(F::EXPONENT_BITS < 8 && F::FRACTION_BITS < 23) };
    let dropped = 23 - F::FRACTION_BITS;
    let bits = value.to_bits();
    let sign = bits >> (31 - F::EXPONENT_BITS - F::FRACTION_BITS) & F::SIGN as u32;
    let magnitude = bits & !(1 << 31);
    // Half a unit, less one where the kept part is even, rounds in integers.
    let half = (1 << (dropped - 1)) - 1 + (magnitude >> dropped & 1);
    let normal = magnitude.wrapping_sub(rebias::<F>()).wrapping_add(half) >> dropped;
    // Adding a number whose last bit is worth a quantum rounds to a multiple of that.
    let quanta = f32::from_bits(((127 + 23 + F::QUANTUM) as u32) << 23);
    let subnormal = (f32::from_bits(magnitude) + quanta).to_bits().wrapping_sub(quanta.to_bits());
    let is_small = mask_if_less(magnitude, smallest_normal::<F>().to_bits());
    let finite = choose(is_small, subnormal, normal);
    let bounded = choose(mask_if_less(F::LARGEST as u32, finite), F::OVERFLOW as u32, finite);
    let is_nan = mask_if_less(F32::INFINITY as u32, magnitude);
    F::Bits::narrow(choose(is_nan, F::NAN as u32, bounded | sign).into())
}

/// What the exponent of a number of the format lacks in f32.
const fn rebias<F: Format>() -> u32 {
    (127 - F::BIAS as u32) << 23
}

/// The smallest normal number of a format.
const fn smallest_normal<F: Format>() -> f32 {
    f32::from_bits(rebias::<F>() + (1 << 23))
}

/// The largest number of a format, moved to where f32 has its fraction, and all ones below.
const fn largest_in_f32<F: Format>() -> u32 {
    ((F::LARGEST as u32 + 1) << (23 - F::FRACTION_BITS)) - 1
}

/// All ones where a < b, else 0; both below 2^31. The compiler makes a branch of a comparison.
#[inline(always)]
fn mask_if_less(a: u32, b: u32) -> u32 {
    (a.wrapping_sub(b) as i32 >> 31) as u32
}

/// a where `mask` has ones, b where it has zeros.
#[inline(always)]
fn choose(mask: u32, a: u32, b: u32) -> u32 {
    a & mask | b & !mask
}

/// The value of an `.f16`; a NaN stays one.
#[inline(always)]
pub fn f16_to_f32(bits: u16) -> f32 {
    widen::<F16>(bits)
}

/// The nearest `.f16`; NaN becomes the canonical one.
#[inline(always)]
pub fn f32_to_f16(value: f32) -> u16 {
    narrow::<F16>(value)
}

/// The value of a `.bf16`.
#[inline(always)]
pub fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// The nearest `.bf16`; NaN becomes the canonical one.
#[inline(always)]
pub fn f32_to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    let odd = bits >> 16 & 1;
    let rounded = bits.wrapping_add(0x7fff + odd) >> 16;
    let value = if bits & 0x7fff_ffff > 0x7f80_0000 { 0x7fff } else { rounded };
    value as u16
}
