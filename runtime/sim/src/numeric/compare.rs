//! *Comparison and Selection Instructions*: `setp`, `set`, `slct`.

use super::format::Format;
use super::integer::Integer;

/// A comparison; *Comparison Operators*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    /// `.equ`: equal or a NaN among the operands; so the other unordered ones.
    EqualUnordered,
    NotEqualUnordered,
    LessUnordered,
    LessEqualUnordered,
    GreaterUnordered,
    GreaterEqualUnordered,
    /// `.num`: neither operand is NaN.
    Number,
    /// `.nan`: an operand is NaN.
    NotANumber,
}

const LESS: u8 = 1;
const EQUAL: u8 = 2;
const GREATER: u8 = 4;
const UNORDERED: u8 = 8;

impl Comparison {
    /// The comparison that PTX spells so; `lo`, `ls`, `hi`, `hs` are `lt`, `le`, `gt`, `ge` on
    /// unsigned integers.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "eq" => Self::Equal,
            "ne" => Self::NotEqual,
            "lt" | "lo" => Self::Less,
            "le" | "ls" => Self::LessEqual,
            "gt" | "hi" => Self::Greater,
            "ge" | "hs" => Self::GreaterEqual,
            "equ" => Self::EqualUnordered,
            "neu" => Self::NotEqualUnordered,
            "ltu" => Self::LessUnordered,
            "leu" => Self::LessEqualUnordered,
            "gtu" => Self::GreaterUnordered,
            "geu" => Self::GreaterEqualUnordered,
            "num" => Self::Number,
            "nan" => Self::NotANumber,
            _ => return None,
        })
    }

    /// The outcomes under which it holds.
    const fn outcomes(self) -> u8 {
        match self {
            Self::Equal => EQUAL,
            Self::NotEqual => LESS | GREATER,
            Self::Less => LESS,
            Self::LessEqual => LESS | EQUAL,
            Self::Greater => GREATER,
            Self::GreaterEqual => GREATER | EQUAL,
            Self::EqualUnordered => EQUAL | UNORDERED,
            Self::NotEqualUnordered => LESS | GREATER | UNORDERED,
            Self::LessUnordered => LESS | UNORDERED,
            Self::LessEqualUnordered => LESS | EQUAL | UNORDERED,
            Self::GreaterUnordered => GREATER | UNORDERED,
            Self::GreaterEqualUnordered => GREATER | EQUAL | UNORDERED,
            Self::Number => LESS | EQUAL | GREATER,
            Self::NotANumber => UNORDERED,
        }
    }

    #[inline(always)]
    fn holds(self, less: bool, equal: bool, unordered: bool) -> bool {
        let outcomes = self.outcomes();
        let greater = !(less | equal | unordered);
        (less & (outcomes & LESS != 0))
            | (equal & (outcomes & EQUAL != 0))
            | (greater & (outcomes & GREATER != 0))
            | (unordered & (outcomes & UNORDERED != 0))
    }
}

/// Compares floating-point numbers; zeros of either sign are equal. `flush` is `.ftz`.
///
/// ```
/// use tilewright_sim::numeric::{Comparison, F32, compare};
/// let (one, nan) = (1.0_f32.to_bits(), f32::NAN.to_bits());
/// assert!(!compare::float::<F32>(Comparison::Less, one, nan, false));
/// assert!(compare::float::<F32>(Comparison::LessUnordered, one, nan, false));
/// ```
#[inline(always)]
pub fn float<F: Format>(comparison: Comparison, a: F::Bits, b: F::Bits, flush: bool) -> bool {
    let (a, b) = if flush { (F::flush(a), F::flush(b)) } else { (a, b) };
    let unordered = F::is_nan(a) | F::is_nan(b);
    let (x, y) = (order::<F>(a), order::<F>(b));
    comparison.holds((x < y) & !unordered, (x == y) & !unordered, unordered)
}

/// Orders numbers as signed integers, zeros of either sign equal.
#[inline(always)]
fn order<F: Format>(bits: F::Bits) -> i64 {
    let magnitude = F::magnitude(bits) as i64;
    if F::is_negative(bits) { -magnitude } else { magnitude }
}

/// Compares integers.
#[inline(always)]
pub fn integer<T: Integer>(comparison: Comparison, a: T, b: T) -> bool {
    comparison.holds(a < b, a == b, false)
}

/// How `setp` and `set` combine a comparison with a predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Combine {
    /// `.and`.
    And,
    /// `.or`.
    Or,
    /// `.xor`.
    Xor,
}

impl Combine {
    /// The combination.
    #[inline(always)]
    pub fn apply(self, compared: bool, predicate: bool) -> bool {
        match self {
            Self::And => compared & predicate,
            Self::Or => compared | predicate,
            Self::Xor => compared ^ predicate,
        }
    }
}

/// What `set` writes to an `.f32`: 1.0 where it holds, else 0.
pub const fn set_f32(holds: bool) -> u32 {
    if holds { 0x3f80_0000 } else { 0 }
}

/// What `set` writes to an integer: all ones where it holds, else 0.
pub const fn set_integer(holds: bool) -> u32 {
    if holds { u32::MAX } else { 0 }
}

/// `slct` with an `.s32` selector: whether the first operand is chosen.
pub const fn selects_first_s32(selector: i32) -> bool {
    selector >= 0
}

/// `slct` with an `.f32` selector: whether the first operand is chosen. −0 chooses it, NaN does
/// not. A negative subnormal number does under `.ftz` only.
pub fn selects_first_f32(selector: u32, flush: bool) -> bool {
    float::<super::F32>(Comparison::GreaterEqual, selector, 0, flush)
}
