use tilewright::attention::{DataType, HEAD_DIMS, Mask, Problem};
use tilewright_tests::attention::{MASKS, check_word, problem, small_blackwell};
use tilewright_tests::random;

fn check(problem: Problem, config: &str, seed: u64) {
    check_word(&problem, config, &small_blackwell(), seed);
}

#[test]
fn every_head_dimension() {
    for (seed, dims) in HEAD_DIMS.into_iter().enumerate() {
        let dtype = [DataType::F16, DataType::Bf16][seed % 2];
        check(problem(dtype, dims, (150, 350), Mask::Causal), "default", seed as u64);
    }
}

#[test]
fn every_mask_and_ragged_lengths() {
    let lengths = [(1, 1), (1, 200), (200, 1), (127, 129), (128, 128), (300, 70), (70, 310)];
    for (seed, lengths) in lengths.into_iter().enumerate() {
        for mask in MASKS {
            let problem = problem(DataType::Bf16, (64, 64), lengths, mask);
            check(problem, "m256n64r4h3t8e2d3x192c80", seed as u64);
        }
    }
}

#[test]
fn every_variant() {
    let variants = [
        "m256n128r3h0t0e0d3x192c80",
        "m128n128r2h1t8e1d3x224c104oq",
        "m256n64r4h2t4e6d5x184c88pe",
        "m128n64r5h3t8e3d4x224c104peoq",
        "m256n64r4h3t8e2d3x184c88dy",
    ];
    for (seed, config) in variants.into_iter().enumerate() {
        for mask in [Mask::Full, Mask::Causal, Mask::Window { left: 50, right: 3 }] {
            check(problem(DataType::F16, (64, 64), (230, 290), mask), config, seed as u64);
        }
    }
}

/// Most of these query tiles see no keys at all.
#[test]
fn tiles_without_keys() {
    let schedules = ["", "pe", "dy", "oq", "oqpe"];
    for (seed, schedule) in schedules.into_iter().enumerate() {
        let problem =
            Problem { heads: 2, ..problem(DataType::Bf16, (64, 64), (1000, 100), Mask::Causal) };
        check(problem, &format!("m256n64r3h3t8e2d3x184c88{schedule}"), seed as u64);
    }
}

#[test]
fn pairs_of_blocks() {
    for (seed, (mask, config)) in [
        (Mask::Full, "m256n128r4h3t8e2d3x192c80pr"),
        (Mask::Causal, "m128n64r3h2t0e2d3x224c104prpeoq"),
    ]
    .into_iter()
    .enumerate()
    {
        check(problem(DataType::Bf16, (128, 128), (300, 200), mask), config, seed as u64);
    }
}

#[test]
fn bytes() {
    for (seed, (dtype, dims, mask, config)) in [
        (DataType::E4m3, (128, 128), Mask::Full, "default"),
        (DataType::E5m2, (96, 96), Mask::Causal, "m256n64r3h3t5e2d3x192c80"),
        (DataType::E4m3, (192, 128), Mask::Window { left: 30, right: 0 }, "default"),
        (DataType::E5m2, (64, 64), Mask::Causal, "m256n128r3h2t0e2d3x184c88pe"),
        (DataType::E4m3, (256, 256), Mask::Full, "m128n64r3h1t4e2d3x224c104oq"),
    ]
    .into_iter()
    .enumerate()
    {
        check(problem(dtype, dims, (200, 300), mask), config, seed as u64);
    }
}

#[test]
fn groups_of_heads_and_batches() {
    for (seed, (heads, kv_heads)) in [(4, 4), (6, 2), (3, 1)].into_iter().enumerate() {
        let variants = [
            (Mask::Causal, "m128n64r3h3t8e2d3x224c104lf"),
            (Mask::Full, "m256n64r3h3t8e2d3x184c88pe"),
        ];
        for (mask, config) in variants {
            let problem = Problem {
                batch: 2,
                heads,
                kv_heads,
                ..problem(DataType::Bf16, (64, 64), (100, 150), mask)
            };
            check(problem, config, seed as u64);
        }
    }
}

#[test]
fn random_problems_and_configs() {
    random::check(&small_blackwell(), random::TENSOR_MAPS, 12);
}
