use tilewright::attention::hopper::Config;
use tilewright::attention::{DataType, Mask, Problem};
use tilewright::gpu::Gpu;
use tilewright::ptxas::{Nvdisasm, Ptxas};
use tilewright_tests::attention::{kernel, problem};

/// Instructions per score and thread in the steady loop of a config: of the innermost loops with
/// both matrix products and exponentials the shortest, which is the one without masks.
fn instructions_per_score(problem: &Problem, config: &Config) -> f64 {
    let gpu = Gpu::named("h100_sxm").unwrap();
    let (_, module) = kernel(problem, *config, gpu);
    let ptxas = Ptxas::find().unwrap_or_else(|error| panic!("{error}"));
    let assembled = ptxas
        .assemble(module.text(), &gpu.target.to_string())
        .unwrap_or_else(|error| panic!("{config}: {error}"));
    let nvdisasm = Nvdisasm::find().unwrap_or_else(|error| panic!("{error}"));
    let functions =
        nvdisasm.disassemble(&assembled.cubin).unwrap_or_else(|error| panic!("{error}"));
    let product = if problem.dtype.bytes() == 1 { "QGMMA" } else { "HGMMA" };
    let steady = functions[0].steady_loop(&[product, "MUFU.EX2"]).expect("a steady loop");
    let mix = functions[0].mix(&steady);
    let scores = 64 * config.tile_n / 128;
    let per_score = mix.total() as f64 / f64::from(scores);
    println!("{problem:?}\n  {config}: {per_score:.2} per score, {mix}");
    per_score
}

/// Checks that the steady loop of a config is leaner than `best_public`, the best public kernel's
/// of the same shape (FlashAttention-3, assembled and counted in the same way).
fn check(dtype: DataType, head_dim: u32, config: &str, best_public: f64) {
    for mask in [Mask::Full, Mask::Causal] {
        let problem = problem(dtype, (head_dim, head_dim), (1024, 1024), mask);
        let found = instructions_per_score(&problem, &config.parse().unwrap());
        assert!(found < best_public, "{config}: {found} instructions per score");
    }
}

#[test]
fn the_wide_tile_is_leaner_than_the_best_public_kernel() {
    check(DataType::Bf16, 128, "m128n176s2ovppslrs", 6.7);
}

#[test]
fn the_square_tile_is_leaner_than_the_best_public_kernel() {
    check(DataType::Bf16, 128, "m128n128s2ovppslrs", 7.3);
}

#[test]
fn head_dimension_64_is_leaner_than_the_best_public_kernel() {
    check(DataType::Bf16, 64, "m192n128s2ovppslrs", 6.6);
}

#[test]
fn fp8_is_leaner_than_the_best_public_kernel() {
    check(DataType::E4m3, 128, "m128n224s2ovppslrs", 6.0);
}
