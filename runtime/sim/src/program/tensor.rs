//! Tensor copies, and tensor maps as data.

use tilewright_codegen::ptx::Opcode;

use super::code::{Action, CopyMap, ReplaceField, Scope, TensorCopy, TensorDirection};
use super::memory::{REDUCTIONS, scope};
use super::operands::{Lowered, Operands};
use crate::tensor_map::Field;

/// Lowers `cp.async.bulk.tensor`, `cp.reduce.async.bulk.tensor` and the prefetch.
pub(super) fn copy(o: &mut Operands<'_>) -> Lowered<Action> {
    if o.name.modifiers().any(|word| word.starts_with("im2col")) {
        return Err(o.unsupported("im2col modes are not simulated"));
    }
    let dimensions = o.name.modifiers().find_map(|word| word.strip_suffix('d')?.parse().ok());
    let Some(dimensions) = dimensions else { return Err(o.unsupported("")) };
    let is_load = o.name.has("mbarrier::complete_tx::bytes");
    let is_prefetch = o.instruction.opcode() == Opcode::CpAsyncBulkPrefetchTensor;
    let (map, coordinates) = o.tensor(usize::from(is_load))?;
    let (shared, direction) = if is_prefetch {
        (None, TensorDirection::Prefetch)
    } else if is_load {
        let of_pair = o.name.has("cta_group::2");
        let multicast = match o.name.has("multicast::cluster") {
            true => Some(o.source(3)?),
            false => None,
        };
        (Some(o.address(0)?), TensorDirection::Load { barrier: o.address(2)?, multicast, of_pair })
    } else {
        let reduction = match o.instruction.opcode() {
            Opcode::CpReduceAsyncBulkTensor => o.name.first_of(&REDUCTIONS),
            _ => None,
        };
        (Some(o.address(1)?), TensorDirection::Store { reduction })
    };
    let four_rows = o.name.has("tile::gather4") || o.name.has("tile::scatter4");
    let coordinates = coordinates.into();
    let copy = TensorCopy { map, dimensions, four_rows, coordinates, shared, direction };
    Ok(Action::TensorCopy(Box::new(copy)))
}

/// Lowers `tensormap.replace`.
pub(super) fn replace(o: &mut Operands<'_>) -> Lowered<Action> {
    let fields = [
        "global_address",
        "rank",
        "box_dim",
        "global_dim",
        "global_stride",
        "element_stride",
        "elemtype",
        "interleave_layout",
        "swizzle_mode",
        "swizzle_atomicity",
        "fill_mode",
    ];
    let ordinal = if o.len() > 2 { o.immediate(1)? as u32 } else { 0 };
    let field = match o.name.first_of(&fields) {
        Some("global_address") => Field::Address,
        Some("rank") => Field::Rank,
        Some("box_dim") => Field::Box(ordinal),
        Some("global_dim") => Field::Shape(ordinal),
        // Strides are of dimensions 1 to 4, and so nothing reads a fifth.
        Some("global_stride") if ordinal == 4 => return Ok(Action::Nothing),
        Some("global_stride") => Field::Stride(ordinal),
        Some("element_stride") => Field::ElementStride(ordinal),
        Some("elemtype") => Field::Element,
        Some("interleave_layout") => Field::Interleave,
        Some("swizzle_mode") => Field::Swizzle,
        Some("swizzle_atomicity") => Field::Atomicity,
        _ => Field::Fill,
    };
    let map = o.address(0)?;
    let value = o.operand(o.len() - 1)?;
    let value = o.any_source(value, o.name.has("b64"))?;
    Ok(Action::ReplaceField(Box::new(ReplaceField { map, field, value })))
}

/// Lowers `tensormap.cp_fenceproxy`.
pub(super) fn copy_map(o: &mut Operands<'_>) -> Lowered<Action> {
    let (destination, source) = (o.address(0)?, o.address(1)?);
    let scope = scope(&o.name, Scope::System);
    Ok(Action::CopyMap(Box::new(CopyMap { destination, source, scope })))
}
