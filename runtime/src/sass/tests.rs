use super::*;

/// A disassembly of one function named `f`; a line that ends in `:` is a label.
fn function(lines: &str) -> Function {
    let mut text = String::from("f:\n.text.f:\n");
    let mut address = 0;
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.ends_with(':') {
            text += &format!("{line}\n");
        } else {
            text += &format!("        /*{address:04x}*/    {line} ;\n");
            address += 16;
        }
    }
    parse(&text).unwrap().remove(0)
}

/// Checks the loops of a function, given as head address and number of instructions.
fn check_loops(lines: &str, expected: &[(u64, usize)]) {
    let function = function(lines);
    let address = |l: &Loop| function.instructions[l.head].address;
    let found: Vec<_> = function.loops().iter().map(|l| (address(l), l.body.len())).collect();
    assert_eq!(found, expected);
}

#[test]
fn parts_of_an_instruction() {
    let f = function(
        ".L_x_0:
         @!P0 FFMA.FTZ R1, R2.reuse, R3, R4
         EXIT",
    );
    let first = &f.instructions[0];
    assert_eq!(first.guard.as_deref(), Some("!P0"));
    assert_eq!(
        (first.opcode.as_str(), first.operands.as_str()),
        ("FFMA.FTZ", "R1, R2.reuse, R3, R4")
    );
    assert!(first.is("FFMA") && first.is("FFMA.FTZ") && !first.is("FF") && !first.is("FFMA.F"));
    assert_eq!(first.to_string(), "@!P0 FFMA.FTZ R1, R2.reuse, R3, R4");
    assert_eq!(f.instructions[1].address, 16);
}

#[test]
fn nested_loops() {
    check_loops(
        "MOV R1, 0
         .L_x_0:
         IADD3 R1, R1, 1, RZ
         .L_x_1:
         IADD3 R2, R2, 1, RZ
         @P0 BRA `(.L_x_1)
         @P1 BRA `(.L_x_0)
         EXIT",
        &[(0x10, 4), (0x20, 2)],
    );
}

#[test]
fn a_wait_that_is_moved_out_of_line_stays_in_its_loop() {
    // The wait at .L_x_9 lies after the code around the loop, and jumps back into the loop.
    let lines = "
        .L_x_0:
        SYNCS.PHASECHK.TRANS64.TRYWAIT P0, [UR4], R0
        @!P0 BRA `(.L_x_9)
        .L_x_1:
        HMMA.16816.F32 R4, R8, R12, R4
        MUFU.EX2 R3, R3
        @P1 BRA `(.L_x_0)
        MUFU.EX2 R4, R4
        EXIT
        .L_x_9:
        SYNCS.PHASECHK.TRANS64.TRYWAIT P0, [UR4], R0
        @!P0 BRA `(.L_x_9)
        BRA `(.L_x_1)";
    check_loops(lines, &[(0, 8), (0x70, 2)]);
    let f = function(lines);
    let steady = f.steady_loop(&["HMMA", "MUFU.EX2"]).unwrap();
    let mix = f.mix(&steady);
    assert_eq!((mix.total(), mix.count("HMMA"), mix.count("MUFU"), mix.count("BRA")), (8, 1, 1, 4));
    assert_eq!(mix.to_string(), "8 instructions: BRA 4 SYNCS 2 HMMA 1 MUFU 1");
}

#[test]
fn the_steady_loop_is_the_shortest_innermost_one() {
    let f = function(
        ".L_x_0:
         .L_x_1:
         HMMA.16816.F32 R4, R8, R12, R4
         FSEL R3, R3, -INF, P2
         MUFU.EX2 R3, R3
         @P0 BRA `(.L_x_1)
         .L_x_2:
         HMMA.16816.F32 R4, R8, R12, R4
         MUFU.EX2 R3, R3
         BRA.U UP0, `(.L_x_2)
         @P1 BRA `(.L_x_0)
         .L_x_3:
         FADD R3, R3, R3
         @P1 BRA `(.L_x_3)
         EXIT",
    );
    let steady = f.steady_loop(&["HMMA", "MUFU.EX2"]).unwrap();
    assert_eq!(f.mix(&steady).total(), 3);
    assert_eq!(f.steady_loop(&["HGMMA"]), None);
}

#[test]
fn a_call_that_leaves_a_loop_does_not_hide_it() {
    let lines = "
        .L_x_0:
        HMMA.16816.F32 R4, R8, R12, R4
        @P0 CALL.REL.NOINC `(.L_x_1)
        BRA `(.L_x_0)
        .L_x_1:
        HMMA.16816.F32 R4, R8, R12, R4
        @P1 CALL.REL.NOINC `(.L_x_2)
        BRA `(.L_x_1)
        .L_x_2:
        EXIT";
    check_loops(lines, &[(0, 3), (0x30, 3)]);
}

#[test]
fn an_endless_branch_after_exit_is_no_loop() {
    // The assembler pads a function with a branch to itself that is never reached.
    check_loops("EXIT\n.L_x_0:\nBRA `(.L_x_0)\nNOP", &[]);
}

#[test]
fn what_is_not_understood_is_an_error() {
    let check = |text: &str, line: usize, reason: &str| {
        let error = parse(text).unwrap_err();
        assert_eq!((error.line, error.reason), (line, reason));
    };
    check("/*0000*/ NOP ;", 1, "an instruction outside a function");
    check(".text.f:\n/*0000*/ NOP", 2, "an instruction that does not end in ;");
    check(".text.f:\n/*zz*/ NOP ;", 2, "an address that is no number");
    check(".text.f:\n/*00", 2, "an address that does not end");
}
