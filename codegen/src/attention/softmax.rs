//! The online softmax: exponentials relative to a running reference, and their sums.

use super::{DataType, LEAST_RAISE};
use crate::dsl::{Builder, FragmentA, Value, Variable};
use crate::tile::{Accumulator, Product};

/// When the output accumulator is rescaled to a new reference of the exponential. Any reference
/// gives the same O and LSE up to rounding, as it cancels; it only has to keep the exponentials
/// within range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rescale {
    /// In every iteration, to the maximum so far.
    Always,
    /// Where the maximum of any row of the warp has grown by more than 2⁸ over the reference, as
    /// in FlashAttention-4. Exponentials stay below 2⁸. For FP8 it is 2⁴, over a reference that is
    /// 2⁴ below the maximum.
    Lazy,
    /// Where the sum of exponentials of any row of the warp exceeds 2¹² in one iteration. The loop
    /// without masks takes no maximum: it computes exponentials with the reference that there is,
    /// and where they prove too large, the iteration is done over with the maximum as reference.
    /// Every exponential is at most its row's sum, so that those kept are below 2¹², within f16,
    /// and sums of them within f32. The reference is never above the maximum so far, so that no
    /// more is lost to underflow than otherwise.
    Speculative,
}

/// Per row of a thread, the reference of the exponential, in units of log₂, and the sum so far.
///
/// A row that has seen no key yet has reference −∞ and sum 0. Masked scores are −∞, and their
/// exponential is exactly 0: it is taken relative to 0 where the reference is −∞, as −∞ − (−∞)
/// would be NaN.
#[derive(Debug)]
pub(super) struct OnlineSoftmax<'k> {
    k: &'k Builder,
    dtype: DataType,
    scale_log2: Value<'k, f32>,
    rescale: Rescale,
    /// Of eight exponentials, how many are computed by polynomials.
    polynomials: u32,
    range: Range,
    reference: Vec<Variable<'k, f32>>,
    /// Of this thread's columns, before rounding.
    sum: Vec<Variable<'k, f32>>,
}

/// Sums of the exponentials of a tile, by row, of this thread's columns.
pub(super) struct Sums<'k> {
    rows: Vec<Value<'k, f32>>,
    largest: f32,
}

impl<'k> Sums<'k> {
    /// Whether exponentials are so small that their reference will do for this thread's rows.
    pub(super) fn fit(&self) -> Value<'k, bool> {
        // Infinity and NaN do not fit either.
        let small = self.rows.iter().map(|sum| sum.le(self.largest));
        small.reduce(|a, b| a.and(b)).expect("a thread has rows")
    }
}

/// What the output is to be multiplied with, by row, as the reference has moved.
#[must_use = "the output is relative to the reference before"]
pub(super) struct Rescaling<'k> {
    /// Whether it has moved for any row of the warp; always where there is no such value.
    due: Option<Value<'k, bool>>,
    factors: Vec<Value<'k, f32>>,
}

impl<'k> Rescaling<'k> {
    /// Rescales the output.
    pub(super) fn apply(self, output: &mut Accumulator<'k>) {
        match self.due {
            Some(due) => due.builder().if_(due, || output.scale_rows(&self.factors)),
            None => output.scale_rows(&self.factors),
        }
    }
}

/// Degree of the polynomials for exponentials: their error is 8.6e-5 of the value, a third of what
/// rounding to f16 may add.
const DEGREE: u32 = 3;

/// How probabilities keep within the range of the type that they are rounded to.
#[derive(Clone, Copy, Debug)]
struct Range {
    /// How far below the maximum the reference is, in units of log₂: e4m3 has few exponents, and
    /// those above one are to be used.
    offset: f32,
    /// Growth of the maximum, in units of log₂, that [`Rescale::Lazy`] lets pass.
    growth: f32,
    /// The largest sum of a thread's part of a row in one tile that [`Rescale::Speculative`]
    /// accepts.
    largest_sum: f32,
}

