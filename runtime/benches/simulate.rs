//! How fast one launch of an attention kernel simulates on one core, for each architecture, with and
//! without looking for hazards: two heads of 512 queries and keys, 128 wide. It is meant to stay
//! under five seconds with hazards and under one without.

use criterion::{Criterion, criterion_group, criterion_main};
use tilewright::attention::{Config, DataType, Mask, Problem, forward};
use tilewright::case::execute;
use tilewright::device::{Module, Simulator};
use tilewright::gpu::Gpu;
use tilewright::ptx;
use tilewright::reference::{Inputs, Values};
use tilewright::sim::Options;

/// What `ptxsim` allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PROBLEM: Problem = Problem {
    dtype: DataType::Bf16,
    head_dim: 128,
    head_dim_v: 128,
    batch: 1,
    heads: 2,
    kv_heads: 2,
    seqlen_q: 512,
    seqlen_kv: 512,
    mask: Mask::Full,
};

fn simulate(criterion: &mut Criterion) {
    let inputs = Inputs::random(&PROBLEM, Values::Normal, 0);
    let scale = PROBLEM.default_softmax_scale();
    for name in ["a100_sxm", "h100_sxm", "b200"] {
        let gpu = Gpu::named(name).expect("it is a known GPU");
        let config = Config::default_for(&PROBLEM, gpu);
        let kernel = forward(&PROBLEM, &config, gpu).expect("defaults fit");
        let text = ptx::print(&ptx::check(kernel.module.clone()).expect("it checks"));
        let module = Module::parse(text).expect("it parses");
        let mut group = criterion.benchmark_group(format!("{name}, {config}"));
        group.sample_size(10);
        for (name, hazards) in [("plain", false), ("hazards", true)] {
            let options = Options { hazards, jobs: 1, ..Options::default() };
            group.bench_function(name, |b| {
                b.iter(|| {
                    let mut device = Simulator::new(options.clone());
                    execute(&mut device, &PROBLEM, scale, &inputs, &kernel, &module)
                        .expect("it is without fault")
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, simulate);
criterion_main!(benches);
