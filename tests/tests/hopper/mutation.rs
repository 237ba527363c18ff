use rayon::prelude::*;
use tilewright::attention::hopper::Config;
use tilewright::attention::{DataType, Mask, Problem};
use tilewright_tests::attention::{problem, small_hopper};
use tilewright_tests::mutation::{Outcome, conclude, mutate_attention};

/// Seeds that a mutant is run with.
const SEEDS: u64 = 4;

#[test]
fn no_fence_wait_arrival_or_count_can_be_wrong_unnoticed() {
    use DataType::{Bf16, E4m3};
    let cases = [
        (Bf16, Mask::Causal, "m64n32s2ovpelfslrs"),
        (Bf16, Mask::Window { left: 150, right: 5 }, "m64n32s2ovpesl"),
        (Bf16, Mask::Full, "m64n32s2pesl"),
        (Bf16, Mask::Full, "m64n32s2peslrs"),
        (Bf16, Mask::Full, "m64n32s2ovpspesl"),
        (Bf16, Mask::Causal, "m128n32s2ovpppeslrs"),
        (Bf16, Mask::Causal, "m64n32s2ovc2peslrs"),
        (Bf16, Mask::Causal, "m64n32s2ovqrdopeslrs"),
        (E4m3, Mask::Full, "m64n32s2ovpeslrs"),
    ];
    let outcomes: Vec<Outcome> = cases
        .par_iter()
        .map(|(dtype, mask, config)| {
            // One key tile, and many: what follows a tile may be the end, or the next.
            let problems = [(150, 20), (150, 64), (150, 230)]
                .map(|lengths| Problem { heads: 3, ..problem(*dtype, (64, 64), lengths, *mask) });
            let config: Config = config.parse().unwrap();
            mutate_attention(&problems, config, &small_hopper(), SEEDS)
        })
        .collect();
    conclude(outcomes);
}
