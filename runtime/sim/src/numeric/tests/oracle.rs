//! What a rounded result must be, by definition: exact comparisons of the result and its
//! neighbours with the exact value. Nothing here is shared with the code under test but the
//! constants of the formats.

use std::cmp::Ordering;

use num_bigint::BigInt;

use crate::numeric::format::Bits;
use crate::numeric::{Format, Rounding};

/// `mantissa` · 2^`exponent`.
#[derive(Clone, Debug)]
pub(super) struct Dyadic {
    pub(super) mantissa: BigInt,
    pub(super) exponent: i32,
}

impl Dyadic {
    /// The value of a finite encoding.
    pub(super) fn of<F: Format>(bits: F::Bits) -> Self {
        let bits = bits.widen() >> F::ALIGNMENT;
        let fraction = bits & ((1 << F::FRACTION_BITS) - 1);
        let biased = bits >> F::FRACTION_BITS & ((1 << F::EXPONENT_BITS) - 1);
        let lowest = 2 - (1 << (F::EXPONENT_BITS - 1)) - F::FRACTION_BITS as i32;
        let (mantissa, exponent) = match biased {
            0 => (fraction, lowest),
            _ => (fraction + (1 << F::FRACTION_BITS), lowest + biased as i32 - 1),
        };
        let negative = bits >> (F::FRACTION_BITS + F::EXPONENT_BITS) & 1 == 1;
        let mantissa = BigInt::from(mantissa);
        Self { mantissa: if negative { -mantissa } else { mantissa }, exponent }
    }

    pub(super) fn integer(value: i128) -> Self {
        Self { mantissa: value.into(), exponent: 0 }
    }

    pub(super) fn times(&self, other: &Self) -> Self {
        let mantissa = &self.mantissa * &other.mantissa;
        Self { mantissa, exponent: self.exponent + other.exponent }
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self { mantissa: self.scaled(exponent) + other.scaled(exponent), exponent }
    }

    pub(super) fn magnitude(&self) -> Self {
        Self { mantissa: self.mantissa.magnitude().clone().into(), exponent: self.exponent }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.mantissa == BigInt::ZERO
    }

    pub(super) fn is_negative(&self) -> bool {
        self.mantissa < BigInt::ZERO
    }

    fn scaled(&self, exponent: i32) -> BigInt {
        &self.mantissa << (self.exponent - exponent)
    }

    fn compare(&self, other: &Self) -> Ordering {
        let exponent = self.exponent.min(other.exponent);
        self.scaled(exponent).cmp(&other.scaled(exponent))
    }
}

/// An exact non-negative result.
pub(super) enum Real {
    /// The first over the second.
    Quotient(Dyadic, Dyadic),
    /// The square root.
    Root(Dyadic),
}

impl Real {
    /// Compares with a non-negative number.
    fn compare(&self, number: &Dyadic) -> Ordering {
        match self {
            Self::Quotient(dividend, divisor) => dividend.compare(&divisor.times(number)),
            Self::Root(square) => square.compare(&number.times(number)),
        }
    }
}

/// Checks that `result` is ±`exact`, which is not 0 where it is `negative`, rounded.
pub(super) fn check_rounded<F: Format>(
    result: F::Bits,
    negative: bool,
    exact: &Real,
    rounding: Rounding,
) {
    let encoding = result.widen() >> F::ALIGNMENT;
    let (sign, magnitude) = (encoding & F::SIGN != 0, encoding & (F::SIGN - 1));
    assert_eq!(sign, negative, "sign of {result:x}");
    assert!(magnitude <= F::INFINITY, "{result:x} is no number");
    let value = |magnitude: u64| match magnitude {
        // What the number after the largest would be.
        m if m == F::INFINITY && F::IEEE => Dyadic { mantissa: 1.into(), exponent: F::BIAS + 1 },
        m => Dyadic::of::<F>(F::encode(m)),
    };
    let away = match rounding {
        Rounding::NearestEven | Rounding::NearestAway => {
            return check_nearest(magnitude, exact, rounding, value, F::INFINITY);
        }
        Rounding::TowardZero => false,
        Rounding::Down => negative,
        Rounding::Up => !negative,
    };
    let this = exact.compare(&value(magnitude));
    if away {
        // The smallest number that is not below.
        assert!(magnitude == F::INFINITY || this != Ordering::Greater, "{result:x} too small");
        if let Some(below) = magnitude.checked_sub(1) {
            assert_eq!(exact.compare(&value(below)), Ordering::Greater, "{result:x} too large");
        }
    } else {
        assert!(magnitude != F::INFINITY && this != Ordering::Less, "{result:x} too large");
        if magnitude != F::LARGEST {
            assert_eq!(
                exact.compare(&value(magnitude + 1)),
                Ordering::Less,
                "{result:x} too small"
            );
        }
    }
}

fn check_nearest(
    magnitude: u64,
    exact: &Real,
    rounding: Rounding,
    value: impl Fn(u64) -> Dyadic,
    infinity: u64,
) {
    let halfway = |below: u64| {
        let sum = value(below).plus(&value(below + 1));
        Dyadic { exponent: sum.exponent - 1, ..sum }
    };
    // Whether a tie between `below` and the next goes up.
    let tie_goes_up = |below: u64| rounding == Rounding::NearestAway || below % 2 == 1;
    if magnitude < infinity {
        match exact.compare(&halfway(magnitude)) {
            Ordering::Less => {}
            Ordering::Equal => assert!(!tie_goes_up(magnitude), "{magnitude:x}: tie goes up"),
            Ordering::Greater => panic!("{magnitude:x} too small"),
        }
    }
    if let Some(below) = magnitude.checked_sub(1) {
        match exact.compare(&halfway(below)) {
            Ordering::Greater => {}
            Ordering::Equal => assert!(tie_goes_up(below), "{magnitude:x}: tie goes down"),
            Ordering::Less => panic!("{magnitude:x} too large"),
        }
    }
}

/// Checks a sum or product, which may be 0; `zero_negative` is the sign it then has.
pub(super) fn check_dyadic<F: Format>(
    result: F::Bits,
    exact: &Dyadic,
    zero_negative: bool,
    rounding: Rounding,
) {
    let negative = if exact.is_zero() { zero_negative } else { exact.is_negative() };
    let exact = Real::Quotient(exact.magnitude(), Dyadic::integer(1));
    check_rounded::<F>(result, negative, &exact, rounding);
}
