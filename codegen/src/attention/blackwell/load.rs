//! The warp that copies Q, K and V: one of its threads keeps the rings full.

use super::config::ROWS;
use super::memory::Memory;
use super::schedule::Schedule;
use super::shape::Shape;
use crate::attention::arguments::Arguments;
use crate::attention::work::Work;
use crate::dsl::{Builder, CacheHint, Mbarrier, Pointer, Receivers, Shared, TensorMap, Value};
use crate::tile::{PanelLayout, Turn};

/// What the copying thread knows.
struct Loader<'a, 'k> {
    k: &'k Builder,
    shape: &'a Shape,
    arguments: &'a Arguments<'k>,
    memory: &'a Memory<'k>,
    /// The rank of the block in its pair.
    rank: Value<'k, u32>,
    receivers: Receivers<'k>,
    again: CacheHint<'k>,
    once: CacheHint<'k>,
}

/// What the copying thread does for each query tile: it brings Q, and key and value tiles from the
/// last to the first, in the order in which they are multiplied: keys, then the values of the same
/// tile.
pub(super) fn load<'k>(
    k: &'k Builder,
    shape: &Shape,
    arguments: &Arguments<'k>,
    memory: &Memory<'k>,
    rank: Value<'k, u32>,
) {
    let (again, once) = (k.keep_in_cache(), k.drop_from_cache());
    let receivers = if shape.config.pair { Receivers::Pair } else { Receivers::Block };
    let loader = Loader { k, shape, arguments, memory, rank, receivers, again, once };
    let mut queries = memory.queries.first_fill(k);
    let mut slots = memory.ring.first_fill(k);
    Schedule::new(k, shape, arguments, memory).for_each(|work| {
        loader.query(&mut queries, &work, 0);
        let begin = work.tiles.begin;
        let mut tile = k.variable(work.tiles.end - 1);
        k.if_(tile.get().ge(begin), || loader.keys(&mut slots, &work, tile.get()));
        (1..shape.query_tiles()).for_each(|tile| loader.query(&mut queries, &work, tile));
        k.while_(tile.get().ge(begin), || {
            loader.values(&mut slots, &work, tile.get());
            tile -= 1;
            k.if_(tile.get().ge(begin), || loader.keys(&mut slots, &work, tile.get()));
            tile.get().ge(begin)
        });
    });
}

impl<'k> Loader<'_, 'k> {
    fn query(&self, turn: &mut Turn<'k>, work: &Work<'k>, tile: u32) {
        let plan = &self.shape.plan;
        let row = work.first_row + (tile * ROWS) as i32;
        self.memory.queries.fill(turn, |_, full| {
            let place = self.memory.at(tile * plan.query_stride());
            let from = [self.k.constant(0), work.head.as_signed(), row, work.batch.as_signed()];
            self.copy(self.arguments.query, from, place, plan.query, full, self.once);
        });
    }

    /// This block's rows of a key tile.
    fn keys(&self, turn: &mut Turn<'k>, work: &Work<'k>, tile: Value<'k, i32>) {
        let layout = self.shape.plan.key;
        let own = (self.rank * layout.rows()).as_signed();
        let first = self.k.constant(0);
        self.tile(turn, self.arguments.key, work, (tile, own, first), layout);
    }

    /// This block's columns of a value tile.
    fn values(&self, turn: &mut Turn<'k>, work: &Work<'k>, tile: Value<'k, i32>) {
        let layout = self.shape.plan.value;
        let columns = layout.row_bytes() / self.shape.dtype.bytes();
        let own = (self.rank * columns).as_signed();
        let first = self.k.constant(0);
        self.tile(turn, self.arguments.value, work, (tile, first, own), layout);
    }

    /// Copies the part of a tile from a row and a column of it on.
    fn tile(
        &self,
        turn: &mut Turn<'k>,
        map: TensorMap<'k, 4>,
        work: &Work<'k>,
        (tile, row, column): (Value<'k, i32>, Value<'k, i32>, Value<'k, i32>),
        layout: PanelLayout,
    ) {
        let plan = &self.shape.plan;
        let row = tile * self.shape.config.tile_n as i32 + row;
        let from = [column, work.kv_head.as_signed(), row, work.batch.as_signed()];
        self.memory.ring.fill_part(turn, layout.bytes(), |slot, full| {
            let place = self.memory.at(plan.ring_at()).byte_add(slot * plan.slot());
            self.copy(map, from, place, layout, full, self.again);
        });
    }

    /// Copies rows, panel by panel.
    fn copy(
        &self,
        map: TensorMap<'k, 4>,
        [column, head, row, batch]: [Value<'k, i32>; 4],
        place: Pointer<'k, u32, Shared>,
        layout: PanelLayout,
        full: Mbarrier<'k>,
        hint: CacheHint<'k>,
    ) {
        for panel in 0..layout.panels() {
            let column = column + (panel * layout.width() / self.shape.dtype.bytes()) as i32;
            let place = place.byte_offset((panel * layout.panel().bytes()).into());
            map.load([column, head, row, batch], place, full, self.receivers, Some(hint));
        }
    }
}
