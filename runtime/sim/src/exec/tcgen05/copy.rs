//! `tcgen05.cp`: from shared to tensor memory.

use super::super::registers::{Slot, lanes};
use super::{Landing, refuse};
use crate::fault::AccessKind;
use crate::hazard::{Bytes, Stage};
use crate::machine::{Context, Outcome, Raised, Warp};
use crate::memory::tensor::{QUARTER, TENSOR_LANES, TensorAddress, TensorRegion};
use crate::numeric::matrix::{Descriptor, Major, UNIT};
use crate::program::code::Address;

/// What is copied where: `rows` of shared memory, each of so many units of 16 bytes, to four columns
/// a unit. Row `r` goes to these lanes, relative to that of the address:
///
/// | shape | rows | units | lanes |
/// |---|---|---|---|
/// | `128x256b`, `128x128b` | 128 | 2, 1 | r |
/// | `4x256b` | 4 | 2 | 32r |
/// | `64x128b.warpx2::02_13` | 64 | 1 | r, r + 64 |
/// | `64x128b.warpx2::01_23` | 64 | 1 | r and r + 32, from row 32 on 32 more |
/// | `32x128b.warpx4` | 32 | 1 | r, r + 32, r + 64, r + 96 |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CopyShape {
    pub(crate) rows: usize,
    pub(crate) units: usize,
    pub(crate) spread: Spread,
}

/// The lanes that a row goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    /// One, and the next row to the next one.
    Once,
    /// One a quarter, and the next row to the next quarter.
    Quarters,
    /// Those of the warps 0 and 2, or 1 and 3.
    Halves,
    /// Those of the warps 0 and 1, or 2 and 3.
    Neighbours,
    /// One in each quarter.
    All,
}

impl CopyShape {
    /// The lanes that a row goes to, as a mask.
    fn lanes(self, row: usize) -> u128 {
        let at = |lane: usize| 1_u128 << lane;
        let twice = |lane: usize, distance: usize| at(lane) | at(lane + distance);
        match self.spread {
            Spread::Once => at(row),
            Spread::Quarters => at(QUARTER * row),
            Spread::Halves => twice(row, 2 * QUARTER),
            Spread::Neighbours => twice(row + row / QUARTER * QUARTER, QUARTER),
            Spread::All => twice(row, QUARTER) | twice(row + 2 * QUARTER, QUARTER),
        }
    }

    /// All lanes that are written.
    fn all_lanes(self) -> u128 {
        (0..self.rows).fold(0, |lanes, row| lanes | self.lanes(row))
    }

    /// Where the units of the source are in shared memory, row by row.
    fn source(self, descriptor: Descriptor) -> impl Iterator<Item = u32> {
        let units = move |row| (0..self.units).map(move |unit| (row, unit));
        let at = move |(row, unit)| descriptor.unit(Major::K, row, unit * UNIT, 8);
        (0..self.rows).flat_map(units).map(at)
    }
}

/// What becomes of the 16 elements of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decompression {
    /// They have 8 bits.
    None,
    /// They have 6 bits and are followed by 32 bits that nobody reads; each becomes the lower bits of
    /// a byte.
    Bits6,
    /// They have 4 bits and are followed by 64 bits that nobody reads; each becomes the middle bits of
    /// a byte.
    Bits4,
}

impl Decompression {
    fn apply(self, unit: [u8; UNIT]) -> [u8; UNIT] {
        let bits = u128::from_le_bytes(unit);
        match self {
            Self::None => unit,
            Self::Bits6 => std::array::from_fn(|i| (bits >> (6 * i) & 0x3f) as u8),
            Self::Bits4 => std::array::from_fn(|i| (bits >> (4 * i) & 0xf) as u8 * 4),
        }
    }

    /// Bytes of a unit that are read.
    fn bytes(self) -> u32 {
        match self {
            Self::None => 16,
            Self::Bits6 => 12,
            Self::Bits4 => 8,
        }
    }
}

/// `tcgen05.cp`.
#[derive(Debug)]
pub(crate) struct TensorCopy {
    pub(crate) pair: bool,
    pub(crate) address: Address,
    pub(crate) descriptor: Slot<u64>,
    pub(crate) shape: CopyShape,
    pub(crate) decompression: Decompression,
}

/// A copy on the queue, in the blocks given by rank.
#[derive(Debug)]
struct Copy {
    ranks: Vec<usize>,
    descriptor: Descriptor,
    shape: CopyShape,
    decompression: Decompression,
    lane: u32,
    column: u32,
}

