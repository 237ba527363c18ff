//! mbarriers: objects in shared memory at which threads and asynchronous copies arrive.

use super::builder::Builder;
use super::memory::{Pointer, Shared};
use super::value::{IntoValue, Value};
use crate::ptx::tree::Operand;

/// An mbarrier in the block's shared memory.
///
/// It goes through phases. A phase ends when as many arrivals as it was initialized with have
/// happened, and the bytes that they announced have been copied; the next begins at once, expecting
/// the same number of arrivals. Waiters name a phase by its parity: the first phase has parity 0,
/// and the one before it, of parity 1, counts as ended.
#[derive(Clone, Copy, Debug)]
pub struct Mbarrier<'k> {
    pointer: Pointer<'k, u64, Shared>,
}

/// Bytes of an mbarrier; it is aligned to as many.
pub const MBARRIER_BYTES: u32 = 8;

impl<'k> Mbarrier<'k> {
    /// The mbarrier at an address, 8-byte aligned.
    pub fn new(pointer: Pointer<'k, u64, Shared>) -> Self {
        Self { pointer }
    }

    /// The mbarrier `index` places further on.
    pub fn element(self, index: impl IntoValue<'k, u32>) -> Self {
        Self { pointer: self.pointer.element(index) }
    }

    pub(super) fn operand(self) -> Operand {
        self.pointer.operand()
    }

    fn builder(self) -> &'k Builder {
        self.pointer.builder()
    }

    /// Begins its first phase, with `arrivals` expected in each. Other threads of the block see it
    /// after a barrier, those of the cluster and copies after [`Builder::fence_mbarrier_init`] and
    /// a barrier.
    pub fn init(self, arrivals: u32) {
        let k = self.builder();
        k.emit("mbarrier.init.shared.b64", vec![self.operand(), k.constant(arrivals).operand()]);
    }

    /// Arrives once. What this thread did before is seen by those that wait for the phase.
    pub fn arrive(self) {
        self.builder().emit("mbarrier.arrive.shared.b64", vec![Operand::Sink, self.operand()]);
    }

    /// Arrives once, and announces that copies will complete `bytes` bytes in this phase.
    pub fn arrive_expecting(self, bytes: u32) {
        let k = self.builder();
        let bytes = k.constant(bytes).operand();
        let operands = vec![Operand::Sink, self.operand(), bytes];
        k.emit("mbarrier.arrive.expect_tx.shared.b64", operands);
    }

    /// Arrives once at the mbarrier in the same place of the cluster's block of rank `rank`.
    pub fn arrive_at(self, rank: Value<'k, u32>) {
        let k = self.builder();
        let own = self.pointer.address();
        let remote: Value<'_, u32> =
            k.compute("mapa.shared::cluster.u32", &[own.register_operand(), rank.operand()]);
        let address = Pointer::<u64, Shared>::new(remote).operand();
        k.emit("mbarrier.arrive.release.cluster.shared::cluster.b64", vec![Operand::Sink, address]);
    }

    /// The mbarrier in the same place of the block that leads the pair of this one: that with the
    /// even rank. For copies by [`Receivers::Pair`](super::Receivers::Pair).
    pub fn of_leader(self) -> Self {
        /// All but the last bit of the rank, which stands above the address within the block.
        const EVEN_RANK: u32 = 0xfeff_ffff;
        Self { pointer: Pointer::new(self.pointer.address() & EVEN_RANK) }
    }

    /// Waits for the end of the phase of parity `parity`, which is the current one or that before.
    pub fn wait(self, parity: impl IntoValue<'k, u32>) {
        self.spin("mbarrier.try_wait.parity.shared.b64", parity);
    }

    /// As [`wait`](Self::wait), where threads of other blocks of the cluster arrive.
    pub fn wait_in_cluster(self, parity: impl IntoValue<'k, u32>) {
        self.spin("mbarrier.try_wait.parity.acquire.cluster.shared.b64", parity);
    }

    /// A try may fail for no reason.
    fn spin(self, name: &str, parity: impl IntoValue<'k, u32>) {
        let k = self.builder();
        let parity = parity.into_value(k).operand();
        k.repeat(|again| {
            let ended: Value<'_, bool> = k.compute(name, &[self.operand(), parity]);
            again.again_unless(ended);
        });
    }
}

impl Builder {
    /// Makes the initialization of mbarriers by this thread visible to the cluster and to
    /// asynchronous copies, together with a barrier after it.
    pub fn fence_mbarrier_init(&self) {
        self.emit("fence.mbarrier_init.release.cluster", Vec::new());
    }
}
