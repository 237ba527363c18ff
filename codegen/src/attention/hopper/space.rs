//! Configs around a problem, and which of them is taken untuned.

use super::Config;
use crate::attention::{MaskKind, Problem, Rescale};
use crate::gpu::Gpu;

impl Config {
    /// The raw grid of configs around a problem; most break a rule of [`Config::check`].
    pub fn space(_problem: &Problem, _gpu: &Gpu) -> impl Iterator<Item = Config> + use<> {
        const RESCALES: [Rescale; 3] = [Rescale::Always, Rescale::Lazy, Rescale::Speculative];
        let tiles = [64, 128, 192].into_iter().flat_map(|tile_m| {
            let keys = (2..=16).map(|steps| 16 * steps);
            keys.flat_map(move |tile_n| (2..=4).map(move |stages| (tile_m, tile_n, stages)))
        });
        tiles.flat_map(|(tile_m, tile_n, stages)| {
            RESCALES.into_iter().flat_map(move |rescale| {
                (0..768).map(move |bits: u32| Config {
                    tile_m,
                    tile_n,
                    stages,
                    overlap: bits & 1 != 0,
                    ping_pong: bits & 2 != 0,
                    p_in_shared: bits & 4 != 0,
                    q_in_registers: bits & 64 != 0,
                    direct_output: bits & 128 != 0,
                    cluster: 1 + (bits >> 3 & 1),
                    persistent: bits & 16 != 0,
                    longest_first: bits & 32 != 0,
                    split_masked_loop: true,
                    rescale,
                    polynomials: bits >> 8,
                })
            })
        })
    }

    /// A good config where nothing has been tuned: the first of a list that passes
    /// [`Config::check`]. Every pair of head dimensions that the kernel takes has one.
    pub fn default_for(problem: &Problem, gpu: &Gpu) -> Config {
        let tiles: &[(u32, u32)] = match (problem.head_dim, problem.head_dim_v) {
            (..=64, _) if problem.dtype.bytes() == 1 => &[(192, 128)],
            _ if problem.dtype.bytes() == 1 => {
                &[(128, 224), (128, 192), (128, 160), (128, 128), (128, 96)]
            }
            (..=64, _) => &[(192, 160), (192, 128)],
            (..=96, _) => &[(128, 144), (128, 128)],
            (..=128, _) => &[(128, 160), (128, 128)],
            (..=192, ..=128) => &[(128, 112)],
            (..=192, _) => &[(128, 96)],
            _ => &[(128, 80), (128, 64)],
        };
        let config = |&(tile_m, tile_n): &(u32, u32)| Config {
            tile_m,
            tile_n,
            stages: 2,
            overlap: true,
            ping_pong: problem.head_dim <= 128,
            p_in_shared: false,
            q_in_registers: false,
            direct_output: false,
            cluster: 1,
            persistent: problem.mask.kind() == MaskKind::Full,
            longest_first: problem.mask.kind() == MaskKind::Causal,
            split_masked_loop: true,
            rescale: Rescale::Speculative,
            polynomials: 0,
        };
        let last = config(&(128, 64));
        let mut configs = tiles.iter().map(config);
        configs.find(|config| config.check(problem, gpu).is_ok()).unwrap_or(last)
    }
}
