//! The forward pass.

use std::ops::Range;

use rayon::prelude::*;
use tilewright_codegen::attention::{Parameter, Problem};

use super::{Inputs, ShapeError};

/// What the forward pass gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// O, `[batch, seqlen_q, heads, head_dim_v]`.
    pub output: Vec<f64>,
    /// LSE, `[batch, heads, seqlen_q]`, natural logarithms.
    pub log_sum_exp: Vec<f64>,
    /// √Σ(p·v)² / Σp for each element of O: what the error is in proportion to where probabilities p
    /// are rounded independently of each other. The smallest p counts as
    /// [`DataType::smallest_probability`](tilewright_codegen::attention::DataType::smallest_probability).
    pub spread: Vec<f64>,
    /// Σ|p·v| / Σp for each element of O, with the same smallest p: what no error of independent or
    /// dependent roundings exceeds in proportion.
    pub magnitude: Vec<f64>,
}

impl Output {
    /// The elements of the tensor that a parameter points to; none where it is no output.
    pub fn values(&self, parameter: Parameter) -> Option<&[f64]> {
        match parameter {
            Parameter::Output => Some(&self.output),
            Parameter::LogSumExp => Some(&self.log_sum_exp),
            _ => None,
        }
    }
}

/// The forward pass of attention, on all cores.
///
/// # Errors
/// [`ShapeError`] where an input has another number of elements than its shape.
pub fn forward(
    problem: &Problem,
    softmax_scale: f32,
    inputs: &Inputs,
) -> Result<Output, ShapeError> {
    inputs.check(problem)?;
    let scale = f64::from(softmax_scale);
    let [_, queries, heads, width] = problem.output_shape();
    let mut output = vec![0.0; problem.output_shape().iter().product()];
    let (mut spread, mut magnitude) = (output.clone(), output.clone());
    let row = |scores: &mut Vec<f64>, (index, outputs): (usize, [&mut [f64]; 3])| {
        let (batch, query, head) =
            (index / (queries * heads), index / heads % queries, index % heads);
        let visible = problem.mask.visible(query as u32, problem.seqlen_q, problem.seqlen_kv);
        let row = Row { problem, inputs, index, batch, head };
        row.compute(scale, visible, scores, outputs)
    };
    // In the order of O's rows: batch, query, head.
    let rows = (output.par_chunks_mut(width), spread.par_chunks_mut(width));
    let rows = rows.into_par_iter().zip(magnitude.par_chunks_mut(width));
    let rows = rows.map(|((output, spread), magnitude)| [output, spread, magnitude]).enumerate();
    let by_row: Vec<f64> = rows.map_init(Vec::new, row).collect();
    let mut log_sum_exp = vec![0.0; by_row.len()];
    for (index, value) in by_row.into_iter().enumerate() {
        let (batch, query, head) =
            (index / (queries * heads), index / heads % queries, index % heads);
        log_sum_exp[(batch * heads + head) * queries + query] = value;
    }
    Ok(Output { output, log_sum_exp, spread, magnitude })
}

/// One row of Q and O.
struct Row<'a> {
    problem: &'a Problem,
    inputs: &'a Inputs,
    /// Its place among the rows of Q.
    index: usize,
    batch: usize,
    head: usize,
}

impl Row<'_> {
    /// Computes O's row, its spread and its magnitude, and returns the log-sum-exp. `scores` is scratch.
    fn compute(
        &self,
        scale: f64,
        visible: Range<u32>,
        scores: &mut Vec<f64>,
        [output, spread, magnitude]: [&mut [f64]; 3],
    ) -> f64 {
        if visible.is_empty() {
            return f64::NEG_INFINITY;
        }
        let [_, _, _, width] = self.problem.query_shape();
        let [query_descale, key_descale, value_descale] = self.descales();
        let scale = scale * query_descale * key_descale;
        let query = &self.inputs.query[self.index * width..][..width];
        let keys = || visible.clone().map(|key| self.key_row(key as usize));
        scores.clear();
        scores
            .extend(keys().map(|row| scale * dot(query, &self.inputs.key[row * width..][..width])));
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let smallest = self.problem.dtype.smallest_probability();
        let mut sum = 0.0;
        for (score, row) in scores.iter().zip(keys()) {
            let weight = (score - largest).exp();
            sum += weight;
            let value = &self.inputs.value[row * output.len()..][..output.len()];
            let sums = output.iter_mut().zip(&mut *spread).zip(&mut *magnitude);
            for (((output, spread), magnitude), value) in sums.zip(value) {
                let at_least = (weight.max(smallest) * value).abs();
                *output += weight * value;
                *spread += at_least * at_least;
                *magnitude += at_least;
            }
        }
        let factor = value_descale / sum;
        output.iter_mut().for_each(|output| *output *= factor);
        spread.iter_mut().for_each(|spread| *spread = spread.sqrt() * factor);
        magnitude.iter_mut().for_each(|magnitude| *magnitude *= factor);
        largest + sum.ln()
    }

    /// What Q, K and V are multiplied with.
    fn descales(&self) -> [f64; 3] {
        let [_, _, kv_heads, _] = self.problem.key_shape();
        let kv_head = self.head / (self.problem.heads as usize / kv_heads);
        match &self.inputs.descales {
            None => [1.0; 3],
            Some(descales) => descales.each_ref().map(|d| d[self.batch * kv_heads + kv_head]),
        }
    }

    /// The place of a key among the rows of K, and of its value among those of V.
    fn key_row(&self, key: usize) -> usize {
        let [_, keys, kv_heads, _] = self.problem.key_shape();
        let group = self.problem.heads as usize / kv_heads;
        (self.batch * keys + key) * kv_heads + self.head / group
    }
}

/// The dot product, in eight sums that the processor adds side by side.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    let mut sums = [0.0; LANES];
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}
