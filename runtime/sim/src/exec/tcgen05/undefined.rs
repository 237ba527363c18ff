//! Cells that nothing wrote, as loads, stores and products pass them on.

use super::super::registers::{ALL, AnySlot, LANES, lanes};
use super::mma::{Home, Multiplication};
use super::registers::Place;
use crate::hazard::{Cause, Origin, unwritten_vectors};
use crate::machine::{Context, Warp};
use crate::memory::tensor::{TensorRegion, lane_mask};
use crate::numeric::matrix::tcgen05::SharedMatrix;
use crate::program::tcgen05::{TensorLoad, TensorStore};

impl Warp {
    /// Leaves undefined what a load has loaded of cells that nothing wrote.
    pub(super) fn leave_loaded_cells_undefined(
        &mut self,
        load: &TensorLoad,
        place: Place,
        context: &Context<'_>,
    ) {
        let Place { shape, lane, column } = place;
        let (columns, starts) = shape.columns(load.destinations.len() as u32);
        let lanes = lane_mask(lane, shape.lanes());
        let region =
            |start| TensorRegion { rank: context.rank, lanes, column: column + start, columns };
        let memory = &context.blocks[context.rank].tensor.memory;
        let Some(region) = starts.map(region).find(|region| !memory.is_written(region)) else {
            return;
        };
        let unwritten: Vec<u128> =
            (0..columns).map(|i| memory.unwritten_lanes(region.column + i)).collect();
        let first = unwritten.iter().position(|unwritten| unwritten & lanes != 0).unwrap_or(0);
        let region = TensorRegion {
            lanes: unwritten[first] & lanes,
            column: region.column + first as u32,
            columns: 1,
            ..region
        };
        let stored = context.blocks[context.rank].origins.of_column(region.column);
        let origin = stored.unwrap_or_else(|| self.origin(Cause::Tensor(region), ALL, context));
        let is_unwritten = |(lane, column): (u32, u32)| {
            memory.unwritten_lanes(place.column + column) >> (place.lane + lane) & 1 != 0
        };
        let mut reduced = [0; LANES];
        for (r, &destination) in load.destinations.iter().enumerate() {
            let bits = std::array::from_fn(|t| {
                let (lane, column) = shape.cell(r as u32, t as u32);
                match (shape.is_packed(), is_unwritten((lane, column))) {
                    (false, false) => 0,
                    (false, true) => u64::from(u32::MAX),
                    (true, low) => {
                        let high = is_unwritten((lane, column + 1));
                        let half = |is: bool, bits: u64| if is { bits } else { 0 };
                        half(low, 0xffff) | half(high, 0xffff_0000)
                    }
                }
            });
            for (reduced, bits) in reduced.iter_mut().zip(&bits) {
                *reduced |= if *bits != 0 { u64::from(u32::MAX) } else { 0 };
            }
            self.leave_bits_undefined(AnySlot::Word(destination), (ALL, &bits), origin, context);
        }
        if let Some((_, destination)) = load.reduction {
            self.leave_bits_undefined(AnySlot::Word(destination), (ALL, &reduced), origin, context);
        }
    }

    /// Takes cells for unwritten that a store left undefined.
    pub(super) fn leave_cells_undefined(
        &self,
        store: &TensorStore,
        place: Place,
        context: &mut Context<'_>,
    ) {
        for (r, &source) in store.sources.iter().enumerate() {
            let undefined = self.undefined_lanes(source, context);
            let Some(origin) = self.origin_read(source, undefined, context) else { continue };
            for t in lanes(undefined) {
                let (lane, column) = place.shape.cell(r as u32, t as u32);
                let columns = if place.shape.is_packed() { 2 } else { 1 };
                let region = TensorRegion {
                    rank: context.rank,
                    lanes: lane_mask(place.lane + lane, 1),
                    column: place.column + column,
                    columns,
                };
                let block = &mut context.blocks[context.rank];
                block.tensor.memory.mark_unwritten(&region);
                (0..columns).for_each(|i| block.origins.note_column(region.column + i, origin));
            }
        }
    }

