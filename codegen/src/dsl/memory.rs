//! Parameters, pointers, shared memory, asynchronous copies.

use std::marker::PhantomData;

use super::builder::Builder;
use super::scalar::{Integer, Scalar};
use super::value::{IntoValue, Value};
use crate::ptx::tree::{Address, Base, Operand};

/// A state space that a [`Pointer`] points into.
pub trait AddressSpace: Copy + 'static {
    /// Type of an address.
    type Address: Integer;
    /// Its name in PTX, with a leading dot.
    const NAME: &'static str;
    /// An offset in bytes, from an index and the size of an element.
    fn scaled<'k>(index: Value<'k, u32>, bytes: u32) -> Value<'k, Self::Address>;
}

/// Memory of the device.
#[derive(Clone, Copy, Debug)]
pub struct Global;

/// Memory of a block.
#[derive(Clone, Copy, Debug)]
pub struct Shared;

impl AddressSpace for Global {
    type Address = u64;
    const NAME: &'static str = ".global";

    fn scaled<'k>(index: Value<'k, u32>, bytes: u32) -> Value<'k, u64> {
        index.multiply_wide(bytes)
    }
}

impl AddressSpace for Shared {
    type Address = u32;
    const NAME: &'static str = ".shared";

    fn scaled<'k>(index: Value<'k, u32>, bytes: u32) -> Value<'k, u32> {
        index * bytes
    }
}

/// An address of elements of type `T`: a value and a constant offset, which instructions add for
/// nothing.
#[derive(Debug)]
pub struct Pointer<'k, T, S: AddressSpace> {
    base: Value<'k, S::Address>,
    offset: i64,
    element: PhantomData<T>,
}

impl<T, S: AddressSpace> Clone for Pointer<'_, T, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, S: AddressSpace> Copy for Pointer<'_, T, S> {}

impl<'k, T: Scalar, S: AddressSpace> Pointer<'k, T, S> {
    /// The address `base`, in bytes.
    pub fn new(base: Value<'k, S::Address>) -> Self {
        Self { base, offset: 0, element: PhantomData }
    }

