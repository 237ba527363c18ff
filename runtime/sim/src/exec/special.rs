//! Special registers and other constants of a warp.

use tilewright_codegen::ptx::SpecialRegister;

use super::registers::{LANES, Registers};
use crate::machine::Run;
use crate::memory::window;
use crate::program::operands::Constant;

/// Where a warp is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    /// `%ctaid`.
    pub(crate) block: [u32; 3],
    /// The rank of the block in its cluster.
    pub(crate) rank: u32,
    /// The index of the warp in its block.
    pub(crate) warp: u32,
}

/// The registers of a warp before its first instruction: constants hold their values.
pub(crate) fn registers(run: &Run<'_>, position: Position) -> Registers {
    let slots = &run.program.slots;
    let mut registers = Registers {
        words: vec![[0; LANES]; slots.words as usize],
        doubles: vec![[0; LANES]; slots.doubles as usize],
        predicates: vec![0; slots.predicates as usize],
    };
    for &(constant, slot) in &slots.constants {
        for lane in 0..LANES {
            registers.set_lane(slot, lane, value(run, position, constant, lane as u32));
        }
    }
    registers
}

fn value(run: &Run<'_>, position: Position, constant: Constant, lane: u32) -> u64 {
    match constant {
        Constant::Bits(bits) => bits,
        Constant::Special(special) => special_register(run, position, special, lane),
        Constant::Shared(offset) => {
            u64::from(position.rank) << window::RANK_SHIFT | offset as u64 & (window::RANK - 1)
        }
        Constant::Variable(id, offset) => run.variables[id.0 as usize].wrapping_add_signed(offset),
        Constant::Function(index) => window::function_address(index),
    }
}

/// A special register that does not change while the warp lives.
fn special_register(run: &Run<'_>, position: Position, special: SpecialRegister, lane: u32) -> u64 {
    use SpecialRegister::*;
    let launch = run.launch;
    let (block, grid, cluster) = (launch.block, launch.grid, launch.cluster);
    let thread = position.warp * LANES as u32 + lane;
    let index = position.block;
    let within = |i: usize| index[i] % cluster[i];
    let fixed = run.program.shared_size();
    u64::from(match special {
        TidX => thread % block[0],
        TidY => thread / block[0] % block[1],
        TidZ => thread / block[0] / block[1] % block[2],
        NtidX => block[0],
        NtidY => block[1],
        NtidZ => block[2],
        CtaidX => index[0],
        CtaidY => index[1],
        CtaidZ => index[2],
        NctaidX => grid[0],
        NctaidY => grid[1],
        NctaidZ => grid[2],
        LaneId => lane,
        WarpId => position.warp,
        NwarpId => (launch.threads_per_block() as u32).div_ceil(LANES as u32),
        LanemaskEq => 1 << lane,
        LanemaskLe => u32::MAX >> (31 - lane),
        LanemaskLt => (1 << lane) - 1,
        LanemaskGe => u32::MAX << lane,
        LanemaskGt => u32::MAX << lane & !(1 << lane),
        // One multiprocessor takes every block.
        SmId | GridId => 0,
        NsmId => 1,
        ClusterIdX => index[0] / cluster[0],
        ClusterIdY => index[1] / cluster[1],
        ClusterIdZ => index[2] / cluster[2],
        NclusterIdX => grid[0] / cluster[0],
        NclusterIdY => grid[1] / cluster[1],
        NclusterIdZ => grid[2] / cluster[2],
        ClusterCtaidX => within(0),
        ClusterCtaidY => within(1),
        ClusterCtaidZ => within(2),
        ClusterNctaidX => cluster[0],
        ClusterNctaidY => cluster[1],
        ClusterNctaidZ => cluster[2],
        ClusterCtarank => position.rank,
        ClusterNctarank => launch.blocks_per_cluster() as u32,
        DynamicSharedSize => launch.dynamic_shared,
        TotalSharedSize | AggregateSharedSize => fixed as u32 + launch.dynamic_shared,
        // Read when they are needed, or as predicates.
        Clock | ClockHi | Clock64 | GlobalTimer | GlobalTimerLo | GlobalTimerHi
        | IsExplicitCluster => 0,
    })
}
