//! Multiprocessors that blocks of several clusters share, as far as it shows: the columns of tensor
//! memory that one of them has allocated, the others cannot have at the same time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::random::Random;
use super::register_pool::least_registers;
use crate::launch::Launch;
use crate::memory::tensor::TENSOR_COLUMNS;
use crate::program::Program;

/// Threads that a multiprocessor has room for.
const THREADS: u64 = 2048;
/// Bytes of its shared memory, and those of it that each block takes for the system.
const SHARED: u64 = 228 << 10;
const SYSTEM_SHARED: u64 = 1 << 10;
/// Registers that it has.
const REGISTERS: u64 = 64 << 10;
/// Clusters that the simulator lets share multiprocessors.
const MOST: u64 = 4;

/// Where a block runs: which of the groups of clusters that share multiprocessors it is in, and its
/// rank in the cluster.
pub(crate) type Place = (u64, usize);

/// The multiprocessors of a run.
#[derive(Debug)]
pub(crate) struct Multiprocessors {
    /// How many clusters share their multiprocessors.
    sharing: u64,
    /// Columns of tensor memory that are allocated.
    used: Mutex<HashMap<Place, u32>>,
}

impl Multiprocessors {
    /// Those of a launch. How many clusters share them is up to the seed, and no more than there are and
    /// have room.
    pub(super) fn new(program: &Program, launch: &Launch, seed: u64) -> Self {
        let threads = launch.threads_per_block().next_multiple_of(32);
        let shared = program.shared_size() + u64::from(launch.dynamic_shared) + SYSTEM_SHARED;
        let registers = u64::from(least_registers(&program.directives, threads));
        let room = (THREADS / threads).min(SHARED / shared).min(REGISTERS / (registers * threads));
        let clusters = launch.blocks() / launch.blocks_per_cluster();
        let most = room.min(clusters).clamp(1, MOST);
        let sharing = 1 + Random::new(seed, u64::MAX - 1).below(most);
        Self { sharing, used: Mutex::default() }
    }

    /// Where a block runs, by the place of its cluster in the order of the launch.
    pub(super) fn place(&self, order: u64, rank: usize) -> Place {
        (order / self.sharing, rank)
    }

    /// Whether several clusters share multiprocessors.
    pub(crate) fn are_shared(&self) -> bool {
        self.sharing > 1
    }

    /// Columns that are free.
    pub(crate) fn free(&self, place: Place) -> u32 {
        if !self.are_shared() {
            return TENSOR_COLUMNS;
        }
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        TENSOR_COLUMNS - used.get(&place).copied().unwrap_or(0)
    }

    /// Takes columns of all these places, or of none where one has not as many.
    pub(crate) fn take(&self, places: &[Place], columns: u32) -> bool {
        if !self.are_shared() {
            return true;
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let has = |place: &Place| used.get(place).copied().unwrap_or(0) + columns <= TENSOR_COLUMNS;
        let all = places.iter().all(has);
        if all {
            places.iter().for_each(|&place| *used.entry(place).or_default() += columns);
        }
        all
    }

    /// Gives columns back.
    pub(crate) fn give(&self, place: Place, columns: u32) {
        if !self.are_shared() {
            return;
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = used.get_mut(&place) {
            *count -= columns;
            if *count == 0 {
                used.remove(&place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_taken_of_all_places_or_of_none() {
        let all = Multiprocessors { sharing: 2, used: Mutex::default() };
        let (first, second) = (all.place(3, 0), all.place(3, 1));
        assert_eq!(all.place(2, 0), first);
        assert!(all.take(&[first], 256) && all.take(&[first, second], 256));
        assert!(!all.take(&[second, first], 32));
        assert_eq!((all.free(first), all.free(second)), (0, 256));
        all.give(first, 256);
        assert!(all.take(&[second, first], 32));
    }
}
