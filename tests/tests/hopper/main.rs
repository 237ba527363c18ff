//! Hopper's kernels in the embedded language: the attention kernel is right on the simulator, wrong
//! with any mistake in its synchronization, assembles in every config, and is lean in SASS; a matrix
//! product is the second user of what it is made of.

mod assembles;
mod correct;
mod fp8;
mod gemm;
mod mutation;
mod sass;
