//! The Ampere attention kernel: right on the simulator, wrong without any one of its
//! synchronizations, and lean in SASS.

mod assemble;
mod correct;
mod mutation;
mod sass;
