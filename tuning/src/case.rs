//! A problem with random inputs and the outputs that the reference gives for them.

use tilewright::attention::{Argument, Kernel, Parameter, Problem};
use tilewright::compare::{Comparison, Tolerance, compare};
use tilewright::device::{self, Contents, Device, Geometry};
use tilewright::reference::{Inputs, Output, Values, forward};
use tilewright::tensor_map::TensorMap;
use tilewright::{DType, Value};

use crate::emit::Emitted;

/// The most bytes that the buffers of one case may have.
pub const MOST_BYTES: u64 = 4 << 30;

/// The buffers of a case together are larger than [`MOST_BYTES`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Q, K, V and the outputs have {bytes} bytes; at most {MOST_BYTES} can be checked against the \
     reference: lower the batch, the heads or the lengths"
)]
pub struct TooLarge {
    bytes: u64,
}

/// A problem, inputs, and the outputs that a kernel must give.
#[derive(Debug, Clone)]
pub struct Case {
    problem: Problem,
    softmax_scale: f32,
    inputs: Inputs,
    expected: Output,
}

/// A buffer of a launch.
#[derive(Debug, Clone)]
pub(crate) struct Buffer<'c> {
    pub(crate) parameter: Parameter,
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
    pub(crate) role: Role<'c>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Role<'c> {
    /// Holds these values before the launch.
    Input(&'c [f64]),
    /// Holds NaN before the launch, and must hold these values after it.
    Output(&'c [f64], Tolerance),
}

/// What a kernel made of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// For each output its name and how it compares.
    pub outputs: Vec<(&'static str, Comparison)>,
}

impl Outcome {
    /// The first output that is not right.
    pub fn mismatch(&self) -> Option<&(&'static str, Comparison)> {
        self.outputs.iter().find(|(_, comparison)| !comparison.matches())
    }

    /// The largest error of the attention output.
    pub fn largest_error(&self) -> f64 {
        let output = Parameter::Output.name();
        let error = |(name, comparison): &(&str, Comparison)| {
            (*name == output).then_some(comparison.largest_error)
        };
        self.outputs.iter().find_map(error).unwrap_or(f64::NAN)
    }
}

impl Case {
    /// The case that `seed` draws for `problem`. One seed always gives the same.
    ///
    /// # Errors
    /// Where the buffers are larger than [`MOST_BYTES`].
    pub fn random(problem: &Problem, values: Values, seed: u64) -> Result<Case, TooLarge> {
        let elements = |shape: &[usize]| {
            shape.iter().map(|&extent| extent as u64).fold(1, u64::saturating_mul)
        };
        let shapes = [
            elements(&problem.query_shape()),
            elements(&problem.key_shape()),
            elements(&problem.value_shape()),
            elements(&problem.output_shape()),
        ];
        let bytes = shapes.iter().copied().fold(0, u64::saturating_add);
        let bytes = bytes.saturating_mul(problem.dtype.bytes().into());
        if bytes > MOST_BYTES {
            return Err(TooLarge { bytes });
        }
        let softmax_scale = problem.default_softmax_scale();
        let inputs = Inputs::random(problem, values, seed);
        let expected = forward(problem, softmax_scale, &inputs)
            .expect("random inputs have the shapes of their problem");
        Ok(Case { problem: *problem, softmax_scale, inputs, expected })
    }

    /// The problem.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The buffers, in the order of [`buffers_of`].
    pub(crate) fn buffers(&self) -> Vec<Buffer<'_>> {
        let Case { problem, inputs, expected, .. } = self;
        let dtype = DType::from(problem.dtype);
        let output = expected.widest_output_tolerance(problem.dtype);
        let input = |shape: &[usize], values| (dtype, shape.to_vec(), Role::Input(values));
        let mut described = vec![
            input(&problem.query_shape(), &inputs.query),
            input(&problem.key_shape(), &inputs.key),
            input(&problem.value_shape(), &inputs.value),
            (
                DType::from(problem.dtype.output()),
                problem.output_shape().to_vec(),
                Role::Output(&expected.output, output),
            ),
            (
                DType::F32,
                problem.log_sum_exp_shape().to_vec(),
                Role::Output(&expected.log_sum_exp, expected.log_sum_exp_tolerance()),
            ),
        ];
        for factors in inputs.descales.iter().flatten() {
            described.push((DType::F32, problem.descale_shape().to_vec(), Role::Input(factors)));
        }
        let buffer = |(&parameter, (dtype, shape, role))| Buffer { parameter, dtype, shape, role };
        buffers_of(problem).iter().zip(described).map(buffer).collect()
    }

    /// What a launch passes for a parameter that is no buffer.
    pub(crate) fn argument(&self, parameter: Parameter) -> Argument {
        self.problem.argument(parameter, self.softmax_scale)
    }

    /// The launch of `kernel` for the problem.
    pub(crate) fn geometry(&self, kernel: &Kernel) -> Geometry {
        Geometry {
            grid: kernel.grid(&self.problem),
            block: kernel.block(),
            cluster: kernel.cluster(),
            dynamic_shared: kernel.dynamic_shared,
        }
    }

    /// Runs a kernel on `device`: the text that was read back.
    ///
    /// # Errors
    /// What the device says, a fault of the kernel among it.
    pub fn run(
        &self,
        device: &mut dyn Device,
        emitted: &Emitted,
    ) -> Result<Outcome, device::Error> {
        let Emitted { kernel, module } = emitted;
        let buffers = self.buffers();
        let mut ids = Vec::new();
        for buffer in &buffers {
            ids.push(device.allocate(buffer.parameter.name(), &buffer.contents())?);
        }
        let arguments = device_arguments(&self.problem, self.softmax_scale, kernel);
        let loaded = device.load(module, Some(&kernel.entry))?;
        device.launch(loaded, &self.geometry(kernel), &ids, &arguments)?;
        let mut outputs = Vec::new();
        for (buffer, id) in buffers.iter().zip(ids) {
            if let Role::Output(expected, tolerance) = buffer.role {
                let found = device.read(id)?;
                let expected = expected.iter().copied().map(Value::Float);
                let comparison = compare(&buffer.shape, buffer.dtype, &found, expected, tolerance);
                outputs.push((buffer.parameter.name(), comparison));
            }
        }
        Ok(Outcome { outputs })
    }
}

/// The buffers of a launch, in the order in which [`device_arguments`] names them.
pub(crate) fn buffers_of(problem: &Problem) -> &'static [Parameter] {
    const BUFFERS: [Parameter; 8] = [
        Parameter::Query,
        Parameter::Key,
        Parameter::Value,
        Parameter::Output,
        Parameter::LogSumExp,
        Parameter::QueryDescale,
        Parameter::KeyDescale,
        Parameter::ValueDescale,
    ];
    let count = if problem.dtype.has_descales() { 8 } else { 5 };
    &BUFFERS[..count]
}

