//! Inputs of a problem, and random ones.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use tilewright_codegen::attention::{Parameter, Problem};

use super::{ShapeError, quantized};
use crate::DType;

/// Q, K and V as they are stored, and what they are multiplied with.
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    /// Q, `[batch, seqlen_q, heads, head_dim]`.
    pub query: Vec<f64>,
    /// K, `[batch, seqlen_kv, kv_heads, head_dim]`.
    pub key: Vec<f64>,
    /// V, `[batch, seqlen_kv, kv_heads, head_dim_v]`.
    pub value: Vec<f64>,
    /// Factors of Q, K and V, `[batch, kv_heads]` each, in f32; 1 where there are none.
    pub descales: Option<[Vec<f64>; 3]>,
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
    /// Inputs drawn from `seed`, as the problem's data type holds them. One seed always gives the
    /// same.
    ///
    /// FP8 inputs are quantized as [`quantize`](tilewright_codegen::attention::quantize) does it,
    /// with Q and K rotated where their head dimension allows it.
    pub fn random(problem: &Problem, values: Values, seed: u64) -> Inputs {
        let drawn = Inputs::exact(problem, values, seed);
        match problem.dtype.has_descales() {
            true => quantized::quantized(problem, drawn, true),
            false => {
                let dtype = DType::from(problem.dtype);
                let round = |tensor: Vec<f64>| {
                    let rounded = |value| dtype.value(&dtype.encode(value)).to_f64();
                    tensor.into_iter().map(rounded).collect()
                };
                let Inputs { query, key, value, .. } = drawn;
                let [query, key, value] = [query, key, value].map(round);
                Inputs { query, key, value, descales: None }
            }
        }
    }

    /// What [`random`](Inputs::random) rounds.
    pub fn exact(problem: &Problem, values: Values, seed: u64) -> Inputs {
        let mut generator = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut tensor = |shape: [usize; 4]| {
            let mut value = || {
                let mut value: f64 = generator.sample(StandardNormal);
                if values == Values::Outliers && generator.random_ratio(1, 1000) {
                    value += 10.0 * generator.sample::<f64, _>(StandardNormal);
                }
                value
            };
            (0..shape.iter().product()).map(|_| value()).collect()
        };
        Inputs {
            query: tensor(problem.query_shape()),
            key: tensor(problem.key_shape()),
            value: tensor(problem.value_shape()),
            descales: None,
        }
    }

    /// These inputs in FP8, with Q and K rotated or not.
    ///
    /// # Panics
    ///
    /// Where the problem's data type has more than 8 bits, or the inputs have other shapes.
    pub fn quantized(self, problem: &Problem, rotate: bool) -> Inputs {
        quantized::quantized(problem, self, rotate)
    }

    /// The elements of the tensor that a parameter points to; none where it is an output or no
    /// tensor.
    pub fn values(&self, parameter: Parameter) -> Option<&[f64]> {
        let descales = |tensor: usize| Some(&self.descales.as_ref()?[tensor][..]);
        match parameter {
            Parameter::Query => Some(&self.query),
            Parameter::Key => Some(&self.key),
            Parameter::Value => Some(&self.value),
            Parameter::QueryDescale => descales(0),
            Parameter::KeyDescale => descales(1),
            Parameter::ValueDescale => descales(2),
            _ => None,
        }
    }

    pub(super) fn check(&self, problem: &Problem) -> Result<(), ShapeError> {
        let tensors = [
            ("Q", self.query.len(), problem.query_shape()),
            ("K", self.key.len(), problem.key_shape()),
            ("V", self.value.len(), problem.value_shape()),
        ];
        let descales = problem.descale_shape().iter().product();
        for factors in self.descales.iter().flatten() {
            if factors.len() != descales {
                let (tensor, found) = ("descales", factors.len());
                return Err(ShapeError { tensor, found, expected: descales });
            }
        }
        for (tensor, found, shape) in tensors {
            let expected = shape.iter().product();
            if found != expected {
                return Err(ShapeError { tensor, found, expected });
            }
        }
        Ok(())
    }
}
