//! *Data Movement and Conversion Instructions: cvt* between single numbers. Packed forms are in
//! [`narrow`](super::narrow).

use super::exact::{Exact, Value};
use super::format::{F32, Format, Mode, Rounding};
use super::host::Arithmetic;
use super::integer::{Integer, saturate};

/// Integer to integer: the low bits, or with `saturating` (`.sat`) the nearest value.
#[inline(always)]
pub fn integer<S: Integer, D: Integer>(a: S, saturating: bool) -> D {
    if saturating { saturate(a.value()) } else { D::from_bits(a.extended()) }
}

/// Integer to floating point.
#[inline(always)]
pub fn integer_to_float<S: Integer, D: Arithmetic>(a: S, mode: Mode) -> D::Bits {
    let bits = if S::BITS <= 32 && mode.rounding == Rounding::NearestEven {
        D::from_f64_nearest(if S::SIGNED { a.extended() as i64 as f64 } else { a.bits() as f64 })
    } else {
        let value = a.value();
        let significand = value.unsigned_abs();
        Exact { negative: value < 0, significand, exponent: 0 }.round::<D>(mode.rounding)
    };
    D::clamp(bits, mode.clamp)
}

/// Floating point to integer. What lies outside the range becomes its nearer end; a NaN becomes 0,
/// or from `.f64` or to 64 bits only the highest bit set. `mode.flush` is `.ftz` on an `.f32`.
///
/// ```
/// use tilewright_sim::numeric::{F32, Mode, Rounding, convert};
/// let up = Mode::NEAREST.rounded(Rounding::Up);
/// assert_eq!(convert::float_to_integer::<F32, i32>(1.25_f32.to_bits(), up), 2);
/// assert_eq!(convert::float_to_integer::<F32, u8>(300.0_f32.to_bits(), up), 255);
/// assert_eq!(convert::float_to_integer::<F32, i64>(f32::NAN.to_bits(), up), i64::MIN);
/// ```
#[inline(always)]
pub fn float_to_integer<S: Arithmetic, D: Integer>(a: S::Bits, mode: Mode) -> D {
    let value = round_to_integral(S::to_f64(flush_single::<S>(a, mode)), mode.rounding);
    if value.is_nan() {
        let highest = S::FRACTION_BITS == 52 || D::BITS == 64;
        return D::from_bits(if highest { 1 << (D::BITS - 1) } else { 0 });
    }
    if D::SIGNED {
        let wide = (value as i64).clamp(D::MIN.extended() as i64, D::MAX.extended() as i64);
        D::from_bits(wide as u64)
    } else {
        D::from_bits((value as u64).min(D::MAX.bits()))
    }
}

/// Floating point to the integral number of the same format: `cvt.rni.f32.f32` and its like.
#[inline(always)]
pub fn float_to_integral<F: Arithmetic>(a: F::Bits, mode: Mode) -> F::Bits {
    let value = round_to_integral(F::to_f64(flush_single::<F>(a, mode)), mode.rounding);
    F::clamp(F::canonical(F::from_f64_nearest(value)), mode.clamp)
}

/// Floating point to floating point. `mode.flush` is `.ftz`, which is about `.f32` operands and
/// results only.
#[inline(always)]
pub fn float<S: Arithmetic, D: Arithmetic>(a: S::Bits, mode: Mode) -> D::Bits {
    let a = flush_single::<S>(a, mode);
    let bits = match mode.rounding {
        Rounding::NearestEven if S::FRACTION_BITS > F32::FRACTION_BITS => {
            D::from_f64_nearest(S::to_f64(a))
        }
        Rounding::NearestEven => D::from_f32_nearest(S::to_f32(a)),
        rounding => Value::of::<S>(a).round::<D>(rounding),
    };
    D::clamp(D::canonical(flush_single::<D>(bits, mode)), mode.clamp)
}

/// `.ftz`, for the format that has it.
#[inline(always)]
fn flush_single<F: Format>(bits: F::Bits, mode: Mode) -> F::Bits {
    let single = F::FRACTION_BITS == F32::FRACTION_BITS;
    if single && mode.flush { F::flush(bits) } else { bits }
}

#[inline(always)]
fn round_to_integral(value: f64, rounding: Rounding) -> f64 {
    match rounding {
        Rounding::NearestEven => value.round_ties_even(),
        Rounding::NearestAway => value.round(),
        Rounding::TowardZero => value.trunc(),
        Rounding::Down => value.floor(),
        Rounding::Up => value.ceil(),
    }
}
