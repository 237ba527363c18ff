//! Attention kernels on the simulator against the reference.

use tilewright::attention::{self, Config, DataType, Mask, Problem};
use tilewright::case::Case;
use tilewright::device::{Module, Simulator};
use tilewright::gpu::Gpu;
use tilewright::reference::{Inputs, Values};
use tilewright::sim::Options;

use crate::run;

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

/// A B200 of two multiprocessors, likewise.
pub fn small_blackwell() -> Gpu {
    Gpu { multiprocessors: 2, ..Gpu::named("b200").expect("it is a known GPU").clone() }
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

/// Runs a module with the launch of `kernel` on a case and compares O and LSE with the reference in
/// double precision.
///
/// # Errors
///
/// What the simulator has against the kernel, or the worst difference.
pub fn run(
    case: &Case,
    kernel: &attention::Kernel,
    module: &Module,
    options: Options,
) -> Result<(), String> {
    let outcome = case.run(&mut Simulator::new(options), kernel, module);
    match outcome.map_err(|error| error.to_string())?.mismatch() {
        Some((name, comparison)) => Err(format!("{name}: {comparison}")),
        None => Ok(()),
    }
}

/// Masks of every kind.
pub const MASKS: [Mask; 4] = [
    Mask::Full,
    Mask::Causal,
    Mask::Window { left: 40, right: 0 },
    Mask::Window { left: 17, right: 23 },
];

/// As [`check`], of a config by its word, or of the `default`.
///
/// # Panics
///
/// Where anything is wrong.
pub fn check_word(problem: &Problem, word: &str, gpu: &Gpu, seed: u64) {
    let config = match word {
        "default" => Config::default_for(problem, gpu),
        word => word.parse().unwrap_or_else(|error| panic!("{error}")),
    };
    check(problem, config, gpu, seed);
}

/// Runs a config on normal inputs, on such with outliers, and on such whose scores grow, and compares
/// with the reference.
///
/// # Panics
///
/// Where anything is wrong.
pub fn check(problem: &Problem, config: impl Into<Config>, gpu: &Gpu, seed: u64) {
    let config = config.into();
    let (kernel, module) = kernel(problem, config, gpu);
    let draw = |values| match problem.dtype.has_descales() {
        true => Inputs::exact(problem, values, seed).quantized(problem, true),
        false => Inputs::random(problem, values, seed),
    };
    let (normal, outliers) = (draw(Values::Normal), draw(Values::Outliers));
    let growing = growing(problem, seed);
    for (name, inputs) in [("normal", normal), ("outliers", outliers), ("growing", growing)] {
        let options = Options { seed, ..Options::default() };
        let case = Case::new(problem, inputs).expect("inputs are drawn for the problem");
        if let Err(error) = run(&case, &kernel, &module, options) {
            panic!("{config}, {problem:?}, {name}, seed {seed}: {error}");
        }
    }
}
