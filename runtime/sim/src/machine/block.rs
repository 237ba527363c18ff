//! A block: its shared memory and its barriers.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashMap;
use tilewright_codegen::ptx::Space;

use super::multiprocessor::Place;
use super::raise::Raised;
use super::register_pool::RegisterPool;
use super::warpgroup::Warpgroup;
use crate::exec::mbarrier::Mbarriers;
use crate::exec::peer::Visit;
use crate::exec::tcgen05::Tensor;
use crate::exec::wgmma::WARPS;
use crate::fault::FaultKind;
use crate::hazard::{Clocks, Origins, Published, SharedShadow};
use crate::memory::SharedMemory;

/// Barriers of a block.
const BARRIERS: usize = 16;
/// Lanes of a warp, as barriers count.
const WARP: u32 = 32;

/// What the warps of a block share.
#[derive(Debug)]
pub(crate) struct Block {
    /// `%ctaid`.
    pub(crate) index: [u32; 3],
    pub(crate) shared: SharedMemory,
    pub(crate) mbarriers: Mbarriers,
    barriers: [Barrier; BARRIERS],
    pub(crate) shadow: SharedShadow,
    pub(crate) origins: Origins,
    /// What its threads published, in shared memory and to the block alone in global memory.
    published: [Published; 2],
    /// Lanes of each warp that have not exited.
    pub(crate) live: Vec<u32>,
    pub(super) registers: RegisterPool,
    /// The last access of each thread of other blocks to its shared memory.
    pub(crate) visits: HashMap<u32, Visit>,
    /// What those of its threads knew that have exited.
    pub(crate) left: Clocks,
    pub(crate) warpgroups: Vec<Warpgroup>,
    pub(crate) tensor: Tensor,
    /// Whether its threads have seen a request for another cluster refused.
    pub(crate) was_refused: bool,
    /// The multiprocessor that it runs on.
    pub(crate) place: Place,
}

/// A barrier: who arrived since it last completed.
#[derive(Clone, Debug, Default)]
struct Barrier {
    /// How often it completed.
    phase: u64,
    /// Lanes of each warp that arrived.
    arrived: Vec<u32>,
    /// Earlier arrivals of warps that did not wait and arrived again, which count as well.
    earlier: u32,
    /// The count that the participants gave, where the first has arrived.
    threads: Option<Option<u32>>,
    tally: Tally,
    /// Groups of lanes that wait.
    readers: u32,
    /// What those who arrived know.
    clocks: Clocks,
    /// Outcomes that waiting groups have yet to read, by the phase they ended.
    outcomes: BTreeMap<u64, (Outcome, u32)>,
}

/// What a phase of a barrier came to.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    /// What everyone knows who waited.
    pub(crate) clocks: Arc<Clocks>,
}

/// What a reduction over a barrier counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Threads that took part.
    pub(crate) threads: u32,
    /// Those whose predicate held.
    pub(crate) held: u32,
}

/// An arrival of a group of lanes at a barrier.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) number: u32,
    pub(crate) threads: Option<u32>,
    pub(crate) warp: usize,
    pub(crate) lanes: u32,
    /// The predicate of a reduction.
    pub(crate) votes: Option<u32>,
    /// Whether the lanes wait.
    pub(crate) waits: bool,
    /// What the lanes know, if hazards are looked for.
    pub(crate) clocks: Option<Clocks>,
}

impl Block {
    pub(crate) fn new(
        index: [u32; 3],
        shared_size: usize,
        live: Vec<u32>,
        registers: RegisterPool,
        place: Place,
    ) -> Self {
        let barrier = Barrier { arrived: vec![0; live.len()], ..Barrier::default() };
        let warpgroups = live.len() / WARPS;
        Self {
            index,
            shared: SharedMemory::new(shared_size),
            mbarriers: Mbarriers::default(),
            barriers: std::array::from_fn(|_| barrier.clone()),
            shadow: SharedShadow::default(),
            origins: Origins::default(),
            published: Default::default(),
            live,
            registers,
            visits: HashMap::default(),
            left: Clocks::default(),
            warpgroups: (0..warpgroups).map(|_| Warpgroup::default()).collect(),
            tensor: Tensor::default(),
            was_refused: false,
            place,
        }
    }

    /// What was published at addresses of a space, to the block.
    pub(crate) fn published_at(&mut self, space: Space) -> &mut Published {
        &mut self.published[usize::from(space != Space::Shared)]
    }

