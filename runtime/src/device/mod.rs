//! Devices that run kernels: the simulator, and NVIDIA's GPUs through the CUDA driver.
//!
//! A program that uses [`Cuda`] starts with and without a driver: the driver's library is opened
//! when a GPU is asked for, and [`Error::NoDriver`] says where there is none.

mod arguments;
mod cuda;
mod error;
mod module;
mod simulator;

use std::str::FromStr;
use std::time::Duration;

use tilewright_sim::Options;

pub use arguments::{Argument, ArgumentError};
pub use cuda::{Cuda, GpuInfo, driver_version, gpus};
pub use error::Error;
pub use module::{Module, PtxError};
pub use simulator::Simulator;

/// What is in a buffer when it is allocated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// These bytes.
    Bytes(Vec<u8>),
    /// This many bytes that nothing has written.
    Uninit(usize),
}

impl Contents {
    /// How many bytes there are.
    pub fn len(&self) -> usize {
        match self {
            Contents::Bytes(bytes) => bytes.len(),
            Contents::Uninit(length) => *length,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The geometry of a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Blocks in x, y and z.
    pub grid: [u32; 3],
    /// Threads of a block in x, y and z.
    pub block: [u32; 3],
    /// Blocks of a cluster in x, y and z.
    pub cluster: [u32; 3],
    /// Bytes of extern shared memory.
    pub dynamic_shared: u32,
}

impl Geometry {
    /// Blocks and threads without clusters or dynamic shared memory.
    pub const fn new(grid: [u32; 3], block: [u32; 3]) -> Geometry {
        Geometry { grid, block, cluster: [1; 3], dynamic_shared: 0 }
    }
}

/// A buffer of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BufferId(usize);

/// A kernel that one device has loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KernelId(usize);

/// How to time a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Launches that are not counted, before the first sample.
    pub warmups: u32,
    /// Samples to take.
    pub samples: u32,
    /// Launches in one sample, whose mean the sample is.
    pub launches: u32,
    /// Whether to displace what the L2 cache holds before each sample.
    pub cold: bool,
}

/// A device that runs kernels. Buffers and kernels live as long as it does.
pub trait Device {
    /// What it is, for people.
    fn description(&self) -> String;

    /// Allocates a buffer, aligned to 256 bytes. `name` is what messages call it.
    ///
    /// # Errors
    /// Where there is not so much memory.
    fn allocate(&mut self, name: &str, contents: &Contents) -> Result<BufferId, Error>;

    /// What is in a buffer.
    ///
    /// # Errors
    /// Where the driver fails.
    fn read(&mut self, buffer: BufferId) -> Result<Vec<u8>, Error>;

    /// Loads the entry of this name, or a module's only one.
    ///
    /// # Errors
    /// Where there is no such entry, or the device cannot run it.
    fn load(&mut self, module: &Module, entry: Option<&str>) -> Result<KernelId, Error>;

    /// Runs a kernel to its end. An [`Argument`] names a buffer by its place in `buffers`.
    ///
    /// # Errors
    /// Where the arguments are not what the entry takes, the launch exceeds a limit of the device,
    /// or the kernel is at fault ([`Error::is_kernel_fault`]).
    fn launch(
        &mut self,
        kernel: KernelId,
        geometry: &Geometry,
        buffers: &[BufferId],
        arguments: &[Argument],
    ) -> Result<(), Error>;

    /// Runs a kernel as often as `timing` says, and returns the samples.
    ///
    /// # Errors
    /// As [`launch`](Device::launch), and [`Error::NoClock`] for a device that has none.
    fn time(
        &mut self,
        kernel: KernelId,
        geometry: &Geometry,
        buffers: &[BufferId],
        arguments: &[Argument],
        timing: &Timing,
    ) -> Result<Vec<Duration>, Error>;
}

/// A device by name: `sim` or `cuda:ORDINAL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceName {
    /// The simulator.
    Simulator,
    /// The GPU of this ordinal.
    Cuda(usize),
}

impl DeviceName {
    /// The device. The options are the simulator's.
    ///
    /// # Errors
    /// What [`Cuda::open`] says.
    pub fn open(self, options: Options) -> Result<Box<dyn Device>, Error> {
        Ok(match self {
            Self::Simulator => Box::new(Simulator::new(options)),
            Self::Cuda(ordinal) => Box::new(Cuda::open(ordinal)?),
        })
    }
}

/// A text that names no device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a device; expected sim or cuda:ORDINAL such as cuda:0")]
pub struct ParseDeviceError(String);

impl FromStr for DeviceName {
    type Err = ParseDeviceError;

    fn from_str(text: &str) -> Result<DeviceName, ParseDeviceError> {
        let ordinal = |text: &str| text.strip_prefix("cuda:")?.parse().ok();
        match text {
            "sim" => Ok(DeviceName::Simulator),
            "cuda" => Ok(DeviceName::Cuda(0)),
            _ => match ordinal(text) {
                Some(ordinal) => Ok(DeviceName::Cuda(ordinal)),
                None => Err(ParseDeviceError(text.chars().take(40).collect())),
            },
        }
    }
}

#[cfg(test)]
mod tests;
