//! A launch with everything that its file names read in.

use std::path::{Path, PathBuf};

use super::validate::{MOST_BYTES, bytes_of};
use super::{BufferSource, BufferSpec, Error, Expectation, Fill, LaunchFile, Param};
use crate::compare::{Comparison, Tolerance, compare};
use crate::device::{Argument, Contents, Geometry};
use crate::npy::{self, ElementType};
use crate::{DType, Value};

/// The longest PTX text that is read, in bytes.
pub const LONGEST_PTX: u64 = 256 << 20;

/// A launch that is ready to run.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Where the PTX was read.
    pub ptx_path: PathBuf,
    /// The PTX text.
    pub ptx: String,
    /// The entry, where the file names one.
    pub entry: Option<String>,
    /// Grid, block, cluster and extern shared memory.
    pub geometry: Geometry,
    /// The buffers, in the order of the file.
    pub buffers: Vec<InputBuffer>,
    /// The arguments; a buffer is named by its place in `buffers`.
    pub arguments: Vec<Argument>,
    /// What must be found afterwards.
    pub expected: Vec<Expected>,
}

/// A buffer before the launch.
#[derive(Debug, Clone)]
pub struct InputBuffer {
    /// Its name.
    pub name: String,
    /// Its elements' type.
    pub dtype: DType,
    /// Its extents, outermost first.
    pub shape: Vec<usize>,
    /// What is in it.
    pub contents: Contents,
}

/// What must be in a buffer after the launch.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The buffer's place in [`Launch::buffers`].
    pub buffer: usize,
    /// The expected elements, as many as the buffer has.
    pub values: ExpectedValues,
    /// How far off an element may be.
    pub tolerance: Tolerance,
}

/// Expected elements.
#[derive(Debug, Clone)]
pub enum ExpectedValues {
    /// Elements of a data type, little-endian.
    Of(DType, Vec<u8>),
    /// Elements in double precision.
    F64(Vec<f64>),
}

impl Expected {
    /// Compares `found`, what is in `buffer` after the launch.
    pub fn compare(&self, buffer: &InputBuffer, found: &[u8]) -> Comparison {
        let InputBuffer { shape, dtype, .. } = buffer;
        match &self.values {
            ExpectedValues::Of(of, bytes) => {
                let expected = bytes.chunks_exact(of.size()).map(|element| of.value(element));
                compare(shape, *dtype, found, expected, self.tolerance)
            }
            ExpectedValues::F64(values) => {
                let expected = values.iter().copied().map(Value::Float);
                compare(shape, *dtype, found, expected, self.tolerance)
            }
        }
    }
}

impl LaunchFile {
    /// Reads the PTX and the arrays that the file names, relative to `path`, the launch file's own.
    ///
    /// # Errors
    /// [`Error`] with the file and the key that names it, where one cannot be read or is not what
    /// the launch file says of it.
    pub fn load(&self, path: &Path) -> Result<Launch, Error> {
        let loader =
            Loader { path, folder: path.parent().unwrap_or(Path::new("")), left: MOST_BYTES };
        loader.load(self)
    }
}

impl Launch {
    /// Reads the launch file at `path`, and all that it names.
    ///
    /// # Errors
    /// As [`LaunchFile::read`] and [`LaunchFile::load`].
    pub fn read(path: &Path) -> Result<Launch, Error> {
        LaunchFile::read(path)?.load(path)
    }
}

struct Loader<'a> {
    path: &'a Path,
    folder: &'a Path,
    /// Bytes that buffers may still have.
    left: u64,
}

