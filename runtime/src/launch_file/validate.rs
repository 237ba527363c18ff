//! The rules of a launch file that need no other file.

use std::path::Path;

use super::{BufferSource, Fill, LaunchFile, Named, Param};
use crate::DType;

/// Bytes of all buffers together, at most: the simulator keeps them, and more to find hazards, in
/// this machine's memory.
pub(super) const MOST_BYTES: u64 = 4 << 30;

/// A broken rule: the key, and what is wrong.
type Broken = (String, String);

/// The limits of a launch that hold for every GPU: CUDA C++ Programming Guide, "Technical
/// specifications per compute capability".
const GRID: [u32; 3] = [i32::MAX as u32, 65_535, 65_535];
const BLOCK: [u32; 3] = [1024, 1024, 64];
const THREADS: u64 = 1024;
const CLUSTER: u64 = 16;

pub(super) fn validate(file: &LaunchFile) -> Result<(), Broken> {
    geometry(file)?;
    relative("ptx", &file.ptx)?;
    for (name, buffer) in file.buffers.iter() {
        let key = format!("buffers.{name}");
        file_name(&key, name)?;
        match &buffer.source {
            BufferSource::Npy(path) => relative(&format!("{key}.npy"), path)?,
            BufferSource::Fill { shape, fill } => {
                bytes_of(&key, shape, buffer.dtype)?;
                representable(&key, *fill, buffer.dtype)?;
            }
        }
    }
    for (index, param) in file.params.iter().enumerate() {
        argument(&format!("params[{index}]"), param, file)?;
    }
    for (name, expectation) in file.expect.iter() {
        let key = format!("expect.{name}");
        known(&key, name, &file.buffers)?;
        relative(&format!("{key}.npy"), &expectation.npy)?;
        for (what, tolerance) in [("atol", expectation.atol), ("rtol", expectation.rtol)] {
            if !(tolerance >= 0.0 && tolerance.is_finite()) {
                let reason = format!("a tolerance is a number from 0, found {tolerance}");
                return Err((format!("{key}.{what}"), reason));
            }
        }
    }
    Ok(())
}

fn geometry(file: &LaunchFile) -> Result<(), Broken> {
    let within = |key: &str, extents: [u32; 3], limits: [u32; 3]| {
        for (axis, (extent, limit)) in
            ["x", "y", "z"].into_iter().zip(extents.into_iter().zip(limits))
        {
            if extent == 0 || extent > limit {
                let reason = format!("{axis} must be 1 to {limit}, found {extent}");
                return Err((key.to_owned(), reason));
            }
        }
        Ok(())
    };
    let product_within = |key: &str, extents: [u32; 3], limit: u64, what: &str| {
        let product: u64 = extents.into_iter().map(u64::from).product();
        if product > limit {
            let [x, y, z] = extents;
            let reason = format!("{x} × {y} × {z} = {product} {what}, where {limit} are allowed");
            return Err((key.to_owned(), reason));
        }
        Ok(())
    };
    within("grid", file.grid, GRID)?;
    within("block", file.block, BLOCK)?;
    product_within("block", file.block, THREADS, "threads")?;
    within("cluster", file.cluster, [CLUSTER as u32; 3])?;
    product_within("cluster", file.cluster, CLUSTER, "blocks")?;
    for (axis, (grid, cluster)) in file.grid.into_iter().zip(file.cluster).enumerate() {
        if grid % cluster != 0 {
            let reason =
                format!("grid[{axis}] is {grid}, no multiple of cluster[{axis}], {cluster}");
            return Err(("grid".into(), reason));
        }
    }
    Ok(())
}

/// Buffers are written under their names, so a name is that of a file in the output folder.
fn file_name(key: &str, name: &str) -> Result<(), Broken> {
    let allowed = |c: char| c.is_alphanumeric() || "_-.+".contains(c);
    if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(allowed) {
        let reason = "a buffer's name is 1 to 100 letters, digits, '_', '-', '+' or '.', and does not \
                      begin with '.'";
        return Err((key.to_owned(), reason.into()));
    }
    Ok(())
}

fn relative(key: &str, path: &Path) -> Result<(), Broken> {
    if path.is_absolute() || path.as_os_str().is_empty() {
        let reason = format!("a path is relative to the launch file, found {:?}", path.display());
        return Err((key.to_owned(), reason));
    }
    Ok(())
}

/// Bytes of an array, which may not exceed [`MOST_BYTES`].
pub(super) fn bytes_of(key: &str, shape: &[usize], dtype: DType) -> Result<u64, Broken> {
    let factors = || shape.iter().map(|&extent| extent as u64).chain([dtype.size() as u64]);
    let bytes = factors().try_fold(1u64, u64::checked_mul).filter(|&bytes| bytes <= MOST_BYTES);
    bytes.ok_or_else(|| {
        let product: Vec<String> = factors().map(|factor| factor.to_string()).collect();
        let reason =
            format!("{} bytes exceed the {MOST_BYTES} that are allowed", product.join(" × "));
        (key.to_owned(), reason)
    })
}

fn representable(key: &str, fill: Fill, dtype: DType) -> Result<(), Broken> {
    let element = |number: f64| dtype.value(&dtype.encode(number)).to_f64();
    match fill {
        Fill::Nan if !dtype.is_float() => Err((
            format!("{key}.fill"),
            format!("{dtype} has no NaN; fill it with a number or \"uninit\""),
        )),
        Fill::Number(number)
            if !element(number).is_finite() || !dtype.is_float() && element(number) != number =>
        {
            Err((format!("{key}.fill"), format!("{dtype} does not hold {number}")))
        }
        _ => Ok(()),
    }
}

fn known<T>(key: &str, name: &str, buffers: &Named<T>) -> Result<usize, Broken> {
    buffers.position(name).ok_or_else(|| {
        (key.to_owned(), format!("no buffer is called {name:?}; there are {}", buffers.list()))
    })
}

fn argument(key: &str, param: &Param, file: &LaunchFile) -> Result<(), Broken> {
    match param {
        Param::Pointer { buffer, .. } => {
            known(&format!("{key}.pointer"), buffer, &file.buffers)?;
        }
        Param::TensorMap(tensor) => {
            let key = format!("{key}.tensor_map");
            known(&format!("{key}.buffer"), &tensor.buffer, &file.buffers)?;
            tensor.map.check(tensor.offset).map_err(|broken| (key, broken.to_string()))?;
        }
        Param::Scalar(_) => {}
        Param::Bytes { bytes, pointers } => {
            for (index, patch) in pointers.iter().enumerate() {
                let key = format!("{key}.pointers[{index}]");
                known(&format!("{key}.pointer"), &patch.pointer, &file.buffers)?;
                if patch.at.checked_add(8).is_none_or(|end| end > bytes.len()) {
                    let length = bytes.len();
                    let reason = format!("8 bytes at {} do not fit in {length} bytes", patch.at);
                    return Err((format!("{key}.at"), reason));
                }
            }
        }
    }
    Ok(())
}
