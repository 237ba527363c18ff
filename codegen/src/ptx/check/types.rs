//! What a register may hold, and the bits of a constant.

use crate::ptx::tree::Literal;
use crate::ptx::{ScalarType, TypeClass};

/// Whether a register of type `register` may stand for an operand of type `ty`; `relaxed` admits
/// wider registers, as `ld`, `st` and `cvt` do (PTX ISA, *Operand Size Exceeding Instruction-Type
/// Size*).
pub(super) fn holds(register: ScalarType, ty: ScalarType, relaxed: bool) -> bool {
    let fits = match relaxed {
        true => register.bits() >= ty.bits(),
        false => register.bits() == ty.bits(),
    };
    let is_bits = register.class() == TypeClass::Bits;
    let is_predicate = register.class() == TypeClass::Predicate;
    match ty.class() {
        TypeClass::Predicate => is_predicate,
        _ if is_predicate => false,
        TypeClass::Bits if is_untyped(ty) => fits,
        TypeClass::Bits => fits && is_bits,
        TypeClass::Integer => fits && (is_bits || register.class() == TypeClass::Integer),
        TypeClass::Float => register == ty || (fits && is_bits),
    }
}

/// The type of registers that an operand of type `ty` is declared with.
pub(super) fn register_type(ty: ScalarType) -> ScalarType {
    match ty.class() {
        TypeClass::Bits if !is_untyped(ty) => match ty.bits() {
            8 => ScalarType::B8,
            16 => ScalarType::B16,
            32 => ScalarType::B32,
            _ => ScalarType::B64,
        },
        _ => ty,
    }
}

/// `.b8` to `.b128`, which any register of the size may hold; a packed type such as `.bf16x2` is
/// stricter.
fn is_untyped(ty: ScalarType) -> bool {
    use ScalarType::*;
    matches!(ty, B8 | B16 | B32 | B64 | B128)
}

/// Whether a register may be declared with this type.
pub(super) fn is_register_type(ty: ScalarType) -> bool {
    use ScalarType::*;
    is_fundamental(ty) || ty == Pred
}

/// Whether a variable may be declared with this type.
pub(super) fn is_fundamental(ty: ScalarType) -> bool {
    use ScalarType::*;
    matches!(
        ty,
        B8 | B16
            | B32
            | B64
            | B128
            | U8
            | U16
            | U32
            | U64
            | S8
            | S16
            | S32
            | S64
            | F16
            | F16x2
            | F32
            | F64
    )
}

/// The bits of a constant as an operand of type `ty`, zero-extended; none where it cannot be one.
/// An integer too large for its type is cut off, as PTX does.
pub(super) fn immediate(literal: Literal, ty: ScalarType) -> Option<u64> {
    use ScalarType::*;
    match literal {
        Literal::Integer(value) => match ty.class() {
            TypeClass::Predicate => Some(u64::from(value != 0)),
            TypeClass::Integer => Some(value as u64 & mask(ty)),
            TypeClass::Bits if has_constants(ty) => Some(value as u64 & mask(ty)),
            _ => None,
        },
        Literal::F32(bits) => match ty {
            B32 | F32 => Some(bits.into()),
            F64 => Some(f64::from(f32::from_bits(bits)).to_bits()),
            _ => None,
        },
        Literal::F64(bits) => match ty {
            B64 | F64 => Some(bits),
            F32 => Some((f64::from_bits(bits) as f32).to_bits().into()),
            _ => None,
        },
    }
}

/// Whether some constant may stand for an operand of type `ty`.
pub(super) fn has_constants(ty: ScalarType) -> bool {
    match ty.class() {
        TypeClass::Predicate | TypeClass::Integer => true,
        TypeClass::Bits => is_untyped(ty) && ty != ScalarType::B128,
        TypeClass::Float => matches!(ty, ScalarType::F32 | ScalarType::F64),
    }
}

fn mask(ty: ScalarType) -> u64 {
    u64::MAX >> (64 - ty.bits().min(64))
}
