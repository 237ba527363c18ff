//! A table as text: comma-separated, one row a line, the columns named in the first line.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{Row, columns};

/// A line of a table that is no row.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {reason}")]
pub struct Damage {
    /// The line, from 1.
    pub line: usize,
    /// What was expected and what was found.
    pub reason: String,
}

/// Reads a table. Every line is read by itself, so that a damaged one costs no other.
///
/// Lines that are no row are named, in order; so is a row that repeats the [key](super::Key) of an earlier one.
/// A first line that names other columns damages the table as a whole: it then has no rows.
pub fn parse(table: &[u8]) -> (Vec<Row>, Vec<Damage>) {
    let (mut rows, mut damages) = (Vec::new(), Vec::new());
    let mut lines = table.split(|&byte| byte == b'\n').enumerate();
    let columns = columns();
    match lines.next().map(|(_, line)| fields(line)) {
        Some(Ok(found)) if found.iter().eq(columns.iter().copied()) => {}
        _ => {
            let reason = format!("expected the columns `{}`", columns.join(","));
            return (rows, vec![Damage { line: 1, reason }]);
        }
    }
    let mut seen = BTreeMap::new();
    for (index, line) in lines.filter(|(_, line)| !line.trim_ascii().is_empty()) {
        let number = index + 1;
        let row = row(line).and_then(|row| match seen.insert(row.key(), number) {
            Some(first) => Err(format!("it repeats what line {first} is about")),
            None => Ok(row),
        });
        match row {
            Ok(row) => rows.push(row),
            Err(reason) => damages.push(Damage { line: number, reason }),
        }
    }
    (rows, damages)
}

/// The text of a table with `rows`, in their order.
pub fn print(rows: &[Row]) -> String {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    // Writing to memory fails for neither of the reasons that the writer knows.
    writer.write_record(columns()).expect("memory takes every record");
    for row in rows {
        writer.serialize(row).expect("a row is flat");
    }
    let bytes = writer.into_inner().expect("memory takes every record");
    String::from_utf8(bytes).expect("fields are text")
}

fn fields(line: &[u8]) -> Result<csv::StringRecord, String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(line);
    match reader.records().next() {
        Some(record) => record.map_err(|_| "its bytes are not UTF-8".to_owned()),
        None => Ok(csv::StringRecord::new()),
    }
}

fn row(line: &[u8]) -> Result<Row, String> {
    let (fields, columns) = (fields(line)?, columns());
    if fields.len() != columns.len() {
        return Err(format!("it has {} fields, expected {}", fields.len(), columns.len()));
    }
    let row: Row = fields.deserialize(None).map_err(|error| match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => {
            let column = err.field().and_then(|index| columns.get(index as usize));
            let found = err.field().and_then(|index| fields.get(index as usize));
            match (column, found) {
                (Some(column), Some(found)) => format!("`{column}` is {found:?}: {}", err.kind()),
                _ => err.kind().to_string(),
            }
        }
        _ => error.to_string(),
    })?;
    match row.contradiction() {
        Some(reason) => Err(reason),
        None => Ok(row),
    }
}
