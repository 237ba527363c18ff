use tilewright::attention::Config;
use tilewright::gpu::Gpu;
use tilewright_tests::assembly::{check, problems, sample, sweep};

fn gpu() -> &'static Gpu {
    Gpu::named("h100_sxm").unwrap()
}

#[test]
fn defaults_assemble_without_spills_or_serialized_products() {
    let defaults = problems().map(|problem| (problem, Config::default_for(&problem, gpu())));
    check(&defaults.collect::<Vec<_>>(), gpu());
}

#[test]
fn a_sample_of_what_is_accepted_assembles() {
    check(&sample(gpu(), 1, 0), gpu());
}

#[test]
#[ignore = "assembles a thousand kernels for each GPU"]
fn a_sweep_of_what_is_accepted_assembles() {
    check(&sweep(gpu()), gpu());
}
