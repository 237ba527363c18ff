//! Tensor memory: 128 lanes of 512 columns, in cells of 32 bits.

use std::fmt;

/// Lanes of tensor memory, of which each warp reaches a quarter.
pub(crate) const TENSOR_LANES: usize = 128;
/// Lanes that the warps reach whose index is the same modulo four.
pub(crate) const QUARTER: usize = 32;
/// Columns of tensor memory of a multiprocessor.
pub(crate) const TENSOR_COLUMNS: u32 = 512;
/// Columns are allocated by multiples of this.
pub(crate) const LEAST_COLUMNS: u32 = 32;

/// The tensor memory of a block.
#[derive(Debug, Default)]
pub(crate) struct TensorMemory {
    /// By column; empty until something is allocated.
    cells: Vec<[u32; TENSOR_LANES]>,
    /// For each column, the lanes that something wrote.
    written: Vec<u128>,
    /// A bit for every [`LEAST_COLUMNS`] columns: whether they are allocated.
    allocated: u16,
}

/// Where a cell is: `lane << 16 | column`, as instructions give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TensorAddress {
    pub(crate) lane: u32,
    pub(crate) column: u32,
}

impl TensorAddress {
    pub(crate) fn new(bits: u32) -> Self {
        Self { lane: bits >> 16, column: bits & 0xffff }
    }
}

impl fmt::Display for TensorAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lane {}, column {}", self.lane, self.column)
    }
}

/// Some lanes of neighbouring columns of a block's tensor memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TensorRegion {
    /// The rank of the block in its cluster.
    pub(crate) rank: usize,
    /// A bit a lane.
    pub(crate) lanes: u128,
    /// The first column.
    pub(crate) column: u32,
    /// How many columns.
    pub(crate) columns: u32,
}

/// `count` lanes from `first` on, as a mask.
pub(crate) fn lane_mask(first: u32, count: u32) -> u128 {
    match (first, count) {
        (128.., _) | (_, 0) => 0,
        _ => (u128::MAX >> (128 - count.min(128))) << first,
    }
}

/// Columns `first..first + count` by [`LEAST_COLUMNS`], a bit each; none where they do not exist.
fn chunks(first: u32, count: u32) -> Option<u16> {
    let end = first.checked_add(count).filter(|&end| end <= TENSOR_COLUMNS)?;
    let (begin, end) = (first / LEAST_COLUMNS, end.div_ceil(LEAST_COLUMNS));
    Some(((1_u32 << end) - (1_u32 << begin)) as u16)
}

impl TensorMemory {
    /// The cells of a column that is allocated.
    #[inline]
    pub(crate) fn column(&self, column: u32) -> &[u32; TENSOR_LANES] {
        &self.cells[column as usize]
    }

    /// The same, to be written.
    #[inline]
    pub(crate) fn column_mut(&mut self, column: u32) -> &mut [u32; TENSOR_LANES] {
        &mut self.cells[column as usize]
    }

    /// The cells of neighbouring columns that are allocated, to be written.
    pub(crate) fn columns_mut(&mut self, first: u32, count: u32) -> &mut [[u32; TENSOR_LANES]] {
        &mut self.cells[first as usize..(first + count) as usize]
    }

    /// Whether all of these columns are allocated.
    #[inline]
    pub(crate) fn is_allocated(&self, column: u32, columns: u32) -> bool {
        chunks(column, columns).is_some_and(|chunks| chunks & !self.allocated == 0)
    }

    /// Whether nothing is allocated.
    pub(crate) fn is_free(&self) -> bool {
        self.allocated == 0
    }

    /// Whether a region lies in what is allocated.
    pub(crate) fn contains(&self, region: &TensorRegion) -> bool {
        self.is_allocated(region.column, region.columns)
    }

    /// The columns at which `columns` are free in this memory and in `other`, which are multiples of
    /// their number.
    pub(crate) fn free_starts(
        &self,
        other: Option<&Self>,
        columns: u32,
    ) -> impl Iterator<Item = u32> + use<> {
        let taken = self.allocated | other.map_or(0, |other| other.allocated);
        (0..TENSOR_COLUMNS)
            .step_by(columns as usize)
            .filter(move |&first| chunks(first, columns).is_some_and(|chunks| chunks & taken == 0))
    }

