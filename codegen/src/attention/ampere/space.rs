//! Configs around a problem, and which of them is taken untuned.

use super::Config;
use crate::attention::{Problem, Rescale};
use crate::gpu::Gpu;

impl Config {
    /// The raw grid of configs around a problem; most break a rule of [`Config::check`].
    pub fn space(_problem: &Problem, _gpu: &Gpu) -> impl Iterator<Item = Config> + use<> {
        const TILES: [(u32, u32); 9] = [
            (32, 2),
            (64, 2),
            (64, 4),
            (128, 4),
            (128, 8),
            (192, 4),
            (192, 12),
            (256, 8),
            (256, 16),
        ];
        // Four warps leave each thread 255, 168 and 128 registers in two, three and four blocks.
        const BLOCKS: [u32; 6] = [1, 2, 3, 4, 6, 8];
        const KEYS: [u32; 11] = [16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 256];
        let variants = (0..12u32).map(|bits| {
            let rescale = [Rescale::Always, Rescale::Lazy, Rescale::Speculative][bits as usize / 4];
            (bits & 1 != 0, bits & 2 != 0, rescale)
        });
        TILES.into_iter().flat_map(move |(tile_m, warps)| {
            let variants = variants.clone();
            KEYS.into_iter().flat_map(move |tile_n| {
                let variants = variants.clone();
                let shares = (1..=4).flat_map(|stages| BLOCKS.map(|blocks| (stages, blocks)));
                shares.flat_map(move |(stages, blocks)| {
                    variants.clone().map(move |(q_in_registers, share_q_k, rescale)| Config {
                        tile_m,
                        tile_n,
                        warps,
                        stages,
                        blocks,
                        q_in_registers,
                        share_q_k,
                        split_masked_loop: true,
                        rescale,
                    })
                })
            })
        })
    }

    /// A good config where nothing has been tuned: the first of a list that passes
    /// [`Config::check`]. Every head dimension that the kernel takes has one on every GPU.
    pub fn default_for(problem: &Problem, gpu: &Gpu) -> Config {
        let config = |(tile_m, tile_n, warps, q_in_registers)| Config {
            tile_m,
            tile_n,
            warps,
            stages: 1,
            blocks: 1,
            q_in_registers,
            share_q_k: false,
            split_masked_loop: true,
            rescale: Rescale::Speculative,
        };
        let small = gpu.limits.shared_per_block < 128 << 10;
        let tiles: &[(u32, u32, u32, bool)] =
            match (problem.head_dim.max(problem.head_dim_v), small) {
                (..=32, _) => &[(128, 96, 4, false)],
                (..=64, _) => &[(128, 80, 4, false), (128, 64, 4, false)],
                (..=96, _) => &[(128, 64, 4, false)],
                (..=128, false) => &[(128, 128, 8, true)],
                (..=128, true) => &[(128, 32, 4, false)],
                (..=192, false) => &[(128, 64, 8, false)],
                (_, false) => &[(128, 32, 8, false), (128, 64, 8, false)],
                (_, true) => &[],
            };
        let last = config((64, 32, 4, false));
        let mut configs = tiles.iter().copied().map(config);
        configs.find(|config| config.check(problem, gpu).is_ok()).unwrap_or(last)
    }
}
