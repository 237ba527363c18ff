use super::shape::Shape;
use crate::attention::arguments::Arguments;
use crate::attention::work::Work;
use crate::dsl::Builder;

/// The query tiles of a block, one after another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule<'a, 'k> {
    k: &'k Builder,
    arguments: &'a Arguments<'k>,
    shape: &'a Shape,
}

impl<'a, 'k> Schedule<'a, 'k> {
    pub(super) fn new(k: &'k Builder, arguments: &'a Arguments<'k>, shape: &'a Shape) -> Self {
        Self { k, arguments, shape }
    }

    /// Runs `body` for each of the block's tiles.
    pub(super) fn for_each(&self, body: impl FnOnce(Work<'k>)) {
        let Self { k, arguments, shape } = *self;
        let order = shape.order;
        let groups = order.groups(arguments);
        let first = k.block_index().x;
        if shape.config.persistent {
            let count = order.count(arguments, groups);
            let body = |index| body(order.work(arguments, index, groups));
            k.for_range(first, count, k.grid_dim().x, body);
        } else {
            body(order.work(arguments, first, groups));
        }
    }
}
