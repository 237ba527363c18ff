//! The repository's own rules for its sources.

use std::path::{Path, PathBuf};

/// Lines of a source file, at most.
const LONGEST: usize = 600;

/// What no source file may hold, each in two parts so that this file does not.
const FORBIDDEN: [(&str, &str, &str); 7] = [
    ("to", "do!(", "unfinished code"),
    ("unimpl", "emented!(", "unfinished code"),
    ("TO", "DO", "a note of unfinished work belongs in an issue"),
    ("FIX", "ME", "a note of unfinished work belongs in an issue"),
    ("db", "g!(", "output for debugging"),
    ("/wo", "rk/", "a path of one machine"),
    ("../sha", "red", "a path outside the repository"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(1).unwrap().to_owned()
}

/// The files below `folder`, but for what is built, fetched or hidden.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !(name.starts_with('.') && name != ".ci") {
            files(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

fn sources(extensions: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    files(&root(), &mut found);
    let wanted = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extensions.iter().any(|other| extension == *other))
    };
    let read = |path: PathBuf| std::fs::read_to_string(&path).map(|text| (path, text)).ok();
    found.into_iter().filter(wanted).filter_map(read).collect()
}

#[test]
fn files_are_short() {
    let sources = sources(&["rs"]);
    assert!(sources.len() > 10, "the sources were not found");
    let long: Vec<String> = sources
        .iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "split these by subject:\n{}", long.join("\n"));
}

#[test]
fn nothing_forbidden() {
    let mut broken = Vec::new();
    for (path, text) in sources(&["rs", "toml", "md", "sh", "json"]) {
        for (number, line) in text.lines().enumerate() {
            for (head, tail, why) in FORBIDDEN {
                if line.contains(&format!("{head}{tail}")) {
                    broken.push(format!("{}:{}: {why}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
