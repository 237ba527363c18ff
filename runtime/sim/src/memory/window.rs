//! Where the state spaces lie in the generic address space.

use tilewright_codegen::ptx::Space;

/// Generic address of byte 0 of shared memory. Bits 24 and up of an offset are the rank of the
/// block in its cluster.
const SHARED: u64 = 0x7f00_0000_0000;
/// Generic address of byte 0 of a thread's local memory.
const LOCAL: u64 = 0x7f01_0000_0000;
/// Generic address of byte 0 of the parameter block.
const PARAM: u64 = 0x7f02_0000_0000;
/// Where variables of constant memory lie.
pub(crate) const CONST: u64 = 0x7f04_0000_0000;
/// Size of each window.
const SIZE: u64 = 1 << 32;
/// Addresses of functions; each takes [`FUNCTION_SIZE`] bytes.
const FUNCTIONS: u64 = 0x7f03_0000_0000;
const FUNCTION_SIZE: u64 = 16;

/// Where parameters of device functions begin in parameter space; the offset from here is an
/// address in local memory.
pub(crate) const FRAME_PARAMETERS: u64 = 1 << 24;

/// The position in a shared address of the block's rank in its cluster.
pub(crate) const RANK_SHIFT: u32 = 24;

/// Bytes of shared addresses that belong to one block.
pub(crate) const RANK: u64 = 1 << RANK_SHIFT;

/// The space that a generic address lies in, and the address in that space.
#[inline]
pub(crate) fn split(generic: u64) -> (Space, u64) {
    let offset = generic & (SIZE - 1);
    match generic & !(SIZE - 1) {
        SHARED => (Space::Shared, offset),
        LOCAL => (Space::Local, offset),
        PARAM => (Space::Param, offset),
        _ => (Space::Global, generic),
    }
}

/// The space that a generic address lies in. To accesses, constant memory is global memory that
/// cannot be written.
pub(crate) fn space(generic: u64) -> Space {
    match split(generic).0 {
        Space::Global if generic & !(SIZE - 1) == CONST => Space::Const,
        space => space,
    }
}

/// What is added to an address of a space to make it generic. Addresses of constant memory are.
pub(crate) fn base(space: Space) -> u64 {
    match space {
        Space::Shared => SHARED,
        Space::Local => LOCAL,
        Space::Param => PARAM,
        Space::Generic | Space::Global | Space::Const => 0,
    }
}

/// The address of a function of the program.
pub(crate) fn function_address(index: u32) -> u64 {
    FUNCTIONS + u64::from(index) * FUNCTION_SIZE
}

/// The function at an address.
pub(crate) fn function_at(address: u64) -> Option<u32> {
    let offset = address.checked_sub(FUNCTIONS).filter(|offset| offset % FUNCTION_SIZE == 0)?;
    u32::try_from(offset / FUNCTION_SIZE).ok()
}
