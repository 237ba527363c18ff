//! Tables on disk.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tilewright_codegen::gpu::Gpu;
use tilewright_codegen::published::{Damage, Row, parse, print};

use crate::paths::FileError;

/// The longest table that is read.
const MOST_BYTES: u64 = 256 << 20;

/// Where the table of `gpu` is in the folder `results`.
pub fn path(results: &Path, gpu: &Gpu) -> PathBuf {
    results.join(format!("{gpu}.csv"))
}

/// Reads the table at `path`; one that does not exist has no rows. Damaged rows are named, and the
/// others kept.
///
/// # Errors
/// Where the file cannot be read.
pub fn read(path: &Path) -> Result<(Vec<Row>, Vec<Damage>), FileError> {
    let file = match tilewright::files::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Default::default()),
        file => file.map_err(FileError::new("read", path))?,
    };
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(FileError::new("read", path))?;
    if bytes.len() as u64 > MOST_BYTES {
        let error = io::Error::other(format!("a table has at most {MOST_BYTES} bytes"));
        return Err(FileError::new("read", path)(error));
    }
    Ok(parse(&bytes))
}

/// Puts `new` into the table that has `old`: a row takes the place of the one with its key. The
/// rows are in the order of their keys.
///
/// A new row speaks for its whole problem: older rows of the same problem and origin go, as their
/// times are from another model or another kernel.
pub fn merge(old: Vec<Row>, new: Vec<Row>) -> Vec<Row> {
    let renewed = |row: &Row| {
        new.iter().any(|other| {
            (other.problem(), other.pass, other.origin) == (row.problem(), row.pass, row.origin)
        })
    };
    let mut old = old;
    old.retain(|row| !renewed(row));
    let rows: BTreeMap<_, _> = old.into_iter().chain(new).map(|row| (row.key(), row)).collect();
    rows.into_values().collect()
}

/// Writes a table, whole or not at all.
///
/// # Errors
/// Where the file cannot be written; an old one is then still there.
pub fn write(path: &Path, rows: &[Row]) -> Result<(), FileError> {
    tilewright::files::write_whole(path, |file| file.write_all(print(rows).as_bytes()))
        .map_err(FileError::new("write", path))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use tilewright_codegen::attention::{DataType, Mask, Pass};
    use tilewright_codegen::published::{Origin, Status};

    pub(crate) fn row(config: &str, time_us: f64) -> Row {
        Row {
            gpu: "a100_sxm".into(),
            target: "sm_80".into(),
            pass: Pass::Forward,
            dtype: DataType::Bf16,
            head_dim: 128,
            head_dim_v: 128,
            mask: Mask::Window { left: 256, right: 0 },
            heads: 16,
            kv_heads: 16,
            batch: 4,
            seqlen_q: 4096,
            seqlen_kv: 4096,
            config: config.into(),
            status: Status::Ok,
            reason: String::new(),
            origin: Origin::Modelled,
            source: "analytic-1".into(),
            registers: Some(255),
            shared_bytes: 65536,
            spill_bytes: Some(0),
            occupancy_blocks: 2,
            sass_per_score: Some(12.9),
            time_us: Some(time_us),
            tflops: Some(200.0),
            max_error: Some(0.001),
            seeds: 2,
            ptxas: "13.5.37".into(),
            ptx_hash: "0123456789abcdef".into(),
            tool: "0.1.0".into(),
        }
    }

    fn configs(rows: &[Row]) -> Vec<(&str, f64)> {
        rows.iter().map(|row| (row.config.as_str(), row.time_us.unwrap())).collect()
    }

    #[test]
    fn new_rows_take_the_place_of_their_problems_old_ones() {
        let other = Row { seqlen_kv: 8192, ..row("m64n64w4s1", 9.0) };
        let measured = Row { origin: Origin::Measured, ..row("m64n64w4s1", 8.0) };
        let old = vec![row("m64n64w4s1", 1.0), other, measured];
        let merged = merge(old, vec![row("m64n32w4s1", 3.0), row("m128n64w4s1", 2.0)]);
        assert_eq!(
            configs(&merged),
            [("m64n64w4s1", 8.0), ("m128n64w4s1", 2.0), ("m64n32w4s1", 3.0), ("m64n64w4s1", 9.0)]
        );
    }

    #[test]
    fn a_table_that_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path(), Gpu::named("a100_sxm").unwrap());
        assert_eq!(read(&path).unwrap(), (vec![], vec![]));
        let rows = [row("m128n64w4s1", 2.0)];
        write(&path, &rows).unwrap();
        assert_eq!(read(&path).unwrap(), (rows.to_vec(), vec![]));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
