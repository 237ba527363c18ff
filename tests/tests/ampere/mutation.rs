use rayon::prelude::*;
use tilewright::attention::ampere::Config;
use tilewright::attention::{DataType, Mask, Problem};
use tilewright::device::Module;
use tilewright::gpu::Gpu;
use tilewright::ptx::tree::{Item, Statement};
use tilewright::ptx::{Opcode, tree};
use tilewright::reference::{Inputs, Values};
use tilewright::sim::Options;
use tilewright_tests::attention::{kernel, problem, run};
use tilewright_tests::run::reread;

/// Seeds that a kernel without one of its synchronizing instructions is run with.
const SEEDS: std::ops::Range<u64> = 0..3;

fn synchronizes(statement: &Statement) -> bool {
    let Statement::Instruction(instruction) = statement else { return false };
    matches!(
        instruction.mnemonic.opcode(),
        Opcode::BarSync
            | Opcode::CpAsyncWaitAll
            | Opcode::CpAsyncWaitGroup
            | Opcode::CpAsyncCommitGroup
    )
}

fn body(module: &mut tree::Module) -> &mut Vec<Statement> {
    let function = module.items.iter_mut().find_map(|item| match item {
        Item::Function(function) => function.body.as_mut(),
        _ => None,
    });
    function.expect("the kernel has a body")
}

/// Removes each synchronizing instruction in turn; returns how many there are, and what was said
/// of those whose lack nobody noticed.
fn check(problem: &Problem, config: &Config) -> (usize, Vec<String>) {
    let gpu = Gpu::named("a100_sxm").unwrap();
    let (kernel, whole) = kernel(problem, *config, gpu);
    let run = |module: &Module, seed: u64| {
        let inputs = Inputs::random(problem, Values::Normal, seed);
        run(problem, &kernel, module, &inputs, Options { seed, jobs: 1, ..Options::default() })
    };
    for seed in SEEDS {
        run(&whole, seed).unwrap_or_else(|error| panic!("{config}, whole: {error}"));
    }
    let count = body(&mut kernel.module.clone()).iter().filter(|s| synchronizes(s)).count();
    let missed = (0..count).into_par_iter().filter_map(|removed| {
        let mut module = kernel.module.clone();
        let body = body(&mut module);
        let places = body.iter().enumerate().filter(|(_, s)| synchronizes(s));
        let place = places.map(|(place, _)| place).nth(removed).expect("it was counted");
        let statement = body.remove(place);
        let module = reread(module);
        let caught = SEEDS.into_iter().any(|seed| run(&module, seed).is_err());
        (!caught).then(|| format!("{config}, {:?}: number {removed}, {statement:?}", problem.mask))
    });
    (count, missed.collect())
}

#[test]
fn no_barrier_wait_or_commit_can_be_missed() {
    let configs = [
        "m32n16w2s1slrs",
        "m32n16w2s1sl",
        "m32n16w2s1",
        "m32n16w2s1qrslrs",
        "m32n16w2s1qrshsl",
        "m32n16w2s2slrs",
        "m32n16w2s3sl",
        "m32n16w2s3qrslrs",
        "m32n16w2s2qrshslrs",
    ];
    let masks = [Mask::Full, Mask::Causal, Mask::Window { left: 60, right: 5 }];
    let small = |mask| problem(DataType::Bf16, (64, 64), (90, 135), mask);
    let mut cases: Vec<(Problem, Config)> = (configs.iter())
        .flat_map(|config| masks.map(|mask| (small(mask), config.parse().unwrap())))
        .collect();
    let large = problem(DataType::Bf16, (128, 128), (300, 300), Mask::Causal);
    for gpu in ["a100_sxm", "rtx3090"] {
        cases.push((large, Config::default_for(&large, Gpu::named(gpu).unwrap())));
    }
    let results: Vec<_> =
        cases.par_iter().map(|(problem, config)| check(problem, config)).collect();
    let total: usize = results.iter().map(|(count, _)| count).sum();
    let missed: Vec<_> = results.into_iter().flat_map(|(_, missed)| missed).collect();
    println!("{} of {total} removals are caught", total - missed.len());
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
