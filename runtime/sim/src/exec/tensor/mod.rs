//! `cp.async.bulk.tensor`: copies of boxes of tensors, which tensor maps describe.

mod map;
mod replace;
mod tile;

use std::sync::Arc;

use super::access::{check_alignment, locate};
use super::bulk::Signalled;
use super::registers::lanes;
use super::transfer::{Piece, Signal, Source, Transfer};
use crate::fault::AccessKind;
use crate::hazard::Bytes;
use crate::machine::{Context, Outcome, Raised, Warp};
use crate::program::code::{ElementUpdate, TensorCopy, TensorDirection};
use crate::program::element_update;
use crate::tensor_map::{Element, TensorMap};
use tile::{Run, Tile};
use tilewright_codegen::ptx::{ScalarType, Space};

/// What the address of a box in shared memory is a multiple of (*CUDA C++ Programming Guide*,
/// alignment requirements of multi-dimensional bulk tensor copies).
const ALIGNMENT: u32 = 128;

impl Warp {
    /// Executes a tensor copy, lane by lane.
    pub(crate) fn tensor_copy(
        &mut self,
        group: usize,
        copy: &TensorCopy,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let maps = self.addresses(group, &copy.map);
        let shared = match &copy.shared {
            Some(address) => {
                let shared = self.addresses(group, address);
                let kind = match copy.direction {
                    TensorDirection::Load { .. } => AccessKind::CopyWrite,
                    _ => AccessKind::CopyRead,
                };
                check_alignment(context, kind, address.space, &shared, (ALIGNMENT, active))?;
                shared.map(|at| locate(address.space, at).1)
            }
            None => [0; super::registers::LANES],
        };
        let number = context.agents.operation();
        for lane in lanes(active) {
            let map = self.tensor_map(copy.map.space, maps[lane], lane, context)?;
            let coordinates: Vec<i32> = copy
                .coordinates
                .iter()
                .map(|&slot| self.registers.get(slot)[lane] as i32)
                .collect();
            let tile = tile(&map, copy, &coordinates, (lane, context.run.shared_size))?;
            let at = shared[lane];
            match &copy.direction {
                TensorDirection::Prefetch => {}
                TensorDirection::Load { barrier, multicast, of_pair } => {
                    let Some((rank, offset)) = context.shared_at(at) else {
                        let size = (tile.size(), lane);
                        let kind = AccessKind::CopyWrite;
                        return Err(context.outside(kind, Space::Shared, at, size));
                    };
                    let whole = Bytes::Shared { rank, offset, size: tile.size() };
                    let targets = self.targets(*multicast, lane, whole, context)?;
                    for (i, target) in targets.into_iter().enumerate() {
                        let size = (lane, tile.size());
                        let to = (target, Signalled::new(multicast.is_some(), *of_pair));
                        let completion = self.transactions(group, barrier, size, to, context)?;
                        let runs = tile.runs(&map, target.place().1);
                        let mut transfer = load(&map, &runs, target, completion);
                        if i > 0 {
                            transfer.reads.clear();
                        }
                        self.transfer(transfer, number, lane, context)?;
                    }
                }
                TensorDirection::Store { reduction } => {
                    let Some((rank, offset)) = context.shared_at(at) else {
                        let size = (tile.size(), lane);
                        let kind = AccessKind::CopyRead;
                        return Err(context.outside(kind, Space::Shared, at, size));
                    };
                    let whole = Bytes::Shared { rank, offset, size: tile.size() };
                    let reduction = match reduction {
                        Some(operation) => Some(reduction_of(operation, map.element, lane)?),
                        None => None,
                    };
                    let completion = self.group_signal(lane, context);
                    let transfer = store(&tile.runs(&map, at), whole, reduction, completion);
                    self.transfer(transfer, number, lane, context)?;
                }
            }
        }
        Ok(())
    }
}

