//! Kernels through the whole compiler.

mod expressions;

use super::intrinsics::{Intrinsic, TABLE};
use super::types::{Scalar, Type};
use super::{Options, compile};
use tilewright::ptxas::Ptxas;

/// The PTX of a kernel, or what is wrong with it.
pub(crate) fn compiled(target: &str, source: &str) -> Result<String, Vec<String>> {
    let options: Options = syn::parse_str(&format!("target = \"{target}\"")).unwrap();
    let kernel: syn::ItemFn = syn::parse_str(source).unwrap();
    match compile(&options, &kernel) {
        Ok(compiled) => Ok(compiled.ptx),
        Err(error) => Err(error.into_iter().map(|error| error.to_string()).collect()),
    }
}

/// A kernel that calls a built-in function, whose `T` is `scalar`.
pub(crate) fn call(intrinsic: &Intrinsic, scalar: Option<Scalar>) -> String {
    let scalar = scalar.unwrap_or(Scalar::U32);
    let arguments: Vec<&str> = intrinsic
        .signature()
        .parameters
        .iter()
        .map(|(name, ty)| match (name.as_str(), ty) {
            ("destination", _) => "&mut tile[0]",
            ("groups", _) => "1",
            (_, Type::Pointer { .. }) => "pointer",
            (_, Type::Array(_, 2)) => "[value; 2]",
            (_, Type::Array(..)) => "[value; 4]",
            (_, Type::Variable(_)) => "value",
            (_, Type::Scalar(Scalar::Bool)) => "flag",
            _ => "word",
        })
        .collect();
    format!(
        "fn call(pointer: *mut {scalar}, value: {scalar}, flag: bool, word: u32) {{ \
         #[shared] let mut tile: [{scalar}; 64]; {}({}); }}",
        intrinsic.name(),
        arguments.join(", ")
    )
}

/// The body of a kernel has these mistakes, in this order.
#[track_caller]
fn check_errors(body: &str, expected: &[&str]) {
    let source = format!("fn k(n: u32, a: f32, x: *const f32, y: *mut f32) {{ {body} }}");
    let errors = compiled("sm_75", &source).err().unwrap_or_default();
    assert_eq!(errors, expected, "{body}");
}

#[test]
fn mistakes() {
    check_errors(
        "let i = thred_index.x;",
        &["nothing is called `thred_index` here\n\nhelp: did you mean `thread_index`?"],
    );
}

#[test]
fn nothing_runs_away() {
    let grown = "the kernel has grown beyond 200000 instructions here\n\n\
                 help: unroll less, or use a loop";
    check_errors("#[unroll] for i in 0..18446744073709551615u64 {}", &[grown]);
    check_errors(
        "#[unroll] for i in 0..9999 { #[unroll] for j in 0..9999 { y[i] = 1.0; } }",
        &[grown],
    );
    let mut calls = String::from("fn f0() {}");
    for i in 1..60 {
        calls += &format!(" fn f{i}() {{ f{}(); f{}(); }}", i - 1, i - 1);
    }
    check_errors(&format!("{calls} f59();"), &[grown]);
    check_errors(
        "let large = [[0u8; 100000]; 100000];",
        &["an array has 1 to 262144 elements, and this one 10000000000"],
    );
    check_errors(
        "let large = [0u8; 100000];",
        &["an array of 100000 elements is too large for the registers of a thread\n\n\
           help: copy the elements of shared memory in a loop"],
    );
}

#[test]
fn a_name_is_one_of_ptx() {
    assert!(compiled("sm_80", "fn größe() {}").unwrap_err()[0].starts_with("PTX has no name"));
    assert!(compiled("sm_80", "fn r#match() {}").unwrap().contains(".entry match("));
    let shared = "fn k() { #[shared] let mut größe: [u8; 4]; größe[0] = 1; }";
    assert!(compiled("sm_80", shared).is_ok());
}

/// Every built-in function on every type, as one module.
#[test]
fn what_is_emitted_assembles() {
    let Some(ptxas) = ptxas() else { return };
    let mut module = String::from(".version 8.0\n.target sm_90\n.address_size 64\n");
    let mut count = 0;
    for row in TABLE {
        for scalar in row.types.map_or(vec![None], |types| types.iter().map(Some).collect()) {
            let name = format!("call_{count}");
            let source = call(row, scalar).replacen("fn call(", &format!("fn {name}("), 1);
            let ptx = compiled("sm_90", &source).unwrap();
            // One header serves all of them.
            module += &ptx[ptx.find(".visible").unwrap()..];
            count += 1;
        }
    }
    ptxas.assemble(&module, "sm_90").unwrap();
}

/// The assembler, where there is one.
fn ptxas() -> Option<Ptxas> {
    match Ptxas::find() {
        Ok(ptxas) => Some(ptxas),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}
