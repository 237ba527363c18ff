//! The Hopper attention kernel: every config assembles, and the steady loop is lean in SASS.

mod assembles;
mod fp8;
mod sass;
