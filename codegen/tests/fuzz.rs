//! Texts that are no PTX, or no longer: parser and checker answer, and do not panic.

use std::path::Path;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use tilewright_codegen::ptx;

/// The shorter fixtures: kernels of several compilers.
static FIXTURES: LazyLock<Vec<String>> = LazyLock::new(|| {
    const LONGEST: usize = 40_000;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/corpus");
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    let texts = all.iter().filter_map(|path| std::fs::read_to_string(path.join("kernel.ptx")).ok());
    let texts: Vec<String> = texts.filter(|text| text.len() < LONGEST).collect();
    assert!(texts.len() > 50, "the fixtures were not found");
    texts
});

/// Everything that can be done with a text; what passes the checker is read back.
fn drive(text: &str) {
    let Ok(module) = ptx::parse(text) else { return };
    let _ = module.least_version();
    let Ok(checked) = ptx::check(module) else { return };
    let printed = ptx::print(&checked);
    let again = ptx::parse(&printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
    assert_eq!(&again, checked.module());
}

/// A change of a text at a place.
#[derive(Clone, Debug)]
enum Change {
    Cut(usize),
    Remove(usize),
    Repeat(usize),
    Swap(prop::sample::Index),
    Insert(String),
    Byte(u8),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (0..200_usize).prop_map(Change::Cut),
        (1..40_usize).prop_map(Change::Remove),
        (1..80_usize).prop_map(Change::Repeat),
        any::<prop::sample::Index>().prop_map(Change::Swap),
        prop::sample::select(vec![
            "{",
            "}",
            "(",
            ")",
            "[",
            "]",
            ",",
            ";",
            ":",
            "|",
            "!",
            "_",
            "@",
            "<",
            ">",
            "+",
            "-4",
            "0x",
            "0f",
            "1e",
            ".b32",
            ".v4",
            ".reg",
            ".param",
            "%r0",
            "%p1",
            "%r<9>",
            "ret;",
            "/*",
            "\"",
            ".func",
            ".entry",
            "call",
            "=",
            "{{{{",
            "((((",
            "18446744073709551615",
            "\0",
            "é",
        ])
        .prop_map(|text| Change::Insert(text.to_string())),
        any::<u8>().prop_map(Change::Byte),
    ]
}

fn apply(text: &mut Vec<u8>, at: usize, change: &Change) {
    let end = |length: usize| (at + length).min(text.len());
    match change {
        Change::Cut(keep) => text.truncate(at.max(*keep)),
        Change::Remove(length) => drop(text.drain(at..end(*length))),
        Change::Repeat(length) => {
            let piece = text[at..end(*length)].to_vec();
            text.splice(at..at, piece);
        }
        Change::Swap(other) => {
            let other = other.index(text.len());
            text.swap(at, other);
        }
        Change::Insert(piece) => drop(text.splice(at..at, piece.bytes())),
        Change::Byte(byte) => text[at] = *byte,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_bytes(bytes in vec(any::<u8>(), 0..300)) {
        drive(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn random_words(words in vec(prop::sample::select(vec![
        ".version", "8.0", ".target", "sm_80", ".entry", ".func", "f", "(", ")", "{", "}", "[", "]",
        ".reg", ".b32", ".pred", "%r", "%r1", "<", ">", "4", ";", ",", "add.s32", "mov.b32", "bra",
        "call", "ret", "L", ":", "@", "!", "|", "_", "+", "-", "0f3F800000", ".param", ".shared",
        ".align", "=", "\n", ".branchtargets", ".callprototype", ".global", ".v2", "1.5", "\"a\"",
        ".pragma", ".loc", "ld.global.b32", "st.shared.v4.f32", ".x", "generic",
    ]), 0..80)) {
        drive(&words.join(" "));
        drive(&format!(".version 8.0 .target sm_80 .entry f() {{ {} }}", words.join(" ")));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn damaged_kernels(
        which in any::<prop::sample::Index>(),
        changes in vec((any::<prop::sample::Index>(), change()), 1..4),
    ) {
        let mut text = which.get(&FIXTURES).clone().into_bytes();
        for (at, change) in &changes {
            if !text.is_empty() {
                let at = at.index(text.len());
                apply(&mut text, at, change);
            }
        }
        drive(&String::from_utf8_lossy(&text));
    }
}

/// Time is linear in the length: texts that would take a careless parser or checker forever.
#[test]
fn hostile_texts_are_answered_at_once() {
    let head = ".version 8.0 .target sm_80 .entry f() {";
    let many = 20_000;
    let numbered = |each: &dyn Fn(usize) -> String| (0..many).map(each).collect::<String>();
    let texts = [
        "{".repeat(many),
        format!("{head}{}", "{".repeat(many)),
        format!("{head} mov.b32 %r0, {}", "(".repeat(many)),
        format!("{head} mov.b32 %r0, {}1;", "-".repeat(many)),
        format!("{head} mov.b32 %r0, 1{};", "+1".repeat(many)),
        format!("{head} mov.b64 {}", "{".repeat(many)),
        format!("{head} mov.b32 {}", "a|".repeat(many)),
        format!("{head} ld.b32 a, [a{}];", "+1".repeat(many)),
        format!("{head} add{};", ".s32".repeat(many)),
        format!("{head} mma{};", ".row.col".repeat(many)),
        format!(".version 8.0 .target sm_80 .global .b8 x = {}", "{".repeat(many)),
        format!(".version 8.0 .target sm_80 .global .b8 x{};", "[1000000]".repeat(many)),
        ".version 8.0 .target sm_80 .global .b8 x[2][100000000] = {{1},{2}};".to_string(),
        format!(
            "{head} .reg .b32 %r<4294967295>; {} }}",
            numbered(&|i| format!("mov.b32 %r{i}, 1;"))
        ),
        format!("{head} {} }}", numbered(&|i| format!(".reg .b32 %a{i}<9>; .reg .b32 %b{i};"))),
        format!("{head} {} }}", numbered(&|i| format!("L{i}: bra L{};", many - 1 - i))),
        format!(
            "{head} T: .branchtargets {}; {} L: }}",
            vec!["L"; many].join(","),
            ".reg .b32 a; brx.idx a, T;".repeat(many)
        ),
        format!(
            "{head} .reg .b64 a; P: .callprototype _ ({}); {} }}",
            vec![".param .b32 _"; many].join(","),
            "call a, (), P;".repeat(many)
        ),
        format!("{head} .reg .b32 {}; }}", "1".repeat(many)),
        format!("{head} // {}", "x".repeat(many * 10)),
        "\"".repeat(many),
        ".loc ".repeat(many),
    ];
    for text in texts {
        let begin = std::time::Instant::now();
        drive(&text);
        let taken = begin.elapsed();
        assert!(taken.as_secs() < 5, "{taken:?} for {}…", &text[..60.min(text.len())]);
    }
}
