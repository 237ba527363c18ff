use tilewright::attention::hopper::Config;
use tilewright::attention::{DataType, Mask, Problem};
use tilewright::gpu::Gpu;
use tilewright_tests::assembly::disassemble;
use tilewright_tests::attention::problem;

/// Instructions per score and thread in the steady loop of a config: of the innermost loops with
/// both matrix products and exponentials the shortest, which is the one without masks.
fn instructions_per_score(problem: &Problem, config: &Config) -> f64 {
    let gpu = Gpu::named("h100_sxm").unwrap();
    let function = disassemble(problem, *config, gpu);
    let product = if problem.dtype.bytes() == 1 { "QGMMA" } else { "HGMMA" };
    let steady = function.steady_loop(&[product, "MUFU.EX2"]).expect("a steady loop");
    let mix = function.mix(&steady);
    let scores = 64 * config.tile_n / 128;
    let per_score = mix.total() as f64 / f64::from(scores);
    let Problem { dtype, head_dim, head_dim_v, mask, .. } = problem;
    println!("{dtype} {head_dim}/{head_dim_v} {mask} {config}: {per_score:.2} per score, {mix}");
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

/// No public kernel of these was counted: the bounds are what there is. The more of a step's
/// products have descriptors, the more instructions there are beside a score's; at 256 they no
/// longer fit the uniform registers.
#[test]
fn defaults_of_wide_heads_stay_as_lean_as_they_are() {
    let gpu = Gpu::named("h100_sxm").unwrap();
    for (dims, bound) in [((192, 128), 6.0), ((192, 192), 6.4), ((256, 256), 9.1)] {
        let problem = problem(DataType::Bf16, dims, (1024, 1024), Mask::Full);
        let config = Config::default_for(&problem, gpu);
        let found = instructions_per_score(&problem, &config);
        assert!(found < bound, "{config}: {found} instructions per score");
    }
}
