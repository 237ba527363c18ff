//! Which configs are built.

use super::{Config, ConfigError, registers};
use crate::attention::{Problem, Rescale, Resources};
use crate::gpu::{Gpu, Target, occupancy};
use crate::tile::rows_of_a_pass;

impl Config {
    /// Whether the kernel can be built, and what a block takes then. This is the one list of rules:
    /// what it accepts is the search space.
    ///
    /// # Errors
    ///
    /// The first rule broken, with the arithmetic and the limit.
    pub fn check(&self, problem: &Problem, gpu: &Gpu) -> Result<Resources, ConfigError> {
        problem.check()?;
        if !gpu.target.admits(Target::baseline(80)) {
            return Err(ConfigError::Target { target: gpu.target });
        }
        self.check_shape(problem)?;
        self.check_copies(problem)?;
        let shared_bytes = self.check_shared(problem, gpu)?;
        self.check_blocks(shared_bytes, gpu)?;
        let registers = registers::check(self, problem, gpu)?;
        Ok(Resources { threads: self.threads(), shared_bytes, registers })
    }

    /// Threads of a block.
    pub fn threads(&self) -> u32 {
        self.warps.saturating_mul(32)
    }

    fn check_shape(&self, problem: &Problem) -> Result<(), ConfigError> {
        if problem.dtype.bytes() != 2 {
            return Err(ConfigError::DataType { dtype: problem.dtype });
        }
        let dims = [("head_dim", problem.head_dim), ("head_dim_v", problem.head_dim_v)];
        for (name, found) in dims {
            if found % 32 != 0 || !(32..=256).contains(&found) {
                return Err(ConfigError::HeadDim { name, found });
            }
        }
        if !(1..=16).contains(&self.warps) {
            return Err(ConfigError::Warps { found: self.warps });
        }
        let unit = 16 * self.warps;
        if self.tile_m == 0 || !self.tile_m.is_multiple_of(unit) {
            return Err(ConfigError::TileM { tile_m: self.tile_m, warps: self.warps, unit });
        }
        if !self.tile_n.is_multiple_of(16) || !(16..=256).contains(&self.tile_n) {
            return Err(ConfigError::TileN { tile_n: self.tile_n });
        }
        if !(1..=8).contains(&self.stages) {
            return Err(ConfigError::Stages { found: self.stages });
        }
        if self.share_q_k && !self.q_in_registers {
            return Err(ConfigError::ShareWithoutRegisters);
        }
        if self.rescale == Rescale::Speculative && !self.split_masked_loop {
            return Err(ConfigError::SpeculationWithoutSplit);
        }
        Ok(())
    }

    fn check_copies(&self, problem: &Problem) -> Result<(), ConfigError> {
        let tiles = [
            ("Q", "tile_m", problem.head_dim, self.tile_m),
            ("K", "tile_n", problem.head_dim, self.tile_n),
            ("V", "tile_n", problem.head_dim_v, self.tile_n),
        ];
        let threads = self.threads();
        for (name, tile, head_dim, found) in tiles {
            let rows = rows_of_a_pass(threads, head_dim * problem.dtype.bytes());
            if rows == 0 || !rows.is_multiple_of(8) {
                return Err(ConfigError::CopyRows { name, threads, rows });
            }
            if !found.is_multiple_of(rows) {
                return Err(ConfigError::CopyPass { name, tile, threads, rows, found });
            }
        }
        Ok(())
    }

    fn check_shared(&self, problem: &Problem, gpu: &Gpu) -> Result<u32, ConfigError> {
        let bytes = problem.dtype.bytes();
        let q = u64::from(self.tile_m) * u64::from(problem.head_dim * bytes);
        let row = u64::from((problem.head_dim + problem.head_dim_v) * bytes);
        let kv = u64::from(self.stages) * u64::from(self.tile_n) * row;
        let (needed, join) = match self.share_q_k {
            true => (q.max(kv), "or"),
            false => (q + kv, "+"),
        };
        let limit = gpu.limits.shared_per_block;
        if needed > limit.into() {
            return Err(ConfigError::Shared {
                needed: needed.try_into().unwrap_or(u32::MAX),
                arithmetic: format!(
                    "Q {} · {} · {bytes} {join} {} stages · {} keys · ({} + {}) · {bytes}",
                    self.tile_m,
                    problem.head_dim,
                    self.stages,
                    self.tile_n,
                    problem.head_dim,
                    problem.head_dim_v,
                ),
                target: gpu.target,
                limit,
            });
        }
        Ok(needed as u32)
    }

