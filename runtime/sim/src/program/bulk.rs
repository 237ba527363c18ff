//! Bulk copies: `cp.async.bulk` and `cp.reduce.async.bulk`, those of tensors left out.

use std::sync::Arc;

use tilewright_codegen::ptx::{Opcode, Space};

use super::code::{Action, Bulk, ElementUpdate, StoreAsync};
use super::memory::update;
use super::operands::{Lowered, Operands};

/// Lowers `cp.async.bulk` and `cp.reduce.async.bulk`.
pub(super) fn copy(o: &mut Operands<'_>) -> Lowered<Action> {
    let (destination, source, size) = (o.address(0)?, o.address(1)?, o.source(2)?);
    let mut next = 3;
    let mut ignored = None;
    if o.name.has("ignore_oob") {
        ignored = Some((o.source(3)?, o.source(4)?));
        next += 2;
    }
    let signals = o.name.has("mbarrier::complete_tx::bytes");
    let barrier = if signals { Some(o.address(next)?) } else { None };
    // A cache policy stands before or after a mask.
    next += usize::from(signals);
    let has_hint = o.name.has("L2::cache_hint");
    let (mut multicast, mut bytes) = (None, None);
    if o.name.has("multicast::cluster") {
        multicast = Some(o.source(next)?);
    }
    if o.name.has("cp_mask") {
        next += usize::from(has_hint);
        bytes = Some(o.source(next)?);
    }
    let reduction = match o.instruction.opcode() {
        Opcode::CpReduceAsyncBulk => Some(element_update(o)?),
        _ => None,
    };
    Ok(Action::Bulk(Box::new(Bulk {
        destination,
        source,
        size,
        barrier,
        multicast,
        bytes,
        ignored,
        reduction,
    })))
}

/// The reduction that a name gives, with the type of its elements.
fn element_update(o: &Operands<'_>) -> Lowered<Arc<ElementUpdate>> {
    let Some(scalar) = o.name.scalar() else { return Err(o.unsupported("")) };
    let update = update(o, scalar, Space::Global)?;
    Ok(Arc::new(ElementUpdate { size: scalar.bytes(), update }))
}

/// Lowers `st.async` and `red.async`.
pub(super) fn store(o: &mut Operands<'_>) -> Lowered<Action> {
    if o.name.has("mmio") {
        // It is performed at once as far as the other side can tell.
        return match o.instruction.opcode() {
            Opcode::RedAsync => super::memory::atomic(o),
            _ => super::memory::store(o),
        };
    }
    let Some(scalar) = o.name.scalar() else { return Err(o.unsupported("")) };
    let wide = scalar.bits() == 64;
    let sources = o.elements(1)?.iter().map(|e| o.any_source(e, wide)).collect::<Lowered<_>>()?;
    let (destination, barrier) = (o.address(0)?, o.address(2)?);
    let reduction = match o.instruction.opcode() {
        Opcode::RedAsync => Some(element_update(o)?),
        _ => None,
    };
    let element = scalar.bytes();
    let store = StoreAsync { destination, element, sources, barrier, reduction };
    Ok(Action::StoreAsync(Box::new(store)))
}

/// Lowers `cp.async.bulk.wait_group`.
pub(super) fn wait_group(o: &mut Operands<'_>) -> Lowered<Action> {
    Ok(Action::BulkWait { most: o.immediate(0)? as u32, only_reads: o.name.has("read") })
}
