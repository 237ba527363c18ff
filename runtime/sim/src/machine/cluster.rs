//! A cluster: its blocks, and whose turn it is.

use super::block::Block;
use super::cluster_barrier::ClusterBarrier;
use super::flight::Flights;
use super::raise::Raised;
use super::random::Random;
use super::register_pool::RegisterPool;
use super::setup::Run;
use super::warp::{Context, Group, State, Warp};
use crate::exec::bulk::BulkGroups;
use crate::exec::copy::Copies;
use crate::exec::registers::LANES;
use crate::exec::special::{Position, registers};
use crate::exec::tcgen05::{Issues, TensorWaits};
use crate::exec::wgmma::{Products, WARPS};
use crate::fault::{Fault, FaultKind, Site, Waiter};
use crate::hazard::{Agents, Fragments, Undefined, WarpClock};
use crate::memory::LocalMemory;
use crate::stats::Tallies;

/// Instructions without any change in memory after which a spin is suspected.
const SUSPICION: u64 = 1 << 12;

/// The blocks of a cluster and their warps.
#[derive(Debug)]
pub(super) struct Cluster {
    blocks: Vec<Block>,
    warps: Vec<Warp>,
    flights: Flights,
    agents: Agents,
    cluster_barrier: ClusterBarrier,
    random: Random,
    /// Instructions executed by all warps.
    now: u64,
    changes: u64,
    /// `changes` and the time when it was last seen to grow.
    last_change: (u64, u64),
}

/// How a turn of a cluster ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Every thread has exited.
    Done,
    /// It can go on.
    Paused,
    /// It can go on only after another cluster writes to global memory.
    Stuck,
}

impl Cluster {
    /// The cluster with this index in the grid, the `order`-th of the launch, before its first
    /// instruction.
    pub(super) fn new(run: &Run<'_>, index: u64, order: u64) -> Self {
        let launch = run.launch;
        let threads = launch.threads_per_block() as u32;
        let warps_per_block = run.warps_per_block() as u32;
        let all_threads = (launch.blocks_per_cluster() as u32 * warps_per_block) as usize * LANES;
        let live = |warp: u32| {
            let lanes = (threads - warp * LANES as u32).min(LANES as u32);
            u32::MAX >> (32 - lanes)
        };
        let (mut blocks, mut warps) = (Vec::new(), Vec::new());
        for rank in 0..launch.blocks_per_cluster() as u32 {
            let block = block_index(launch.grid, launch.cluster, index, rank);
            blocks.push(Block::new(
                block,
                run.shared_size,
                (0..warps_per_block).map(live).collect(),
                RegisterPool::new(run.program, u64::from(threads)),
                run.multiprocessors.place(order, rank as usize),
            ));
            for warp in 0..warps_per_block {
                let registers = registers(run, Position { block, rank, warp });
                let first = (rank * warps_per_block + warp) as usize * LANES;
                let clock = WarpClock::new(index as u32, first, all_threads)
                    .with_fenced_reads(run.options.lints.unfenced_write_after_read);
                let warp = new_warp(run, (rank, warp, live(warp)), registers, clock);
                warps.push(warp);
            }
        }
        let mut random = Random::new(run.options.seed, index);
        random.shuffle(&mut warps);
        Self {
            cluster_barrier: ClusterBarrier::new(blocks.len(), warps_per_block as usize),
            blocks,
            warps,
            flights: Flights::default(),
            agents: Agents::new(all_threads),
            random,
            now: 0,
            changes: 0,
            last_change: (0, 0),
        }
    }

    /// Executes about `budget` instructions.
    pub(super) fn run(
        &mut self,
        run: &Run<'_>,
        tallies: &mut Tallies,
        budget: u64,
    ) -> Result<Turn, Box<Fault>> {
        // What another cluster wrote meanwhile may let this one go on.
        self.changes += 1;
        self.last_change = (self.changes, self.now.saturating_sub(SUSPICION / 2));
        let end = self.now.saturating_add(budget);
        let limit = run.options.limits.instructions;
        while self.now < end {
            if self.now >= limit {
                let waiting = self.waiting(run);
                return Err(Fault::of(FaultKind::Budget { limit, waiting }));
            }
            if !self.step(run, tallies)? {
                if self.warps.is_empty() {
                    while self.with_context(0, run, tallies, |context| context.land_first())? {}
                    return Ok(Turn::Done);
                }
                if !self.land_something(run, tallies)? {
                    if self.awaits_columns() {
                        return Ok(Turn::Stuck);
                    }
                    let waiting = self.waiting(run);
                    return Err(Fault::of(FaultKind::Deadlock { waiting }));
                }
            }
            if self.changes != self.last_change.0 {
                self.last_change = (self.changes, self.now);
            } else if self.is_suspicious()
                && self.warps.iter().all(|warp| warp.is_stuck(self.changes))
                && !self.land_something(run, tallies)?
            {
                return Ok(Turn::Stuck);
            }
        }
        Ok(Turn::Paused)
    }

