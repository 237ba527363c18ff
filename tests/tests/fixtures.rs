//! The kernels of other compilers, and those at fault: read, checked, and printed back.

use std::fs;
use std::path::{Path, PathBuf};

use tilewright::device::Module;
use tilewright::launch_file::Launch;
use tilewright::ptx;

/// The cases of a folder of fixtures, in the order of their names.
fn cases(group: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(group);
    let mut cases: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 50, "the fixtures were not found");
    cases
}

/// Runs `check` on each case, and fails with everything that it found.
fn check_each(cases: &[PathBuf], check: impl Fn(&Path) -> Result<(), String>) {
    let problems: Vec<String> = cases
        .iter()
        .filter_map(|case| check(case).err().map(|problem| format!("{}: {problem}", name(case))))
        .collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

fn name(case: &Path) -> String {
    case.file_name().unwrap().to_string_lossy().into_owned()
}

fn read(case: &Path) -> Result<(Launch, Module), String> {
    let launch = Launch::read(&case.join("launch.json")).map_err(|error| error.to_string())?;
    let module = Module::parse(launch.ptx.as_str()).map_err(|error| error.to_string())?;
    Ok((launch, module))
}

#[test]
fn printing_and_parsing_are_inverse() {
    let all = [cases("corpus"), cases("fault")].concat();
    check_each(&all, |case| {
        let (_, module) = read(case)?;
        let printed = ptx::print(module.checked());
        let again = Module::parse(printed.as_str()).map_err(|error| error.to_string())?;
        match ptx::print(again.checked()) == printed {
            true => Ok(()),
            false => Err("what is printed does not read back as the same".to_owned()),
        }
    });
}
