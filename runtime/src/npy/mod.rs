//! NumPy's `.npy` files, versions 1 to 3: arrays in C order, little-endian.
//!
//! The format is described in NumPy's `numpy.lib.format`. It knows no bf16 and no 8-bit floating
//! point: those are stored as `uint16` and `uint8`, bit for bit.

mod header;

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::DType;
pub use header::Header;

/// The type of an array's elements, as a file tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElementType {
    /// `f`, `i` or `u`.
    pub kind: char,
    /// Bytes of an element: 1, 2, 4 or 8.
    pub size: usize,
}

impl ElementType {
    /// What elements of type `dtype` are stored as.
    pub fn of(dtype: DType) -> ElementType {
        let kind = match dtype {
            DType::F32 | DType::F16 => 'f',
            DType::I32 | DType::I64 | DType::I8 => 'i',
            DType::Bf16 | DType::E4m3 | DType::E5m2 | DType::U32 | DType::U64 | DType::U8 => 'u',
        };
        ElementType { kind, size: dtype.size() }
    }

    /// NumPy's name, such as `float16`.
    pub fn name(self) -> String {
        let kind = match self.kind {
            'f' => "float",
            'i' => "int",
            _ => "uint",
        };
        format!("{kind}{}", self.size * 8)
    }
}

/// An array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// The type of its elements.
    pub element: ElementType,
    /// Its extents, outermost first.
    pub shape: Vec<usize>,
    /// Its elements in C order, little-endian.
    pub bytes: Vec<u8>,
}

/// Why a file is not an array that can be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system could not read or write it.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is no `.npy` file, or one that is damaged or of a kind that is not supported.
    #[error("{0}")]
    Format(String),
    /// It is larger than the caller allows.
    #[error("its array has {bytes} bytes, where {limit} are allowed")]
    TooLarge {
        /// Bytes of the array.
        bytes: u64,
        /// The most that was allowed.
        limit: u64,
    },
}

/// Reads the array in the file at `path`, of at most `limit` bytes.
///
/// # Errors
/// [`Error`] where the file is damaged, in Fortran order, big-endian, of a type other than the
/// integers and floats of 1 to 8 bytes, or larger than `limit`. Nothing is allocated that the
/// file's length does not warrant.
pub fn read(path: &Path, limit: u64) -> Result<Array, Error> {
    let mut file = crate::files::open(path)?;
    let header = Header::read(&mut file)?;
    let bytes = header.bytes()?;
    if bytes > limit {
        return Err(Error::TooLarge { bytes, limit });
    }
    let start = file.stream_position()?;
    let length = file.seek(SeekFrom::End(0))?.saturating_sub(start);
    if length != bytes {
        return Err(Error::Format(format!(
            "the header promises {bytes} bytes of data ({}), the file holds {length}",
            header.arithmetic()
        )));
    }
    file.seek(SeekFrom::Start(start))?;
    let mut data = Vec::new();
    file.take(bytes).read_to_end(&mut data)?;
    if data.len() as u64 != bytes {
        return Err(Error::Format(format!("the file ended after {} of {bytes} bytes", data.len())));
    }
    Ok(Array { element: header.element, shape: header.shape, bytes: data })
}

/// Writes `array` to the file at `path`, whole or not at all.
///
/// # Errors
/// Where the system could not write it.
pub fn write(path: &Path, array: &Array) -> io::Result<()> {
    crate::files::write_whole(path, |file| write_to(file, array))
}

/// Writes `array` as a file's contents.
pub(crate) fn write_to(file: &mut impl Write, array: &Array) -> io::Result<()> {
    let header = Header { element: array.element, shape: array.shape.clone() };
    file.write_all(&header.to_bytes())?;
    file.write_all(&array.bytes)
}

#[cfg(test)]
mod tests;
