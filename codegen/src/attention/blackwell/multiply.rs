//! The warp that issues the matrix products, by one of its threads.

use super::memory::Memory;
use super::schedule::Schedule;
use super::shape::Shape;
use crate::attention::arguments::Arguments;
use crate::dsl::{Builder, CtaGroup, Mbarrier, TensorAddress, TensorOperand, Value};
use crate::tile::{Descriptor, PanelLayout, Phase, Taken, Turn};

/// What the issuing thread knows.
struct Multiplier<'a, 'k> {
    k: &'k Builder,
    shape: &'a Shape,
    memory: &'a Memory<'k>,
    base: TensorAddress<'k>,
    slots: Turn<'k>,
    early: Vec<Phase<'k>>,
    late: Vec<Phase<'k>>,
}

/// What the issuing thread does; for the order of products see the [module](super::super).
pub(super) fn multiply<'k>(
    k: &'k Builder,
    shape: &Shape,
    arguments: &Arguments<'k>,
    memory: &Memory<'k>,
    base: TensorAddress<'k>,
) {
    let (tiles, group) = (0..shape.query_tiles(), shape.config.group());
    let phases = |signal: &dyn Fn(u32) -> Phase<'k>| tiles.clone().map(signal).collect::<Vec<_>>();
    let mut multiplier = Multiplier {
        k,
        shape,
        memory,
        base,
        slots: memory.ring.first_read(k),
        early: phases(&|tile| Phase::first(k, memory.early.element(tile)).of_group(group)),
        late: phases(&|tile| Phase::first(k, memory.late.element(tile)).of_group(group)),
    };
    let mut queries = memory.queries.first_read(k);
    Schedule::new(k, shape, arguments, memory).for_each(|work| {
        let queries: Vec<_> = tiles.clone().map(|_| memory.queries.take(&mut queries)).collect();
        let key_tiles = work.tiles.end - work.tiles.begin;
        if !shape.may_see_no_keys() {
            multiplier.tile(&queries, key_tiles);
            return;
        }
        k.if_(key_tiles.gt(0), || multiplier.tile(&queries, key_tiles));
        k.if_(key_tiles.le(0), || multiplier.no_tile(&queries));
    });
}

impl<'k> Multiplier<'_, 'k> {
    /// The products of the query tiles with `key_tiles` key tiles, at least one.
    fn tile(&mut self, queries: &[Taken<'k>], key_tiles: Value<'k, i32>) {
        let k = self.k;
        let keys = self.take();
        for (tile, query) in (0..).zip(queries) {
            self.memory.queries.wait_for(query);
            self.scores(tile, &keys);
        }
        self.free(&keys);
        let mut left = k.variable(key_tiles - 1);
        let mut accumulates = k.variable(false);
        k.while_(left.get().gt(0), || {
            let values = self.take();
            let keys = self.memory.ring.take(&mut self.slots);
            for (tile, is_last) in self.query_tiles() {
                self.output(tile, &values, accumulates.get());
                if is_last {
                    self.free(&values);
                }
                if tile == 0 {
                    self.memory.ring.wait_for(&keys);
                }
                self.scores(tile, &keys);
            }
            self.free(&keys);
            accumulates.set(true);
            left -= 1;
            left.get().gt(0)
        });
        self.free_queries(queries);
        let values = self.take();
        for (tile, is_last) in self.query_tiles() {
            self.output(tile, &values, accumulates.get());
            if is_last {
                self.free(&values);
            }
            // What comes last is waited for in every block, and all before it has arrived by then.
            self.commit_output(tile);
        }
    }

    /// No products: the query tiles see no keys. Only where O takes the place of Q does anybody wait
    /// for that to have come.
    fn no_tile(&self, queries: &[Taken<'k>]) {
        queries.iter().for_each(|query| self.memory.queries.wait_for(query));
        match self.shape.config.o_over_q {
            true => self.query_tiles().for_each(|(tile, _)| self.commit_output(tile)),
            false => self.free_queries(queries),
        }
    }

    /// The query tiles, and whether it is the last.
    fn query_tiles(&self) -> impl Iterator<Item = (u32, bool)> + use<> {
        let tiles = self.shape.query_tiles();
        (0..tiles).map(move |tile| (tile, tile + 1 == tiles))
    }

    /// The next slot of the ring, once it is full.
    fn take(&mut self) -> Taken<'k> {
        let taken = self.memory.ring.take(&mut self.slots);
        self.memory.ring.wait_for(&taken);
        taken
    }

    /// Frees a slot of the ring when what was issued so far is complete.
    fn free(&self, slot: &Taken<'k>) {
        self.commit(self.memory.ring.empty(slot));
    }

    /// Likewise Q, unless O will take its place.
    fn free_queries(&self, queries: &[Taken<'k>]) {
        if self.shape.config.o_over_q {
            return;
        }
        for query in queries {
            self.commit(self.memory.queries.empty(query));
        }
    }

    /// Arrives at an mbarrier, of both blocks in a pair, when what was issued so far is complete.
    fn commit(&self, barrier: Mbarrier<'k>) {
        const BOTH: u16 = 0b11;
        match self.shape.config.group() {
            group @ CtaGroup::One => self.k.commit_tensor_products(group, barrier),
            group @ CtaGroup::Two => self.k.commit_tensor_products_to(group, barrier, BOTH),
        }
    }

    fn commit_output(&self, tile: u32) {
        self.commit(self.memory.output.element(tile));
    }

    /// S = Q·Kᵀ.
    fn scores(&self, tile: u32, keys: &Taken<'k>) {
        let Self { k, shape, memory, base, .. } = *self;
        let (plan, layout) = (&shape.plan, shape.plan.query);
        let query = memory.at(tile * plan.query_stride());
        let query = Descriptor::for_tensor_memory(query, layout).steps_along_rows(layout);
        let a: Vec<_> = query.iter().map(|step| TensorOperand::Shared(step.value())).collect();
        let b = self.slot(keys, plan.key).steps_along_rows(plan.key);
        let d = shape.tensor.scores(tile).at(base);
        shape.tensor.scores_product().begin(k, d, &a, &b, false);
        self.commit(memory.scores.element(tile));
    }

    /// O += P·V, or O = P·V, as P is handed over.
    fn output(&mut self, tile: u32, values: &Taken<'k>, accumulates: Value<'k, bool>) {
        let Self { k, shape, base, .. } = *self;
        let layout = shape.plan.value;
        let a = shape.tensor.probabilities(tile).steps(base);
        let b = self.slot(values, layout).steps_across_rows(layout, shape.dtype.bytes());
        let d = shape.tensor.output(tile).at(base);
        let product = shape.tensor.output_product();
        self.early[tile as usize].wait();
        k.fence_tensor_after_sync();
        let quarters = shape.config.early_quarters as usize;
        if quarters == 0 {
            product.begin(k, d, &a, &b, accumulates);
            return;
        }
        let split = a.len() * quarters / 4;
        product.begin(k, d, &a[..split], &b[..split], accumulates);
        self.late[tile as usize].wait();
        k.fence_tensor_after_sync();
        // Where a quarter is less than a step, none may have been early.
        let accumulates = if split == 0 { accumulates } else { k.constant(true) };
        product.begin(k, d, &a[split..], &b[split..], accumulates);
    }

    /// The tile in a slot of the ring.
    fn slot(&self, slot: &Taken<'k>, layout: PanelLayout) -> Descriptor<'k> {
        let plan = &self.shape.plan;
        let ring = Descriptor::for_tensor_memory(self.memory.at(plan.ring_at()), layout);
        ring.element(slot.slot(), plan.slot())
    }
}
