//! Matrix products of the fifth generation of tensor cores, with results in tensor memory.

use thiserror::Error;

use super::builder::Builder;
use super::mbarrier::Mbarrier;
use super::tensor_memory::{CtaGroup, TensorAddress};
use super::value::{IntoValue, Value};
use super::warpgroup::Major;
use crate::attention::DataType;
use crate::ptx::tree::Operand;

/// What one product computes: D = A·B + D, D of `rows` by `columns` in f32, over a depth of 32
/// bytes of A.
///
/// Rows of D are lanes: of a group of one block, 64 or 128 rows; of a pair, 128 or 256, of which
/// each block has half, and likewise half of the rows of A and half of the columns of B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorProduct {
    /// The type of A, and that of B: both of two bytes and the same, or both of one.
    pub types: (DataType, DataType),
    /// Rows of A and D, of all blocks together.
    pub rows: u32,
    /// Columns of B and D, of all blocks together.
    pub columns: u32,
    /// How B is stored; A is stored along the depth.
    pub b_major: Major,
    /// The blocks that compute it.
    pub group: CtaGroup,
}

/// Why there is no such product.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TensorProductError {
    /// The types do not go together.
    #[error("A of {a} and B of {b}; expected the same type of two bytes, or two types of one byte")]
    Types {
        /// The type of A.
        a: DataType,
        /// The type of B.
        b: DataType,
    },
    /// The tensor core has other numbers of rows.
    #[error("{found} rows for {}; expected {} or {}", .group.name(), 64 * .group.blocks(), 128 * .group.blocks())]
    Rows {
        /// The number of rows.
        found: u32,
        /// The blocks.
        group: CtaGroup,
    },
    /// The tensor core has other numbers of columns.
    #[error("{found} columns; expected a multiple of {step} from {step} to 256")]
    Columns {
        /// The number of columns.
        found: u32,
        /// What they are a multiple of.
        step: u32,
    },
}

/// The A operand of a product.
#[derive(Clone, Copy, Debug)]
pub enum TensorOperand<'k> {
    /// In shared memory, by its descriptor.
    Shared(Value<'k, u64>),
    /// In tensor memory, lanes like those of D, elements of a row packed in columns of 32 bits.
    Tensor(TensorAddress<'k>),
}

impl TensorProduct {
    /// Whether the tensor core has it.
    ///
    /// # Errors
    ///
    /// The first number or type that it does not take.
    pub fn check(&self) -> Result<(), TensorProductError> {
        let (a, b) = self.types;
        if a.bytes() != b.bytes() || (a.bytes() == 2 && a != b) {
            return Err(TensorProductError::Types { a, b });
        }
        let blocks = self.group.blocks();
        if ![64 * blocks, 128 * blocks].contains(&self.rows) {
            return Err(TensorProductError::Rows { found: self.rows, group: self.group });
        }
        // Bytes across rows come from shared memory in pieces of 16.
        let piece = if b.bytes() == 1 && self.b_major == Major::Columns { 16 } else { 8 };
        let step = piece * blocks;
        if self.columns == 0 || self.columns > 256 || !self.columns.is_multiple_of(step) {
            return Err(TensorProductError::Columns { found: self.columns, step });
        }
        Ok(())
    }

    /// The instruction descriptor (PTX ISA, *Instruction descriptor*).
    pub fn descriptor(&self) -> u32 {
        const D_IN_F32: u32 = 1 << 4;
        let b_across_rows = u32::from(self.b_major == Major::Columns);
        D_IN_F32
            | type_code(self.types.0) << 7
            | type_code(self.types.1) << 10
            | b_across_rows << 16
            | self.columns >> 3 << 17
            | self.rows >> 4 << 24
    }

    fn kind(&self) -> &'static str {
        match self.types.0.bytes() {
            2 => "kind::f16",
            _ => "kind::f8f6f4",
        }
    }
}

/// The code of an operand's type in a descriptor; codes of one-byte types are counted anew.
const fn type_code(dtype: DataType) -> u32 {
    match dtype {
        DataType::F16 | DataType::E4m3 => 0,
        DataType::Bf16 | DataType::E5m2 => 1,
    }
}

