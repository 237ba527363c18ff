//! Comparison and selection.

use tilewright_codegen::ptx::{Opcode, ScalarType, TypeClass};

use super::code::Action;
use super::held::{Held, with_float, with_integer};
use super::operands::{Lowered, Operands};
use crate::exec::registers::{Condition, LANES, Registers, Slot, compare, select};
use crate::numeric::{Bf16, Combine, Comparison, F16, Format, compare as numeric};

/// What a comparison does with each outcome.
type Holds = Box<dyn Fn(&Registers) -> u32 + Send + Sync>;

/// Lowers `setp`.
pub(super) fn setp(o: &mut Operands<'_>) -> Lowered<Action> {
    let Some(scalar) = o.name.scalar() else { return Err(o.unsupported("")) };
    let (p, q) = o.predicates(0)?;
    let combine = combine(o, 3)?;
    if matches!(scalar, ScalarType::F16x2 | ScalarType::Bf16x2) {
        let (low, high) = packed_comparison(o, scalar)?;
        return Ok(Action::Compute(Box::new(move |registers, mask| {
            let (low, high) = (low(registers), high(registers));
            registers.set_predicate(p, combined(registers, combine, low), mask);
            registers.set_predicate(q, combined(registers, combine, high), mask);
        })));
    }
    let holds = comparison(o, scalar)?;
    Ok(Action::Compute(Box::new(move |registers, mask| {
        let holds = holds(registers);
        let (first, second) =
            (combined(registers, combine, holds), combined(registers, combine, !holds));
        registers.set_predicate(p, first, mask);
        registers.set_predicate(q, second, mask);
    })))
}

/// How the name combines a comparison with the predicate that is operand `index`.
fn combine(o: &mut Operands<'_>, index: usize) -> Lowered<Option<(Combine, Condition)>> {
    let combine = match o.name.first_of(&["and", "or", "xor"]) {
        Some("and") => Combine::And,
        Some("or") => Combine::Or,
        Some(_) => Combine::Xor,
        None => return Ok(None),
    };
    Ok(Some((combine, o.condition(index)?)))
}

fn combined(registers: &Registers, combine: Option<(Combine, Condition)>, holds: u32) -> u32 {
    let Some((combine, condition)) = combine else { return holds };
    let predicate = registers.holds(condition);
    match combine {
        Combine::And => holds & predicate,
        Combine::Or => holds | predicate,
        Combine::Xor => holds ^ predicate,
    }
}

fn operator(o: &Operands<'_>) -> Lowered<Comparison> {
    // The words of a combination stand beside the operator and are none.
    let found = o.name.modifiers().find_map(Comparison::from_name);
    found.ok_or_else(|| o.unsupported("the comparison is missing"))
}

/// Compares operands 1 and 2.
fn comparison(o: &mut Operands<'_>, scalar: ScalarType) -> Lowered<Holds> {
    let operator = operator(o)?;
    let flush = o.name.has("ftz");
    if scalar.class() == TypeClass::Float || scalar == ScalarType::Bf16 {
        with_float!(o, scalar, F => float_comparison::<F>(o, operator, flush))
    } else {
        with_integer!(o, scalar, T => {
            let (a, b) = (o.source(1)?, o.source(2)?);
            specialized::<T>((a, b), operator)
        })
    }
}

/// An integer comparison whose operator is a constant of its loop.
fn specialized<T: crate::numeric::Integer + Held>(
    operands: (Slot<T::Lane>, Slot<T::Lane>),
    operator: Comparison,
) -> Lowered<Holds> {
    fn holds<T: Held>(
        operands: (Slot<T::Lane>, Slot<T::Lane>),
        f: impl Fn(T, T) -> bool + Send + Sync + 'static,
    ) -> Holds {
        Box::new(move |registers| compare(registers, operands, |a, b| f(T::take(a), T::take(b))))
    }
    Ok(match operator {
        Comparison::Equal => holds(operands, |a: T, b| a == b),
        Comparison::NotEqual => holds(operands, |a: T, b| a != b),
        Comparison::Less => holds(operands, |a: T, b| a < b),
        Comparison::LessEqual => holds(operands, |a: T, b| a <= b),
        Comparison::Greater => holds(operands, |a: T, b| a > b),
        Comparison::GreaterEqual => holds(operands, |a: T, b| a >= b),
        operator => holds(operands, move |a: T, b| numeric::integer(operator, a, b)),
    })
}

fn float_comparison<F: Format + 'static>(
    o: &mut Operands<'_>,
    operator: Comparison,
    flush: bool,
) -> Lowered<Holds>
where
    F::Bits: Held,
{
    let operands: (Slot<<F::Bits as Held>::Lane>, _) = (o.source(1)?, o.source(2)?);
    Ok(Box::new(move |registers| {
        compare(registers, operands, |a, b| {
            numeric::float::<F>(operator, F::Bits::take(a), F::Bits::take(b), flush)
        })
    }))
}

