//! `as`, with Rust's meaning: integers wrap, floats saturate, NaN becomes zero.

use super::Lowerer;
use super::emit::{integer, register};
use super::values::Value;
use crate::kernel::constant::Constant;
use crate::kernel::tree::Expression;
use crate::kernel::types::{Scalar, Type};

impl Lowerer<'_> {
    pub(super) fn cast_expression(&mut self, value: &Expression, to: &Type) -> syn::Result<Value> {
        let from = self.inference.resolve(&value.ty);
        let lowered = self.expression(value)?;
        match (lowered, from, self.inference.resolve(to)) {
            (lowered, Type::Scalar(from), Type::Scalar(to)) => self.cast(&lowered, from, to),
            (Value::Pointer(pointer), _, Type::Scalar(_)) => {
                let address = self.generic_address(&pointer)?;
                Ok(Value::Register(address))
            }
            (lowered, ..) => Ok(lowered),
        }
    }

    pub(super) fn cast(&mut self, value: &Value, from: Scalar, to: Scalar) -> syn::Result<Value> {
        if from == to || matches!(value, Value::Never) {
            return Ok(value.clone());
        }
        if let Value::Constant(constant) = value {
            return Ok(Value::Constant(constant.cast(to)));
        }
        match (from, to) {
            (Scalar::Bool, _) => self.cast_bool(value, to),
            (Scalar::F16 | Scalar::Bf16, _) if to.is_integer() => {
                let wide = self.cast(value, from, Scalar::F32)?;
                self.cast(&wide, Scalar::F32, to)
            }
            (Scalar::Bf16, Scalar::F32) => self.widen_bf16(value),
            (Scalar::F32, Scalar::Bf16) => self.convert("cvt.rn.bf16.f32", value, from, to),
            (Scalar::Bf16, _) | (_, Scalar::Bf16) => {
                let single = self.cast(value, from, Scalar::F32)?;
                self.cast(&single, Scalar::F32, to)
            }
            _ if from.is_integer() && to.is_integer() => self.cast_integer(value, from, to),
            _ if from.is_integer() => {
                let mnemonic = format!("cvt.rn.{}.{}", to.in_arithmetic(), from.in_memory());
                self.convert(&mnemonic, value, from, to)
            }
            _ if to.is_integer() => self.cast_to_integer(value, from, to),
            _ => {
                let rounding = if to.bits() < from.bits() { ".rn" } else { "" };
                let (to_type, from_type) = (to.in_arithmetic(), from.in_arithmetic());
                self.convert(&format!("cvt{rounding}.{to_type}.{from_type}"), value, from, to)
            }
        }
    }

    fn convert(
        &mut self,
        mnemonic: &str,
        value: &Value,
        from: Scalar,
        to: Scalar,
    ) -> syn::Result<Value> {
        let operand = self.operand(value, from)?;
        Ok(Value::Register(self.emit_to(to, mnemonic, [operand])?))
    }

    fn cast_bool(&mut self, value: &Value, to: Scalar) -> syn::Result<Value> {
        let predicate = register(&self.in_register(value, Scalar::Bool)?);
        let mnemonic = format!("selp.{}", to.in_arithmetic());
        let operands = [integer(1), integer(0), predicate];
        Ok(Value::Register(self.emit_to(to, &mnemonic, operands)?))
    }

    fn cast_integer(&mut self, value: &Value, from: Scalar, to: Scalar) -> syn::Result<Value> {
        if from.bits() == to.bits() && to.bits() > 8 {
            return Ok(value.clone());
        }
        if from.bits() == 8 && to.bits() == 8 {
            let name = self.in_register(value, from)?;
            return self.narrow(name, to);
        }
        self.convert(&format!("cvt.{}.{}", to.in_memory(), from.in_memory()), value, from, to)
    }

    /// PTX saturates; it gives zero for NaN too, except from f64 or to 64 bits.
    fn cast_to_integer(&mut self, value: &Value, from: Scalar, to: Scalar) -> syn::Result<Value> {
        let mnemonic = format!("cvt.rzi.{}.{}", to.in_memory(), from.in_arithmetic());
        let converted = self.convert(&mnemonic, value, from, to)?;
        if from != Scalar::F64 && to.bits() < 64 {
            return Ok(converted);
        }
        let operand = self.operand(value, from)?;
        let test = format!("setp.nan.{}", from.in_arithmetic());
        let is_nan = self.emit_to(Scalar::Bool, &test, [operand.clone(), operand])?;
        let operands = [integer(0), self.operand(&converted, to)?, register(&is_nan)];
        let select = format!("selp.{}", to.in_arithmetic());
        Ok(Value::Register(self.emit_to(to, &select, operands)?))
    }

    /// A bf16 is the upper half of the f32 of the same value.
    fn widen_bf16(&mut self, value: &Value) -> syn::Result<Value> {
        let bits = self.operand(value, Scalar::Bf16)?;
        let word = self.emit_to(Scalar::U32, "cvt.u32.u16", [bits])?;
        let word = self.emit_to(Scalar::U32, "shl.b32", [register(&word), integer(16)])?;
        Ok(Value::Register(self.emit_to(Scalar::F32, "mov.b32", [register(&word)])?))
    }

    /// The same bits as another type of the same size.
    pub(super) fn reinterpret(
        &mut self,
        value: &Value,
        from: Scalar,
        to: Scalar,
    ) -> syn::Result<Value> {
        if let Value::Constant(constant) = value {
            return Ok(Value::Constant(Constant::from_bits(constant.bits(from), to)));
        }
        let operand = self.operand(value, from)?;
        let mnemonic = format!("mov.{}", to.as_bits());
        Ok(Value::Register(self.emit_to(to, &mnemonic, [operand])?))
    }
}
