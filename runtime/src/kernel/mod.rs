//! Typed buffers and launches: what the items that [`#[kernel]`](macro@crate::kernel) and
//! [`attention!`](macro@crate::attention) expand to are made of.

pub mod attention;

use std::marker::PhantomData;

use bytemuck::{AnyBitPattern, NoUninit};
use half::{bf16, f16};

use crate::device::{Argument, BufferId, Contents, Device, Error, Geometry, KernelId, Module};
use crate::tensor_map::TensorMap;

/// A buffer of one device that holds elements of type `T`.
#[derive(Debug)]
pub struct Buffer<T> {
    id: BufferId,
    element: PhantomData<T>,
}

// Derived, these would ask for `T: Clone`.
impl<T> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Buffer<T> {}

impl<T: NoUninit> Buffer<T> {
    /// Allocates a buffer with these elements. `name` is what messages call it.
    ///
    /// # Errors
    /// What [`Device::allocate`] says.
    pub fn new(device: &mut dyn Device, name: &str, elements: &[T]) -> Result<Self, Error> {
        let bytes = bytemuck::cast_slice(elements).to_vec();
        Ok(Self::from(device.allocate(name, &Contents::Bytes(bytes))?))
    }

    /// Allocates a buffer of this many elements that nothing has written.
    ///
    /// # Errors
    /// What [`Device::allocate`] says.
    pub fn uninit(device: &mut dyn Device, name: &str, length: usize) -> Result<Self, Error> {
        let bytes = length.saturating_mul(size_of::<T>());
        Ok(Self::from(device.allocate(name, &Contents::Uninit(bytes))?))
    }
}

impl<T: AnyBitPattern> Buffer<T> {
    /// The elements.
    ///
    /// # Errors
    /// What [`Device::read`] says.
    pub fn read(&self, device: &mut dyn Device) -> Result<Vec<T>, Error> {
        let bytes = device.read(self.id)?;
        let elements = bytes.chunks_exact(size_of::<T>().max(1));
        Ok(elements.map(bytemuck::pod_read_unaligned).collect())
    }
}

impl<T> Buffer<T> {
    /// The buffer as the device knows it.
    pub fn id(&self) -> BufferId {
        self.id
    }
}

/// A buffer that is taken to hold elements of type `T`.
impl<T> From<BufferId> for Buffer<T> {
    fn from(id: BufferId) -> Self {
        Self { id, element: PhantomData }
    }
}

/// A pointer to pass to a kernel: an element of a buffer.
#[derive(Debug)]
pub struct Pointer<T> {
    buffer: BufferId,
    offset: u64,
    element: PhantomData<T>,
}

impl<T> Clone for Pointer<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Pointer<T> {}

impl<T> Pointer<T> {
    /// The buffer that it leads into.
    pub fn buffer(&self) -> BufferId {
        self.buffer
    }

    /// The pointer to the element that is `index` places further on.
    #[must_use]
    pub fn element(self, index: usize) -> Self {
        let bytes = (index as u64).saturating_mul(size_of::<T>() as u64);
        Self { offset: self.offset.saturating_add(bytes), ..self }
    }
}

/// A pointer to the first element.
impl<T> From<BufferId> for Pointer<T> {
    fn from(buffer: BufferId) -> Self {
        Self { buffer, offset: 0, element: PhantomData }
    }
}

/// A pointer to the first element.
impl<T> From<Buffer<T>> for Pointer<T> {
    fn from(buffer: Buffer<T>) -> Self {
        buffer.id.into()
    }
}

/// A pointer to the first element.
impl<T> From<&Buffer<T>> for Pointer<T> {
    fn from(buffer: &Buffer<T>) -> Self {
        buffer.id.into()
    }
}

/// The arguments of a launch in the order of the entry's parameters, and the buffers that they
/// name.
#[derive(Debug, Default)]
pub struct ArgumentList {
    buffers: Vec<BufferId>,
    arguments: Vec<Argument>,
}

impl ArgumentList {
    /// Adds the next argument.
    pub fn push(&mut self, argument: impl Parameter) {
        argument.push(self);
    }

    /// Adds a tensor map over what a pointer points to.
    pub fn push_tensor_map<T>(&mut self, pointer: Pointer<T>, map: TensorMap) {
        self.buffers.push(pointer.buffer);
        let buffer = self.buffers.len() - 1;
        self.arguments.push(Argument::TensorMap { buffer, offset: pointer.offset, map });
    }
}

/// What a kernel takes as an argument: a number, a `bool` or a [`Pointer`].
pub trait Parameter {
    /// Adds it to the arguments of a launch.
    fn push(self, list: &mut ArgumentList);
}

macro_rules! numbers {
    ($($number:ty)*) => { $(
        impl Parameter for $number {
            fn push(self, list: &mut ArgumentList) {
                list.arguments.push(Argument::value(self.to_le_bytes()));
            }
        }
    )* };
}

numbers! { u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 f16 bf16 }

impl Parameter for bool {
    fn push(self, list: &mut ArgumentList) {
        u8::from(self).push(list);
    }
}

/// 64 bits wide on the device.
impl Parameter for usize {
    fn push(self, list: &mut ArgumentList) {
        (self as u64).push(list);
    }
}

/// 64 bits wide on the device.
impl Parameter for isize {
    fn push(self, list: &mut ArgumentList) {
        (self as i64).push(list);
    }
}

impl<T> Parameter for Pointer<T> {
    fn push(self, list: &mut ArgumentList) {
        list.buffers.push(self.buffer);
        let buffer = list.buffers.len() - 1;
        list.arguments.push(Argument::Pointer { buffer, offset: self.offset });
    }
}

/// The arguments of one kernel.
pub trait Arguments {
    /// All of them, in the order of the entry's parameters.
    fn list(&self) -> ArgumentList;
}

/// A kernel that one device has loaded and that takes the arguments `A`.
#[derive(Debug)]
pub struct Loaded<A> {
    kernel: KernelId,
    arguments: PhantomData<fn(&A)>,
}

impl<A: Arguments> Loaded<A> {
    /// Has a device load an entry of a PTX text. On a GPU the driver compiles it here.
    ///
    /// # Errors
    /// Where the text is no PTX, has no such entry, or the device cannot run it.
    pub fn new(device: &mut dyn Device, ptx: &str, entry: &str) -> Result<Self, Error> {
        let kernel = device.load(&Module::parse(ptx)?, Some(entry))?;
        Ok(Self { kernel, arguments: PhantomData })
    }

    /// Runs the kernel to its end, on the device that has loaded it.
    ///
    /// # Errors
    /// What [`Device::launch`] says.
    pub fn launch(
        &self,
        device: &mut dyn Device,
        geometry: &Geometry,
        arguments: &A,
    ) -> Result<(), Error> {
        let ArgumentList { buffers, arguments } = arguments.list();
        device.launch(self.kernel, geometry, &buffers, &arguments)
    }
}
