//! Numbers with more precision than any format, and their rounding into one: the definition of
//! every operation, and the slow path of those that the host's arithmetic does in one rounding.

use super::format::{Format, Rounding};

/// ±`significand` · 2^`exponent`.
///
/// Where an operation cannot keep every bit, the lowest bit of `significand` is set if any dropped
/// bit was (it is sticky); there are always enough bits that no rounding notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exact {
    pub(super) negative: bool,
    pub(super) significand: u128,
    pub(super) exponent: i32,
}

/// What bits of a format mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Nan,
    Infinite { negative: bool },
    Finite(Exact),
}

/// Bit that the highest set bit is moved to before an operation.
const TOP: u32 = 125;

impl Value {
    /// Reads a number.
    #[inline]
    pub(super) fn of<F: Format>(bits: F::Bits) -> Self {
        let negative = F::is_negative(bits);
        if F::is_nan(bits) {
            return Self::Nan;
        }
        if F::is_infinite(bits) {
            return Self::Infinite { negative };
        }
        let magnitude = F::magnitude(bits);
        let fraction = magnitude & ((1 << F::FRACTION_BITS) - 1);
        let biased = (magnitude >> F::FRACTION_BITS) as i32;
        let (significand, exponent) = if biased == 0 {
            (fraction, F::QUANTUM)
        } else {
            (fraction | 1 << F::FRACTION_BITS, F::QUANTUM + biased - 1)
        };
        Self::Finite(Exact { negative, significand: significand.into(), exponent })
    }

    /// Rounds into a format; a number beyond the largest becomes infinity or the largest, as the
    /// rounding says, and NaN the canonical one.
    #[inline]
    pub(super) fn round<F: Format>(self, rounding: Rounding) -> F::Bits {
        match self {
            Self::Nan => F::encode(F::NAN),
            Self::Infinite { negative } => signed::<F>(negative, F::OVERFLOW),
            Self::Finite(number) => number.round::<F>(rounding),
        }
    }

    /// Rounds into a format at random; see [`Exact::round_at_random`].
    pub(super) fn round_at_random<F: Format>(self, random: u32, bits: u32) -> F::Bits {
        match self {
            Self::Finite(number) => number.round_at_random::<F>(random, bits),
            special => special.round::<F>(Rounding::NearestEven),
        }
    }

    /// a + b. The exact sum of unlike zeros or of opposites is −0 only when rounding down.
    pub(super) fn add(self, other: Self, rounding: Rounding) -> Self {
        match (self, other) {
            (Self::Nan, _) | (_, Self::Nan) => Self::Nan,
            (Self::Infinite { negative: a }, Self::Infinite { negative: b }) if a != b => Self::Nan,
            (Self::Infinite { .. }, _) => self,
            (_, Self::Infinite { .. }) => other,
            (Self::Finite(a), Self::Finite(b)) => Self::Finite(a.add(b, rounding)),
        }
    }

    /// a · b.
    pub(super) fn multiply(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nan, _) | (_, Self::Nan) => Self::Nan,
            (Self::Finite(a), Self::Finite(b)) => Self::Finite(Exact {
                negative: a.negative != b.negative,
                significand: a.significand * b.significand,
                exponent: a.exponent + b.exponent,
            }),
            _ if self.is_zero() || other.is_zero() => Self::Nan,
            _ => Self::Infinite { negative: self.is_negative() != other.is_negative() },
        }
    }

    /// a / b.
    pub(super) fn divide(self, other: Self) -> Self {
        let negative = self.is_negative() != other.is_negative();
        match (self, other) {
            (Self::Nan, _) | (_, Self::Nan) => Self::Nan,
            (Self::Infinite { .. }, Self::Infinite { .. }) => Self::Nan,
            (Self::Infinite { .. }, _) => Self::Infinite { negative },
            (_, Self::Infinite { .. }) => {
                Self::Finite(Exact { negative, significand: 0, exponent: 0 })
            }
            (Self::Finite(a), Self::Finite(b)) => match (a.significand, b.significand) {
                (0, 0) => Self::Nan,
                (_, 0) => Self::Infinite { negative },
                _ => Self::Finite(a.divide(b)),
            },
        }
    }

    /// √a; of −0 it is −0, of what is less it is NaN.
    pub(super) fn square_root(self) -> Self {
        match self {
            Self::Finite(a) if a.significand == 0 => self,
            Self::Finite(a) if !a.negative => Self::Finite(a.square_root()),
            Self::Infinite { negative: false } => self,
            _ => Self::Nan,
        }
    }

    fn is_zero(self) -> bool {
        matches!(self, Self::Finite(a) if a.significand == 0)
    }

    fn is_negative(self) -> bool {
        match self {
            Self::Nan => false,
            Self::Infinite { negative } | Self::Finite(Exact { negative, .. }) => negative,
        }
    }
}

