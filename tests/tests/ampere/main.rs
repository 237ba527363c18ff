//! The Ampere attention kernel: right on the simulator, and lean in SASS.

mod correct;
mod mutation;
mod sass;