    /// The columns of tensor memory that a warp waits for while other clusters have them, and the rank of
    /// its block.
    fn columns_awaited(&self) -> Option<(usize, u32)> {
        self.warps.iter().find_map(|warp| {
            let peer = self.blocks.get(warp.rank ^ 1).map(|peer| &peer.tensor);
            let awaited = |group: &Group| match &group.state {
                State::TensorMemory(claim) => claim.columns(&self.blocks[warp.rank].tensor, peer),
                _ => None,
            };
            Some((warp.rank, warp.groups.iter().find_map(awaited)?))
        })
    }

    /// Whether a warp waits for columns of tensor memory that other clusters have.
    pub(super) fn awaits_columns(&self) -> bool {
        self.columns_awaited().is_some()
    }

    /// Whether the columns that a warp waits for are free by now, or are where the cluster moves: one
    /// that has none has not really begun, and may as well run on other multiprocessors.
    pub(super) fn finds_columns(&mut self, run: &Run<'_>) -> bool {
        let Some((rank, columns)) = self.columns_awaited() else { return false };
        if run.multiprocessors.free(self.blocks[rank].place) >= columns {
            return true;
        }
        let index = u64::from(self.warps.first().map_or(0, |warp| warp.clock.cluster()));
        let moves = self.blocks.iter().all(|block| block.tensor.memory.is_free());
        if moves {
            self.blocks.iter_mut().for_each(|block| block.place.0 = 1 << 63 | index);
        }
        moves
    }

    fn is_suspicious(&self) -> bool {
        self.now - self.last_change.1 >= SUSPICION
    }