impl Exact {
    /// Rounds into a format.
    #[inline]
    pub(super) fn round<F: Format>(self, rounding: Rounding) -> F::Bits {
        let quantum = self.quantum::<F>();
        let kept = self.round_to_multiple(quantum, rounding);
        self.encode::<F>(kept, quantum).unwrap_or_else(|| {
            let finite = match rounding {
                Rounding::NearestEven | Rounding::NearestAway => false,
                Rounding::TowardZero => true,
                Rounding::Down => !self.negative,
                Rounding::Up => self.negative,
            };
            signed::<F>(self.negative, if finite { F::LARGEST } else { F::OVERFLOW })
        })
    }

    /// Rounds into a format at random (`.rs`): away from zero where what is dropped and a `random`
    /// number of `bits` bits, the highest of which lies where the highest bit dropped does, carry.
    pub(super) fn round_at_random<F: Format>(self, random: u32, bits: u32) -> F::Bits {
        let quantum = self.quantum::<F>();
        let dropped = quantum - self.exponent;
        let kept = match dropped - bits as i32 {
            ..0 => self.round_to_multiple(quantum, Rounding::TowardZero),
            // What is as small as that cannot carry.
            beyond if beyond > self.width() => 0,
            beyond => (self.significand + (u128::from(random) << beyond)) >> dropped,
        };
        let encoding = self.encode::<F>(kept, quantum);
        encoding.unwrap_or_else(|| signed::<F>(self.negative, F::OVERFLOW))
    }

    /// The exponent of the unit in the last place of the number in a format.
    fn quantum<F: Format>(self) -> i32 {
        let highest = self.exponent + self.width() - 1;
        (highest - F::FRACTION_BITS as i32).max(F::QUANTUM)
    }

    /// The sign of the number and the magnitude `kept` · 2^`quantum`, unless that is too large.
    fn encode<F: Format>(self, kept: u128, quantum: i32) -> Option<F::Bits> {
        let encoding = ((quantum - F::QUANTUM) as u64) << F::FRACTION_BITS;
        // A carry out of the fraction moves into the exponent, as it should.
        let encoding = if kept == 0 { 0 } else { encoding + kept as u64 };
        (encoding < F::INFINITY).then(|| signed::<F>(self.negative, encoding))
    }

    /// The magnitude as a multiple of 2^`quantum`, which must not overflow.
    #[inline]
    pub(super) fn round_to_multiple(self, quantum: i32, rounding: Rounding) -> u128 {
        let dropped = quantum - self.exponent;
        if dropped <= 0 {
            return self.significand << -dropped;
        }
        // Beyond its width only whether a number is zero matters.
        let (significand, dropped) = if dropped > self.width() + 1 {
            (u128::from(self.significand != 0), 2)
        } else {
            (self.significand, dropped)
        };
        let half = 1_u128 << (dropped - 1);
        let kept = if dropped >= 128 { 0 } else { significand >> dropped };
        let rest = if dropped >= 128 { significand } else { significand & ((half << 1) - 1) };
        let up = match rounding {
            Rounding::NearestEven => rest > half || rest == half && kept & 1 == 1,
            Rounding::NearestAway => rest >= half,
            Rounding::TowardZero => false,
            Rounding::Down => self.negative && rest != 0,
            Rounding::Up => !self.negative && rest != 0,
        };
        kept + u128::from(up)
    }

    /// Bits up to the highest set one.
    fn width(self) -> i32 {
        (u128::BITS - self.significand.leading_zeros()) as i32
    }

