use std::collections::HashMap;
use std::sync::LazyLock;

use super::form::Form;
use super::notation;

/// The files of the table, each a family of instructions.
const FILES: &[(&str, &str)] = &[
    ("arithmetic.isa", include_str!("arithmetic.isa")),
    ("floating.isa", include_str!("floating.isa")),
    ("comparison.isa", include_str!("comparison.isa")),
    ("move.isa", include_str!("move.isa")),
    ("convert.isa", include_str!("convert.isa")),
    ("memory.isa", include_str!("memory.isa")),
    ("atomic.isa", include_str!("atomic.isa")),
    ("copy.isa", include_str!("copy.isa")),
    ("warp.isa", include_str!("warp.isa")),
    ("matrix.isa", include_str!("matrix.isa")),
    ("wmma.isa", include_str!("wmma.isa")),
    ("blackwell.isa", include_str!("blackwell.isa")),
    ("control.isa", include_str!("control.isa")),
];

/// Every instruction form, indexed by the first word of its name.
#[derive(Debug)]
pub struct Table {
    forms: HashMap<&'static str, Vec<Form>>,
}

/// The table of instruction forms.
///
/// # Panics
///
/// Where a row of the table itself is malformed, which a test rules out.
pub fn table() -> &'static Table {
    static TABLE: LazyLock<Table> = LazyLock::new(|| match Table::read(FILES) {
        Ok(table) => table,
        Err(error) => panic!("the instruction table is malformed: {error}"),
    });
    &TABLE
}

impl Table {
    fn read(files: &[(&'static str, &'static str)]) -> Result<Self, String> {
        let mut forms: HashMap<&'static str, Vec<Form>> = HashMap::new();
        for (file, text) in files {
            let mut sets: Vec<(String, &str)> = Vec::new();
            for (number, line) in text.lines().enumerate() {
                if line.trim().is_empty() || line.starts_with('#') {
                    continue;
                }
                if let Some((name, words)) =
                    line.strip_prefix("let ").and_then(|set| set.split_once(" = "))
                {
                    sets.push((format!("${name}"), words));
                    continue;
                }
                let form = notation::row(line, &expand(line, &sets))
                    .map_err(|error| format!("{file}:{}: {error}: {line}", number + 1))?;
                let first = line.split(['.', ' ']).next().unwrap_or_default();
                forms.entry(first).or_default().push(form);
            }
        }
        Ok(Self { forms })
    }

    /// The forms whose name begins with `word`.
    pub fn beginning_with(&self, word: &str) -> &[Form] {
        self.forms.get(word).map_or(&[], Vec::as_slice)
    }

    /// Every form, in no particular order.
    pub fn forms(&self) -> impl Iterator<Item = &Form> {
        self.forms.values().flatten()
    }

    /// Every first word, in no particular order.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        self.forms.keys().copied()
    }
}

/// Writes out the sets that a row names; later sets may name earlier ones.
fn expand(row: &str, sets: &[(String, &str)]) -> String {
    let mut row = row.to_string();
    for (name, words) in sets.iter().rev() {
        if !row.contains('$') {
            break;
        }
        row = row.replace(name, words);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_reads() {
        Table::read(FILES).unwrap();
    }
}
