use rayon::prelude::*;
use tilewright::attention::blackwell::Config;
use tilewright::attention::{DataType, Mask, Problem};
use tilewright_tests::attention::{problem, small_blackwell};
use tilewright_tests::mutation::{Outcome, conclude, mutate_attention};

/// Seeds that a mutant is run with.
const SEEDS: u64 = 2;

#[test]
fn no_fence_wait_arrival_or_count_can_be_wrong_unnoticed() {
    let cases = [
        (Mask::Causal, "m256n64r3h3t8e2d3x184c88dylf"),
        (Mask::Causal, "m128n64r3h0t0e0d3x224c104pe"),
        (Mask::Causal, "m256n64r3h3t8e2d3x176c88peoq"),
        (Mask::Causal, "m128n64r3h2t8e0d3x224c104prpeoq"),
        (Mask::Full, "m128n64r3h0t8e0d3x224c104prpe"),
    ];
    let outcomes: Vec<Outcome> = cases
        .par_iter()
        .map(|(mask, config)| {
            // One key tile, and many: what follows a tile may be the next, or the end. Under the
            // mask some query tiles see none of so few keys.
            let problems = [(300, 20), (300, 230)].map(|lengths| Problem {
                heads: 2,
                ..problem(DataType::Bf16, (64, 64), lengths, *mask)
            });
            let config: Config = config.parse().unwrap();
            mutate_attention(&problems, config, &small_blackwell(), SEEDS)
        })
        .collect();
    conclude(outcomes);
}
