use std::marker::PhantomData;
use std::ops;

use smol_str::SmolStr;

use super::builder::{Builder, Register};
use super::scalar::{Integer, Numeric, Scalar};
use super::{division, fold};
use crate::ptx::tree::Operand;

/// A value that every thread of the kernel has for itself: a register that is written once, or a
/// constant. Operators append instructions; those on constants are computed at once, and neutral
/// elements (`x + 0`, `x * 1`) cost nothing.
#[derive(Debug)]
pub struct Value<'k, T> {
    pub(super) builder: &'k Builder,
    pub(super) source: Source,
    scalar: PhantomData<T>,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Register(Register),
    Constant(u64),
}

impl<T> Clone for Value<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Value<'_, T> {}

/// What may stand where a value is expected: a value, or a constant of its type.
pub trait IntoValue<'k, T: Scalar> {
    /// The value.
    fn into_value(self, builder: &'k Builder) -> Value<'k, T>;
}

impl<'k, T: Scalar> IntoValue<'k, T> for Value<'k, T> {
    fn into_value(self, _: &'k Builder) -> Value<'k, T> {
        self
    }
}

impl<'k, T: Scalar> IntoValue<'k, T> for T {
    fn into_value(self, builder: &'k Builder) -> Value<'k, T> {
        builder.constant(self)
    }
}

impl Builder {
    /// A constant.
    pub fn constant<T: Scalar>(&self, constant: T) -> Value<'_, T> {
        Value::new(self, Source::Constant(constant.bits()))
    }
}

impl<'k, T: Scalar> Value<'k, T> {
    pub(super) fn new(builder: &'k Builder, source: Source) -> Self {
        Self { builder, source, scalar: PhantomData }
    }

    /// The kernel that the value belongs to.
    pub fn builder(self) -> &'k Builder {
        self.builder
    }

    /// The constant that the value is, if it is one.
    pub fn as_constant(self) -> Option<T> {
        match self.source {
            Source::Constant(bits) => Some(T::from_bits(bits)),
            Source::Register(_) => None,
        }
    }

    /// The register that holds the value; a constant is moved to a fresh one.
    pub(super) fn in_register(self) -> Register {
        match self.source {
            Source::Register(register) => register,
            Source::Constant(_) => {
                let register = self.builder.register::<T>();
                self.builder.emit(T::MOVE, vec![self.builder.operand(register), self.operand()]);
                register
            }
        }
    }

    /// The name of the register that holds the value.
    pub(super) fn register_name(self) -> SmolStr {
        self.builder.name(self.in_register())
    }

    /// The register that holds the value, as an operand.
    pub(super) fn register_operand(self) -> Operand {
        self.builder.operand(self.in_register())
    }

    pub(super) fn operand(self) -> Operand {
        match self.source {
            Source::Register(register) => self.builder.operand(register),
            Source::Constant(bits) => Operand::Literal(T::literal(bits)),
        }
    }

    /// The same bits as another type of the same size and register class, at no cost.
    fn cast<U: Scalar>(self) -> Value<'k, U> {
        Value::new(self.builder, self.source)
    }
}

impl<'k> Value<'k, u32> {
    /// The same bits as a signed number.
    pub fn as_signed(self) -> Value<'k, i32> {
        self.cast()
    }
}

impl<'k> Value<'k, i32> {
    /// The same bits as an unsigned number.
    pub fn as_unsigned(self) -> Value<'k, u32> {
        self.cast()
    }
}

impl<'k, T: Numeric> Value<'k, T> {
    fn binary(self, name: &str, other: impl IntoValue<'k, T>) -> Self {
        let other = other.into_value(self.builder);
        self.builder.compute(name, &[self.operand(), other.operand()])
    }
}

