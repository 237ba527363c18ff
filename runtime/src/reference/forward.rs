//! The forward pass.

use std::ops::Range;

use rayon::prelude::*;
use tilewright_codegen::attention::Problem;

use super::{Inputs, ShapeError};

/// What the forward pass gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// O, `[batch, seqlen_q, heads, head_dim_v]`.
    pub output: Vec<f64>,
    /// LSE, `[batch, heads, seqlen_q]`, natural logarithms.
    pub log_sum_exp: Vec<f64>,
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
    let row = |scores: &mut Vec<f64>, (index, output): (usize, &mut [f64])| {
        let (batch, query, head) =
            (index / (queries * heads), index / heads % queries, index % heads);
        let visible = problem.mask.visible(query as u32, problem.seqlen_q, problem.seqlen_kv);
        let row = Row { problem, inputs, index, batch, head };
        row.compute(scale, visible, scores, output)
    };
    // In the order of O's rows: batch, query, head.
    let by_row: Vec<f64> =
        output.par_chunks_mut(width).enumerate().map_init(Vec::new, row).collect();
    let mut log_sum_exp = vec![0.0; by_row.len()];
    for (index, value) in by_row.into_iter().enumerate() {
        let (batch, query, head) =
            (index / (queries * heads), index / heads % queries, index % heads);
        log_sum_exp[(batch * heads + head) * queries + query] = value;
    }
    Ok(Output { output, log_sum_exp })
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
    /// Computes O's row, and returns the log-sum-exp. `scores` is scratch.
    fn compute(
        &self,
        scale: f64,
        visible: Range<u32>,
        scores: &mut Vec<f64>,
        output: &mut [f64],
    ) -> f64 {
        if visible.is_empty() {
            return f64::NEG_INFINITY;
        }
        let [_, _, _, width] = self.problem.query_shape();
        let query = &self.inputs.query[self.index * width..][..width];
        let keys = || visible.clone().map(|key| self.key_row(key as usize));
        scores.clear();
        scores
            .extend(keys().map(|row| scale * dot(query, &self.inputs.key[row * width..][..width])));
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for (score, row) in scores.iter().zip(keys()) {
            let weight = (score - largest).exp();
            sum += weight;
            let value = &self.inputs.value[row * output.len()..][..output.len()];
            output.iter_mut().zip(value).for_each(|(o, v)| *o += weight * v);
        }
        output.iter_mut().for_each(|o| *o /= sum);
        largest + sum.ln()
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
