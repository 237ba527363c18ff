//! Packs one folder that runs every launch file on a machine with a GPU and nothing but its driver.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use anyhow::{Context, Result, bail};
use tilewright_codegen::gpu::Gpu;

use crate::cargo::{self, run};

/// What the folder's script does.
const SCRIPT: &str = include_str!("gpu.sh");

/// Programs in the folder.
const PROGRAMS: [&str; 2] = ["ptxsim", "autotune"];

/// Attention problems whose kernels are held against the reference and the simulator.
const CHECKED: [&str; 8] = [
    "--dtype f16 --head-dim 32 --mask full --heads 2 --kv-heads 2 --seqlen 100",
    "--dtype bf16 --head-dim 64 --mask causal --heads 4 --kv-heads 1 --seqlen 257",
    "--dtype f16 --head-dim 96 --mask window:100,20 --heads 2 --kv-heads 2 --seqlen 300",
    "--dtype bf16 --head-dim 128 --mask full --heads 4 --kv-heads 2 --seqlen 256",
    "--dtype bf16 --head-dim 128 --mask causal --heads 4 --kv-heads 2 --seqlen-q 190 --seqlen-kv 333",
    "--dtype f16 --head-dim 128 --mask causal --heads 2 --kv-heads 2 --seqlen-q 200 --seqlen-kv 90",
    "--dtype bf16 --head-dim 192,128 --mask causal --heads 2 --kv-heads 2 --seqlen 200",
    "--dtype f16 --head-dim 256 --mask full --heads 2 --kv-heads 1 --seqlen 180",
];

/// As [`CHECKED`], for architectures with kernels for FP8.
const CHECKED_FP8: [&str; 2] = [
    "--dtype e4m3 --head-dim 128 --mask causal --heads 4 --kv-heads 2 --seqlen 300",
    "--dtype e5m2 --head-dim 64 --mask full --heads 2 --kv-heads 2 --seqlen 200",
];

/// Attention problems large enough to be timed. The script knows them by `-time-` in their names.
const TIMED: [&str; 4] = [
    "--dtype bf16 --head-dim 64 --mask full --heads 32 --kv-heads 32 --seqlen 1024",
    "--dtype bf16 --head-dim 128 --mask full --heads 32 --kv-heads 32 --seqlen 1024",
    "--dtype bf16 --head-dim 128 --mask causal --heads 32 --kv-heads 8 --seqlen 1024",
    "--dtype f16 --head-dim 128 --mask full --heads 32 --kv-heads 32 --seqlen 1024",
];

/// Packs the folder `out`, which must not exist, with kernels for each of `architectures`.
pub(crate) fn pack(out: &Path, architectures: &[String]) -> Result<()> {
    for arch in architectures {
        Gpu::default_for(arch)?;
    }
    if out.exists() {
        bail!("{} exists; name a folder that does not", out.display());
    }
    let parent = out.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(parent).with_context(|| format!("{}", parent.display()))?;
    let partial = out.with_extension(format!("partial-{}", process::id()));
    fs::create_dir(&partial).with_context(|| format!("{}", partial.display()))?;
    let packed = fill(&partial, architectures)
        .and_then(|()| fs::rename(&partial, out).with_context(|| format!("{}", out.display())));
    if packed.is_err() {
        let _ = fs::remove_dir_all(&partial);
        return packed;
    }
    println!("{} is packed; on the machine with the GPU: sh run.sh", out.display());
    Ok(())
}

fn fill(folder: &Path, architectures: &[String]) -> Result<()> {
    let cases = folder.join("cases");
    fs::create_dir_all(&cases).with_context(|| format!("{}", cases.display()))?;
    let programs = build()?;
    for (name, program) in PROGRAMS.iter().zip(&programs) {
        fs::copy(program, folder.join(name)).with_context(|| format!("{}", program.display()))?;
    }
    fs::write(folder.join("run.sh"), SCRIPT)?;
    copy_corpus(&cases)?;
    for arch in architectures {
        emit(&programs[1], arch, &cases)?;
    }
    Ok(())
}

/// Emits the attention kernels of an architecture.
fn emit(autotune: &Path, arch: &str, cases: &Path) -> Result<()> {
    // Before Hopper there are no kernels for FP8.
    let quantized = if Gpu::default_for(arch)?.target.sm < 90 { &[] } else { &CHECKED_FP8[..] };
    for (purpose, problems) in [("check", &CHECKED[..]), ("fp8", quantized), ("time", &TIMED[..])] {
        for (index, problem) in problems.iter().enumerate() {
            let case = format!("{arch}-{purpose}-{index}");
            println!("{case}: {problem}");
            let mut command = Command::new(autotune);
            command.args(["emit", "--arch", arch, "--batch", "1"]).args(problem.split(' '));
            run(command.arg("--out").arg(cases.join(case)).stdout(Stdio::null()))?;
        }
    }
    Ok(())
}

/// Builds the programs, and returns their paths.
fn build() -> Result<Vec<PathBuf>> {
    let mut command = cargo::command("build");
    for program in PROGRAMS {
        command.args(["--bin", program]);
    }
    run(command.arg("--release"))?;
    let target = cargo::target_folder()?;
    Ok(PROGRAMS.iter().map(|program| target.join("release").join(program)).collect())
}

/// Copies the launch files that the tests run.
fn copy_corpus(cases: &Path) -> Result<()> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("tests");
    let corpus = tests.join("fixtures").join("corpus");
    let entries = fs::read_dir(&corpus).with_context(|| format!("{}", corpus.display()))?;
    for entry in entries {
        let case = entry?;
        let folder = cases.join(case.file_name());
        fs::create_dir(&folder)?;
        for file in fs::read_dir(case.path())? {
            let file = file?;
            fs::copy(file.path(), folder.join(file.file_name()))?;
        }
    }
    Ok(())
}
