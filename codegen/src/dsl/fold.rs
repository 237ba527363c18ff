//! Operations that need no instruction: on two constants, or with a neutral element. `None` says
//! that the instruction is needed.

use super::scalar::{Integer, Numeric, Scalar};
use super::value::{Source, Value};
use crate::ptx::TypeClass;

type Folded<'k, T> = Option<Value<'k, T>>;

fn constant<T: Scalar>(value: Value<'_, T>) -> Option<u64> {
    match value.source {
        Source::Constant(bits) => Some(bits),
        Source::Register(_) => None,
    }
}

/// Whether a value is the constant zero of an integer type; adding a floating-point zero is not
/// neutral for −0.
fn is_zero<T: Scalar>(value: Value<'_, T>) -> bool {
    T::TYPE.class() == TypeClass::Integer && constant(value) == Some(0)
}

fn is_one<T: Scalar>(value: Value<'_, T>) -> bool {
    let one = match T::TYPE.class() {
        TypeClass::Integer => 1,
        _ => f32::to_bits(1.0).into(),
    };
    constant(value) == Some(one)
}

/// The result of an integer operation on two constants.
fn both<'k, T: Scalar>(
    a: Value<'k, T>,
    b: Value<'k, T>,
    operation: impl Fn(i128, i128) -> Option<i128>,
) -> Folded<'k, T> {
    let (x, y) = (constant(a)?, constant(b)?);
    let (number, bits) = (numbers::<T>()?, T::TYPE.bits());
    let mask = u64::MAX >> (64 - bits);
    let result = operation(number(x, bits), number(y, bits))? as u64 & mask;
    Some(Value::new(a.builder, Source::Constant(result)))
}

/// How bits of an integer type are read as a number.
fn numbers<T: Scalar>() -> Option<fn(u64, u32) -> i128> {
    let signed = |bits: u64, width: u32| i128::from((bits << (64 - width)) as i64 >> (64 - width));
    let unsigned = |bits: u64, _: u32| i128::from(bits);
    match (T::TYPE.class(), T::TYPE.is_signed()) {
        (TypeClass::Integer, true) => Some(signed),
        (TypeClass::Integer, false) => Some(unsigned),
        _ => None,
    }
}

pub(super) fn add<'k, T: Numeric>(a: Value<'k, T>, b: Value<'k, T>) -> Folded<'k, T> {
    match (is_zero(a), is_zero(b)) {
        (true, _) => Some(b),
        (_, true) => Some(a),
        _ => both(a, b, |x, y| Some(x + y)),
    }
}

pub(super) fn sub<'k, T: Numeric>(a: Value<'k, T>, b: Value<'k, T>) -> Folded<'k, T> {
    if is_zero(b) { Some(a) } else { both(a, b, |x, y| Some(x - y)) }
}

pub(super) fn mul<'k, T: Numeric>(a: Value<'k, T>, b: Value<'k, T>) -> Folded<'k, T> {
    match () {
        () if is_one(b) || is_zero(a) => Some(a),
        () if is_one(a) || is_zero(b) => Some(b),
        () => both(a, b, |x, y| Some(x.wrapping_mul(y))),
    }
}

pub(super) fn div<'k, T: Numeric>(a: Value<'k, T>, b: Value<'k, T>) -> Folded<'k, T> {
    if is_one(b) { Some(a) } else { both(a, b, i128::checked_div) }
}

pub(super) fn rem<'k, T: Integer>(a: Value<'k, T>, b: Value<'k, T>) -> Folded<'k, T> {
    both(a, b, i128::checked_rem)
}

pub(super) fn and<'k, T: Integer>(a: Value<'k, T>, b: Value<'k, T>) -> Folded<'k, T> {
    match (is_zero(a), is_zero(b)) {
        (true, _) => Some(a),
        (_, true) => Some(b),
        _ => both(a, b, |x, y| Some(x & y)),
    }
}

pub(super) fn or<'k, T: Integer>(a: Value<'k, T>, b: Value<'k, T>) -> Folded<'k, T> {
    match (is_zero(a), is_zero(b)) {
        (true, _) => Some(b),
        (_, true) => Some(a),
        _ => both(a, b, |x, y| Some(x | y)),
    }
}

pub(super) fn xor<'k, T: Integer>(a: Value<'k, T>, b: Value<'k, T>) -> Folded<'k, T> {
    match (is_zero(a), is_zero(b)) {
        (true, _) => Some(b),
        (_, true) => Some(a),
        _ => both(a, b, |x, y| Some(x ^ y)),
    }
}

pub(super) fn shl<'k, T: Integer>(a: Value<'k, T>, count: Value<'k, u32>) -> Folded<'k, T> {
    shift(a, count, |x, n| x << n)
}

pub(super) fn shr<'k, T: Integer>(a: Value<'k, T>, count: Value<'k, u32>) -> Folded<'k, T> {
    shift(a, count, |x, n| x >> n)
}

fn shift<'k, T: Integer>(
    a: Value<'k, T>,
    count: Value<'k, u32>,
    operation: impl Fn(i128, u32) -> i128,
) -> Folded<'k, T> {
    if is_zero(count) {
        return Some(a);
    }
    let (bits, count) = (constant(a)?, count.as_constant()?);
    if count >= T::TYPE.bits() {
        return None;
    }
    let result = T::wrapped(operation(T::number(bits), count));
    Some(Value::new(a.builder, Source::Constant(result)))
}
