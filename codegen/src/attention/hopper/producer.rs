//! The warpgroup that copies: one of its threads keeps the rings full.

use super::memory::Memory;
use super::schedule::Schedule;
use super::shape::Shape;
use crate::attention::arguments::Arguments;
use crate::attention::work::Work;
use crate::dsl::{Builder, CacheHint, Receivers, TensorMap, Value, WARPGROUP_ROWS};
use crate::tile::{PanelLayout, SlotRing, Turn};

/// What the copying thread knows.
pub(super) struct Producer<'a, 'k> {
    k: &'k Builder,
    shape: &'a Shape,
    arguments: &'a Arguments<'k>,
    memory: &'a Memory<'k>,
    rank: Value<'k, u32>,
    again: CacheHint<'k>,
    once: CacheHint<'k>,
}

/// K or V: its tensor map, its ring, and where that lies.
pub(super) struct Stream<'a, 'k> {
    map: TensorMap<'k, 4>,
    ring: &'a SlotRing<'k>,
    at: u32,
    layout: PanelLayout,
    turn: Turn<'k>,
}

/// What the copying thread does, for each query tile: it brings Q, and key and value tiles from the
/// last to the first, in the order in which consumers need them: a key tile, then the value tile
/// of the key tile before.
pub(super) fn produce<'k>(
    k: &'k Builder,
    shape: &Shape,
    arguments: &Arguments<'k>,
    memory: &Memory<'k>,
) {
    let producer = Producer::new(k, shape, arguments, memory);
    let mut keys = Stream::keys(&producer);
    let mut values = Stream::values(&producer);
    let mut query_turn = memory.queries.first_fill(k);
    Schedule::new(k, arguments, shape).for_each(|work| {
        let mut tile = k.variable(work.tiles.end - 1);
        let begin = work.tiles.begin;
        let any = tile.get().ge(begin);
        k.if_(any, || producer.copy(&mut keys, &work, tile.get()));
        producer.copy_query(&mut query_turn, &work);
        k.while_(tile.get().gt(begin), || {
            producer.copy(&mut keys, &work, tile.get() - 1);
            producer.copy(&mut values, &work, tile.get());
            tile -= 1;
            tile.get().gt(begin)
        });
        k.if_(any, || producer.copy(&mut values, &work, tile.get()));
    });
}

impl<'a, 'k> Stream<'a, 'k> {
    /// The stream of key tiles.
    pub(super) fn keys(producer: &Producer<'a, 'k>) -> Self {
        let Producer { k, shape, arguments, memory, .. } = *producer;
        let (ring, at, layout) = (&memory.keys, shape.plan.keys_at(), shape.plan.key);
        Self { map: arguments.key, ring, at, layout, turn: ring.first_fill(k) }
    }

    /// The stream of value tiles, as they are copied.
    pub(super) fn values(producer: &Producer<'a, 'k>) -> Self {
        let Producer { k, shape, arguments, memory, .. } = *producer;
        let (ring, at) = match &memory.staged {
            None => (&memory.values, shape.plan.values_at()),
            Some(staged) => (staged, shape.plan.staged_at()),
        };
        let layout = shape.plan.copied_value();
        Self { map: arguments.value, ring, at, layout, turn: ring.first_fill(k) }
    }
}

impl<'a, 'k> Producer<'a, 'k> {
    pub(super) fn new(
        k: &'k Builder,
        shape: &'a Shape,
        arguments: &'a Arguments<'k>,
        memory: &'a Memory<'k>,
    ) -> Self {
        let rank = match shape.config.cluster {
            1 => k.constant(0),
            _ => k.cluster_rank(),
        };
        let (again, once) = (k.keep_in_cache(), k.drop_from_cache());
        Self { k, shape, arguments, memory, rank, again, once }
    }

    pub(super) fn copy_query(&self, turn: &mut Turn<'k>, work: &Work<'k>) {
        let (layout, stride) = (self.shape.plan.query, self.shape.plan.query_stride());
        self.memory.queries.fill(turn, |_, full| {
            for consumer in 0..self.shape.config.consumers() {
                let row = work.first_row + (consumer * WARPGROUP_ROWS) as i32;
                for panel in 0..layout.panels() {
                    let place = consumer * stride + panel * layout.panel().bytes();
                    let at = [self.column(layout, panel), work.head.as_signed(), row, batch(work)];
                    let destination = self.memory.at(place);
                    let (receivers, hint) = (Receivers::Block, Some(self.once));
                    self.arguments.query.load(at, destination, full, receivers, hint);
                }
            }
        });
    }

    /// Copies this block's rows of a key or value tile, to all blocks of the cluster.
    pub(super) fn copy(&self, stream: &mut Stream<'_, 'k>, work: &Work<'k>, tile: Value<'k, i32>) {
        let Stream { map, ring, at, layout, turn } = stream;
        let rows = self.shape.copied_rows();
        let own_row = self.rank * rows;
        let receivers = match self.shape.config.cluster {
            1 => Receivers::Block,
            blocks => Receivers::Cluster(self.k.constant((1 << blocks) - 1)),
        };
        ring.fill(turn, |slot, full| {
            let slot = self.memory.at(*at).byte_add(slot * layout.bytes());
            let own = slot.byte_add(own_row * layout.width());
            let row = tile * self.shape.config.tile_n as i32 + own_row.as_signed();
            for panel in 0..layout.panels() {
                let at = [self.column(*layout, panel), work.kv_head.as_signed(), row, batch(work)];
                let place = own.byte_offset((panel * layout.panel().bytes()).into());
                map.load(at, place, full, receivers, Some(self.again));
            }
        });
    }

    /// The first element of a panel's rows.
    fn column(&self, layout: PanelLayout, panel: u32) -> Value<'k, i32> {
        self.k.constant((panel * layout.width() / self.shape.dtype.bytes()) as i32)
    }
}

fn batch<'k>(work: &Work<'k>) -> Value<'k, i32> {
    work.batch.as_signed()
}
