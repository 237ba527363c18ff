//! The program `autotune`.
fn main() {}
