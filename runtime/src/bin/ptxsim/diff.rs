//! `ptxsim diff`: what two devices made of one launch.

use std::path::Path;

use tilewright::DType;
use tilewright::compare::{Comparison, Tolerance, compare};
use tilewright::launch_file::{Expectation, LaunchFile};
use tilewright::npy::{self, Array, ElementType};

use crate::{Outcome, complain, print};

/// The most bytes of one array that are read.
const MOST_BYTES: u64 = 16 << 30;

pub(crate) fn diff(launch: &Path, expected: &Path, found: &Path) -> Outcome {
    match differences(launch, expected, found) {
        Ok(compared) => {
            let mut outcome = Outcome::Match;
            for (name, identical, comparison) in compared {
                print(&format!("{name}: {identical} bit for bit; {comparison}\n"));
                if !comparison.matches() {
                    outcome = Outcome::Differ;
                }
            }
            outcome
        }
        Err(message) => {
            complain(&format!("error: {message}\n"));
            Outcome::Unusable
        }
    }
}

/// For every expected buffer its name, the elements that are the same bit for bit, and how it
/// compares.
fn differences(
    launch: &Path,
    expected: &Path,
    found: &Path,
) -> Result<Vec<(String, usize, Comparison)>, String> {
    let file = LaunchFile::read(launch).map_err(|error| error.to_string())?;
    let difference = |(name, expectation): (&str, &Expectation)| {
        let spec = file.buffers.get(name).ok_or_else(|| format!("no buffer {name:?}"))?;
        let read = |folder: &Path| array(&folder.join(format!("{name}.npy")), spec.dtype);
        let (expected, found) = (read(expected)?, read(found)?);
        if expected.shape != found.shape {
            let (one, other) = (&expected.shape, &found.shape);
            return Err(format!("{name}: one folder has the shape {one:?}, the other {other:?}"));
        }
        let size = spec.dtype.size();
        let pairs = || expected.bytes.chunks_exact(size).zip(found.bytes.chunks_exact(size));
        let identical = pairs().filter(|(expected, found)| expected == found).count();
        let values = expected.bytes.chunks_exact(size).map(|element| spec.dtype.value(element));
        let tolerance = Tolerance { absolute: expectation.atol, relative: expectation.rtol };
        let comparison = compare(&found.shape, spec.dtype, &found.bytes, values, tolerance);
        Ok((name.to_owned(), identical, comparison))
    };
    file.expect.iter().map(difference).collect()
}

fn array(path: &Path, dtype: DType) -> Result<Array, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let array = npy::read(path, MOST_BYTES).map_err(|error| told(&error))?;
    if array.element != ElementType::of(dtype) {
        return Err(told(&format!(
            "elements of {}, where {dtype} is expected",
            array.element.name()
        )));
    }
    Ok(array)
}
