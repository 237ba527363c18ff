//! Instructions that exchange values between the lanes of a warp.
//!
//! Their closures get the lanes that take part: those that execute the instruction with the same
//! member mask, and that mask covers.

use tilewright_codegen::ptx::{Opcode, ScalarType};

use super::code::{Action, Convergence};
use super::operands::{Lowered, Operands};
use crate::exec::registers::{AnySlot, LANES, Slot, lanes};
use crate::numeric::F32;
use crate::numeric::float::{self, Extremum};

/// Lowers `shfl`, `vote`, `match`, `redux`, `elect` and `activemask`.
pub(super) fn lower(o: &mut Operands<'_>) -> Lowered<(Action, Convergence)> {
    if o.instruction.opcode() == Opcode::Activemask {
        let d: Slot<u32> = o.destination(0)?;
        let action = Action::Compute(Box::new(move |registers, mask| {
            registers.set(d, &[mask; LANES], mask);
        }));
        return Ok((action, Convergence::Free));
    }
    if !o.name.has("sync") {
        return Err(o.unsupported("forms without .sync ended with sm_70"));
    }
    let (action, members) = match o.instruction.opcode() {
        Opcode::Shfl => (shuffle(o)?, 4),
        Opcode::Vote => (vote(o)?, 2),
        Opcode::Match => (matching(o)?, 2),
        Opcode::Redux => (reduce(o)?, 2),
        _ => (elect(o)?, 1),
    };
    Ok((action, Convergence::Members(o.source(members)?)))
}

/// The direction of a `shfl`.
#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
    Butterfly,
    Index,
}

impl Direction {
    /// The lane that `lane` reads, and whether it lies in its segment; *shfl.sync*.
    fn source(self, lane: u32, b: u32, c: u32) -> (u32, bool) {
        let (b, clamp, segment) = (b & 0x1f, c & 0x1f, c >> 8 & 0x1f);
        let last = lane & segment | clamp & !segment;
        let (source, inside) = match self {
            Self::Up => (lane.wrapping_sub(b), lane as i32 - b as i32 >= last as i32),
            Self::Down => (lane + b, lane + b <= last),
            Self::Butterfly => (lane ^ b, lane ^ b <= last),
            Self::Index => {
                let source = lane & segment | b & !segment;
                (source, source <= last)
            }
        };
        (if inside { source & 0x1f } else { lane }, inside)
    }
}

fn shuffle(o: &mut Operands<'_>) -> Lowered<Action> {
    let direction = match o.name.first_of(&["up", "down", "bfly", "idx"]) {
        Some("up") => Direction::Up,
        Some("down") => Direction::Down,
        Some("bfly") => Direction::Butterfly,
        _ => Direction::Index,
    };
    let (d, p) = o.destination_pair::<u32>(0)?;
    let (a, b, c): (Slot<u32>, Slot<u32>, Slot<u32>) = (o.source(1)?, o.source(2)?, o.source(3)?);
    Ok(Action::Exchange(Box::new(move |registers, mask| {
        let (a, b, c) = (registers.get(a), registers.get(b), registers.get(c));
        let (mut result, mut within, mut lost) = ([0; LANES], 0, 0);
        for lane in 0..LANES {
            let (source, inside) = direction.source(lane as u32, b[lane], c[lane]);
            result[lane] = a[source as usize];
            within |= u32::from(inside) << lane;
            lost |= u32::from(mask >> source & 1 == 0) << lane;
        }
        registers.set(d, &result, mask);
        registers.set_predicate(p, within, mask);
        lost & mask
    })))
}

fn vote(o: &mut Operands<'_>) -> Lowered<Action> {
    let condition = o.condition(1)?;
    if o.name.has("ballot") {
        let d: Slot<u32> = o.destination(0)?;
        return Ok(Action::Exchange(Box::new(move |registers, mask| {
            let ballot = registers.holds(condition) & mask;
            registers.set(d, &[ballot; LANES], mask);
            0
        })));
    }
    let outcome = match o.name.first_of(&["all", "any", "uni"]) {
        Some("all") => |votes: u32, mask: u32| votes == mask,
        Some("any") => |votes: u32, _| votes != 0,
        _ => |votes: u32, mask: u32| votes == 0 || votes == mask,
    };
    let d = o.predicates(0)?.0;
    Ok(Action::Exchange(Box::new(move |registers, mask| {
        let votes = registers.holds(condition) & mask;
        let value = if outcome(votes, mask) { u32::MAX } else { 0 };
        registers.set_predicate(d, value, mask);
        0
    })))
}

