//! What the built-in functions become that are more than one instruction.

mod memory;
mod warp;

use tilewright_codegen::ptx::SpecialRegister;
use tilewright_codegen::ptx::tree::Operand;

use super::Lowerer;
use super::emit::{integer, register};
use super::values::Value;
use crate::kernel::constant::Constant;
use crate::kernel::intrinsics::{Intrinsic, Lowering};
use crate::kernel::tree::{Expression, Operator};
use crate::kernel::types::{Scalar, Type};

pub(crate) use memory::*;
pub(crate) use warp::*;

/// Emits what a call does.
pub(crate) type Custom = fn(&mut Lowerer<'_>, &Call<'_>) -> syn::Result<Value>;

/// A call of a built-in function.
pub(crate) struct Call<'a> {
    pub(super) arguments: &'a [Expression],
    pub(super) values: Vec<Value>,
    /// What `T` is; `u32` where the function has no `T`.
    pub(super) scalar: Scalar,
    /// Type of the result.
    pub(super) result: Type,
}

impl Lowerer<'_> {
    pub(super) fn intrinsic(
        &mut self,
        intrinsic: &'static Intrinsic,
        arguments: &[Expression],
        expression: &Expression,
    ) -> syn::Result<Value> {
        let expressions: Vec<&Expression> = arguments.iter().collect();
        let values = self.operands(&expressions)?;
        if values.iter().any(|value| matches!(value, Value::Never)) {
            return Ok(Value::Never);
        }
        let result = self.inference.resolve(&expression.ty);
        let scalar = self.generic(intrinsic, arguments).unwrap_or(Scalar::U32);
        let call = Call { arguments, values, scalar, result };
        match intrinsic.lowering {
            Lowering::Instruction(template) => self.instruction(template, &call),
            Lowering::Custom(custom) => custom(self, &call),
        }
    }

    /// What `T` is in a call: the scalar in an argument whose parameter mentions it.
    fn generic(&self, intrinsic: &Intrinsic, arguments: &[Expression]) -> Option<Scalar> {
        let parameters = &intrinsic.signature().parameters;
        parameters.iter().zip(arguments).find_map(|((_, parameter), argument)| {
            let found = self.inference.resolve(&argument.ty);
            match (parameter, found) {
                (Type::Variable(_), found) => found.scalar(),
                (Type::Pointer { to, .. }, Type::Pointer { to: found, .. })
                    if matches!(**to, Type::Variable(_)) =>
                {
                    found.scalar()
                }
                _ => None,
            }
        })
    }

    fn instruction(&mut self, template: &str, call: &Call<'_>) -> syn::Result<Value> {
        let mnemonic = template
            .replace("{T}", call.scalar.in_arithmetic().name())
            .replace("{B}", call.scalar.as_bits().name());
        let mut operands = Vec::new();
        for (value, argument) in call.values.iter().zip(call.arguments) {
            let scalar = self.scalar(argument)?;
            operands.push(self.operand(value, scalar)?);
        }
        match call.result.scalar() {
            Some(result) => {
                let value = self.emit_to(result, &mnemonic, operands)?;
                self.narrow(value, result)
            }
            None => {
                self.emit(&mnemonic, operands)?;
                Ok(Value::UNIT)
            }
        }
    }

    /// An instruction on values of one type that gives one of that type.
    fn compute(&mut self, mnemonic: &str, values: &[&Value], scalar: Scalar) -> syn::Result<Value> {
        let mut operands = Vec::new();
        for value in values {
            operands.push(self.operand(value, scalar)?);
        }
        Ok(Value::Register(self.emit_to(scalar, mnemonic, operands)?))
    }
}

pub(crate) fn clamp(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    let [value, low, high] = &call.values[..] else { return Ok(Value::Never) };
    let ty = call.scalar.in_arithmetic();
    let raised = lowerer.compute(&format!("max.{ty}"), &[value, low], call.scalar)?;
    lowerer.compute(&format!("min.{ty}"), &[&raised, high], call.scalar)
}

fn wrapping(lowerer: &mut Lowerer<'_>, call: &Call<'_>, operator: Operator) -> syn::Result<Value> {
    lowerer.binary(operator, &call.values[0], &call.values[1], call.scalar, call.scalar)
}

