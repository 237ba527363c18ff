//! *Multiply-and-Accumulate Instruction: mma* in double precision.

use crate::numeric::{F64, Mode, Rounding, float};

/// D = A · B + C in `.f64`: m8n8k4 with `HALVES` = 1 and `STEPS` = 1, m16n8k4, k8 and k16 with
/// `HALVES` = 2. Each element grows by fused multiply-adds in the
/// order of k, each rounded as `rounding` says.
///
/// A is given by step and half of the rows, B by step, C and D by half and column modulo 2.
pub fn mma_f64<const HALVES: usize, const STEPS: usize>(
    a: [[&[u64; 32]; HALVES]; STEPS],
    b: [&[u64; 32]; STEPS],
    c: [[&[u64; 32]; 2]; HALVES],
    rounding: Rounding,
) -> [[[u64; 32]; 2]; HALVES] {
    let mode = Mode::NEAREST.rounded(rounding);
    std::array::from_fn(|half| {
        std::array::from_fn(|odd| {
            std::array::from_fn(|lane| {
                let (row, column) = (lane / 4, lane % 4 * 2 + odd);
                let mut sum = c[half][odd][lane];
                for (a, b) in a.iter().zip(b) {
                    for k in 0..4 {
                        let (a, b) = (a[half][4 * row + k], b[4 * column + k]);
                        sum = float::multiply_add::<F64>(a, b, sum, mode);
                    }
                }
                sum
            })
        })
    })
}
