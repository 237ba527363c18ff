//! Whether ptxas makes of attention kernels what is expected.

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use tilewright::attention::{Config, DataType, HEAD_DIMS, Mask, Problem};
use tilewright::gpu::Gpu;
use tilewright::ptxas::{Nvdisasm, Ptxas};
use tilewright::sass::Function;

use crate::attention::{kernel, problem};
use crate::domain;

/// Problems of every data type, head dimension and mask that the kernels for Hopper and later have.
pub fn problems() -> impl Iterator<Item = Problem> {
    let masks = [Mask::Full, Mask::Causal, Mask::Window { left: 512, right: 0 }];
    let types = [DataType::Bf16, DataType::E4m3].into_iter();
    let with_dims = types.flat_map(move |dtype| HEAD_DIMS.map(|dims| (dtype, dims)));
    let all = with_dims.flat_map(move |(dtype, dims)| masks.map(|mask| (dtype, dims, mask)));
    all.map(|(dtype, dims, mask)| problem(dtype, dims, (1024, 1024), mask))
}

/// Some of what is accepted for each problem, as many configs as `each`, by a seed.
pub fn sample(gpu: &Gpu, each: usize, seed: u64) -> Vec<(Problem, Config)> {
    let mut random = SmallRng::seed_from_u64(seed);
    let problems = problems().flat_map(|problem| std::iter::repeat_n(problem, each));
    problems.filter_map(|problem| accepted(&mut random, problem, gpu)).collect()
}

/// Configs that are accepted, of random problems: as many as `TILEWRIGHT_ASSEMBLE` says, or a
/// thousand. They differ by that number.
pub fn sweep(gpu: &Gpu) -> Vec<(Problem, Config)> {
    let asked = std::env::var("TILEWRIGHT_ASSEMBLE").ok().and_then(|count| count.parse().ok());
    let count = asked.unwrap_or(1000);
    let mut random = SmallRng::seed_from_u64(count as u64);
    let problems: Vec<_> = problems().collect();
    let draw = || problems.choose(&mut random).and_then(|p| accepted(&mut random, *p, gpu));
    std::iter::repeat_with(draw).flatten().take(count).collect()
}

/// The problem in one of the two types of its size, and a config for it.
fn accepted(random: &mut SmallRng, problem: Problem, gpu: &Gpu) -> Option<(Problem, Config)> {
    let dtype = match problem.dtype {
        DataType::Bf16 => [DataType::F16, DataType::Bf16][random.random_range(0..2)],
        _ => [DataType::E4m3, DataType::E5m2][random.random_range(0..2)],
    };
    let problem = Problem { dtype, ..problem };
    Some((problem, domain::accepted(random, &problem, gpu)?))
}

/// Assembles kernels.
///
/// # Panics
///
/// Where any of them spills, or ptxas warns, such as that products were serialized.
pub fn check(cases: &[(Problem, Config)], gpu: &Gpu) {
    let complaint = |(problem, config): &(Problem, Config)| complaint(problem, config, gpu);
    let complaints: Vec<_> = cases.par_iter().filter_map(complaint).collect();
    println!("{} of {} configs assemble well", cases.len() - complaints.len(), cases.len());
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

fn complaint(problem: &Problem, config: &Config, gpu: &Gpu) -> Option<String> {
    let (_, module) = kernel(problem, *config, gpu);
    let ptxas = Ptxas::find().unwrap_or_else(|error| panic!("{error}"));
    let dims = (problem.head_dim, problem.head_dim_v);
    let of = format!("{} {dims:?} {} {config}", problem.dtype, problem.mask.kind());
    let assembled = match ptxas.assemble(module.text(), &gpu.target.to_string()) {
        Ok(assembled) => assembled,
        Err(error) => return Some(format!("{of}: {error}")),
    };
    let spilled = assembled.report.entries[0].spill_bytes();
    let warnings = &assembled.report.warnings;
    match spilled == 0 && warnings.is_empty() {
        true => None,
        false => Some(format!("{of}: {spilled} bytes spilled, {warnings:?}")),
    }
}

/// What the kernel of a config is disassembled to.
///
/// # Panics
///
/// Where it does not assemble.
pub fn disassemble(problem: &Problem, config: impl Into<Config>, gpu: &Gpu) -> Function {
    let (_, module) = kernel(problem, config, gpu);
    let ptxas = Ptxas::find().unwrap_or_else(|error| panic!("{error}"));
    let assembled = ptxas.assemble(module.text(), &gpu.target.to_string());
    let cubin = assembled.unwrap_or_else(|error| panic!("{error}")).cubin;
    let nvdisasm = Nvdisasm::find().unwrap_or_else(|error| panic!("{error}"));
    let functions = nvdisasm.disassemble(&cubin).unwrap_or_else(|error| panic!("{error}"));
    functions.into_iter().next().expect("a kernel is one function")
}