    /// The address as a value.
    pub fn address(self) -> Value<'k, S::Address> {
        self.base + S::Address::from_bits(S::Address::wrapped(self.offset.into()))
    }

    /// The address `bytes` further on.
    pub fn byte_add(self, bytes: impl IntoValue<'k, S::Address>) -> Self {
        let bytes = bytes.into_value(self.base.builder);
        match bytes.as_constant() {
            Some(constant) => {
                let number = S::Address::number(constant.bits());
                self.byte_offset(number as i64)
            }
            None => Self { base: self.base + bytes, ..self },
        }
    }

    /// The address a constant number of bytes further on, at no cost.
    pub fn byte_offset(self, bytes: i64) -> Self {
        Self { offset: self.offset + bytes, ..self }
    }

    /// The address of the element `index` places further on.
    pub fn element(self, index: impl IntoValue<'k, u32>) -> Self {
        let index = index.into_value(self.base.builder);
        self.byte_add(S::scaled(index, T::TYPE.bytes()))
    }

    /// The same address, of elements of another type.
    pub fn cast<U: Scalar>(self) -> Pointer<'k, U, S> {
        Pointer { base: self.base, offset: self.offset, element: PhantomData }
    }

    pub(super) fn builder(self) -> &'k Builder {
        self.base.builder
    }

    pub(super) fn operand(self) -> Operand {
        let base = Base::Register(self.base.register_name());
        Operand::Address(Address { base, offset: self.offset })
    }

    /// Reads the element.
    pub fn load(self) -> Value<'k, T> {
        let name = format!("ld{}{}", S::NAME, T::MEMORY);
        self.base.builder.compute(&name, &[self.operand()])
    }

    /// Writes the element.
    pub fn store(self, value: impl IntoValue<'k, T>) {
        let value = value.into_value(self.base.builder).register_operand();
        let name = format!("st{}{}", S::NAME, T::MEMORY);
        self.base.builder.emit(&name, vec![self.operand(), value]);
    }

    /// Reads N elements at once, N = 2 or 4 and at most 16 bytes, aligned to their size.
    pub fn load_vector<const N: usize>(self) -> [Value<'k, T>; N] {
        const { assert!(N == 2 || N == 4, "PTX has vectors of 2 and 4 elements") };
        let builder = self.base.builder;
        let values: [Value<'k, T>; N] = std::array::from_fn(|_| builder.fresh());
        let name = format!("ld{}.v{N}{}", S::NAME, T::MEMORY);
        let vector = Operand::Vector(values.iter().map(|v| v.operand()).collect());
        builder.emit(&name, vec![vector, self.operand()]);
        values
    }

    /// Writes N elements at once, N = 2 or 4 and at most 16 bytes, aligned to their size.
    pub fn store_vector<const N: usize>(self, values: [Value<'k, T>; N]) {
        const { assert!(N == 2 || N == 4, "PTX has vectors of 2 and 4 elements") };
        let builder = self.base.builder;
        let vector = values.iter().map(|v| v.register_operand()).collect();
        let name = format!("st{}.v{N}{}", S::NAME, T::MEMORY);
        builder.emit(&name, vec![self.operand(), Operand::Vector(vector)]);
    }
}

impl<'k, T: Scalar> Pointer<'k, T, Shared> {
    /// Begins to copy 16 bytes from global memory past the first-level cache, of which the first
    /// `valid` are read and the others zero; all 16 where it is not given. Both addresses are
    /// 16-byte aligned.
    pub fn copy_async<U: Scalar>(
        self,
        source: Pointer<'k, U, Global>,
        valid: Option<Value<'k, u32>>,
    ) {
        let mut operands =
            vec![self.operand(), source.operand(), self.base.builder.constant(16_u32).operand()];
        operands.extend(valid.map(|bytes| bytes.operand()));
        self.base.builder.emit("cp.async.cg.shared.global", operands);
    }
}

impl Builder {
    /// Declares the next parameter of the kernel, and reads it.
    pub fn parameter<T: Scalar>(&self, name: &str) -> Value<'_, T> {
        let name = self.declare_parameter(name, T::TYPE);
        let address = Operand::Address(Address { base: Base::Symbol(name), offset: 0 });
        self.compute(&format!("ld.param{}", T::MEMORY), &[address])
    }

    /// Declares the next parameter of the kernel, an address in global memory, and reads it.
    pub fn pointer_parameter<T: Scalar>(&self, name: &str) -> Pointer<'_, T, Global> {
        let generic = self.parameter::<u64>(name);
        Pointer::new(self.compute("cvta.to.global.u64", &[generic.operand()]))
    }

    /// The shared memory whose size the launch says, 128-byte aligned. A kernel calls this once.
    pub fn dynamic_shared(&self) -> Pointer<'_, u32, Shared> {
        self.dynamic_shared_aligned(128)
    }

    /// As [`dynamic_shared`](Self::dynamic_shared), aligned to `align` bytes, a power of two.
    pub fn dynamic_shared_aligned(&self, align: u32) -> Pointer<'_, u32, Shared> {
        let name = self.declare_shared("dynamic_shared", align, None);
        self.address_of(name)
    }

    /// Shared memory for `count` elements, 16-byte aligned.
    pub fn shared<T: Scalar>(&self, name: &str, count: u32) -> Pointer<'_, T, Shared> {
        let name = self.declare_shared(name, 16, Some(count * T::TYPE.bytes()));
        self.address_of(name)
    }

    fn address_of<T: Scalar>(&self, name: smol_str::SmolStr) -> Pointer<'_, T, Shared> {
        Pointer::new(self.compute("mov.u32", &[Operand::Symbol(name, 0)]))
    }

    /// Ends a group of asynchronous copies of this thread.
    pub fn commit_copies(&self) {
        self.emit("cp.async.commit_group", Vec::new());
    }

    /// Waits for every asynchronous copy of this thread, in a group or not.
    pub fn wait_all_copies(&self) {
        self.emit("cp.async.wait_all", Vec::new());
    }

    /// Waits until at most `pending` groups of this thread, the latest ones, are under way. Copies
    /// that are in no group yet are not waited for.
    pub fn wait_copies(&self, pending: u32) {
        self.emit("cp.async.wait_group", vec![self.constant(pending).operand()]);
    }
}
