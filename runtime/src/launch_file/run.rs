//! Runs a launch on a device, and holds what it wrote against what is expected.

use std::io;
use std::path::Path;

use super::{InputBuffer, Launch};
use crate::compare::Comparison;
use crate::device::{BufferId, Device, Error, KernelId, Module};
use crate::files;
use crate::npy::{self, Array, ElementType};

/// A launch on a device: its buffers and kernel there.
#[derive(Debug)]
pub struct Placed {
    buffers: Vec<BufferId>,
    kernel: KernelId,
}

impl Placed {
    /// The launch's buffers on the device, in the order of the file.
    pub fn buffers(&self) -> &[BufferId] {
        &self.buffers
    }

    /// The launch's kernel on the device.
    pub fn kernel(&self) -> KernelId {
        self.kernel
    }
}

impl Launch {
    /// Allocates the launch's buffers on a device, and loads its entry from `module`, its PTX.
    /// Arguments that do not fit are refused before anything is allocated.
    ///
    /// # Errors
    /// As [`Device::load`] and [`Device::allocate`].
    pub fn place(&self, device: &mut dyn Device, module: &Module) -> Result<Placed, Error> {
        module.check_arguments(self.entry.as_deref(), &self.arguments, self.buffers.len())?;
        let kernel = device.load(module, self.entry.as_deref())?;
        let allocate = |buffer: &InputBuffer| device.allocate(&buffer.name, &buffer.contents);
        let buffers = self.buffers.iter().map(allocate).collect::<Result<_, _>>()?;
        Ok(Placed { buffers, kernel })
    }

    /// Runs the launch once, and returns what is in every buffer afterwards.
    ///
    /// # Errors
    /// As [`Device::launch`] and [`Device::read`].
    pub fn run(&self, device: &mut dyn Device, placed: &Placed) -> Result<Vec<Vec<u8>>, Error> {
        device.launch(placed.kernel, &self.geometry, &placed.buffers, &self.arguments)?;
        placed.buffers.iter().map(|buffer| device.read(*buffer)).collect()
    }

    /// Compares what is in every buffer with what is expected: the buffer's place, and how it
    /// compares.
    ///
    /// # Panics
    /// Where `found` is not one that [`run`](Self::run) gave.
    pub fn compare(&self, found: &[Vec<u8>]) -> Vec<(usize, Comparison)> {
        let compare = |expected: &super::Expected| {
            let index = expected.buffer;
            (index, expected.compare(&self.buffers[index], &found[index]))
        };
        self.expected.iter().map(compare).collect()
    }

    /// Writes what is in every buffer to `folder/NAME.npy`, all of them or none. Makes the folder
    /// where there is none.
    ///
    /// # Errors
    /// Where the system could not write one.
    pub fn write(&self, folder: &Path, found: &[Vec<u8>]) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut written = Vec::new();
        for (buffer, bytes) in self.buffers.iter().zip(found) {
            let InputBuffer { name, dtype, shape, .. } = buffer;
            let (element, shape, bytes) = (ElementType::of(*dtype), shape.clone(), bytes.clone());
            let array = Array { element, shape, bytes };
            let file = files::temporary(folder, |file| npy::write_to(file, &array))?;
            written.push((file, folder.join(format!("{name}.npy"))));
        }
        for (file, path) in written {
            file.persist(path).map_err(|error| error.error)?;
        }
        Ok(())
    }
}
