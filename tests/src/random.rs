//! Attention kernels of random configs on random problems.

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use tilewright::attention::{Config, DataType, HEAD_DIMS, Mask, Problem};
use tilewright::gpu::Gpu;

use crate::{attention, domain};

/// What the problems of an architecture are drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Space<'a> {
    /// The data types.
    pub dtypes: &'a [DataType],
    /// The head dimensions of Q and K, and of V.
    pub head_dims: &'a [(u32, u32)],
}

/// What kernels for Hopper and Blackwell take.
pub const TENSOR_MAPS: Space<'static> = Space { dtypes: &DataType::ALL, head_dims: &HEAD_DIMS };

/// Checks random problems, short ones, with heads that share keys and rows that see none among them,
/// and for each a random config of those that are accepted: `count` of them, or as many as
/// `TILEWRIGHT_RANDOM` says.
///
/// # Panics
///
/// Where anything is wrong.
pub fn check(gpu: &Gpu, space: Space<'_>, count: u64) {
    let asked = std::env::var("TILEWRIGHT_RANDOM").ok().and_then(|count| count.parse().ok());
    (0..asked.unwrap_or(count)).into_par_iter().for_each(|seed| {
        let (problem, config) = draw(&mut SmallRng::seed_from_u64(seed), gpu, space);
        attention::check(&problem, config, gpu, seed);
    });
}

fn draw(random: &mut SmallRng, gpu: &Gpu, space: Space<'_>) -> (Problem, Config) {
    loop {
        let problem = problem(random, space);
        if let Some(config) = domain::accepted(random, &problem, gpu) {
            return (problem, config);
        }
    }
}

fn problem(random: &mut SmallRng, space: Space<'_>) -> Problem {
    let mut length = || {
        let most = *[40, 200, 500].choose(random).expect("there are three");
        random.random_range(1..most)
    };
    let (seqlen_q, seqlen_kv) = (length(), length());
    let window =
        Mask::Window { left: random.random_range(0..300), right: random.random_range(0..100) };
    let (head_dim, head_dim_v) = *space.head_dims.choose(random).expect("there are some");
    let kv_heads = random.random_range(1..=2);
    Problem {
        dtype: *space.dtypes.choose(random).expect("there are some"),
        head_dim,
        head_dim_v,
        batch: random.random_range(1..=2),
        heads: kv_heads * random.random_range(1..=3),
        kv_heads,
        seqlen_q,
        seqlen_kv,
        mask: *[Mask::Full, Mask::Causal, window].choose(random).expect("there are three"),
    }
}
