use super::consumer::Consumer;
use crate::dsl::OperandA;
use crate::tile::{Descriptor, Turn, WarpgroupTile};

/// The query rows of a consumer, as A operands of the product with K.
#[derive(Debug)]
pub(super) enum Queries<'k> {
    /// In registers, by depth step.
    Registers(Vec<OperandA<'k>>),
    /// In shared memory.
    Shared,
}

impl<'k> Queries<'k> {
    /// Waits for the tile. Its memory is freed at once where nobody needs it any more.
    pub(super) fn receive(consumer: &Consumer<'_, 'k>, turn: &mut Turn<'k>) -> Self {
        let Consumer { k, shape, memory, number, warpgroup, .. } = *consumer;
        memory.queries.wait(turn);
        if !shape.config.q_in_registers {
            return Self::Shared;
        }
        let own = memory.at(0).byte_add(number * shape.plan.query_stride());
        let pieces = WarpgroupTile::new(k, own, shape.plan.query).load();
        // The output of a warp may lie over rows of Q of others, where its elements are wider.
        if shape.config.frees_queries_early() || shape.dtype.output().bytes() > shape.dtype.bytes()
        {
            warpgroup.wait();
        }
        if shape.config.frees_queries_early() {
            memory.queries.free(turn, consumer.is_first_thread);
        }
        Self::Registers(pieces.into_iter().map(OperandA::Registers).collect())
    }

    /// By depth step.
    pub(super) fn steps(&self, consumer: &Consumer<'_, 'k>) -> Vec<OperandA<'k>> {
        let Consumer { shape, memory, number, .. } = *consumer;
        if let Self::Registers(steps) = self {
            return steps.clone();
        }
        let layout = shape.plan.query;
        let stride = shape.plan.query_stride();
        let tile = Descriptor::new(memory.at(0), layout).element(number, stride);
        let steps = tile.steps_along_rows(layout).into_iter();
        steps.map(|step| OperandA::Shared(step.value())).collect()
    }
}
