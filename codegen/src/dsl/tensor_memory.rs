//! Tensor memory: 128 lanes by 512 columns of 32 bits on each multiprocessor, where the operands
//! and results of [`TensorProduct`](super::TensorProduct)s are.

use super::builder::Builder;
use super::memory::{Pointer, Shared};
use super::scalar::Scalar;
use super::value::{IntoValue, Value};
use crate::ptx::tree::{Address, Base, Operand};

/// Lanes of tensor memory.
pub const TENSOR_LANES: u32 = 128;

/// Columns of tensor memory.
pub const TENSOR_COLUMNS: u32 = 512;

/// Where the lane begins in an address.
const LANE_SHIFT: u32 = 16;

/// The blocks that a product, and all that a kernel does in tensor memory, is for. One kernel has
/// one throughout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CtaGroup {
    /// One block.
    One,
    /// A pair of blocks of a cluster, whose ranks differ in the last bit. The even one issues.
    Two,
}

impl CtaGroup {
    /// Its name in PTX.
    pub const fn name(self) -> &'static str {
        match self {
            Self::One => "cta_group::1",
            Self::Two => "cta_group::2",
        }
    }

    /// Blocks of the group.
    pub const fn blocks(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

/// A place in tensor memory: its lane in the upper half of a value, its column in the lower, and a
/// constant number of columns more, which instructions add for nothing.
#[derive(Clone, Copy, Debug)]
pub struct TensorAddress<'k> {
    base: Value<'k, u32>,
    columns: u32,
}

impl<'k> TensorAddress<'k> {
    /// The place at an address, such as [`Builder::allocate_tensor_memory`] writes.
    pub fn new(base: Value<'k, u32>) -> Self {
        Self { base, columns: 0 }
    }

    /// The place a constant number of columns further on.
    pub fn column(self, columns: u32) -> Self {
        Self { columns: self.columns + columns, ..self }
    }

    /// The place `columns` columns further on.
    pub fn add_columns(self, columns: Value<'k, u32>) -> Self {
        Self { base: self.base + columns, ..self }
    }

    /// The place `lanes` lanes further on. A warp reads and writes the 32 lanes that begin at
    /// 32 times its number in its warpgroup, and no others.
    pub fn add_lanes(self, lanes: Value<'k, u32>) -> Self {
        Self { base: self.base + (lanes << LANE_SHIFT), ..self }
    }

    pub(super) fn operand(self) -> Operand {
        let base = Base::Register(self.base.register_name());
        Operand::Address(Address { base, offset: self.columns.into() })
    }

    fn builder(self) -> &'k Builder {
        self.base.builder()
    }

    /// Begins to read `columns` columns, a power of two up to 128, of the warp's lanes: lane l of
    /// the warp gets those of lane l. They may be used after [`Builder::wait_for_tensor_loads`].
    pub fn load<T: Scalar>(self, columns: u32) -> Vec<Value<'k, T>> {
        let k = self.builder();
        let values: Vec<Value<'k, T>> = (0..columns).map(|_| k.fresh()).collect();
        let name = format!("tcgen05.ld.sync.aligned.32x32b.x{columns}.b32");
        k.emit(&name, vec![vector(&values), self.operand()]);
        values
    }

    /// As [`load`](Self::load), with the largest number of those that the lane gets, which is no
    /// NaN unless all are. Targets sm_103a and sm_110a have it, sm_100a does not.
    pub fn load_with_maximum(self, columns: u32) -> (Vec<Value<'k, f32>>, Value<'k, f32>) {
        let k = self.builder();
        let values: Vec<Value<'k, f32>> = (0..columns).map(|_| k.fresh()).collect();
        let maximum = k.fresh::<f32>();
        let name = format!("tcgen05.ld.red.sync.aligned.32x32b.x{columns}.max.f32");
        k.emit(&name, vec![vector(&values), maximum.operand(), self.operand()]);
        (values, maximum)
    }

    /// Begins to write as many columns as there are values, a power of two up to 128, to the warp's
    /// lanes. They are there after [`Builder::wait_for_tensor_stores`].
    pub fn store<T: Scalar>(self, values: &[Value<'k, T>]) {
        let name = format!("tcgen05.st.sync.aligned.32x32b.x{}.b32", values.len());
        self.builder().emit(&name, vec![self.operand(), vector(values)]);
    }
}

fn vector<T: Scalar>(values: &[Value<'_, T>]) -> Operand {
    Operand::Vector(values.iter().map(|v| v.register_operand()).collect())
}

impl Builder {
    /// Takes `columns` columns of tensor memory, a power of two from 32 to 512, and writes where
    /// they begin to `destination` by the time of the next barrier. Waits until other blocks on the
    /// multiprocessor have left enough. One warp of each block of the group does this as a whole.
    pub fn allocate_tensor_memory(
        &self,
        group: CtaGroup,
        destination: Pointer<'_, u32, Shared>,
        columns: u32,
    ) {
        let name = format!("tcgen05.alloc.{}.sync.aligned.shared::cta.b32", group.name());
        self.emit(&name, vec![destination.operand(), self.constant(columns).operand()]);
    }

    /// Gives back what [`allocate_tensor_memory`](Self::allocate_tensor_memory) took, which every
    /// kernel does before it ends. Done by the warp that took it.
    pub fn free_tensor_memory<'k>(
        &'k self,
        group: CtaGroup,
        address: impl IntoValue<'k, u32>,
        columns: u32,
    ) {
        let address = address.into_value(self).register_operand();
        let name = format!("tcgen05.dealloc.{}.sync.aligned.b32", group.name());
        self.emit(&name, vec![address, self.constant(columns).operand()]);
    }

    /// Promises that the block takes no more tensor memory.
    pub fn relinquish_tensor_memory(&self, group: CtaGroup) {
        let name = format!("tcgen05.relinquish_alloc_permit.{}.sync.aligned", group.name());
        self.emit(&name, Vec::new());
    }

    /// Waits until what this thread reads from tensor memory is there.
    pub fn wait_for_tensor_loads(&self) {
        self.emit("tcgen05.wait::ld.sync.aligned", Vec::new());
    }

    /// Waits until what this thread writes to tensor memory is there.
    pub fn wait_for_tensor_stores(&self) {
        self.emit("tcgen05.wait::st.sync.aligned", Vec::new());
    }

    /// Orders what this thread did in tensor memory before an arrival or barrier that follows.
    pub fn fence_tensor_before_sync(&self) {
        self.emit("tcgen05.fence::before_thread_sync", Vec::new());
    }

    /// Orders a wait or barrier before what this thread does in tensor memory next.
    pub fn fence_tensor_after_sync(&self) {
        self.emit("tcgen05.fence::after_thread_sync", Vec::new());
    }
}
