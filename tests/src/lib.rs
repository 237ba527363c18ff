//! Helpers of the tests that cross crates.

pub mod attention;
pub mod kernels;
pub mod run;
