//! The loops over key tiles.

use super::consumer::Consumer;
use super::probabilities::Probabilities;
use super::queries::Queries;
use super::turns::Turns;
use crate::attention::softmax::{OnlineSoftmax, Sums};
use crate::attention::work::Work;
use crate::attention::{MaskKind, Rescale};
use crate::dsl::{Major, Value, Variable};
use crate::tile::{Accumulator, Pending, Product, Steps, Turn};

/// What the loops over key tiles work on. Each takes the tiles from where the one before it ended
/// down to its bound; `tile` is the next.
pub(super) struct TileLoop<'a, 'k> {
    pub(super) consumer: Consumer<'a, 'k>,
    pub(super) work: Work<'k>,
    pub(super) thread_row: Value<'k, i32>,
    pub(super) tile: Variable<'k, i32>,
    pub(super) turns: &'a Turns<'k>,
    pub(super) queries: &'a Queries<'k>,
    pub(super) keys: &'a mut Turn<'k>,
    pub(super) values: &'a mut Turn<'k>,
    /// With overlap those of the tile before `tile`: their product with V is still to come.
    pub(super) probabilities: Probabilities<'k>,
    pub(super) output: &'a mut Accumulator<'k>,
    pub(super) softmax: &'a mut OnlineSoftmax<'k>,
}

