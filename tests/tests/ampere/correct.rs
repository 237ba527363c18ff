use tilewright::attention::ampere::Config;
use tilewright::attention::{DataType, Mask, Problem};
use tilewright::gpu::Gpu;
use tilewright_tests::attention::{self, problem};
use tilewright_tests::random;

/// Runs a config, `default` or by its text, on a problem.
fn check(problem: Problem, config: &str, seed: u64) {
    let gpu = Gpu::named("a100_sxm").unwrap();
    let config: Config = match config {
        "default" => Config::default_for(&problem, gpu),
        text => text.parse().unwrap(),
    };
    attention::check(&problem, config, gpu, seed);
}

const MASKS: [Mask; 5] = [
    Mask::Full,
    Mask::Causal,
    Mask::Window { left: 40, right: 0 },
    Mask::Window { left: 17, right: 23 },
    Mask::Window { left: 0, right: 100 },
];

#[test]
fn every_head_dimension() {
    let dims =
        [(32, 32), (64, 64), (96, 96), (128, 128), (192, 192), (256, 256), (192, 128), (64, 160)];
    for (seed, dims) in dims.into_iter().enumerate() {
        for dtype in [DataType::F16, DataType::Bf16] {
            check(problem(dtype, dims, (70, 150), Mask::Causal), "default", seed as u64);
        }
    }
}

#[test]
fn every_mask_and_ragged_lengths() {
    let lengths = [(1, 1), (1, 200), (200, 1), (63, 65), (64, 64), (150, 70), (70, 310)];
    for (seed, lengths) in lengths.into_iter().enumerate() {
        for mask in MASKS {
            check(problem(DataType::Bf16, (64, 64), lengths, mask), "m64n32w4s1slrs", seed as u64);
        }
    }
}

#[test]
fn every_variant() {
    let variants = [
        "m64n64w4s1",
        "m64n64w4s1qr",
        "m64n64w4s1qrsh",
        "m64n64w4s1sl",
        "m64n64w4s1rl",
        "m64n64w4s1slrl",
        "m64n64w4s1slrs",
        "m64n32w2s2qrshslrs",
        "m32n16w2s3slrs",
        "m64n16w2s4qrslrl",
        "m128n64w4s2slrs",
        "m128n32w8s1qrslrs",
        "m32n16w2s2slrs",
    ];
    for (seed, config) in variants.into_iter().enumerate() {
        for mask in [Mask::Full, Mask::Causal, Mask::Window { left: 50, right: 3 }] {
            check(problem(DataType::F16, (64, 64), (130, 190), mask), config, seed as u64);
        }
    }
}

#[test]
fn groups_of_heads_and_batches() {
    for (seed, (heads, kv_heads)) in [(4, 4), (6, 2), (3, 1)].into_iter().enumerate() {
        let problem = Problem {
            batch: 2,
            heads,
            kv_heads,
            ..problem(DataType::Bf16, (64, 32), (70, 100), Mask::Causal)
        };
        check(problem, "default", seed as u64);
    }
}

#[test]
fn random_problems_and_configs() {
    let space = random::Space {
        dtypes: &[DataType::F16, DataType::Bf16],
        head_dims: &[(32, 32), (64, 64), (96, 96), (128, 128), (256, 256), (192, 128), (64, 160)],
    };
    for (name, count) in [("a100_sxm", 12), ("rtx4090", 4)] {
        random::check(Gpu::named(name).unwrap(), space, count);
    }
}