macro_rules! operator {
    ($bound:ident: $($trait:ident $method:ident $name:ident $fold:path;)+) => {$(
        impl<'k, T: $bound, R: IntoValue<'k, T>> ops::$trait<R> for Value<'k, T> {
            type Output = Self;

            fn $method(self, other: R) -> Self {
                let other = other.into_value(self.builder);
                $fold(self, other).unwrap_or_else(|| self.binary(T::$name, other))
            }
        }
    )+};
}

operator! { Numeric:
    Add add ADD fold::add;
    Sub sub SUB fold::sub;
    Mul mul MUL fold::mul;
}

operator! { Integer:
    BitAnd bitand AND fold::and;
    BitOr bitor OR fold::or;
    BitXor bitxor XOR fold::xor;
}

impl<'k, R: IntoValue<'k, f32>> ops::Div<R> for Value<'k, f32> {
    type Output = Self;

    fn div(self, divisor: R) -> Self {
        let divisor = divisor.into_value(self.builder);
        fold::div(self, divisor).unwrap_or_else(|| self.binary(f32::DIV, divisor))
    }
}

impl<'k, T: Integer, R: IntoValue<'k, T>> ops::Div<R> for Value<'k, T> {
    type Output = Self;

    /// Rounds towards zero.
    fn div(self, divisor: R) -> Self {
        let divisor = divisor.into_value(self.builder);
        fold::div(self, divisor)
            .or_else(|| division::quotient(self, divisor))
            .unwrap_or_else(|| self.binary(T::DIV, divisor))
    }
}

impl<'k, T: Integer, R: IntoValue<'k, T>> ops::Rem<R> for Value<'k, T> {
    type Output = Self;

    /// Has the sign of what is divided.
    fn rem(self, divisor: R) -> Self {
        let divisor = divisor.into_value(self.builder);
        fold::rem(self, divisor)
            .or_else(|| division::remainder(self, divisor))
            .unwrap_or_else(|| self.binary(T::REM, divisor))
    }
}

impl<'k, T: Integer, R: IntoValue<'k, u32>> ops::Shl<R> for Value<'k, T> {
    type Output = Self;

    fn shl(self, count: R) -> Self {
        let count = count.into_value(self.builder);
        fold::shl(self, count)
            .unwrap_or_else(|| self.builder.compute(T::SHL, &[self.operand(), count.operand()]))
    }
}

impl<'k, T: Integer, R: IntoValue<'k, u32>> ops::Shr<R> for Value<'k, T> {
    type Output = Self;

    /// Fills with the sign of a signed number.
    fn shr(self, count: R) -> Self {
        let count = count.into_value(self.builder);
        fold::shr(self, count)
            .unwrap_or_else(|| self.builder.compute(T::SHR, &[self.operand(), count.operand()]))
    }
}

impl<'k, T: Integer> Value<'k, T> {
    /// The upper half of the product.
    pub(super) fn multiply_high(self, factor: Value<'k, T>) -> Self {
        self.binary(T::MULTIPLY_HIGH, factor)
    }
}

impl<T: Numeric> ops::Neg for Value<'_, T> {
    type Output = Self;

    fn neg(self) -> Self {
        self.builder.compute(T::NEG, &[self.operand()])
    }
}

impl<T: Integer> ops::Not for Value<'_, T> {
    type Output = Self;

    fn not(self) -> Self {
        self.builder.compute(T::NOT, &[self.operand()])
    }
}

macro_rules! predicate_operator {
    ($($trait:ident $method:ident $name:literal;)+) => {$(
        impl<'k> Value<'k, bool> {
            #[doc = concat!("`", $name, "` of two predicates.")]
            pub fn $method(self, other: Value<'k, bool>) -> Value<'k, bool> {
                let sources = [self, other].map(Value::register_operand);
                self.builder.compute($name, &sources)
            }
        }
    )+};
}

predicate_operator! {
    BitAnd and "and.pred";
    BitOr or "or.pred";
}

impl<'k> Value<'k, bool> {
    /// The opposite.
    pub fn negated(self) -> Value<'k, bool> {
        self.builder.compute("not.pred", &[self.register_operand()])
    }
}