impl<'k> TileLoop<'_, 'k> {
    pub(super) fn run(&mut self) {
        let Consumer { shape, .. } = self.consumer;
        let (config, tiles) = (&shape.config, self.work.tiles);
        if config.overlap {
            self.first();
        }
        if config.split_masked_loop {
            // Without a mask only the last keys may be missing: the first tile was that.
            if !config.overlap || shape.mask != MaskKind::Full {
                self.masked(tiles.full_end.max(tiles.begin));
            }
            let bound = tiles.full_begin.max(tiles.begin);
            match config.rescale {
                Rescale::Speculative => self.speculative(bound),
                _ => self.unmasked(bound),
            }
        }
        if !config.split_masked_loop || shape.mask == MaskKind::Window {
            self.masked(tiles.begin);
        }
        if config.overlap {
            self.accumulate();
        }
    }

    /// Tiles of which some rows see only a part.
    fn masked(&mut self, bound: Value<'k, i32>) {
        self.step_while_above(bound, true);
    }

    /// Tiles that all rows see in full.
    fn unmasked(&mut self, bound: Value<'k, i32>) {
        self.step_while_above(bound, false);
    }

    fn step_while_above(&mut self, bound: Value<'k, i32>, masked: bool) {
        let Consumer { k, shape, .. } = self.consumer;
        k.while_(self.tile.get().ge(bound), || {
            match shape.config.overlap {
                true => self.overlapped_step(masked),
                false => self.plain_step(masked),
            }
            self.tile.get().ge(bound)
        });
    }

    /// Tiles that all rows see in full, without maxima, in an inner loop: exponentials are taken
    /// relative to the reference that there is. Where they turn out too large for any row of the
    /// warpgroup, the outer loop does the tile over with its maximum.
    fn speculative(&mut self, bound: Value<'k, i32>) {
        let Consumer { k, .. } = self.consumer;
        k.if_(self.tile.get().ge(bound), || {
            k.repeat(|speculate| {
                let mut fits = k.constant(true);
                self.wait_for_keys();
                k.repeat(|turn| {
                    let (exponentials, sums);
                    (exponentials, sums, fits) = self.guess();
                    turn.leave_unless(fits);
                    self.free_keys();
                    self.softmax.add(&sums);
                    self.take(exponentials);
                    turn.leave_unless(self.tile.get().ge(bound));
                    self.wait_for_keys();
                    turn.again();
                });
                k.if_(fits.negated(), || {
                    let scores = self.scores();
                    self.free_keys();
                    self.softmax.advance(&scores, false).apply(self.output);
                    let exponentials = self.softmax.exponentials(scores, false);
                    self.take(exponentials);
                    speculate.again_if(self.tile.get().ge(bound));
                });
            });
        });
    }

    /// The first tile, whose product with V is still to come.
    fn first(&mut self) {
        self.wait_for_keys();
        let scores = self.scores();
        self.free_keys();
        let scores = self.mask(scores, true);
        // There is no output yet to rescale.
        let _ = self.softmax.advance(&scores, true);
        let exponentials = self.softmax.exponentials(scores, true);
        self.take(exponentials);
    }

    /// The softmax of a tile, while the probabilities of the one before are multiplied with V.
    fn overlapped_step(&mut self, masked: bool) {
        let Consumer { k, .. } = self.consumer;
        self.wait_for_keys();
        let (scores, output) = self.begin_both();
        let scores = scores.wait(k);
        self.free_keys();
        let scores = self.mask(scores, masked);
        let rescaling = self.softmax.advance(&scores, masked);
        let exponentials = self.softmax.exponentials(scores, masked);
        output.wait(k);
        self.free_values();
        rescaling.apply(self.output);
        self.take(exponentials);
    }

    /// A tile from its scores to its part of the output.
    fn plain_step(&mut self, masked: bool) {
        self.wait_for_keys();
        let scores = self.scores_in_turn();
        self.free_keys();
        let scores = self.mask(scores, masked);
        self.softmax.advance(&scores, masked).apply(self.output);
        let exponentials = self.softmax.exponentials(scores, masked);
        self.take(exponentials);
    }

    /// The exponentials of a tile relative to the reference that there is, and whether that will do
    /// for all rows of the warpgroup.
    fn guess(&mut self) -> (Product<'k>, Sums<'k>, Value<'k, bool>) {
        let Consumer { k, shape, .. } = self.consumer;
        if !shape.config.overlap {
            let scores = self.scores_in_turn();
            let (exponentials, sums) = self.softmax.guess(scores);
            let fits = self.all(sums.fit());
            return (exponentials, sums, fits);
        }
        let (scores, output) = self.begin_both();
        let (exponentials, sums) = self.softmax.guess(scores.wait(k));
        let fits = self.all(sums.fit());
        output.wait(k);
        self.free_values();
        (exponentials, sums, fits)
    }

    /// Whether a predicate holds in every thread of the warpgroup. Of the vote ptxas knows that it
    /// is the same in all of a warp, as branches around `wgmma` must be.
    fn all(&self, predicate: Value<'k, bool>) -> Value<'k, bool> {
        let Consumer { k, warpgroup, .. } = self.consumer;
        k.all_in_warp(warpgroup.all(predicate))
    }

    /// Makes the exponentials of this tile the probabilities, and turns to the next tile. Without
    /// overlap it is done with this one.
    fn take(&mut self, exponentials: Product<'k>) {
        self.probabilities.set(exponentials);
        if !self.consumer.shape.config.overlap {
            self.accumulate();
        }
        self.tile -= 1;
    }

    /// Adds P·V to the output.
    fn accumulate(&mut self) {
        let Consumer { k, memory, .. } = self.consumer;
        memory.values.wait(self.values);
        k.fence_products();
        self.begin_output().wait(k);
        self.free_values();
    }

    /// Begins Q·Kᵀ, and P·V for the tile before, in this consumer's turn.
    fn begin_both(&mut self) -> (Pending<Product<'k>>, Pending<()>) {
        let Consumer { k, memory, .. } = self.consumer;
        self.turns.wait();
        k.fence_products();
        let scores = self.begin_scores(&self.consumer, self.keys.slot());
        memory.values.wait(self.values);
        let output = self.begin_output();
        self.turns.pass_on();
        (scores, output)
    }

    /// Q·Kᵀ, begun in this consumer's turn.
    fn scores_in_turn(&mut self) -> Product<'k> {
        let Consumer { k, .. } = self.consumer;
        self.turns.wait();
        k.fence_products();
        let scores = self.begin_scores(&self.consumer, self.keys.slot());
        self.turns.pass_on();
        scores.wait(k)
    }

    /// Q·Kᵀ, outside of the loops. Its descriptors are made from values that ptxas takes for others
    /// than those of the loops: it would keep the latter for it, more than there are uniform registers.
    fn scores(&mut self) -> Product<'k> {
        let Consumer { k, number, .. } = self.consumer;
        let consumer = Consumer { number: number.of_first_lane(), ..self.consumer };
        let slot = self.keys.slot().of_first_lane();
        k.fence_products();
        self.begin_scores(&consumer, slot).wait(k)
    }

    fn begin_scores(
        &self,
        consumer: &Consumer<'_, 'k>,
        slot: Value<'k, u32>,
    ) -> Pending<Product<'k>> {
        let Consumer { k, shape, .. } = *consumer;
        let (a, b) = (self.queries.steps(consumer), consumer.key_steps(slot));
        let steps = Steps { a, b, major: Major::Depth };
        Product::begin(k, (shape.dtype, shape.dtype), shape.config.tile_n / 8, &steps)
    }

    fn begin_output(&mut self) -> Pending<()> {
        let (a, b) = (self.probabilities.steps(), self.consumer.value_steps(self.values.slot()));
        let dtype = self.consumer.shape.dtype;
        // FP8 values have been transposed.
        let major = if dtype.bytes() == 1 { Major::Depth } else { Major::Columns };
        let steps = Steps { a, b, major };
        self.output.begin_adding((dtype.probability(), dtype), &steps)
    }

    fn mask(&self, scores: Product<'k>, masked: bool) -> Product<'k> {
        match masked {
            true => self.consumer.mask(scores, self.thread_row, self.tile.get()),
            false => scores,
        }
    }

    fn wait_for_keys(&self) {
        self.consumer.memory.keys.wait(self.keys);
    }

    fn free_keys(&mut self) {
        let Consumer { memory, is_first_thread, .. } = self.consumer;
        memory.keys.free(self.keys, is_first_thread);
    }

    fn free_values(&mut self) {
        let Consumer { memory, is_first_thread, .. } = self.consumer;
        memory.values.free(self.values, is_first_thread);
    }
}
