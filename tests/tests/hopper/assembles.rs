use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use tilewright::attention::hopper::Config;
use tilewright::attention::{DataType, Mask, Problem};
use tilewright::gpu::Gpu;
use tilewright::ptxas::Ptxas;
use tilewright_tests::attention::{kernel, problem};

/// What ptxas has against a config: spills, or warnings such as that products were serialized.
fn complaint(problem: &Problem, config: &Config) -> Option<String> {
    let gpu = Gpu::named("h100_sxm").unwrap();
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

/// All that is accepted for a problem.
fn accepted(problem: &Problem) -> Vec<Config> {
    let gpu = Gpu::named("h100_sxm").unwrap();
    Config::space(problem, gpu).filter(|config| config.check(problem, gpu).is_ok()).collect()
}

fn problems(dtype: DataType) -> Vec<Problem> {
    let masks = [Mask::Full, Mask::Causal, Mask::Window { left: 512, right: 0 }];
    let dims = [(64, 64), (96, 96), (128, 128), (192, 128), (192, 192), (256, 256)];
    let pairs = dims.into_iter().flat_map(|dims| masks.map(|mask| (dims, mask)));
    pairs.map(|(dims, mask)| problem(dtype, dims, (1024, 1024), mask)).collect()
}

fn check(cases: Vec<(Problem, Config)>) {
    let complaints: Vec<_> =
        cases.par_iter().filter_map(|(problem, config)| complaint(problem, config)).collect();
    println!("{} of {} configs assemble well", cases.len() - complaints.len(), cases.len());
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn defaults_assemble_without_spills_or_serialized_products() {
    let gpu = Gpu::named("h100_sxm").unwrap();
    let problems = [DataType::Bf16, DataType::E4m3].into_iter().flat_map(problems);
    check(problems.map(|p| (p, Config::default_for(&p, gpu))).collect());
}

#[test]
fn a_sample_of_what_is_accepted_assembles() {
    let mut random = SmallRng::seed_from_u64(0);
    let sample = |problem: Problem| {
        let accepted = accepted(&problem);
        let chosen: Vec<_> = accepted.sample(&mut random, 3).copied().collect();
        let dtype = match problem.dtype {
            DataType::Bf16 => [DataType::F16, DataType::Bf16][random.random_range(0..2)],
            _ => [DataType::E4m3, DataType::E5m2][random.random_range(0..2)],
        };
        chosen.into_iter().map(move |config| (Problem { dtype, ..problem }, config))
    };
    let problems = [DataType::Bf16, DataType::E4m3].into_iter().flat_map(problems);
    check(problems.flat_map(sample).collect());
}

/// Every head dimension and mask with all that is accepted, in a random order: as many as
/// `TILEWRIGHT_SWEEP` says, or all.
#[test]
#[ignore = "takes hours"]
fn all_that_is_accepted_assembles() {
    let mut random = SmallRng::seed_from_u64(1);
    let of = |problem: Problem| accepted(&problem).into_iter().map(move |config| (problem, config));
    let problems = [DataType::Bf16, DataType::E4m3].into_iter().flat_map(problems);
    let all: Vec<_> = problems.flat_map(of).collect();
    let most = std::env::var("TILEWRIGHT_SWEEP").ok().and_then(|most| most.parse().ok());
    check(all.sample(&mut random, most.unwrap_or(all.len())).copied().collect());
}