    /// Allocates columns that are free. What they hold is a NaN in every floating-point format.
    pub(crate) fn allocate(&mut self, column: u32, columns: u32) {
        self.allocated |= chunks(column, columns).unwrap_or(0);
        self.cells.resize(TENSOR_COLUMNS as usize, [u32::MAX; TENSOR_LANES]);
        self.written.resize(TENSOR_COLUMNS as usize, 0);
        let range = column as usize..(column + columns) as usize;
        self.cells[range.clone()].fill([u32::MAX; TENSOR_LANES]);
        self.written[range].fill(0);
    }

    /// Frees columns that are allocated.
    pub(crate) fn deallocate(&mut self, column: u32, columns: u32) {
        self.allocated &= !chunks(column, columns).unwrap_or(0);
    }

    /// Notes that a region was written.
    pub(crate) fn mark_written(&mut self, region: &TensorRegion) {
        let range = region.column as usize..(region.column + region.columns) as usize;
        self.written[range].iter_mut().for_each(|lanes| *lanes |= region.lanes);
    }

    /// Notes that a region holds nothing that may be read.
    pub(crate) fn mark_unwritten(&mut self, region: &TensorRegion) {
        let range = region.column as usize..(region.column + region.columns) as usize;
        self.written[range].iter_mut().for_each(|lanes| *lanes &= !region.lanes);
    }

    /// The lanes of a column that is allocated which nothing wrote.
    pub(crate) fn unwritten_lanes(&self, column: u32) -> u128 {
        !self.written[column as usize]
    }

    /// Whether all of a region was written.
    pub(crate) fn is_written(&self, region: &TensorRegion) -> bool {
        let range = region.column as usize..(region.column + region.columns) as usize;
        self.written[range].iter().all(|lanes| region.lanes & !lanes == 0)
    }

    /// The columns that are allocated, in words.
    pub(crate) fn describe(&self) -> String {
        let mut runs = Vec::new();
        let mut chunk = 0;
        while self.allocated >> chunk != 0 && chunk < 16 {
            let run = (self.allocated >> chunk).trailing_ones();
            if run > 0 {
                let (first, end) = (chunk * LEAST_COLUMNS, (chunk + run) * LEAST_COLUMNS);
                runs.push(format!("{first} to {}", end - 1));
            }
            chunk += run + 1;
        }
        match runs.is_empty() {
            true => "the block has allocated none".into(),
            false => format!("the block has allocated columns {}", runs.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_allocated_once() {
        let mut memory = TensorMemory::default();
        assert!(!memory.is_allocated(0, 1));
        memory.allocate(128, 128);
        memory.allocate(320, 32);
        assert_eq!(memory.describe(), "the block has allocated columns 128 to 255, 320 to 351");
        assert!(memory.is_allocated(128, 128) && !memory.is_allocated(128, 129));
        assert!(!memory.is_allocated(127, 2) && !memory.is_allocated(500, 100));
        assert_eq!(memory.free_starts(None, 128).collect::<Vec<_>>(), [0, 384]);
        memory.deallocate(128, 128);
        assert_eq!(memory.free_starts(None, 256).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn what_is_written_is_known_by_the_cell() {
        let mut memory = TensorMemory::default();
        memory.allocate(0, 64);
        let region = |first, count, column, columns| TensorRegion {
            rank: 0,
            lanes: lane_mask(first, count),
            column,
            columns,
        };
        memory.mark_written(&region(32, 32, 8, 4));
        assert!(memory.is_written(&region(40, 8, 8, 4)));
        assert!(
            !memory.is_written(&region(31, 8, 8, 4)) && !memory.is_written(&region(40, 8, 8, 5))
        );
        memory.allocate(0, 64);
        assert!(!memory.is_written(&region(40, 8, 8, 4)), "it was allocated anew");
    }
}