pub(crate) fn wrapping_add(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    wrapping(lowerer, call, Operator::Add)
}

pub(crate) fn wrapping_sub(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    wrapping(lowerer, call, Operator::Subtract)
}

pub(crate) fn wrapping_mul(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    wrapping(lowerer, call, Operator::Multiply)
}

pub(crate) fn exp(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    let scale = Value::Constant(Constant::Float(std::f32::consts::LOG2_E.into()));
    let scaled = lowerer.compute("mul.rn.f32", &[&call.values[0], &scale], Scalar::F32)?;
    lowerer.compute("ex2.approx.f32", &[&scaled], Scalar::F32)
}

pub(crate) fn log(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    let scale = Value::Constant(Constant::Float(std::f32::consts::LN_2.into()));
    let logarithm = lowerer.compute("lg2.approx.f32", &[&call.values[0]], Scalar::F32)?;
    lowerer.compute("mul.rn.f32", &[&logarithm, &scale], Scalar::F32)
}

/// Adding the number just below a half, then truncating, rounds every halfway case away from zero
/// and carries none of the others over.
pub(crate) fn round(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    let (scalar, ty) = (call.scalar, call.scalar.in_arithmetic());
    let below_half = match scalar {
        Scalar::F32 => f64::from(0.5f32.next_down()),
        _ => 0.5f64.next_down(),
    };
    let below_half = Value::Constant(Constant::Float(below_half));
    let value = &call.values[0];
    let offset = lowerer.compute(&format!("copysign.{ty}"), &[value, &below_half], scalar)?;
    let moved = lowerer.compute(&format!("add.rn.{ty}"), &[value, &offset], scalar)?;
    let truncated = lowerer.compute(&format!("cvt.rzi.{ty}.{ty}"), &[&moved], scalar)?;
    // Keeps the sign of what became a zero.
    lowerer.compute(&format!("copysign.{ty}"), &[value, &truncated], scalar)
}

pub(crate) fn copysign(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    let mnemonic = format!("copysign.{}", call.scalar.in_arithmetic());
    // PTX takes the sign first.
    lowerer.compute(&mnemonic, &[&call.values[1], &call.values[0]], call.scalar)
}

pub(crate) fn trailing_zeros(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    let bits = call.scalar.as_bits();
    let reversed = lowerer.compute(&format!("brev.{bits}"), &[&call.values[0]], call.scalar)?;
    let reversed = lowerer.operand(&reversed, call.scalar)?;
    let count = lowerer.emit_to(Scalar::U32, &format!("clz.{bits}"), [reversed])?;
    Ok(Value::Register(count))
}

fn rotate(lowerer: &mut Lowerer<'_>, call: &Call<'_>, direction: &str) -> syn::Result<Value> {
    let value = lowerer.operand(&call.values[0], call.scalar)?;
    let amount = lowerer.operand(&call.values[1], Scalar::U32)?;
    let mnemonic = format!("shf.{direction}.wrap.b32");
    let rotated = lowerer.emit_to(call.scalar, &mnemonic, [value.clone(), value, amount])?;
    Ok(Value::Register(rotated))
}

pub(crate) fn rotate_left(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    rotate(lowerer, call, "l")
}

pub(crate) fn rotate_right(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    rotate(lowerer, call, "r")
}

pub(crate) fn barrier(lowerer: &mut Lowerer<'_>, _: &Call<'_>) -> syn::Result<Value> {
    lowerer.emit("bar.sync", vec![integer(0)])?;
    Ok(Value::UNIT)
}

pub(crate) fn clock(lowerer: &mut Lowerer<'_>, _: &Call<'_>) -> syn::Result<Value> {
    let special = Operand::Special(SpecialRegister::Clock64);
    Ok(Value::Register(lowerer.emit_to(Scalar::U64, "mov.u64", [special])?))
}

/// A register, as an operand, that holds the value.
fn operand_of(lowerer: &mut Lowerer<'_>, value: &Value, scalar: Scalar) -> syn::Result<Operand> {
    Ok(register(&lowerer.in_register(value, scalar)?))
}