fn matching(o: &mut Operands<'_>) -> Lowered<Action> {
    let (d, p) = o.destination_pair::<u32>(0)?;
    let all = o.name.has("all");
    let wide = o.name.scalar().map(ScalarType::bits) == Some(64);
    let operand = o.operand(1)?;
    let a: AnySlot = o.any_source(operand, wide)?;
    Ok(Action::Exchange(Box::new(move |registers, mask| {
        let values = registers.wide(a);
        let equal = |lane: usize| {
            lanes(mask).filter(|&other| values[other] == values[lane]).fold(0, |m, l| m | 1 << l)
        };
        let mut result: [u32; LANES] = std::array::from_fn(equal);
        if all {
            let agree = lanes(mask).all(|lane| result[lane] == mask);
            result = [if agree { mask } else { 0 }; LANES];
            registers.set_predicate(p, if agree { u32::MAX } else { 0 }, mask);
        }
        registers.set(d, &result, mask);
        0
    })))
}

fn reduce(o: &mut Operands<'_>) -> Lowered<Action> {
    let signed = match o.name.scalar() {
        Some(ScalarType::F32) => return reduce_singles(o),
        Some(ScalarType::S32) => true,
        Some(ScalarType::U32 | ScalarType::B32) => false,
        _ => return Err(o.unsupported("this type")),
    };
    let combine: fn(u32, u32) -> u32 =
        match (o.name.first_of(&["add", "min", "max", "and", "or", "xor"]), signed) {
            (Some("add"), _) => u32::wrapping_add,
            (Some("min"), true) => |a, b| (a as i32).min(b as i32) as u32,
            (Some("min"), false) => |a, b| a.min(b),
            (Some("max"), true) => |a, b| (a as i32).max(b as i32) as u32,
            (Some("max"), false) => |a, b| a.max(b),
            (Some("and"), _) => |a, b| a & b,
            (Some("or"), _) => |a, b| a | b,
            (Some("xor"), _) => |a, b| a ^ b,
            _ => return Err(o.unsupported("")),
        };
    let (d, a): (Slot<u32>, Slot<u32>) = (o.destination(0)?, o.source(1)?);
    Ok(Action::Exchange(Box::new(move |registers, mask| {
        let values = registers.get(a);
        let total = lanes(mask).map(|lane| values[lane]).reduce(combine).unwrap_or(0);
        registers.set(d, &[total; LANES], mask);
        0
    })))
}

/// `redux` of `.f32`, with `.abs` of the magnitudes.
fn reduce_singles(o: &mut Operands<'_>) -> Lowered<Action> {
    let how = Extremum { propagate_nan: o.name.has("NaN"), ..Extremum::default() };
    let choose = if o.name.has("min") { float::minimum::<F32> } else { float::maximum::<F32> };
    let kept = if o.name.has("abs") { !(1 << 31) } else { u32::MAX };
    let (d, a): (Slot<u32>, Slot<u32>) = (o.destination(0)?, o.source(1)?);
    Ok(Action::Exchange(Box::new(move |registers, mask| {
        let values = registers.get(a);
        // Beginning with the first makes a NaN canonical where there is nothing else.
        let first = values[mask.trailing_zeros() as usize % LANES] & kept;
        let total = lanes(mask).fold(first, |total, lane| choose(total, values[lane] & kept, how));
        registers.set(d, &[total; LANES], mask);
        0
    })))
}

fn elect(o: &mut Operands<'_>) -> Lowered<Action> {
    let (d, p) = o.destination_pair::<u32>(0)?;
    Ok(Action::Exchange(Box::new(move |registers, mask| {
        // Which lane is elected is unspecified, but always the same of one mask.
        let leader = mask.trailing_zeros();
        registers.set(d, &[leader; LANES], mask);
        registers.set_predicate(p, 1 << leader, mask);
        0
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffles_read_within_their_segment() {
        // Segments of 8 lanes: c = ((32 - 8) << 8) | clamp.
        let down = |lane, b| Direction::Down.source(lane, b, 24 << 8 | 7 | 24 << 8);
        assert_eq!(down(8, 3), (11, true));
        assert_eq!(down(14, 3), (14, false));
        let up = |lane, b| Direction::Up.source(lane, b, 24 << 8);
        assert_eq!(up(8, 1), (8, false));
        assert_eq!(up(9, 1), (8, true));
        assert_eq!(Direction::Index.source(17, 2, 24 << 8 | 31), (18, true));
        assert_eq!(Direction::Butterfly.source(5, 16, 31), (21, true));
        // A clamp beyond 31 counts by its low bits only.
        assert_eq!(Direction::Butterfly.source(5, 1, 7199), (4, true));
    }
}
