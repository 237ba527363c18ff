//! *Warp-level Matrix Instructions*: fragments as the registers of a warp, and their products.

mod bytes;
mod descriptor;
mod double;
mod element;
mod fragment;
mod integer;
mod mma;
mod quads;
mod shared;
pub mod tcgen05;
mod tile;
pub mod wgmma;
pub mod wmma;

pub use bytes::{ByteRow, Packing, load_bytes, load_bytes_transposed, store_bytes_transposed};
pub use descriptor::{Descriptor, DescriptorError, Major, Swizzle, UNIT};
pub use double::mma_f64;
pub use element::{B1, Element, Number, S4, S8, U4, U8};
pub use fragment::{Row, load, store, transpose};
pub use integer::{BitOperation, mma_b1, mma_s32, mma_s32_m8};
pub use mma::{mma_f16, mma_f32};
pub use quads::{Accumulator, Layout, mma_m8n8k4_f16, mma_m8n8k4_f32};
pub use shared::Units;
pub use tile::{Tile, multiply_accumulate};

/// A 32-bit register of a warp, lane by lane.
pub type Register = [u32; 32];
