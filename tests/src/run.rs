//! Runs kernels on the simulator.

use tilewright::device::{Argument, Contents, Device, Error, Geometry, Module, Simulator};
use tilewright::ptx;
use tilewright::sim::{Options, Statistics};
use tilewright::tensor_map::TensorMap;

/// An argument of a launch.
#[derive(Clone, Debug)]
pub enum Arg {
    /// A buffer with these bytes.
    Buffer(&'static str, Vec<u8>),
    /// A buffer of this many bytes that nothing has written.
    Output(&'static str, usize),
    /// A tensor map over a buffer or output.
    TensorMap(Box<Arg>, TensorMap),
    /// A number.
    U32(u32),
    /// A number.
    F32(f32),
}

/// The module as the parser reads it back from what is printed of it.
///
/// # Panics
///
/// Where it does not pass the checker, or does not read back as itself.
pub fn reread(module: ptx::tree::Module) -> Module {
    let checked = ptx::check(module).unwrap_or_else(|errors| panic!("{errors}"));
    let text = ptx::print(&checked);
    let read = Module::parse(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read.checked().module(), checked.module(), "printing and parsing change the module");
    read
}

/// Runs the only entry of a module, and returns the bytes of each buffer among the arguments, and
/// what the simulator counted.
///
/// # Errors
///
/// What the simulator has against the kernel.
pub fn run(
    module: &Module,
    geometry: &Geometry,
    args: &[Arg],
    options: Options,
) -> Result<(Vec<Vec<u8>>, Statistics), Error> {
    let mut simulator = Simulator::new(options);
    let mut buffers = Vec::new();
    let mut arguments = Vec::new();
    for arg in args {
        let mut buffer = |arg: &Arg| {
            let (name, contents) = match arg {
                Arg::Buffer(name, bytes) => (name, Contents::Bytes(bytes.clone())),
                Arg::Output(name, size) => (name, Contents::Uninit(*size)),
                other => panic!("{other:?} is no buffer"),
            };
            buffers.push(simulator.allocate(name, &contents)?);
            Ok::<_, Error>(buffers.len() - 1)
        };
        arguments.push(match arg {
            Arg::Buffer(..) | Arg::Output(..) => {
                Argument::Pointer { buffer: buffer(arg)?, offset: 0 }
            }
            Arg::TensorMap(over, map) => {
                Argument::TensorMap { buffer: buffer(over)?, offset: 0, map: map.clone() }
            }
            Arg::U32(number) => by_value(&number.to_le_bytes()),
            Arg::F32(number) => by_value(&number.to_le_bytes()),
        });
    }
    let kernel = simulator.load(module, None)?;
    simulator.launch(kernel, geometry, &buffers, &arguments)?;
    let contents: Result<Vec<_>, _> = buffers.iter().map(|b| simulator.read(*b)).collect();
    Ok((contents?, simulator.statistics().clone()))
}

fn by_value(bytes: &[u8]) -> Argument {
    Argument::Bytes { bytes: bytes.to_vec(), pointers: Vec::new() }
}

/// A launch without clusters.
pub fn geometry(grid: [u32; 3], threads: u32, dynamic_shared: u32) -> Geometry {
    Geometry { grid, block: [threads, 1, 1], cluster: [1; 3], dynamic_shared }
}

/// The bytes of f32 numbers.
pub fn f32_bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// F32 numbers from their bytes.
pub fn f32_from(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Checks that every number is within `tolerance` of what is expected, absolutely and relative to
/// it. NaN never is.
///
/// # Panics
///
/// At the first that is not.
pub fn assert_close(found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (i, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let close = f64::from(found) == expected
            || (f64::from(found) - expected).abs() <= tolerance * (1.0 + expected.abs());
        assert!(close, "element {i} is {found}, expected {expected}");
    }
}
