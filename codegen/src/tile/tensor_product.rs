use super::panels::Descriptor;
use crate::dsl::{
    Builder, CtaGroup, IntoValue, Pointer, Shared, TensorAddress, TensorOperand, TensorProduct,
};

impl TensorProduct {
    /// Begins D = A·B + D, or D = A·B where not `accumulates`, in steps of 32 bytes along the depth:
    /// those of A and of B. One thread of the group does this.
    ///
    /// # Panics
    ///
    /// Where [`TensorProduct::check`] has something against it, or A and B differ in depth.
    pub fn begin<'k>(
        &self,
        k: &'k Builder,
        d: TensorAddress<'k>,
        a: &[TensorOperand<'k>],
        b: &[Descriptor<'k>],
        accumulates: impl IntoValue<'k, bool>,
    ) {
        assert_eq!(a.len(), b.len(), "A and B are of one depth");
        let first = accumulates.into_value(k);
        for (step, (a, b)) in a.iter().zip(b).enumerate() {
            let accumulates = if step == 0 { first } else { k.constant(true) };
            k.multiply_in_tensor_memory(self, d, *a, b.value(), accumulates);
        }
    }
}

/// The block's tensor memory: taken by one of its warps, and given back by it.
#[derive(Clone, Copy, Debug)]
pub struct TensorMemory<'k> {
    group: CtaGroup,
    /// Where its address is.
    slot: Pointer<'k, u32, Shared>,
    columns: u32,
}

impl<'k> TensorMemory<'k> {
    /// Bytes of shared memory for its address.
    pub const BYTES: u32 = 4;

    /// `columns` columns, a power of two from 32 to 512, whose address is to be at `slot`.
    pub fn new(group: CtaGroup, slot: Pointer<'k, u32, Shared>, columns: u32) -> Self {
        Self { group, slot, columns }
    }

    /// Takes the columns, and lets other blocks take theirs. One warp of the block does this; a
    /// barrier and [`Builder::fence_tensor_after_sync`] follow before others read the
    /// [`base`](Self::base).
    pub fn allocate(&self, k: &'k Builder) {
        k.allocate_tensor_memory(self.group, self.slot, self.columns);
        k.relinquish_tensor_memory(self.group);
    }

    /// Where the columns begin.
    pub fn base(&self) -> TensorAddress<'k> {
        TensorAddress::new(self.slot.load())
    }

    /// Gives the columns back, which nobody uses any more. The warp that took them does this.
    pub fn free(&self, k: &'k Builder) {
        k.free_tensor_memory(self.group, self.slot.load(), self.columns);
    }
}
