//! `cvt` and `cvt.pack`.

use tilewright_codegen::ptx::{ScalarType, TypeClass};

use super::code::Action;
use super::float::mode;
use super::held::{Held, with_float, with_integer};
use super::narrow;
use super::operands::{Lowered, Operands};
use crate::exec::registers::{AnySlot, Lane, unary};
use crate::numeric::integer::Integer;
use crate::numeric::{Bf16, Bits, F16, F32, Mode, convert, narrow as numeric};

/// Lowers `cvt`.
pub(super) fn lower(o: &mut Operands<'_>) -> Lowered<Action> {
    if narrow::is_narrow(&o.name) {
        return narrow::lower(o);
    }
    let mut types = o.name.types();
    let (Some(to), Some(from)) = (types.next(), types.next()) else {
        return Err(o.unsupported("its types are missing"));
    };
    let mode = mode(&o.name);
    match (is_float(to), is_float(from)) {
        (false, false) if o.name.has("sat") => {
            with_integer!(o, from, A => with_integer!(o, to, D => {
                convert_each(o, to.is_signed(), mode, |a, _| {
                    convert::integer::<A, D>(low(a), true).extended()
                })
            }))
        }
        (false, false) => integer(o, to, from),
        (true, false) => with_integer!(o, from, A => with_float!(o, to, D => {
            convert_each(o, false, mode, |a, mode| {
                convert::integer_to_float::<A, D>(low(a), mode).widen()
            })
        })),
        (false, true) => with_float!(o, from, A => with_integer!(o, to, D => {
            convert_each(o, to.is_signed(), mode, |a, mode| {
                convert::float_to_integer::<A, D>(low(a), mode).extended()
            })
        })),
        (true, true) if to == from => with_float!(o, to, F => {
            if o.name.first_of(&["rni", "rzi", "rmi", "rpi"]).is_some() {
                convert_each(o, false, mode, |a, mode| {
                    convert::float_to_integral::<F>(low(a), mode).widen()
                })
            } else {
                convert_each(o, false, mode, |a, mode| convert::float::<F, F>(low(a), mode).widen())
            }
        }),
        (true, true) => match (from, to, mode) {
            // The frequent ones become constants, so that their loops over lanes vectorize.
            (ScalarType::F16, ScalarType::F32, Mode::NEAREST) => {
                o.unary(|a| convert::float::<F16, F32>(a, Mode::NEAREST))
            }
            (ScalarType::Bf16, ScalarType::F32, Mode::NEAREST) => {
                o.unary(|a| convert::float::<Bf16, F32>(a, Mode::NEAREST))
            }
            _ => with_float!(o, from, A => with_float!(o, to, D => {
                convert_each(o, false, mode, |a, mode| convert::float::<A, D>(low(a), mode).widen())
            })),
        },
    }
}

/// Integer to integer without saturation: the low bits, extended by the sign of the source.
fn integer(o: &mut Operands<'_>, to: ScalarType, from: ScalarType) -> Lowered<Action> {
    let unused = 64 - from.bits();
    let ones = u64::MAX >> (64 - to.bits());
    let sign = if to.is_signed() { 1 << (to.bits() - 1) } else { 0 };
    let extend = move |value: u64| {
        // Flipping the sign bit and subtracting it extends a number by its sign.
        ((value & ones) ^ sign).wrapping_sub(sign)
    };
    match from.is_signed() {
        true => {
            convert(o, to.is_signed(), move |a| extend(((a << unused) as i64 >> unused) as u64))
        }
        false => convert(o, to.is_signed(), move |a| extend(a << unused >> unused)),
    }
}

/// `operand 0 = f(operand 1)` by a call for each lane, which keeps the many pairs of types small.
fn convert_each(
    o: &mut Operands<'_>,
    signed: bool,
    mode: Mode,
    f: fn(u64, Mode) -> u64,
) -> Lowered<Action> {
    convert(o, signed, move |a| f(a, mode))
}

fn is_float(scalar: ScalarType) -> bool {
    scalar.class() == TypeClass::Float || scalar == ScalarType::Bf16
}

/// `operand 0 = f(operand 1)`, where either register may be wider than its type. A signed result
/// is extended by its sign to the width of the register.
fn convert(
    o: &mut Operands<'_>,
    signed: bool,
    f: impl Fn(u64) -> u64 + Send + Sync + 'static,
) -> Lowered<Action> {
    let destination = o.operand(0)?;
    let Some(d) = o.any_destination(destination)? else { return Ok(Action::Nothing) };
    let operand = o.operand(1)?;
    let width = if signed { o.destination_bits(destination) } else { 64 };
    let keep = u64::MAX >> (64 - width);
    let compute = match (d, o.any_source(operand, false)?) {
        (AnySlot::Word(d), AnySlot::Word(a)) => {
            unary(d, a, move |a: u32| (f(a.into()) & keep) as u32)
        }
        (AnySlot::Double(d), AnySlot::Double(a)) => unary(d, a, move |a: u64| f(a) & keep),
        (AnySlot::Double(d), AnySlot::Word(a)) => unary(d, a, move |a: u32| f(a.into()) & keep),
        (AnySlot::Word(d), AnySlot::Double(a)) => unary(d, a, move |a: u64| (f(a) & keep) as u32),
        _ => return Err(o.unsupported("operands of 128 bits")),
    };
    Ok(Action::Compute(compute))
}

/// The low bits of a register as a number.
#[inline(always)]
fn low<A: Held>(register: u64) -> A {
    A::take(A::Lane::from_bits(register))
}

/// Lowers `cvt.pack`.
pub(super) fn lower_pack(o: &mut Operands<'_>) -> Lowered<Action> {
    // The narrow type is the first after `.sat`, such as `u8`: its letter and its width.
    let narrow = o.name.modifiers().find(|word| !matches!(*word, "pack" | "sat"));
    let Some((letter, width)) = narrow.and_then(|word| word.split_at_checked(1)) else {
        return Err(o.unsupported("its type is missing"));
    };
    let signed = letter == "s";
    let Ok(width) = width.parse() else { return Err(o.unsupported("this type")) };
    if o.len() > 3 {
        return o.ternary(move |a, b, c| numeric::pack(a, b, c, width, signed));
    }
    o.binary(move |a, b| numeric::pack(a, b, 0, width, signed))
}
