use super::consumer::Consumer;
use crate::attention::arguments::Output;
use crate::attention::output::store_row;
use crate::attention::work::Work;
use crate::dsl::{Global, Pointer, TensorMap, Value, WARPGROUP_ROWS};
use crate::tile::{Accumulator, Product, Turn, WarpgroupTile};

/// Writes a warpgroup's rows of O, scaled, and of LSE, as far as they exist. The memory of the
/// consumer's rows of Q is free afterwards.
pub(super) fn store_output<'k>(
    consumer: &Consumer<'_, 'k>,
    work: &Work<'k>,
    output: &Accumulator<'k>,
    rows: &[(Value<'k, f32>, Value<'k, f32>)],
    queries: &mut Turn<'k>,
) {
    let Consumer { k, shape, arguments, memory, is_first_thread, .. } = *consumer;
    let scaled = output.product().map(|element, row, _| element * rows[row].0);
    match arguments.output {
        Output::Boxes(map) => {
            store_boxes(consumer, work, scaled, map);
            memory.queries.free(queries, is_first_thread);
        }
        Output::Rows(array) => {
            if !shape.config.frees_queries_early() {
                // Products show that all of the warpgroup have seen the tile; here there were none.
                k.if_(work.tiles.end.le(work.tiles.begin), || consumer.warpgroup.wait());
                memory.queries.free(queries, is_first_thread);
            }
            store_rows(consumer, work, scaled, array);
        }
    }
    store_log_sum_exp(consumer, work, rows);
}

/// Writes O through the memory of the consumer's rows of Q.
fn store_boxes<'k>(
    consumer: &Consumer<'_, 'k>,
    work: &Work<'k>,
    output: Product<'k>,
    map: TensorMap<'k, 4>,
) {
    let Consumer { k, shape, memory, number, .. } = *consumer;
    let layout = shape.plan.output;
    let own = memory.at(0).byte_add(number * shape.plan.query_stride());
    let tile = WarpgroupTile::new(k, own, layout);
    match shape.plan.staged {
        None => tile.store(&output.into_a(shape.dtype).concat()),
        Some(_) => tile.store_transposed_columns(k, output, shape.dtype.output()),
    }
    k.fence_shared_for_async();
    consumer.warpgroup.wait();
    k.if_(consumer.is_first_thread, || {
        let first_row = work.first_row + (number * WARPGROUP_ROWS).as_signed();
        for panel in 0..layout.panels() {
            let column = k.constant((panel * layout.width() / shape.dtype.output().bytes()) as i32);
            let at = [column, work.head.as_signed(), first_row, work.batch.as_signed()];
            let source = own.byte_offset((panel * layout.panel().bytes()).into());
            map.store(at, source);
        }
        k.commit_stores();
        k.wait_for_store_sources();
    });
}

/// Writes O to an array from registers.
fn store_rows<'k>(
    consumer: &Consumer<'_, 'k>,
    work: &Work<'k>,
    output: Product<'k>,
    array: Pointer<'k, u32, Global>,
) {
    let Consumer { k, shape, arguments, .. } = *consumer;
    let dtype = shape.dtype.output();
    let seqlen_q = arguments.visible.seqlen_q;
    let head_bytes = shape.head_dim_v * dtype.bytes();
    let rows_before = work.batch.multiply_wide(seqlen_q.as_unsigned());
    let lane_of_quad = k.thread_index().x % 4;
    for row in 0..output.rows() {
        let number = consumer.thread_row(work) + 8 * row as i32;
        let exists = number.lt(seqlen_q);
        let rows = rows_before + number.as_unsigned().widen();
        let address = array
            .byte_add(rows * (arguments.heads * head_bytes).widen())
            .byte_add(work.head.multiply_wide(head_bytes));
        let elements: Vec<_> = output.row(row).collect();
        let (pairs, _) = elements.as_chunks::<2>();
        match shape.plan.staged {
            None => store_row(address, exists, lane_of_quad, (shape.head_dim_v, dtype), |step| {
                pairs[step as usize]
            }),
            // Of each 16 columns a thread has four that follow each other: even ones, then odd ones.
            Some(_) => {
                let own = address.byte_add((lane_of_quad * 8_u32).widen());
                for (step, [even, odd]) in (0..).zip(pairs.as_chunks::<2>().0) {
                    let packed = [0, 1].map(|i| even[i].pack(odd[i], dtype));
                    k.guarded(exists, || own.byte_offset(32 * step).store_vector(packed));
                }
            }
        }
    }
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
