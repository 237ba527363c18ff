//! A simulator for PTX: it executes a checked kernel on the host, and is strict where a GPU is
//! silently lucky.
//!
//! It reports an access outside of every buffer or misaligned, a use of what nothing wrote, a data
//! race, a misused barrier, a deadlock and a spin without end, with the PTX line, the block, the
//! warp, the lanes, the address and the buffer. What is asynchronous completes when a seed says.
//! The crate knows PTX ([`tilewright_codegen::ptx`]) and nothing of devices, files or attention.
//!
//! ```
//! use tilewright_codegen::ptx::{check, parse};
//! use tilewright_sim::{FaultKind, Launch, Memory, Options, Program, RunError, run};
//!
//! let module = parse("
//!     .version 7.0
//!     .target sm_80
//!     .address_size 64
//!     .visible .entry double(.param .u64 x)
//!     {
//!         .reg .b32 %i, %v;
//!         .reg .b64 %p;
//!         ld.param.u64 %p, [x];
//!         mov.u32 %i, %tid.x;
//!         mad.wide.u32 %p, %i, 4, %p;
//!         ld.global.u32 %v, [%p];
//!         shl.b32 %v, %v, 1;
//!         st.global.u32 [%p], %v;
//!         ret;
//!     }").unwrap();
//! let program = Program::new(&check(module).unwrap(), None).unwrap();
//!
//! let mut memory = Memory::new();
//! let numbers: Vec<u8> = (1..=4_u32).flat_map(u32::to_le_bytes).collect();
//! let x = memory.allocate("x", &numbers);
//! let launch = Launch { block: [4, 1, 1], parameters: x.to_le_bytes().into(), ..Launch::default() };
//! let statistics = run(&program, &launch, &mut memory, &Options::default()).unwrap();
//! assert_eq!(memory.buffer("x").unwrap().bytes()[12..], 8_u32.to_le_bytes());
//! assert_eq!(statistics.total().warps, 7);
//!
//! // One thread more than there are elements.
//! let launch = Launch { block: [5, 1, 1], ..launch };
//! let error = run(&program, &launch, &mut memory, &Options::default()).unwrap_err();
//! let RunError::Fault(fault) = error else { panic!("{error}") };
//! assert!(matches!(fault.kind, FaultKind::OutOfBounds(_)));
//! assert_eq!(
//!     fault.to_string(),
//!     "line 12 `ld.global.u32` in double, block (0, 0, 0), warp 0, lane 4: the read of 4 bytes at \
//!      global address 0x700000010 (0 bytes past the end of `x`) is outside of every allocation"
//! );
//! ```
//!
//! # How it works
//!
//! | module | what |
//! | --- | --- |
//! | `program` | lowers checked PTX once: registers and constants become slots, instructions closures and small structures |
//! | `machine` | grid, clusters, blocks, warps: whose turn it is, how lanes part and rejoin, barriers |
//! | `exec` | what instructions do beyond the registers of their lane: memory, atomics, copies, mbarriers |
//! | `memory` | global buffers with guard gaps, shared and local memory, the windows of generic addresses |
//! | `hazard` | vector clocks, the accesses that may yet conflict, undefined registers |
//! | [`numeric`] | PTX's arithmetic on bits |
//!
//! A register is 32 lanes wide, and an instruction is a loop over them. A warp executes until its
//! turn ends or it waits; turns, the order of blocks and the moments at which copies land follow
//! from [`Options::seed`].

mod exec;
mod fault;
mod hazard;
mod launch;
mod machine;
mod memory;
pub mod numeric;
mod options;
mod program;
mod stats;
mod tensor_map;

pub use fault::{Access, AccessKind, Fault, FaultKind, Place, Site, TensorAccess, Waiter};
pub use launch::{Launch, LaunchError};
pub use machine::{RunError, run};
pub use memory::{Buffer, Memory};
pub use options::{Limits, Lints, Options, UnknownLint};
pub use program::{Program, ProgramError};
pub use stats::{Count, Statistics, Traffic};
pub use tensor_map::{Element, Swizzle, TensorMap, TensorMapError};
