//! From a problem and a configuration to PTX that was read back, and to a folder that any runtime
//! can launch it from.

use std::fs;
use std::path::{Path, PathBuf};

use tilewright::attention::{Argument, Config, ConfigError, Kernel, Problem, forward};
use tilewright::device::{Module, PtxError};
use tilewright::gpu::Gpu;
use tilewright::launch_file::{
    BufferSource, BufferSpec, Expectation, Fill, LaunchFile, Param, Scalar, TensorMapParam,
};
use tilewright::npy::{self, Array, ElementType};
use tilewright::tensor_map::TensorMap;
use tilewright::{DType, ptx};

use crate::case::{Buffer, Case, Role};
use crate::paths::{FileError, fill_folder};

/// The files that [`write()`] makes besides the arrays.
pub const LAUNCH_FILE: &str = "launch.json";
const PTX_FILE: &str = "kernel.ptx";

/// Why there is no PTX.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// The configuration cannot be built.
    #[error("{config} cannot be built: {source}")]
    Config {
        /// The configuration.
        config: Config,
        /// The rule that it breaks.
        source: ConfigError,
    },
    /// The kernel is not legal PTX: a mistake of the generator.
    #[error("the kernel {config} is not legal PTX: {source}")]
    Ptx {
        /// The configuration.
        config: Config,
        /// What is wrong with it.
        source: PtxError,
    },
}

/// A kernel, and its text read back.
#[derive(Debug, Clone)]
pub struct Emitted {
    /// How to launch it.
    pub kernel: Kernel,
    /// What the parser made of the printed text: what is run is this, not the tree that was built.
    pub module: Module,
}

impl Emitted {
    /// The first 16 hexadecimal digits of the BLAKE3 hash of the text.
    pub fn hash(&self) -> String {
        blake3::hash(self.module.text().as_bytes()).to_hex()[..16].to_owned()
    }
}

/// Builds, checks and prints the forward kernel, and reads its text back.
///
/// # Errors
/// Where `config` cannot be built for `problem` on `gpu`.
pub fn emit(problem: &Problem, config: &Config, gpu: &Gpu) -> Result<Emitted, EmitError> {
    let config = *config;
    let kernel =
        forward(problem, &config, gpu).map_err(|source| EmitError::Config { config, source })?;
    let illegal = |source: PtxError| EmitError::Ptx { config, source };
    let checked = ptx::check(kernel.module.clone()).map_err(|error| illegal(error.into()))?;
    let module = Module::parse(ptx::print(&checked)).map_err(illegal)?;
    Ok(Emitted { kernel, module })
}

/// Writes `kernel.ptx`, `launch.json`, an array for each input and one for each expected output to
/// the folder at `path`: all of them, or none.
///
/// # Errors
/// Where a file cannot be written.
pub fn write(path: &Path, emitted: &Emitted, case: &Case) -> Result<(), FileError> {
    fill_folder(path, LAUNCH_FILE, |folder| {
        let text = folder.join(PTX_FILE);
        fs::write(&text, emitted.module.text()).map_err(FileError::new("write", &text))?;
        let buffers = case.buffers();
        for buffer in &buffers {
            let (name, array) = (file_of(buffer), array_of(buffer));
            let file = folder.join(&name);
            npy::write(&file, &array).map_err(FileError::new("write", &file))?;
        }
        let file = folder.join(LAUNCH_FILE);
        launch_file(emitted, case, &buffers).write(&file).map_err(FileError::new("write", &file))
    })
}

fn launch_file(emitted: &Emitted, case: &Case, buffers: &[Buffer<'_>]) -> LaunchFile {
    let kernel = &emitted.kernel;
    let geometry = case.geometry(kernel);
    let spec = |buffer: &Buffer<'_>| {
        let source = match buffer.role {
            Role::Input(_) => BufferSource::Npy(file_of(buffer)),
            Role::Output(..) => BufferSource::Fill { shape: buffer.shape.clone(), fill: Fill::Nan },
        };
        (buffer.parameter.name().to_owned(), BufferSpec { dtype: buffer.dtype, source })
    };
    let expectation = |buffer: &Buffer<'_>| match buffer.role {
        Role::Input(_) => None,
        Role::Output(_, tolerance) => {
            let npy = file_of(buffer);
            let expectation =
                Expectation { npy, atol: tolerance.absolute, rtol: tolerance.relative };
            Some((buffer.parameter.name().to_owned(), expectation))
        }
    };
    let params = kernel.parameters.iter().map(|&parameter| match case.argument(parameter) {
        Argument::Pointer => Param::Pointer { buffer: parameter.name().to_owned(), offset: 0 },
        Argument::TensorMap(map) => Param::TensorMap(TensorMapParam {
            buffer: map.tensor.pointer().name().to_owned(),
            offset: 0,
            map: TensorMap::of_attention(&map),
        }),
        Argument::U32(value) => Param::Scalar(Scalar::U32(value)),
        Argument::F32(value) => Param::Scalar(Scalar::F32(value)),
    });
    LaunchFile {
        ptx: PTX_FILE.into(),
        entry: Some(kernel.entry.clone()),
        grid: geometry.grid,
        block: geometry.block,
        cluster: geometry.cluster,
        dynamic_shared: geometry.dynamic_shared,
        buffers: buffers.iter().map(spec).collect(),
        params: params.collect(),
        expect: buffers.iter().filter_map(expectation).collect(),
    }
}

fn file_of(buffer: &Buffer<'_>) -> PathBuf {
    let prefix = match buffer.role {
        Role::Input(_) => "",
        Role::Output(..) => "expect_",
    };
    format!("{prefix}{}.npy", buffer.parameter.name()).into()
}

/// Inputs are stored in their own type, expected outputs in double precision.
fn array_of(buffer: &Buffer<'_>) -> Array {
    let (element, bytes) = match buffer.role {
        Role::Input(values) => {
            let dtype: DType = buffer.dtype;
            (ElementType::of(dtype), dtype.to_bytes(values.iter().copied()))
        }
        Role::Output(expected, _) => {
            let bytes = expected.iter().flat_map(|value| value.to_le_bytes()).collect();
            (ElementType { kind: 'f', size: 8 }, bytes)
        }
    };
    Array { element, shape: buffer.shape.clone(), bytes }
}
