//! The program as a person meets it: what it writes, and what bad input gets.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

fn autotune(arguments: &str) -> Command {
    let mut command = Command::cargo_bin("autotune").unwrap();
    command.args(arguments.split_whitespace());
    command
}

/// Checks that `arguments` are refused: exit code 2, and `expected` in what is said.
#[track_caller]
fn check_refused(arguments: &str, expected: &str) {
    let output = autotune(arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(expected), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Checks that `emit` with `arguments` is refused and writes nothing.
#[track_caller]
fn check_nothing_emitted(arguments: &str, expected: &str) {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    check_refused(&format!("emit {arguments} --out {}", out.display()), expected);
    assert!(names(root.path()).is_empty());
}

#[test]
fn a_gpu_is_needed() {
    check_refused("", "--arch <ARCH>|--gpu <GPU>");
    check_refused("emit --out x", "--arch <ARCH>|--gpu <GPU>");
}

#[test]
fn unknown_names_are_refused_with_the_known_ones() {
    check_refused("--arch sm75", "known are sm80, sm86, sm89");
    check_refused("--gpu a1000", "a100_sxm");
    check_refused("--arch sm80 --dtype fp8", "expected f16, bf16, e4m3 or e5m2");
    check_refused("--arch sm80 --mask diagonal", "expected full, causal or window:LEFT,RIGHT");
    check_refused("--arch sm80 --head-dim wide", "expected a number such as 128");
    check_refused("--arch sm80 --top 0", "--top");
    check_refused("emit --arch sm80 --out x --config tiny", "such as m128n64w4s1");
    check_refused("emit --arch sm80 --out x --rescale never", "always, lazy, speculative");
    check_refused("tune", "unrecognized subcommand");
    check_refused("--arch sm80 --jobs 100000", "100000 is not in 1..=256");
    check_refused("verify --arch sm80 --jobs 0", "0 is not in 1..=256");
}

#[test]
fn a_gpu_that_is_asked_for_must_be_there() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("tables");
    check_refused(&format!("--arch sm80 --device cuda:99 --out {}", out.display()), "error: ");
    assert!(!out.exists());
}

#[test]
fn problems_that_cannot_be_posed_are_refused() {
    check_nothing_emitted("--arch sm80 --head-dim 80", "head_dim is 80; expected a multiple of 32");
    check_nothing_emitted("--arch sm80 --head-dim 128,7", "head_dim_v is 7");
    check_nothing_emitted("--arch sm80 --batch 0", "batch is 0; expected 1 to 65535");
    check_nothing_emitted("--arch sm80 --heads 4 --kv-heads 3", "expected a divisor of 4");
    check_nothing_emitted("--arch sm80 --seqlen 4000000000", "seqlen_q is 4000000000");
    check_nothing_emitted(
        "--arch sm80 --seqlen 500000000",
        "lower the batch, the heads or the lengths",
    );
    check_refused("--arch sm80 --head-dim 80", "head_dim is 80; expected a multiple of 32");
}

#[test]
fn a_tile_that_does_not_fit_is_refused_with_the_arithmetic() {
    check_nothing_emitted(
        "--arch sm86 --config m128n128w8s2",
        "163840 bytes of shared memory (Q 128 · 128 · 2 + 2 stages · 128 keys · (128 + 128) · 2); \
         sm_86 has 101376 for a block",
    );
    check_nothing_emitted("--arch sm80 --tile-m 100 --warps 4", "tile_m = 100 rows over 4 warps");
    check_nothing_emitted("--arch sm80 --tile-n 256 --head-dim 256", "bytes of shared memory");
}

#[test]
fn flags_of_another_architecture_are_refused_with_those_there_are() {
    check_nothing_emitted(
        "--arch sm90 --warps 4",
        "a tile for Hopper has no field `warps`; its fields are tile_m, tile_n, stages, overlap",
    );
    check_nothing_emitted(
        "--arch sm80 --ping-pong",
        "a tile for Ampere has no field `ping_pong`; its fields are tile_m, tile_n, warps",
    );
    check_nothing_emitted(
        "--arch sm100 --warps 4",
        "a tile for Blackwell has no field `warps`; its fields are tile_m, tile_n, stages, early",
    );
    check_nothing_emitted("--arch sm80 --config m128n128s2ovpp", "sm_80 lacks wgmma");
    check_nothing_emitted("--arch sm90 --config m256n128r3h3t8e2d3x192c80", "lacks tensor memory");
    check_nothing_emitted("--arch sm100 --stages 16", "bytes of shared memory");
    check_nothing_emitted("--arch sm90 --tile-m 192 --tile-n 256", "bytes of shared memory");
}

#[test]
fn a_launch_on_hopper_has_tensor_maps_and_clusters() {
    let root = tempfile::tempdir().unwrap();
    let emit = |out: &str, more: &str| {
        let out = root.path().join(out);
        let arguments = "emit --arch sm90 --head-dim 128 --seqlen-q 200 --seqlen-kv 300 --heads 2";
        autotune(&format!("{arguments} {more} --out {}", out.display())).assert().success();
        tilewright::launch_file::Launch::read(&out.join("launch.json")).unwrap()
    };
    let launch = emit("hopper", "--config m128n128s2ovppc2pesl");
    assert!(launch.ptx.contains(".target sm_90a"));
    assert_eq!(launch.geometry.cluster, [2, 1, 1]);
    assert_eq!(launch.geometry.grid, [4, 1, 1]);
    let text = fs::read_to_string(root.path().join("hopper/launch.json")).unwrap();
    assert_eq!(text.matches("tensor_map").count(), 4);
    // Ampere's kernels run on Hopper too.
    let launch = emit("ampere", "--config m64n64w4s1sl");
    assert_eq!((launch.geometry.grid, launch.geometry.cluster), ([4, 2, 1], [1; 3]));
}

#[test]
fn kernels_for_blackwell_are_for_one_gpu() {
    for (arch, target) in [("sm100", "sm_100a"), ("sm103", "sm_103a")] {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("out");
        let flags = "--tile-m 256 --schedule persistent --pair --early-quarters 2 --threshold 4";
        let arguments = format!("emit --arch {arch} --seqlen 300 --dtype bf16 {flags}");
        autotune(&format!("{arguments} --out {}", out.display())).assert().success();
        let launch = tilewright::launch_file::Launch::read(&out.join("launch.json")).unwrap();
        assert!(launch.ptx.contains(&format!(".target {target}")));
        assert_eq!((launch.geometry.grid, launch.geometry.cluster), ([4, 1, 1], [2, 1, 1]));
    }
}

#[test]
fn emit_writes_a_complete_check() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let arguments = "emit --arch sm80 --dtype bf16 --head-dim 128 --mask causal --heads 4 \
                     --kv-heads 2 --batch 1 --seqlen-q 30 --seqlen-kv 50 --stages 2 --tile-n 32";
    autotune(&format!("{arguments} --out {}", out.display())).assert().success();
    assert_eq!(names(root.path()), ["out"]);
    assert_eq!(
        names(&out),
        ["expect_lse.npy", "expect_o.npy", "k.npy", "kernel.ptx", "launch.json", "q.npy", "v.npy"]
    );
    let launch = tilewright::launch_file::Launch::read(&out.join("launch.json")).unwrap();
    assert!(launch.ptx.contains(".target sm_80"));
    assert_eq!(launch.buffers[0].shape, [1, 30, 4, 128]);
    assert_eq!(launch.expected.len(), 2);
    // One seed always gives the same files, and another one other inputs.
    let again = root.path().join("again");
    autotune(&format!("{arguments} --out {}", again.display())).assert().success();
    let read = |folder: &Path, file: &str| fs::read(folder.join(file)).unwrap();
    for name in names(&out) {
        assert_eq!(read(&out, &name), read(&again, &name), "{name}");
    }
    autotune(&format!("{arguments} --seed 1 --out {}", again.display())).assert().success();
    assert_ne!(read(&out, "q.npy"), read(&again, "q.npy"));
    assert_eq!(read(&out, "kernel.ptx"), read(&again, "kernel.ptx"));
}

