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
    /// With u the largest relative error of a rounding, each probability is off by u at most, with a
    /// deviation of u/2 if that: taken as independent, six deviations of their sum are
    /// 3·u·√Σ(p·v)² / Σp. They never exceed u·Σ|p·v| / Σp, which is less where few keys carry the
    /// row. The output is off by u of itself for its own rounding besides, and where everything
    /// cancels by what sums in f32 lose.
    fn output_tolerance(&self, dtype: DataType, index: usize) -> Tolerance {
        const SUMS: f64 = 1.0 / 65536.0;
        let (probability, output) = (unit(dtype.probability()), unit(dtype.output()));
        let roundings = (3.0 * self.spread[index]).min(self.magnitude[index]);
        Tolerance { absolute: probability * roundings + SUMS, relative: output }
    }

    /// How far the log-sum-exp may be off: sums are over probabilities that are not rounded, so by
    /// roundings in f32 alone.
    fn log_sum_exp_tolerance(&self) -> Tolerance {
        Tolerance { absolute: 1e-4, relative: 1e-5 }
    }
}
