//! Blackwell's kernels in the embedded language: the attention kernel is right on the simulator, and
//! what is accepted assembles well; a matrix product in tensor memory, by one block and by pairs of
//! blocks, is the second user of what it is made of.

mod accuracy;
mod assembles;
mod correct;
mod gemm;
mod mutation;
mod sass;
