use super::Schedule as Choice;
use super::memory::Memory;
use super::shape::Shape;
use crate::attention::arguments::Arguments;
use crate::attention::work::Work;
use crate::dsl::{Builder, ClusterLaunch, WARPGROUP};
use crate::tile::Turn;

/// The query tiles of a block, one after another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule<'a, 'k> {
    k: &'k Builder,
    shape: &'a Shape,
    arguments: &'a Arguments<'k>,
    memory: &'a Memory<'k>,
}

/// Threads that take every query tile, beside those of the softmax warpgroups and the correction:
/// one each that multiplies, that copies in, that copies out, and that asks for blocks.
const SINGLE_THREADS: u32 = 4;

impl<'a, 'k> Schedule<'a, 'k> {
    pub(super) fn new(
        k: &'k Builder,
        shape: &'a Shape,
        arguments: &'a Arguments<'k>,
        memory: &'a Memory<'k>,
    ) -> Self {
        Self { k, shape, arguments, memory }
    }

    /// Threads that read each answer about the block that is taken over.
    pub(super) fn readers(shape: &Shape) -> u32 {
        shape.config.threads() - WARPGROUP + SINGLE_THREADS
    }

    /// Runs `body` for each of the block's tiles.
    pub(super) fn for_each(&self, body: impl FnOnce(Work<'k>)) {
        let Self { k, shape, arguments, .. } = *self;
        let order = shape.order;
        let groups = order.groups(arguments);
        let first = k.block_index().x;
        let body = |index| body(order.work(arguments, index, groups));
        match shape.config.schedule {
            Choice::Single => body(first),
            Choice::Persistent => {
                let count = order.count(arguments, groups);
                k.for_range(first, count, k.grid_dim().x, body);
            }
            Choice::Dynamic => {
                let mut index = k.variable(first);
                let mut answers = self.memory.answers.first_read(k);
                k.repeat(|again| {
                    body(index.get());
                    let answer = self.answer(&mut answers);
                    k.if_(answer.is_taken, || index.set(answer.first_block()));
                    again.again_if(answer.is_taken);
                });
            }
        }
    }

    /// What one thread does where blocks take over others: it asks for one as soon as all have
    /// the answer before.
    pub(super) fn ask(&self) {
        let Self { k, memory, .. } = *self;
        let mut requests = memory.answers.first_fill(k);
        let mut answers = memory.answers.first_read(k);
        k.repeat(|again| {
            memory.answers.fill(&mut requests, |_, full| k.request_cluster(memory.answer, full));
            again.again_if(self.answer(&mut answers).is_taken);
        });
    }

    fn answer(&self, answers: &mut Turn<'k>) -> ClusterLaunch<'k> {
        let Self { k, memory, .. } = *self;
        memory.answers.wait(answers);
        let answer = ClusterLaunch::read(memory.answer);
        // The next one is written by the async proxy.
        k.fence_shared_for_async();
        memory.answers.free(answers, k.constant(true));
        answer
    }
}
