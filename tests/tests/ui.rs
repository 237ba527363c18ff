//! Mistakes and the errors that they get. `UPDATE_EXPECT=1` rewrites what is expected.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rayon::prelude::*;

/// Where the mistakes are, each a file of its own, with its errors beside it.
const FOLDER: &str = "tests/ui";

/// Where the libraries are that this test was built with.
fn libraries() -> PathBuf {
    let this = env::current_exe().expect("a test knows where it is");
    this.parent().expect("it is in a folder").to_owned()
}

/// The library of an application, as it was built last: with other features it may be there again.
fn tilewright(libraries: &Path) -> PathBuf {
    let files = fs::read_dir(libraries).expect("it is a folder").flatten();
    let built = files.filter(|file| {
        let name = file.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libtilewright-") && name.ends_with(".rlib")
    });
    let newest = built.max_by_key(|file| file.metadata().and_then(|m| m.modified()).ok());
    newest.expect("the library was built for this test").path()
}

/// What the compiler says of a file, in which there must be a mistake, but for its last lines, which
/// count the errors.
fn errors(file: &Path, libraries: &Path, tilewright: &Path) -> String {
    let mut compiler = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    compiler.args(["--edition=2024", "--emit=metadata", "--color=never", "-o", "/dev/null"]);
    compiler.arg("-L").arg(format!("dependency={}", libraries.display()));
    compiler.arg("--extern").arg(format!("tilewright={}", tilewright.display()));
    let output = compiler.arg(file).output().expect("there is a compiler");
    assert!(!output.status.success(), "{} compiles", file.display());
    let said = String::from_utf8(output.stderr).expect("it is text");
    let end = said.find("error: aborting due to").unwrap_or(said.len());
    said[..end].trim_end().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn mistakes_are_reported_where_they_stand() {
    let libraries = libraries();
    let tilewright = tilewright(&libraries);
    let files = fs::read_dir(FOLDER).expect("there are mistakes").flatten();
    let mut files: Vec<PathBuf> = files.map(|file| file.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    assert!(files.len() > 5, "found {files:?}");
    files.par_iter().for_each(|file| {
        let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join(file).with_extension("stderr");
        expect_test::expect_file![expected].assert_eq(&errors(file, &libraries, &tilewright));
    });
}
