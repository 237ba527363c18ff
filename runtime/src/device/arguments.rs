//! Arguments of a launch, and the entry's parameters that they are for.

use tilewright_codegen::ptx::check::ParameterLayout;

use crate::tensor_map::{RuleBroken, TensorMap};

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

/// Arguments that are not what an entry takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// Too few or too many.
    #[error("the entry takes {} parameters ({}), {found} are given", expected.len(), expected.join(", "))]
    Number {
        /// The entry's parameters with their sizes.
        expected: Vec<String>,
        /// How many are given.
        found: usize,
    },
    /// One is of the wrong size.
    #[error("params[{index}]: the entry's parameter {parameter}, {found} bytes are given")]
    Size {
        /// Its place.
        index: usize,
        /// The parameter with its size.
        parameter: String,
        /// The size given.
        found: usize,
    },
    /// A tensor map for a parameter that is not aligned as one.
    #[error(
        "params[{index}]: a tensor map needs a parameter aligned to 64 bytes, that of \
         {parameter} is aligned to {align}"
    )]
    TensorMapAlignment {
        /// Its place.
        index: usize,
        /// The parameter's name.
        parameter: String,
        /// The parameter's alignment in bytes.
        align: u32,
    },
    /// A tensor map that breaks a rule.
    #[error("params[{index}]: {broken}")]
    TensorMap {
        /// Its place.
        index: usize,
        /// The rule.
        broken: RuleBroken,
    },
    /// An address that does not fit in the bytes it is written over.
    #[error("params[{index}]: 8 bytes at {at} do not fit in {length} bytes")]
    Patch {
        /// The argument's place.
        index: usize,
        /// Where the address begins.
        at: usize,
        /// How many bytes there are.
        length: usize,
    },
    /// A buffer that is none of the launch's.
    #[error("params[{index}]: buffer {buffer} of {count}")]
    Buffer {
        /// The argument's place.
        index: usize,
        /// The buffer it names.
        buffer: usize,
        /// How many buffers there are.
        count: usize,
    },
}

impl Argument {
    /// A number or other plain value by its little-endian bytes.
    pub fn value(bytes: impl Into<Vec<u8>>) -> Argument {
        Argument::Bytes { bytes: bytes.into(), pointers: Vec::new() }
    }

    /// Bytes of the parameter that it is for.
    pub fn size(&self) -> usize {
        match self {
            Argument::Pointer { .. } => 8,
            Argument::TensorMap { .. } => 128,
            Argument::Bytes { bytes, .. } => bytes.len(),
        }
    }

    /// The places of the buffers that it names.
    fn buffers(&self) -> Vec<usize> {
        match self {
            Argument::Pointer { buffer, .. } | Argument::TensorMap { buffer, .. } => vec![*buffer],
            Argument::Bytes { pointers, .. } => pointers.iter().map(|(_, b, _)| *b).collect(),
        }
    }

    /// The bytes that the device passes. `address` gives the address of a byte of a buffer,
    /// `encode` a tensor map at an address.
    pub(super) fn to_bytes<E>(
        &self,
        address: impl Fn(usize, u64) -> u64,
        encode: impl FnOnce(&TensorMap, u64) -> Result<Vec<u8>, E>,
    ) -> Result<Vec<u8>, E> {
        match self {
            Argument::Pointer { buffer, offset } => {
                Ok(address(*buffer, *offset).to_le_bytes().into())
            }
            Argument::TensorMap { buffer, offset, map } => encode(map, address(*buffer, *offset)),
            Argument::Bytes { bytes, pointers } => {
                let mut bytes = bytes.clone();
                for (at, buffer, offset) in pointers {
                    let pointer = address(*buffer, *offset).to_le_bytes();
                    bytes[*at..*at + pointer.len()].copy_from_slice(&pointer);
                }
                Ok(bytes)
            }
        }
    }
}

/// Checks `arguments` against an entry's parameters: number, order and size.
pub(super) fn check(
    parameters: &[ParameterLayout],
    arguments: &[Argument],
    buffers: usize,
) -> Result<(), ArgumentError> {
    let described =
        |parameter: &ParameterLayout| format!("`{}` has {} bytes", parameter.name, parameter.size);
    if parameters.len() != arguments.len() {
        let expected = parameters.iter().map(described).collect();
        return Err(ArgumentError::Number { expected, found: arguments.len() });
    }
    for (index, (parameter, argument)) in parameters.iter().zip(arguments).enumerate() {
        if parameter.size != argument.size() as u64 {
            let (parameter, found) = (described(parameter), argument.size());
            return Err(ArgumentError::Size { index, parameter, found });
        }
        match argument {
            Argument::TensorMap { offset, map, .. } => {
                map.check(*offset).map_err(|broken| ArgumentError::TensorMap { index, broken })?;
                if parameter.align < 64 {
                    let (align, parameter) = (parameter.align, parameter.name.to_string());
                    return Err(ArgumentError::TensorMapAlignment { index, parameter, align });
                }
            }
            Argument::Bytes { bytes, pointers } => {
                let length = bytes.len();
                let fits = |at: usize| at.checked_add(8).is_some_and(|end| end <= length);
                if let Some(&(at, ..)) = pointers.iter().find(|(at, ..)| !fits(*at)) {
                    return Err(ArgumentError::Patch { index, at, length });
                }
            }
            Argument::Pointer { .. } => {}
        }
        if let Some(buffer) = argument.buffers().into_iter().find(|buffer| *buffer >= buffers) {
            return Err(ArgumentError::Buffer { index, buffer, count: buffers });
        }
    }
    Ok(())
}