    /// Notes an arrival; the number of the phase it belongs to.
    pub(crate) fn arrive(&mut self, arrival: Arrival) -> Result<u64, Box<Raised>> {
        let Arrival { number, threads, warp, lanes, votes, waits, clocks } = arrival;
        let raise = |problem: String| {
            Err(Raised::new(FaultKind::Barrier { barrier: number, problem }, lanes))
        };
        let Some(barrier) = self.barriers.get_mut(number as usize) else {
            return raise(format!("a block has barriers 0 to {}", BARRIERS - 1));
        };
        let most = self.live.len() as u32 * WARP;
        if let Some(count) = threads.filter(|&n| n == 0 || n % WARP != 0 || n > most) {
            return raise(format!(
                "its thread count is {count}; expected a multiple of {WARP} up to {most}"
            ));
        }
        if let Some(first) = barrier.threads.filter(|&first| first != threads) {
            let name = |count: Option<u32>| count.map_or("all threads".into(), |n| format!("{n}"));
            return raise(format!(
                "its participants disagree on the thread count: {} and {}",
                name(first),
                name(threads)
            ));
        }
        if barrier.arrived[warp] & lanes != 0 {
            // What a barrier counts are arrivals, whoever's: a warp may give itself the first turn.
            if threads.is_none() || self.live[warp] & !barrier.arrived[warp] != 0 {
                return raise("a thread arrives a second time before its warp has arrived".into());
            }
            barrier.earlier += 1;
            barrier.arrived[warp] = 0;
        }
        barrier.threads = Some(threads);
        barrier.arrived[warp] |= lanes;
        if let Some(votes) = votes {
            barrier.tally.threads += lanes.count_ones();
            barrier.tally.held += (votes & lanes).count_ones();
        }
        barrier.readers += u32::from(waits);
        if let Some(clocks) = clocks {
            barrier.clocks.join(&clocks);
        }
        let phase = barrier.phase;
        barrier.complete_if_full(&self.live);
        Ok(phase)
    }

    /// Completes the barriers that waited for lanes which have exited.
    pub(crate) fn note_exit(&mut self, warp: usize, live: u32) {
        self.live[warp] = live;
        for barrier in &mut self.barriers {
            barrier.complete_if_full(&self.live);
        }
    }

    /// Whether all its threads have exited.
    pub(crate) fn has_exited(&self) -> bool {
        self.live.iter().all(|&live| live == 0)
    }

    /// How often a barrier completed.
    pub(crate) fn phase(&self, number: u32) -> u64 {
        self.barriers[number as usize].phase
    }

    /// The outcome of a phase that has ended, for one of its readers.
    pub(crate) fn read_outcome(&mut self, number: u32, phase: u64) -> Option<Outcome> {
        let outcomes = &mut self.barriers[number as usize].outcomes;
        let (outcome, readers) = outcomes.get_mut(&phase)?;
        let result = Some(outcome.clone());
        *readers -= 1;
        if *readers == 0 {
            outcomes.remove(&phase);
        }
        result
    }

    /// Who has arrived at a barrier and who is expected, for messages.
    pub(crate) fn describe_barrier(&self, number: u32) -> String {
        let barrier = &self.barriers[number as usize];
        let arrived = barrier.warps(&self.live) * WARP;
        let expected = barrier.expected(&self.live) * WARP;
        format!("barrier {number}, where {arrived} of {expected} threads have arrived")
    }
}

impl Barrier {
    /// Arrivals of warps, with all of their live lanes.
    fn warps(&self, live: &[u32]) -> u32 {
        let full = |(arrived, live): &(&u32, &u32)| **arrived != 0 && *live & !*arrived == 0;
        self.earlier + self.arrived.iter().zip(live).filter(full).count() as u32
    }

    /// Warps that it needs. Without a count these are all that have not exited or have arrived.
    fn expected(&self, live: &[u32]) -> u32 {
        match self.threads {
            Some(Some(threads)) => threads / WARP,
            _ => {
                let takes_part = |(arrived, live): &(&u32, &u32)| **arrived | **live != 0;
                self.arrived.iter().zip(live).filter(takes_part).count() as u32
            }
        }
    }

    fn complete_if_full(&mut self, live: &[u32]) {
        if self.threads.is_none() || self.warps(live) < self.expected(live) {
            return;
        }
        let clocks = Arc::new(std::mem::take(&mut self.clocks));
        if self.readers > 0 {
            let outcome = Outcome { tally: self.tally, clocks };
            self.outcomes.insert(self.phase, (outcome, self.readers));
        }
        self.readers = 0;
        self.phase += 1;
        self.arrived.fill(0);
        self.earlier = 0;
        self.threads = None;
        self.tally = Tally::default();
    }
}
