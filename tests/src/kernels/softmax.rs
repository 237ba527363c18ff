use tilewright::dsl::{self, Value};
use tilewright::gpu::Target;
use tilewright::ptx::tree::Module;

/// y[r, :] = softmax(x[r, :]) for rows of any length, one warp a row, in two passes: maximum and
/// sum online, then the quotient.
pub fn row_softmax(target: Target) -> Module {
    dsl::kernel("row_softmax", target, |k| {
        let columns = k.parameter::<u32>("columns");
        let x = k.pointer_parameter::<f32>("x");
        let y = k.pointer_parameter::<f32>("y");
        let lane = k.thread_index().x;
        let row = k.block_index().x * columns;

        let mut maximum = k.variable(f32::NEG_INFINITY);
        let mut sum = k.variable(0.0);
        k.for_range(lane, columns, 32, |column| {
            let value = x.element(row + column).load();
            let after = maximum.get().max(value);
            sum *= exp(maximum.get() - after);
            sum += exp(value - after);
            maximum.set(after);
        });
        let largest = over_warp(maximum.get(), |a, b| a.max(b));
        // A lane without columns has −∞ and 0.
        let scaled = maximum.get().eq(f32::NEG_INFINITY);
        let scale = scaled.select(0.0, exp(maximum.get() - largest));
        let total = over_warp(sum.get() * scale, |a, b| a + b);
        k.for_range(lane, columns, 32, |column| {
            let value = x.element(row + column).load();
            y.element(row + column).store(exp(value - largest) / total);
        });
    })
}

fn exp(value: Value<'_, f32>) -> Value<'_, f32> {
    (value * std::f32::consts::LOG2_E).exp2()
}

/// Combines the values of a warp's lanes; every lane gets the result.
fn over_warp<'k>(
    value: Value<'k, f32>,
    combine: impl Fn(Value<'k, f32>, Value<'k, f32>) -> Value<'k, f32>,
) -> Value<'k, f32> {
    [16, 8, 4, 2, 1].iter().fold(value, |value, &mask| combine(value, value.shuffle_xor(mask)))
}
