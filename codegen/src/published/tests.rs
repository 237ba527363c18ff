use super::*;
use crate::attention::{DataType, Mask, Pass};

const PROBLEM: Problem = Problem {
    dtype: DataType::Bf16,
    head_dim: 128,
    head_dim_v: 128,
    batch: 4,
    heads: 16,
    kv_heads: 16,
    seqlen_q: 4096,
    seqlen_kv: 4096,
    mask: Mask::Window { left: 256, right: 0 },
};

fn gpu() -> &'static Gpu {
    Gpu::named("a100_sxm").unwrap()
}

fn row(config: &str, time_us: f64) -> Row {
    Row {
        gpu: gpu().name.into(),
        target: gpu().target.to_string(),
        pass: Pass::Forward,
        dtype: PROBLEM.dtype,
        head_dim: PROBLEM.head_dim,
        head_dim_v: PROBLEM.head_dim_v,
        mask: PROBLEM.mask,
        heads: PROBLEM.heads,
        kv_heads: PROBLEM.kv_heads,
        batch: PROBLEM.batch,
        seqlen_q: PROBLEM.seqlen_q,
        seqlen_kv: PROBLEM.seqlen_kv,
        config: config.into(),
        status: Status::Ok,
        reason: "none, \"really\"".into(),
        origin: Origin::Modelled,
        source: "analytic-1".into(),
        registers: Some(255),
        shared_bytes: 65536,
        spill_bytes: None,
        occupancy_blocks: 2,
        sass_per_score: Some(12.9),
        time_us: Some(time_us),
        tflops: Some(200.0),
        max_error: Some(0.001),
        seeds: 3,
        ptxas: String::new(),
        ptx_hash: "0123456789abcdef".into(),
        tool: "0.1.0".into(),
    }
}

#[test]
fn what_is_printed_is_read_back() {
    let rows = [row("m64n96w4s1sl", 700.5), row("m64n64w4s1sl", 1e-3)];
    let (found, damages) = parse(print(&rows).as_bytes());
    assert_eq!((found.as_slice(), damages.as_slice()), (&rows[..], &[][..]));
}

/// Checks what is said of a table whose second row is damaged by `damage`; the first and the third
/// must be kept.
fn check_damage(damage: impl Fn(&str) -> String, expected: &str) {
    let rows = [row("m64n96w4s1sl", 1.0), row("m64n64w4s1sl", 2.0), row("m64n32w4s1sl", 3.0)];
    let text = print(&rows);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[2] = damage(&lines[2]);
    let (found, damages) = parse(lines.join("\n").as_bytes());
    assert_eq!(found, [rows[0].clone(), rows[2].clone()]);
    let damages: Vec<String> = damages.iter().map(Damage::to_string).collect();
    assert_eq!(damages, [expected]);
}

#[test]
fn a_damaged_row_is_named_and_the_others_are_kept() {
    let replace = |from: &'static str, to: &'static str| move |line: &str| line.replace(from, to);
    check_damage(|line| line[..40].to_owned(), "line 3: it has 7 fields, expected 29");
    check_damage(
        replace("bf16", "fp17"),
        "line 3: `fp17` is not a data type; expected f16, bf16, e4m3 or e5m2",
    );
    check_damage(
        replace(",4096,4096", ",4o96,4096"),
        "line 3: `seqlen_q` is \"4o96\": invalid digit found in string",
    );
    check_damage(replace(",2.0,", ",NaN,"), "line 3: `time_us` is NaN, expected a positive number");
    check_damage(
        replace(",2.0,", ",,"),
        "line 3: `time_us` is empty in a row whose status is `ok`",
    );
    check_damage(
        replace("0.001", "inf"),
        "line 3: `max_error` must be a number in a row whose status is `ok`",
    );
    check_damage(replace("a100_sxm", "\"a100_sxm"), "line 3: it has 24 fields, expected 29");
    let no_config = "x".parse::<Config>().unwrap_err();
    check_damage(replace("m64n64w4s1sl", "x"), &format!("line 3: {no_config}"));
    check_damage(
        replace("m64n64w4s1sl", "m64n96w4s1sl"),
        "line 3: it repeats what line 2 is about",
    );
}

