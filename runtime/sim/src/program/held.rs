//! Numbers as registers hold them, and the instructions that compute one lane from the same lane.

use super::code::Action;
use super::operands::{Lowered, Operands, TypedLane};
use crate::exec::registers;

/// A number that a register holds in its low bits, zero-extended.
pub(super) trait Held: Copy + Send + Sync + 'static {
    type Lane: TypedLane;
    fn take(lane: Self::Lane) -> Self;
    fn give(self) -> Self::Lane;
}

macro_rules! held {
    ($($ty:ty, $unsigned:ty, $lane:ty);*) => {$(
        impl Held for $ty {
            type Lane = $lane;
            #[inline(always)]
            fn take(lane: $lane) -> Self {
                lane as $ty
            }
            #[inline(always)]
            fn give(self) -> $lane {
                <$lane>::from(self as $unsigned)
            }
        }
    )*};
}
held! {
    u8, u8, u32; i8, u8, u32; u16, u16, u32; i16, u16, u32; u32, u32, u32; i32, u32, u32;
    u64, u64, u64; i64, u64, u64
}

impl Operands<'_> {
    /// `operand 0 = f(operand 1)`.
    pub(super) fn unary<D: Held, A: Held>(
        &mut self,
        f: impl Fn(A) -> D + Send + Sync + 'static,
    ) -> Lowered<Action> {
        let (d, a) = (self.destination(0)?, self.source(1)?);
        Ok(Action::Compute(registers::unary(d, a, move |a| f(A::take(a)).give())))
    }

    /// `operand 0 = f(operand 1, operand 2)`.
    pub(super) fn binary<D: Held, A: Held, B: Held>(
        &mut self,
        f: impl Fn(A, B) -> D + Send + Sync + 'static,
    ) -> Lowered<Action> {
        let (d, a, b) = (self.destination(0)?, self.source(1)?, self.source(2)?);
        let compute = registers::binary(d, (a, b), move |a, b| f(A::take(a), B::take(b)).give());
        Ok(Action::Compute(compute))
    }

    /// `operand 0 = f(operand 1, operand 2, operand 3)`.
    pub(super) fn ternary<D: Held, A: Held, B: Held, C: Held>(
        &mut self,
        f: impl Fn(A, B, C) -> D + Send + Sync + 'static,
    ) -> Lowered<Action> {
        let d = self.destination(0)?;
        let operands = (self.source(1)?, self.source(2)?, self.source(3)?);
        Ok(Action::Compute(registers::ternary(d, operands, move |a, b, c| {
            f(A::take(a), B::take(b), C::take(c)).give()
        })))
    }
}

/// Evaluates an expression with a type parameter standing for the integer type of a scalar type;
/// untyped bits count as unsigned.
macro_rules! with_integer {
    ($operands:ident, $scalar:expr, $T:ident => $body:expr) => {{
        use tilewright_codegen::ptx::ScalarType as S;
        match $scalar {
            S::U8 | S::B8 => {
                type $T = u8;
                $body
            }
            S::S8 => {
                type $T = i8;
                $body
            }
            S::U16 | S::B16 => {
                type $T = u16;
                $body
            }
            S::S16 => {
                type $T = i16;
                $body
            }
            S::U32 | S::B32 => {
                type $T = u32;
                $body
            }
            S::S32 => {
                type $T = i32;
                $body
            }
            S::U64 | S::B64 => {
                type $T = u64;
                $body
            }
            S::S64 => {
                type $T = i64;
                $body
            }
            _ => Err($operands.unsupported("this type")),
        }
    }};
}
pub(super) use with_integer;

/// The same for the floating-point formats that arithmetic computes in.
macro_rules! with_float {
    ($operands:ident, $scalar:expr, $F:ident => $body:expr) => {{
        use tilewright_codegen::ptx::ScalarType as S;
        use $crate::numeric::{Bf16, F16, F32, F64};
        match $scalar {
            S::F16 => {
                type $F = F16;
                $body
            }
            S::Bf16 => {
                type $F = Bf16;
                $body
            }
            S::F32 => {
                type $F = F32;
                $body
            }
            S::F64 => {
                type $F = F64;
                $body
            }
            _ => Err($operands.unsupported("this type")),
        }
    }};
}
pub(super) use with_float;
