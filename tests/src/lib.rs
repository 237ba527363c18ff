//! Helpers of the tests that cross crates.

pub mod assembly;
pub mod attention;
pub mod domain;
pub mod kernels;
pub mod mutation;
pub mod random;
pub mod run;
