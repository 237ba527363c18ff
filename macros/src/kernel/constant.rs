//! Values known while the kernel compiles, and arithmetic on them as the device does it.

use half::{bf16, f16};

use super::infer::Inference;
use super::tree::{Comparison, Expression, Kind, Operator, Place, PlaceKind, VariableId};
use super::types::Scalar;

/// A value known while the kernel compiles. Every float is kept in double precision, which holds
/// the narrower types exactly.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Constant {
    Bool(bool),
    Integer(i128),
    Float(f64),
}

/// An operation whose result Rust refuses to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FoldError {
    #[error("this divides by zero")]
    DivisionByZero,
    #[error("this shifts by {amount}, but the type has {bits} bits")]
    Shift { amount: i128, bits: u32 },
}

impl Constant {
    pub(crate) fn integer(self) -> Option<i128> {
        match self {
            Self::Integer(value) => Some(value),
            _ => None,
        }
    }

    /// The bits of a value of type `scalar`, zero-extended.
    pub(crate) fn bits(self, scalar: Scalar) -> u64 {
        match self {
            Self::Bool(value) => value.into(),
            Self::Integer(value) => value as u64 & (u64::MAX >> (64 - scalar.bits())),
            Self::Float(value) => match scalar {
                Scalar::F16 => to_f16(value).to_bits().into(),
                Scalar::Bf16 => bf16::from_f32(value as f32).to_bits().into(),
                Scalar::F32 => (value as f32).to_bits().into(),
                _ => value.to_bits(),
            },
        }
    }

    /// The value of type `scalar` that has these bits.
    pub(crate) fn from_bits(bits: u64, scalar: Scalar) -> Self {
        match scalar {
            Scalar::Bool => Self::Bool(bits != 0),
            Scalar::F16 => Self::Float(f16::from_bits(bits as u16).to_f64()),
            Scalar::Bf16 => Self::Float(bf16::from_bits(bits as u16).to_f64()),
            Scalar::F32 => Self::Float(f32::from_bits(bits as u32).into()),
            Scalar::F64 => Self::Float(f64::from_bits(bits)),
            _ => Self::Integer(wrap(bits.into(), scalar)),
        }
    }

    /// `self as to`, as Rust converts.
    pub(crate) fn cast(self, to: Scalar) -> Self {
        match (self, to.range()) {
            (Self::Bool(value), _) if to == Scalar::Bool => Self::Bool(value),
            (Self::Bool(value), _) => Self::Integer(value.into()),
            (Self::Integer(value), Some(_)) => Self::Integer(wrap(value, to)),
            (Self::Integer(value), None) => Self::Float(match to {
                Scalar::F32 => f64::from(value as f32),
                // One rounding, through a type that holds every 64-bit integer's leading bits.
                Scalar::F16 | Scalar::Bf16 => round(f64::from(value as f32), to),
                _ => value as f64,
            }),
            (Self::Float(value), Some((low, high))) => {
                Self::Integer((value as i128).clamp(low, high))
            }
            (Self::Float(value), None) => Self::Float(round(value, to)),
        }
    }

    pub(crate) fn negate(self, scalar: Scalar) -> Self {
        match self {
            Self::Integer(value) => Self::Integer(wrap(-value, scalar)),
            Self::Float(value) => Self::Float(-value),
            Self::Bool(value) => Self::Bool(value),
        }
    }

    pub(crate) fn not(self, scalar: Scalar) -> Self {
        match self {
            Self::Bool(value) => Self::Bool(!value),
            Self::Integer(value) => Self::Integer(wrap(!value, scalar)),
            Self::Float(value) => Self::Float(value),
        }
    }

    pub(crate) fn compare(self, comparison: Comparison, other: Self) -> bool {
        let ordering = match (self, other) {
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b),
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(&b)),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(&b)),
            _ => None,
        };
        match comparison {
            Comparison::Equal => ordering.is_some_and(|o| o.is_eq()),
            Comparison::NotEqual => !ordering.is_some_and(|o| o.is_eq()),
            Comparison::Less => ordering.is_some_and(|o| o.is_lt()),
            Comparison::LessOrEqual => ordering.is_some_and(|o| o.is_le()),
            Comparison::Greater => ordering.is_some_and(|o| o.is_gt()),
            Comparison::GreaterOrEqual => ordering.is_some_and(|o| o.is_ge()),
        }
    }

    /// `self operator other`, both of type `scalar` (a shift's amount may be any integer).
    pub(crate) fn binary(
        self,
        operator: Operator,
        other: Self,
        scalar: Scalar,
    ) -> Result<Option<Self>, FoldError> {
        Ok(match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => boolean(operator, a, b).map(Self::Bool),
            (Self::Integer(a), Self::Integer(b)) => {
                Some(Self::Integer(integer(operator, a, b, scalar)?))
            }
            (Self::Float(a), Self::Float(b)) => {
                float(operator, a, b).map(|exact| Self::Float(round(exact, scalar)))
            }
            _ => None,
        })
    }
}

