//! Tables for people.

use comfy_table::{Cell, CellAlignment, Table, presets};
use tilewright_codegen::published::{Row, Status};

use crate::model::compare::Comparison;
use crate::space::Space;

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(header);
    table
}

fn right(text: impl ToString) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// A number that may be unknown.
fn known(value: Option<impl ToString>) -> Cell {
    right(value.map_or_else(|| "–".to_owned(), |value| value.to_string()))
}

/// Why configurations of a space cannot be built: how many break each rule, and the arithmetic of
/// one of them.
pub fn refusals(space: &Space) -> Table {
    let mut table = table(&["refused", "for", "such as"]);
    for refusal in &space.refusals {
        table.add_row([
            right(refusal.count),
            Cell::new(refusal.rule),
            Cell::new(format!("{}: {}", refusal.example, refusal.error)),
        ]);
    }
    table
}

/// The first `count` rows of a ranking, and all whose status is not `ok`.
pub fn ranking(rows: &[Row], count: usize) -> Table {
    let origin = rows.first().map(|row| row.origin.to_string()).unwrap_or_default();
    let mut table = table(&[
        "config",
        "registers",
        "spills",
        "shared",
        "blocks",
        "SASS/score",
        &format!("µs {origin}"),
        "TFLOPs/s",
        "max error",
        "status",
    ]);
    for row in rows.iter().enumerate().filter(|(i, row)| *i < count || row.status != Status::Ok) {
        let row = row.1;
        let status = match row.status {
            Status::Ok => row.status.to_string(),
            status => format!("{status}: {}", row.reason),
        };
        table.add_row([
            Cell::new(&row.config),
            known(row.registers),
            known(row.spill_bytes),
            right(row.shared_bytes),
            right(row.occupancy_blocks),
            known(row.sass_per_score.map(|count| format!("{count:.1}"))),
            known(row.time_us.map(|time| format!("{time:.1}"))),
            known(row.tflops.map(|tflops| format!("{tflops:.1}"))),
            known(row.max_error.map(|error| format!("{error:.1e}"))),
            Cell::new(status),
        ]);
    }
    table
}

/// What a model says of kernels that were measured.
pub fn comparisons(comparisons: &[Comparison]) -> Table {
    let mut table = table(&[
        "GPU", "kernel", "head dim", "mask", "length", "measured", "modelled", "off by", "bound",
    ]);
    for comparison in comparisons {
        table.add_row([
            Cell::new(comparison.gpu.name),
            Cell::new(&comparison.kernel),
            right(comparison.problem.head_dim),
            Cell::new(comparison.problem.mask),
            right(comparison.problem.seqlen_kv),
            right(format!("{:.0}", comparison.measured)),
            right(format!("{:.0}", comparison.modelled)),
            right(format!("{:+.1} %", comparison.error() * 100.0)),
            Cell::new(comparison.estimate.bound),
        ]);
    }
    table
}
