//! Warpgroups: their matrix products, registers and barriers.

use super::builder::Builder;
use super::value::Value;
use crate::attention::DataType;
use crate::ptx::tree::Operand;

/// Threads of a warpgroup.
pub const WARPGROUP: u32 = 128;

/// Rows of a warpgroup's product.
pub const WARPGROUP_ROWS: u32 = 64;

/// The A operand of a warpgroup's product: 64 rows by 32 bytes.
#[derive(Clone, Copy, Debug)]
pub enum OperandA<'k> {
    /// In shared memory, by its descriptor.
    Shared(Value<'k, u64>),
    /// In registers: warp w has rows 16w to 16w + 15 as its operand A of `mma.m16n8k16`, or of
    /// `mma.m16n8k32` for elements of one byte.
    Registers([Value<'k, u32>; 4]),
}

/// The order in which a B operand is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Major {
    /// Elements along the depth of the product are neighbours: K of Q·Kᵀ.
    Depth,
    /// Elements along the product's columns are neighbours: V of P·V.
    Columns,
}

/// A group of products that was committed; see [`Builder::commit_products`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "products that nobody waits for may not be read"]
pub struct ProductGroup(u32);

/// A named barrier of the block, for a part of its threads.
#[derive(Clone, Copy, Debug)]
pub struct NamedBarrier<'k> {
    builder: &'k Builder,
    number: Value<'k, u32>,
    threads: u32,
}

impl Builder {
    /// Begins D = A·B + D for A and B of these types, where D is 64 rows by 2 · `d.len()` columns, or D = A·B where not
    /// `accumulates`. B is given by its descriptor. D and, where it is in registers, A may not be
    /// touched before the product was waited for.
    pub(crate) fn multiply_async<'k>(
        &'k self,
        (type_a, type_b): (DataType, DataType),
        d: &[Value<'k, f32>],
        a: OperandA<'k>,
        (b, major): (Value<'k, u64>, Major),
        accumulates: bool,
    ) {
        let (columns, depth) = (2 * d.len(), 32 / type_b.bytes());
        let name =
            format!("wgmma.mma_async.sync.aligned.m64n{columns}k{depth}.f32.{type_a}.{type_b}");
        let vector = d.iter().map(|value| value.register_operand()).collect();
        let number = |n: u32| self.constant(n).operand();
        let mut operands = vec![Operand::Vector(vector)];
        operands.push(match a {
            OperandA::Shared(descriptor) => descriptor.operand(),
            OperandA::Registers(registers) => {
                Operand::Vector(registers.iter().map(|r| r.register_operand()).collect())
            }
        });
        operands.extend([b.operand(), self.constant(accumulates).operand(), number(1), number(1)]);
        if type_b.bytes() == 1 {
            assert_eq!(major, Major::Depth, "8-bit operands are stored along the depth");
        } else {
            if let OperandA::Shared(_) = a {
                operands.push(number(0));
            }
            operands.push(number((major == Major::Columns).into()));
        }
        self.emit(&name, operands);
    }

    /// Orders what the warpgroup did to registers before products that use them.
    pub fn fence_products(&self) {
        self.emit("wgmma.fence.sync.aligned", Vec::new());
    }

    /// Ends a group of products.
    pub fn commit_products(&self) -> ProductGroup {
        self.emit("wgmma.commit_group.sync.aligned", Vec::new());
        ProductGroup(self.count_product_group())
    }

    /// Waits for a group of products and all before it. Later ones may still be under way: the
    /// builder counts how many have been committed since, so that both happen in the same iteration
    /// of a loop.
    pub fn wait_for_products(&self, group: ProductGroup) {
        let pending = self.product_groups() - group.0;
        self.emit("wgmma.wait_group.sync.aligned", vec![self.constant(pending).operand()]);
    }

    /// Lets each thread of the warpgroup have `count` registers, which is no fewer than now. Waits
    /// until others have given up enough.
    pub fn take_registers(&self, count: u32) {
        self.emit("setmaxnreg.inc.sync.aligned.u32", vec![self.constant(count).operand()]);
    }

    /// Leaves each thread of the warpgroup `count` registers, which is no more than now.
    pub fn give_up_registers(&self, count: u32) {
        self.emit("setmaxnreg.dec.sync.aligned.u32", vec![self.constant(count).operand()]);
    }

    /// The named barrier `number`, 1 to 15, for `threads` threads in whole warps; number 0 is that
    /// of [`Builder::barrier`].
    pub fn named_barrier<'k>(&'k self, number: Value<'k, u32>, threads: u32) -> NamedBarrier<'k> {
        NamedBarrier { builder: self, number, threads }
    }
}

impl<'k> NamedBarrier<'k> {
    fn operands(&self) -> Vec<Operand> {
        vec![self.number.operand(), self.builder.constant(self.threads).operand()]
    }

    /// Arrives and waits until all its threads have arrived.
    pub fn wait(&self) {
        self.builder.emit("bar.sync", self.operands());
    }

    /// Arrives without waiting.
    pub fn arrive(&self) {
        self.builder.emit("bar.arrive", self.operands());
    }

    /// Waits, and tells whether the predicate holds in all of its threads.
    pub fn all(&self, predicate: Value<'k, bool>) -> Value<'k, bool> {
        let mut operands = self.operands();
        operands.push(predicate.register_operand());
        self.builder.compute("bar.red.and.pred", &operands)
    }
}