/// The arguments of a launch; a buffer is named by its place in [`buffers_of`].
pub(crate) fn device_arguments(
    problem: &Problem,
    softmax_scale: f32,
    kernel: &Kernel,
) -> Vec<device::Argument> {
    let buffers = buffers_of(problem);
    let by_value =
        |bytes: [u8; 4]| device::Argument::Bytes { bytes: bytes.to_vec(), pointers: Vec::new() };
    let argument = |&parameter: &Parameter| match problem.argument(parameter, softmax_scale) {
        Argument::U32(value) => by_value(value.to_le_bytes()),
        Argument::F32(value) => by_value(value.to_le_bytes()),
        Argument::Pointer => {
            let buffer = buffers.iter().position(|&other| other == parameter);
            device::Argument::Pointer { buffer: buffer.expect("pointers are buffers"), offset: 0 }
        }
        Argument::TensorMap(map) => {
            let buffer = buffers.iter().position(|&other| other == map.tensor.pointer());
            let map = TensorMap::of_attention(&map);
            device::Argument::TensorMap {
                buffer: buffer.expect("tensors are buffers"),
                offset: 0,
                map,
            }
        }
    };
    kernel.parameters.iter().map(argument).collect()
}

impl Buffer<'_> {
    /// What is in the buffer before the launch.
    pub(crate) fn contents(&self) -> Contents {
        Contents::Bytes(match self.role {
            Role::Input(values) => self.dtype.to_bytes(values.iter().copied()),
            Role::Output(expected, _) => self.dtype.to_bytes(expected.iter().map(|_| f64::NAN)),
        })
    }
}
