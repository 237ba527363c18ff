//! The online softmax: exponentials relative to a running reference, and their sums.

use super::DataType;
use super::ampere::{Rescale, RowSum};
use crate::dsl::{Builder, FragmentA, Value, Variable};
use crate::tile::{Accumulator, Product};

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
    reference: Vec<Variable<'k, f32>>,
    sum: Sum<'k>,
}

#[derive(Debug)]
enum Sum<'k> {
    /// Of this thread's columns.
    Registers(Vec<Variable<'k, f32>>),
    /// Of all columns; every column of the accumulator is the same.
    TensorCore(Accumulator<'k>),
}

/// Growth of the maximum, in units of log₂, that [`Rescale::Lazy`] lets pass.
const LAZY_GROWTH: f32 = 8.0;

impl<'k> OnlineSoftmax<'k> {
    /// For `row_steps` steps of 16 rows. Scores are multiplied with `scale_log2`, which is positive.
    pub(super) fn new(
        k: &'k Builder,
        dtype: DataType,
        row_steps: u32,
        scale_log2: Value<'k, f32>,
        row_sum: RowSum,
        rescale: Rescale,
    ) -> Self {
        let rows = 0..2 * row_steps;
        let sum = match row_sum {
            RowSum::Registers => Sum::Registers(rows.clone().map(|_| k.variable(0.0)).collect()),
            RowSum::TensorCore => Sum::TensorCore(Accumulator::zeros(k, row_steps, 1)),
        };
        let reference = rows.map(|_| k.variable(f32::NEG_INFINITY)).collect();
        Self { k, dtype, scale_log2, rescale, reference, sum }
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
        let maxima: Vec<_> = (0..scores.rows()).map(|row| self.row_maximum(&scores, row)).collect();
        self.rescale(&maxima, masked, output);
        let negated: Vec<_> = (self.reference.iter())
            .map(|reference| -self.finite(reference.get(), masked))
            .collect();
        let scale = self.scale_log2;
        let probabilities =
            scores.map(|score, row, _| score.multiply_add(scale, negated[row]).exp2());
        self.add(probabilities)
    }

    /// The scaled maximum of a row over the quad of threads that share it.
    fn row_maximum(&self, scores: &Product<'k>, row: usize) -> Value<'k, f32> {
        let own = scores.row(row).reduce(|a, b| a.max(b)).expect("a tile has columns");
        let pair = own.max(own.shuffle_xor(1));
        pair.max(pair.shuffle_xor(2)) * self.scale_log2
    }

    fn rescale(&mut self, maxima: &[Value<'k, f32>], masked: bool, output: &mut Accumulator<'k>) {
        let threshold = match self.rescale {
            Rescale::Always => return self.move_reference(maxima, masked, output),
            Rescale::WhenGrown => None,
            Rescale::Lazy => Some(LAZY_GROWTH),
        };
        let grown = self.reference.iter().zip(maxima).map(|(reference, maximum)| {
            let reference = reference.get();
            maximum.gt(threshold.map_or(reference, |growth| reference + growth))
        });
        let any = grown.reduce(|a, b| a.or(b)).expect("a thread has rows");
        let k = self.k;
        k.if_(k.any_in_warp(any), || self.move_reference(maxima, masked, output));
    }

    /// Makes the maximum so far the reference.
    fn move_reference(
        &mut self,
        maxima: &[Value<'k, f32>],
        masked: bool,
        output: &mut Accumulator<'k>,
    ) {
        let mut factors = Vec::with_capacity(maxima.len());
        for (row, maximum) in maxima.iter().enumerate() {
            let before = self.reference[row].get();
            let after = before.max(*maximum);
            factors.push((before - self.finite(after, masked)).exp2());
            self.reference[row].set(after);
        }
        output.scale_rows(&factors);
        match &mut self.sum {
            Sum::Registers(sums) => {
                sums.iter_mut().zip(&factors).for_each(|(sum, factor)| *sum *= *factor);
            }
            Sum::TensorCore(sums) => sums.scale_rows(&factors),
        }
    }

    /// The reference, or 0 where no key has been seen.
    fn finite(&self, reference: Value<'k, f32>, masked: bool) -> Value<'k, f32> {
        match masked {
            true => reference.eq(f32::NEG_INFINITY).select(0.0, reference),
            false => reference,
        }
    }

    fn add(&mut self, probabilities: Product<'k>) -> Vec<Vec<FragmentA<'k>>> {
        match &mut self.sum {
            Sum::Registers(sums) => {
                for (row, sum) in sums.iter_mut().enumerate() {
                    probabilities.row(row).for_each(|probability| *sum += probability);
                }
                probabilities.into_a(self.dtype)
            }
            Sum::TensorCore(sums) => {
                let operands = probabilities.into_a(self.dtype);
                let one = self.k.copy(match self.dtype {
                    DataType::F16 => 0x3c00_3c00_u32,
                    DataType::Bf16 => 0x3f80_3f80,
                });
                for (row_step, row) in operands.iter().enumerate() {
                    for a in row {
                        sums.multiply_add(self.dtype, (row_step as u32, 0), *a, [one; 2]);
                    }
                }
                operands
            }
        }
    }

    /// For each row, what `output` is to be multiplied with, and the logarithm of the sum of
    /// exponentials to base e. A row that has seen no key has 0 and −∞.
    pub(super) fn finish(self) -> Vec<(Value<'k, f32>, Value<'k, f32>)> {
        let sums: Vec<_> = match &self.sum {
            Sum::Registers(sums) => (sums.iter())
                .map(|sum| {
                    let own = sum.get();
                    let pair = own + own.shuffle_xor(1);
                    pair + pair.shuffle_xor(2)
                })
                .collect(),
            Sum::TensorCore(sums) => (0..self.reference.len())
                .map(|row| sums.fragment(row as u32 / 2, 0)[row % 2 * 2])
                .collect(),
        };
        let finish = |(reference, sum): (&Variable<'k, f32>, Value<'k, f32>)| {
            let factor = sum.eq(0.0).select(0.0, sum.reciprocal());
            (factor, (reference.get() + sum.log2()) * std::f32::consts::LN_2)
        };
        self.reference.iter().zip(sums).map(finish).collect()
    }
}