impl Range {
    /// The largest number of e4m3 is 448: more than 2⁸, and 2³ for each of 56 columns that a thread
    /// has of a flat row of 224 keys.
    fn new(dtype: DataType, rescale: Rescale) -> Self {
        match (dtype.bytes(), rescale) {
            (2, _) => Self { offset: 0.0, growth: 8.0, largest_sum: 4096.0 },
            (_, Rescale::Always) => Self { offset: 8.0, growth: 0.0, largest_sum: 448.0 },
            (_, Rescale::Lazy) => Self { offset: 4.0, growth: 4.0, largest_sum: 448.0 },
            (_, Rescale::Speculative) => {
                Self { offset: LEAST_RAISE as f32, growth: 0.0, largest_sum: 448.0 }
            }
        }
    }
}

impl<'k> OnlineSoftmax<'k> {
    /// For `row_steps` steps of 16 rows. Scores are multiplied with `scale_log2`, which is positive.
    /// Of eight exponentials, `polynomials` are computed without the special-function unit.
    pub(super) fn new(
        k: &'k Builder,
        dtype: DataType,
        row_steps: u32,
        scale_log2: Value<'k, f32>,
        rescale: Rescale,
        polynomials: u32,
    ) -> Self {
        let rows = 0..2 * row_steps;
        Self {
            k,
            dtype,
            scale_log2,
            rescale,
            polynomials,
            range: Range::new(dtype, rescale),
            reference: rows.clone().map(|_| k.variable(f32::NEG_INFINITY)).collect(),
            sum: rows.map(|_| k.variable(0.0)).collect(),
        }
    }

