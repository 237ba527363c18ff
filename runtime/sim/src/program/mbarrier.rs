//! `mbarrier`.

use tilewright_codegen::ptx::Opcode;
use tilewright_codegen::ptx::check::CheckedOperand;

use super::code::{Action, Mbarrier, MbarrierOperation, Order, Phase};
use super::memory::order;
use super::operands::{Lowered, Operands};
use crate::exec::registers::{AnySlot, Slot};

/// Lowers `mbarrier.*`.
pub(super) fn lower(o: &mut Operands<'_>) -> Lowered<Action> {
    let opcode = o.instruction.opcode();
    let (address_at, operation, default) = match opcode {
        Opcode::MbarrierInit => {
            (0, MbarrierOperation::Initialize { count: o.source(1)? }, Order::Weak)
        }
        Opcode::MbarrierInval => (0, MbarrierOperation::Invalidate, Order::Weak),
        Opcode::MbarrierExpectTx => {
            (0, MbarrierOperation::Expect { transactions: o.source(1)? }, Order::Relaxed)
        }
        Opcode::MbarrierCompleteTx => {
            (0, MbarrierOperation::Complete { transactions: o.source(1)? }, Order::Relaxed)
        }
        Opcode::MbarrierArrive | Opcode::MbarrierArriveDrop => {
            let (address_at, operation) = arrive(o)?;
            (address_at, operation, Order::Release)
        }
        // The time that `try_wait` may suspend the thread for is a hint.
        Opcode::MbarrierTestWait | Opcode::MbarrierTryWait => {
            let done = o.predicates(0)?.0;
            let awaited = match o.name.has("parity") {
                true => Phase::Parity(o.source(2)?),
                false => Phase::State(o.source(2)?),
            };
            (1, MbarrierOperation::Wait { done, awaited }, Order::Acquire)
        }
        Opcode::MbarrierPendingCount => {
            let (destination, state) = (o.destination(0)?, o.source(1)?);
            let operation = MbarrierOperation::PendingCount { destination, state };
            let (address, order) = (None, Order::Weak);
            return Ok(Action::Mbarrier(Box::new(Mbarrier { address, operation, order })));
        }
        _ => return Err(o.unsupported("")),
    };
    let address = Some(o.address(address_at)?);
    let order = order(&o.name, default);
    Ok(Action::Mbarrier(Box::new(Mbarrier { address, operation, order })))
}

/// `mbarrier.arrive` and `arrive_drop`, with or without a state to write, a count, and transactions
/// to expect; the index of its address.
fn arrive(o: &mut Operands<'_>) -> Lowered<(usize, MbarrierOperation)> {
    let first = usize::from(!matches!(o.operand(0)?, CheckedOperand::Address { .. }));
    let state: Option<Slot<u64>> = match first {
        0 => None,
        _ => {
            let operand = o.operand(0)?;
            match o.any_destination(operand)? {
                Some(AnySlot::Double(slot)) => Some(slot),
                None => None,
                Some(_) => return Err(o.unsupported("a destination has an unexpected width")),
            }
        }
    };
    let last = if o.len() > first + 1 { Some(o.source(first + 1)?) } else { None };
    let (count, expected) = match o.name.has("expect_tx") {
        true => (None, last),
        false => (last, None),
    };
    let drop = o.instruction.opcode() == Opcode::MbarrierArriveDrop;
    let completes = !o.name.has("noComplete");
    Ok((first, MbarrierOperation::Arrive { state, count, expected, drop, completes }))
}
