//! From f16 or bf16 to FP8: the pass before attention in e4m3.
//!
//! Each pair of a batch and a key-value head has one scale, so that its largest magnitude becomes
//! 448, the largest of e4m3:
//!
//! ```text
//! descale[b, g]     = max |R·X[b, :, h, :]| / 448       over the query heads h that share g; 1 where all is 0
//! quantized[b, i, h] = round(R·X[b, i, h] / descale[b, g])
//! ```
//!
//! R is the identity, or a rotation that spreads an outlier of one element over all of them:
//! random signs and then a Hadamard transform (*incoherent processing*; QuIP, and FlashAttention-3
//! section 3.3). Q and K rotated alike have the scores that they had, as R is orthogonal.

mod kernel;

use thiserror::Error;

use super::DataType;
use crate::dsl;
use crate::gpu::Target;
use crate::ptx::tree::Module;

/// The largest number of e4m3.
pub const LARGEST: f32 = 448.0;

/// A quantizing kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quantize {
    /// Type of the source.
    pub from: DataType,
    /// Elements of a row, a multiple of 32 up to 256.
    pub head_dim: u32,
    /// Whether rows are rotated. The same for Q and K; V is not rotated.
    pub rotate: bool,
}

/// Why there is no kernel.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum QuantizeError {
    /// The head dimension is not served.
    #[error("head_dim is {0}; expected a multiple of 32 up to 256")]
    HeadDim(u32),
    /// The target has no conversion to e4m3.
    #[error("{0} has no conversion to e4m3; expected sm_89 or later")]
    Target(Target),
}

impl Quantize {
    /// Threads of a block.
    pub const THREADS: u32 = 512;

    /// The kernel. Its entry is `quantize`, its parameters are
    ///
    /// | parameter | type | what |
    /// | --- | --- | --- |
    /// | `source` | u64 | address of `[batch, seqlen, heads, head_dim]` of `from`, 16-byte aligned |
    /// | `quantized` | u64 | address of as many e4m3, 16-byte aligned |
    /// | `descale` | u64 | address of `[batch, kv_heads]` f32 |
    /// | `seqlen` | u32 | rows |
    /// | `heads` | u32 | heads of the source |
    /// | `kv_heads` | u32 | heads of the descales, a divisor of `heads` |
    ///
    /// The grid is `[kv_heads, batch]`, with [`Quantize::THREADS`] threads in a block.
    ///
    /// ```
    /// use tilewright_codegen::attention::{DataType, quantize::Quantize};
    /// let quantize = Quantize { from: DataType::Bf16, head_dim: 128, rotate: true };
    /// assert!(quantize.kernel("sm_90a".parse().unwrap()).is_ok());
    /// assert!(quantize.kernel("sm_80".parse().unwrap()).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`QuantizeError`].
    pub fn kernel(&self, target: Target) -> Result<Module, QuantizeError> {
        if !self.head_dim.is_multiple_of(32) || !(32..=256).contains(&self.head_dim) {
            return Err(QuantizeError::HeadDim(self.head_dim));
        }
        if !target.admits(Target::baseline(89)) {
            return Err(QuantizeError::Target(target));
        }
        Ok(dsl::kernel("quantize", target, |k| kernel::quantize(k, self)))
    }

    /// What R does to a row, in double precision.
    ///
    /// # Panics
    ///
    /// Where the row does not have `head_dim` elements.
    pub fn rotated(&self, row: &[f64]) -> Vec<f64> {
        assert_eq!(row.len(), self.head_dim as usize, "a row has head_dim elements");
        if !self.rotate {
            return row.to_vec();
        }
        let sign = |i: usize| if is_negated(i as u32) { -1.0 } else { 1.0 };
        let mut row: Vec<f64> = row.iter().enumerate().map(|(i, x)| sign(i) * x).collect();
        for part in row.chunks_mut(self.transformed() as usize) {
            hadamard(part);
        }
        row
    }

    /// Elements that one Hadamard transform mixes: the largest power of two that divides the head
    /// dimension.
    fn transformed(&self) -> u32 {
        1 << self.head_dim.trailing_zeros()
    }
}

/// The normalized Hadamard transform, in place.
fn hadamard(x: &mut [f64]) {
    let mut half = 1;
    while half < x.len() {
        for block in x.chunks_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
    let norm = (x.len() as f64).sqrt();
    x.iter_mut().for_each(|x| *x /= norm);
}

/// Multiplier of a multiplicative hash: 2³² over the golden ratio.
const GOLDEN: u32 = 0x9e37_79b1;

/// Elements of 16 bytes of the source, of which eight bits of a hash give the signs.
const CHUNK: u32 = 8;

/// Whether the rotation negates the element at this place of a row.
fn is_negated(place: u32) -> bool {
    let hash = (place / CHUNK + 1).wrapping_mul(GOLDEN) >> 24;
    hash >> (place % CHUNK) & 1 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rotation_keeps_products_and_spreads_outliers() {
        for head_dim in [32, 64, 96, 128, 192, 256] {
            let quantize = Quantize { from: DataType::F16, head_dim, rotate: true };
            let row = |seed: u32| -> Vec<f64> {
                let random = |i: u32| (i + seed).wrapping_mul(GOLDEN) >> 8;
                (0..head_dim).map(|i| f64::from(random(i)) / f64::from(1 << 24) - 0.5).collect()
            };
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let (a, b) = (row(1), row(77));
            let rotated = dot(&quantize.rotated(&a), &quantize.rotated(&b));
            assert!((rotated - dot(&a, &b)).abs() < 1e-12, "{head_dim}");

            let mut outlier = vec![0.0; head_dim as usize];
            outlier[5] = 1.0;
            let spread = f64::from(quantize.transformed()).sqrt().recip();
            let largest = quantize.rotated(&outlier).iter().fold(0.0_f64, |m, x| m.max(x.abs()));
            assert!((largest - spread).abs() < 1e-12, "{head_dim}");
        }
    }
}
