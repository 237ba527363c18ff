//! Attention kernels on the simulator against the reference.

use tilewright::attention::{self, Argument, Config, DataType, Mask, Parameter, Problem, hopper};
use tilewright::compare::{Tolerance, compare};
use tilewright::device::{Error, Geometry, Module};
use tilewright::gpu::Gpu;
use tilewright::reference::{self, Inputs};
use tilewright::sim::{Options, Statistics};
use tilewright::tensor_map::TensorMap;
use tilewright::{DType, Value};

use crate::run::{self, Arg, geometry};

/// A problem with one batch.
pub fn problem(dtype: DataType, head_dims: (u32, u32), lengths: (u32, u32), mask: Mask) -> Problem {
    Problem {
        dtype,
        head_dim: head_dims.0,
        head_dim_v: head_dims.1,
        batch: 1,
        heads: 1,
        kv_heads: 1,
        seqlen_q: lengths.0,
        seqlen_kv: lengths.1,
        mask,
    }
}

/// The kernel of a config, as the parser reads it back, and the whole launch.
///
/// # Panics
///
/// Where the config does not suit the problem.
pub fn kernel(
    problem: &Problem,
    config: impl Into<Config>,
    gpu: &Gpu,
) -> (attention::Kernel, Module) {
    let config = config.into();
    let kernel = attention::forward(problem, &config, gpu)
        .unwrap_or_else(|error| panic!("{config} for {problem:?}: {error}"));
    let module = run::reread(kernel.module.clone());
    (kernel, module)
}

/// As [`kernel`], for Hopper.
///
/// # Panics
///
/// Where the config does not suit the problem.
pub fn hopper_kernel(
    problem: &Problem,
    config: &hopper::Config,
    gpu: &Gpu,
) -> (attention::Kernel, Module) {
    let kernel = hopper::forward(problem, config, gpu)
        .unwrap_or_else(|error| panic!("{config} for {problem:?}: {error}"));
    let module = run::reread(kernel.module.clone());
    (kernel, module)
}

/// Runs a module with the launch of `kernel` on `inputs` and compares O and LSE with the reference
/// in double precision.
///
/// # Errors
///
/// What the simulator has against the kernel, or the worst difference.
pub fn run(
    problem: &Problem,
    kernel: &attention::Kernel,
    module: &Module,
    inputs: &Inputs,
    options: Options,
) -> Result<Statistics, String> {
    let scale = problem.default_softmax_scale();
    let args = arguments(problem, kernel, inputs, scale);
    let geometry = Geometry {
        cluster: kernel.cluster(),
        ..geometry(kernel.grid(problem), kernel.threads, kernel.dynamic_shared)
    };
    let (buffers, statistics) =
        run::run(module, &geometry, &args, options).map_err(|error: Error| error.to_string())?;
    let expected = reference::forward(problem, scale, inputs).map_err(|error| error.to_string())?;
    let dtype = DType::from(problem.dtype);
    let check = |name, shape: &[usize], dtype, found: &[u8], expected: &[f64], tolerance| {
        let expected = expected.iter().map(|&value| Value::Float(value));
        let comparison = compare(shape, dtype, found, expected, tolerance);
        match comparison.matches() {
            true => Ok(()),
            false => Err(format!("{name}: {comparison}")),
        }
    };
    let (o, lse) = (&buffers[3], &buffers[4]);
    check("O", &problem.output_shape(), dtype, o, &expected.output, rounding(problem.dtype))?;
    let exact = Tolerance { absolute: 1e-4, relative: 1e-5 };
    let shape = problem.log_sum_exp_shape();
    check("LSE", &shape, DType::F32, lse, &expected.log_sum_exp, exact)?;
    Ok(statistics)
}

/// The error that rounding P and O to the data type leaves: two and a half units in the last
/// place, of the value and of one.
fn rounding(dtype: DataType) -> Tolerance {
    let tolerance = match dtype {
        DataType::F16 => 2.5 / 1024.0,
        DataType::Bf16 => 2.5 / 128.0,
        DataType::E4m3 => 2.5 / 8.0,
        DataType::E5m2 => 2.5 / 4.0,
    };
    Tolerance { absolute: tolerance / 2.0, relative: tolerance }
}

fn arguments(
    problem: &Problem,
    kernel: &attention::Kernel,
    inputs: &Inputs,
    scale: f32,
) -> Vec<Arg> {
    let dtype = DType::from(problem.dtype);
    let bytes = |values: &[f64]| dtype.to_bytes(values.iter().copied());
    let elements = |shape: &[usize]| shape.iter().product::<usize>();
    let buffer = |parameter: Parameter| match parameter {
        Parameter::Query => Arg::Buffer("q", bytes(&inputs.query)),
        Parameter::Key => Arg::Buffer("k", bytes(&inputs.key)),
        Parameter::Value => Arg::Buffer("v", bytes(&inputs.value)),
        Parameter::Output => Arg::Output("o", 2 * elements(&problem.output_shape())),
        _ => Arg::Output("lse", 4 * elements(&problem.log_sum_exp_shape())),
    };
    let arg = |&parameter: &Parameter| match problem.argument(parameter, scale) {
        Argument::U32(number) => Arg::U32(number),
        Argument::F32(number) => Arg::F32(number),
        Argument::Pointer => buffer(parameter),
        Argument::TensorMap(map) => {
            let over = buffer(map.tensor.pointer());
            Arg::TensorMap(Box::new(over), TensorMap::of_attention(&map, dtype))
        }
    };
    kernel.parameters.iter().map(arg).collect()
}