impl Builder {
    /// Begins D = A·B + D, or D = A·B where not `accumulates`. B is given by its descriptor. One
    /// thread of the group does this. Products with the same D and of the same shape follow each
    /// other in order; that they are complete shows at an mbarrier, by
    /// [`commit_tensor_products`](Self::commit_tensor_products).
    ///
    /// # Panics
    ///
    /// Where [`TensorProduct::check`] has something against it.
    pub fn multiply_in_tensor_memory<'k>(
        &'k self,
        product: &TensorProduct,
        d: TensorAddress<'k>,
        a: TensorOperand<'k>,
        b: Value<'k, u64>,
        accumulates: impl IntoValue<'k, bool>,
    ) {
        product.check().unwrap_or_else(|error| panic!("{error}"));
        let name = format!("tcgen05.mma.{}.{}", product.group.name(), product.kind());
        let a = match a {
            TensorOperand::Shared(descriptor) => descriptor.register_operand(),
            TensorOperand::Tensor(address) => address.operand(),
        };
        let descriptor = self.constant(product.descriptor()).register_operand();
        let accumulates = accumulates.into_value(self).operand();
        self.emit(&name, vec![d.operand(), a, b.register_operand(), descriptor, accumulates]);
    }

    /// Has the tensor core arrive once at an mbarrier of this block when the products that this
    /// thread has begun are complete.
    pub fn commit_tensor_products(&self, group: CtaGroup, barrier: Mbarrier<'_>) {
        let name =
            format!("tcgen05.commit.{}.mbarrier::arrive::one.shared::cluster.b64", group.name());
        self.emit(&name, vec![barrier.operand()]);
    }

    /// As [`commit_tensor_products`](Self::commit_tensor_products), at the mbarrier in the same
    /// place of every block of the cluster whose rank is set in `ranks`.
    pub fn commit_tensor_products_to<'k>(
        &'k self,
        group: CtaGroup,
        barrier: Mbarrier<'k>,
        ranks: impl IntoValue<'k, u16>,
    ) {
        let name = format!(
            "tcgen05.commit.{}.mbarrier::arrive::one.shared::cluster.multicast::cluster.b64",
            group.name()
        );
        let ranks = ranks.into_value(self).register_operand();
        self.emit(&name, vec![barrier.operand(), ranks]);
    }

    /// Begins to copy 128 rows of 32 bytes, given by the descriptor of a tile in shared memory, to
    /// the lanes and 8 columns from `destination` on. Products that this thread begins later see
    /// it.
    pub fn copy_to_tensor_memory<'k>(
        &'k self,
        group: CtaGroup,
        destination: TensorAddress<'k>,
        source: Value<'k, u64>,
    ) {
        let name = format!("tcgen05.cp.{}.128x256b", group.name());
        let operands: Vec<Operand> = vec![destination.operand(), source.register_operand()];
        self.emit(&name, operands);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCT: TensorProduct = TensorProduct {
        types: (DataType::F16, DataType::F16),
        rows: 128,
        columns: 128,
        b_major: Major::Depth,
        group: CtaGroup::One,
    };
    const BF16: (DataType, DataType) = (DataType::Bf16, DataType::Bf16);

    #[test]
    fn descriptors_are_those_of_other_compilers() {
        let narrow = TensorProduct { types: BF16, columns: 64, ..PRODUCT };
        for (product, descriptor) in [
            (PRODUCT, 0x820_0010),
            (narrow, 0x810_0490),
            (TensorProduct { b_major: Major::Columns, ..narrow }, 0x811_0490),
            (
                TensorProduct { rows: 256, columns: 64, group: CtaGroup::Two, ..PRODUCT },
                0x1010_0010,
            ),
        ] {
            assert_eq!(product.descriptor(), descriptor, "{product:?}");
        }
    }

    fn check(product: TensorProduct, expected: &str) {
        let found = product.check().map_or_else(|error| error.to_string(), |()| "ok".into());
        assert_eq!(found, expected);
    }

    #[test]
    fn says_what_the_tensor_core_does_not_take() {
        check(TensorProduct { columns: 8, ..PRODUCT }, "ok");
        check(
            TensorProduct { types: (DataType::F16, DataType::Bf16), ..PRODUCT },
            "A of f16 and B of bf16; expected the same type of two bytes, or two types of one byte",
        );
        check(
            TensorProduct { group: CtaGroup::Two, rows: 64, ..PRODUCT },
            "64 rows for cta_group::2; expected 128 or 256",
        );
        let bytes = (DataType::E4m3, DataType::E5m2);
        check(
            TensorProduct { types: bytes, columns: 24, b_major: Major::Columns, ..PRODUCT },
            "24 columns; expected a multiple of 16 from 16 to 256",
        );
        check(
            TensorProduct { columns: 264, ..PRODUCT },
            "264 columns; expected a multiple of 8 from 8 to 256",
        );
    }
}
