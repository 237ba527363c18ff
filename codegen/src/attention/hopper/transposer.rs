//! The warpgroup that copies, for FP8: it transposes value tiles besides.

use super::memory::Memory;
use super::producer::{Producer, Stream};
use super::schedule::Schedule;
use super::shape::Shape;
use crate::attention::arguments::Arguments;
use crate::attention::work::Work;
use crate::dsl::{Builder, Value};
use crate::tile::{ByteTranspose, SlotRing, Turn};

/// What the warpgroup does for each query tile: one of its threads brings Q, and key and value
/// tiles from the last to the first, a tile ahead of the one that all transpose.
pub(super) fn produce_transposed<'k>(
    k: &'k Builder,
    shape: &Shape,
    arguments: &Arguments<'k>,
    memory: &Memory<'k>,
    staged: &SlotRing<'k>,
) {
    let warp = (k.thread_index().x / 32).of_first_lane();
    let leads = warp.eq(0).and(k.elect());
    let producer = Producer::new(k, shape, arguments, memory);
    let mut keys = Stream::keys(&producer);
    let mut values = Stream::values(&producer);
    let mut queries = memory.queries.first_fill(k);
    let mut transposer = Transposer::new(k, shape, memory, staged);
    Schedule::new(k, arguments, shape).for_each(|work: Work<'k>| {
        let mut tile = k.variable(work.tiles.end - 1);
        let begin = work.tiles.begin;
        let any = tile.get().ge(begin);
        let lead = |body: &mut dyn FnMut()| {
            k.if_(leads, body);
            k.sync_warp();
        };
        lead(&mut || {
            k.if_(any, || {
                producer.copy(&mut keys, &work, tile.get());
                producer.copy(&mut values, &work, tile.get());
            });
            producer.copy_query(&mut queries, &work);
        });
        k.while_(tile.get().gt(begin), || {
            tile -= 1;
            lead(&mut || {
                producer.copy(&mut keys, &work, tile.get());
                producer.copy(&mut values, &work, tile.get());
            });
            transposer.run();
            tile.get().gt(begin)
        });
        k.if_(any, || transposer.run());
    });
}

/// What takes value tiles as they were copied, and leaves them transposed.
struct Transposer<'a, 'k> {
    k: &'k Builder,
    shape: &'a Shape,
    memory: &'a Memory<'k>,
    staged: &'a SlotRing<'k>,
    reads: Turn<'k>,
    writes: Turn<'k>,
    transpose: ByteTranspose<'k>,
}

impl<'a, 'k> Transposer<'a, 'k> {
    fn new(
        k: &'k Builder,
        shape: &'a Shape,
        memory: &'a Memory<'k>,
        staged: &'a SlotRing<'k>,
    ) -> Self {
        let (rows, columns) = (shape.config.tile_n, shape.head_dim_v);
        let transpose = ByteTranspose::new(k.thread_index().x, rows, columns);
        Self {
            k,
            shape,
            memory,
            staged,
            reads: staged.first_read(k),
            writes: memory.values.first_fill(k),
            transpose: transpose.expect("the config was checked"),
        }
    }

    fn run(&mut self) {
        let plan = &self.shape.plan;
        let tile =
            |at: u32, slot: Value<'k, u32>, bytes: u32| self.memory.at(at).byte_add(slot * bytes);
        self.staged.wait(&self.reads);
        let source = tile(plan.staged_at(), self.reads.slot(), plan.copied_value().bytes());
        self.memory.values.write(&mut self.writes, |slot| {
            self.transpose.run(source, tile(plan.values_at(), slot, plan.value.bytes()));
        });
        self.staged.free(&mut self.reads, self.k.constant(true));
    }
}
