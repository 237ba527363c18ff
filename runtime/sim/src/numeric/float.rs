//! *Floating Point Instructions* and *Half Precision Floating Point Instructions*: arithmetic that
//! is rounded as IEEE 754 says. For what is approximate see [`approximate`](super::approximate).

use super::exact;
use super::format::{Bits, Format, Mode, Rounding};
use super::host::Arithmetic;

/// `add`: a + b.
///
/// ```
/// use tilewright_sim::numeric::{F32, Mode, Rounding, float};
/// let (one, tiny) = (1.0_f32.to_bits(), 1e-30_f32.to_bits());
/// let up = Mode::NEAREST.rounded(Rounding::Up);
/// assert_eq!(float::add::<F32>(one, tiny, Mode::NEAREST), one);
/// assert_eq!(float::add::<F32>(one, tiny, up), one + 1);
/// ```
#[inline(always)]
pub fn add<F: Arithmetic>(a: F::Bits, b: F::Bits, mode: Mode) -> F::Bits {
    let (a, b) = (mode.operand::<F>(a), mode.operand::<F>(b));
    mode.result::<F>(match mode.rounding {
        Rounding::NearestEven => F::add_nearest(a, b),
        rounding => exact::add::<F>(a, b, rounding),
    })
}

/// `sub`: a − b.
#[inline(always)]
pub fn subtract<F: Arithmetic>(a: F::Bits, b: F::Bits, mode: Mode) -> F::Bits {
    add::<F>(a, negate::<F>(b, false), mode)
}

/// `mul`: a · b.
#[inline(always)]
pub fn multiply<F: Arithmetic>(a: F::Bits, b: F::Bits, mode: Mode) -> F::Bits {
    let (a, b) = (mode.operand::<F>(a), mode.operand::<F>(b));
    mode.result::<F>(match mode.rounding {
        Rounding::NearestEven => F::multiply_nearest(a, b),
        rounding => exact::multiply::<F>(a, b, rounding),
    })
}

/// `fma`, and `mad` of sm_20 and later: a · b + c, rounded once.
#[inline(always)]
pub fn multiply_add<F: Arithmetic>(a: F::Bits, b: F::Bits, c: F::Bits, mode: Mode) -> F::Bits {
    let (a, b, c) = (mode.operand::<F>(a), mode.operand::<F>(b), mode.operand::<F>(c));
    mode.result::<F>(match mode.rounding {
        Rounding::NearestEven => F::multiply_add_nearest(a, b, c),
        rounding => exact::multiply_add::<F>(a, b, c, rounding),
    })
}

/// `div.rn` and its like: a / b.
#[inline(always)]
pub fn divide<F: Arithmetic>(a: F::Bits, b: F::Bits, mode: Mode) -> F::Bits {
    let (a, b) = (mode.operand::<F>(a), mode.operand::<F>(b));
    mode.result::<F>(match mode.rounding {
        Rounding::NearestEven => F::divide_nearest(a, b),
        rounding => exact::divide::<F>(a, b, rounding),
    })
}

/// `rcp.rn` and its like: 1 / a.
#[inline(always)]
pub fn reciprocal<F: Arithmetic>(a: F::Bits, mode: Mode) -> F::Bits {
    divide::<F>(F::encode(F::ONE), a, mode)
}

/// `sqrt.rn` and its like: √a; of −0 it is −0, of a negative number NaN.
#[inline(always)]
pub fn square_root<F: Arithmetic>(a: F::Bits, mode: Mode) -> F::Bits {
    let a = mode.operand::<F>(a);
    mode.result::<F>(match mode.rounding {
        Rounding::NearestEven => F::square_root_nearest(a),
        rounding => exact::square_root::<F>(a, rounding),
    })
}

/// `neg`: the sign flipped, of a NaN too (PTX leaves open which NaN it is).
#[inline(always)]
pub fn negate<F: Format>(a: F::Bits, flush: bool) -> F::Bits {
    let a = if flush { F::flush(a) } else { a };
    F::Bits::narrow(a.widen() ^ F::SIGN)
}

/// `abs`: the sign cleared, of a NaN too (PTX leaves open which NaN it is).
#[inline(always)]
pub fn absolute<F: Format>(a: F::Bits, flush: bool) -> F::Bits {
    let a = if flush { F::flush(a) } else { a };
    F::Bits::narrow(a.widen() & !F::SIGN)
}

/// `copysign`: b with the sign of a.
#[inline(always)]
pub fn copy_sign<F: Format>(a: F::Bits, b: F::Bits) -> F::Bits {
    F::Bits::narrow(b.widen() & !F::SIGN | a.widen() & F::SIGN)
}

/// The property that `testp` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Property {
    /// Neither infinite nor NaN.
    Finite,
    /// An infinity.
    Infinite,
    /// Not NaN.
    Number,
    /// NaN.
    NotANumber,
    /// A normal number or, as a special case, a zero.
    Normal,
    /// A subnormal number.
    Subnormal,
}

/// `testp`.
#[inline]
pub fn test_property<F: Format>(a: F::Bits, property: Property) -> bool {
    let finite = !F::is_nan(a) && !F::is_infinite(a);
    match property {
        Property::Finite => finite,
        Property::Infinite => F::is_infinite(a),
        Property::Number => !F::is_nan(a),
        Property::NotANumber => F::is_nan(a),
        Property::Normal => finite && !F::is_subnormal(a),
        Property::Subnormal => F::is_subnormal(a),
    }
}

/// How `min` and `max` treat NaN and signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Extremum {
    /// `.ftz`.
    pub flush: bool,
    /// `.NaN`: a NaN among the operands gives the canonical NaN. Without, the other operand is
    /// the result.
    pub propagate_nan: bool,
    /// `.xorsign.abs`: magnitudes are compared, and the result has the product of the signs.
    pub xor_sign: bool,
}

/// `min`: the smaller operand, where −0 is smaller than +0.
#[inline(always)]
pub fn minimum<F: Format>(a: F::Bits, b: F::Bits, how: Extremum) -> F::Bits {
    extremum::<F>(a, b, how, true)
}

/// `max`: the larger operand, where +0 is larger than −0.
#[inline(always)]
pub fn maximum<F: Format>(a: F::Bits, b: F::Bits, how: Extremum) -> F::Bits {
    extremum::<F>(a, b, how, false)
}

#[inline(always)]
fn extremum<F: Format>(a: F::Bits, b: F::Bits, how: Extremum, smaller: bool) -> F::Bits {
    let (a, b) = if how.flush { (F::flush(a), F::flush(b)) } else { (a, b) };
    let sign = if how.xor_sign { (a.widen() ^ b.widen()) & F::SIGN } else { 0 };
    let strip = if how.xor_sign { F::SIGN - 1 } else { u64::MAX };
    let (x, y) = (F::Bits::narrow(a.widen() & strip), F::Bits::narrow(b.widen() & strip));
    let (x_nan, y_nan) = (F::is_nan(x), F::is_nan(y));
    let first = (order::<F>(x) < order::<F>(y)) == smaller;
    let chosen = if (first | y_nan) & !x_nan { x } else { y };
    let is_nan = (x_nan & y_nan) | (how.propagate_nan & (x_nan | y_nan));
    if is_nan { F::encode(F::NAN) } else { F::Bits::narrow(chosen.widen() | sign) }
}

/// Orders numbers, −0 below +0, as signed integers.
#[inline(always)]
fn order<F: Format>(bits: F::Bits) -> i64 {
    let magnitude = F::magnitude(bits) as i64;
    if F::is_negative(bits) { !magnitude } else { magnitude }
}
