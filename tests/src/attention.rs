//! Attention kernels on the simulator against the reference.

use tilewright::attention::{self, Argument, Config, DataType, Mask, Parameter, Problem};
use tilewright::compare::{Comparison, Tolerance, compare, compare_each};
use tilewright::device::{Error, Geometry, Module};
use tilewright::gpu::Gpu;
use tilewright::reference::{self, Inputs, Output, Values};
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

/// Inputs whose scores grow from the last key to the first, in the order of the kernel, far beyond
/// what a reference of the exponential lets pass.
pub fn growing(problem: &Problem, seed: u64) -> Inputs {
    let is_quantized = problem.dtype.has_descales();
    let draw = if is_quantized { Inputs::exact } else { Inputs::random };
    let mut inputs = draw(problem, Values::Normal, seed);
    let row = (problem.kv_heads * problem.head_dim) as usize;
    let rows = problem.seqlen_kv as usize;
    for (i, keys) in inputs.key.chunks_mut(row).enumerate() {
        // Powers of two keep the values representable.
        let factor = f64::from(1 << (6 - 6 * (i % rows) / rows));
        keys.iter_mut().for_each(|key| *key *= factor);
    }
    if is_quantized { inputs.quantized(problem, true) } else { inputs }
}

/// An H100 of two multiprocessors, so that persistent blocks of small problems take several tiles.
pub fn small_hopper() -> Gpu {
    Gpu { multiprocessors: 2, ..Gpu::named("h100_sxm").expect("it is a known GPU").clone() }
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
    let (buffers, statistics) = execute(problem, kernel, module, inputs, options)?;
    let expected = reference::forward(problem, scale, inputs).map_err(|error| error.to_string())?;
    let result = |name, comparison: Comparison| match comparison.matches() {
        true => Ok(()),
        false => Err(format!("{name}: {comparison}")),
    };
    let (o, lse) = (&buffers[3], &buffers[4]);
    let output = expected.output.iter().enumerate();
    let output = output.map(|(i, &o)| (Value::Float(o), tolerance(&expected, problem.dtype, i)));
    let dtype = DType::from(problem.dtype.output());
    result("O", compare_each(&problem.output_shape(), dtype, o, output))?;
    let log_sum_exp = expected.log_sum_exp.iter().map(|&value| Value::Float(value));
    let (shape, exact) = (problem.log_sum_exp_shape(), expected.log_sum_exp_tolerance());
    result("LSE", compare(&shape, DType::F32, lse, log_sum_exp, exact))?;
    Ok(statistics)
}

/// Runs a module with the launch of `kernel` on `inputs`, and returns Q, K, V, O and LSE as they are
/// afterwards.
///
/// # Errors
///
/// What the simulator has against the kernel.
pub fn execute(
    problem: &Problem,
    kernel: &attention::Kernel,
    module: &Module,
    inputs: &Inputs,
    options: Options,
) -> Result<(Vec<Vec<u8>>, Statistics), String> {
    let args = arguments(problem, kernel, inputs, problem.default_softmax_scale());
    let geometry = Geometry {
        cluster: kernel.cluster(),
        ..geometry(kernel.grid(problem), kernel.threads, kernel.dynamic_shared)
    };
    run::run(module, &geometry, &args, options).map_err(|error: Error| error.to_string())
}

/// The error that rounding P and O to 16 bits leaves: two and a half units in the last place, of
/// the value and of one. FP8 errs by more, and is held to what each element may be off.
fn tolerance(expected: &Output, dtype: DataType, index: usize) -> Tolerance {
    let tolerance = match dtype {
        DataType::F16 => 2.5 / 1024.0,
        DataType::Bf16 => 2.5 / 128.0,
        DataType::E4m3 | DataType::E5m2 => return expected.output_tolerance(dtype, index),
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
    let descale = |name, tensor: usize| {
        let descales = inputs.descales.as_ref().expect("FP8 inputs have descales");
        Arg::Buffer(name, DType::F32.to_bytes(descales[tensor].iter().copied()))
    };
    let buffer = |parameter: Parameter| match parameter {
        Parameter::Query => Arg::Buffer("q", bytes(&inputs.query)),
        Parameter::Key => Arg::Buffer("k", bytes(&inputs.key)),
        Parameter::Value => Arg::Buffer("v", bytes(&inputs.value)),
        Parameter::Output => Arg::Output("o", 2 * elements(&problem.output_shape())),
        Parameter::QueryDescale => descale("q_descale", 0),
        Parameter::KeyDescale => descale("k_descale", 1),
        Parameter::ValueDescale => descale("v_descale", 2),
        _ => Arg::Output("lse", 4 * elements(&problem.log_sum_exp_shape())),
    };
    let arg = |&parameter: &Parameter| match problem.argument(parameter, scale) {
        Argument::U32(number) => Arg::U32(number),
        Argument::F32(number) => Arg::F32(number),
        Argument::Pointer => buffer(parameter),
        Argument::TensorMap(map) => {
            let over = buffer(map.tensor.pointer());
            Arg::TensorMap(Box::new(over), TensorMap::of_attention(&map))
        }
    };
    kernel.parameters.iter().map(arg).collect()
}
