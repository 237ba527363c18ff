//! PTX through the driver's compiler, and entries.

use std::ffi::{CString, c_void};
use std::ptr;

use cudarc::driver::{result, sys};
use tilewright_codegen::ptx::check::ParameterLayout;

use super::driver::call;
use super::{Error, Module};

/// Bytes of the driver's log that are kept.
const LOG_BYTES: usize = 16 << 10;

/// A loaded entry.
#[derive(Debug)]
pub(super) struct Kernel {
    module: sys::CUmodule,
    pub(super) function: sys::CUfunction,
    pub(super) parameters: Vec<ParameterLayout>,
}

impl Kernel {
    /// Compiles the module for the current context's GPU and finds the entry.
    pub(super) fn load(module: &Module, entry: Option<&str>) -> Result<Kernel, Error> {
        let entry = module.entry(entry)?;
        let name = CString::new(entry.name.as_str()).unwrap_or_default();
        let handle = compile(module.text())?;
        // SAFETY: the module is loaded, and the name ends in NUL.
        let function = unsafe { result::module::get_function(handle, name) };
        match call("cuModuleGetFunction", function) {
            Ok(function) => {
                Ok(Kernel { module: handle, function, parameters: entry.parameters.clone() })
            }
            Err(error) => {
                // SAFETY: the module is loaded, and nothing uses it. The first error is the one told.
                let _ = unsafe { result::module::unload(handle) };
                Err(error)
            }
        }
    }

    pub(super) fn unload(&self) {
        // SAFETY: the module was loaded once and is unloaded once, after every launch has ended.
        let _ = unsafe { result::module::unload(self.module) };
    }

    /// An attribute of the compiled entry.
    pub(super) fn attribute(&self, attribute: sys::CUfunction_attribute) -> Result<u32, Error> {
        // SAFETY: the function is of a loaded module.
        let value = unsafe { result::function::get_function_attribute(self.function, attribute) };
        Ok(u32::try_from(call("cuFuncGetAttribute", value)?).unwrap_or(0))
    }

    pub(super) fn set_attribute(
        &self,
        attribute: sys::CUfunction_attribute,
        value: u32,
    ) -> Result<(), Error> {
        // SAFETY: the function is of a loaded module.
        let done = unsafe {
            result::function::set_function_attribute(self.function, attribute, value as i32)
        };
        call("cuFuncSetAttribute", done)
    }
}

/// Compiles PTX text; a failure carries the log of the driver's compiler.
fn compile(text: &str) -> Result<sys::CUmodule, Error> {
    use sys::CUjit_option::{CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
    let image = CString::new(text).map_err(|_| Error::Jit {
        name: "CUDA_ERROR_INVALID_PTX".into(),
        log: "the text holds a NUL character".into(),
    })?;
    let mut module = ptr::null_mut();
    let mut log = vec![0u8; LOG_BYTES];
    let mut options = [CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES];
    // The driver takes a number where it asks for a pointer: the size is passed as one.
    let mut values = [log.as_mut_ptr().cast::<c_void>(), ptr::without_provenance_mut(LOG_BYTES)];
    // SAFETY: the image ends in NUL; there are as many values as options, and the log has the size
    // that they tell.
    let status = unsafe {
        sys::cuModuleLoadDataEx(
            &mut module,
            image.as_ptr().cast(),
            options.len() as u32,
            options.as_mut_ptr(),
            values.as_mut_ptr(),
        )
    };
    call("cuModuleLoadDataEx", status.result()).map_err(|error| match error {
        Error::Driver { name, text, .. } => {
            let end = log.iter().position(|&byte| byte == 0).unwrap_or(LOG_BYTES);
            let log = String::from_utf8_lossy(&log[..end]).trim().to_owned();
            Error::Jit { name, log: if log.is_empty() { text } else { log } }
        }
        other => other,
    })?;
    Ok(module)
}
