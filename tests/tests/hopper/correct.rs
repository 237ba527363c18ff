use tilewright::attention::{DataType, HEAD_DIMS, Mask, Problem};
use tilewright_tests::attention::{MASKS, check_word, problem, small_hopper};
use tilewright_tests::random;

fn check(problem: Problem, config: &str, seed: u64) {
    check_word(&problem, config, &small_hopper(), seed);
}

#[test]
fn every_head_dimension() {
    for (seed, dims) in HEAD_DIMS.into_iter().enumerate() {
        for dtype in [DataType::F16, DataType::Bf16] {
            check(problem(dtype, dims, (150, 350), Mask::Causal), "default", seed as u64);
        }
    }
}

#[test]
fn every_mask_and_ragged_lengths() {
    let lengths = [(1, 1), (1, 200), (200, 1), (63, 65), (64, 64), (150, 70), (70, 310)];
    for (seed, lengths) in lengths.into_iter().enumerate() {
        for mask in MASKS {
            check(problem(DataType::Bf16, (64, 64), lengths, mask), "m64n32s2ovslrs", seed as u64);
        }
    }
}

#[test]
fn every_variant() {
    let variants = [
        "m64n64s2",
        "m64n64s3sl",
        "m64n48s2slrl",
        "m64n48s4slrs",
        "m64n64s2ov",
        "m64n64s2ovslrl",
        "m64n64s2ovpsslrs",
        "m64n32s2pssl",
        "m128n64s2ovppslrs",
        "m128n64s2ppsl",
        "m128n48s3ovpppspeslrs",
        "m64n64s2qrsl",
        "m64n64s3ovdoslrs",
        "m128n48s2ovppqrdopeslrs",
        "m192n64s2ovpppeslrs",
        "m192n32s2pppsslrs",
    ];
    for (seed, config) in variants.into_iter().enumerate() {
        for mask in [Mask::Full, Mask::Causal, Mask::Window { left: 50, right: 3 }] {
            check(problem(DataType::F16, (64, 64), (230, 290), mask), config, seed as u64);
        }
    }
}

#[test]
fn clusters() {
    let configs = ["m64n64s2c2", "m64n32s3ovc2peslrs", "m64n48s2ovqrdoc2slrl"];
    // The last block of a head is without rows where there are 150.
    for (seed, config) in configs.into_iter().enumerate() {
        for (lengths, mask) in [(150, 290), (200, 90), (260, 260)]
            .into_iter()
            .zip(MASKS.into_iter().cycle().skip(seed))
        {
            check(problem(DataType::F16, (128, 128), lengths, mask), config, seed as u64);
        }
    }
    let problem = problem(DataType::Bf16, (64, 64), (270, 300), Mask::Causal);
    check(Problem { heads: 3, ..problem }, "m64n64s2ovc2pelfslrs", 3);
}

#[test]
fn groups_of_heads_and_batches() {
    for (seed, (heads, kv_heads)) in [(4, 4), (6, 2), (3, 1)].into_iter().enumerate() {
        for (mask, config) in [(Mask::Causal, "m64n64s2ovlfslrs"), (Mask::Full, "m64n64s2ovpesl")] {
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
    random::check(&small_hopper(), random::TENSOR_MAPS, 12);
}
