//! Shuffles, votes and reductions over the lanes of a warp.

use tilewright_codegen::ptx::tree::Operand;

use super::{Call, operand_of};
use crate::kernel::lower::Lowerer;
use crate::kernel::lower::emit::{integer, register};
use crate::kernel::lower::values::Value;
use crate::kernel::types::Scalar;

/// All 32 lanes.
const ALL: i128 = 0xffff_ffff;

/// Moves words between lanes; a value of 64 bits goes as two, one of 16 or less as part of one.
fn shuffle(
    lowerer: &mut Lowerer<'_>,
    call: &Call<'_>,
    mode: &str,
    clamp: i128,
) -> syn::Result<Value> {
    let scalar = call.scalar;
    let lane = lowerer.operand(&call.values[1], Scalar::U32)?;
    let mnemonic = format!("shfl.sync.{mode}.b32");
    let mut moved = Vec::new();
    for word in words(lowerer, &call.values[0], scalar)? {
        let operands = [word, lane.clone(), integer(clamp), integer(ALL)];
        moved.push(register(&lowerer.emit_to(Scalar::U32, &mnemonic, operands)?));
    }
    from_words(lowerer, moved, scalar)
}

fn words(lowerer: &mut Lowerer<'_>, value: &Value, scalar: Scalar) -> syn::Result<Vec<Operand>> {
    let value = operand_of(lowerer, value, scalar)?;
    match scalar.bits() {
        64 => {
            let halves = [0, 1].map(|_| register(&lowerer.registers.of(Scalar::U32)));
            lowerer.emit("mov.b64", vec![Operand::Vector(halves.to_vec()), value])?;
            Ok(halves.to_vec())
        }
        32 => Ok(vec![value]),
        _ => Ok(vec![register(&lowerer.emit_to(Scalar::U32, "cvt.u32.u16", [value])?)]),
    }
}

fn from_words(
    lowerer: &mut Lowerer<'_>,
    words: Vec<Operand>,
    scalar: Scalar,
) -> syn::Result<Value> {
    let result = match scalar.bits() {
        64 => lowerer.emit_to(scalar, "mov.b64", [Operand::Vector(words)])?,
        32 => lowerer.emit_to(scalar, "mov.b32", words)?,
        _ => lowerer.emit_to(scalar, "cvt.u16.u32", words)?,
    };
    Ok(Value::Register(result))
}

pub(crate) fn shuffle_xor(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    shuffle(lowerer, call, "bfly", 31)
}

pub(crate) fn shuffle_up(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    shuffle(lowerer, call, "up", 0)
}

pub(crate) fn shuffle_down(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    shuffle(lowerer, call, "down", 31)
}

pub(crate) fn shuffle_index(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    shuffle(lowerer, call, "idx", 31)
}

fn vote(
    lowerer: &mut Lowerer<'_>,
    call: &Call<'_>,
    mnemonic: &str,
    result: Scalar,
) -> syn::Result<Value> {
    let condition = operand_of(lowerer, &call.values[0], Scalar::Bool)?;
    Ok(Value::Register(lowerer.emit_to(result, mnemonic, [condition, integer(ALL)])?))
}

pub(crate) fn vote_any(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    vote(lowerer, call, "vote.sync.any.pred", Scalar::Bool)
}

pub(crate) fn vote_all(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    vote(lowerer, call, "vote.sync.all.pred", Scalar::Bool)
}

pub(crate) fn vote_ballot(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    vote(lowerer, call, "vote.sync.ballot.b32", Scalar::U32)
}

fn redux(lowerer: &mut Lowerer<'_>, call: &Call<'_>, operation: &str) -> syn::Result<Value> {
    let value = operand_of(lowerer, &call.values[0], call.scalar)?;
    let ty = match operation {
        "and" | "or" | "xor" => call.scalar.as_bits(),
        _ => call.scalar.in_arithmetic(),
    };
    let mnemonic = format!("redux.sync.{operation}.{ty}");
    Ok(Value::Register(lowerer.emit_to(call.scalar, &mnemonic, [value, integer(ALL)])?))
}

pub(crate) fn redux_add(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    redux(lowerer, call, "add")
}

pub(crate) fn redux_min(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    redux(lowerer, call, "min")
}

pub(crate) fn redux_max(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    redux(lowerer, call, "max")
}

pub(crate) fn redux_and(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    redux(lowerer, call, "and")
}

pub(crate) fn redux_or(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    redux(lowerer, call, "or")
}

pub(crate) fn redux_xor(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    redux(lowerer, call, "xor")
}