/// Compares the low and the high halves of operands 1 and 2.
fn packed_comparison(o: &mut Operands<'_>, scalar: ScalarType) -> Lowered<(Holds, Holds)> {
    let operator = operator(o)?;
    let flush = o.name.has("ftz");
    let operands: (Slot<u32>, Slot<u32>) = (o.source(1)?, o.source(2)?);
    let half = move |shift: u32| -> Holds {
        let is_bf16 = scalar == ScalarType::Bf16x2;
        Box::new(move |registers| {
            compare(registers, operands, |a, b| {
                let (a, b) = ((a >> shift) as u16, (b >> shift) as u16);
                if is_bf16 {
                    numeric::float::<Bf16>(operator, a, b, flush)
                } else {
                    numeric::float::<F16>(operator, a, b, flush)
                }
            })
        })
    };
    Ok((half(0), half(16)))
}

/// Lowers `set`, which writes what a type has for true and false.
pub(super) fn set(o: &mut Operands<'_>) -> Lowered<Action> {
    let types: Vec<ScalarType> = o.name.types().collect();
    let (Some(&to), Some(&from)) = (types.first(), types.last()) else {
        return Err(o.unsupported("its types are missing"));
    };
    let d: Slot<u32> = o.destination(0)?;
    let combine = combine(o, 3)?;
    if matches!(from, ScalarType::F16x2 | ScalarType::Bf16x2) {
        let (low, high) = packed_comparison(o, from)?;
        let truth = if to == from { one(to) } else { 0xffff };
        return Ok(Action::Compute(Box::new(move |registers, mask| {
            let low = combined(registers, combine, low(registers));
            let high = combined(registers, combine, high(registers));
            let half = |holds: u32, lane: usize| if holds >> lane & 1 != 0 { truth } else { 0 };
            let result = std::array::from_fn(|lane| half(low, lane) | half(high, lane) << 16);
            registers.set(d, &result, mask);
        })));
    }
    let holds = comparison(o, from)?;
    let truth = one(to);
    Ok(Action::Compute(Box::new(move |registers, mask| {
        let holds = combined(registers, combine, holds(registers));
        let result = std::array::from_fn(|lane| if holds >> lane & 1 != 0 { truth } else { 0 });
        registers.set(d, &result, mask);
    })))
}

/// What `set` writes for true: one in a floating-point type, else all ones.
fn one(scalar: ScalarType) -> u32 {
    match scalar {
        ScalarType::F32 => numeric::set_f32(true),
        ScalarType::F16 | ScalarType::F16x2 => F16::ONE as u32,
        ScalarType::Bf16 | ScalarType::Bf16x2 => Bf16::ONE as u32,
        ScalarType::U16 | ScalarType::S16 => 0xffff,
        _ => numeric::set_integer(true),
    }
}

/// Lowers `selp`.
pub(super) fn selp(o: &mut Operands<'_>) -> Lowered<Action> {
    let condition = o.condition(3)?;
    match o.name.scalar().map(ScalarType::bits) {
        Some(64) => {
            let (d, a, b) = (o.destination::<u64>(0)?, o.source(1)?, o.source(2)?);
            Ok(Action::Compute(select(d, (a, b), condition)))
        }
        _ => {
            let (d, a, b) = (o.destination::<u32>(0)?, o.source(1)?, o.source(2)?);
            Ok(Action::Compute(select(d, (a, b), condition)))
        }
    }
}

/// Lowers `slct`.
pub(super) fn slct(o: &mut Operands<'_>) -> Lowered<Action> {
    debug_assert_eq!(o.instruction.opcode(), Opcode::Slct);
    let is_float = o.name.scalar() == Some(ScalarType::F32);
    let flush = o.name.has("ftz");
    let first = move |selector: u32| match is_float {
        true => numeric::selects_first_f32(selector, flush),
        false => numeric::selects_first_s32(selector as i32),
    };
    match o.name.types().next().map(ScalarType::bits) {
        Some(64) => slct_of::<u64>(o, first),
        _ => slct_of::<u32>(o, first),
    }
}

fn slct_of<T: super::operands::TypedLane>(
    o: &mut Operands<'_>,
    first: impl Fn(u32) -> bool + Send + Sync + 'static,
) -> Lowered<Action> {
    let (d, a, b) = (o.destination::<T>(0)?, o.source::<T>(1)?, o.source::<T>(2)?);
    let selector: Slot<u32> = o.source(3)?;
    Ok(Action::Compute(Box::new(move |registers, mask| {
        let (a, b, selector) = (registers.get(a), registers.get(b), registers.get(selector));
        let mut result = [<T as Default>::default(); LANES];
        for lane in 0..LANES {
            result[lane] = if first(selector[lane]) { a[lane] } else { b[lane] };
        }
        registers.set::<T>(d, &result, mask);
    })))
}
