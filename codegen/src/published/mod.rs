//! The published tuning tables: what is in a row, how a table reads and prints, and the tables
//! themselves, as they stood when this crate was compiled.
//!
//! A table is a CSV file, one a GPU, in the folder `results` of the repository. The tuner writes
//! it; [`best`] is how `attention!` and the tuner take a configuration from it.

mod columns;
mod csv;
mod row;
mod text;

use std::cmp::Ordering;

pub use self::csv::{Damage, parse, print};
pub use columns::columns;
pub use row::{Key, Origin, Row, Status};

use crate::attention::{Config, Problem};
use crate::gpu::Gpu;

/// The table of a GPU, as text.
fn table(gpu: &Gpu) -> Option<&'static str> {
    match gpu.name {
        "a100_sxm" => Some(include_str!("../../../results/a100_sxm.csv")),
        "rtx3090" => Some(include_str!("../../../results/rtx3090.csv")),
        "rtx4090" => Some(include_str!("../../../results/rtx4090.csv")),
        "h100_sxm" => Some(include_str!("../../../results/h100_sxm.csv")),
        "h100_pcie" => Some(include_str!("../../../results/h100_pcie.csv")),
        "h200" => Some(include_str!("../../../results/h200.csv")),
        "b200" => Some(include_str!("../../../results/b200.csv")),
        "gb200" => Some(include_str!("../../../results/gb200.csv")),
        "b300" => Some(include_str!("../../../results/b300.csv")),
        "gb300" => Some(include_str!("../../../results/gb300.csv")),
        _ => None,
    }
}

/// The rows published for `gpu`; none where it has no table.
pub fn rows(gpu: &Gpu) -> Vec<Row> {
    table(gpu).map(|table| parse(table.as_bytes()).0).unwrap_or_default()
}

/// The configuration published for the problem on `gpu` that is nearest to `problem`.
///
/// [`nearest`] is the rule. None where the GPU has no table, or none of its rows has the pass, the
/// data type, the head dimensions and the kind of mask.
pub fn best(gpu: &Gpu, problem: &Problem) -> Option<Config> {
    nearest(&rows(gpu), gpu, problem)?.config.parse().ok()
}

/// The best row for the problem in `rows` that is nearest to `problem`.
///
/// A row counts where its status is `ok`, its GPU, data type, head dimensions and kind of mask are
/// the ones asked for, and its configuration can be built for `problem`. Of those, the nearest
/// have the lengths of K and V whose ratio to those asked for is nearest to one; then likewise the
/// lengths of Q; then the number of heads in all sequences. Among the nearest the first by
/// [`rank`] wins.
pub fn nearest<'r>(rows: &'r [Row], gpu: &Gpu, problem: &Problem) -> Option<&'r Row> {
    let serves = |row: &&Row| {
        let other = row.problem();
        row.status == Status::Ok
            && row.gpu == gpu.name
            && other.dtype == problem.dtype
            && (other.head_dim, other.head_dim_v) == (problem.head_dim, problem.head_dim_v)
            && other.mask.kind() == problem.mask.kind()
            && row.config.parse().is_ok_and(|config: Config| config.check(problem, gpu).is_ok())
    };
    rows.iter().filter(serves).min_by(|a, b| {
        let distance = |row: &Row| distance(&row.problem(), problem);
        compare(distance(a), distance(b)).then_with(|| rank(a, b))
    })
}

/// Which of two rows of one problem is the better one: that comes first.
///
/// Right kernels come before others, and measured times before modelled ones, so that the two are
/// never compared. Of modelled ones, kernels that spill registers come after those that do not:
/// models know nothing of local memory. Then the shorter time wins; of equal ones, fewer registers,
/// then less shared memory, then the shorter name.
pub fn rank(a: &Row, b: &Row) -> Ordering {
    let wrong = |row: &Row| row.status != Status::Ok;
    let spills = |row: &Row| row.origin == Origin::Modelled && row.spill_bytes > Some(0);
    let time = |row: &Row| row.time_us.unwrap_or(f64::INFINITY);
    let resources = |row: &Row| (row.registers, row.shared_bytes, row.config.len());
    (wrong(a), a.origin, spills(a))
        .cmp(&(wrong(b), b.origin, spills(b)))
        .then(f64::total_cmp(&time(a), &time(b)))
        .then_with(|| resources(a).cmp(&resources(b)))
}

/// How far apart two problems of one kind are, the most important first.
fn distance(a: &Problem, b: &Problem) -> [f64; 3] {
    let apart = |a: f64, b: f64| (a / b).ln().abs();
    let heads = |p: &Problem| f64::from(p.batch) * f64::from(p.heads);
    [
        apart(a.seqlen_kv.into(), b.seqlen_kv.into()),
        apart(a.seqlen_q.into(), b.seqlen_q.into()),
        apart(heads(a), heads(b)),
    ]
}

fn compare(a: [f64; 3], b: [f64; 3]) -> Ordering {
    a.iter().zip(&b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests;
