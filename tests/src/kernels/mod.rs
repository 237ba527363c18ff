//! Kernels in the embedded language that are not attention: what a user might write.

mod blackwell_gemm;
mod elementwise;
mod gemm;
mod hopper_gemm;
mod panels;
mod softmax;

pub use blackwell_gemm::{BlackwellGemm, blackwell_gemm};
pub use elementwise::vector_add;
pub use gemm::{Gemm, gemm};
pub use hopper_gemm::{HopperGemm, hopper_gemm};
pub use softmax::row_softmax;
