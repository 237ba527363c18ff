use super::consumer::Consumer;
use super::schedule::Work;
use crate::dsl::{Value, WARPGROUP_ROWS};
use crate::tile::{Accumulator, Turn, WarpgroupTile};

/// Writes a warpgroup's rows of O, scaled, and of LSE, as far as they exist. O passes through the
/// memory of the consumer's rows of Q, which is free afterwards.
pub(super) fn store_output<'k>(
    consumer: &Consumer<'_, 'k>,
    work: &Work<'k>,
    output: &Accumulator<'k>,
    rows: &[(Value<'k, f32>, Value<'k, f32>)],
    queries: &mut Turn<'k>,
) {
    let Consumer { k, shape, arguments, memory, number, .. } = *consumer;
    let layout = shape.plan.output;
    let own = memory.at(0).byte_add(number * shape.plan.query_stride());
    let scaled = output.product().map(|element, row, _| element * rows[row].0);
    let tile = WarpgroupTile::new(k, own, layout);
    match shape.plan.staged {
        None => tile.store(&scaled.into_a(shape.dtype).concat()),
        Some(_) => tile.store_transposed_columns(k, scaled, shape.dtype.output()),
    }
    k.fence_shared_for_async();
    consumer.warpgroup.wait();
    k.if_(consumer.is_first_thread, || {
        let first_row = work.first_row + (number * WARPGROUP_ROWS).as_signed();
        for panel in 0..layout.panels() {
            let column = k.constant((panel * layout.width() / shape.dtype.output().bytes()) as i32);
            let at = [column, work.head.as_signed(), first_row, work.batch.as_signed()];
            let source = own.byte_offset((panel * layout.panel().bytes()).into());
            arguments.output.store(at, source);
        }
        k.commit_stores();
        k.wait_for_store_sources();
    });
    memory.queries.free(queries, consumer.is_first_thread);
    store_log_sum_exp(consumer, work, rows);
}

fn store_log_sum_exp<'k>(
    consumer: &Consumer<'_, 'k>,
    work: &Work<'k>,
    rows: &[(Value<'k, f32>, Value<'k, f32>)],
) {
    let Consumer { k, arguments, .. } = *consumer;
    let seqlen_q = arguments.visible.seqlen_q;
    let rows_before =
        (work.batch * arguments.heads + work.head).multiply_wide(seqlen_q.as_unsigned());
    let is_first_of_quad = (k.thread_index().x % 4).eq(0);
    for (r, (_, log_sum_exp)) in (0..).zip(rows) {
        let row = consumer.thread_row(work) + 8 * r;
        let address = arguments
            .log_sum_exp
            .byte_add((rows_before + row.as_unsigned().widen()) * size_of::<f32>() as u64);
        k.guarded(is_first_of_quad.and(row.lt(seqlen_q)), || address.store(*log_sum_exp));
    }
}