fn boolean(operator: Operator, a: bool, b: bool) -> Option<bool> {
    match operator {
        Operator::And => Some(a & b),
        Operator::Or => Some(a | b),
        Operator::Xor => Some(a ^ b),
        _ => None,
    }
}

fn integer(operator: Operator, a: i128, b: i128, scalar: Scalar) -> Result<i128, FoldError> {
    let bits = scalar.bits();
    if operator.is_shift() && !(0..i128::from(bits)).contains(&b) {
        return Err(FoldError::Shift { amount: b, bits });
    }
    let value = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a.wrapping_mul(b),
        Operator::Divide => a.checked_div(b).ok_or(FoldError::DivisionByZero)?,
        Operator::Remainder => a.checked_rem(b).ok_or(FoldError::DivisionByZero)?,
        Operator::And => a & b,
        Operator::Or => a | b,
        Operator::Xor => a ^ b,
        Operator::ShiftLeft => a << b,
        Operator::ShiftRight => a >> b,
    };
    Ok(wrap(value, scalar))
}

/// In double precision; rounding the result of one operation once more to a narrower type gives
/// what that type's own operation would, since a double has more than twice its bits.
fn float(operator: Operator, a: f64, b: f64) -> Option<f64> {
    match operator {
        Operator::Add => Some(a + b),
        Operator::Subtract => Some(a - b),
        Operator::Multiply => Some(a * b),
        Operator::Divide => Some(a / b),
        _ => None,
    }
}

/// The value of type `scalar` whose low bits are `value`'s.
fn wrap(value: i128, scalar: Scalar) -> i128 {
    let unused = 128 - scalar.bits();
    match scalar.is_signed() {
        true => value << unused >> unused,
        false => ((value as u128) << unused >> unused) as i128,
    }
}

/// Rounded once. By way of an f32 whose last bit remembers whether anything was cut off; `half`
/// itself drops the low bits of a double.
fn to_f16(value: f64) -> f16 {
    let nearest = value as f32;
    let towards_zero = match f64::from(nearest).abs() > value.abs() {
        true => f32::from_bits(nearest.to_bits() - 1),
        false => nearest,
    };
    let is_exact = value.is_nan() || f64::from(towards_zero) == value;
    f16::from_f32(f32::from_bits(towards_zero.to_bits() | u32::from(!is_exact)))
}

fn round(value: f64, scalar: Scalar) -> f64 {
    match scalar {
        Scalar::F16 => to_f16(value).to_f64(),
        // Through f32, as the device does.
        Scalar::Bf16 => bf16::from_f32(value as f32).to_f64(),
        Scalar::F32 => f64::from(value as f32),
        _ => value,
    }
}

/// The value of a constant expression.
///
/// # Errors
///
/// At the part that is no constant, or that Rust refuses to compute.
pub(crate) fn evaluate(
    expression: &Expression,
    inference: &mut Inference,
) -> syn::Result<Constant> {
    inference.settle_all();
    evaluate_with(expression, inference, &|_| None)
}

/// As [`evaluate`], with the values of variables that are known.
pub(crate) fn evaluate_with(
    expression: &Expression,
    inference: &Inference,
    variable: &dyn Fn(&VariableId) -> Option<Constant>,
) -> syn::Result<Constant> {
    let error = |message: &str| Err(syn::Error::new_spanned(expression.location, message));
    let part = |part: &Expression| evaluate_with(part, inference, variable);
    let Some(scalar) = inference.scalar(&expression.ty) else {
        return error("a constant is a number or a `bool`");
    };
    Ok(match &expression.kind {
        Kind::Constant(constant) => constant.cast(scalar),
        Kind::Decimal(digits) => decimal(digits, scalar),
        Kind::Read(Place { kind: PlaceKind::Variable(id), .. }) => match variable(id) {
            Some(value) => value,
            None => return error("the value of this is not known while the kernel compiles"),
        },
        Kind::Negate(value) => part(value)?.negate(scalar),
        Kind::Not(value) => part(value)?.not(scalar),
        Kind::Cast(value) => part(value)?.cast(scalar),
        Kind::Reinterpret(value) => {
            let from = inference.scalar(&value.ty).unwrap_or(scalar);
            Constant::from_bits(part(value)?.bits(from), scalar)
        }
        Kind::Binary(operator, a, b) => match part(a)?.binary(*operator, part(b)?, scalar) {
            Ok(Some(value)) => value,
            Ok(None) => return error("this cannot be computed while the kernel compiles"),
            Err(reason) => return error(&reason.to_string()),
        },
        Kind::Compare(comparison, a, b) => Constant::Bool(part(a)?.compare(*comparison, part(b)?)),
        Kind::Both(a, b) => match part(a)? {
            Constant::Bool(false) => Constant::Bool(false),
            _ => part(b)?,
        },
        Kind::Either(a, b) => match part(a)? {
            Constant::Bool(true) => Constant::Bool(true),
            _ => part(b)?,
        },
        _ => return error("this is not a constant: its value is known only while the kernel runs"),
    })
}

