//! Pairs of numbers, on which Blackwell computes at once.

use std::ops;

use super::builder::Builder;
use super::value::Value;
use crate::ptx::tree::Operand;

/// Two f32 in one 64-bit register. Operators work on each of the two, with an instruction for both,
/// rounded as for one.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'k>(Value<'k, u64>);

impl Builder {
    /// The same number twice.
    pub fn pair_of(&self, constant: f32) -> Pair<'_> {
        let bits = u64::from(constant.to_bits());
        Pair(self.copy(bits << 32 | bits))
    }
}

impl<'k> Pair<'k> {
    /// Of two numbers.
    pub fn new(first: Value<'k, f32>, second: Value<'k, f32>) -> Self {
        let halves = [first, second].map(|half| half.register_operand());
        Self(first.builder.compute("mov.b64", &[Operand::Vector(halves.into())]))
    }

    /// The same number twice.
    pub fn both(number: Value<'k, f32>) -> Self {
        Self::new(number, number)
    }

    /// The two numbers.
    pub fn halves(self) -> [Value<'k, f32>; 2] {
        let k = self.0.builder;
        let halves = [(); 2].map(|()| k.fresh());
        let vector = Operand::Vector(halves.iter().map(|half| half.operand()).collect());
        k.emit("mov.b64", vec![vector, self.0.operand()]);
        halves
    }

    /// self · factor + addend, rounded once.
    pub fn multiply_add(self, factor: Self, addend: Self) -> Self {
        self.compute("fma.rn.f32x2", &[factor, addend])
    }

    /// The sum, rounded down.
    pub fn add_rounding_down(self, other: Self) -> Self {
        self.compute("add.rm.f32x2", &[other])
    }

    fn compute(self, name: &str, others: &[Self]) -> Self {
        let mut operands = vec![self.0.operand()];
        operands.extend(others.iter().map(|other| other.0.operand()));
        Self(self.0.builder.compute(name, &operands))
    }
}

impl ops::Add for Pair<'_> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.compute("add.rn.f32x2", &[other])
    }
}

impl ops::Sub for Pair<'_> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.compute("sub.rn.f32x2", &[other])
    }
}

impl ops::Mul for Pair<'_> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        self.compute("mul.rn.f32x2", &[other])
    }
}
