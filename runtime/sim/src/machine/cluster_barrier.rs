//! `barrier.cluster`: the barrier of all threads of a cluster.

use std::sync::Arc;

use super::block::Block;
use crate::hazard::Clocks;

/// Who arrived since it last completed.
#[derive(Debug)]
pub(crate) struct ClusterBarrier {
    /// Lanes of each warp that have arrived in this phase, by the rank of their block.
    arrived: Vec<Vec<u32>>,
    /// Lanes that have arrived and not waited.
    owing: Vec<Vec<u32>>,
    /// What those who arrived know.
    clocks: Clocks,
    /// The same of the last phase that completed. The next one cannot complete before everyone who
    /// takes part has waited for it.
    completed: Arc<Clocks>,
}

impl ClusterBarrier {
    pub(super) fn new(blocks: usize, warps_per_block: usize) -> Self {
        let nobody = vec![vec![0; warps_per_block]; blocks];
        Self {
            arrived: nobody.clone(),
            owing: nobody,
            clocks: Clocks::default(),
            completed: Arc::default(),
        }
    }

    /// Notes an arrival of lanes of a warp, or says which rule it breaks.
    pub(super) fn arrive(
        &mut self,
        (rank, warp): (usize, usize),
        lanes: u32,
        clocks: Option<Clocks>,
        blocks: &[Block],
    ) -> Result<(), &'static str> {
        if self.owing[rank][warp] & lanes != 0 {
            return Err("a thread arrives a second time without having waited");
        }
        self.arrived[rank][warp] |= lanes;
        self.owing[rank][warp] |= lanes;
        if let Some(clocks) = clocks {
            self.clocks.join(&clocks);
        }
        self.complete_if_full(blocks);
        Ok(())
    }

    /// Whether lanes of a warp have arrived and may wait.
    pub(super) fn may_wait(&self, (rank, warp): (usize, usize), lanes: u32) -> bool {
        lanes & !self.owing[rank][warp] == 0
    }

    /// What lanes of a warp that wait learn, once the phase that they arrived in is complete.
    pub(super) fn wait(&mut self, (rank, warp): (usize, usize), lanes: u32) -> Option<Arc<Clocks>> {
        if self.arrived[rank][warp] & lanes != 0 {
            return None;
        }
        self.owing[rank][warp] &= !lanes;
        Some(self.completed.clone())
    }

    /// Completes the phase if everyone has arrived who has not exited.
    pub(super) fn complete_if_full(&mut self, blocks: &[Block]) {
        let mut anyone = false;
        for (block, arrived) in blocks.iter().zip(&self.arrived) {
            for (live, arrived) in block.live.iter().zip(arrived) {
                if live & !arrived != 0 {
                    return;
                }
                anyone |= *arrived != 0;
            }
        }
        if anyone {
            self.completed = Arc::new(std::mem::take(&mut self.clocks));
            self.arrived.iter_mut().for_each(|warps| warps.fill(0));
        }
    }

    /// Who has arrived, for messages.
    pub(super) fn describe(&self, blocks: &[Block]) -> String {
        let count = |masks: &mut dyn Iterator<Item = u32>| masks.map(u32::count_ones).sum::<u32>();
        let arrived = count(&mut self.arrived.iter().flatten().copied());
        let live = blocks.iter().zip(&self.arrived).flat_map(|(block, arrived)| {
            block.live.iter().zip(arrived).map(|(live, arrived)| live | arrived)
        });
        let expected = count(&mut { live });
        format!("the barrier of the cluster, where {arrived} of {expected} threads have arrived")
    }
}
