//! What strong writes publish, and strong reads see.

use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::HashMap;

use super::clock::Clocks;

/// What was published at each address.
#[derive(Debug, Default)]
pub(crate) struct Published(HashMap<u64, Clocks>);

impl Published {
    /// A write publishes: what was there before stays if it read that too.
    pub(super) fn write(&mut self, address: u64, clocks: Option<&Clocks>, reads: bool) {
        if !reads {
            self.0.remove(&address);
        }
        if let Some(clocks) = clocks {
            self.0.entry(address).or_default().join(clocks);
        }
    }

    /// What a read sees.
    pub(super) fn read(&self, address: u64) -> Option<&Clocks> {
        self.0.get(&address)
    }
}

/// Locks among which addresses are spread.
const SHARDS: u64 = 64;

/// What is published in global memory, to all blocks.
#[derive(Debug)]
pub(crate) struct GlobalPublished {
    shards: Vec<Mutex<Published>>,
    turns: Vec<Mutex<()>>,
}

impl GlobalPublished {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            turns: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    pub(super) fn at(&self, address: u64) -> MutexGuard<'_, Published> {
        lock(&self.shards, address)
    }

    /// The turn of an access to an address, among the strong ones of all blocks.
    pub(super) fn turn(&self, address: u64) -> MutexGuard<'_, ()> {
        lock(&self.turns, address)
    }
}

fn lock<T>(shards: &[Mutex<T>], address: u64) -> MutexGuard<'_, T> {
    // A poisoned lock belongs to a run that has failed already.
    shards[(address / 4 % SHARDS) as usize].lock().unwrap_or_else(PoisonError::into_inner)
}
