use tilewright::attention::{Config, DataType, Mask, Problem};
use tilewright::gpu::{Gpu, Target};
use tilewright_tests::assembly::disassemble;
use tilewright_tests::attention::problem;

/// bf16, 128 wide.
fn wide() -> Problem {
    problem(DataType::Bf16, (128, 128), (1024, 1024), Mask::Full)
}

const GPUS: [&str; 2] = ["b200", "b300"];

#[test]
fn the_softmax_loop_is_leaner_than_the_best_public_kernel() {
    for gpu in GPUS.map(|name| Gpu::named(name).unwrap()) {
        let config = Config::default_for(&wide(), gpu);
        let function = disassemble(&wide(), config, gpu);
        let steady = function.steady_loop(&["LDTM", "STTM", "MUFU.EX2"]).expect("a softmax loop");
        let mix = function.mix(&steady);
        // A thread has a row of the tile.
        let scores = config.tile_n();
        let per_score = mix.total() as f64 / f64::from(scores);
        let exponentials = mix.count("MUFU.EX2");
        println!("{}, {config}: {per_score:.2} instructions per score, {mix}", gpu.target);
        // FlashAttention-4, assembled and counted in the same way.
        assert!(per_score < 4.0, "{per_score}");
        // On sm_103a the special-function units are twice as fast, and have no need of help.
        if gpu.target == Target::architecture(100) {
            assert!(exponentials as u32 * 128 <= 113 * scores, "{exponentials}");
        }
    }
}

/// The loop rescales a row of each query tile of the block, two by default, 128 wide each.
#[test]
fn the_correction_loop_is_no_longer_than_the_best_public_kernel() {
    const PUBLIC: usize = 186;
    for gpu in GPUS.map(|name| Gpu::named(name).unwrap()) {
        let config = Config::default_for(&wide(), gpu);
        let function = disassemble(&wide(), config, gpu);
        let loops = function.loops();
        let corrects = |mix: &tilewright::sass::Mix| {
            mix.count("LDTM") > 0 && mix.count("STTM") > 0 && mix.count("MUFU.EX2") == 0
        };
        // What encloses it rescales too.
        let mixes = loops.iter().map(|l| function.mix(l)).filter(corrects);
        let shortest = mixes.min_by_key(|mix| mix.total()).expect("a correction loop");
        let (total, rows) = (shortest.total(), config.tile_m() / 128);
        let of = format!("{}, {config}: {total} instructions for {rows} rows of 128", gpu.target);
        println!("{of}: {shortest}");
        assert!(total <= PUBLIC, "{of} together; expected up to {PUBLIC}: {shortest}");
    }
}