#[test]
fn bytes_that_are_no_text_are_damage() {
    let mut table = print(&[row("m64n96w4s1sl", 1.0)]).into_bytes();
    table.extend(b"\xff\xfe,1,2\n");
    let (rows, damages) = parse(&table);
    assert_eq!(
        (rows.len(), damages[0].to_string().as_str()),
        (1, "line 3: its bytes are not UTF-8")
    );
}

#[test]
fn other_columns_make_another_table() {
    for table in ["", "gpu,target\n1,2\n", "\0\0\0"] {
        let (rows, damages) = parse(table.as_bytes());
        assert!(rows.is_empty());
        assert!(damages[0].to_string().starts_with("line 1: expected the columns `gpu,target,"));
    }
}

fn check_nearest(rows: &[Row], problem: Problem, expected: Option<&str>) {
    let found = nearest(rows, gpu(), &problem).map(|row| row.config.as_str());
    assert_eq!(found, expected);
}

#[test]
fn the_nearest_problem_decides_before_the_time() {
    let long = Row { seqlen_q: 16384, seqlen_kv: 16384, ..row("m64n64w4s1sl", 1.0) };
    let rows = [row("m64n96w4s1sl", 20.0), row("m64n48w4s1sl", 10.0), long];
    check_nearest(&rows, PROBLEM, Some("m64n48w4s1sl"));
    check_nearest(&rows, Problem { seqlen_kv: 9000, ..PROBLEM }, Some("m64n64w4s1sl"));
    check_nearest(&rows, Problem { seqlen_kv: 1, ..PROBLEM }, Some("m64n48w4s1sl"));
}

#[test]
fn a_measured_time_is_never_compared_with_a_modelled_one() {
    let measured = Row { origin: Origin::Measured, ..row("m64n96w4s1sl", 30.0) };
    check_nearest(&[row("m64n64w4s1sl", 1.0), measured], PROBLEM, Some("m64n96w4s1sl"));
}

#[test]
fn ranks() {
    let check = |better: Row, worse: Row| {
        assert_eq!(rank(&better, &worse), Ordering::Less);
        assert_eq!(rank(&worse, &better), Ordering::Greater);
    };
    let with = |time_us| row("m64n96w4s1sl", time_us);
    let measured = |time_us| Row { origin: Origin::Measured, ..with(time_us) };
    let spilling = |row: Row| Row { spill_bytes: Some(8), ..row };
    check(with(1.0), with(2.0));
    check(with(9.0), Row { status: Status::Wrong, ..with(1.0) });
    check(with(9.0), Row { status: Status::Failed, time_us: None, ..with(1.0) });
    check(measured(9.0), with(1.0));
    check(with(9.0), spilling(with(1.0)));
    check(spilling(measured(1.0)), measured(2.0));
    check(Row { registers: Some(100), ..with(1.0) }, with(1.0));
}

#[test]
fn what_was_not_right_or_cannot_be_built_does_not_count() {
    let wrong = Row { status: Status::Wrong, ..row("m64n96w4s1sl", 1.0) };
    let too_large = row("m128n64w4s8sl", 1.0);
    let other = Row { dtype: DataType::F16, ..row("m64n96w4s1sl", 1.0) };
    check_nearest(&[wrong, too_large, other], PROBLEM, None);
    let other_window = Problem { mask: Mask::Window { left: 9, right: 9 }, ..PROBLEM };
    check_nearest(&[row("m64n96w4s1sl", 1.0)], other_window, Some("m64n96w4s1sl"));
    check_nearest(&[row("m64n96w4s1sl", 1.0)], Problem { mask: Mask::Causal, ..PROBLEM }, None);
}

#[test]
fn the_published_tables_are_whole() {
    for (gpu, table) in Gpu::all().iter().filter_map(|gpu| Some((gpu, table(gpu)?))) {
        let (rows, damages) = parse(table.as_bytes());
        assert_eq!(damages, [], "{gpu}");
        assert_eq!(print(&rows), table, "{gpu}: the tuner prints what is there");
        assert!(rows.is_sorted_by_key(Row::key), "{gpu}");
        for row in rows {
            assert_eq!(row.gpu, gpu.name);
            let config: Config = row.config.parse().unwrap();
            config.check(&row.problem(), gpu).unwrap();
        }
    }
}

#[test]
fn every_column_is_documented() {
    let documentation = include_str!("../../../results/README.md");
    for column in columns() {
        assert!(documentation.contains(&format!("| `{column}` |")), "{column}");
    }
}
