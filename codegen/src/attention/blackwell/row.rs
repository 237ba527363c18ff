//! The online softmax of a thread that has a whole row.

use super::Config;
use crate::attention::DataType;
use crate::dsl::{Builder, Pair, Value, Variable};

/// The reference of a row's exponentials, its largest score so far or one before, and the sum of
/// exponentials so far.
///
/// A row that has seen no key yet has reference −∞ and sum 0. Masked scores are −∞, and their
/// exponential is exactly 0: it is taken relative to 0 where the reference is −∞, as −∞ − (−∞)
/// would be NaN.
#[derive(Debug)]
pub(super) struct RowSoftmax<'k> {
    config: Config,
    /// The type of probabilities.
    dtype: DataType,
    /// What scores are multiplied with, in units of log₂.
    scale: Value<'k, f32>,
    /// By what power of two exponentials are raised: e4m3 has few exponents, and those above one
    /// are to be used.
    offset: f32,
    reference: Variable<'k, f32>,
    sum: Variable<'k, f32>,
}

/// The largest power of two in e4m3.
pub(super) const E4M3_POWERS: u32 = 8;

/// Exponentials of sixteen pairs of columns, of which [`Config::polynomials`] are polynomials.
const PATTERN: u32 = 16;

impl<'k> RowSoftmax<'k> {
    pub(super) fn new(
        k: &'k Builder,
        config: &Config,
        dtype: DataType,
        scale: Value<'k, f32>,
    ) -> Self {
        let offset = match dtype.bytes() {
            1 => (E4M3_POWERS - config.threshold) as f32,
            _ => 0.0,
        };
        let (reference, sum) = (k.variable(f32::NEG_INFINITY), k.variable(0.0));
        Self { config: *config, dtype, scale, offset, reference, sum }
    }

    /// Makes the largest of the first scores the reference.
    pub(super) fn begin(&mut self, scores: &[Value<'k, f32>]) {
        self.reference.set(maximum(scores.to_vec()));
    }

    /// Moves the reference to the maximum where that has grown too far, and returns what the output
    /// is to be multiplied with. Only where `masked`, scores may be −∞.
    pub(super) fn advance(&mut self, scores: &[Value<'k, f32>], masked: bool) -> Value<'k, f32> {
        let before = self.reference.get();
        let maximum = maximum([&[before], scores].concat());
        let after = match self.config.threshold {
            0 => maximum,
            threshold => {
                // Neither side is NaN: −∞ grows by ∞, unless the maximum is −∞ too.
                let bound = before.multiply_add(self.scale, threshold as f32);
                (maximum * self.scale).gt(bound).select(maximum, before)
            }
        };
        let factor = ((before - finite(after, masked)) * self.scale).exp2();
        self.reference.set(after);
        self.sum *= factor;
        factor
    }

    /// The exponentials of neighbouring columns relative to the reference.
    pub(super) fn exponentials(&self, scores: &[Value<'k, f32>], masked: bool) -> Vec<Pair<'k>> {
        let scale = Pair::both(self.scale);
        let reference = finite(self.reference.get(), masked);
        let negated = (-reference).multiply_add(self.scale, self.offset);
        let negated = Pair::both(negated);
        let exponential = |(number, scores): (u32, &[Value<'k, f32>])| {
            let power = Pair::new(scores[0], scores[1]).multiply_add(scale, negated);
            let share = self.config.polynomials;
            match number * share % PATTERN < share {
                true => power.exp2_by_polynomial(self.config.degree),
                false => {
                    let [first, second] = power.halves().map(Value::exp2);
                    Pair::new(first, second)
                }
            }
        };
        (0..).zip(scores.chunks_exact(2)).map(exponential).collect()
    }

    /// Rounded and packed in 32-bit words.
    pub(super) fn pack(&self, exponentials: &[Pair<'k>]) -> Vec<Value<'k, u32>> {
        let dtype = self.dtype;
        let pack_two = |pair: &Pair<'k>| {
            let [low, high] = pair.halves();
            low.pack(high, dtype)
        };
        let pack_four = |pairs: &[Pair<'k>]| {
            let ([a, b], [c, d]) = (pairs[0].halves(), pairs[1].halves());
            Value::pack_four([a, b, c, d], dtype)
        };
        match dtype.bytes() {
            2 => exponentials.iter().map(pack_two).collect(),
            _ => exponentials.chunks_exact(2).map(pack_four).collect(),
        }
    }

    /// Adds exponentials to the sum.
    pub(super) fn add(&mut self, exponentials: &[Pair<'k>]) {
        // Sums of every fourth, which do not wait for each other.
        let chains = (0..4).filter_map(|chain| {
            exponentials.iter().skip(chain).step_by(4).copied().reduce(|a, b| a + b)
        });
        let [even, odd] = chains.reduce(|a, b| a + b).expect("a tile has columns").halves();
        self.sum += even + odd;
    }

    /// What the output is to be multiplied with, and the logarithm of the sum of exponentials to
    /// base e. A row that has seen no key has 0 and −∞.
    pub(super) fn finish(self) -> (Value<'k, f32>, Value<'k, f32>) {
        let sum = self.sum.get();
        let factor = sum.eq(0.0).select(0.0, sum.reciprocal());
        let log_sum = self.reference.get().multiply_add(self.scale, -self.offset) + sum.log2();
        (factor, log_sum * std::f32::consts::LN_2)
    }
}

/// The largest, in as few instructions as there are, which take three.
fn maximum<'k>(mut values: Vec<Value<'k, f32>>) -> Value<'k, f32> {
    while values.len() > 2 {
        let of_three = |chunk: &[Value<'k, f32>]| match *chunk {
            [a, b, c] => vec![a.max_of_three(b, c)],
            ref fewer => fewer.to_vec(),
        };
        values = values.chunks(3).flat_map(of_three).collect();
    }
    values.into_iter().reduce(|a, b| a.max(b)).expect("a tile has columns")
}

/// The reference, or 0 where no key has been seen.
fn finite(reference: Value<'_, f32>, masked: bool) -> Value<'_, f32> {
    match masked {
        true => reference.eq(f32::NEG_INFINITY).select(0.0, reference),
        false => reference,
    }
}
