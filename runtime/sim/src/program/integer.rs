//! Integer arithmetic and bits.

use tilewright_codegen::ptx::{Opcode, ScalarType};

use super::code::Action;
use super::held::{Held, with_integer};
use super::operands::{CARRY, Lowered, Operands};
use crate::exec::registers::{LANES, Registers, Slot};
use crate::numeric::bits::{Overflow, Permute};
use crate::numeric::integer::{self, Integer};
use crate::numeric::{bits, packed};

/// Lowers an instruction on integers or bits.
pub(super) fn lower(o: &mut Operands<'_>) -> Lowered<Action> {
    let Some(scalar) = o.name.scalar() else { return Err(o.unsupported("")) };
    if matches!(scalar, ScalarType::U16x2 | ScalarType::S16x2) {
        return halves(o, scalar == ScalarType::S16x2);
    }
    match o.instruction.opcode() {
        Opcode::Mul | Opcode::Mad => multiply(o, scalar),
        Opcode::Mul24 | Opcode::Mad24 => multiply24(o, scalar),
        Opcode::Dp4a | Opcode::Dp2a => dot(o),
        Opcode::And | Opcode::Or | Opcode::Xor | Opcode::Not | Opcode::Cnot | Opcode::Lop3 => {
            logic(o, scalar)
        }
        Opcode::Shl | Opcode::Shr | Opcode::Shf => shift(o, scalar),
        Opcode::Popc | Opcode::Clz | Opcode::Bfind | Opcode::Brev => count(o, scalar),
        Opcode::Bfe | Opcode::Bfi | Opcode::Fns | Opcode::Prmt | Opcode::Szext | Opcode::Bmsk => {
            field(o, scalar)
        }
        _ => with_integer!(o, scalar, T => arithmetic::<T>(o)),
    }
}

fn arithmetic<T: Integer + Held>(o: &mut Operands<'_>) -> Lowered<Action> {
    let saturating = o.name.has("sat");
    let relu = o.name.has("relu");
    match o.instruction.opcode() {
        Opcode::Add if saturating => o.binary(integer::add_saturating::<T>),
        Opcode::Add => o.binary(integer::add::<T>),
        Opcode::Sub if saturating => o.binary(integer::subtract_saturating::<T>),
        Opcode::Sub => o.binary(integer::subtract::<T>),
        Opcode::Div => o.binary(integer::divide::<T>),
        Opcode::Rem => o.binary(integer::remainder::<T>),
        Opcode::Abs => o.unary(integer::absolute::<T>),
        Opcode::Neg => o.unary(integer::negate::<T>),
        Opcode::Min if relu => o.binary(|a: T, b| integer::relu(integer::minimum(a, b))),
        Opcode::Min => o.binary(integer::minimum::<T>),
        Opcode::Max if relu => o.binary(|a: T, b| integer::relu(integer::maximum(a, b))),
        Opcode::Max => o.binary(integer::maximum::<T>),
        Opcode::Sad => o.ternary(integer::sum_of_absolute_difference::<T>),
        _ => Err(o.unsupported("")),
    }
}

/// `.u16x2` and `.s16x2`.
fn halves(o: &mut Operands<'_>, signed: bool) -> Lowered<Action> {
    let relu = o.name.has("relu");
    let apply = move |value: i16| if relu { integer::relu(value) } else { value };
    match (o.instruction.opcode(), signed) {
        (Opcode::Add, _) => o.binary(|a, b| packed::halves2(a, b, integer::add::<u16>)),
        (Opcode::Min, false) => o.binary(|a, b| packed::halves2(a, b, integer::minimum::<u16>)),
        (Opcode::Max, false) => o.binary(|a, b| packed::halves2(a, b, integer::maximum::<u16>)),
        (Opcode::Min, true) => o.binary(move |a, b| {
            packed::halves2(a, b, |a, b| apply(integer::minimum(a as i16, b as i16)) as u16)
        }),
        (Opcode::Max, true) => o.binary(move |a, b| {
            packed::halves2(a, b, |a, b| apply(integer::maximum(a as i16, b as i16)) as u16)
        }),
        _ => Err(o.unsupported("")),
    }
}

