//! Kernels compiled to PTX while the crate compiles.
