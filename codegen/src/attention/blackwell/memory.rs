use super::Schedule as Choice;
use super::plan::SIGNALS;
use super::schedule::Schedule;
use super::shape::Shape;
use crate::dsl::{Builder, ClusterLaunch, CtaGroup, Mbarrier, Pointer, Shared, Value, WARPGROUP};
use crate::tile::{PanelLayout, SlotRing, TensorMemory};

/// The block's memory: tiles, the rings that guard them, and the mbarriers at which one stage waits
/// for another. Of the latter each query tile has its own, one place after another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory<'k> {
    base: Pointer<'k, u32, Shared>,
    group: CtaGroup,
    pub(super) tensor: TensorMemory<'k>,
    /// Key and value tiles.
    pub(super) ring: SlotRing<'k>,
    /// Query tiles: a slot for each.
    pub(super) queries: SlotRing<'k>,
    /// Outputs in shared memory, on their way out: a slot for each.
    pub(super) outputs: SlotRing<'k>,
    /// The answer about the block that is taken over: a slot.
    pub(super) answers: SlotRing<'k>,
    /// Where that comes to.
    pub(super) answer: Pointer<'k, u32, Shared>,
    /// S is complete.
    pub(super) scores: Mbarrier<'k>,
    /// The first part of P is there, and O is rescaled.
    pub(super) early: Mbarrier<'k>,
    /// All of P is there.
    pub(super) late: Mbarrier<'k>,
    /// O is complete.
    pub(super) output: Mbarrier<'k>,
    /// The factors by which O is to be rescaled are there.
    pub(super) factors: Mbarrier<'k>,
    /// Those by which it is scaled at the end are there.
    pub(super) last_factors: Mbarrier<'k>,
    /// Those have been read.
    pub(super) last_factors_free: Mbarrier<'k>,
}

impl<'k> Memory<'k> {
    pub(super) fn declare(k: &'k Builder, shape: &Shape, rank: Value<'k, u32>) -> Self {
        let (plan, config) = (&shape.plan, &shape.config);
        let leads = config.pair.then(|| rank.eq(0));
        let base = k.dynamic_shared_aligned(PanelLayout::ALIGN);
        let tiles = shape.query_tiles();
        let mut barriers = base.byte_offset(plan.barriers_at().into()).cast();
        let mut ring = |slots, bytes| {
            let ring = SlotRing::new(barriers, slots, bytes, 1);
            barriers = barriers.byte_offset(SlotRing::barrier_bytes(slots).into());
            ring
        };
        let tile_ring = ring(config.stages, plan.slot()).in_pair(leads);
        let queries = ring(tiles, plan.query.bytes()).in_pair(leads);
        let outputs = ring(tiles, plan.output.bytes());
        // In the place of Q, that of the next query tile has come there since, and been multiplied.
        // Of bytes beyond Q that says nothing in a pair, whose leader sees no more than Q come.
        let beyond = config.pair && plan.output.bytes() > plan.query.bytes();
        let outputs = if config.o_over_q && !beyond { outputs.always_free() } else { outputs };
        let answers = ring(1, ClusterLaunch::BYTES);
        let signals = Mbarrier::new(barriers);
        let signal = |number: u32| signals.element(number * tiles);
        let slot = base.byte_offset(plan.tensor_memory_at().into());
        Self {
            base,
            group: config.group(),
            tensor: TensorMemory::new(config.group(), slot, shape.tensor.columns),
            ring: tile_ring,
            queries,
            outputs,
            answers,
            answer: base.byte_offset(plan.answer_at().into()),
            scores: signal(0),
            early: signal(1),
            late: signal(2),
            output: signal(3),
            factors: signal(4),
            last_factors: signal(5),
            last_factors_free: signal(SIGNALS - 1),
        }
    }

    /// Initializes the mbarriers; a barrier of all blocks of the group follows, which
    /// releases them.
    pub(super) fn init(&self, k: &'k Builder, shape: &Shape) {
        let blocks = self.group.blocks();
        k.if_(k.thread_index().x.eq(0), || {
            self.ring.init(1);
            self.queries.init(1);
            self.outputs.init_written(WARPGROUP, 1);
            if shape.config.schedule == Choice::Dynamic {
                self.answers.init(Schedule::readers(shape));
            }
            for tile in 0..shape.query_tiles() {
                let arrivals = [
                    (self.scores, 1),
                    (self.early, 2 * WARPGROUP * blocks),
                    (self.output, 1),
                    (self.factors, WARPGROUP),
                    (self.last_factors, WARPGROUP),
                    (self.last_factors_free, WARPGROUP),
                ];
                arrivals.iter().for_each(|(signal, count)| signal.element(tile).init(*count));
                if shape.config.early_quarters > 0 {
                    self.late.element(tile).init(WARPGROUP * blocks);
                }
            }
        });
    }

    /// Arrives at an mbarrier at which the issuing thread waits, that of the block that leads.
    pub(super) fn tell_issuer(&self, k: &'k Builder, signal: Mbarrier<'k>) {
        match self.group {
            CtaGroup::One => signal.arrive(),
            CtaGroup::Two => signal.arrive_at(k.constant(0)),
        }
    }

    /// The address `bytes` bytes from the beginning.
    pub(super) fn at(&self, bytes: u32) -> Pointer<'k, u32, Shared> {
        self.base.byte_offset(bytes.into())
    }
}