    /// The same number with its highest set bit at [`TOP`].
    fn normalized(self) -> Self {
        let shift = TOP as i32 + 1 - self.width();
        debug_assert!((0..128).contains(&shift));
        Self { significand: self.significand << shift, exponent: self.exponent - shift, ..self }
    }

    fn add(self, other: Self, rounding: Rounding) -> Self {
        if self.significand == 0 && other.significand == 0 {
            let negative = if self.negative == other.negative {
                self.negative
            } else {
                rounding == Rounding::Down
            };
            return Self { negative, ..self };
        }
        if self.significand == 0 {
            return other;
        }
        if other.significand == 0 {
            return self;
        }
        let (mut large, mut small) = (self.normalized(), other.normalized());
        if large.exponent < small.exponent {
            (large, small) = (small, large);
        }
        // A shift of two or more leaves bits to spare whatever cancels; a shift of less drops
        // nothing, as no operand has bits that low.
        let shifted =
            shift_right_sticky(small.significand, large.exponent.abs_diff(small.exponent));
        if large.negative == small.negative {
            return Self { significand: large.significand + shifted, ..large };
        }
        match large.significand.cmp(&shifted) {
            std::cmp::Ordering::Equal => {
                Self { negative: rounding == Rounding::Down, significand: 0, exponent: 0 }
            }
            std::cmp::Ordering::Greater => {
                Self { significand: large.significand - shifted, ..large }
            }
            std::cmp::Ordering::Less => Self {
                negative: small.negative,
                significand: shifted - large.significand,
                exponent: large.exponent,
            },
        }
    }

    fn divide(self, other: Self) -> Self {
        let dividend = if self.significand == 0 { self } else { self.normalized() };
        let quotient = dividend.significand / other.significand;
        let sticky = u128::from(dividend.significand % other.significand != 0);
        Self {
            negative: self.negative != other.negative,
            significand: quotient | sticky,
            exponent: dividend.exponent - other.exponent,
        }
    }

    fn square_root(self) -> Self {
        let mut radicand = self.normalized();
        if radicand.exponent % 2 != 0 {
            radicand.significand <<= 1;
            radicand.exponent -= 1;
        }
        let root = radicand.significand.isqrt();
        let sticky = u128::from(root * root != radicand.significand);
        // One more bit, so that the sticky bit lies below every bit of the root.
        Self {
            negative: false,
            significand: root << 1 | sticky,
            exponent: radicand.exponent / 2 - 1,
        }
    }
}

/// `encoding` with a sign.
#[inline(always)]
pub(super) fn signed<F: Format>(negative: bool, encoding: u64) -> F::Bits {
    F::encode(encoding | if negative { F::SIGN } else { 0 })
}

fn shift_right_sticky(significand: u128, shift: u32) -> u128 {
    if shift >= u128::BITS {
        return u128::from(significand != 0);
    }
    let kept = significand >> shift;
    kept | u128::from(kept << shift != significand)
}

/// a + b in any rounding.
pub(super) fn add<F: Format>(a: F::Bits, b: F::Bits, rounding: Rounding) -> F::Bits {
    Value::of::<F>(a).add(Value::of::<F>(b), rounding).round::<F>(rounding)
}

/// a · b in any rounding.
pub(super) fn multiply<F: Format>(a: F::Bits, b: F::Bits, rounding: Rounding) -> F::Bits {
    Value::of::<F>(a).multiply(Value::of::<F>(b)).round::<F>(rounding)
}

/// a · b + c in any rounding, rounded once.
pub(super) fn multiply_add<F: Format>(
    a: F::Bits,
    b: F::Bits,
    c: F::Bits,
    rounding: Rounding,
) -> F::Bits {
    let product = Value::of::<F>(a).multiply(Value::of::<F>(b));
    product.add(Value::of::<F>(c), rounding).round::<F>(rounding)
}

/// a / b in any rounding.
pub(super) fn divide<F: Format>(a: F::Bits, b: F::Bits, rounding: Rounding) -> F::Bits {
    Value::of::<F>(a).divide(Value::of::<F>(b)).round::<F>(rounding)
}

/// √a in any rounding.
pub(super) fn square_root<F: Format>(a: F::Bits, rounding: Rounding) -> F::Bits {
    Value::of::<F>(a).square_root().round::<F>(rounding)
}