/// The box that an instruction names, if the map is for it.
fn tile(
    map: &TensorMap,
    copy: &TensorCopy,
    coordinates: &[i32],
    (lane, shared_size): (usize, usize),
) -> Outcome<Tile> {
    let rank = map.shape.len();
    let refuse = |what: String| Err(Raised::undefined(what, 1 << lane));
    let bytes = map.box_bytes();
    if bytes > shared_size as u64 {
        return refuse(format!(
            "a box of {bytes} bytes, and the block has {shared_size} of shared memory"
        ));
    }
    if rank != copy.dimensions as usize {
        let asked = copy.dimensions;
        return refuse(format!("a tensor copy of {asked} dimensions with a map of {rank}"));
    }
    let four_rows = match (copy.four_rows, coordinates) {
        (true, &[first, a, b, c, d]) => Some((first, [a, b, c, d])),
        _ => None,
    };
    let Some((first, rows)) = four_rows else { return Ok(Tile::at(map, coordinates)) };
    if map.box_shape[1] != 1 {
        let rows = map.box_shape[1];
        return refuse(format!("four rows by a map whose box has {rows} rows; expected 1"));
    }
    Ok(Tile::four_rows(map, first, rows))
}

/// A load of a box to `whole` bytes.
fn load(map: &TensorMap, runs: &[Run], whole: Bytes, completion: Signal) -> Transfer {
    let fill = Source::Pattern(if map.fill_nan { map.element.nan() } else { 0 });
    let (_, begin) = whole.place();
    let piece = |run: &Run| Piece {
        from: run
            .global
            .map_or(fill, |address| Source::Memory(Bytes::Global { address, size: run.size })),
        to: whole.part((run.shared - begin) as u32, run.size),
    };
    Transfer {
        pieces: runs.iter().map(piece).collect(),
        reads: global_ranges(runs),
        writes: vec![whole],
        reduction: None,
        completion,
        generic: false,
    }
}

/// A store of a box from `whole` bytes, of which what is outside of the tensor is left out.
fn store(
    runs: &[Run],
    whole: Bytes,
    reduction: Option<Arc<ElementUpdate>>,
    completion: Signal,
) -> Transfer {
    let (_, begin) = whole.place();
    let piece = |run: &Run| {
        let from = whole.part((run.shared - begin) as u32, run.size);
        let to = Bytes::Global { address: run.global?, size: run.size };
        Some((from, to))
    };
    let pieces: Vec<_> = runs.iter().filter_map(piece).collect();
    let reads = match pieces.len() == runs.len() {
        true => vec![whole],
        false => pieces.iter().map(|piece| piece.0).collect(),
    };
    let piece = |(from, to): (Bytes, Bytes)| Piece { from: Source::Memory(from), to };
    Transfer {
        pieces: pieces.into_iter().map(piece).collect(),
        reads,
        writes: global_ranges(runs),
        reduction,
        completion,
        generic: false,
    }
}

/// The bytes of global memory of a box, neighbours as one.
fn global_ranges(runs: &[Run]) -> Vec<Bytes> {
    let mut ranges: Vec<Bytes> = Vec::new();
    for (address, length) in runs.iter().filter_map(|run| Some((run.global?, run.size))) {
        match ranges.last_mut() {
            Some(Bytes::Global { address: begin, size })
                if *begin + u64::from(*size) == address =>
            {
                *size += length;
            }
            _ => ranges.push(Bytes::Global { address, size: length }),
        }
    }
    ranges
}

/// A reduction of elements of the tensor's type.
fn reduction_of(operation: &str, element: Element, lane: usize) -> Outcome<Arc<ElementUpdate>> {
    let scalar = match element {
        Element::U8 | Element::U16 => None,
        Element::U32 => Some(ScalarType::U32),
        Element::S32 => Some(ScalarType::S32),
        Element::U64 => Some(ScalarType::U64),
        Element::S64 => Some(ScalarType::S64),
        Element::F16 => Some(ScalarType::F16),
        Element::F32 | Element::F32Ftz | Element::Tf32 | Element::Tf32Ftz => Some(ScalarType::F32),
        Element::F64 => Some(ScalarType::F64),
        Element::Bf16 => Some(ScalarType::Bf16),
    };
    let update = scalar.and_then(|scalar| element_update(operation, scalar, Space::Global));
    match update {
        Some(update) => Ok(Arc::new(ElementUpdate { size: element.size(), update })),
        None => {
            let what = format!("a reduction `{operation}` of elements of type {element:?}");
            Err(Raised::undefined(what, 1 << lane))
        }
    }
}
