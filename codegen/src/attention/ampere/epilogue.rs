use super::block::Block;
use super::shape::Shape;
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
            .byte_add((lane_of_quad * 16_u32).widen())
            .cast::<u32>();
        for group in 0..shape.head_dim_v / 32 {
            let packed = std::array::from_fn(|step| {
                let fragment = output.fragment(r as u32 / 2, 4 * group + step as u32);
                let [low, high] = [0, 1].map(|e| fragment[r % 2 * 2 + e] * factor);
                low.pack(high, shape.dtype)
            });
            let chunk = transpose_quad(packed, lane_of_quad);
            let address = address.byte_offset(i64::from(group) * 64);
            k.guarded(exists, || address.store_vector(chunk));
        }
        let first_of_quad = lane_of_quad.eq(0).and(exists);
        let address = arguments
            .log_sum_exp
            .byte_add((rows_before + row.as_unsigned().widen()) * size_of::<f32>() as u64);
        k.guarded(first_of_quad, || address.store(log_sum_exp));
    }
}

/// Transposes 4×4 registers over four neighbouring threads: thread t gives register i to thread i,
/// and so gets what each of the four holds in register t. For packed accumulators of four column
/// steps that is 16 bytes of one row.
fn transpose_quad<'k>(
    own: [Value<'k, u32>; 4],
    lane_of_quad: Value<'k, u32>,
) -> [Value<'k, u32>; 4] {
    let exchange = |values: [Value<'k, u32>; 4], distance: u32| {
        let is_upper = (lane_of_quad & distance).ne(0);
        let mut result = values;
        for i in (0..4).filter(|i| i & distance == 0) {
            let (low, high) = (i as usize, (i | distance) as usize);
            let sent = is_upper.select(values[low], values[high]);
            let received = sent.shuffle_xor(distance);
            result[low] = is_upper.select(received, values[low]);
            result[high] = is_upper.select(values[high], received);
        }
        result
    };
    exchange(exchange(own, 1), 2)
}
