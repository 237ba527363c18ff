//! How fast attention kernels of another compiler execute on one core, with and without looking for
//! hazards. The elements of the throughput are thread instructions, of which those on Hopper do
//! more: a `wgmma` counts as one.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tilewright_codegen::ptx::{check, parse};
use tilewright_sim::{Launch, Memory, Options, Program, run};

/// What `ptxsim` allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The kernels, which take the same parameters: their names and texts.
const KERNELS: [(&str, &str); 2] = [
    ("ampere", include_str!("../../../tests/fixtures/corpus/attn_f16_d64_c0_sm80/kernel.ptx")),
    ("hopper", include_str!("../../../tests/fixtures/corpus/attn_f16_d64_c0_sm90/kernel.ptx")),
];
/// Heads, rows and columns of Q, K, V and O.
const SHAPE: [usize; 3] = [2, 256, 64];

fn memory() -> (Memory, Launch) {
    let elements: usize = SHAPE.iter().product();
    // Small values of .f16 that differ.
    let half = |i: usize| (0x3000_u16 + (i * 7919 % 1024) as u16).to_le_bytes();
    let input: Vec<u8> = (0..elements).flat_map(half).collect();
    let mut memory = Memory::new();
    let mut parameters = Vec::new();
    for name in ["q", "k", "v"] {
        parameters.extend(memory.allocate(name, &input).to_le_bytes());
    }
    for (name, size) in [("o", 4 * elements), ("lse", 4 * SHAPE[0] * SHAPE[1])] {
        parameters.extend(memory.allocate_uninitialized(name, size).to_le_bytes());
    }
    parameters.extend(0.125_f32.to_le_bytes());
    parameters.extend((SHAPE[1] as u32).to_le_bytes());
    parameters.extend([0; 16]);
    let launch = Launch {
        grid: [2, 2, 1],
        block: [128, 1, 1],
        dynamic_shared: 32768,
        parameters,
        ..Launch::default()
    };
    (memory, launch)
}

fn attention(criterion: &mut Criterion) {
    for (kernel, text) in KERNELS {
        let checked = check(parse(text).expect("it parses")).expect("it checks");
        let program = Program::new(&checked, None).expect("it is executable");
        let mut group = criterion.benchmark_group(format!("attention on {kernel}"));
        group.sample_size(20);
        for (name, hazards) in [("plain", false), ("hazards", true)] {
            let options = Options { hazards, jobs: 1, ..Options::default() };
            let execute = |(mut memory, launch): (Memory, Launch)| {
                run(&program, &launch, &mut memory, &options).expect("it is without fault")
            };
            group.throughput(Throughput::Elements(execute(memory()).total().threads));
            group.bench_function(name, |b| {
                b.iter_batched(memory, execute, BatchSize::LargeInput);
            });
        }
        group.finish();
    }
}

criterion_group!(benches, attention);
criterion_main!(benches);