#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "mine").unwrap();
    for out in [&file, &file.join("below"), Path::new("/dev/full"), Path::new("/proc/tables")] {
        let out = out.display();
        check_refused(&format!("emit --arch sm80 --seqlen 16 --out {out}"), "could not");
        check_refused(&format!("--arch sm80 --out {out}"), "could not");
    }
    assert_eq!(names(root.path()), ["file"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[cfg(unix)]
#[test]
fn what_never_ends_is_no_table_and_no_journal() {
    for name in ["a100_sxm.csv", "a100_sxm.journal"] {
        let root = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/zero", root.path().join(name)).unwrap();
        check_refused(&format!("{SEARCH} --out {}", root.path().display()), "not a regular file");
        assert_eq!(names(root.path()), [name]);
    }
}

#[test]
fn doctor_says_what_there_is() {
    let root = tempfile::tempdir().unwrap();
    let doctor = format!("doctor --out {}", root.path().display());
    let said = |doctor: &str| {
        let output = autotune(doctor).env("PTXAS", "").output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    let nothing = said(&doctor);
    for what in ["autotune", "driver", "ptxas", "nvdisasm", "none in"] {
        assert!(nothing.contains(what), "{nothing}");
    }
    fs::write(root.path().join("a100_sxm.csv"), "no table").unwrap();
    let damaged = said(&doctor);
    assert!(damaged.contains("damaged: line 1: expected the columns"), "{damaged}");
}

#[test]
fn the_model_is_held_against_measurements() {
    let output = autotune("model").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("all: 109 kernels, off by"), "{said}");
}

/// A search that takes seconds: one problem, the smallest head dimension.
const SEARCH: &str = "--arch sm80 --dtype f16 --head-dim 32 --mask causal --heads 2 --batch 1 \
                      --seqlen 512 --device sim --jobs 1";

fn search(top: u32, out: &Path) -> Command {
    autotune(&format!("{SEARCH} --top {top} --out {}", out.display()))
}

fn rows(out: &Path) -> Vec<String> {
    let table = fs::read_to_string(out.join("a100_sxm.csv")).unwrap();
    table.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn a_search_prints_rankings_and_writes_the_table() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("new/tables");
    let output = search(2, &out).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    for what in ["registers a thread (", "times are modelled by analytic", "µs modelled", "2 of 2"]
    {
        assert!(said.contains(what), "{what}: {said}");
    }
    assert_eq!(names(&out), ["a100_sxm.csv"]);
    assert_eq!(rows(&out).len(), 2);
    // Once more, the table is the same; with another problem, it has the rows of both.
    let first = rows(&out);
    search(2, &out).assert().success();
    assert_eq!(rows(&out), first);
    search(1, &out).args(["--seqlen-kv", "256"]).assert().success();
    assert_eq!(rows(&out).len(), 3);
    assert!(first.iter().all(|row| rows(&out).contains(row)));
}

#[test]
fn a_damaged_row_is_named_and_the_others_are_kept() {
    let root = tempfile::tempdir().unwrap();
    search(2, root.path()).assert().success();
    let path = root.path().join("a100_sxm.csv");
    let table = fs::read_to_string(&path).unwrap();
    let kept = rows(root.path())[1].clone();
    fs::write(&path, table.replacen(",causal,", ",casual,", 1)).unwrap();
    let output = search(1, root.path()).args(["--seqlen-kv", "256"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("a100_sxm.csv, line 2: `casual` is not a mask"), "{said}");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(rows(root.path()).len(), 2);
    assert!(rows(root.path()).contains(&kept));
}

#[test]
fn an_interrupted_search_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let journal = root.path().join("a100_sxm.journal");
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_autotune"));
    program.args(SEARCH.split_whitespace()).args(["--top", "12", "--out"]).arg(root.path());
    let mut running = program.stdout(std::process::Stdio::null()).spawn().unwrap();
    let lines = || fs::read_to_string(&journal).map_or(0, |text| text.lines().count());
    while lines() < 2 {
        assert!(running.try_wait().unwrap().is_none(), "it ended before it could be interrupted");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(names(root.path()), ["a100_sxm.journal"]);
    let found = lines();
    fs::write(&journal, fs::read_to_string(&journal).unwrap() + "{\"key\": \"cut sho").unwrap();

    let output = search(12, root.path()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains(&format!("{found} of them were found by a run")), "{said}");
    let warned = String::from_utf8(output.stderr).unwrap();
    assert!(warned.contains(&format!("a100_sxm.journal, line {}", found + 1)), "{warned}");
    assert_eq!(names(root.path()), ["a100_sxm.csv"]);
    assert_eq!(rows(root.path()).len(), 12);
}

#[test]
fn verify_emits_and_simulates() {
    let verify = "verify --arch sm80 --dtype f16 --head-dim 64,32 --mask window:20,3 --heads 4 \
                  --kv-heads 2 --batch 2 --seqlen-q 33 --seqlen-kv 70 --seed 5";
    let output = autotune(verify).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    for what in ["o: 8448 elements match", "lse: 264 elements match"] {
        assert!(said.contains(what), "{said}");
    }
}

#[test]
fn nobody_has_to_listen() {
    for arguments in ["doctor", "model", "--help", "--arch sm75"] {
        let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let status = std::process::Command::new(env!("CARGO_BIN_EXE_autotune"))
            .args(arguments.split_whitespace())
            .stdout(full())
            .stderr(full())
            .status()
            .unwrap();
        assert!(matches!(status.code(), Some(0 | 2)), "{arguments}: {status}");
    }
}
