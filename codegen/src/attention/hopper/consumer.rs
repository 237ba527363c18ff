//! A warpgroup that computes: 64 rows of the query tile against all the key tiles that they see.

use super::epilogue::store_output;
use super::memory::Memory;
use super::probabilities::Probabilities;
use super::queries::Queries;
use super::schedule::Schedule;
use super::shape::Shape;
use super::tile_loop::TileLoop;
use super::turns::Turns;
use crate::attention::arguments::Arguments;
use crate::attention::softmax::OnlineSoftmax;
use crate::attention::work::Work;
use crate::dsl::{Builder, NamedBarrier, Value, WARPGROUP, WARPGROUP_ROWS};
use crate::tile::{Accumulator, Descriptor, Product};

/// What a thread of a consumer knows of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Consumer<'a, 'k> {
    pub(super) k: &'k Builder,
    pub(super) shape: &'a Shape,
    pub(super) arguments: &'a Arguments<'k>,
    pub(super) memory: &'a Memory<'k>,
    /// Which of the consumers.
    pub(super) number: Value<'k, u32>,
    /// Whether it is the first of its warpgroup, which speaks for all: products that it has waited
    /// for are complete for the warpgroup.
    pub(super) is_first_thread: Value<'k, bool>,
    /// A barrier of the warpgroup.
    pub(super) warpgroup: NamedBarrier<'k>,
}

/// What consumer `number` does.
pub(super) fn consume<'k>(
    k: &'k Builder,
    shape: &Shape,
    arguments: &Arguments<'k>,
    memory: &Memory<'k>,
    number: Value<'k, u32>,
) {
    let consumer = Consumer {
        k,
        shape,
        arguments,
        memory,
        number,
        is_first_thread: (k.thread_index().x % WARPGROUP).eq(0),
        warpgroup: Turns::warpgroup_barrier(k, shape.config.consumers(), number),
    };
    let turns = Turns::begin(k, &shape.config, number);
    let mut queries = memory.queries.first_read(k);
    let mut keys = memory.keys.first_read(k);
    let mut values = memory.values.first_read(k);
    Schedule::new(k, arguments, shape).for_each(|work| {
        let mut output = Accumulator::zeros(k, 1, shape.head_dim_v / 8);
        let (scale, value_descale) = arguments.scales(work.batch, work.kv_head);
        let scale_log2 = scale * std::f32::consts::LOG2_E;
        let dtype = shape.dtype.probability();
        let mut softmax = OnlineSoftmax::new(
            k,
            dtype,
            1,
            scale_log2,
            shape.config.rescale,
            shape.config.polynomials,
        );
        let query_tile = Queries::receive(&consumer, &mut queries);
        k.if_(work.tiles.end.gt(work.tiles.begin), || {
            let mut tile_loop = TileLoop {
                consumer,
                work,
                thread_row: consumer.thread_row(&work),
                tile: k.variable(work.tiles.end - 1),
                turns: &turns,
                queries: &query_tile,
                keys: &mut keys,
                values: &mut values,
                probabilities: Probabilities::new(&consumer),
                output: &mut output,
                softmax: &mut softmax,
            };
            tile_loop.run();
        });
        let mut rows = softmax.finish();
        if let Some(descale) = value_descale {
            rows.iter_mut().for_each(|(factor, _)| *factor = *factor * descale);
        }
        store_output(&consumer, &work, &output, &rows, &mut queries);
    });
}

impl<'k> Consumer<'_, 'k> {
    /// Row of this thread's row 0; its row 1 is 8 below.
    pub(super) fn thread_row(&self, work: &Work<'k>) -> Value<'k, i32> {
        let thread = self.k.thread_index().x % WARPGROUP;
        let own = thread / 32 * 16_u32 + thread % 32 / 4;
        work.first_row + (self.number * WARPGROUP_ROWS + own).as_signed()
    }

    /// The keys in a slot, as B operands.
    pub(super) fn key_steps(&self, slot: Value<'k, u32>) -> Vec<Descriptor<'k>> {
        let layout = self.shape.plan.key;
        let ring = Descriptor::new(self.memory.at(self.shape.plan.keys_at()), layout);
        let tile = ring.element(slot, layout.bytes());
        tile.steps_along_rows(layout)
    }

    /// The values in a slot, as B operands.
    pub(super) fn value_steps(&self, slot: Value<'k, u32>) -> Vec<Descriptor<'k>> {
        let layout = self.shape.plan.value;
        let ring = Descriptor::new(self.memory.at(self.shape.plan.values_at()), layout);
        let tile = ring.element(slot, layout.bytes());
        match self.shape.plan.staged {
            None => tile.steps_across_rows(layout, self.shape.dtype.bytes()),
            Some(_) => tile.steps_along_rows(layout),
        }
    }

    /// Sets the scores of key tile `tile` that rows from `thread_row` on do not see to −∞.
    pub(super) fn mask(
        &self,
        scores: Product<'k>,
        thread_row: Value<'k, i32>,
        tile: Value<'k, i32>,
    ) -> Product<'k> {
        let Self { k, arguments, shape, .. } = *self;
        let thread_column = k.thread_index().x % 4 * 2_u32;
        let first_key = tile * shape.config.tile_n as i32 + thread_column.as_signed();
        arguments.visible.mask(scores, thread_row, first_key)
    }
}
