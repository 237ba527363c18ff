//! Moves and addresses.

use tilewright_codegen::ptx::check::CheckedOperand;
use tilewright_codegen::ptx::{ScalarType, Space, SpecialRegister};

use super::code::Action;
use super::operands::{Lowered, Operands};
use crate::exec::registers::{AnySlot, LANES, Slot, binary, compare};
use crate::memory::window;

/// Lowers `mov`.
pub(super) fn mov(o: &mut Operands<'_>) -> Lowered<Action> {
    let Some(scalar) = o.name.scalar() else { return Err(o.unsupported("")) };
    if scalar == ScalarType::Pred {
        let (d, a) = (o.predicates(0)?.0, o.condition(1)?);
        return Ok(Action::Compute(Box::new(move |registers, mask| {
            let value = registers.holds(a);
            registers.set_predicate(d, value, mask);
        })));
    }
    match (o.operand(0)?, o.operand(1)?) {
        (CheckedOperand::Vector(_), _) => return unpack(o, scalar),
        (_, CheckedOperand::Vector(elements)) if elements.len() > 1 => return pack(o, scalar),
        (_, CheckedOperand::Special(special)) if is_clock(*special) => {
            let destination = o.operand(0)?;
            return Ok(match o.any_destination(destination)? {
                Some(slot) => Action::Clock(slot, *special),
                None => Action::Nothing,
            });
        }
        (_, operand) if o.frame_offset(operand).is_some() => return frame_address(o, 0),
        _ => {}
    }
    match scalar.bits() {
        128 => move_quad(o),
        64 => o.unary(|a: u64| a),
        _ => o.unary(|a: u32| a),
    }
}

fn is_clock(special: SpecialRegister) -> bool {
    use SpecialRegister::*;
    matches!(special, Clock | ClockHi | Clock64 | GlobalTimer | GlobalTimerLo | GlobalTimerHi)
}

/// The address of a variable or parameter in the function's frame, which is operand 1; generic
/// where `window` is that of a space.
fn frame_address(o: &mut Operands<'_>, window: u64) -> Lowered<Action> {
    let (operand, destination) = (o.operand(1)?, o.operand(0)?);
    let Some((space, offset)) = o.frame_offset(operand) else { return Err(o.unsupported("")) };
    let Some(destination) = o.any_destination(destination)? else { return Ok(Action::Nothing) };
    let window = match space {
        Space::Param => window + window::FRAME_PARAMETERS,
        _ => window,
    };
    Ok(Action::FrameAddress { destination, offset, window })
}

fn move_quad(o: &mut Operands<'_>) -> Lowered<Action> {
    let (destination, source) = (o.operand(0)?, o.operand(1)?);
    match (o.any_destination(destination)?, o.any_source(source, true)?) {
        (Some(AnySlot::Quad(d)), AnySlot::Quad(a)) => {
            let (d1, a1) = (Slot::<u64>::new(d.index + 1), Slot::<u64>::new(a.index + 1));
            Ok(Action::Compute(Box::new(move |registers, mask| {
                let (low, high) = (*registers.get(a), *registers.get(a1));
                registers.set(d, &low, mask);
                registers.set(d1, &high, mask);
            })))
        }
        (None, _) => Ok(Action::Nothing),
        _ => Err(o.unsupported("an operand has an unexpected width")),
    }
}

/// `mov.b32 d, {a, b}` and its like: the first element lowest.
fn pack(o: &mut Operands<'_>, scalar: ScalarType) -> Lowered<Action> {
    let elements = o.elements(1)?;
    let bits = scalar.bits() / elements.len() as u32;
    match (scalar.bits(), elements) {
        (32, [a, b]) => {
            let (d, a, b) = (o.destination::<u32>(0)?, o.source_of(a)?, o.source_of(b)?);
            Ok(Action::Compute(binary(d, (a, b), |a: u32, b: u32| a & 0xffff | b << 16)))
        }
        (64, [a, b]) => {
            let (d, a, b) = (o.destination::<u64>(0)?, o.source_of(a)?, o.source_of(b)?);
            let join = |a: u32, b: u32| u64::from(a) | u64::from(b) << 32;
            Ok(Action::Compute(binary(d, (a, b), join)))
        }
        (128, [a, b]) => {
            let (a, b): (Slot<u64>, Slot<u64>) = (o.source_of(a)?, o.source_of(b)?);
            let destination = o.operand(0)?;
            let Some(AnySlot::Quad(d)) = o.any_destination(destination)? else {
                return Ok(Action::Nothing);
            };
            let d1 = Slot::<u64>::new(d.index + 1);
            Ok(Action::Compute(Box::new(move |registers, mask| {
                let (low, high) = (*registers.get(a), *registers.get(b));
                registers.set(d, &low, mask);
                registers.set(d1, &high, mask);
            })))
        }
        _ => {
            let sources =
                elements.iter().map(|e| o.source_of::<u32>(e)).collect::<Lowered<Vec<_>>>()?;
            let destination = o.operand(0)?;
            let Some(d) = o.any_destination(destination)? else { return Ok(Action::Nothing) };
            Ok(Action::Compute(Box::new(move |registers, mask| {
                for lane in crate::exec::registers::lanes(mask) {
                    let join = |value: u64, (i, &slot): (usize, &Slot<u32>)| {
                        let element = u64::from(registers.get(slot)[lane]) & ((1 << bits) - 1);
                        value | element << (bits * i as u32)
                    };
                    let value = sources.iter().enumerate().fold(0, join);
                    registers.set_lane(d, lane, value);
                }
            })))
        }
    }
}

