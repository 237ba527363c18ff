use tilewright::attention::ampere::Config;
use tilewright::attention::{DataType, Mask, Problem};
use tilewright::gpu::Gpu;
use tilewright::ptxas::{Nvdisasm, Ptxas};
use tilewright_tests::attention::{kernel, problem};

/// Instructions per score and thread in the steady loop of the best public kernel for sm_80 with
/// head dimension 128, FlashAttention-3's: 837 for 64 scores.
const BEST_PUBLIC: f64 = 13.1;

/// Assembles a config, checks that nothing is spilled, and returns the instructions per score and
/// thread of its steady loop: of the innermost loops with both matrix products and exponentials
/// the shortest, which is the one without masks.
fn instructions_per_score(problem: &Problem, config: &Config, gpu: &Gpu) -> f64 {
    let (_, module) = kernel(problem, *config, gpu);
    let ptxas = Ptxas::find().unwrap_or_else(|error| panic!("{error}"));
    let assembled = ptxas
        .assemble(module.text(), &gpu.target.to_string())
        .unwrap_or_else(|error| panic!("{config} for {gpu}: {error}"));
    assert_eq!(assembled.report.entries[0].spill_bytes(), 0, "{config} for {gpu} spills");
    let nvdisasm = Nvdisasm::find().unwrap_or_else(|error| panic!("{error}"));
    let functions =
        nvdisasm.disassemble(&assembled.cubin).unwrap_or_else(|error| panic!("{error}"));
    let steady = functions[0].steady_loop(&["HMMA", "MUFU.EX2"]).expect("a steady loop");
    let mix = functions[0].mix(&steady);
    let scores = config.tile_m / config.warps * config.tile_n / 32;
    let per_score = mix.total() as f64 / f64::from(scores);
    println!("{gpu} {problem:?}\n  {config}: {per_score:.2} per score, {mix}");
    per_score
}

#[test]
fn the_steady_loop_is_leaner_than_the_best_public_kernels() {
    let gpu = Gpu::named("a100_sxm").unwrap();
    for mask in [Mask::Full, Mask::Causal, Mask::Window { left: 512, right: 0 }] {
        let problem = problem(DataType::Bf16, (128, 128), (1024, 1024), mask);
        let config = Config::default_for(&problem, gpu);
        let found = instructions_per_score(&problem, &config, gpu);
        assert!(found < BEST_PUBLIC, "{config}: {found} instructions per score");
    }
}
