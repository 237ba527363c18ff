//! The text of a few kernels, as it was when somebody last looked at it. What a change of the
//! generator does to them is in the difference:
//!
//! ```sh
//! INSTA_UPDATE=always cargo test -p tilewright-codegen --test kernels
//! git diff codegen/tests/snapshots
//! ```

use tilewright_codegen::attention::{Config, DataType, Mask, Problem, forward};
use tilewright_codegen::gpu::Gpu;
use tilewright_codegen::ptx;

/// The kernel of a config for a GPU, with one head dimension and mask.
fn text(gpu: &str, head_dim: u32, mask: Mask, config: &str) -> String {
    let problem = Problem {
        dtype: DataType::Bf16,
        head_dim,
        head_dim_v: head_dim,
        batch: 1,
        heads: 1,
        kv_heads: 1,
        seqlen_q: 64,
        seqlen_kv: 64,
        mask,
    };
    let config: Config = config.parse().unwrap();
    let kernel = forward(&problem, &config, Gpu::named(gpu).unwrap()).unwrap();
    ptx::print(&ptx::check(kernel.module).unwrap())
}

#[test]
fn ampere_causal() {
    insta::assert_snapshot!(text("a100_sxm", 32, Mask::Causal, "m32n16w2s1"));
}

#[test]
fn hopper_in_turns() {
    insta::assert_snapshot!(text("h100_sxm", 64, Mask::Full, "m128n32s2ovppslrs"));
}

#[test]
fn hopper_in_clusters() {
    insta::assert_snapshot!(text("h100_sxm", 64, Mask::Causal, "m64n32s2psc2pelfsl"));
}

#[test]
fn blackwell_in_parts() {
    insta::assert_snapshot!(text("b200", 64, Mask::Full, "m128n64r2h3t8e2d3x224c104"));
}

#[test]
fn ampere_ahead_and_speculating() {
    insta::assert_snapshot!(text("rtx4090", 32, Mask::Full, "m32n16w2s2b2qrslrs"));
}
