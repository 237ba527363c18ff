//! Taking over blocks that have not begun (`clusterlaunchcontrol`).

use super::builder::{Builder, Register};
use super::mbarrier::Mbarrier;
use super::memory::{Pointer, Shared};
use super::value::Value;
use crate::ptx::ScalarType;

/// The answer to a [request](Builder::request_cluster).
#[derive(Clone, Copy, Debug)]
pub struct ClusterLaunch<'k> {
    /// Whether a cluster was taken over, which then will not begin by itself. Where it was not,
    /// there is none left, and no more requests may be made.
    pub is_taken: Value<'k, bool>,
    answer: Register,
}

impl Builder {
    /// Asks to take over a cluster of the grid that has not begun. The answer comes to the 16 bytes
    /// at `destination`, in the async proxy, and is completed at `barrier`.
    pub fn request_cluster(&self, destination: Pointer<'_, u32, Shared>, barrier: Mbarrier<'_>) {
        const NAME: &str =
            "clusterlaunchcontrol.try_cancel.async.shared::cta.mbarrier::complete_tx::bytes.b128";
        self.emit(NAME, vec![destination.operand(), barrier.operand()]);
    }

    /// As [`request_cluster`](Self::request_cluster), where the answer comes to every block of this
    /// cluster, and is completed at the mbarrier of each. One block asks.
    pub fn request_cluster_for_all(
        &self,
        destination: Pointer<'_, u32, Shared>,
        barrier: Mbarrier<'_>,
    ) {
        const NAME: &str = "clusterlaunchcontrol.try_cancel.async.shared::cta.mbarrier::complete_tx::bytes.multicast::cluster::all.b128";
        self.emit(NAME, vec![destination.operand(), barrier.operand()]);
    }
}

impl<'k> ClusterLaunch<'k> {
    /// Bytes of an answer in shared memory, and its alignment.
    pub const BYTES: u32 = 16;

    /// Reads the answer that has come to `source`.
    pub fn read(source: Pointer<'k, u32, Shared>) -> Self {
        let k = source.builder();
        let answer = k.register_of(ScalarType::B128);
        k.emit("ld.shared.b128", vec![k.operand(answer), source.operand()]);
        let name = "clusterlaunchcontrol.query_cancel.is_canceled.pred.b128";
        Self { is_taken: k.compute(name, &[k.operand(answer)]), answer }
    }

    /// The first coordinate of the first block of the cluster that was taken over; undefined where
    /// none was.
    pub fn first_block(self) -> Value<'k, u32> {
        let name = "clusterlaunchcontrol.query_cancel.get_first_ctaid::x.b32.b128";
        let k = self.is_taken.builder();
        k.compute(name, &[k.operand(self.answer)])
    }
}
