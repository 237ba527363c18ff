//! Clusters of blocks, and the choice of one thread.

use super::builder::Builder;
use super::value::Value;
use crate::ptx::SpecialRegister;
use crate::ptx::tree::{Directive, Operand};

impl Builder {
    /// Has clusters of `blocks` blocks, neighbours in x.
    pub fn require_cluster(&self, blocks: u32) {
        self.direct(Directive::RequiredCluster(vec![blocks, 1, 1]));
    }

    /// The rank of this block in its cluster.
    pub fn cluster_rank(&self) -> Value<'_, u32> {
        self.special(SpecialRegister::ClusterCtarank)
    }

    /// Waits until every thread of the cluster is here; what they wrote is seen by all.
    pub fn cluster_barrier(&self) {
        self.emit("barrier.cluster.arrive.aligned", Vec::new());
        self.emit("barrier.cluster.wait.aligned", Vec::new());
    }

    /// Waits until every thread of the cluster is here. Seen by all is only what a thread has fenced
    /// for it, such as with [`Builder::fence_mbarrier_init`].
    pub fn cluster_barrier_relaxed(&self) {
        self.emit("barrier.cluster.arrive.relaxed.aligned", Vec::new());
        self.emit("barrier.cluster.wait.aligned", Vec::new());
    }

    /// Holds in one lane of the warp, always the same. The whole warp must be here.
    pub fn elect(&self) -> Value<'_, bool> {
        let elected = self.fresh::<bool>();
        let pair = Operand::Pair(Box::new(Operand::Sink), Box::new(elected.operand()));
        self.emit("elect.sync", vec![pair, self.constant(u32::MAX).operand()]);
        elected
    }
}