    /// Takes the scores of a key tile, rescales `output` and the sums to a new reference where that
    /// is due, and returns the probabilities relative to it, rounded, as A operands. Only where
    /// `masked`, scores may be −∞.
    pub(super) fn update(
        &mut self,
        scores: Product<'k>,
        masked: bool,
        output: &mut Accumulator<'k>,
    ) -> Vec<Vec<FragmentA<'k>>> {
        let maxima = self.row_maxima(&scores);
        match self.rescale {
            Rescale::Lazy => {
                let k = self.k;
                k.if_(self.have_grown(&maxima), || {
                    output.scale_rows(&self.move_reference(&maxima, masked));
                });
            }
            Rescale::Always | Rescale::Speculative => {
                output.scale_rows(&self.move_reference(&maxima, masked));
            }
        }
        let (exponentials, sums) = self.relative_to_reference(scores, masked);
        let probabilities = exponentials.into_a(self.dtype);
        self.add(&sums);
        probabilities
    }

    /// Takes the maxima of the scores of a key tile into the reference where that is due. The
    /// output is still to be rescaled by what is returned.
    pub(super) fn advance(&mut self, scores: &Product<'k>, masked: bool) -> Rescaling<'k> {
        let maxima = self.row_maxima(scores);
        if self.rescale != Rescale::Lazy {
            return Rescaling { due: None, factors: self.move_reference(&maxima, masked) };
        }
        let k = self.k;
        let due = self.have_grown(&maxima);
        let mut factors: Vec<_> = maxima.iter().map(|_| k.variable(1.0)).collect();
        k.if_(due, || {
            let moved = self.move_reference(&maxima, masked);
            factors.iter_mut().zip(moved).for_each(|(factor, moved)| factor.set(moved));
        });
        Rescaling { due: Some(due), factors: factors.iter().map(Variable::get).collect() }
    }

    /// The exponentials of the scores of a key tile relative to the reference; adds their sums.
    pub(super) fn exponentials(&mut self, scores: Product<'k>, masked: bool) -> Product<'k> {
        let (exponentials, sums) = self.relative_to_reference(scores, masked);
        self.add(&sums);
        exponentials
    }

    /// Exponentials of scores without masks relative to the reference that there is. Where that does
    /// not [fit](Sums::fit), they are to be forgotten, else their sums [added](Self::add).
    pub(super) fn guess(&self, scores: Product<'k>) -> (Product<'k>, Sums<'k>) {
        // The polynomial is for powers below 128; 2¹²⁷ does not fit either.
        self.exponentials_below(scores, false, Some(127.0))
    }

    /// Whether the maximum of any row of the warp has grown too far over the reference.
    fn have_grown(&self, maxima: &[Value<'k, f32>]) -> Value<'k, bool> {
        let rows = self.reference.iter().zip(maxima);
        let grown =
            rows.map(|(reference, maximum)| maximum.gt(reference.get() + self.range.growth));
        self.k.any_in_warp(grown.reduce(|a, b| a.or(b)).expect("a thread has rows"))
    }

    /// The scaled maximum of each row, less the range's offset, over the quad of threads that share it.
    fn row_maxima(&self, scores: &Product<'k>) -> Vec<Value<'k, f32>> {
        let maximum = |row| {
            let own = scores.row(row).reduce(|a, b| a.max(b)).expect("a tile has columns");
            let pair = own.max(own.shuffle_xor(1));
            pair.max(pair.shuffle_xor(2)).multiply_add(self.scale_log2, -self.range.offset)
        };
        (0..scores.rows()).map(maximum).collect()
    }

    /// Makes the maximum so far the reference; returns what the output is to be multiplied with.
    fn move_reference(&mut self, maxima: &[Value<'k, f32>], masked: bool) -> Vec<Value<'k, f32>> {
        let mut factors = Vec::with_capacity(maxima.len());
        for (row, maximum) in maxima.iter().enumerate() {
            let before = self.reference[row].get();
            let after = before.max(*maximum);
            let factor = (before - finite(after, masked)).exp2();
            self.reference[row].set(after);
            self.sum[row] *= factor;
            factors.push(factor);
        }
        factors
    }

    /// Exponentials relative to the reference, and their sums by row.
    fn relative_to_reference(&self, scores: Product<'k>, masked: bool) -> (Product<'k>, Sums<'k>) {
        self.exponentials_below(scores, masked, None)
    }

    /// The same, where powers may exceed what the polynomial takes, up to `limit`.
    fn exponentials_below(
        &self,
        scores: Product<'k>,
        masked: bool,
        limit: Option<f32>,
    ) -> (Product<'k>, Sums<'k>) {
        let references = self.reference.iter();
        let negated: Vec<_> = references.map(|r| -finite(r.get(), masked)).collect();
        let scale = self.scale_log2;
        let exponentials = scores.map(|score, row, column| {
            let power = score.multiply_add(scale, negated[row]);
            // Eighths of a thread's columns, of which it has two in eight, spread evenly.
            let place = column / 8 * 2 + column % 2;
            match place * self.polynomials % 8 < self.polynomials {
                true => limit.map_or(power, |limit| power.min(limit)).exp2_by_polynomial(DEGREE),
                false => power.exp2(),
            }
        });
        let sum = |row| exponentials.row(row).reduce(|a, b| a + b);
        let sums = (0..exponentials.rows()).flat_map(sum).collect();
        (exponentials, Sums { rows: sums, largest: self.range.largest_sum })
    }

    /// Adds the sums of exponentials of a tile.
    pub(super) fn add(&mut self, sums: &Sums<'k>) {
        self.sum.iter_mut().zip(&sums.rows).for_each(|(sum, own)| *sum += *own);
    }

    /// For each row, what `output` is to be multiplied with, and the logarithm of the sum of
    /// exponentials to base e. A row that has seen no key has 0 and −∞.
    pub(super) fn finish(self) -> Vec<(Value<'k, f32>, Value<'k, f32>)> {
        let finish = |(reference, sum): (&Variable<'k, f32>, &Variable<'k, f32>)| {
            let own = sum.get();
            let pair = own + own.shuffle_xor(1);
            let sum = pair + pair.shuffle_xor(2);
            let factor = sum.eq(0.0).select(0.0, sum.reciprocal());
            (factor, (reference.get() + sum.log2()) * std::f32::consts::LN_2)
        };
        self.reference.iter().zip(&self.sum).map(finish).collect()
    }
}

/// The reference, or 0 where no key has been seen.
fn finite(reference: Value<'_, f32>, masked: bool) -> Value<'_, f32> {
    match masked {
        true => reference.eq(f32::NEG_INFINITY).select(0.0, reference),
        false => reference,
    }
}
