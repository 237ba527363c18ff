//! Addresses and accesses of single lanes.

use tilewright_codegen::ptx::Space;

use super::registers::{LANES, lanes};
use crate::fault::{Access, AccessKind, FaultKind, Place};
use crate::machine::{Context, Outcome, Raised, Warp};
use crate::memory::window;
use crate::program::code::{Address, Base};

/// The words of an access, low bytes first; what lies beyond its size is zero.
pub(super) type Words = [u32; 8];

/// The memory that an address of a space lies in, and the address there.
#[inline]
pub(crate) fn locate(space: Space, address: u64) -> (Space, u64) {
    let (space, address) = match space {
        Space::Generic => window::split(address),
        Space::Const => (Space::Global, address),
        _ => (space, address),
    };
    if space == Space::Param && address >= window::FRAME_PARAMETERS {
        return (Space::Local, address - window::FRAME_PARAMETERS);
    }
    (space, address)
}

impl Warp {
    /// The address that each lane accesses, in the operand's own space.
    pub(super) fn addresses(&self, group: usize, address: &Address) -> [u64; LANES] {
        let offset = address.offset as u64;
        match address.base {
            Base::Word(slot) => {
                // Such an address is 32 bits wide, and so is its sum.
                self.registers.get(slot).map(|base| u64::from(base.wrapping_add(offset as u32)))
            }
            Base::Double(slot) => self.registers.get(slot).map(|base| base.wrapping_add(offset)),
            Base::Frame => [u64::from(self.frame_base(group)).wrapping_add(offset); LANES],
            Base::Zero => [offset; LANES],
        }
    }
}

/// Refuses addresses that are no multiple of the access's size.
pub(super) fn check_alignment(
    context: &Context<'_>,
    kind: AccessKind,
    space: Space,
    addresses: &[u64; LANES],
    (size, active): (u32, u32),
) -> Outcome<()> {
    let mask = u64::from(size) - 1;
    let misaligned = addresses.iter().fold(0, |bits, address| bits | address) & mask;
    if misaligned == 0 {
        return Ok(());
    }
    let lanes = lanes(active).filter(|&l| addresses[l] & mask != 0).fold(0_u32, |m, l| m | 1 << l);
    if lanes == 0 {
        return Ok(());
    }
    let (space, address) = locate(space, addresses[lanes.trailing_zeros() as usize]);
    let access = context.describe(kind, space, address, size);
    Err(Raised::new(FaultKind::Misaligned { access, alignment: size }, lanes))
}

impl Context<'_> {
    /// An access as messages show it.
    pub(crate) fn describe(
        &self,
        kind: AccessKind,
        space: Space,
        address: u64,
        size: u32,
    ) -> Access {
        let place = match space {
            Space::Shared => self.shared_place(address),
            Space::Global | Space::Const | Space::Generic => self.run.memory.place(address),
            Space::Local | Space::Param => None,
        };
        Access { kind, space, address, size, place }
    }

    fn shared_place(&self, address: u64) -> Option<Place> {
        let layout = &self.run.program.shared;
        let offset = address & (window::RANK - 1);
        let fixed = layout.variables.iter().rev().find(|(_, begin, _)| *begin <= offset);
        let (name, begin, size) = match fixed {
            Some((name, begin, size)) if offset < layout.fixed => (name.clone(), *begin, *size),
            _ => {
                let dynamic = u64::from(self.run.launch.dynamic_shared);
                ("dynamic shared memory".into(), layout.fixed, dynamic)
            }
        };
        Some(Place { name, offset: offset as i64 - begin as i64, size })
    }

    /// The fault of an access outside of every allocation.
    pub(super) fn outside(
        &self,
        kind: AccessKind,
        space: Space,
        address: u64,
        (size, lane): (u32, usize),
    ) -> Box<Raised> {
        let access = self.describe(kind, space, address, size);
        Raised::new(FaultKind::OutOfBounds(access), 1 << lane)
    }

    /// The rank of the block that a shared address belongs to, and the offset in its memory.
    #[inline]
    pub(crate) fn shared_at(&self, address: u64) -> Option<(usize, u64)> {
        let rank = (address >> window::RANK_SHIFT) as usize;
        (rank < self.blocks.len()).then_some((rank, address & (window::RANK - 1)))
    }

    /// The offset of a shared address in the executing block's own memory.
    #[inline]
    pub(crate) fn own_shared(&self, address: u64) -> Option<u64> {
        self.shared_at(address).filter(|at| at.0 == self.rank).map(|at| at.1)
    }
}
