//! Attention kernels held to the reference: a problem, inputs, and the outputs that must come out.
//!
//! ```
//! use tilewright::attention::{Config, DataType, Mask, Problem, forward};
//! use tilewright::case::Case;
//! use tilewright::device::{Module, Simulator};
//! use tilewright::gpu::Gpu;
//! use tilewright::ptx;
//! use tilewright::reference::Values;
//!
//! let problem = Problem {
//!     dtype: DataType::Bf16, head_dim: 32, head_dim_v: 32, batch: 1, heads: 1, kv_heads: 1,
//!     seqlen_q: 5, seqlen_kv: 7, mask: Mask::Causal,
//! };
//! let gpu = Gpu::named("a100_sxm")?;
//! let kernel = forward(&problem, &Config::default_for(&problem, gpu), gpu)?;
//! let module = Module::parse(ptx::print(&ptx::check(kernel.module.clone())?))?;
//! let case = Case::random(&problem, Values::Normal, 1)?;
//! let outcome = case.run(&mut Simulator::default(), &kernel, &module)?;
//! assert!(outcome.mismatch().is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod launch;

use tilewright_codegen::attention::{Kernel, Parameter, Problem};

pub use self::launch::{Buffer, arguments, buffers, execute, geometry};
use crate::Value;
use crate::compare::{Comparison, compare_each};
use crate::device::{self, Device, Module};
use crate::reference::{Inputs, Output, ShapeError, Values, forward};

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
        let found = self.outputs.iter().find(|(name, _)| *name == output);
        found.map_or(f64::NAN, |(_, comparison)| comparison.largest_error)
    }
}

impl Case {
    /// The case of these inputs, with the default scale.
    ///
    /// # Errors
    /// Where they have not the shapes of the problem.
    pub fn new(problem: &Problem, inputs: Inputs) -> Result<Case, ShapeError> {
        let softmax_scale = problem.default_softmax_scale();
        let expected = forward(problem, softmax_scale, &inputs)?;
        Ok(Case { problem: *problem, softmax_scale, inputs, expected })
    }

    /// The case that `seed` draws for `problem`. One seed always gives the same.
    ///
    /// # Errors
    /// Where the buffers are larger than [`MOST_BYTES`].
    pub fn random(problem: &Problem, values: Values, seed: u64) -> Result<Case, TooLarge> {
        let bytes = buffers(problem).iter().map(Buffer::bytes).fold(0, u64::saturating_add);
        if bytes > MOST_BYTES {
            return Err(TooLarge { bytes });
        }
        let inputs = Inputs::random(problem, values, seed);
        Ok(Case::new(problem, inputs).expect("random inputs have the shapes of their problem"))
    }

    /// The problem.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// What scores are multiplied with.
    pub fn softmax_scale(&self) -> f32 {
        self.softmax_scale
    }

    /// The inputs.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// The outputs that must come out.
    pub fn expected(&self) -> &Output {
        &self.expected
    }

    /// Runs a kernel on `device` and compares what it wrote. `module` is the kernel's text, read
    /// back.
    ///
    /// # Errors
    /// What the device says, a fault of the kernel among it.
    pub fn run(
        &self,
        device: &mut dyn Device,
        kernel: &Kernel,
        module: &Module,
    ) -> Result<Outcome, device::Error> {
        let Case { problem, softmax_scale, inputs, .. } = self;
        Ok(self.compare(&execute(device, problem, *softmax_scale, inputs, kernel, module)?))
    }

    /// Compares the bytes of the outputs, in the order of [`buffers`], each element within the
    /// tolerance that the reference has for it.
    ///
    /// # Panics
    /// Where an output has another number of bytes.
    pub fn compare(&self, found: &[Vec<u8>]) -> Outcome {
        let Case { problem, expected, .. } = self;
        let buffers = buffers(problem).into_iter();
        let outputs = buffers.filter_map(|buffer| {
            let values = expected.values(buffer.parameter)?;
            Some((buffer, values))
        });
        let compare = |((buffer, values), found): ((Buffer, &[f64]), &Vec<u8>)| {
            let with_tolerance = |(index, &value): (usize, &f64)| {
                (Value::Float(value), expected.tolerance(buffer.parameter, problem.dtype, index))
            };
            let values = values.iter().enumerate().map(with_tolerance);
            (buffer.name(), compare_each(&buffer.shape, buffer.dtype, found, values))
        };
        Outcome { outputs: outputs.zip(found).map(compare).collect() }
    }
}
