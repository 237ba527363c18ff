use rayon::prelude::*;
use tilewright::attention::ampere::Config;
use tilewright::attention::{DataType, Mask, Problem};
use tilewright::gpu::Gpu;
use tilewright_tests::attention::problem;
use tilewright_tests::mutation::{Outcome, conclude, mutate_attention};

/// Seeds that a kernel without one of its synchronizing instructions is run with.
const SEEDS: u64 = 3;

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
    let outcomes: Vec<Outcome> = cases
        .par_iter()
        .map(|(problem, config)| {
            mutate_attention(&[*problem], *config, Gpu::named("a100_sxm").unwrap(), SEEDS)
        })
        .collect();
    conclude(outcomes);
}
