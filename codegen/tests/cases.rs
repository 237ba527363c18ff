//! What the parser and the checker say to small modules.
//!
//! A file under `cases/` holds many: each begins with a line `//# what it is about @ version target`
//! and ends with what is expected, in lines that begin with `//=`. `UPDATE=1 cargo test -p
//! tilewright-codegen --test cases` writes what comes out instead; look at it before it is kept.

use std::fmt::Write;
use std::path::Path;

use tilewright_codegen::ptx;

/// What comes out: the mistakes, or `ok`.
fn outcome(text: &str) -> Vec<String> {
    let module = match ptx::parse(text) {
        Ok(module) => module,
        Err(error) => return vec![error.to_string()],
    };
    let checked = match ptx::check(module) {
        Ok(checked) => checked,
        Err(errors) => return errors.0.iter().map(ToString::to_string).collect(),
    };
    let printed = ptx::print(&checked);
    match ptx::parse(&printed) {
        Ok(again) if again == *checked.module() => vec!["ok".into()],
        Ok(_) => vec![format!("is read back as another module:\n{printed}")],
        Err(error) => vec![format!("is not read back: {error}\n{printed}")],
    }
}

/// The file as it should be.
fn expected(path: &Path, file: &str) -> String {
    let mut out = String::new();
    for (number, case) in file.split("//# ").enumerate() {
        if number == 0 {
            out.push_str(case);
            continue;
        }
        let body: Vec<&str> = case.lines().filter(|line| !line.starts_with("//=")).collect();
        let title = body.first().copied().unwrap_or_default();
        let Some((_, place)) = title.rsplit_once(" @ ") else {
            panic!("{}: `{title}` names no version and target", path.display());
        };
        let (version, target) = place.split_once(' ').unwrap();
        // In place of the title, so that lines count from it.
        let text = format!(".version {version} .target {target}\n{}", body[1..].join("\n"));
        writeln!(out, "//# {}", body.join("\n").trim_end()).unwrap();
        for line in outcome(&text) {
            writeln!(out, "//= {}", line.replace('\n', "\n//= ")).unwrap();
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out + "\n"
}

#[test]
fn every_case_comes_out_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut different = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let file = std::fs::read_to_string(&path).unwrap();
        count += file.matches("//# ").count();
        let expected = expected(&path, &file);
        if expected == file {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, expected).unwrap();
            continue;
        }
        for (old, new) in file.lines().zip(expected.lines()).filter(|(old, new)| old != new).take(3)
        {
            different.push(format!("{}:\n  written: {old}\n  is:      {new}", path.display()));
        }
    }
    assert!(count > 100, "the cases were not found");
    assert!(different.is_empty(), "{}", different.join("\n"));
}