/// `mov.b32 {a, b}, d` and its like.
fn unpack(o: &mut Operands<'_>, scalar: ScalarType) -> Lowered<Action> {
    let elements = o.elements(0)?;
    let bits = scalar.bits() / elements.len() as u32;
    if scalar.bits() == 128 {
        let source = o.operand(1)?;
        let AnySlot::Quad(a) = o.any_source(source, true)? else {
            return Err(o.unsupported("an operand has an unexpected width"));
        };
        let halves = [a, Slot::new(a.index + 1)];
        let destinations = o.destinations::<u64, 2>(0)?;
        return Ok(Action::Compute(Box::new(move |registers, mask| {
            let values = halves.map(|half| *registers.get(half));
            for (d, value) in destinations.iter().zip(&values) {
                registers.set(*d, value, mask);
            }
        })));
    }
    let destinations =
        elements.iter().map(|e| o.destination_of::<u32>(e)).collect::<Lowered<Vec<_>>>()?;
    let source = o.operand(1)?;
    let a = o.any_source(source, scalar.bits() == 64)?;
    let ones = u32::MAX >> (32 - bits.min(32));
    Ok(Action::Compute(Box::new(move |registers, mask| {
        // A destination may be the source, so that is read before any is written.
        match a {
            AnySlot::Word(a) => {
                let value = *registers.get(a);
                for (i, &d) in destinations.iter().enumerate() {
                    registers.set(d, &value.map(|v| v >> (bits * i as u32) & ones), mask);
                }
            }
            AnySlot::Double(a) | AnySlot::Quad(a) => {
                let value = *registers.get(a);
                for (i, &d) in destinations.iter().enumerate() {
                    registers.set(d, &value.map(|v| (v >> (bits * i as u32)) as u32 & ones), mask);
                }
            }
        }
    })))
}

/// The space that a name's modifier says.
fn named_space(o: &Operands<'_>) -> Lowered<Space> {
    let mut words = o.name.modifiers().filter_map(|word| word.split("::").next());
    words.find_map(Space::from_name).ok_or_else(|| o.unsupported("the state space is missing"))
}

/// Lowers `cvta`.
pub(super) fn cvta(o: &mut Operands<'_>) -> Lowered<Action> {
    let base = window::base(named_space(o)?);
    if o.name.has("to") {
        return o.unary(move |a: u64| a.wrapping_sub(base));
    }
    let operand = o.operand(1)?;
    if o.frame_offset(operand).is_some() {
        return frame_address(o, base);
    }
    o.unary(move |a: u64| a.wrapping_add(base))
}

/// The bits of a shared address, generic or not, that are the rank of its block.
const RANK_BITS: u64 = 0xff << window::RANK_SHIFT;

/// Lowers `mapa`: the same place in another block of the cluster.
pub(super) fn mapa(o: &mut Operands<'_>) -> Lowered<Action> {
    let rank: Slot<u32> = o.source(2)?;
    match o.name.scalar().map(ScalarType::bits) {
        Some(64) => {
            let (d, a): (Slot<u64>, Slot<u64>) = (o.destination(0)?, o.source(1)?);
            Ok(Action::Compute(binary(d, (a, rank), |a: u64, rank: u32| {
                a & !RANK_BITS | u64::from(rank) << window::RANK_SHIFT & RANK_BITS
            })))
        }
        _ => {
            let (d, a): (Slot<u32>, Slot<u32>) = (o.destination(0)?, o.source(1)?);
            Ok(Action::Compute(binary(d, (a, rank), |a: u32, rank: u32| {
                a & !(RANK_BITS as u32) | rank << window::RANK_SHIFT
            })))
        }
    }
}

/// Lowers `getctarank`: the rank of the block that a shared address belongs to.
pub(super) fn getctarank(o: &mut Operands<'_>) -> Lowered<Action> {
    match o.name.scalar().map(ScalarType::bits) {
        Some(64) => o.unary(|a: u64| ((a & RANK_BITS) >> window::RANK_SHIFT) as u32),
        _ => o.unary(|a: u32| a >> window::RANK_SHIFT),
    }
}

/// Lowers `isspacep`.
pub(super) fn isspacep(o: &mut Operands<'_>) -> Lowered<Action> {
    let space = named_space(o)?;
    let d = o.predicates(0)?.0;
    let a: Slot<u64> = o.source(1)?;
    Ok(Action::Compute(Box::new(move |registers, mask| {
        let holds = compare(registers, (a, a), |a, _| window::space(a) == space);
        registers.set_predicate(d, holds, mask);
    })))
}

/// Lowers `createpolicy`: the policy is opaque and changes nothing here.
pub(super) fn createpolicy(o: &mut Operands<'_>) -> Lowered<Action> {
    let d: Slot<u64> = o.destination(0)?;
    Ok(Action::Compute(Box::new(move |registers, mask| registers.set(d, &[0; LANES], mask))))
}
