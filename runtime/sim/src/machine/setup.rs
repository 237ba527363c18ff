//! What a run needs before its first instruction.

use tilewright_codegen::ptx::check::VariableInfo;
use tilewright_codegen::ptx::tree::{Directive, Initializer, Literal};
use tilewright_codegen::ptx::{ScalarType, Space};

use super::cluster::block_index;
use super::multiprocessor::Multiprocessors;
use super::unstarted::Unstarted;
use crate::exec::registers::LANES;
use crate::fault::Site;
use crate::hazard::GlobalHazards;
use crate::launch::{Launch, LaunchError};
use crate::memory::{Memory, window};
use crate::options::Options;
use crate::program::Program;
use crate::program::code::Pc;

/// Threads that a block can have on every GPU that CUDA supports.
const MAX_THREADS: u64 = 1024;
/// Bytes of shared memory that a block can have on the largest GPU.
const MAX_SHARED: u64 = 227 << 10;
/// Bytes that a variable of global or constant memory can have.
const MAX_VARIABLE: u64 = 1 << 30;
/// Blocks that a cluster can have.
const MAX_CLUSTER: u64 = 16;

/// A program, a launch and the memory, while it runs.
pub(crate) struct Run<'a> {
    pub(crate) program: &'a Program,
    pub(crate) launch: &'a Launch,
    pub(crate) memory: &'a Memory,
    pub(crate) options: &'a Options,
    /// Addresses of the program's variables; 0 for those that have none.
    pub(crate) variables: Vec<u64>,
    /// Bytes of shared memory of a block.
    pub(crate) shared_size: usize,
    /// What the detector knows of global memory; none where nobody asks.
    pub(crate) hazards: Option<GlobalHazards>,
    pub(crate) unstarted: Unstarted,
    pub(crate) multiprocessors: Multiprocessors,
}

impl Run<'_> {
    /// Warps of a block.
    pub(crate) fn warps_per_block(&self) -> usize {
        (self.launch.threads_per_block() as usize).div_ceil(LANES)
    }

    /// An instruction of a thread, which is given by the index of its cluster in the grid and its
    /// own there.
    pub(crate) fn site_of(&self, cluster: u32, thread: usize, pc: Pc) -> Site {
        let (warp, lane) = (thread / LANES, thread % LANES);
        let (rank, warp) = (warp / self.warps_per_block(), warp % self.warps_per_block());
        let launch = self.launch;
        let block = block_index(launch.grid, launch.cluster, u64::from(cluster), rank as u32);
        Site::new(self.program, pc, block, warp, 1 << lane)
    }
}

/// Refuses a launch that no device would accept.
pub(super) fn check(
    program: &Program,
    launch: &Launch,
    options: &Options,
) -> Result<(), LaunchError> {
    let extent = |what, found: [u32; 3], holds: bool, expected| match holds {
        true => Ok(()),
        false => Err(LaunchError::Extent { what, found, expected }),
    };
    let (grid, block, cluster) = (launch.grid, launch.block, launch.cluster);
    let grid_fits =
        !grid.contains(&0) && grid[0] <= i32::MAX as u32 && grid[1].max(grid[2]) <= 65535;
    extent("grid", grid, grid_fits, "expected 1 to 2³¹ − 1, 65535 and 65535 blocks")?;
    let block_fits = !block.contains(&0)
        && block[0].max(block[1]) <= 1024
        && block[2] <= 64
        && launch.threads_per_block() <= MAX_THREADS;
    extent("block", block, block_fits, "expected up to 1024, 1024 and 64 threads, 1024 in all")?;
    let cluster_fits = !cluster.contains(&0)
        && launch.blocks_per_cluster() <= MAX_CLUSTER
        && (0..3).all(|i| grid[i] % cluster[i] == 0);
    extent("cluster", cluster, cluster_fits, "expected divisors of the grid, 16 blocks in all")?;
    check_directives(program, block)?;
    let expected = program.parameter_bytes();
    if launch.parameters.len() != expected {
        return Err(LaunchError::Parameters { expected, found: launch.parameters.len() });
    }
    for variable in program.variables.iter().filter(|v| is_device_variable(v)) {
        let size = variable_size(variable);
        if size > MAX_VARIABLE {
            let what = format!("variable `{}`", variable.name);
            return Err(LaunchError::Memory { what, size, limit: MAX_VARIABLE });
        }
    }
    let frame = program.functions.first().map_or(0, |entry| u64::from(entry.frame_size));
    let limit = u64::from(options.limits.local_memory);
    if frame > limit {
        let what = "the local memory of the entry".into();
        return Err(LaunchError::Memory { what, size: frame, limit });
    }
    let (fixed, dynamic) = (program.shared_size(), launch.dynamic_shared);
    if fixed.saturating_add(u64::from(dynamic)) > MAX_SHARED {
        return Err(LaunchError::SharedMemory { fixed, dynamic, limit: MAX_SHARED });
    }
    Ok(())
}

