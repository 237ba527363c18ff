//! Atomics, vectors and asynchronous copies.

use tilewright_codegen::ptx::Space;
use tilewright_codegen::ptx::tree::Operand;

use super::{Call, operand_of};
use crate::kernel::lower::Lowerer;
use crate::kernel::lower::emit::{integer, register};
use crate::kernel::lower::values::{Pointer, Value};
use crate::kernel::types::{Scalar, Type};

/// A pointer argument that must lead to one of some state spaces.
fn pointer(
    lowerer: &Lowerer<'_>,
    call: &Call<'_>,
    argument: usize,
    spaces: &[Space],
) -> syn::Result<Pointer> {
    match &call.values[argument] {
        Value::Pointer(pointer) if spaces.contains(&pointer.space) => Ok(pointer.clone()),
        Value::Pointer(pointer) => {
            let wanted: Vec<&str> = spaces.iter().map(|space| space.name()).collect();
            Err(syn::Error::new_spanned(
                call.arguments[argument].location,
                format_args!(
                    "this points to {} memory, but {} memory is needed here",
                    pointer.space,
                    wanted.join(" or ")
                ),
            ))
        }
        _ => Err(lowerer.error("a pointer is expected here")),
    }
}

fn atomic(lowerer: &mut Lowerer<'_>, call: &Call<'_>, operation: &str) -> syn::Result<Value> {
    let pointer = pointer(lowerer, call, 0, &[Space::Global, Space::Shared])?;
    let scalar = call.scalar;
    let ty = match (operation, scalar) {
        ("add", Scalar::F16 | Scalar::Bf16) => format!("noftz.{}", scalar.in_arithmetic()),
        // Two's complement adds alike, signed or not.
        ("add", Scalar::I64) => "u64".into(),
        ("add" | "min" | "max", _) => scalar.in_arithmetic().to_string(),
        _ => scalar.as_bits().to_string(),
    };
    let mut operands = vec![Lowerer::address_operand(&pointer)];
    for value in &call.values[1..] {
        operands.push(operand_of(lowerer, value, scalar)?);
    }
    let mnemonic = format!("atom.{}.{operation}.{ty}", pointer.space);
    Ok(Value::Register(lowerer.emit_to(scalar, &mnemonic, operands)?))
}

pub(crate) fn atomic_add(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    atomic(lowerer, call, "add")
}

pub(crate) fn atomic_min(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    atomic(lowerer, call, "min")
}

pub(crate) fn atomic_max(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    atomic(lowerer, call, "max")
}

pub(crate) fn atomic_and(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    atomic(lowerer, call, "and")
}

pub(crate) fn atomic_or(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    atomic(lowerer, call, "or")
}

pub(crate) fn atomic_xor(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    atomic(lowerer, call, "xor")
}

pub(crate) fn atomic_exchange(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    atomic(lowerer, call, "exch")
}

pub(crate) fn atomic_cas(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    atomic(lowerer, call, "cas")
}

/// Every state space that can be read and written.
const MEMORY: &[Space] = &[Space::Global, Space::Shared, Space::Local];

pub(crate) fn load_vector(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    let pointer = pointer(lowerer, call, 0, MEMORY)?;
    let Type::Array(_, count) = call.result else { return Ok(Value::Never) };
    let names: Vec<_> = (0..count).map(|_| lowerer.registers.of(call.scalar)).collect();
    let vector = Operand::Vector(names.iter().map(register).collect());
    let mnemonic = format!("ld.{}.v{count}.{}", pointer.space, call.scalar.in_memory());
    lowerer.emit(&mnemonic, vec![vector, Lowerer::address_operand(&pointer)])?;
    Ok(Value::Aggregate(names.into_iter().map(Value::Register).collect()))
}

pub(crate) fn store_vector(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    let pointer = pointer(lowerer, call, 0, MEMORY)?;
    let Value::Aggregate(values) = &call.values[1] else { return Ok(Value::Never) };
    let mut elements = Vec::new();
    for value in values {
        elements.push(operand_of(lowerer, value, call.scalar)?);
    }
    let mnemonic = format!("st.{}.v{}.{}", pointer.space, values.len(), call.scalar.in_memory());
    let address = Lowerer::address_operand(&pointer);
    lowerer.emit(&mnemonic, vec![address, Operand::Vector(elements)])?;
    Ok(Value::UNIT)
}

fn copy_async(lowerer: &mut Lowerer<'_>, call: &Call<'_>, bytes: i128) -> syn::Result<Value> {
    let destination = pointer(lowerer, call, 0, &[Space::Shared])?;
    let source = pointer(lowerer, call, 1, &[Space::Global])?;
    // Only whole sectors may pass by the first cache.
    let cache = if bytes == 16 { "cg" } else { "ca" };
    let mnemonic = format!("cp.async.{cache}.shared.global");
    let operands = vec![
        Lowerer::address_operand(&destination),
        Lowerer::address_operand(&source),
        integer(bytes),
    ];
    lowerer.emit(&mnemonic, operands)?;
    Ok(Value::UNIT)
}

pub(crate) fn copy_async_4(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    copy_async(lowerer, call, 4)
}

pub(crate) fn copy_async_8(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    copy_async(lowerer, call, 8)
}

pub(crate) fn copy_async_16(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    copy_async(lowerer, call, 16)
}

pub(crate) fn copy_async_wait(lowerer: &mut Lowerer<'_>, call: &Call<'_>) -> syn::Result<Value> {
    let Some(groups) = call.values[0].as_integer() else {
        return Err(syn::Error::new_spanned(
            call.arguments[0].location,
            "the number of groups must be known while the kernel compiles",
        ));
    };
    lowerer.emit("cp.async.wait_group", vec![integer(groups)])?;
    Ok(Value::UNIT)
}
