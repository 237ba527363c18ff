//! The warp that copies outputs from shared memory to O, by one of its threads.

use super::config::ROWS;
use super::memory::Memory;
use super::schedule::Schedule;
use super::shape::Shape;
use crate::attention::arguments::{Arguments, Output};
use crate::dsl::Builder;

/// What the copying thread does for each query tile, as the correction brings it.
pub(super) fn store<'k>(
    k: &'k Builder,
    shape: &Shape,
    arguments: &Arguments<'k>,
    memory: &Memory<'k>,
) {
    let (plan, layout) = (&shape.plan, shape.plan.output);
    let Output::Boxes(map) = arguments.output else {
        unreachable!("O is declared as a tensor map")
    };
    let mut outputs = memory.outputs.first_read(k);
    let mut queries = memory.queries.first_read(k);
    Schedule::new(k, shape, arguments, memory).for_each(|work| {
        for tile in 0..shape.query_tiles() {
            memory.outputs.wait(&outputs);
            let row = work.first_row + (tile * ROWS) as i32;
            for panel in 0..layout.panels() {
                let column = (panel * layout.width() / shape.dtype.output().bytes()) as i32;
                let at = [k.constant(column), work.head.as_signed(), row, work.batch.as_signed()];
                let place = plan.outputs_at()
                    + tile * plan.output_stride()
                    + panel * layout.panel().bytes();
                map.store(at, memory.at(place));
            }
            k.commit_stores();
            k.wait_for_store_sources();
            memory.outputs.free(&mut outputs, k.constant(true));
            if shape.config.o_over_q {
                memory.queries.free(&mut queries, k.constant(true));
            }
        }
    });
}
