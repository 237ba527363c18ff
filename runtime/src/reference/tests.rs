use super::*;
use proptest::prelude::*;
use tilewright_codegen::attention::{DataType, Mask, Problem};

const PROBLEM: Problem = Problem {
    dtype: DataType::F16,
    head_dim: 12,
    head_dim_v: 5,
    batch: 2,
    heads: 6,
    kv_heads: 2,
    seqlen_q: 7,
    seqlen_kv: 9,
    mask: Mask::Full,
};

/// The formula as it stands, with each mask written out and no maximum subtracted.
fn by_formula(problem: &Problem, scale: f64, inputs: &Inputs) -> Output {
    let [batches, queries, heads, dim] = problem.query_shape();
    let [_, keys, kv_heads, width] = problem.value_shape();
    let mut output = vec![0.0; batches * queries * heads * width];
    let (mut spread, mut magnitude) = (output.clone(), output.clone());
    let mut log_sum_exp = vec![f64::NEG_INFINITY; batches * heads * queries];
    for b in 0..batches {
        for h in 0..heads {
            let g = h / (heads / kv_heads);
            for i in 0..queries {
                let mut sum = 0.0;
                let mut row = vec![0.0; width];
                let mut squares = vec![0.0; width];
                let mut absolute = vec![0.0; width];
                for j in 0..keys {
                    let distance = j as i64 - (i as i64 + keys as i64 - queries as i64);
                    let visible = match problem.mask {
                        Mask::Full => true,
                        Mask::Causal => distance <= 0,
                        Mask::Window { left, right } => {
                            -i64::from(left) <= distance && distance <= i64::from(right)
                        }
                    };
                    if !visible {
                        continue;
                    }
                    let mut score = 0.0;
                    for d in 0..dim {
                        score += inputs.query[((b * queries + i) * heads + h) * dim + d]
                            * inputs.key[((b * keys + j) * kv_heads + g) * dim + d];
                    }
                    let weight = (scale * score).exp();
                    sum += weight;
                    for (d, value) in row.iter_mut().enumerate() {
                        let of_key = inputs.value[((b * keys + j) * kv_heads + g) * width + d];
                        *value += weight * of_key;
                        squares[d] += (weight * of_key).powi(2);
                        absolute[d] += (weight * of_key).abs();
                    }
                }
                if sum > 0.0 {
                    log_sum_exp[(b * heads + h) * queries + i] = sum.ln();
                    for (d, value) in row.iter().enumerate() {
                        let at = ((b * queries + i) * heads + h) * width + d;
                        output[at] = value / sum;
                        spread[at] = squares[d].sqrt() / sum;
                        magnitude[at] = absolute[d] / sum;
                    }
                }
            }
        }
    }
    Output { output, log_sum_exp, spread, magnitude }
}

fn check_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let close = found == expected || (found - expected).abs() <= 1e-12 * (1.0 + expected.abs());
        assert!(close, "{index}: {found} against {expected}");
    }
}

fn check(problem: &Problem, values: Values, seed: u64) {
    let inputs = Inputs::random(problem, values, seed);
    let found = forward(problem, 0.25, &inputs).unwrap();
    let expected = by_formula(problem, 0.25, &inputs);
    check_close(&found.output, &expected.output);
    check_close(&found.spread, &expected.spread);
    check_close(&found.magnitude, &expected.magnitude);
    check_close(&found.log_sum_exp, &expected.log_sum_exp);
}

#[test]
fn rows_that_see_nothing() {
    let problem = Problem { seqlen_q: 9, seqlen_kv: 4, mask: Mask::Causal, ..PROBLEM };
    let inputs = Inputs::random(&problem, Values::Normal, 3);
    let found = forward(&problem, 1.0, &inputs).unwrap();
    let width = (problem.heads * problem.head_dim_v) as usize;
    assert!(found.output[..5 * width].iter().all(|o| *o == 0.0));
    assert!(found.output[5 * width..6 * width].iter().all(|o| *o != 0.0));
    assert!(found.log_sum_exp[..5].iter().all(|lse| *lse == f64::NEG_INFINITY));
    assert!(found.log_sum_exp[5..9].iter().all(|lse| lse.is_finite()));
}

#[test]
fn equal_scores_give_the_mean() {
    let mut inputs = Inputs::random(&PROBLEM, Values::Normal, 4);
    inputs.query.fill(0.0);
    let found = forward(&PROBLEM, 1.0, &inputs).unwrap();
    check_close(&found.log_sum_exp, &vec![9f64.ln(); found.log_sum_exp.len()]);
    let mean = (0..9).map(|key| inputs.value[key * 2 * 5]).sum::<f64>() / 9.0;
    check_close(&found.output[..1], &[mean]);
}

#[test]
fn large_scores_do_not_overflow() {
    let mut inputs = Inputs::random(&PROBLEM, Values::Outliers, 5);
    inputs.query.iter_mut().for_each(|q| *q *= 1e4);
    let found = forward(&PROBLEM, 1.0, &inputs).unwrap();
    assert!(found.output.iter().chain(&found.log_sum_exp).all(|value| value.is_finite()));
}

#[test]
fn inputs_are_those_of_their_seed() {
    let draw = |values, seed| Inputs::random(&PROBLEM, values, seed);
    assert_eq!(draw(Values::Normal, 1), draw(Values::Normal, 1));
    assert_ne!(draw(Values::Normal, 1), draw(Values::Normal, 2));
    let large = Problem { batch: 64, seqlen_q: 64, ..PROBLEM };
    let moments = |values| {
        let query = Inputs::random(&large, values, 1).query;
        let n = query.len() as f64;
        (query.iter().sum::<f64>() / n, query.iter().map(|q| q * q).sum::<f64>() / n)
    };
    let (mean, variance) = moments(Values::Normal);
    assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    let (_, variance) = moments(Values::Outliers);
    assert!((variance - 1.1).abs() < 0.05, "{variance}");
}

#[test]
fn a_wrong_shape_is_told() {
    let mut inputs = Inputs::random(&PROBLEM, Values::Normal, 6);
    inputs.value.pop();
    let error = forward(&PROBLEM, 1.0, &inputs).unwrap_err();
    assert_eq!(error.to_string(), "V has 179 elements; expected 180");
}

proptest! {
    #[test]
    fn agrees_with_the_formula(
        dims in (1u32..20, 1u32..20, 1u32..3),
        heads in (1u32..4, 1u32..3),
        lengths in (1u32..24, 1u32..24),
        mask in prop_oneof![
            Just(Mask::Full),
            Just(Mask::Causal),
            (0u32..9, 0u32..9).prop_map(|(left, right)| Mask::Window { left, right }),
        ],
        seed: u64,
    ) {
        let problem = Problem {
            dtype: DataType::Bf16,
            head_dim: dims.0,
            head_dim_v: dims.1,
            batch: dims.2,
            heads: heads.0 * heads.1,
            kv_heads: heads.1,
            seqlen_q: lengths.0,
            seqlen_kv: lengths.1,
            mask,
        };
        check(&problem, Values::Outliers, seed);
    }
}
