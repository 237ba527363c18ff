//! *Logic and Shift Instructions*, and the integer instructions that look at bits.

use super::integer::Integer;

/// `shl` on an unsigned type; an amount of the width or more gives 0.
#[inline(always)]
pub fn shift_left<T: Integer>(a: T, amount: u32) -> T {
    T::from_bits(if amount < T::BITS { a.bits() << amount } else { 0 })
}

/// `shr`: fills with the sign of a signed type, else with 0; an amount beyond the width counts
/// as the width.
#[inline(always)]
pub fn shift_right<T: Integer>(a: T, amount: u32) -> T {
    if amount < T::BITS {
        a.shifted_right(amount)
    } else if T::SIGNED {
        a.shifted_right(T::BITS - 1)
    } else {
        T::from_bits(0)
    }
}

/// What becomes of an amount of 32 or more: `.clamp` or `.wrap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// 32 and more count as 32.
    Clamp,
    /// Only the low five bits count.
    Wrap,
}

/// `shf.l`: the high half of the 64 bits {b, a} shifted left.
#[inline(always)]
pub fn funnel_shift_left(a: u32, b: u32, amount: u32, overflow: Overflow) -> u32 {
    let amount = funnel_amount(amount, overflow);
    ((u64::from(b) << 32 | u64::from(a)) << amount >> 32) as u32
}

/// `shf.r`: the low half of the 64 bits {b, a} shifted right.
#[inline(always)]
pub fn funnel_shift_right(a: u32, b: u32, amount: u32, overflow: Overflow) -> u32 {
    let amount = funnel_amount(amount, overflow);
    ((u64::from(b) << 32 | u64::from(a)) >> amount) as u32
}

#[inline(always)]
fn funnel_amount(amount: u32, overflow: Overflow) -> u32 {
    match overflow {
        Overflow::Clamp => amount.min(32),
        Overflow::Wrap => amount & 31,
    }
}

/// `cnot`: 1 for 0, else 0.
#[inline(always)]
pub fn logical_not<T: Integer>(a: T) -> T {
    T::from_bits(u64::from(a.bits() == 0))
}

/// `lop3`: bit i of the result is bit 4·aᵢ + 2·bᵢ + cᵢ of `table`.
#[inline(always)]
pub fn logic3(a: u32, b: u32, c: u32, table: u8) -> u32 {
    let select = |index: u8| if table >> index & 1 == 1 { u32::MAX } else { 0 };
    let pair = |high: u8| (select(high) & !c) | (select(high + 1) & c);
    let quad = |high: u8| (pair(high) & !b) | (pair(high + 2) & b);
    (quad(0) & !a) | (quad(4) & a)
}

/// `bfe`: `length` bits of a from `position`, extended by the field's sign for a signed type.
/// Only the low eight bits of `position` and `length` count.
#[inline(always)]
pub fn extract_field<T: Integer>(a: T, position: u32, length: u32) -> T {
    let (position, length) = (position & 0xff, length & 0xff);
    if length == 0 {
        return T::from_bits(0);
    }
    let last = (position + length - 1).min(T::BITS - 1);
    if position >= T::BITS {
        return if T::SIGNED { a.shifted_right(T::BITS - 1) } else { T::from_bits(0) };
    }
    // The field moved to the top, so that the shift down extends it.
    let top = shift_left(a, T::BITS - 1 - last);
    top.shifted_right(T::BITS - 1 - last + position)
}

/// `bfi`: b with `length` of its bits from `position` replaced by the low bits of a. Only the low
/// eight bits of `position` and `length` count.
#[inline(always)]
pub fn insert_field<T: Integer>(a: T, b: T, position: u32, length: u32) -> T {
    let (position, length) = (position & 0xff, length & 0xff);
    if position >= T::BITS {
        return b;
    }
    let field = if length >= 64 { u64::MAX } else { (1 << length) - 1 };
    let mask = field << position;
    T::from_bits(b.bits() & !mask | a.bits() << position & mask)
}

