//! The program `ptxsim` as a person runs it: what it prints, its exit codes, what it writes.

use std::path::Path;

use assert_cmd::Command;
use tempfile::TempDir;
use tilewright::DType;
use tilewright::npy::{self, Array, ElementType};

/// A kernel that writes y[i] = a·x[i] + y[i] for i < n.
const AXPY: &str = "\
.version 7.0
.target sm_80
.address_size 64
.visible .entry axpy(.param .u64 x, .param .u64 y, .param .f32 a, .param .u32 n)
{
  .reg .pred %p;
  .reg .u32 %i, %n, %c;
  .reg .u64 %x, %y, %o;
  .reg .f32 %a, %v, %w;
  mov.u32 %i, %tid.x;
  mov.u32 %c, %ctaid.x;
  mad.lo.u32 %i, %c, 64, %i;
  ld.param.u32 %n, [n];
  setp.ge.u32 %p, %i, %n;
  @%p bra done;
  ld.param.u64 %x, [x];
  ld.param.u64 %y, [y];
  ld.param.f32 %a, [a];
  mul.wide.u32 %o, %i, 4;
  add.u64 %x, %x, %o;
  add.u64 %y, %y, %o;
  ld.global.f32 %v, [%x];
  ld.global.f32 %w, [%y];
  fma.rn.f32 %w, %a, %v, %w;
  st.global.f32 [%y], %w;
done:
  ret;
}
";

const LAUNCH: &str = r#"{
  "ptx": "kernel.ptx", "grid": [2, 1, 1], "block": [64, 1, 1],
  "buffers": {"x": {"npy": "x.npy", "dtype": "f32"}, "y": {"npy": "y.npy", "dtype": "f32"}},
  "params": [{"pointer": "x"}, {"pointer": "y"}, {"f32": 0.5}, {"u32": 100}],
  "expect": {"y": {"npy": "expect_y.npy", "atol": 1e-6, "rtol": 0}}
}"#;

/// A folder with the launch, the PTX and the arrays.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let array = |name: &str, value: fn(usize) -> f64| {
        let bytes = DType::F32.to_bytes((0..100).map(value));
        let array = Array { element: ElementType::of(DType::F32), shape: vec![100], bytes };
        npy::write(&folder.path().join(name), &array).unwrap();
    };
    array("x.npy", |i| i as f64);
    array("y.npy", |i| 1.0 + i as f64);
    array("expect_y.npy", |i| 1.0 + 1.5 * i as f64);
    std::fs::write(folder.path().join("kernel.ptx"), AXPY).unwrap();
    std::fs::write(folder.path().join("launch.json"), LAUNCH).unwrap();
    folder
}

/// Replaces a part of a file.
fn edit(folder: &Path, file: &str, part: &str, replacement: &str) {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    assert!(text.contains(part), "{part}");
    std::fs::write(folder.join(file), text.replace(part, replacement)).unwrap();
}

