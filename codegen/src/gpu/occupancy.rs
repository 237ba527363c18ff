use std::fmt;

use super::Gpu;

/// How many blocks of a kernel a multiprocessor holds, and why not more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupancy {
    /// Resident blocks per multiprocessor; 0 where not even one fits.
    pub blocks: u32,
    /// Resident warps per multiprocessor.
    pub warps: u32,
    /// What runs out first; the first of the list where several do.
    pub limit: OccupancyLimit,
}

/// What runs out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OccupancyLimit {
    /// Registers.
    Registers,
    /// Shared memory.
    Shared,
    /// Warps.
    Warps,
    /// Blocks.
    Blocks,
}

impl fmt::Display for OccupancyLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Registers => "registers",
            Self::Shared => "shared memory",
            Self::Warps => "warps",
            Self::Blocks => "blocks",
        })
    }
}

/// Resident blocks of `threads` threads with `registers` registers each and `shared` bytes of
/// shared memory (static and dynamic), by the rules of NVIDIA's occupancy calculator.
///
/// ```
/// use tilewright_codegen::gpu::{Gpu, OccupancyLimit, occupancy};
/// let a100 = Gpu::named("a100_sxm").unwrap();
/// let found = occupancy(a100, 128, 255, 64 << 10);
/// assert_eq!((found.blocks, found.warps, found.limit), (2, 8, OccupancyLimit::Registers));
/// ```
pub fn occupancy(gpu: &Gpu, threads: u32, registers: u32, shared: u32) -> Occupancy {
    let limits = &gpu.limits;
    let warps = threads.div_ceil(32).max(1);
    let nothing = |limit| Occupancy { blocks: 0, warps: 0, limit };
    if threads > limits.threads_per_block {
        return nothing(OccupancyLimit::Warps);
    }
    if registers > limits.registers_per_thread {
        return nothing(OccupancyLimit::Registers);
    }
    if shared > limits.shared_per_block {
        return nothing(OccupancyLimit::Shared);
    }
    let warp_registers = (registers.max(1) * 32).next_multiple_of(limits.register_allocation_unit);
    let register_warps = limits.registers_per_multiprocessor / warp_registers;
    let register_warps = register_warps - register_warps % limits.schedulers;
    let block_shared =
        (shared + limits.shared_reserved_per_block).next_multiple_of(limits.shared_allocation_unit);
    let bounds = [
        (register_warps / warps, OccupancyLimit::Registers),
        (limits.shared_per_multiprocessor / block_shared, OccupancyLimit::Shared),
        (limits.warps_per_multiprocessor / warps, OccupancyLimit::Warps),
        (limits.blocks_per_multiprocessor, OccupancyLimit::Blocks),
    ];
    let (blocks, limit) = bounds.into_iter().min_by_key(|(blocks, _)| *blocks).unwrap_or(bounds[0]);
    Occupancy { blocks, warps: blocks * warps, limit }
}

/// The most registers that a thread may have so that a multiprocessor holds `blocks` blocks of
/// `threads` threads: the inverse of [`occupancy`]. 0 where no number is small enough.
///
/// ```
/// use tilewright_codegen::gpu::{Gpu, register_share};
/// let a100 = Gpu::named("a100_sxm").unwrap();
/// assert_eq!([1, 2, 3, 4].map(|blocks| register_share(a100, 128, blocks)), [255, 255, 168, 128]);
/// ```
pub fn register_share(gpu: &Gpu, threads: u32, blocks: u32) -> u32 {
    let limits = &gpu.limits;
    let warps = threads.div_ceil(32).max(1).saturating_mul(blocks.max(1));
    // Each scheduler has its own part of the registers, and an equal number of warps.
    let units = limits.registers_per_multiprocessor / limits.register_allocation_unit;
    let warps = warps.checked_next_multiple_of(limits.schedulers).unwrap_or(u32::MAX);
    let share = units / warps * limits.register_allocation_unit / 32;
    share.min(limits.registers_per_thread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(gpu: &str, [threads, registers, shared]: [u32; 3], expected: &str) {
        let found = occupancy(Gpu::named(gpu).unwrap(), threads, registers, shared);
        assert_eq!(format!("{} blocks by {}", found.blocks, found.limit), expected);
    }

    #[test]
    fn the_scarcest_resource_limits() {
        check("a100_sxm", [256, 32, 0], "8 blocks by registers");
        check("a100_sxm", [256, 128, 0], "2 blocks by registers");
        check("a100_sxm", [128, 128, 81 << 10], "2 blocks by shared memory");
        check("a100_sxm", [128, 128, 82 << 10], "1 blocks by shared memory");
        check("a100_sxm", [32, 16, 0], "32 blocks by blocks");
        check("a100_sxm", [1024, 32, 0], "2 blocks by registers");
        check("rtx3090", [1024, 32, 0], "1 blocks by warps");
        check("rtx3090", [128, 255, 48 << 10], "2 blocks by registers");
        check("rtx3090", [128, 255, 49 << 10], "2 blocks by registers");
        check("rtx4090", [128, 255, 100 << 10], "0 blocks by shared memory");
        check("rtx4090", [64, 0, 0], "24 blocks by warps");
        check("a100_sxm", [2048, 16, 0], "0 blocks by warps");
    }

    #[test]
    fn a_share_of_the_registers_is_the_largest_that_fits() {
        for gpu in Gpu::all() {
            for (warps, blocks) in (1..=16).flat_map(|warps| (1..=8).map(move |b| (warps, b))) {
                let held = |registers| occupancy(gpu, 32 * warps, registers, 0).blocks >= blocks;
                let share = register_share(gpu, 32 * warps, blocks);
                assert!(
                    share == 0 || occupancy(gpu, 32 * warps, 1, 0).blocks < blocks || held(share)
                );
                assert!(!held(share + 1), "{gpu}: {warps} warps, {blocks} blocks");
            }
        }
    }
}
