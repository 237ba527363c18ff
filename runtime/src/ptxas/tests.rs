use super::report::{Message, Report, refusals};
use super::*;

/// What ptxas 13.5 prints with `-v`.
const VERBOSE: &str = "\
ptxas info    : 11 bytes gmem, 8 bytes cmem[4]
ptxas info    : Compiling entry function 'attn' for 'sm_80'
ptxas info    : Function properties for attn
    80 bytes stack frame, 64 bytes spill stores, 72 bytes spill loads
ptxas info    : Used 255 registers, used 1 barriers, 80 bytes cumulative stack size, 4096 bytes smem, 416 bytes cmem[0]
ptxas info    : Compile time = 185.512 ms
";

#[test]
fn figures_of_an_entry() {
    let report = Report::parse(VERBOSE).unwrap();
    let expected = EntryReport {
        name: "attn".into(),
        registers: 255,
        stack_bytes: 80,
        spill_store_bytes: 64,
        spill_load_bytes: 72,
        shared_bytes: 4096,
        barriers: 1,
    };
    assert_eq!(report.entry("attn"), Some(&expected));
    assert_eq!(expected.spill_bytes(), 136);
    assert!(report.warnings.is_empty());
}

#[test]
fn messages_carry_their_line() {
    let output = "\
ptxas kernel.ptx, line 1103; error   : Unknown modifier '.synk'
ptxas fatal   : Ptx assembly aborted due to errors
ptxas kernel.ptx, line 7; warning : something
ptxas info    : (C7510) Potential Performance Loss
";
    let expected = [
        Message { line: Some(1103), text: "Unknown modifier '.synk'".into() },
        Message { line: None, text: "Ptx assembly aborted due to errors".into() },
    ];
    assert_eq!(refusals(output), expected);
    let report = Report::parse(output).unwrap();
    let expected = [
        Message { line: Some(7), text: "something".into() },
        Message { line: None, text: "(C7510) Potential Performance Loss".into() },
    ];
    assert_eq!(report.warnings, expected);
}

#[test]
fn a_program_that_is_missing_or_never_ends_is_an_error() {
    let error = Ptxas::at("/nonexistent/ptxas").assemble("", "sm_80").unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    let error = process::run(Path::new("sleep"), &["60".as_ref()], Duration::from_millis(20));
    assert!(matches!(error, Err(Error::TimeLimit { .. })));
}

/// A kernel with one loop.
const LOOP: &str = "\
.version 7.0
.target sm_80
.address_size 64
.visible .entry count(.param .u64 out, .param .u32 n) {
  .reg .pred %p; .reg .u32 %i, %n, %s; .reg .u64 %o;
  ld.param.u64 %o, [out];
  ld.param.u32 %n, [n];
  mov.u32 %i, 0;
  mov.u32 %s, 1;
top:
  mul.lo.u32 %s, %s, %s;
  xor.b32 %s, %s, %i;
  add.u32 %i, %i, 1;
  setp.lt.u32 %p, %i, %n;
  @%p bra top;
  st.global.u32 [%o], %s;
  ret;
}
";

#[test]
fn assembles_and_disassembles() {
    let (Ok(ptxas), Ok(nvdisasm)) = (Ptxas::find(), Nvdisasm::find()) else {
        eprintln!("skipped: no ptxas and nvdisasm here; `cargo xtask test` fetches them");
        return;
    };
    assert!(ptxas.version().unwrap().contains('.'));
    let assembled = ptxas.assemble(LOOP, "sm_80").unwrap();
    let entry = assembled.report.entry("count").unwrap();
    assert!(entry.registers > 0 && entry.spill_bytes() == 0, "{entry:?}");
    let functions = nvdisasm.disassemble(&assembled.cubin).unwrap();
    let function = functions.iter().find(|f| f.name == "count").unwrap();
    assert!(!function.loops().is_empty());

    let broken = LOOP.replace("xor.b32", "xor.b33");
    let Err(Error::Refused { messages, .. }) = ptxas.assemble(&broken, "sm_80") else {
        panic!("a misspelt instruction was taken")
    };
    assert_eq!(messages[0].line, Some(12), "{messages:?}");
    let error = nvdisasm.disassemble(b"no cubin").unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}
