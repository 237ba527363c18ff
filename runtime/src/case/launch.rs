//! The launch of an attention kernel: its buffers, its arguments and its geometry.

use tilewright_codegen::attention::{Argument, Kernel, Parameter, Problem};

use crate::DType;
use crate::device::{self, Contents, Device, Geometry, Module};
use crate::reference::Inputs;
use crate::tensor_map::TensorMap;

/// A buffer of a launch, contiguous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buffer {
    /// The parameter that points to it.
    pub parameter: Parameter,
    /// Type of an element.
    pub dtype: DType,
    /// Extents, outermost first.
    pub shape: Vec<usize>,
}

impl Buffer {
    /// Its name, that of the parameter.
    pub fn name(&self) -> &'static str {
        self.parameter.name()
    }

    /// Its size in bytes; the largest number there is where that is too small.
    pub fn bytes(&self) -> u64 {
        let extents = self.shape.iter().map(|&extent| extent as u64);
        extents.fold(self.dtype.size() as u64, u64::saturating_mul)
    }

    /// What is in it before the launch: those of `inputs`, or NaN where it is an output.
    pub fn contents(&self, inputs: &Inputs) -> Contents {
        Contents::Bytes(match inputs.values(self.parameter) {
            Some(values) => self.dtype.to_bytes(values.iter().copied()),
            None => {
                let elements = self.shape.iter().product();
                self.dtype.to_bytes(std::iter::repeat_n(f64::NAN, elements))
            }
        })
    }
}

/// The buffers of a launch, in the order in which [`arguments`] names them: Q, K, V, O, the
/// log-sum-exp and, for FP8, the factors of Q, K and V.
pub fn buffers(problem: &Problem) -> Vec<Buffer> {
    let dtype = DType::from(problem.dtype);
    let descales = problem.descale_shape().to_vec();
    let mut buffers = vec![
        (Parameter::Query, dtype, problem.query_shape().to_vec()),
        (Parameter::Key, dtype, problem.key_shape().to_vec()),
        (Parameter::Value, dtype, problem.value_shape().to_vec()),
        (Parameter::Output, problem.dtype.output().into(), problem.output_shape().to_vec()),
        (Parameter::LogSumExp, DType::F32, problem.log_sum_exp_shape().to_vec()),
    ];
    if problem.dtype.has_descales() {
        let factors = [Parameter::QueryDescale, Parameter::KeyDescale, Parameter::ValueDescale];
        buffers.extend(factors.map(|parameter| (parameter, DType::F32, descales.clone())));
    }
    let buffer = |(parameter, dtype, shape)| Buffer { parameter, dtype, shape };
    buffers.into_iter().map(buffer).collect()
}

/// The arguments of a launch; a buffer is named by its place in [`buffers`].
pub fn arguments(problem: &Problem, softmax_scale: f32, kernel: &Kernel) -> Vec<device::Argument> {
    let buffers = buffers(problem);
    let place = |parameter: Parameter| {
        let found = buffers.iter().position(|buffer| buffer.parameter == parameter);
        found.expect("pointers and tensors are buffers")
    };
    let by_value =
        |bytes: [u8; 4]| device::Argument::Bytes { bytes: bytes.to_vec(), pointers: Vec::new() };
    let argument = |&parameter: &Parameter| match problem.argument(parameter, softmax_scale) {
        Argument::U32(value) => by_value(value.to_le_bytes()),
        Argument::F32(value) => by_value(value.to_le_bytes()),
        Argument::Pointer => device::Argument::Pointer { buffer: place(parameter), offset: 0 },
        Argument::TensorMap(map) => device::Argument::TensorMap {
            buffer: place(map.tensor.pointer()),
            offset: 0,
            map: TensorMap::of_attention(&map),
        },
    };
    kernel.parameters.iter().map(argument).collect()
}

/// The geometry of the launch of `kernel` for a problem.
pub fn geometry(problem: &Problem, kernel: &Kernel) -> Geometry {
    Geometry {
        grid: kernel.grid(problem),
        block: kernel.block(),
        cluster: kernel.cluster(),
        dynamic_shared: kernel.dynamic_shared,
    }
}

/// Runs a kernel on `inputs`, and returns the bytes of O and of the log-sum-exp. `module` is the
/// kernel's text, read back.
///
/// # Errors
/// What the device says, a fault of the kernel among it.
pub fn execute(
    device: &mut dyn Device,
    problem: &Problem,
    softmax_scale: f32,
    inputs: &Inputs,
    kernel: &Kernel,
    module: &Module,
) -> Result<Vec<Vec<u8>>, device::Error> {
    let buffers = buffers(problem);
    let mut ids = Vec::new();
    for buffer in &buffers {
        ids.push(device.allocate(buffer.name(), &buffer.contents(inputs))?);
    }
    let loaded = device.load(module, Some(&kernel.entry))?;
    let arguments = arguments(problem, softmax_scale, kernel);
    device.launch(loaded, &geometry(problem, kernel), &ids, &arguments)?;
    let placed = buffers.iter().zip(ids);
    let outputs = placed.filter(|(buffer, _)| inputs.values(buffer.parameter).is_none());
    outputs.map(|(_, id)| device.read(id)).collect()
}