    /// Lets one warp execute; false where none can.
    fn step(&mut self, run: &Run<'_>, tallies: &mut Tallies) -> Result<bool, Box<Fault>> {
        let count = self.warps.len();
        if count == 0 {
            return Ok(false);
        }
        let first = self.random.below(count as u64) as usize;
        // Long turns keep a warp's registers near, short ones mix the warps: both occur.
        let quantum = 16 << self.random.below(7);
        for i in 0..count {
            let i = (first + i) % count;
            let executed = self.with_warp(i, run, tallies, |warp, context| {
                let executed = warp.run(context, quantum)?;
                warp.land_due(context)?;
                context.land_due()?;
                warp.land_products(None, context);
                Ok(executed)
            })?;
            if self.warps[i].live == 0 {
                self.with_warp(i, run, tallies, |warp, context| {
                    while warp.land_earliest(context)? {}
                    Ok(())
                })?;
                let warp = self.warps.swap_remove(i);
                if self.blocks[warp.rank].has_exited() {
                    let cluster = warp.clock.cluster();
                    self.with_context(warp.rank, run, tallies, |context| {
                        context.close_block(cluster)
                    })?;
                }
                return Ok(true);
            }
            if executed > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Lands the earliest copy of some warp or of the cluster; false where none is in flight.
    fn land_something(&mut self, run: &Run<'_>, tallies: &mut Tallies) -> Result<bool, Box<Fault>> {
        for i in 0..self.warps.len() {
            if self.with_warp(i, run, tallies, |warp, context| warp.land_earliest(context))? {
                return Ok(true);
            }
        }
        self.with_context(0, run, tallies, |context| context.land_first())
    }

    /// Calls a function with a warp and what it reaches, and names the place of a fault.
    fn with_warp<T>(
        &mut self,
        warp: usize,
        run: &Run<'_>,
        tallies: &mut Tallies,
        f: impl FnOnce(&mut Warp, &mut Context<'_>) -> Result<T, Box<Raised>>,
    ) -> Result<T, Box<Fault>> {
        let suspicious = self.is_suspicious();
        let warp = &mut self.warps[warp];
        let mut context = Context {
            run,
            blocks: &mut self.blocks,
            flights: &mut self.flights,
            agents: &mut self.agents,
            cluster_barrier: &mut self.cluster_barrier,
            rank: warp.rank,
            tallies,
            random: &mut self.random,
            now: self.now,
            changes: &mut self.changes,
            suspicious,
            pc: 0,
            hint: 0,
        };
        let result = f(warp, &mut context);
        let (now, pc) = (context.now, context.pc);
        self.now = now;
        result.map_err(|raised| {
            let block = self.blocks[warp.rank].index;
            let site = || Site::new(run.program, pc, block, warp.index, raised.lanes);
            Box::new(Fault { kind: raised.kind, site: Some(raised.site.unwrap_or_else(site)) })
        })
    }

    /// The same with a block and no warp, for what no instruction does.
    fn with_context<T>(
        &mut self,
        rank: usize,
        run: &Run<'_>,
        tallies: &mut Tallies,
        f: impl FnOnce(&mut Context<'_>) -> Result<T, Box<Raised>>,
    ) -> Result<T, Box<Fault>> {
        let mut context = Context {
            run,
            blocks: &mut self.blocks,
            flights: &mut self.flights,
            agents: &mut self.agents,
            cluster_barrier: &mut self.cluster_barrier,
            rank,
            tallies,
            random: &mut self.random,
            now: self.now,
            changes: &mut self.changes,
            suspicious: false,
            pc: 0,
            hint: 0,
        };
        f(&mut context).map_err(|raised| Box::new(Fault { kind: raised.kind, site: raised.site }))
    }

    /// What every warp waits for or does.
    pub(super) fn waiting(&self, run: &Run<'_>) -> Vec<Waiter> {
        let mut waiting = Vec::new();
        for warp in &self.warps {
            let block = &self.blocks[warp.rank];
            for group in &warp.groups {
                let site = Site::new(run.program, group.pc, block.index, warp.index, group.mask);
                waiting.push(Waiter { site, reason: self.reason(group, warp.index, block, run) });
            }
        }
        waiting.sort_by_key(|waiter| (waiter.site.block, waiter.site.warp, waiter.site.lanes));
        waiting
    }

    fn reason(&self, group: &Group, warp: usize, block: &Block, run: &Run<'_>) -> String {
        match &group.state {
            State::Ready => {
                let state = |offset| Some((offset, block.mbarriers.describe(offset)?));
                match group.awaited.and_then(state) {
                    Some((offset, state)) => {
                        format!("waits at the mbarrier at shared address {offset:#x}: {state}")
                    }
                    None => "executes".into(),
                }
            }
            State::Parked => "waits for the other lanes of its warp".into(),
            State::Barrier { number, .. } => {
                format!("waits at {}", block.describe_barrier(*number))
            }
            State::Registers(wanted) => block.registers.describe(warp, *wanted),
            State::TensorMemory(claim) => {
                claim.describe(&block.tensor.memory, run.multiprocessors.free(block.place))
            }
            State::Products { last } => block.warpgroups[warp / WARPS].missing(*last),
            State::ClusterBarrier { .. } => {
                format!("waits at {}", self.cluster_barrier.describe(&self.blocks))
            }
        }
    }
}

fn new_warp(
    run: &Run<'_>,
    (rank, index, live): (u32, u32, u32),
    registers: crate::exec::registers::Registers,
    clock: WarpClock,
) -> Warp {
    let frame_size = run.program.functions.first().map_or(0, |entry| entry.frame_size);
    let mut local = LocalMemory::default();
    for lane in 0..LANES {
        local.enter(lane, 0, frame_size);
    }
    let start = run.program.functions.first().map_or(0, |entry| entry.start);
    let written = match run.options.hazards {
        true => vec![0; run.program.slots.names.len()],
        false => Vec::new(),
    };
    Warp {
        index: index as usize,
        rank: rank as usize,
        registers,
        written,
        live,
        groups: vec![Group {
            pc: start,
            mask: live,
            frame: None,
            state: State::Ready,
            awaited: None,
            last_run: 0,
            snapshot: None,
        }],
        local,
        copies: Copies::default(),
        bulk: BulkGroups::default(),
        products: Products::default(),
        issues: Issues::default(),
        tensor_waits: TensorWaits::default(),
        clock,
        undefined: Undefined::default(),
        fragments: Fragments::new(if run.options.hazards { run.program.fragments } else { 0 }),
        executed: 0,
        streak: 0,
    }
}

/// `%ctaid` of a block by its cluster's index in the grid and its rank there.
pub(crate) fn block_index(grid: [u32; 3], cluster: [u32; 3], index: u64, rank: u32) -> [u32; 3] {
    let clusters = [0, 1, 2].map(|i| u64::from(grid[i] / cluster[i]));
    let cluster_index =
        [index % clusters[0], index / clusters[0] % clusters[1], index / clusters[0] / clusters[1]];
    let within =
        [rank % cluster[0], rank / cluster[0] % cluster[1], rank / cluster[0] / cluster[1]];
    [0, 1, 2].map(|i| cluster_index[i] as u32 * cluster[i] + within[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_clusters_cover_the_grid() {
        let (grid, cluster) = ([4, 6, 2], [2, 3, 1]);
        let mut blocks: Vec<_> = (0..8)
            .flat_map(|index| (0..6).map(move |rank| block_index(grid, cluster, index, rank)))
            .collect();
        blocks.sort_unstable();
        blocks.dedup();
        assert_eq!(blocks.len(), 48);
        assert_eq!(block_index(grid, cluster, 1, 5), [3, 2, 0]);
    }
}