fn check_directives(program: &Program, block: [u32; 3]) -> Result<(), LaunchError> {
    let threads: u64 = block.iter().map(|&n| u64::from(n)).product();
    for directive in &program.directives {
        let (name, extents, holds) = match directive {
            Directive::RequiredThreads(extents) => {
                let required = (0..3).all(|i| block[i] == extents.get(i).copied().unwrap_or(1));
                ("reqntid", extents, required)
            }
            Directive::MaxThreads(extents) => {
                let most: u64 = extents.iter().map(|&n| u64::from(n)).product();
                ("maxntid", extents, threads <= most)
            }
            _ => continue,
        };
        if !holds {
            let list: Vec<String> = extents.iter().map(u32::to_string).collect();
            let directive = format!(".{name} {}", list.join(", "));
            return Err(LaunchError::Block { found: block, directive });
        }
    }
    Ok(())
}

/// Allocates the module's variables of global and constant memory and fills them; their addresses.
pub(super) fn allocate_variables(program: &Program, memory: &mut Memory) -> Vec<u64> {
    let mut addresses = vec![0; program.variables.len()];
    for space in [Space::Global, Space::Const] {
        for (variable, address) in program.variables.iter().zip(&mut addresses) {
            if variable.space == space {
                let layout = (variable_size(variable), u64::from(variable.align));
                *address = memory.allocate_variable(&variable.name, layout, space == Space::Const);
            }
        }
    }
    for (variable, &address) in program.variables.iter().zip(&addresses) {
        if address != 0 {
            initialize(program, variable, address, &addresses, memory);
        }
    }
    addresses
}

fn is_device_variable(variable: &VariableInfo) -> bool {
    matches!(variable.space, Space::Global | Space::Const)
}

/// Bytes of a variable; an open array is as long as its initializer.
fn variable_size(variable: &VariableInfo) -> u64 {
    let elements = variable.initializer.len() as u64;
    variable.size.max(elements * u64::from(variable.scalar.bytes()))
}

fn initialize(
    program: &Program,
    variable: &VariableInfo,
    address: u64,
    addresses: &[u64],
    memory: &Memory,
) {
    let size = variable.scalar.bytes();
    for (i, element) in variable.initializer.iter().enumerate() {
        let value = match element {
            Initializer::Literal(literal) => literal_bits(*literal, variable.scalar),
            Initializer::Address { name, generic: _, offset } => {
                address_of(program, name, addresses).wrapping_add_signed(*offset)
            }
        };
        let at = address + i as u64 * u64::from(size);
        if let Some(buffer) = memory.find(at, size, 0) {
            memory.write_bytes(buffer, at, &value.to_le_bytes()[..size.min(8) as usize]);
        }
    }
}

fn literal_bits(literal: Literal, scalar: ScalarType) -> u64 {
    match literal {
        Literal::Integer(value) => match scalar {
            ScalarType::F32 => u64::from((value as f32).to_bits()),
            ScalarType::F64 => (value as f64).to_bits(),
            _ => value as u64,
        },
        Literal::F32(bits) => match scalar {
            ScalarType::F64 => f64::from(f32::from_bits(bits)).to_bits(),
            _ => u64::from(bits),
        },
        Literal::F64(bits) => match scalar {
            ScalarType::F32 => u64::from((f64::from_bits(bits) as f32).to_bits()),
            _ => bits,
        },
    }
}

/// The generic address of a variable or function by name; 0 where there is none.
fn address_of(program: &Program, name: &str, addresses: &[u64]) -> u64 {
    let variable = program.variables.iter().position(|v| v.name == name && v.function.is_none());
    match variable {
        Some(i) => addresses[i],
        None => {
            let function = program.functions.iter().position(|f| f.name == name);
            function.map_or(0, |i| window::function_address(i as u32))
        }
    }
}
