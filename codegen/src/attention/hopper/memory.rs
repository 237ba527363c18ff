use super::shape::Shape;
use crate::dsl::{Builder, Pointer, Shared, WARPGROUP};
use crate::tile::{PanelLayout, SlotRing};

/// The block's shared memory: tiles, and the rings that guard them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory<'k> {
    base: Pointer<'k, u32, Shared>,
    /// The query tile of all consumers, as a ring of one slot.
    pub(super) queries: SlotRing<'k>,
    pub(super) keys: SlotRing<'k>,
    /// Value tiles as they are multiplied.
    pub(super) values: SlotRing<'k>,
    /// Value tiles as they are copied, where they are transposed before they are multiplied.
    pub(super) staged: Option<SlotRing<'k>>,
}

impl<'k> Memory<'k> {
    pub(super) fn declare(k: &'k Builder, shape: &Shape) -> Self {
        let (plan, config) = (&shape.plan, &shape.config);
        let base = k.dynamic_shared_aligned(PanelLayout::ALIGN);
        let mut barriers = base.byte_offset(plan.barriers_at().into()).cast();
        let mut ring = |slots, bytes, cluster| {
            let ring = SlotRing::new(barriers, slots, bytes, cluster);
            barriers = barriers.byte_offset(SlotRing::barrier_bytes(slots).into());
            ring
        };
        let consumers = config.consumers();
        Self {
            base,
            queries: ring(1, consumers * plan.query.bytes(), 1),
            keys: ring(config.stages, plan.key.bytes(), config.cluster),
            values: match plan.staged {
                None => ring(config.stages, plan.value.bytes(), config.cluster),
                // Each block transposes for itself.
                Some(_) => ring(config.stages, plan.value.bytes(), 1),
            },
            staged: plan.staged.map(|tile| ring(config.stages, tile.bytes(), config.cluster)),
        }
    }

    /// Initializes the mbarriers, and waits until all who use them see that.
    pub(super) fn init(&self, k: &'k Builder, shape: &Shape) {
        let (consumers, cluster) = (shape.config.consumers(), shape.config.cluster);
        k.if_(k.thread_index().x.eq(0), || {
            self.queries.init(consumers);
            self.keys.init(consumers);
            match &self.staged {
                None => self.values.init(consumers),
                Some(staged) => {
                    staged.init(WARPGROUP);
                    self.values.init_written(WARPGROUP, consumers);
                }
            }
            if cluster > 1 {
                k.fence_mbarrier_init();
            }
        });
        match cluster {
            1 => k.barrier(),
            _ => k.cluster_barrier_relaxed(),
        }
    }

    /// The address `bytes` bytes from the beginning.
    pub(super) fn at(&self, bytes: u32) -> Pointer<'k, u32, Shared> {
        self.base.byte_offset(bytes.into())
    }
}
