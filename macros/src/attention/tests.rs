//! What `attention!` builds, and what it says where it cannot.

use tilewright_codegen::attention::Config;
use tilewright_codegen::gpu::Gpu;
use tilewright_codegen::published::{self, Row};

use super::input::Input;
use super::request::{self, Request};

fn read(keys: &str) -> Result<Request, Vec<String>> {
    let input: Input = syn::parse_str(&format!("Name: pass = forward, {keys}")).unwrap();
    request::read(&input)
        .map_err(|error| error.into_iter().map(|error| error.to_string()).collect())
}

#[track_caller]
fn check_config(keys: &str, expected: &str) {
    let request = read(keys).unwrap_or_else(|errors| panic!("{errors:?}"));
    assert_eq!(request.config.to_string(), expected);
}

/// The request fails because of the tile, and the error names one that does fit.
#[track_caller]
fn check_helped(keys: &str, expected: &str) {
    let errors = read(keys).err().unwrap_or_default();
    let [error] = &errors[..] else { panic!("{errors:?}") };
    assert!(error.starts_with(expected), "{error}");
    let help = error.split("help: ").nth(1).unwrap();
    let word = help.split([' ', '`']).rfind(|word| word.parse::<Config>().is_ok()).unwrap();
    check_config(&keys.replace(keys.rsplit(' ').next().unwrap(), word), word);
}

#[test]
fn a_tile_is_a_word_a_text_or_fields() {
    let keys = "gpu = a100_sxm, dtype = bf16, head_dim = 128, mask = causal, tile = ";
    check_config(&format!("{keys}m64n64w4s1sl"), "m64n64w4s1sl");
    check_config(&format!("{keys}\"m64n64w4s1sl\""), "m64n64w4s1sl");
    check_config(
        &format!(
            "{keys}{{ m: 64, n: 64, warps: 4, stages: 1, split_masked_loop: true, \
             rescale: lazy }}"
        ),
        "m64n64w4s1slrl",
    );
}

#[test]
fn the_gpu_and_the_fields_tell_the_architecture_of_a_tile() {
    let keys = "arch = sm90a, dtype = bf16, head_dim = 128, mask = causal, tile = ";
    check_config(&format!("{keys}m128n128s2ovpplf"), "m128n128s2ovpplf");
    check_config(
        &format!("{keys}{{ m: 128, n: 128, stages: 2, ping_pong: true, cluster: 1 }}"),
        "m128n128s2pp",
    );
    // Ampere's kernels run on Hopper too.
    check_config(&format!("{keys}{{ m: 64, n: 64, warps: 4, stages: 1 }}"), "m64n64w4s1");
    for arch in ["sm100a", "sm103a"] {
        let keys = format!("arch = {arch}, dtype = bf16, head_dim = 128, mask = full, tile = ");
        let word = "m256n128r3h3t8e2d3x192c80pe";
        check_config(&format!("{keys}{word}"), word);
        check_config(
            &format!(
                "{keys}{{ m: 256, n: 128, stages: 3, early_quarters: 3, threshold: 8, \
                 polynomials: 2, schedule: persistent }}"
            ),
            word,
        );
        check_config(&format!("{keys}{{ m: 64, n: 64, warps: 4, stages: 1 }}"), "m64n64w4s1");
    }
    let keys = "arch = sm80, dtype = bf16, head_dim = 128, mask = causal, tile = ";
    check_helped(&format!("{keys}m256n128r3h3t8e2d3x192c80"), "sm_80 lacks tensor memory");
    check_helped(&format!("{keys}m128n128s2ovpp"), "sm_80 lacks wgmma and setmaxnreg");
}

#[test]
fn a_tile_that_does_not_fit_is_refused_with_one_that_does() {
    check_helped(
        "gpu = rtx3090, dtype = bf16, head_dim = 128, mask = causal, tile = m128n128w8s2",
        "163840 bytes of shared memory",
    );
}

#[test]
fn a_problem_without_a_published_row_is_refused_with_a_tile_that_fits() {
    check_helped(
        "gpu = a40, dtype = bf16, head_dim = (192, 128), mask = window, tile = tuned",
        "no row is published for a40, bf16, head_dim = (192, 128), mask = window",
    );
}

#[test]
fn tuned_takes_what_is_published() {
    for gpu in Gpu::all() {
        let mut problems: Vec<_> = published::rows(gpu).iter().map(Row::problem).collect();
        // The rows of a problem follow each other.
        problems.dedup();
        for problem in problems {
            let keys = format!(
                "gpu = {}, dtype = {}, head_dim = ({}, {}), mask = {}, tile = tuned",
                gpu.name,
                problem.dtype,
                problem.head_dim,
                problem.head_dim_v,
                problem.mask.kind()
            );
            let request = read(&keys);
            let published = published::best(gpu, &problem).is_some();
            assert!(request.is_ok() || !published, "{keys}");
        }
    }
}
