//! PTX's arithmetic, as pure functions on bits.
//!
//! Every function is named after what it computes and documents the instruction it is; the names in
//! italics are sections of NVIDIA's *PTX ISA*.
//!
//! | instructions | module |
//! |---|---|
//! | `add` `sub` `mul` `fma` `div` `rcp` `sqrt` `neg` `abs` `copysign` `testp` `min` `max` on floating point | [`float`] |
//! | `ex2` `lg2` `sin` `cos` `tanh` `rsqrt`, `.approx` and `.full` forms | [`approximate`] |
//! | `cvt` between single numbers | [`convert`] |
//! | `cvt` to packed and narrow formats, `cvt.pack` | [`narrow`] |
//! | integer arithmetic, carries, `dp4a` `dp2a` | [`integer`] |
//! | logic, shifts, bit fields, `prmt` | [`bits`] |
//! | `setp` `set` `slct` | [`compare`] |
//! | `.f16x2` `.bf16x2` `.u16x2` `.s16x2` `.f32x2` | [`packed`] |
//! | `mma` `wmma` `wgmma` `tcgen05.mma` `ldmatrix` `stmatrix` `movmatrix` | [`matrix`] |
//!
//! Floating-point functions are generic over a [`Format`] and take and return its
//! [`Bits`](Format::Bits); integer ones are generic over an [`Integer`]. Modifiers come as one
//! value, [`Mode`] for most. What rounds to nearest runs on the host's arithmetic without branches;
//! with a constant mode, a loop over lanes vectorizes:
//!
//! ```
//! use tilewright_sim::numeric::{F32, Mode, float};
//!
//! fn fma_rn_f32(a: &[u32; 32], b: &[u32; 32], c: &[u32; 32]) -> [u32; 32] {
//!     std::array::from_fn(|i| float::multiply_add::<F32>(a[i], b[i], c[i], Mode::NEAREST))
//! }
//! let two = [2.0_f32.to_bits(); 32];
//! assert_eq!(fma_rn_f32(&two, &two, &two), [6.0_f32.to_bits(); 32]);
//! ```
//!
//! Every floating-point operation that returns a NaN returns the format's canonical one.

pub mod approximate;
pub mod bits;
pub mod compare;
pub mod convert;
mod exact;
pub mod float;
mod format;
mod host;
pub mod integer;
pub mod matrix;
pub mod narrow;
pub mod packed;
#[cfg(test)]
mod tests;

pub use compare::{Combine, Comparison};
pub use format::{
    Bf16, Bits, Clamp, E2m1, E2m3, E3m2, E4m3, E5m2, F16, F32, F64, Format, Mode, Rounding, Tf32,
};
pub use host::{Arithmetic, bf16_to_f32, f16_to_f32, f32_to_bf16, f32_to_f16};
pub use integer::Integer;
