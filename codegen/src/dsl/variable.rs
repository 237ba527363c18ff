use std::marker::PhantomData;
use std::ops;

use super::builder::{Builder, Register};
use super::scalar::{Numeric, Scalar};
use super::value::{IntoValue, Source, Value};

/// A register that may be written again: what a loop carries from one iteration to the next.
#[derive(Debug)]
pub struct Variable<'k, T> {
    builder: &'k Builder,
    register: Register,
    scalar: PhantomData<T>,
}

impl Builder {
    /// A variable and its first value.
    pub fn variable<'k, T: Scalar>(&'k self, first: impl IntoValue<'k, T>) -> Variable<'k, T> {
        let mut variable =
            Variable { builder: self, register: self.register::<T>(), scalar: PhantomData };
        variable.set(first);
        variable
    }
}

impl<'k, T: Scalar> Variable<'k, T> {
    /// What the variable holds now; later writes do not change the result.
    pub fn get(&self) -> Value<'k, T> {
        self.builder.compute(T::MOVE, &[self.builder.operand(self.register)])
    }

    /// Writes the variable.
    pub fn set(&mut self, value: impl IntoValue<'k, T>) {
        let value = value.into_value(self.builder);
        self.builder.emit(T::MOVE, vec![self.builder.operand(self.register), value.operand()]);
    }

    /// The register itself as a value. It changes with the variable, so it must be used at once.
    pub(crate) fn alias(&self) -> Value<'k, T> {
        Value::new(self.builder, Source::Register(self.register))
    }
}

macro_rules! assign {
    ($($trait:ident $method:ident $name:ident;)+) => {$(
        impl<'k, T: Numeric, R: IntoValue<'k, T>> ops::$trait<R> for Variable<'k, T> {
            fn $method(&mut self, other: R) {
                let other = other.into_value(self.builder);
                let register = self.builder.operand(self.register);
                self.builder.emit(T::$name, vec![register.clone(), register, other.operand()]);
            }
        }
    )+};
}

assign! {
    AddAssign add_assign ADD;
    SubAssign sub_assign SUB;
    MulAssign mul_assign MUL;
}
