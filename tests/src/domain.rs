//! Configs out of all that are accepted: fields take every value that some rule lets through, more
//! than the grid that the tuner searches.

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use tilewright::attention::{Config, Problem, Rescale, ampere, blackwell, hopper};
use tilewright::gpu::Gpu;

/// A config that is accepted for the problem, for the kernels that are best on the GPU; none where
/// many draws find none.
pub fn accepted(random: &mut SmallRng, problem: &Problem, gpu: &Gpu) -> Option<Config> {
    const DRAWS: u32 = 1_000_000;
    let draw: fn(&mut SmallRng) -> Config = match Config::default_for(problem, gpu) {
        Config::Ampere(_) => |random| ampere(random).into(),
        Config::Hopper(_) => |random| hopper(random).into(),
        Config::Blackwell(_) => |random| blackwell(random).into(),
    };
    let mut draws = (0..DRAWS).map(|_| draw(random));
    draws.find(|config| config.check(problem, gpu).is_ok())
}

fn rescale(random: &mut impl Rng) -> Rescale {
    pick(random, &[Rescale::Always, Rescale::Lazy, Rescale::Speculative])
}

fn pick<T: Copy>(random: &mut impl Rng, values: &[T]) -> T {
    *values.choose(random).expect("there are some")
}

fn ampere(random: &mut impl Rng) -> ampere::Config {
    let warps = random.random_range(1..=16);
    ampere::Config {
        tile_m: 16 * warps * random.random_range(1..=4),
        tile_n: 16 * random.random_range(1..=16),
        warps,
        stages: random.random_range(1..=8),
        blocks: random.random_range(1..=8),
        q_in_registers: random.random(),
        share_q_k: random.random(),
        split_masked_loop: random.random(),
        rescale: rescale(random),
    }
}

fn hopper(random: &mut impl Rng) -> hopper::Config {
    hopper::Config {
        tile_m: 64 * random.random_range(1..=3),
        tile_n: 16 * random.random_range(2..=16),
        stages: random.random_range(2..=4),
        overlap: random.random(),
        ping_pong: random.random(),
        p_in_shared: random.random(),
        q_in_registers: random.random(),
        direct_output: random.random(),
        cluster: random.random_range(1..=2),
        persistent: random.random(),
        longest_first: random.random(),
        split_masked_loop: random.random(),
        rescale: rescale(random),
        polynomials: random.random_range(0..=4),
    }
}

fn blackwell(random: &mut impl Rng) -> blackwell::Config {
    use blackwell::Schedule::{Dynamic, Persistent, Single};
    blackwell::Config {
        tile_m: 128 * random.random_range(1..=2),
        tile_n: 64 * random.random_range(1..=2),
        stages: random.random_range(2..=16),
        early_quarters: random.random_range(0..=3),
        threshold: random.random_range(0..=12),
        polynomials: random.random_range(0..=6),
        degree: random.random_range(3..=5),
        softmax_registers: 8 * random.random_range(16..=29),
        correction_registers: 8 * random.random_range(10..=21),
        pair: random.random(),
        schedule: pick(random, &[Single, Persistent, Dynamic]),
        longest_first: random.random(),
        o_over_q: random.random(),
    }
}