impl Warp {
    /// Executes `tcgen05.cp`.
    pub(super) fn copy_to_tensor(
        &mut self,
        group: usize,
        copy: &TensorCopy,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let addresses = self.addresses(group, &copy.address);
        let TensorCopy { shape, decompression, .. } = *copy;
        for thread in lanes(active) {
            let TensorAddress { lane, column } = TensorAddress::new(addresses[thread] as u32);
            let bits = self.registers.get(copy.descriptor)[thread];
            let descriptor = source(bits, shape, context).map_err(|problem| {
                let what = format!("the descriptor {bits:#018x} of the source: {problem}");
                Raised::undefined(what, 1 << thread)
            })?;
            let stage = Stage::Copy { rows4: shape.spread == Spread::Quarters };
            let issued = self.begin_tensor_operation(thread, stage, copy.pair, context)?;
            let columns = 4 * shape.units as u32;
            let mut region = TensorRegion { rank: 0, lanes: shape.all_lanes(), column, columns };
            if lane > region.lanes.leading_zeros() {
                let problem = format!("from lane {lane} on there are not as many");
                return Err(refuse(AccessKind::CopyWrite, &region, problem, 1 << thread));
            }
            region.lanes <<= lane;
            let ranks: Vec<usize> = issued.ranks(context).collect();
            for &rank in &ranks {
                let to = TensorRegion { rank, ..region };
                self.access_tensor(&issued.access, AccessKind::CopyWrite, &to, context)?;
                if !context.hazards() {
                    continue;
                }
                for (i, at) in shape.source(descriptor).enumerate() {
                    let offset = u64::from(at);
                    let bytes = Bytes::Shared { rank, offset, size: decompression.bytes() };
                    let operation = &issued.operation;
                    self.observe_async(operation, AccessKind::CopyRead, bytes, thread, context)?;
                    let size = decompression.bytes();
                    if context.blocks[rank].shared.unwritten(offset, size) != 0 {
                        let reader = 1 << thread;
                        let origin = self.read_of_factor((rank, offset), size, reader, context);
                        let block = &mut context.blocks[rank];
                        let (row, unit) = (i / shape.units, (i % shape.units) as u32);
                        let lanes = shape.lanes(row) << lane;
                        let column = column + 4 * unit;
                        let region = TensorRegion { rank, lanes, column, columns: 4 };
                        block.tensor.memory.mark_unwritten(&region);
                        (column..column + 4).for_each(|c| block.origins.note_column(c, origin));
                    }
                }
            }
            let copy = Copy { ranks, descriptor, shape, decompression, lane, column };
            self.enqueue_tensor_operation(issued, Box::new(copy), context)?;
        }
        Ok(())
    }
}

/// The source that a descriptor names, all of which lies in shared memory.
fn source(bits: u64, shape: CopyShape, context: &Context<'_>) -> Result<Descriptor, String> {
    let descriptor = Descriptor::decode_tcgen05(bits).map_err(|error| error.to_string())?;
    let end = shape.source(descriptor).max().map_or(0, |last| last as usize + UNIT);
    let size = context.run.shared_size;
    match end > size {
        true => Err(format!("it ends at {end:#x}; the block has {size:#x} bytes of shared memory")),
        false => Ok(descriptor),
    }
}

impl Landing for Copy {
    fn land(&self, context: &mut Context<'_>) -> Outcome<()> {
        for &rank in &self.ranks {
            let block = &mut context.blocks[rank];
            let (shared, memory) = (&block.shared, &mut block.tensor.memory);
            for (i, at) in self.shape.source(self.descriptor).enumerate() {
                let bytes = shared.get(u64::from(at), UNIT as u32);
                let unit = bytes.and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
                let unit = self.decompression.apply(unit);
                let (row, unit_of_row) = (i / self.shape.units, i % self.shape.units);
                let lanes = self.shape.lanes(row) << self.lane;
                for (k, word) in unit.chunks_exact(4).enumerate() {
                    let word = word.try_into().map_or(0, u32::from_le_bytes);
                    let column = memory.column_mut(self.column + (4 * unit_of_row + k) as u32);
                    let to = (0..TENSOR_LANES).filter(|lane| lanes >> lane & 1 != 0);
                    to.for_each(|lane| column[lane] = word);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: usize, spread: Spread, row: usize, expected: &[usize]) {
        let shape = CopyShape { rows, units: 1, spread };
        let lanes: Vec<usize> = (0..128).filter(|lane| shape.lanes(row) >> lane & 1 != 0).collect();
        assert_eq!(lanes, expected);
    }

    #[test]
    fn rows_go_to_their_lanes() {
        check(128, Spread::Once, 77, &[77]);
        check(4, Spread::Quarters, 3, &[96]);
        check(64, Spread::Halves, 40, &[40, 104]);
        check(64, Spread::Neighbours, 5, &[5, 37]);
        check(64, Spread::Neighbours, 40, &[72, 104]);
        check(32, Spread::All, 31, &[31, 63, 95, 127]);
    }

    #[test]
    fn narrow_elements_become_bytes() {
        let packed: u128 = (0..16).map(|i| (i * 3 % 64) << (6 * i)).sum();
        let bytes: [u8; 16] = std::array::from_fn(|i| i as u8 * 3 % 64);
        assert_eq!(Decompression::Bits6.apply(packed.to_le_bytes()), bytes);
        let packed: u128 = (0..16).map(|i| i << (4 * i)).sum();
        let bytes: [u8; 16] = std::array::from_fn(|i| i as u8 * 4);
        assert_eq!(Decompression::Bits4.apply(packed.to_le_bytes()), bytes);
    }
}
