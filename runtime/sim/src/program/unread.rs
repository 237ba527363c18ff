//! Which instructions write registers that nothing reads.

use std::collections::HashSet;

use super::code::{Detail, Function, Passed};
use super::operands::RegisterSlot;

/// Notes of each instruction whether anything reads what it writes.
pub(super) fn mark(details: &mut [Detail], functions: &[Function], locations: &[RegisterSlot]) {
    let read = details.iter().flat_map(|detail| detail.reads.iter());
    let mut read: HashSet<RegisterSlot> = read.map(|&number| locations[number as usize]).collect();
    let returned = functions.iter().flat_map(|function| &function.returns);
    read.extend(returned.filter_map(|passed| match passed {
        Passed::Register(slot) => Some(RegisterSlot::Value(*slot)),
        Passed::Frame { .. } => None,
    }));
    for detail in details {
        let mut written = detail.writes.iter().map(|&number| locations[number as usize]);
        detail.is_unread = !written.any(|location| read.contains(&location));
    }
}
