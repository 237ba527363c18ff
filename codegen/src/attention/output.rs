//! Rows of O on their way from registers to global memory.

use super::DataType;
use crate::dsl::{Global, Pointer, Value};

/// Writes a row of `head_dim` elements, of which a thread has two in each step of 8 columns, as in
/// an accumulator of `mma.m16n8k16`: `pair` gives them by column step. `head_dim` is a multiple of
/// 32. Every four neighbouring threads have a row: its beginning is at `row`, and it is written
/// where it `exists`. This thread is number `lane_of_quad` of the four.
pub(super) fn store_row<'k>(
    row: Pointer<'k, u32, Global>,
    exists: Value<'k, bool>,
    lane_of_quad: Value<'k, u32>,
    (head_dim, dtype): (u32, DataType),
    mut pair: impl FnMut(u32) -> [Value<'k, f32>; 2],
) {
    let k = exists.builder();
    let own = row.byte_add((lane_of_quad * 16_u32).widen());
    for group in 0..head_dim / 32 {
        let packed = std::array::from_fn(|step| {
            let [low, high] = pair(4 * group + step as u32);
            low.pack(high, dtype)
        });
        let chunk = transpose_quad(packed, lane_of_quad);
        let address = own.byte_offset(i64::from(group) * 64);
        k.guarded(exists, || address.store_vector(chunk));
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
