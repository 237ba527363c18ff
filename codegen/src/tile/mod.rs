//! What kernels are written with: layouts and swizzles of shared memory, copies into it, register
//! fragments of the tensor core, tiles of tensor memory, copy pipelines.

mod copy;
mod fragment;
mod layout;
mod matrix;
mod panel_row;
mod panels;
mod pipeline;
mod ring;
mod tensor_product;
mod tensor_tile;
mod transpose;
mod warpgroup;
mod warpgroup_tile;

pub use copy::{TileCopy, Wanted, rows_of_a_pass};
pub use fragment::{Accumulator, Product};
pub use layout::{CHUNK, LayoutError, SharedLayout, Swizzle};
pub use matrix::{MatrixOrder, MatrixReader};
pub use panel_row::PanelRow;
pub use panels::{Descriptor, PanelLayout};
pub use pipeline::{Phase, SlotRing, Taken, Turn};
pub use ring::CopyRing;
pub use tensor_product::TensorMemory;
pub use tensor_tile::{TensorPlan, TensorTile, TensorTileError};
pub use transpose::{ByteTranspose, TransposeError};
pub use warpgroup::{Pending, Steps};
pub use warpgroup_tile::WarpgroupTile;
