//! Functions, comparisons and conversions of values.

use super::builder::Builder;
use super::scalar::{Numeric, Scalar};
use super::value::{IntoValue, Value};
use crate::ptx::tree::Operand;

impl<'k, T: Numeric> Value<'k, T> {
    /// self · factor + addend, for floating point rounded once.
    pub fn multiply_add(
        self,
        factor: impl IntoValue<'k, T>,
        addend: impl IntoValue<'k, T>,
    ) -> Value<'k, T> {
        let factor = factor.into_value(self.builder).operand();
        let addend = addend.into_value(self.builder).operand();
        self.builder.compute(T::MULTIPLY_ADD, &[self.operand(), factor, addend])
    }

    /// The smaller of two; for floating point the number, where the other is NaN.
    pub fn min(self, other: impl IntoValue<'k, T>) -> Value<'k, T> {
        let other = other.into_value(self.builder).operand();
        self.builder.compute(T::MIN, &[self.operand(), other])
    }

    /// The larger of two; for floating point the number, where the other is NaN.
    pub fn max(self, other: impl IntoValue<'k, T>) -> Value<'k, T> {
        let other = other.into_value(self.builder).operand();
        self.builder.compute(T::MAX, &[self.operand(), other])
    }

    fn compare(self, name: &str, other: impl IntoValue<'k, T>) -> Value<'k, bool> {
        let other = other.into_value(self.builder).operand();
        self.builder.compute(name, &[self.operand(), other])
    }

    /// self = other.
    pub fn eq(self, other: impl IntoValue<'k, T>) -> Value<'k, bool> {
        self.compare(T::COMPARE.eq, other)
    }

    /// self ≠ other, and no NaN among them.
    pub fn ne(self, other: impl IntoValue<'k, T>) -> Value<'k, bool> {
        self.compare(T::COMPARE.ne, other)
    }

    /// self < other.
    pub fn lt(self, other: impl IntoValue<'k, T>) -> Value<'k, bool> {
        self.compare(T::COMPARE.lt, other)
    }

    /// self ≤ other.
    pub fn le(self, other: impl IntoValue<'k, T>) -> Value<'k, bool> {
        self.compare(T::COMPARE.le, other)
    }

    /// self > other.
    pub fn gt(self, other: impl IntoValue<'k, T>) -> Value<'k, bool> {
        self.compare(T::COMPARE.gt, other)
    }

    /// self ≥ other.
    pub fn ge(self, other: impl IntoValue<'k, T>) -> Value<'k, bool> {
        self.compare(T::COMPARE.ge, other)
    }
}

impl<'k> Value<'k, bool> {
    /// `yes` where the predicate holds, else `no`.
    pub fn select<T: Numeric>(
        self,
        yes: impl IntoValue<'k, T>,
        no: impl IntoValue<'k, T>,
    ) -> Value<'k, T> {
        let yes = yes.into_value(self.builder).operand();
        let no = no.into_value(self.builder).operand();
        let predicate = self.register_operand();
        self.builder.compute(T::SELECT, &[yes, no, predicate])
    }
}

impl<'k> Value<'k, f32> {
    fn unary(self, name: &str) -> Value<'k, f32> {
        self.builder.compute(name, &[self.operand()])
    }

    /// 2 to this power; at most 2 units in the last place off, subnormal results flushed to zero.
    pub fn exp2(self) -> Value<'k, f32> {
        self.unary("ex2.approx.ftz.f32")
    }

    /// The sum, rounded down.
    pub fn add_rounding_down(self, other: impl IntoValue<'k, f32>) -> Value<'k, f32> {
        let other = other.into_value(self.builder);
        self.builder.compute("add.rm.f32", &[self.operand(), other.operand()])
    }

    /// The largest of three; what is NaN is passed over. Blackwell has an instruction for that.
    pub fn max_of_three(
        self,
        second: impl IntoValue<'k, f32>,
        third: impl IntoValue<'k, f32>,
    ) -> Value<'k, f32> {
        let k = self.builder;
        let (second, third) = (second.into_value(k).operand(), third.into_value(k).operand());
        k.compute("max.f32", &[self.operand(), second, third])
    }

    /// The same bits as a whole number.
    pub fn as_bits(self) -> Value<'k, u32> {
        self.builder.compute("mov.b32", &[self.operand()])
    }

    /// The logarithm to base 2, approximately; that of 0 is −∞.
    pub fn log2(self) -> Value<'k, f32> {
        self.unary("lg2.approx.f32")
    }

    /// The reciprocal, at most one unit in the last place off.
    pub fn reciprocal(self) -> Value<'k, f32> {
        self.unary("rcp.approx.ftz.f32")
    }

    /// The square root, correctly rounded.
    pub fn sqrt(self) -> Value<'k, f32> {
        self.unary("sqrt.rn.f32")
    }

    /// The magnitude.
    pub fn abs(self) -> Value<'k, f32> {
        self.unary("abs.f32")
    }
}

impl<'k> Value<'k, u32> {
    /// Zero-extended to 64 bits.
    pub fn widen(self) -> Value<'k, u64> {
        match self.as_constant() {
            Some(constant) => self.builder.constant(u64::from(constant)),
            None => self.builder.compute("cvt.u64.u32", &[self.operand()]),
        }
    }

    /// The full 64-bit product.
    pub fn multiply_wide(self, other: impl IntoValue<'k, u32>) -> Value<'k, u64> {
        let other = other.into_value(self.builder);
        match (self.as_constant(), other.as_constant()) {
            (Some(a), Some(b)) => self.builder.constant(u64::from(a) * u64::from(b)),
            (_, Some(1)) => self.widen(),
            _ => self.builder.compute("mul.wide.u32", &[self.operand(), other.operand()]),
        }
    }

    /// 64 bits, of which these are the lower half.
    pub fn join(self, high: impl IntoValue<'k, u32>) -> Value<'k, u64> {
        let high = high.into_value(self.builder);
        let halves = [self, high].map(|half| half.register_operand());
        self.builder.compute("mov.b64", &[Operand::Vector(halves.into())])
    }

    /// The nearest f32.
    pub fn to_f32(self) -> Value<'k, f32> {
        self.builder.compute("cvt.rn.f32.u32", &[self.operand()])
    }

    /// The same bits as an f32.
    pub fn bits_as_f32(self) -> Value<'k, f32> {
        self.builder.compute("mov.b32", &[self.operand()])
    }
}

impl Builder {
    /// A value of type `T` that is copied to a register of its own.
    pub fn copy<'k, T: Scalar>(&'k self, value: impl IntoValue<'k, T>) -> Value<'k, T> {
        let value = value.into_value(self);
        self.compute(T::MOVE, &[value.operand()])
    }
}
