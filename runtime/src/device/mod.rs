//! Devices that run kernels.

use crate::tensor_map::TensorMap;

/// An argument of a launch. A buffer is named by its place among those of the launch.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    /// The address of a byte of a buffer.
    Pointer {
        /// The buffer.
        buffer: usize,
        /// Bytes from its beginning.
        offset: u64,
    },
    /// A `CUtensorMap`.
    TensorMap {
        /// The buffer.
        buffer: usize,
        /// Bytes from its beginning to the tensor's.
        offset: u64,
        /// The tensor and its box.
        map: TensorMap,
    },
    /// Bytes by value, with device addresses in them.
    Bytes {
        /// The bytes.
        bytes: Vec<u8>,
        /// Where an address is written over them: the byte it begins at, the buffer, the bytes from
        /// the buffer's beginning.
        pointers: Vec<(usize, usize, u64)>,
    },
}

impl Argument {
    /// Bytes of the parameter that it is for.
    pub fn size(&self) -> usize {
        match self {
            Argument::Pointer { .. } => 8,
            Argument::TensorMap { .. } => 128,
            Argument::Bytes { bytes, .. } => bytes.len(),
        }
    }
}
