//! Inputs of a problem, and random ones.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use tilewright_codegen::attention::Problem;

use super::ShapeError;
use crate::DType;

/// Q, K and V, each value one that the problem's data type holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    /// Q, `[batch, seqlen_q, heads, head_dim]`.
    pub query: Vec<f64>,
    /// K, `[batch, seqlen_kv, kv_heads, head_dim]`.
    pub key: Vec<f64>,
    /// V, `[batch, seqlen_kv, kv_heads, head_dim_v]`.
    pub value: Vec<f64>,
}

/// How random inputs are distributed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Values {
    /// Normal, of mean 0 and variance 1.
    #[default]
    Normal,
    /// As [`Normal`](Values::Normal), plus, at one element in a thousand, a normal value of variance
    /// 100: the outliers of trained models, as the FlashAttention-3 paper draws them (section 4.3,
    /// "Numerical error validation").
    Outliers,
}

impl Inputs {
    /// Inputs drawn from `seed` and rounded to the problem's data type. One seed always gives the
    /// same.
    pub fn random(problem: &Problem, values: Values, seed: u64) -> Inputs {
        let mut generator = Xoshiro256PlusPlus::seed_from_u64(seed);
        let dtype = DType::from(problem.dtype);
        let mut tensor = |shape: [usize; 4]| {
            let mut value = || {
                let mut value: f64 = generator.sample(StandardNormal);
                if values == Values::Outliers && generator.random_ratio(1, 1000) {
                    value += 10.0 * generator.sample::<f64, _>(StandardNormal);
                }
                dtype.value(&dtype.encode(value)).to_f64()
            };
            (0..shape.iter().product()).map(|_| value()).collect()
        };
        Inputs {
            query: tensor(problem.query_shape()),
            key: tensor(problem.key_shape()),
            value: tensor(problem.value_shape()),
        }
    }

    pub(super) fn check(&self, problem: &Problem) -> Result<(), ShapeError> {
        let tensors = [
            ("Q", self.query.len(), problem.query_shape()),
            ("K", self.key.len(), problem.key_shape()),
            ("V", self.value.len(), problem.value_shape()),
        ];
        for (tensor, found, shape) in tensors {
            let expected = shape.iter().product();
            if found != expected {
                return Err(ShapeError { tensor, found, expected });
            }
        }
        Ok(())
    }
}