impl Loader<'_> {
    fn load(mut self, file: &LaunchFile) -> Result<Launch, Error> {
        let ptx_path = self.folder.join(&file.ptx);
        let ptx = crate::files::read_text(&ptx_path, LONGEST_PTX).map_err(|source| {
            Error::Read { path: ptx_path.clone(), key: Some("ptx".into()), source }
        })?;
        let mut buffers = Vec::with_capacity(file.buffers.len());
        for (name, spec) in file.buffers.iter() {
            buffers.push(self.buffer(name, spec)?);
        }
        let mut arguments = Vec::with_capacity(file.params.len());
        for (index, param) in file.params.iter().enumerate() {
            arguments.push(self.argument(&format!("params[{index}]"), param, &buffers)?);
        }
        let mut expected = Vec::with_capacity(file.expect.len());
        for (name, expectation) in file.expect.iter() {
            expected.push(self.expected(name, expectation, &buffers)?);
        }
        Ok(Launch {
            ptx_path,
            ptx,
            entry: file.entry.clone(),
            geometry: Geometry {
                grid: file.grid,
                block: file.block,
                cluster: file.cluster,
                dynamic_shared: file.dynamic_shared,
            },
            buffers,
            arguments,
            expected,
        })
    }

    fn invalid(&self, key: String, reason: String) -> Error {
        Error::Invalid { path: self.path.to_owned(), key, reason }
    }

    /// Takes `bytes` from what all buffers may have.
    fn take(&mut self, key: &str, bytes: u64) -> Result<(), Error> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            let before = MOST_BYTES - self.left;
            let reason = format!(
                "{bytes} bytes after {before} of the buffers before exceed the {MOST_BYTES} that are allowed"
            );
            self.invalid(key.to_owned(), reason)
        })?;
        Ok(())
    }

    fn array(&self, key: &str, path: &Path) -> Result<(PathBuf, npy::Array), Error> {
        let path = self.folder.join(path);
        match npy::read(&path, self.left) {
            Ok(array) => Ok((path, array)),
            Err(npy::Error::Io(source)) => Err(Error::Read { path, key: Some(key.into()), source }),
            Err(source) => Err(Error::Array { path, key: key.into(), source }),
        }
    }

    fn buffer(&mut self, name: &str, spec: &BufferSpec) -> Result<InputBuffer, Error> {
        let dtype = spec.dtype;
        let key = format!("buffers.{name}");
        let (shape, contents) = match &spec.source {
            BufferSource::Npy(path) => {
                let key = format!("{key}.npy");
                let (path, array) = self.array(&key, path)?;
                if array.element != ElementType::of(dtype) {
                    let (needed, found) = (ElementType::of(dtype).name(), array.element.name());
                    let problem =
                        format!("a buffer of {dtype} is stored as {needed}, found {found}");
                    return Err(Error::Array { path, key, source: npy::Error::Format(problem) });
                }
                self.take(&key, array.bytes.len() as u64)?;
                (array.shape, Contents::Bytes(array.bytes))
            }
            BufferSource::Fill { shape, fill } => {
                let bytes =
                    bytes_of(&key, shape, dtype).map_err(|(key, why)| self.invalid(key, why))?;
                self.take(&key, bytes)?;
                let element = |number| dtype.encode(number)[..dtype.size()].to_vec();
                let count = bytes as usize / dtype.size();
                let contents = match fill {
                    Fill::Uninit => Contents::Uninit(bytes as usize),
                    Fill::Nan => Contents::Bytes(element(f64::NAN).repeat(count)),
                    Fill::Number(number) => Contents::Bytes(element(*number).repeat(count)),
                };
                (shape.clone(), contents)
            }
        };
        Ok(InputBuffer { name: name.to_owned(), dtype, shape, contents })
    }

    fn argument(
        &self,
        key: &str,
        param: &Param,
        buffers: &[InputBuffer],
    ) -> Result<Argument, Error> {
        // The names were checked when the file was.
        let place = |key: &str, name: &str, offset: u64| {
            let index = buffers.iter().position(|buffer| buffer.name == name);
            let index =
                index.ok_or_else(|| self.invalid(key.into(), format!("no buffer {name:?}")))?;
            let bytes = buffers[index].contents.len();
            if offset > bytes as u64 {
                let reason = format!("byte {offset} is beyond the {bytes} bytes of {name:?}");
                return Err(self.invalid(format!("{key}.offset"), reason));
            }
            Ok(index)
        };
        Ok(match param {
            Param::Pointer { buffer, offset } => {
                Argument::Pointer { buffer: place(key, buffer, *offset)?, offset: *offset }
            }
            Param::TensorMap(tensor) => {
                let key = format!("{key}.tensor_map");
                let buffer = place(&key, &tensor.buffer, tensor.offset)?;
                Argument::TensorMap { buffer, offset: tensor.offset, map: tensor.map.clone() }
            }
            Param::Scalar(scalar) => Argument::value(scalar.to_bytes()),
            Param::Bytes { bytes, pointers } => {
                let mut patches = Vec::new();
                for (index, patch) in pointers.iter().enumerate() {
                    let key = format!("{key}.pointers[{index}]");
                    let buffer = place(&key, &patch.pointer, patch.offset)?;
                    patches.push((patch.at, buffer, patch.offset));
                }
                Argument::Bytes { bytes: bytes.clone(), pointers: patches }
            }
        })
    }

    fn expected(
        &self,
        name: &str,
        expectation: &Expectation,
        buffers: &[InputBuffer],
    ) -> Result<Expected, Error> {
        let key = format!("expect.{name}.npy");
        let index = buffers.iter().position(|buffer| buffer.name == name);
        let index =
            index.ok_or_else(|| self.invalid(key.clone(), format!("no buffer {name:?}")))?;
        let buffer = &buffers[index];
        let (path, array) = self.array(&key, &expectation.npy)?;
        let refuse = |problem: String| {
            let (path, key) = (path.clone(), key.clone());
            Error::Array { path, key, source: npy::Error::Format(problem) }
        };
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        if count(&array.shape) != count(&buffer.shape) {
            let (expected, found) = (&buffer.shape, &array.shape);
            return Err(refuse(format!("the buffer's shape is {expected:?}, found {found:?}")));
        }
        let values = match array.element {
            element if element == ElementType::of(buffer.dtype) => {
                ExpectedValues::Of(buffer.dtype, array.bytes)
            }
            ElementType { kind: 'f', size: 4 } if buffer.dtype.is_float() => {
                ExpectedValues::Of(DType::F32, array.bytes)
            }
            ElementType { kind: 'f', size: 8 } if buffer.dtype.is_float() => {
                let double = |bytes: &[u8]| {
                    let mut word = [0; 8];
                    word.copy_from_slice(bytes);
                    f64::from_le_bytes(word)
                };
                ExpectedValues::F64(array.bytes.chunks_exact(8).map(double).collect())
            }
            found => {
                let (dtype, needed) = (buffer.dtype, ElementType::of(buffer.dtype).name());
                let found = found.name();
                return Err(refuse(format!(
                    "a buffer of {dtype} is stored as {needed}, found {found}"
                )));
            }
        };
        let Expectation { atol, rtol, .. } = *expectation;
        let tolerance = Tolerance { absolute: atol, relative: rtol };
        Ok(Expected { buffer: index, values, tolerance })
    }
}
