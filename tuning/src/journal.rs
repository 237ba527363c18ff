//! What a run has found so far, so that one that was interrupted can go on.
//!
//! A journal is a file of JSON objects, one a line, to which a line is added as soon as a candidate
//! is done. It lies beside the table and goes when the table is written.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use tilewright_codegen::published::{Damage, Row};

use crate::paths::FileError;

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    found: HashMap<String, Row>,
}

/// A line: what the row depends on, as a hash, and the row.
#[derive(Serialize, Deserialize)]
struct Entry<R> {
    key: String,
    row: R,
}

impl Journal {
    /// Opens the journal at `path`, or starts one. Lines that are no entries are named and passed
    /// over: a run that was killed may have left one that ends early.
    ///
    /// # Errors
    /// Where the file cannot be read or written.
    pub fn open(path: &Path) -> Result<(Journal, Vec<Damage>), FileError> {
        if path.exists() {
            tilewright::files::open(path).map_err(FileError::new("read", path))?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(FileError::new("write", path))?;
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.read_to_end(&mut bytes))
            .map_err(FileError::new("read", path))?;
        if bytes.last().is_some_and(|&byte| byte != b'\n') {
            file.write_all(b"\n").map_err(FileError::new("write", path))?;
        }
        let (found, damages) = read(&bytes);
        Ok((Journal { path: path.to_owned(), file: Mutex::new(file), found }, damages))
    }

    /// How many rows earlier runs have left.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether earlier runs have left nothing.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// What an earlier run found under `key`.
    pub fn get(&self, key: &str) -> Option<&Row> {
        self.found.get(key)
    }

    /// Adds a row. It is in the file when this returns.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn add(&self, key: &str, row: &Row) -> Result<(), FileError> {
        let entry = Entry { key: key.to_owned(), row };
        let line = serde_json::to_string(&entry).map_err(io::Error::other);
        let write = |line: String| {
            // One write, so that lines of several threads stay apart.
            let mut file = self.file.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            file.write_all((line + "\n").as_bytes())
        };
        line.and_then(write).map_err(FileError::new("write", &self.path))
    }

    /// Removes the file: its rows are in the table.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub fn remove(self) -> Result<(), FileError> {
        fs::remove_file(&self.path).map_err(FileError::new("remove", &self.path))
    }
}

fn read(bytes: &[u8]) -> (HashMap<String, Row>, Vec<Damage>) {
    let (mut found, mut damages) = (HashMap::new(), Vec::new());
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<Entry<Row>>(line) {
            Ok(Entry { key, row }) => {
                found.insert(key, row);
            }
            Err(error) => {
                damages.push(Damage { line: index + 1, reason: error.to_string() });
            }
        }
    }
    (found, damages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::row;

    #[test]
    fn goes_on_where_it_was_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (journal, damages) = Journal::open(&path).unwrap();
        assert!(journal.is_empty() && damages.is_empty());
        journal.add("one", &row("m128n64w4s1", 1.0)).unwrap();
        journal.add("two", &row("m64n64w4s1", 2.0)).unwrap();
        // What a run that is killed while it writes leaves.
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(bytes.len() - 20);
        fs::write(&path, bytes).unwrap();

        let (journal, damages) = Journal::open(&path).unwrap();
        assert_eq!(journal.get("one"), Some(&row("m128n64w4s1", 1.0)));
        assert_eq!(journal.get("two"), None);
        assert_eq!(damages[0].line, 2);
        journal.add("three", &row("m64n64w4s1", 3.0)).unwrap();

        let (journal, damages) = Journal::open(&path).unwrap();
        assert_eq!((journal.len(), damages.len()), (2, 1));
        assert_eq!(journal.get("three"), Some(&row("m64n64w4s1", 3.0)));
        journal.remove().unwrap();
        assert!(!path.exists());
    }
}
