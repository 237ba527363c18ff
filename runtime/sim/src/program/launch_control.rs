//! `clusterlaunchcontrol`.

use super::code::{Action, Address};
use super::operands::{Lowered, Operands};
use crate::exec::registers::{AnySlot, PredicateSlot, Slot};

/// `clusterlaunchcontrol.try_cancel`.
#[derive(Debug)]
pub(crate) struct TryCancel {
    /// Where the response is written.
    pub(crate) response: Address,
    pub(crate) barrier: Address,
    /// Whether every block of the cluster gets the response.
    pub(crate) multicast: bool,
}

/// `clusterlaunchcontrol.query_cancel`.
#[derive(Debug)]
pub(crate) struct QueryCancel {
    /// The first of the two slots of a response.
    pub(crate) response: Slot<u64>,
    pub(crate) taken: Taken,
}

/// What is asked of a response.
#[derive(Debug)]
pub(crate) enum Taken {
    /// Whether a cluster was taken.
    Whether(PredicateSlot),
    /// Coordinates of its first block, by dimension.
    Coordinates(Box<[(Slot<u32>, usize)]>),
}

/// Lowers `clusterlaunchcontrol.try_cancel`.
pub(super) fn try_cancel(o: &mut Operands<'_>) -> Lowered<Action> {
    let (response, barrier) = (o.address(0)?, o.address(1)?);
    let multicast = o.name.has("multicast::cluster::all");
    Ok(Action::TryCancel(Box::new(TryCancel { response, barrier, multicast })))
}

/// Lowers `clusterlaunchcontrol.query_cancel`.
pub(super) fn query_cancel(o: &mut Operands<'_>) -> Lowered<Action> {
    let operand = o.operand(1)?;
    let AnySlot::Quad(response) = o.any_source(operand, true)? else {
        return Err(o.unsupported("an operand has an unexpected width"));
    };
    let dimension =
        ["get_first_ctaid::x", "get_first_ctaid::y", "get_first_ctaid::z"].map(|d| o.name.has(d));
    let taken = if o.name.has("is_canceled") {
        Taken::Whether(o.predicates(0)?.0)
    } else if let Some(dimension) = dimension.iter().position(|&given| given) {
        Taken::Coordinates(vec![(o.destination(0)?, dimension)].into())
    } else {
        let elements = o.elements(0)?.iter().enumerate();
        // The fourth element says nothing, but is written.
        let coordinates = elements.map(|(i, element)| Ok((o.destination_of(element)?, i)));
        Taken::Coordinates(coordinates.collect::<Lowered<_>>()?)
    };
    Ok(Action::QueryCancel(Box::new(QueryCancel { response, taken })))
}
