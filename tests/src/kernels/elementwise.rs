use tilewright::dsl;
use tilewright::gpu::Target;
use tilewright::ptx::tree::Module;

/// `z[i] = x[i] + y[i]`, a thread an element.
pub fn vector_add(target: Target) -> Module {
    dsl::kernel("vector_add", target, |k| {
        let n = k.parameter::<u32>("n");
        let x = k.pointer_parameter::<f32>("x");
        let y = k.pointer_parameter::<f32>("y");
        let z = k.pointer_parameter::<f32>("z");
        let i = k.block_index().x * k.block_dim().x + k.thread_index().x;
        k.if_(i.lt(n), || z.element(i).store(x.element(i).load() + y.element(i).load()));
    })
}
