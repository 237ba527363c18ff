//! Traffic, and bank conflicts of shared memory.

use tilewright_codegen::ptx::Space;

use super::access::locate;
use super::registers::{LANES, lanes};
use crate::fault::AccessKind;
use crate::machine::Context;

/// Banks of shared memory, four bytes wide each.
const BANKS: usize = 32;
/// Bytes that all banks together deliver in one pass.
const PASS: u32 = 4 * BANKS as u32;

impl Context<'_> {
    /// Counts an access of a warp.
    pub(super) fn count_access(
        &mut self,
        kind: AccessKind,
        space: Space,
        addresses: &[u64; LANES],
        (size, active): (u32, u32),
    ) {
        let (space, _) = locate(space, addresses[active.trailing_zeros() as usize]);
        if space == Space::Shared {
            let (passes, least) = passes(addresses, size, active);
            self.tallies.shared_passes += u64::from(passes);
            self.tallies.bank_conflicts += u64::from(passes - least);
        }
        self.count_bytes(kind, space, u64::from(size) * u64::from(active.count_ones()));
    }

    /// Counts traffic with a memory.
    pub(super) fn count_bytes(&mut self, kind: AccessKind, space: Space, bytes: u64) {
        let traffic = match space {
            Space::Shared => &mut self.tallies.shared,
            Space::Global => &mut self.tallies.global,
            _ => return,
        };
        if !matches!(kind, AccessKind::Write | AccessKind::CopyWrite) {
            traffic.read += bytes;
        }
        if !matches!(kind, AccessKind::Read | AccessKind::CopyRead) {
            traffic.written += bytes;
        }
    }
}

/// Passes over the banks that an access takes, and how many it would take without conflicts.
///
/// Accesses of 8 and 16 bytes go by half and quarter warps. In a pass every bank delivers one word,
/// to any number of lanes.
pub(super) fn passes(addresses: &[u64; LANES], size: u32, active: u32) -> (u32, u32) {
    let group = (PASS / size.max(4)) as usize;
    let (mut total, mut least) = (0, 0);
    for first in (0..LANES).step_by(group) {
        let mask = active & (u32::MAX >> (32 - group)) << first;
        if mask != 0 {
            total += passes_of(addresses, size, mask);
            least += 1;
        }
    }
    (total, least)
}

/// Passes of lanes that would share one: the most distinct words that one bank must deliver.
fn passes_of(addresses: &[u64; LANES], size: u32, mask: u32) -> u32 {
    const NONE: u8 = u8::MAX;
    let words = u64::from(size.div_ceil(4));
    // The distinct words, each with the one before it in its bank.
    let mut distinct = [0_u64; BANKS];
    let mut before = [NONE; BANKS];
    let mut count = 0;
    let mut last = [NONE; BANKS];
    let mut of_bank = [0_u8; BANKS];
    for lane in lanes(mask) {
        for word in addresses[lane] / 4..addresses[lane] / 4 + words {
            let bank = word as usize % BANKS;
            let mut i = last[bank];
            while i != NONE && distinct[usize::from(i)] != word {
                i = before[usize::from(i)];
            }
            if i == NONE {
                distinct[count] = word;
                before[count] = last[bank];
                last[bank] = count as u8;
                of_bank[bank] += 1;
                count += 1;
            }
        }
    }
    of_bank.into_iter().max().map_or(0, u32::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: impl Fn(u64) -> u64, size: u32, expected: (u32, u32)) {
        let addresses = std::array::from_fn(|lane| address(lane as u64));
        assert_eq!(passes(&addresses, size, u32::MAX), expected);
    }

    #[test]
    fn bank_conflicts() {
        check(|lane| 4 * lane, 4, (1, 1));
        check(|_| 64, 4, (1, 1));
        check(|lane| 8 * lane, 4, (2, 1));
        check(|lane| 128 * lane, 4, (32, 1));
        check(|lane| 2 * lane, 2, (1, 1));
        check(|lane| 16 * lane, 16, (4, 4));
        check(|lane| 128 * lane, 16, (32, 4));
        // Rows of 128 bytes whose 16-byte chunks are swizzled by the row.
        check(|lane| 128 * lane + 16 * (lane % 8), 16, (4, 4));
    }
}
