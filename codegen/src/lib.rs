//! From an attention problem to a PTX module.
//!
//! This crate is pure: it knows no device and does no input or output.

pub mod attention;
pub mod dsl;
pub mod gpu;
pub mod ptx;
pub mod published;
pub mod tile;
