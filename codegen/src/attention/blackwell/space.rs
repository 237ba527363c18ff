//! Configs around a problem, and which of them is taken untuned.

use super::{Config, Schedule};
use crate::attention::{MaskKind, Problem};
use crate::gpu::{Gpu, Target};

impl Config {
    /// The raw grid of configs around a problem; most break a rule of [`Config::check`].
    pub fn space(problem: &Problem, _gpu: &Gpu) -> impl Iterator<Item = Config> + use<> {
        const SCHEDULES: [Schedule; 3] =
            [Schedule::Single, Schedule::Persistent, Schedule::Dynamic];
        const REGISTERS: [(u32, u32); 4] = [(192, 80), (184, 88), (176, 88), (224, 104)];
        let thresholds = [0, usual_threshold(problem)];
        let tiles = [128, 256].into_iter().flat_map(|tile_m| {
            [64, 128]
                .into_iter()
                .flat_map(move |tile_n| (2..=16).map(move |stages| (tile_m, tile_n, stages)))
        });
        let variants = move |(tile_m, tile_n, stages)| {
            SCHEDULES.into_iter().flat_map(move |schedule| {
                (0..5 * 4 * 4 * 2 * 8).map(move |number: u32| Config {
                    tile_m,
                    tile_n,
                    stages,
                    polynomials: number % 5,
                    early_quarters: number / 5 % 4,
                    softmax_registers: REGISTERS[(number / 20 % 4) as usize].0,
                    correction_registers: REGISTERS[(number / 20 % 4) as usize].1,
                    threshold: thresholds[(number / 80 % 2) as usize],
                    degree: 3,
                    pair: (number / 160) & 1 != 0,
                    longest_first: (number / 160) & 2 != 0,
                    o_over_q: (number / 160) & 4 != 0,
                    schedule,
                })
            })
        };
        tiles.flat_map(variants)
    }

    /// A good config where nothing has been tuned: the first of a list that passes
    /// [`Config::check`]. Every pair of head dimensions that the kernel takes has one.
    pub fn default_for(problem: &Problem, gpu: &Gpu) -> Config {
        let causal = problem.mask.kind() == MaskKind::Causal;
        let (tile_m, tile_n) = match (problem.head_dim, problem.head_dim_v) {
            (_, ..=128) => (256, 128),
            (..=192, _) => (128, 128),
            _ => (128, 64),
        };
        let config = |o_over_q, stages| Config {
            tile_m,
            tile_n,
            stages,
            early_quarters: 3,
            threshold: usual_threshold(problem),
            // B300 has special-function units twice as fast.
            polynomials: if gpu.target == Target::architecture(103) { 0 } else { 2 },
            degree: 3,
            softmax_registers: if tile_m == 256 { 192 } else { 224 },
            correction_registers: if tile_m == 256 { 80 } else { 104 },
            pair: false,
            // Registers for more than one query tile are short there.
            schedule: match causal || (tile_m == 256 && problem.head_dim > 128) {
                true => Schedule::Single,
                false => Schedule::Persistent,
            },
            longest_first: causal,
            o_over_q,
        };
        let mut configs =
            [false, true].into_iter().flat_map(|over| (2..=8).rev().map(move |s| config(over, s)));
        configs.find(|config| config.check(problem, gpu).is_ok()).unwrap_or(config(true, 2))
    }
}

/// A threshold of rescaling that leaves the type of probabilities as many exponents as it needs.
fn usual_threshold(problem: &Problem) -> u32 {
    if problem.dtype.bytes() == 1 { 4 } else { 8 }
}
