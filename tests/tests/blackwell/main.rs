//! Blackwell's kernels in the embedded language: a matrix product in tensor memory, by one block and
//! by pairs of blocks.

mod gemm;
