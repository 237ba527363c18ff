//! How long it takes to generate and to print the PTX of one attention config.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use tilewright_codegen::attention::{Config, DataType, Mask, Problem, forward};
use tilewright_codegen::gpu::Gpu;
use tilewright_codegen::ptx;

/// What `autotune` allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn emit(criterion: &mut Criterion) {
    let gpu = Gpu::named("a100_sxm").expect("the GPU is known");
    let problem = Problem {
        dtype: DataType::Bf16,
        head_dim: 128,
        head_dim_v: 128,
        batch: 1,
        heads: 1,
        kv_heads: 1,
        seqlen_q: 4096,
        seqlen_kv: 4096,
        mask: Mask::Causal,
    };
    let config = Config::default_for(&problem, gpu);
    criterion.bench_function("generate, check and print one config", |bencher| {
        bencher.iter(|| {
            let kernel = forward(black_box(&problem), &config, gpu).expect("the default is valid");
            ptx::print(&ptx::check(kernel.module).expect("it is checked PTX"))
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50);
    targets = emit
}
criterion_main!(benches);
