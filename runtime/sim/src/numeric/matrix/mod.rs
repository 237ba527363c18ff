//! *Warp-level Matrix Instructions*: fragments as the registers of a warp, and their products.

mod element;
mod fragment;
mod mma;
mod tile;

pub use element::{Element, S4, S8, U4, U8};
pub use fragment::{Row, load, store, transpose};
pub use mma::{mma_f16, mma_f32, mma_f64, mma_s32};
pub use tile::{Tile, multiply_accumulate};

/// A 32-bit register of a warp, lane by lane.
pub type Register = [u32; 32];