/// The number that a literal with a decimal point is in its type.
pub(crate) fn decimal(digits: &str, scalar: Scalar) -> Constant {
    // Parsing as f32 rounds once; the digits have been read by `syn` already.
    Constant::Float(match scalar {
        Scalar::F32 => digits.parse::<f32>().unwrap_or(f32::NAN).into(),
        _ => round(digits.parse().unwrap_or(f64::NAN), scalar),
    })
}

/// A constant of a number type, such as `u32::MAX`.
pub(crate) fn associated(scalar: Scalar, name: &str) -> Option<Constant> {
    if let Some((low, high)) = scalar.range() {
        return match name {
            "MIN" => Some(Constant::Integer(low)),
            "MAX" => Some(Constant::Integer(high)),
            _ => None,
        };
    }
    let greatest = match scalar {
        Scalar::F16 => f16::MAX.to_f64(),
        Scalar::Bf16 => bf16::MAX.to_f64(),
        Scalar::F32 => f32::MAX.into(),
        Scalar::F64 => f64::MAX,
        _ => return None,
    };
    let epsilon = match scalar {
        Scalar::F16 => f16::EPSILON.to_f64(),
        Scalar::Bf16 => bf16::EPSILON.to_f64(),
        Scalar::F32 => f32::EPSILON.into(),
        _ => f64::EPSILON,
    };
    Some(Constant::Float(match name {
        "MAX" => greatest,
        "MIN" => -greatest,
        "INFINITY" => f64::INFINITY,
        "NEG_INFINITY" => f64::NEG_INFINITY,
        "NAN" => f64::NAN,
        "EPSILON" => epsilon,
        _ => return None,
    }))
}

/// A constant of `std::f32::consts`.
pub(crate) fn mathematical(name: &str) -> Option<f64> {
    use std::f64::consts;
    Some(match name {
        "PI" => consts::PI,
        "TAU" => consts::TAU,
        "E" => consts::E,
        "LN_2" => consts::LN_2,
        "LN_10" => consts::LN_10,
        "LOG2_E" => consts::LOG2_E,
        "LOG10_E" => consts::LOG10_E,
        "SQRT_2" => consts::SQRT_2,
        "FRAC_1_SQRT_2" => consts::FRAC_1_SQRT_2,
        "FRAC_1_PI" => consts::FRAC_1_PI,
        "FRAC_PI_2" => consts::FRAC_PI_2,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(operator: Operator, a: i128, b: i128, scalar: Scalar, expected: i128) {
        assert_eq!(integer(operator, a, b, scalar), Ok(expected));
    }

    #[test]
    fn integers_wrap() {
        check(Operator::Add, 255, 1, Scalar::U8, 0);
        check(Operator::Multiply, i64::MIN.into(), -1, Scalar::I64, i64::MIN.into());
        check(Operator::Divide, i32::MIN.into(), -1, Scalar::I32, i32::MIN.into());
        check(Operator::ShiftLeft, 0x8000_0001, 1, Scalar::U32, 2);
        check(Operator::Multiply, u64::MAX.into(), u64::MAX.into(), Scalar::U64, 1);
    }

    #[test]
    fn doubles_round_to_f16_once() {
        let halfway = 1.0 + 2f64.powi(-11);
        assert_eq!(to_f16(halfway).to_f64(), 1.0);
        assert_eq!(to_f16(halfway + 2f64.powi(-45)).to_f64(), 1.0 + 2f64.powi(-10));
        assert_eq!(to_f16(-halfway.next_up()).to_f64(), -1.0 - 2f64.powi(-10));
        assert_eq!(to_f16(f64::MAX), f16::INFINITY);
        assert!(to_f16(f64::NAN).is_nan());
    }

    #[test]
    fn what_rust_refuses_is_refused() {
        assert_eq!(integer(Operator::Divide, 1, 0, Scalar::I32), Err(FoldError::DivisionByZero));
        assert_eq!(
            integer(Operator::ShiftLeft, 1, 32, Scalar::I32),
            Err(FoldError::Shift { amount: 32, bits: 32 })
        );
    }

    #[test]
    fn casts_saturate_and_wrap_as_in_rust() {
        let cast = |constant: Constant, to| constant.cast(to).integer();
        assert_eq!(cast(Constant::Float(300.5), Scalar::U8), Some(255));
        assert_eq!(cast(Constant::Float(f64::NAN), Scalar::I32), Some(0));
        assert_eq!(cast(Constant::Integer(-1), Scalar::U16), Some(65535));
        assert_eq!(cast(Constant::Integer(200), Scalar::I8), Some(-56));
    }
}
