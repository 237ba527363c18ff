//! What an application depends on: launches and the files that describe them, devices, the
//! reference in double precision, and NVIDIA's assembler where it is present.

pub mod ptxas;
pub mod sass;
