//! Products of a warpgroup, which run beside its other instructions.

use super::fragment::{Accumulator, Product};
use super::panels::Descriptor;
use crate::attention::DataType;
use crate::dsl::{Builder, Major, OperandA, ProductGroup};

/// A result that is not there yet: its registers may not be touched.
#[derive(Debug)]
#[must_use = "a product that nobody waits for may not be read"]
pub struct Pending<T> {
    group: ProductGroup,
    result: T,
}

impl<T> Pending<T> {
    /// Waits for the result. Products that were begun later stay under way.
    pub fn wait(self, k: &Builder) -> T {
        k.wait_for_products(self.group);
        self.result
    }
}

/// The operands of a product in steps of 32 bytes along its depth.
#[derive(Clone, Debug)]
pub struct Steps<'k> {
    /// A, by step.
    pub a: Vec<OperandA<'k>>,
    /// B, by step.
    pub b: Vec<Descriptor<'k>>,
    /// The order in which B is stored.
    pub major: Major,
}

impl<'k> Product<'k> {
    /// Begins A·B: 64 rows, of which each warp has 16, by `8 · column_steps` columns.
    /// [`Builder::fence_products`] comes before.
    pub fn begin(
        k: &'k Builder,
        types: (DataType, DataType),
        column_steps: u32,
        steps: &Steps<'k>,
    ) -> Pending<Self> {
        let row = (0..column_steps).map(|_| std::array::from_fn(|_| k.unwritten())).collect();
        let product = Self { fragments: vec![row] };
        let d = product.fragments[0].concat();
        for (step, (a, b)) in steps.a.iter().zip(&steps.b).enumerate() {
            k.multiply_async(types, &d, *a, (b.value(), steps.major), step > 0);
        }
        Pending { group: k.commit_products(), result: product }
    }
}

impl<'k> Accumulator<'k> {
    /// Begins to add A·B to the accumulator of a warpgroup, which has one row step.
    /// [`Builder::fence_products`] comes before.
    pub fn begin_adding(&mut self, types: (DataType, DataType), steps: &Steps<'k>) -> Pending<()> {
        let k = self.builder();
        let d = self.registers();
        for (a, b) in steps.a.iter().zip(&steps.b) {
            k.multiply_async(types, &d, *a, (b.value(), steps.major), true);
        }
        Pending { group: k.commit_products(), result: () }
    }
}
