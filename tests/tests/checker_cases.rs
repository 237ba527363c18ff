//! The checker's cases against NVIDIA's assembler: what the one takes, the other takes.

use std::path::Path;

use tilewright::ptx;
use tilewright::ptxas::{Error, Ptxas};

/// Cases on which the two differ on purpose, by title, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("managed memory", "not part of the tree"),
    ("32-bit addresses", "not part of the tree"),
    ("large parameters", "sm_70 is older than ptxas"),
    ("through a narrow register", "ptxas lets an address of 64 bits come from 32"),
    ("a number of more than 64 bits", "ptxas cuts it off"),
    ("blocks too deep", "the limit is the parser's"),
    ("parentheses too deep", "the limit is the parser's"),
    ("a range of billions", "ptxas runs out of memory"),
];

#[test]
fn ptxas_takes_what_the_checker_takes() {
    let ptxas = match Ptxas::find() {
        Ok(ptxas) => ptxas,
        Err(error) => return eprintln!("NOT RUN: {error}"),
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../codegen/tests/cases");
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for case in file.split("//# ").skip(1) {
            let (title, body) = case.split_once('\n').unwrap();
            let (title, place) = title.rsplit_once(" @ ").unwrap();
            if DIFFERENT.iter().any(|(other, _)| *other == title) {
                continue;
            }
            count += 1;
            let (version, target) = place.split_once(' ').unwrap();
            let text = format!(".version {version} .target {target}\n{body}");
            let checked = ptx::parse(&text).ok().and_then(|module| ptx::check(module).ok());
            // What is printed is what has to assemble.
            let printed = checked.as_ref().map_or(text, ptx::print);
            match (checked.is_some(), ptxas.assemble(&printed, target)) {
                (true, Err(error)) => wrong.push(format!("{title}: {error}\n{printed}")),
                (false, Ok(_)) => wrong.push(format!("{title}: ptxas takes it")),
                (false, Err(error @ (Error::NotFound(_) | Error::Io { .. }))) => {
                    panic!("{error}")
                }
                _ => {}
            }
        }
    }
    assert!(count > 100, "the cases were not found");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