fn multiply(o: &mut Operands<'_>, scalar: ScalarType) -> Lowered<Action> {
    if o.name.has("wide") {
        return match scalar {
            ScalarType::U16 => wide::<u16>(o),
            ScalarType::S16 => wide::<i16>(o),
            ScalarType::U32 => wide::<u32>(o),
            ScalarType::S32 => wide::<i32>(o),
            _ => Err(o.unsupported("this type")),
        };
    }
    let is_mad = o.instruction.opcode() == Opcode::Mad;
    if o.name.has("hi") && o.name.has("sat") {
        return o.ternary(integer::multiply_add_high_saturating);
    }
    with_integer!(o, scalar, T => match (is_mad, o.name.has("hi")) {
        (false, false) => o.binary(integer::multiply_low::<T>),
        (false, true) => o.binary(integer::multiply_high::<T>),
        (true, false) => o.ternary(integer::multiply_add_low::<T>),
        (true, true) => o.ternary(integer::multiply_add_high::<T>),
    })
}

fn wide<T: Integer + Held>(o: &mut Operands<'_>) -> Lowered<Action>
where
    T::Wide: Held,
{
    match o.instruction.opcode() {
        Opcode::Mad => o.ternary(integer::multiply_add_wide::<T>),
        _ => o.binary(integer::multiply_wide::<T>),
    }
}

fn multiply24(o: &mut Operands<'_>, scalar: ScalarType) -> Lowered<Action> {
    if o.name.has("sat") {
        return o.ternary(integer::multiply_add24_high_saturating);
    }
    let is_mad = o.instruction.opcode() == Opcode::Mad24;
    let high = o.name.has("hi");
    match scalar {
        ScalarType::S32 => multiply24_of::<i32>(o, is_mad, high),
        _ => multiply24_of::<u32>(o, is_mad, high),
    }
}

fn multiply24_of<T: Integer + Held>(
    o: &mut Operands<'_>,
    is_mad: bool,
    high: bool,
) -> Lowered<Action> {
    match (is_mad, high) {
        (false, false) => o.binary(integer::multiply24_low::<T>),
        (false, true) => o.binary(integer::multiply24_high::<T>),
        (true, false) => o.ternary(integer::multiply_add24_low::<T>),
        (true, true) => o.ternary(integer::multiply_add24_high::<T>),
    }
}

fn dot(o: &mut Operands<'_>) -> Lowered<Action> {
    let mut signed = o.name.types().map(|scalar| scalar == ScalarType::S32);
    let (a_signed, b_signed) = (signed.next() == Some(true), signed.next() == Some(true));
    if o.instruction.opcode() == Opcode::Dp4a {
        return o.ternary(move |a, b, c| integer::dot4(a, b, c, a_signed, b_signed));
    }
    let high = o.name.has("hi");
    o.ternary(move |a, b, c| integer::dot2(a, b, c, a_signed, b_signed, high))
}

fn logic(o: &mut Operands<'_>, scalar: ScalarType) -> Lowered<Action> {
    match o.instruction.opcode() {
        Opcode::Lop3 => lop3(o),
        Opcode::Cnot => with_integer!(o, scalar, T => o.unary(bits::logical_not::<T>)),
        _ if scalar == ScalarType::Pred => predicate_logic(o),
        _ if scalar.bits() == 64 => logic_of::<u64>(o, u64::MAX),
        _ => logic_of::<u32>(o, (u64::MAX >> (64 - scalar.bits())) as u32),
    }
}

/// `width` has ones where the type has bits.
fn logic_of<T>(o: &mut Operands<'_>, width: T) -> Lowered<Action>
where
    T: Held
        + std::ops::BitAnd<Output = T>
        + std::ops::BitOr<Output = T>
        + std::ops::BitXor<Output = T>,
{
    match o.instruction.opcode() {
        Opcode::And => o.binary(|a: T, b: T| a & b),
        Opcode::Or => o.binary(|a: T, b: T| a | b),
        Opcode::Xor => o.binary(|a: T, b: T| a ^ b),
        _ => o.unary(move |a: T| a ^ width),
    }
}

fn predicate_logic(o: &mut Operands<'_>) -> Lowered<Action> {
    let destination = o.predicates(0)?.0;
    let a = o.condition(1)?;
    if o.instruction.opcode() == Opcode::Not {
        return Ok(Action::Compute(Box::new(move |registers, mask| {
            let value = !registers.holds(a);
            registers.set_predicate(destination, value, mask);
        })));
    }
    let b = o.condition(2)?;
    let combine = match o.instruction.opcode() {
        Opcode::And => |a: u32, b: u32| a & b,
        Opcode::Or => |a: u32, b: u32| a | b,
        _ => |a: u32, b: u32| a ^ b,
    };
    Ok(Action::Compute(Box::new(move |registers, mask| {
        let value = combine(registers.holds(a), registers.holds(b));
        registers.set_predicate(destination, value, mask);
    })))
}

fn lop3(o: &mut Operands<'_>) -> Lowered<Action> {
    let boolean = o.name.first_of(&["and", "or"]);
    let (d, p) = o.destination_pair::<u32>(0)?;
    let (a, b, c) = (o.source::<u32>(1)?, o.source::<u32>(2)?, o.source::<u32>(3)?);
    let table = o.immediate(4)? as u8;
    let q = match boolean {
        Some(_) => Some(o.condition(5)?),
        None => None,
    };
    let either = boolean == Some("or");
    Ok(Action::Compute(Box::new(move |registers, mask| {
        let (x, y, z) = (registers.get(a), registers.get(b), registers.get(c));
        let mut result = [0; LANES];
        for lane in 0..LANES {
            result[lane] = bits::logic3(x[lane], y[lane], z[lane], table);
        }
        if let Some(q) = q {
            let nonzero = (0..LANES).fold(0, |m, lane| m | u32::from(result[lane] != 0) << lane);
            let q = registers.holds(q);
            registers.set_predicate(p, if either { nonzero | q } else { nonzero & q }, mask);
        }
        registers.set(d, &result, mask);
    })))
}

fn shift(o: &mut Operands<'_>, scalar: ScalarType) -> Lowered<Action> {
    match o.instruction.opcode() {
        Opcode::Shl => with_integer!(o, scalar, T => o.binary(bits::shift_left::<T>)),
        Opcode::Shr => with_integer!(o, scalar, T => o.binary(bits::shift_right::<T>)),
        _ => {
            let overflow = overflow(o);
            if o.name.has("l") {
                o.ternary(move |a, b, c| bits::funnel_shift_left(a, b, c, overflow))
            } else {
                o.ternary(move |a, b, c| bits::funnel_shift_right(a, b, c, overflow))
            }
        }
    }
}

fn overflow(o: &Operands<'_>) -> Overflow {
    if o.name.has("clamp") { Overflow::Clamp } else { Overflow::Wrap }
}

fn count(o: &mut Operands<'_>, scalar: ScalarType) -> Lowered<Action> {
    let shift_amount = o.name.has("shiftamt");
    match o.instruction.opcode() {
        Opcode::Popc => with_integer!(o, scalar, T => o.unary(bits::count_ones::<T>)),
        Opcode::Clz => with_integer!(o, scalar, T => o.unary(bits::leading_zeros::<T>)),
        Opcode::Brev => with_integer!(o, scalar, T => o.unary(bits::reverse::<T>)),
        _ => with_integer!(o, scalar, T => {
            o.unary(move |a: T| bits::find_highest(a, shift_amount))
        }),
    }
}

fn field(o: &mut Operands<'_>, scalar: ScalarType) -> Lowered<Action> {
    let overflow = overflow(o);
    match o.instruction.opcode() {
        Opcode::Bfe => with_integer!(o, scalar, T => o.ternary(bits::extract_field::<T>)),
        Opcode::Bfi if scalar.bits() == 64 => insert::<u64>(o),
        Opcode::Bfi => insert::<u32>(o),
        Opcode::Fns => o.ternary(bits::find_nth_set),
        Opcode::Szext => {
            let signed = scalar.is_signed();
            o.binary(move |a, b| bits::extend(a, b, signed, overflow))
        }
        Opcode::Bmsk => o.binary(move |a, b| bits::mask(a, b, overflow)),
        _ => {
            let mode = match o.name.first_of(&["f4e", "b4e", "rc8", "ecl", "ecr", "rc16"]) {
                Some("f4e") => Permute::ForwardFourExtract,
                Some("b4e") => Permute::BackwardFourExtract,
                Some("rc8") => Permute::ReplicateByte,
                Some("ecl") => Permute::EdgeClampLeft,
                Some("ecr") => Permute::EdgeClampRight,
                Some("rc16") => Permute::ReplicateHalf,
                _ => return o.ternary(|a, b, c| bits::permute(a, b, c, Permute::Any)),
            };
            o.ternary(move |a, b, c| bits::permute(a, b, c, mode))
        }
    }
}

fn insert<T: Integer + Held>(o: &mut Operands<'_>) -> Lowered<Action> {
    let (d, a, b) =
        (o.destination::<T::Lane>(0)?, o.source::<T::Lane>(1)?, o.source::<T::Lane>(2)?);
    let (position, length): (Slot<u32>, Slot<u32>) = (o.source(3)?, o.source(4)?);
    Ok(Action::Compute(Box::new(move |registers, mask| {
        let (a, b) = (registers.get(a), registers.get(b));
        let (position, length) = (registers.get(position), registers.get(length));
        let result = std::array::from_fn(|lane| {
            let (a, b) = (T::take(a[lane]), T::take(b[lane]));
            bits::insert_field(a, b, position[lane], length[lane]).give()
        });
        registers.set(d, &result, mask);
    })))
}

/// Lowers `add.cc`, `addc`, `sub.cc`, `subc`, `mad.cc` and `madc`.
pub(super) fn lower_carry(o: &mut Operands<'_>) -> Lowered<Action> {
    let Some(scalar) = o.name.scalar() else { return Err(o.unsupported("")) };
    match scalar.bits() {
        64 => carry_of::<u64>(o, scalar),
        _ => carry_of::<u32>(o, scalar),
    }
}

fn carry_of<T: Integer + Held>(o: &mut Operands<'_>, scalar: ScalarType) -> Lowered<Action> {
    let carries_out = o.name.has("cc");
    let high = o.name.has("hi");
    let signed = scalar.is_signed();
    match o.instruction.opcode() {
        Opcode::AddCarryOut => {
            chain::<T, 2>(o, false, true, |[a, b], c| integer::add_with_carry(a, b, c))
        }
        Opcode::AddCarry => {
            chain::<T, 2>(o, true, carries_out, |[a, b], c| integer::add_with_carry(a, b, c))
        }
        Opcode::SubBorrowOut => {
            chain::<T, 2>(o, false, true, |[a, b], c| integer::subtract_with_borrow(a, b, c))
        }
        Opcode::SubBorrow => {
            chain::<T, 2>(o, true, carries_out, |[a, b], c| integer::subtract_with_borrow(a, b, c))
        }
        opcode => {
            let carries_in = opcode == Opcode::MadCarry;
            chain::<T, 3>(o, carries_in, carries_out, move |[a, b, c], carry| {
                let product = match (high, signed) {
                    (false, _) => integer::multiply_low(a, b),
                    (true, false) => integer::multiply_high(a, b),
                    (true, true) => signed_high(a, b),
                };
                integer::add_with_carry(product, c, carry)
            })
        }
    }
}

/// The high half of a product of signed numbers given as unsigned ones.
fn signed_high<T: Integer>(a: T, b: T) -> T {
    match T::BITS {
        32 => T::from_bits(integer::multiply_high(a.bits() as i32, b.bits() as i32).bits()),
        _ => T::from_bits(integer::multiply_high(a.bits() as i64, b.bits() as i64).bits()),
    }
}

/// An instruction of an extended-precision chain; its sources are operands 1 to `N`.
fn chain<T: Integer + Held, const N: usize>(
    o: &mut Operands<'_>,
    carries_in: bool,
    carries_out: bool,
    f: impl Fn([T; N], bool) -> (T, bool) + Send + Sync + 'static,
) -> Lowered<Action> {
    let d = o.destination::<T::Lane>(0)?;
    let mut sources = [Slot::<T::Lane>::new(0); N];
    for (i, source) in sources.iter_mut().enumerate() {
        *source = o.source(1 + i)?;
    }
    Ok(Action::Compute(Box::new(move |registers: &mut Registers, mask| {
        let carry_in = if carries_in { registers.predicates[CARRY.0 as usize] } else { 0 };
        let mut carry_out = 0;
        let result = std::array::from_fn(|lane| {
            let operands = sources.map(|source| T::take(registers.get(source)[lane]));
            let (value, carry) = f(operands, carry_in >> lane & 1 != 0);
            carry_out |= u32::from(carry) << lane;
            value.give()
        });
        registers.set(d, &result, mask);
        if carries_out {
            registers.set_predicate(CARRY, carry_out, mask);
        }
    })))
}
