use tilewright::attention::Config;
use tilewright::gpu::Gpu;
use tilewright_tests::assembly::{check, problems, sample, sweep};

/// A GPU of each target: sm_100a and sm_103a.
fn gpus() -> [&'static Gpu; 2] {
    ["b200", "b300"].map(|name| Gpu::named(name).unwrap())
}

#[test]
fn defaults_assemble_without_spills() {
    // Each target has every second of them.
    for (half, gpu) in gpus().into_iter().enumerate() {
        let problems = problems().skip(half).step_by(2);
        let defaults = problems.map(|problem| (problem, Config::default_for(&problem, gpu)));
        check(&defaults.collect::<Vec<_>>(), gpu);
    }
}

#[test]
fn a_sample_of_what_is_accepted_assembles() {
    // Of every problem one for one of the targets, which the defaults have the other way round.
    for (seed, gpu) in (0..).zip(gpus()) {
        let sample = sample(gpu, 1, seed);
        let cases: Vec<_> = sample.into_iter().skip(1 - seed as usize).step_by(2).collect();
        check(&cases, gpu);
    }
}

#[test]
#[ignore = "assembles a thousand kernels for each GPU"]
fn a_sweep_of_what_is_accepted_assembles() {
    gpus().into_iter().for_each(|gpu| check(&sweep(gpu), gpu));
}
