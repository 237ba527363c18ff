//! A kernel that is wrong never gets through: the checks are run on kernels made wrong.

use tilewright::attention::{DataType, Mask, Problem};
use tilewright::device::Module;
use tilewright::gpu::Gpu;
use tilewright_tuning::checks::{Verdict, check};
use tilewright_tuning::{Emitted, emit};

const PROBLEM: Problem = Problem {
    dtype: DataType::Bf16,
    head_dim: 64,
    head_dim_v: 64,
    batch: 1,
    heads: 4,
    kv_heads: 2,
    seqlen_q: 512,
    seqlen_kv: 512,
    mask: Mask::Causal,
};

/// The verdict on the kernel whose text `change` was made to: `right`, `wrong` or `failed`, and why.
fn verdict(change: impl Fn(&str) -> String) -> String {
    let gpu = Gpu::named("a100_sxm").unwrap();
    let config = "m64n32w4s2sl".parse().unwrap();
    let Emitted { kernel, module } = emit(&PROBLEM, &config, gpu).unwrap();
    let module = Module::parse(change(module.text())).unwrap();
    match check(&PROBLEM, &config, &Emitted { kernel, module }, &[1, 2, 3]) {
        Verdict::Right { .. } => "right".to_owned(),
        Verdict::Wrong { reason, .. } => format!("wrong: {reason}"),
        Verdict::Failed { reason } => format!("failed: {reason}"),
    }
}

#[track_caller]
fn check_changed(change: impl Fn(&str) -> String, expected: &str) {
    let found = verdict(change);
    assert!(found.starts_with(expected), "{found}");
}

/// Removes the first line that holds `instruction`.
fn without(instruction: &str) -> impl Fn(&str) -> String + '_ {
    move |text| {
        let mut removed = false;
        let keep = |line: &&str| {
            let keep = removed || !line.contains(instruction);
            removed |= !keep;
            keep
        };
        let kept: Vec<&str> = text.lines().filter(keep).collect();
        assert!(removed, "there is no {instruction}");
        kept.join("\n")
    }
}

#[test]
fn the_kernel_itself_is_right() {
    check_changed(str::to_owned, "right");
}

#[test]
fn another_constant_is_wrong() {
    check_changed(|text| text.replacen("ex2.approx.ftz.f32", "lg2.approx.ftz.f32", 1), "wrong");
}

#[test]
fn a_missing_store_leaves_poison() {
    check_changed(without("st.global.v4"), "wrong");
}

#[test]
fn a_missing_barrier_or_wait_is_noticed() {
    // Whether as a fault or by what it does to the outputs.
    for instruction in ["bar.sync", "cp.async.wait_"] {
        let found = verdict(without(instruction));
        assert_ne!(found, "right", "without {instruction}");
    }
}
