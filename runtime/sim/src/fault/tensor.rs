//! Accesses to tensor memory.

use std::fmt;

use super::{AccessKind, AccessName};
use crate::memory::tensor::TensorRegion;

/// An access to tensor memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorAccess {
    /// What was done.
    pub kind: AccessKind,
    /// The lanes, lane 0 in the lowest bit.
    pub lanes: u128,
    /// The first column.
    pub column: u32,
    /// How many columns.
    pub columns: u32,
}

impl TensorAccess {
    pub(crate) fn new(kind: AccessKind, region: &TensorRegion) -> Self {
        let TensorRegion { lanes, column, columns, .. } = *region;
        Self { kind, lanes, column, columns }
    }
}

impl fmt::Display for TensorAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} of tensor memory, ", AccessName(self.kind))?;
        let last = self.column.saturating_add(self.columns).saturating_sub(1);
        match self.columns {
            1 => write!(f, "column {}", self.column)?,
            _ => write!(f, "columns {} to {last}", self.column)?,
        }
        let first = self.lanes.trailing_zeros();
        let last = 127_u32.saturating_sub(self.lanes.leading_zeros());
        match self.lanes.count_ones() {
            0 => write!(f, " of lanes past 127"),
            1 => write!(f, " of lane {first}"),
            count if count == last - first + 1 => write!(f, " of lanes {first} to {last}"),
            count => write!(f, " of {count} lanes from {first} to {last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_names_its_cells() {
        let check = |lanes, columns, expected: &str| {
            let access = TensorAccess { kind: AccessKind::CopyRead, lanes, column: 8, columns };
            let all = format!("the asynchronous read of tensor memory, {expected}");
            assert_eq!(access.to_string(), all);
        };
        check(u128::MAX, 16, "columns 8 to 23 of lanes 0 to 127");
        check(1 << 32, 1, "column 8 of lane 32");
        check(0, 1, "column 8 of lanes past 127");
        check(0xffff | 0xffff << 32, 2, "columns 8 to 9 of 32 lanes from 0 to 47");
    }
}
