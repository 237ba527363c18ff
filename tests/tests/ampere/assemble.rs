//! What `Config::check` accepts assembles, and does not spill where the head dimension is 64 or 128.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rayon::prelude::*;
use tilewright::attention::ampere::Config;
use tilewright::attention::{self, DataType, Mask, Problem};
use tilewright::gpu::{Gpu, occupancy};
use tilewright::ptxas::Ptxas;
use tilewright_tests::attention::{kernel, problem};
use tilewright_tests::{assembly, domain};

const DTYPES: [DataType; 2] = [DataType::F16, DataType::Bf16];
const MASKS: [Mask; 3] = [Mask::Full, Mask::Causal, Mask::Window { left: 512, right: 0 }];

/// What is wrong with the kernel of an accepted config.
fn fault(ptxas: &Ptxas, problem: &Problem, config: &Config, gpu: &Gpu) -> Option<String> {
    let (kernel, module) = kernel(problem, *config, gpu);
    let fault = |what: String| Some(format!("{gpu}, {config}, {problem:?}: {what}"));
    let assembled = match ptxas.assemble(module.text(), &gpu.target.to_string()) {
        Ok(assembled) => assembled,
        Err(error) => return fault(error.to_string()),
    };
    let report = &assembled.report.entries[0];
    let held = occupancy(gpu, kernel.threads, report.registers, kernel.dynamic_shared).blocks;
    if held < config.blocks {
        return fault(format!("{held} blocks with {} registers", report.registers));
    }
    let may_spill =
        ![64, 128].contains(&problem.head_dim) || problem.head_dim_v != problem.head_dim;
    (report.spill_bytes() > 0 && !may_spill)
        .then(|| fault(format!("{} bytes of spills", report.spill_bytes())))
        .flatten()
}

/// Assembles kernels, on all cores.
fn check(cases: &[(Problem, Config, &Gpu)]) {
    let ptxas = Ptxas::find().unwrap_or_else(|error| panic!("{error}"));
    let faults: Vec<String> = (cases.par_iter().with_max_len(1))
        .filter_map(|(problem, config, gpu)| fault(&ptxas, problem, config, gpu))
        .collect();
    println!("{} of {} kernels are right", cases.len() - faults.len(), cases.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn gpus() -> [&'static Gpu; 3] {
    ["a100_sxm", "rtx3090", "rtx4090"].map(|name| Gpu::named(name).unwrap())
}

#[test]
fn defaults_do_not_spill() {
    let dims = [(32, 32), (64, 64), (96, 96), (128, 128), (192, 128), (192, 192), (256, 256)];
    let of_dims = |dims| MASKS.map(|mask| problem(DataType::Bf16, dims, (1024, 1024), mask));
    let problems: Vec<Problem> = dims.into_iter().flat_map(of_dims).collect();
    // Each GPU has every third of them, of every head dimension one mask.
    for (number, gpu) in gpus().into_iter().enumerate() {
        let own = problems.iter().enumerate().filter(|(i, _)| (i + i / 3) % 3 == number);
        let cases = own.map(|(_, problem)| (*problem, Config::default_for(problem, gpu).into()));
        assembly::check(&cases.collect::<Vec<_>>(), gpu);
    }
}

#[test]
fn a_sample_of_accepted_configs_does_not_spill() {
    let mut random = SmallRng::seed_from_u64(3);
    let mut cases = Vec::new();
    for gpu in gpus() {
        for (index, head_dim) in
            [64, 128, 64, 128, 96, 256].into_iter().cycle().take(18).enumerate()
        {
            let mask = MASKS[index % 3];
            let dtype = DTYPES[index / 3 % 2];
            let problem = problem(dtype, (head_dim, head_dim), (1024, 1024), mask);
            match domain::accepted(&mut random, &problem, gpu) {
                Some(attention::Config::Ampere(config)) => cases.push((problem, config, gpu)),
                other => panic!("{gpu}, {problem:?}: found {other:?}, expected a config"),
            }
        }
    }
    check(&cases);
}

/// Every config of the search space that differs from others in what a thread holds: minutes.
#[test]
#[ignore = "assembles some thousand kernels"]
fn no_accepted_config_spills() {
    let mut cases = Vec::new();
    for gpu in gpus() {
        for dtype in DTYPES {
            for (head_dim, mask) in [64, 128].into_iter().flat_map(|d| MASKS.map(|mask| (d, mask)))
            {
                let problem = problem(dtype, (head_dim, head_dim), (1024, 1024), mask);
                let space = Config::space(&problem, gpu).flat_map(|config| {
                    let whole = Config { split_masked_loop: false, ..config };
                    [config, whole]
                });
                let accepted = space.filter(|config| config.check(&problem, gpu).is_ok());
                cases.extend(accepted.map(|config| (problem, config, gpu)));
            }
        }
    }
    check(&cases);
}