    /// Whether everything but registers is there for the blocks that are to be resident.
    fn check_blocks(&self, shared_bytes: u32, gpu: &Gpu) -> Result<(), ConfigError> {
        let held = occupancy(gpu, self.threads(), 1, shared_bytes);
        match (1..=held.blocks).contains(&self.blocks) {
            true => Ok(()),
            false => Err(ConfigError::Blocks {
                found: self.blocks,
                most: held.blocks,
                threads: self.threads(),
                shared_bytes,
                limit: held.limit,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attention::{DataType, Mask};

    fn problem(head_dim: u32, head_dim_v: u32) -> Problem {
        Problem {
            dtype: DataType::Bf16,
            head_dim,
            head_dim_v,
            batch: 1,
            heads: 1,
            kv_heads: 1,
            seqlen_q: 64,
            seqlen_kv: 64,
            mask: Mask::Full,
        }
    }

    fn check(gpu: &str, head_dim: u32, config: &str, expected: &str) {
        let config: Config = config.parse().unwrap();
        let found = config.check(&problem(head_dim, head_dim), Gpu::named(gpu).unwrap());
        let found = found.map_or_else(|error| error.to_string(), |r| format!("{r:?}"));
        assert_eq!(found, expected);
    }

    #[test]
    fn says_which_limit_broke() {
        let a100 = |config, expected| check("a100_sxm", 128, config, expected);
        a100("m64n128w4s2", "Resources { threads: 128, shared_bytes: 147456, registers: 218 }");
        a100(
            "m64n128w4s3",
            "212992 bytes of shared memory (Q 64 · 128 · 2 + 3 stages · 128 keys · (128 + 128) · 2); \
             sm_80 has 166912 for a block",
        );
        a100(
            "m128n64w4s1",
            "about 294 registers a thread (O 128 + S 64 + Q 0 + working set 102); 255 can be addressed",
        );
        a100(
            "m256n64w16s1",
            "about 170 registers a thread (O 64 + S 32 + Q 0 + working set 74); 128 are left when \
             a multiprocessor is to hold 1 · 512 threads",
        );
        a100(
            "m64n64w4s1b3",
            "about 170 registers a thread (O 64 + S 32 + Q 0 + working set 74); 168 are left when \
             a multiprocessor is to hold 3 · 128 threads",
        );
        a100(
            "m64n64w4s2b3",
            "3 blocks on a multiprocessor, each with 128 threads and 81920 bytes of shared memory; \
             expected 1 to 2: it runs out of shared memory",
        );
        a100(
            "m100n64w4s1",
            "tile_m = 100 rows over 4 warps; expected a positive multiple of 16 · 4 = 64",
        );
        a100("m64n40w4s1", "tile_n = 40 keys; expected a multiple of 16 from 16 to 256");
        a100(
            "m128n48w8s1",
            "256 threads copy 32 rows of K in a pass; expected tile_n = 48 to be a multiple",
        );
        check(
            "a100_sxm",
            64,
            "m48n48w3s1",
            "96 threads copy 12 rows of Q in a pass; expected a multiple of 8: take another number \
             of warps",
        );
        check(
            "rtx3090",
            128,
            "m128n128w8s2",
            "163840 bytes of shared memory (Q 128 · 128 · 2 + 2 stages · 128 keys · (128 + 128) · 2); \
             sm_86 has 101376 for a block",
        );
        check(
            "a100_sxm",
            80,
            "m64n64w4s1",
            "head_dim is 80; expected a multiple of 32 from 32 to 256",
        );
    }

    #[test]
    fn defaults_pass_on_every_gpu() {
        for gpu in Gpu::all() {
            for dims in (0..64).map(|i| (32 + 32 * (i / 8), 32 + 32 * (i % 8))) {
                let problem = problem(dims.0, dims.1);
                let config = Config::default_for(&problem, gpu);
                if let Err(error) = config.check(&problem, gpu) {
                    panic!("{gpu} {dims:?} {config}: {error}");
                }
            }
        }
    }
}
