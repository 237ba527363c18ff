//! How far a kernel may be off.

use tilewright_codegen::attention::{DataType, Parameter};

use super::Output;
use crate::compare::Tolerance;

/// The largest relative error of a rounding to a type.
fn unit(dtype: DataType) -> f64 {
    2f64.powi(match dtype {
        DataType::F16 => -11,
        DataType::Bf16 => -8,
        DataType::E4m3 => -4,
        DataType::E5m2 => -3,
    })
}

impl Output {
    /// How far element `index` of the output that a parameter points to may be off.
    pub fn tolerance(&self, parameter: Parameter, dtype: DataType, index: usize) -> Tolerance {
        match parameter {
            Parameter::LogSumExp => self.log_sum_exp_tolerance(),
            _ => self.output_tolerance(dtype, index),
        }
    }

    /// One tolerance for all elements of that output: the widest.
    pub fn widest_tolerance(&self, parameter: Parameter, dtype: DataType) -> Tolerance {
        let elements = self.values(parameter).map_or(0, <[f64]>::len);
        let each = (0..elements).map(|index| self.tolerance(parameter, dtype, index));
        each.max_by(|a, b| a.absolute.total_cmp(&b.absolute))
            .unwrap_or(Tolerance { absolute: 0.0, relative: 0.0 })
    }

    /// How far element `index` of O may be off, from the roundings that a kernel makes with
    /// probabilities and outputs in few bits and everything else in f32.
    ///
    /// With u the largest relative error of a rounding, each probability is off by u at most; the
    /// output is off by u of itself twice, for that and for its own rounding. Where values cancel,
    /// what is left is u·Σ|p·v| / Σp. For probabilities of 16 bits inputs of variance 1 are assumed:
    /// no sum of several of them was seen beyond 1.5·u. For FP8 the errors of the probabilities are
    /// taken as independent, with a deviation of u/2, so that six deviations of their sum are
    /// 3·u·√Σ(p·v)² / Σp; what is below the smallest number of FP8 is lost besides.
    fn output_tolerance(&self, dtype: DataType, index: usize) -> Tolerance {
        const LOST: f64 = 1.0 / 256.0;
        let (probability, output) = (unit(dtype.probability()), unit(dtype.output()));
        match dtype.bytes() {
            1 => Tolerance {
                absolute: 3.0 * probability * self.spread[index] + LOST,
                relative: output,
            },
            _ => Tolerance { absolute: 1.5 * probability, relative: probability + output },
        }
    }

    /// How far the log-sum-exp may be off: sums are over probabilities that are not rounded, so by
    /// roundings in f32 alone.
    fn log_sum_exp_tolerance(&self) -> Tolerance {
        Tolerance { absolute: 1e-4, relative: 1e-5 }
    }
}
