//! A warpgroup that computes softmax: 128 rows of queries against all the keys that they see.

use super::config::ROWS;
use super::memory::Memory;
use super::row::RowSoftmax;
use super::schedule::Schedule;
use super::shape::Shape;
use crate::attention::MaskKind;
use crate::attention::arguments::Arguments;
use crate::attention::work::Work;
use crate::dsl::{Builder, Mbarrier, Pointer, Shared, TensorAddress, Value, Variable, WARPGROUP};
use crate::tile::Phase;

/// What a thread knows, which has one row.
struct Softmax<'a, 'k> {
    k: &'k Builder,
    shape: &'a Shape,
    arguments: &'a Arguments<'k>,
    memory: &'a Memory<'k>,
    /// Row of the block's query tiles.
    row: Value<'k, u32>,
    /// The row's scores, and probabilities.
    scores: TensorAddress<'k>,
    /// Where the row's factor goes; that for the end is behind those of all rows.
    factor: Pointer<'k, f32, Shared>,
    early: Mbarrier<'k>,
    late: Mbarrier<'k>,
    factors: Mbarrier<'k>,
}

/// The loops over the key tiles of one query tile.
struct TileLoop<'a, 'k> {
    softmax: &'a Softmax<'a, 'k>,
    work: Work<'k>,
    row: RowSoftmax<'k>,
    scores: &'a mut Phase<'k>,
    /// The next key tile.
    tile: Variable<'k, i32>,
}

/// What the warpgroup of query tile `number` of the block does.
pub(super) fn softmax<'k>(
    k: &'k Builder,
    shape: &Shape,
    arguments: &Arguments<'k>,
    memory: &Memory<'k>,
    base: TensorAddress<'k>,
    number: Value<'k, u32>,
) {
    let row = number * ROWS + k.thread_index().x % WARPGROUP;
    let scores = shape.tensor.scores(0).of_warp(k, base);
    let softmax = Softmax {
        k,
        shape,
        arguments,
        memory,
        row,
        scores: scores.add_columns(number * shape.tensor.scores_stride()),
        factor: memory.at(shape.plan.factors_at()).cast().element(row),
        early: memory.early.element(number),
        late: memory.late.element(number),
        factors: memory.factors.element(number),
    };
    let complete = Phase::first(k, memory.scores.element(number));
    let mut complete = complete.of_group(shape.config.group());
    let mut last_free = Phase::before_first(k, memory.last_factors_free.element(number));
    let last_factors = memory.last_factors.element(number);
    Schedule::new(k, shape, arguments, memory).for_each(|work| {
        let (scale, value_descale) = arguments.scales(work.batch, work.kv_head);
        let scale = scale * std::f32::consts::LOG2_E;
        let probability = shape.dtype.probability();
        let mut tiles = TileLoop {
            softmax: &softmax,
            work,
            row: RowSoftmax::new(k, &shape.config, probability, scale),
            scores: &mut complete,
            tile: k.variable(work.tiles.end - 1),
        };
        k.if_(work.tiles.end.gt(work.tiles.begin), || tiles.run());
        let (factor, log_sum_exp) = tiles.row.finish();
        let factor = value_descale.map_or(factor, |descale| factor * descale);
        last_free.wait();
        softmax.factor.byte_offset(shape.plan.factor_bytes().into()).store(factor);
        last_factors.arrive();
        softmax.store_log_sum_exp(&work, log_sum_exp);
    });
}

impl<'k> TileLoop<'_, 'k> {
    fn run(&mut self) {
        let tiles = self.work.tiles;
        self.first();
        // Without a mask only the last keys may be missing: the first tile was that.
        if self.softmax.shape.mask != MaskKind::Full {
            self.while_above(tiles.full_end.max(tiles.begin), true);
        }
        self.while_above(tiles.full_begin.max(tiles.begin), false);
        if self.softmax.shape.mask == MaskKind::Window {
            self.while_above(tiles.begin, true);
        }
    }

    fn first(&mut self) {
        let scores = self.load(true);
        self.row.begin(&scores);
        self.probabilities(&scores, true);
    }

    fn while_above(&mut self, bound: Value<'k, i32>, masked: bool) {
        let k = self.softmax.k;
        k.while_(self.tile.get().ge(bound), || {
            self.step(masked);
            self.tile.get().ge(bound)
        });
    }

    fn step(&mut self, masked: bool) {
        let scores = self.load(masked);
        let factor = self.row.advance(&scores, masked);
        self.softmax.factor.store(factor);
        self.softmax.factors.arrive();
        self.probabilities(&scores, masked);
    }

    /// The row's scores of the next key tile.
    fn load(&mut self, masked: bool) -> Vec<Value<'k, f32>> {
        const AT_ONCE: u32 = 32;
        let Softmax { k, shape, arguments, row, scores, .. } = *self.softmax;
        self.scores.wait();
        k.fence_tensor_after_sync();
        let pieces = 0..shape.config.tile_n / AT_ONCE;
        let load = |piece| scores.column(piece * AT_ONCE).load::<f32>(AT_ONCE);
        let scores: Vec<_> = pieces.flat_map(load).collect();
        k.wait_for_tensor_loads();
        if !masked {
            return scores;
        }
        let row = self.work.first_row + row.as_signed();
        let first_key = self.tile.get() * shape.config.tile_n as i32;
        arguments.visible.mask_row(&scores, row, first_key)
    }

    /// Computes the probabilities of the next key tile, hands them over, and goes on to the tile
    /// after.
    fn probabilities(&mut self, scores: &[Value<'k, f32>], masked: bool) {
        let Softmax { early, late, shape, .. } = *self.softmax;
        let quarters = shape.config.early_quarters;
        let mut sums = Vec::new();
        for (quarter, scores) in (0..).zip(scores.chunks_exact(scores.len() / 4)) {
            let exponentials = self.row.exponentials(scores, masked);
            self.store(quarter, &self.row.pack(&exponentials));
            sums.extend(exponentials);
            if quarter + 1 == quarters {
                self.hand_over(early);
            }
        }
        self.hand_over(if quarters == 0 { early } else { late });
        self.row.add(&sums);
        self.tile -= 1;
    }

    fn store(&self, quarter: u32, words: &[Value<'k, u32>]) {
        let place = self.softmax.scores.column(quarter * words.len() as u32);
        place.store(words);
    }

    fn hand_over(&self, signal: Mbarrier<'k>) {
        let k = self.softmax.k;
        k.wait_for_tensor_stores();
        k.fence_tensor_before_sync();
        self.softmax.memory.tell_issuer(k, signal);
    }
}

impl<'k> Softmax<'_, 'k> {
    fn store_log_sum_exp(&self, work: &Work<'k>, log_sum_exp: Value<'k, f32>) {
        let row = work.first_row + self.row.as_signed();
        let of_head = self.arguments.log_sum_exp_of(work.batch, work.head);
        let place = of_head.element(row.as_unsigned());
        let seqlen_q = self.arguments.visible.seqlen_q;
        self.k.guarded(row.lt(seqlen_q), || place.store(log_sum_exp));
    }
}
