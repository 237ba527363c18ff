//! Inputs in FP8, as the quantizing pass makes them.

use tilewright_codegen::attention::quantize::Quantize;
use tilewright_codegen::attention::{DataType, Problem};

use super::Inputs;
use crate::DType;

/// `inputs` in the problem's type of 8 bits, with a factor for each batch and key-value head.
pub(super) fn quantized(problem: &Problem, inputs: Inputs, rotate: bool) -> Inputs {
    assert!(problem.dtype.has_descales(), "{} is not quantized", problem.dtype);
    let head_dim = problem.head_dim;
    // Dimensions that the pass has no rotation for are left as they are.
    let rotate = rotate && head_dim.is_multiple_of(32) && head_dim <= 256;
    let quantize = Quantize { from: DataType::Bf16, head_dim, rotate };
    let rotated = |tensor: Vec<f64>| -> Vec<f64> {
        tensor.chunks(head_dim as usize).flat_map(|row| quantize.rotated(row)).collect()
    };
    let Inputs { query, key, value, .. } = inputs;
    let tensors = [
        (rotated(query), problem.query_shape()),
        (rotated(key), problem.key_shape()),
        (value, problem.value_shape()),
    ];
    let [query, key, value] = tensors.map(|(tensor, shape)| scaled(problem, tensor, shape));
    Inputs { query: query.0, key: key.0, value: value.0, descales: Some([query.1, key.1, value.1]) }
}

/// A tensor divided by a factor for each batch and key-value head, rounded, and the factors.
fn scaled(
    problem: &Problem,
    tensor: Vec<f64>,
    [batches, rows, heads, width]: [usize; 4],
) -> (Vec<f64>, Vec<f64>) {
    let dtype = DType::from(problem.dtype);
    let kv_heads = problem.kv_heads as usize;
    let place = |index: usize| {
        let (batch, head) = (index / (rows * heads * width), index / width % heads);
        batch * kv_heads + head / (heads / kv_heads)
    };
    let mut largest = vec![0.0_f64; batches * kv_heads];
    for (index, value) in tensor.iter().enumerate() {
        let largest = &mut largest[place(index)];
        *largest = largest.max(value.abs());
    }
    let limit = dtype.value(&dtype.encode(f64::MAX)).to_f64();
    let factor =
        |&largest: &f64| if largest == 0.0 { 1.0 } else { f64::from((largest / limit) as f32) };
    let factors: Vec<f64> = largest.iter().map(factor).collect();
    let round = |(index, value): (usize, f64)| {
        dtype.value(&dtype.encode(value / factors[place(index)])).to_f64()
    };
    (tensor.into_iter().enumerate().map(round).collect(), factors)
}
