//! Operators, as Rust defines them where overflow wraps.

use smol_str::SmolStr;
use tilewright_codegen::ptx::tree::Operand;

use super::Lowerer;
use super::emit::{integer, register};
use super::values::Value;
use crate::kernel::constant::Constant;
use crate::kernel::tree::{Comparison, Operator};
use crate::kernel::types::{Scalar, Type};

impl Lowerer<'_> {
    /// `a operator b`; a shift's amount is of type `amount`.
    pub(super) fn binary(
        &mut self,
        operator: Operator,
        a: &Value,
        b: &Value,
        scalar: Scalar,
        amount: Scalar,
    ) -> syn::Result<Value> {
        self.refuse_impossible(operator, b, scalar)?;
        if let (Value::Constant(a), Value::Constant(b)) = (a, b)
            && let Some(value) =
                a.binary(operator, *b, scalar).map_err(|error| self.error(error))?
        {
            return Ok(Value::Constant(value));
        }
        if operator.is_shift() {
            return self.shift(operator, a, b, scalar, amount);
        }
        if scalar == Scalar::Bf16 {
            return self.bf16_binary(operator, a, b);
        }
        if scalar == Scalar::F16 && operator == Operator::Divide {
            return self.through_f32(operator, a, b, scalar);
        }
        let (arithmetic, bits) = (scalar.in_arithmetic(), scalar.as_bits());
        // `.rn` says that a product and a sum are rounded each: without it, ptxas may fuse them.
        let mnemonic = match (operator, scalar.is_float()) {
            (Operator::Add, true) => format!("add.rn.{arithmetic}"),
            (Operator::Subtract, true) => format!("sub.rn.{arithmetic}"),
            (Operator::Multiply, true) => format!("mul.rn.{arithmetic}"),
            (Operator::Divide, true) => format!("div.rn.{arithmetic}"),
            (Operator::Add, false) => format!("add.{arithmetic}"),
            (Operator::Subtract, false) => format!("sub.{arithmetic}"),
            (Operator::Multiply, false) => format!("mul.lo.{arithmetic}"),
            (Operator::Divide, false) => format!("div.{arithmetic}"),
            (Operator::Remainder, _) => format!("rem.{arithmetic}"),
            (Operator::And, _) => format!("and.{bits}"),
            (Operator::Or, _) => format!("or.{bits}"),
            _ => format!("xor.{bits}"),
        };
        let operands = [self.operand(a, scalar)?, self.operand(b, scalar)?];
        let result = self.emit_to(scalar, &mnemonic, operands)?;
        self.narrow(result, scalar)
    }

    /// What Rust refuses to compile whatever the other operand is.
    fn refuse_impossible(&self, operator: Operator, b: &Value, scalar: Scalar) -> syn::Result<()> {
        let divides = matches!(operator, Operator::Divide | Operator::Remainder);
        match b.as_integer() {
            Some(_) if operator.is_shift() || divides => {
                let Value::Constant(b) = b else { return Ok(()) };
                match Constant::Integer(1).binary(operator, *b, scalar) {
                    Ok(_) => Ok(()),
                    Err(error) => Err(self.error(error)),
                }
            }
            _ => Ok(()),
        }
    }

    /// As Rust without overflow checks: only the low bits of the amount count.
    fn shift(
        &mut self,
        operator: Operator,
        a: &Value,
        b: &Value,
        scalar: Scalar,
        amount: Scalar,
    ) -> syn::Result<Value> {
        let amount = match b.as_integer() {
            Some(known) => integer(known),
            None => {
                let amount = self.cast(b, amount, Scalar::U32)?;
                let amount = self.operand(&amount, Scalar::U32)?;
                let mask = integer(i128::from(scalar.bits() - 1));
                register(&self.emit_to(Scalar::U32, "and.b32", [amount, mask])?)
            }
        };
        let mnemonic = match operator {
            Operator::ShiftLeft => format!("shl.{}", scalar.as_bits()),
            _ => format!("shr.{}", scalar.in_arithmetic()),
        };
        let value = self.operand(a, scalar)?;
        let result = self.emit_to(scalar, &mnemonic, [value, amount])?;
        self.narrow(result, scalar)
    }

    /// Before sm_90, bf16 has only `fma`; with these constants it adds and multiplies exactly.
    fn bf16_binary(&mut self, operator: Operator, a: &Value, b: &Value) -> syn::Result<Value> {
        let constant = |value| Value::Constant(Constant::Float(value));
        let (x, y, z) = match operator {
            Operator::Add => (a, &constant(1.0), b),
            Operator::Subtract => (b, &constant(-1.0), a),
            Operator::Multiply => (a, b, &constant(-0.0)),
            _ => return self.through_f32(operator, a, b, Scalar::Bf16),
        };
        let mut operands = Vec::new();
        for value in [x, y, z] {
            operands.push(self.operand(value, Scalar::Bf16)?);
        }
        Ok(Value::Register(self.emit_to(Scalar::Bf16, "fma.rn.bf16", operands)?))
    }

    /// Computes in f32 and rounds: f32 has more than twice the bits, so this rounds as once.
    fn through_f32(
        &mut self,
        operator: Operator,
        a: &Value,
        b: &Value,
        scalar: Scalar,
    ) -> syn::Result<Value> {
        let a = self.cast(a, scalar, Scalar::F32)?;
        let b = self.cast(b, scalar, Scalar::F32)?;
        let result = self.binary(operator, &a, &b, Scalar::F32, Scalar::F32)?;
        self.cast(&result, Scalar::F32, scalar)
    }

    pub(super) fn negate(&mut self, value: &Value, scalar: Scalar) -> syn::Result<Value> {
        if let Value::Constant(constant) = value {
            return Ok(Value::Constant(constant.negate(scalar)));
        }
        let operand = self.operand(value, scalar)?;
        let mnemonic = format!("neg.{}", scalar.in_arithmetic());
        let result = self.emit_to(scalar, &mnemonic, [operand])?;
        self.narrow(result, scalar)
    }

    pub(super) fn not(&mut self, value: &Value, scalar: Scalar) -> syn::Result<Value> {
        if let Value::Constant(constant) = value {
            return Ok(Value::Constant(constant.not(scalar)));
        }
        let operand = self.operand(value, scalar)?;
        let result = self.emit_to(scalar, &format!("not.{}", scalar.as_bits()), [operand])?;
        self.narrow(result, scalar)
    }

    /// Brings a result of 16-bit arithmetic back to 8 bits, extended.
    pub(super) fn narrow(&mut self, result: SmolStr, scalar: Scalar) -> syn::Result<Value> {
        let mnemonic = match scalar {
            Scalar::U8 => "cvt.u16.u8",
            Scalar::I8 => "cvt.s16.s8",
            _ => return Ok(Value::Register(result)),
        };
        Ok(Value::Register(self.emit_to(scalar, mnemonic, [register(&result)])?))
    }

    pub(super) fn compare(
        &mut self,
        comparison: Comparison,
        a: &Value,
        b: &Value,
        ty: &Type,
    ) -> syn::Result<Value> {
        if let (Value::Constant(a), Value::Constant(b)) = (a, b) {
            return Ok(Value::Constant(Constant::Bool(a.compare(comparison, *b))));
        }
        match ty {
            Type::Pointer { .. } => self.compare_pointers(comparison, a, b),
            Type::Scalar(Scalar::Bool) => {
                let a = self.cast(a, Scalar::Bool, Scalar::U32)?;
                let b = self.cast(b, Scalar::Bool, Scalar::U32)?;
                self.compare_numbers(comparison, &a, &b, Scalar::U32)
            }
            Type::Scalar(Scalar::Bf16) => {
                let a = self.cast(a, Scalar::Bf16, Scalar::F32)?;
                let b = self.cast(b, Scalar::Bf16, Scalar::F32)?;
                self.compare_numbers(comparison, &a, &b, Scalar::F32)
            }
            Type::Scalar(scalar) => self.compare_numbers(comparison, a, b, *scalar),
            _ => Err(self.error("numbers are expected here")),
        }
    }

    fn compare_numbers(
        &mut self,
        comparison: Comparison,
        a: &Value,
        b: &Value,
        scalar: Scalar,
    ) -> syn::Result<Value> {
        let operands = [self.operand(a, scalar)?, self.operand(b, scalar)?];
        self.set_predicate(comparison, scalar, operands)
    }

    fn set_predicate(
        &mut self,
        comparison: Comparison,
        scalar: Scalar,
        operands: [Operand; 2],
    ) -> syn::Result<Value> {
        let mnemonic = format!("setp.{}.{}", comparison.modifier(scalar), scalar.in_arithmetic());
        Ok(Value::Register(self.emit_to(Scalar::Bool, &mnemonic, operands)?))
    }

    fn compare_pointers(
        &mut self,
        comparison: Comparison,
        a: &Value,
        b: &Value,
    ) -> syn::Result<Value> {
        let (Value::Pointer(a), Value::Pointer(b)) = (a, b) else {
            return Err(self.error("pointers are expected here"));
        };
        if a.space != b.space {
            return Err(self.error(format_args!(
                "these point to {} and to {} memory, and cannot be compared",
                a.space, b.space
            )));
        }
        let scalar = if a.is_short() { Scalar::U32 } else { Scalar::U64 };
        let operands = [register(&self.address_register(a)?), register(&self.address_register(b)?)];
        self.set_predicate(comparison, scalar, operands)
    }
}
