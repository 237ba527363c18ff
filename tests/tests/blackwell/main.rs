//! Blackwell's kernels in the embedded language: the attention kernel is right on the simulator; a
//! matrix product in tensor memory, by one block and by pairs of blocks, is the second user of what
//! it is made of.

mod correct;
mod gemm;
