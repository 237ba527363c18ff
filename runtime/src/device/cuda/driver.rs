//! The driver itself: whether it is there, what it knows, how it tells errors.

use std::ffi::CStr;

use cudarc::driver::{DriverError, result, sys};

use super::Error;

/// A GPU that the driver knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuInfo {
    /// Its ordinal, as in `cuda:0`.
    pub ordinal: usize,
    /// Its name, such as `NVIDIA A100-SXM4-80GB`.
    pub name: String,
    /// Its compute capability, such as (8, 0).
    pub compute_capability: (u32, u32),
    /// Its multiprocessors.
    pub multiprocessors: u32,
    /// Bytes of its memory.
    pub memory_bytes: u64,
}

/// Opens and initializes the driver, and returns the number of GPUs.
///
/// cudarc panics where the library is missing, so this comes before any other call.
pub(super) fn require() -> Result<usize, Error> {
    // SAFETY: this only opens the library and closes it again.
    if !unsafe { sys::is_culib_present() } {
        return Err(Error::NoDriver);
    }
    call("cuInit", result::init())?;
    let count = call("cuDeviceGetCount", result::device::get_count())?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// The newest CUDA version that the driver serves, such as (12, 8).
///
/// # Errors
/// [`Error::NoDriver`] where there is none.
pub fn driver_version() -> Result<(u32, u32), Error> {
    require()?;
    let mut version = 0;
    // SAFETY: the pointer is to a number on the stack.
    call("cuDriverGetVersion", unsafe { sys::cuDriverGetVersion(&mut version).result() })?;
    let version = u32::try_from(version).unwrap_or(0);
    Ok((version / 1000, version % 1000 / 10))
}

/// The GPUs of this machine.
///
/// # Errors
/// [`Error::NoDriver`] where there is no driver, and what the driver says.
pub fn gpus() -> Result<Vec<GpuInfo>, Error> {
    (0..require()?).map(gpu).collect()
}

fn gpu(ordinal: usize) -> Result<GpuInfo, Error> {
    use sys::CUdevice_attribute as Attribute;
    let device = call("cuDeviceGet", result::device::get(ordinal as i32))?;
    let attribute = |attribute| {
        // SAFETY: the driver gave the device.
        let value = unsafe { result::device::get_attribute(device, attribute) };
        call("cuDeviceGetAttribute", value).map(|value| u32::try_from(value).unwrap_or(0))
    };
    Ok(GpuInfo {
        ordinal,
        name: call("cuDeviceGetName", result::device::get_name(device))?,
        compute_capability: (
            attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
            attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
        ),
        multiprocessors: attribute(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
        // SAFETY: the driver gave the device.
        memory_bytes: call("cuDeviceTotalMem", unsafe { result::device::total_mem(device) })?
            as u64,
    })
}

/// Gives a failed call its name, and what the driver says of the error.
pub(super) fn call<T>(call: &'static str, result: Result<T, DriverError>) -> Result<T, Error> {
    result.map_err(|error| {
        let text =
            |text: Result<&CStr, DriverError>| text.map(|text| text.to_string_lossy().into_owned());
        Error::Driver {
            call,
            name: text(error.error_name()).unwrap_or_else(|_| format!("error {}", error.0 as u32)),
            text: text(error.error_string()).unwrap_or_default(),
        }
    })
}
