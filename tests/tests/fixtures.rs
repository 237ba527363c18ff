//! The kernels of other compilers, and those at fault: read, checked, printed back and run.

use std::fs;
use std::path::{Path, PathBuf};

use tilewright::device::{Module, Simulator};
use tilewright::launch_file::Launch;
use tilewright::ptx;
use tilewright::sim::Options;

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

#[test]
fn sound_kernels_write_what_is_expected() {
    check_each(&cases("corpus"), |case| {
        let (launch, module) = read(case)?;
        for seed in 0..2 {
            let mut device = Simulator::new(Options { seed, ..Options::default() });
            let placed = launch.place(&mut device, &module).map_err(|error| error.to_string())?;
            let found = launch.run(&mut device, &placed).map_err(|error| error.to_string())?;
            for (buffer, comparison) in launch.compare(&found) {
                if !comparison.matches() {
                    let buffer = &launch.buffers[buffer].name;
                    return Err(format!("seed {seed}: buffer {buffer} differs: {comparison:?}"));
                }
            }
        }
        Ok(())
    });
}

/// The lines that a `fault.txt` names at its end: `...; lines 31, 34`.
fn lines_at_fault(case: &Path) -> Vec<u32> {
    let text = fs::read_to_string(case.join("fault.txt")).unwrap();
    let (_, lines) = text.trim().rsplit_once("; line").unwrap();
    let numbers = lines.trim_start_matches('s').split(',');
    numbers.map(|number| number.trim().parse().unwrap()).collect()
}

#[test]
fn faults_are_reported_where_they_lie() {
    check_each(&cases("fault"), |case| {
        let (launch, module) = read(case)?;
        for seed in 0..2 {
            let mut device = Simulator::new(Options { seed, ..Options::default() });
            let placed = launch.place(&mut device, &module).map_err(|error| error.to_string())?;
            let Err(error) = launch.run(&mut device, &placed) else {
                return Err(format!("seed {seed}: nothing was reported"));
            };
            if !error.is_kernel_fault() {
                return Err(format!("seed {seed}: not a fault: {error}"));
            }
            let expected = lines_at_fault(case);
            // A deadlock has no single line.
            if error.line().is_some_and(|line| !expected.contains(&line)) {
                return Err(format!("seed {seed}: expected at {expected:?}: {error}"));
            }
        }
        Ok(())
    });
}