fn ptxsim(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output =
        Command::cargo_bin("ptxsim").unwrap().args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Checks the exit code and the standard error of a run of the launch with one file changed.
fn check(file: &str, part: &str, replacement: &str, code: i32, expected: &str) {
    let folder = folder();
    edit(folder.path(), file, part, replacement);
    let (found, stdout, stderr) =
        ptxsim(folder.path(), &["run", "launch.json", "--out", "results"]);
    assert_eq!(found, code, "{stdout}{stderr}");
    assert!(stderr.contains(expected) && !stderr.contains("panicked"), "{stdout}{stderr}");
    assert!(!folder.path().join("results").exists(), "something was written");
}

#[test]
fn unusable_files_are_told_with_their_place() {
    check("launch.json", "\"grid\"", "\"gird\"", 2, "launch.json:2:29: gird: unknown field");
    check("launch.json", "x.npy", "z.npy", 2, "z.npy (named by buffers.x.npy)");
    check("launch.json", ", {\"u32\": 100}", "", 2, "the entry takes 4 parameters");
    check(
        "launch.json",
        "{\"u32\": 100}",
        "{\"u64\": 100}",
        2,
        "`n` has 4 bytes, 8 bytes are given",
    );
    check("launch.json", "\"ptx\"", "\"entry\": \"f\", \"ptx\"", 2, "no entry is called `f`");
    check("kernel.ptx", "mul.wide.u32", "mul.wild.u32", 2, "kernel.ptx:19:3: ");
    check("kernel.ptx", "%a, %v, %w;", "%a, %v, %n;", 2, "kernel.ptx:24");
    check("kernel.ptx", AXPY, "\u{0}\u{1}garbage", 2, "kernel.ptx:1:1: ");
}

#[test]
fn what_matches_is_told_and_written() {
    let folder = folder();
    for seed in ["0", "1", "2"] {
        let run = ["run", "launch.json", "--seed", seed, "--out", "results/all"];
        let (code, stdout, stderr) = ptxsim(folder.path(), &run);
        assert_eq!(code, 0, "{stdout}{stderr}");
        let expected = format!(
            "y  100 elements match, the largest error is 0.000e0\nmatch: the simulator, seed {seed}\n"
        );
        assert_eq!(stdout, expected);
    }
    let read = |name: &str| npy::read(&folder.path().join(name), 1 << 20).unwrap();
    assert_eq!(read("results/all/y.npy"), read("expect_y.npy"));
    assert_eq!(read("results/all/x.npy"), read("x.npy"));
    assert_eq!(folder.path().join("results/all").read_dir().unwrap().count(), 2);
}

#[test]
fn more_threads_than_a_machine_has() {
    let folder = folder();
    edit(folder.path(), "launch.json", "\"grid\": [2,", "\"grid\": [50000,");
    let (code, stdout, stderr) = ptxsim(folder.path(), &["run", "launch.json", "--jobs", "50000"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
}

#[test]
fn what_differs_is_told() {
    let folder = folder();
    edit(folder.path(), "launch.json", "{\"f32\": 0.5}", "{\"f32\": 0.25}");
    let (code, stdout, _) = ptxsim(folder.path(), &["run", "launch.json"]);
    assert_eq!(code, 1);
    let worst = "y  99 of 100 elements differ, the worst at [99]: found 124.75, expected 149.5\n";
    assert!(stdout.starts_with(worst), "{stdout}");
    let (code, stdout, _) = ptxsim(folder.path(), &["run", "launch.json", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &report["status"]), (1, &"differ".into()));
    assert_eq!(report["buffers"][0]["worst"]["index"][0], 99);
}

#[test]
fn faults_of_the_kernel_are_told_with_their_place() {
    let outside = "kernel.ptx:22: line 22 `ld.global.f32` in axpy, block (1, 0, 0), warp 1, lane 4: the read of 4 bytes";
    check("launch.json", "{\"u32\": 100}", "{\"u32\": 128}", 3, outside);
    check("kernel.ptx", "%o, %i, 4;", "%o, %i, 2;", 3, "misaligned");
    check("kernel.ptx", "%o, %i, 4;", "%o, 0, 4;", 3, "race");
    let uninit = "{\"shape\": [100], \"fill\": \"uninit\"";
    check("launch.json", "{\"npy\": \"x.npy\"", uninit, 3, "nothing wrote");
    let folder = folder();
    edit(folder.path(), "kernel.ptx", "%o, %i, 4;", "%o, 0, 4;");
    let (code, ..) = ptxsim(folder.path(), &["run", "launch.json", "--no-hazards"]);
    assert_eq!(code, 1);
    let (_, stdout, _) = ptxsim(folder.path(), &["run", "launch.json", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["status"], "fault");
    assert!(report["error"]["line"].is_u64() && report["error"]["warp"].is_u64(), "{stdout}");
}

#[test]
fn what_there_is_no_device_for() {
    let folder = folder();
    let (code, _, stderr) = ptxsim(folder.path(), &["run", "launch.json", "--device", "gpu"]);
    assert!(code == 2 && stderr.contains("is not a device"), "{stderr}");
    let (code, _, stderr) = ptxsim(folder.path(), &["run", "launch.json", "--device", "cuda:99"]);
    assert!(code == 2 && !stderr.contains("panicked"), "{stderr}");
}

#[test]
fn errors_as_json() {
    let folder = folder();
    edit(folder.path(), "kernel.ptx", "mul.wide.u32", "mul.wild.u32");
    let (code, stdout, stderr) = ptxsim(folder.path(), &["run", "launch.json", "--json"]);
    assert_eq!((code, stderr.as_str()), (2, ""));
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["status"], "unusable");
    assert_eq!(report["error"]["line"], 19);
}

#[test]
fn ptx_is_checked_and_printed() {
    let folder = folder();
    let (code, stdout, _) = ptxsim(folder.path(), &["check", "kernel.ptx"]);
    assert_eq!(code, 0);
    assert!(stdout.starts_with("axpy: 4 parameters, 17 instructions\n  x: 8 bytes"), "{stdout}");
    let (code, printed, _) = ptxsim(folder.path(), &["print", "kernel.ptx"]);
    assert_eq!(code, 0);
    std::fs::write(folder.path().join("kernel.ptx"), &printed).unwrap();
    assert_eq!(ptxsim(folder.path(), &["print", "kernel.ptx"]).1, printed);
    let (code, _, stderr) = ptxsim(folder.path(), &["check", "launch.json"]);
    assert!(code == 2 && stderr.contains("launch.json:1:1: "), "{stderr}");
    assert_eq!(ptxsim(folder.path(), &["check", "missing.ptx"]).0, 2);
}

#[test]
fn folders_are_compared() {
    let folder = folder();
    let write = |name: &str, last: f64| {
        let values = (0..100).map(|i| if i == 99 { last } else { f64::from(i) });
        let bytes = DType::F32.to_bytes(values);
        let array = Array { element: ElementType::of(DType::F32), shape: vec![10, 10], bytes };
        std::fs::create_dir(folder.path().join(name)).unwrap();
        npy::write(&folder.path().join(name).join("y.npy"), &array).unwrap();
    };
    write("a", 99.0);
    write("close", 99.0 + 5e-7);
    write("far", f64::NAN);
    let diff = |other| ptxsim(folder.path(), &["diff", "launch.json", "a", other]);
    let (code, stdout, _) = diff("close");
    assert_eq!(code, 0, "{stdout}");
    let (code, stdout, _) = diff("far");
    assert_eq!(code, 1);
    assert_eq!(
        stdout,
        "y: 99 bit for bit; 1 of 100 elements differ, the worst at [9, 9]: found NaN, expected \
         99.0\n"
    );
    let (code, _, stderr) = diff("nowhere");
    assert!(code == 2 && stderr.contains("nowhere/y.npy"), "{stderr}");
}
