//! From a problem and a configuration to PTX that was read back, and to a folder that any runtime
//! can launch it from.

use std::fs;
use std::path::{Path, PathBuf};

use tilewright::attention::{Argument, Config, ConfigError, Kernel, Parameter, Problem, forward};
use tilewright::case::{Buffer, Case, buffers, geometry};
use tilewright::compare::Tolerance;
use tilewright::device::{Module, PtxError};
use tilewright::gpu::Gpu;
use tilewright::launch_file::{
    BufferSource, BufferSpec, Expectation, Fill, LaunchFile, Param, Scalar, TensorMapParam,
};
use tilewright::npy::{self, Array, ElementType};
use tilewright::ptx;
use tilewright::tensor_map::TensorMap;

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
        for buffer in buffers(case.problem()) {
            let (name, array) = array(&buffer, case);
            let file = folder.join(name);
            npy::write(&file, &array).map_err(FileError::new("write", &file))?;
        }
        let file = folder.join(LAUNCH_FILE);
        launch_file(&emitted.kernel, case).write(&file).map_err(FileError::new("write", &file))
    })
}

fn launch_file(kernel: &Kernel, case: &Case) -> LaunchFile {
    let problem = case.problem();
    let geometry = geometry(problem, kernel);
    let buffers = buffers(problem);
    let is_input = |buffer: &Buffer| case.inputs().values(buffer.parameter).is_some();
    let spec = |buffer: &Buffer| {
        let source = match is_input(buffer) {
            true => BufferSource::Npy(input_file(buffer)),
            false => BufferSource::Fill { shape: buffer.shape.clone(), fill: Fill::Nan },
        };
        (buffer.name().to_owned(), BufferSpec { dtype: buffer.dtype, source })
    };
    let expectation = |buffer: &Buffer| {
        let tolerance = case.expected().widest_tolerance(buffer.parameter, problem.dtype);
        let Tolerance { absolute: atol, relative: rtol } = tolerance;
        (buffer.name().to_owned(), Expectation { npy: expected_file(buffer), atol, rtol })
    };
    let outputs = buffers.iter().filter(|buffer| !is_input(buffer));
    LaunchFile {
        ptx: PTX_FILE.into(),
        entry: Some(kernel.entry.clone()),
        grid: geometry.grid,
        block: geometry.block,
        cluster: geometry.cluster,
        dynamic_shared: geometry.dynamic_shared,
        buffers: buffers.iter().map(spec).collect(),
        params: kernel.parameters.iter().map(|&parameter| param(case, parameter)).collect(),
        expect: outputs.map(expectation).collect(),
    }
}

fn param(case: &Case, parameter: Parameter) -> Param {
    match case.problem().argument(parameter, case.softmax_scale()) {
        Argument::Pointer => Param::Pointer { buffer: parameter.name().to_owned(), offset: 0 },
        Argument::TensorMap(map) => Param::TensorMap(TensorMapParam {
            buffer: map.tensor.pointer().name().to_owned(),
            offset: 0,
            map: TensorMap::of_attention(&map),
        }),
        Argument::U32(value) => Param::Scalar(Scalar::U32(value)),
        Argument::F32(value) => Param::Scalar(Scalar::F32(value)),
    }
}

fn input_file(buffer: &Buffer) -> PathBuf {
    format!("{}.npy", buffer.name()).into()
}

fn expected_file(buffer: &Buffer) -> PathBuf {
    format!("expect_{}.npy", buffer.name()).into()
}

/// The array of a buffer and the file that it goes to. Inputs are stored in their own type, expected
/// outputs in double precision.
fn array(buffer: &Buffer, case: &Case) -> (PathBuf, Array) {
    let Buffer { parameter, dtype, .. } = *buffer;
    let (file, element, bytes) = match case.inputs().values(parameter) {
        Some(values) => {
            let bytes = dtype.to_bytes(values.iter().copied());
            (input_file(buffer), ElementType::of(dtype), bytes)
        }
        None => {
            let expected = case.expected().values(parameter).unwrap_or_default();
            let bytes = expected.iter().flat_map(|value| value.to_le_bytes()).collect();
            (expected_file(buffer), ElementType { kind: 'f', size: 8 }, bytes)
        }
    };
    (file, Array { element, shape: buffer.shape.clone(), bytes })
}