/// `bfind`: the position of the highest bit that differs from the sign, all ones where none does.
/// With `shift_amount` (`.shiftamt`), how far left it must be shifted to become the highest.
#[inline(always)]
pub fn find_highest<T: Integer>(a: T, shift_amount: bool) -> u32 {
    let bits = if a < T::from_bits(0) { !a.extended() } else { a.bits() };
    match bits.checked_ilog2() {
        None => u32::MAX,
        Some(position) if shift_amount => T::BITS - 1 - position,
        Some(position) => position,
    }
}

/// `popc`: the number of ones.
#[inline(always)]
pub fn count_ones<T: Integer>(a: T) -> u32 {
    a.bits().count_ones()
}

/// `clz`: the number of zeros above the highest one.
#[inline(always)]
pub fn leading_zeros<T: Integer>(a: T) -> u32 {
    a.bits().leading_zeros() - (64 - T::BITS)
}

/// `brev`: the bits in reverse order.
#[inline(always)]
pub fn reverse<T: Integer>(a: T) -> T {
    T::from_bits(a.bits().reverse_bits() >> (64 - T::BITS))
}

/// `fns`: the position of the |offset|-th one of `mask`, counting from `base` upwards, or
/// downwards where `offset` is negative; an offset of 0 asks for `base` itself. All ones where
/// there is none. PTX leaves a base above 31 open; nothing is found there.
pub fn find_nth_set(mask: u32, base: u32, offset: i32) -> u32 {
    let is_set = |position: &u32| mask >> position & 1 == 1;
    let skipped = offset.unsigned_abs().saturating_sub(1) as usize;
    let found = match offset {
        _ if base > 31 => None,
        0 => Some(base).filter(is_set),
        1.. => (base..32).filter(is_set).nth(skipped),
        _ => (0..=base).rev().filter(is_set).nth(skipped),
    };
    found.unwrap_or(u32::MAX)
}

/// `szext`: the low `width` bits of a, extended by their sign where `signed`.
#[inline(always)]
pub fn extend(a: u32, width: u32, signed: bool, overflow: Overflow) -> u32 {
    if overflow == Overflow::Clamp && width >= 32 {
        return a;
    }
    match (width & 31, signed) {
        (0, _) => 0,
        (width, true) => ((a << (32 - width)) as i32 >> (32 - width)) as u32,
        (width, false) => a << (32 - width) >> (32 - width),
    }
}

/// `bmsk`: `width` ones from bit `position` up.
#[inline(always)]
pub fn mask(position: u32, width: u32, overflow: Overflow) -> u32 {
    let (position, width) = match overflow {
        Overflow::Clamp => (position.min(32), width.min(32)),
        Overflow::Wrap => (position & 31, width & 31),
    };
    (((1_u64 << width) - 1) << position) as u32
}

/// How `prmt` reads its selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Permute {
    /// No mode: four selectors of four bits; the high bit replicates the byte's sign.
    Any,
    /// `.f4e`.
    ForwardFourExtract,
    /// `.b4e`.
    BackwardFourExtract,
    /// `.rc8`.
    ReplicateByte,
    /// `.ecl`.
    EdgeClampLeft,
    /// `.ecr`.
    EdgeClampRight,
    /// `.rc16`.
    ReplicateHalf,
}

/// `prmt`: four of the eight bytes {b, a}, byte 0 the lowest of a.
#[inline(always)]
pub fn permute(a: u32, b: u32, selector: u32, mode: Permute) -> u32 {
    let source = u64::from(b) << 32 | u64::from(a);
    let control = selector & 3;
    let select = |i: u32| match mode {
        Permute::Any => selector >> (4 * i) & 0xf,
        Permute::ForwardFourExtract => control + i,
        Permute::BackwardFourExtract => control.wrapping_sub(i) & 7,
        Permute::ReplicateByte => control,
        Permute::EdgeClampLeft => control.max(i),
        Permute::EdgeClampRight => control.min(i),
        Permute::ReplicateHalf => (control & 1) * 2 + (i & 1),
    };
    (0..4).fold(0, |result, i| {
        let chosen = select(i);
        let byte = (source >> (8 * (chosen & 7))) as u8;
        let byte = if chosen & 8 != 0 { (byte as i8 >> 7) as u8 } else { byte };
        result | u32::from(byte) << (8 * i)
    })
}
