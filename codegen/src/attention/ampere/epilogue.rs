use super::block::Block;
use super::shape::Shape;
use crate::attention::output::store_row;
use crate::dsl::{Builder, Value};
use crate::tile::Accumulator;

/// Writes a warp's rows of O, scaled, and of LSE, as far as they exist.
pub(super) fn store_output<'k>(
    k: &'k Builder,
    block: &Block<'k>,
    shape: &Shape,
    output: Accumulator<'k>,
    rows: Vec<(Value<'k, f32>, Value<'k, f32>)>,
) {
    let arguments = &block.arguments;
    let head_bytes = shape.head_dim_v * shape.dtype.bytes();
    let stride = arguments.heads * head_bytes;
    let lane_of_quad = k.thread_index().x % 4;
    let rows_before = (block.batch * arguments.heads + block.head)
        .multiply_wide(arguments.seqlen_q.as_unsigned());
    for (r, (factor, log_sum_exp)) in rows.into_iter().enumerate() {
        let row = block.thread_row + 8 * r as i32;
        let exists = row.lt(arguments.seqlen_q);
        let address = block
            .row(arguments.output, arguments.seqlen_q, row, block.head, (head_bytes, stride))
            .cast();
        store_row(address, exists, lane_of_quad, (shape.head_dim_v, shape.dtype), |column_step| {
            let fragment = output.fragment(r as u32 / 2, column_step);
            [0, 1].map(|e| fragment[r % 2 * 2 + e] * factor)
        });
        let first_of_quad = lane_of_quad.eq(0).and(exists);
        let address = arguments
            .log_sum_exp
            .byte_add((rows_before + row.as_unsigned().widen()) * size_of::<f32>() as u64);
        k.guarded(first_of_quad, || address.store(log_sum_exp));
    }
}