    /// The cells of D that come of something undefined, and where that comes from; all that the product
    /// reads is there.
    pub(super) fn undefined_cells(
        &self,
        product: &Multiplication,
        lane: usize,
        context: &Context<'_>,
    ) -> Vec<(TensorRegion, Origin)> {
        let of_tensor = |region: TensorRegion| {
            let stored = context.blocks[region.rank].origins.of_column(region.column);
            stored.unwrap_or_else(|| self.origin(Cause::Tensor(region), 1 << lane, context))
        };
        let of_shared = |matrix: SharedMatrix, outer, rank: usize| {
            let (size, shared) = (matrix.factor.unit_bytes(), &context.blocks[rank].shared);
            let found = unwritten_vectors(matrix.units, 0..outer, size, shared);
            let first = found
                .first()
                .map(|&(_, at)| self.read_of_factor((rank, at.into()), size, 1 << lane, context));
            (found, first)
        };
        let b_columns = product.instruction.n / product.blocks.len();
        let mut columns = vec![false; product.instruction.n];
        let mut of_b = None;
        for (i, rank) in product.ranks().into_iter().enumerate() {
            let (found, first) = of_shared(product.b, b_columns, rank);
            for (column, _) in found {
                let column = i * b_columns + column;
                columns[column] = !product.zeros.get(column).is_some_and(|&zero| zero);
            }
            of_b = of_b.or(first);
        }
        let mut cells = Vec::new();
        for &(rank, written) in &product.blocks {
            let memory = &context.blocks[rank].tensor.memory;
            let first_unwritten = |region: TensorRegion| {
                let column = |i| TensorRegion { column: region.column + i, columns: 1, ..region };
                (0..region.columns).map(column).find(|column| !memory.is_written(column))
            };
            let (mut rows, mut of_rows) = match product.a {
                Home::Shared(a) => {
                    let (found, first) = of_shared(a, product.rows(), rank);
                    let lanes = found.iter().map(|&(row, _)| product.layout.lanes_of_row(row));
                    (lanes.fold(0, |all, lanes| all | lanes), first)
                }
                Home::Tensor { column, shift } => {
                    let (lanes, columns) = (product.layout.lanes(), product.a_columns() as u32);
                    let a = TensorRegion { rank, lanes, column, columns };
                    let unwritten = (column..column + columns).map(|i| memory.unwritten_lanes(i));
                    let lanes = unwritten.fold(0, |all, lanes| all | lanes) & lanes;
                    let moved = if shift { lanes << 1 | lanes & 1 } else { lanes };
                    (moved, first_unwritten(a).map(of_tensor))
                }
            };
            if let Some(scales) = product.scale_regions(rank).find_map(first_unwritten) {
                (rows, of_rows) = (u128::MAX, of_rows.or(Some(of_tensor(scales))));
            }
            let count = product.d_columns();
            for i in 0..count {
                let d =
                    TensorRegion { rank, lanes: written, column: product.d + i as u32, columns: 1 };
                let before = match product.scale {
                    Some(_) => memory.unwritten_lanes(d.column) & written,
                    None => 0,
                };
                let of_before = TensorRegion { lanes: before, ..d };
                let parts = (0..product.layout.parts()).filter(|part| columns[part * count + i]);
                let parts = parts.fold(0, |all, part| all | product.layout.lanes_of_part(part));
                let lanes = (before | rows | parts) & written;
                let origin = match () {
                    () if before != 0 => Some(of_tensor(of_before)),
                    () if rows & written != 0 => of_rows,
                    () => of_b,
                };
                if let (1.., Some(origin)) = (lanes, origin) {
                    cells.push((TensorRegion { lanes, ..d }, origin));
                }
            }
        }
        cells
    }
}
