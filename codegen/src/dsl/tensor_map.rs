//! Copies of boxes of a tensor between global and shared memory (TMA).

use super::builder::Builder;
use super::mbarrier::Mbarrier;
use super::memory::{Pointer, Shared};
use super::scalar::Scalar;
use super::value::Value;
use crate::ptx::tree::{Address, Base, Operand, TensorCoordinates};

/// A parameter that describes a tensor of N dimensions in global memory and a box of it
/// (`CUtensorMap`). Coordinates are those of a box's first element, in elements, innermost
/// dimension first.
#[derive(Clone, Copy, Debug)]
pub struct TensorMap<'k, const N: usize> {
    address: Value<'k, u64>,
}

/// Bytes of a tensor map, and its alignment as a parameter.
pub const TENSOR_MAP_BYTES: u32 = 128;
const TENSOR_MAP_ALIGN: u32 = 64;

/// What the second-level cache is told of a copy.
#[derive(Clone, Copy, Debug)]
pub struct CacheHint<'k>(Value<'k, u64>);

/// Who gets a box that is read from global memory.
#[derive(Clone, Copy, Debug)]
pub enum Receivers<'k> {
    /// This block.
    Block,
    /// The blocks of the cluster whose ranks are set in the mask, each at the place in its own
    /// shared memory; each has its mbarrier at the same place told.
    Cluster(Value<'k, u16>),
    /// This block, one of a pair that multiply together; the mbarrier that is told is its own or,
    /// by [`Mbarrier::of_leader`], that of the block that leads.
    Pair,
}

impl Builder {
    /// Declares the next parameter of the kernel, a tensor map.
    pub fn tensor_map_parameter<const N: usize>(&self, name: &str) -> TensorMap<'_, N> {
        const { assert!(N >= 1 && N <= 5, "a tensor has 1 to 5 dimensions") };
        let name = self.declare_bytes_parameter(name, TENSOR_MAP_BYTES, TENSOR_MAP_ALIGN);
        let address: Value<'_, u64> = self.compute("mov.b64", &[Operand::Symbol(name, 0)]);
        TensorMap { address: self.compute("cvta.param.u64", &[address.operand()]) }
    }

    /// A hint that lines will be needed again soon.
    pub fn keep_in_cache(&self) -> CacheHint<'_> {
        CacheHint(self.compute("createpolicy.fractional.L2::evict_last.b64", &[]))
    }

    /// A hint that lines will not be needed again.
    pub fn drop_from_cache(&self) -> CacheHint<'_> {
        CacheHint(self.compute("createpolicy.fractional.L2::evict_first.b64", &[]))
    }

    /// Ends a group of copies to global memory of this thread.
    pub fn commit_stores(&self) {
        self.emit("cp.async.bulk.commit_group", Vec::new());
    }

    /// Waits until every group of this thread has read its source, which may be written then.
    pub fn wait_for_store_sources(&self) {
        self.emit("cp.async.bulk.wait_group.read", vec![self.constant(0_u32).operand()]);
    }

    /// Makes what this thread wrote to shared memory, or saw written, visible to asynchronous
    /// copies and matrix products.
    pub fn fence_shared_for_async(&self) {
        self.emit("fence.proxy.async.shared::cta", Vec::new());
    }
}

impl<'k, const N: usize> TensorMap<'k, N> {
    fn at(self, coordinates: [Value<'k, i32>; N]) -> Operand {
        let base = Base::Register(self.address.register_name());
        let map = Address { base, offset: 0 };
        let coordinates = coordinates.map(|coordinate| coordinate.operand()).into();
        Operand::Tensor(Box::new(TensorCoordinates { map, coordinates }))
    }

    /// Fetches the map itself ahead of its use.
    pub fn prefetch(self) {
        let base = Base::Register(self.address.register_name());
        let address = Operand::Address(Address { base, offset: 0 });
        self.address.builder().emit("prefetch.tensormap", vec![address]);
    }

    /// Begins to copy a box to shared memory, 128-byte aligned; its bytes are completed at
    /// `barrier`. Elements outside the tensor are zeros, and count.
    pub fn load<T: Scalar>(
        self,
        coordinates: [Value<'k, i32>; N],
        destination: Pointer<'k, T, Shared>,
        barrier: Mbarrier<'k>,
        receivers: Receivers<'k>,
        hint: Option<CacheHint<'k>>,
    ) {
        let mut name = format!(
            "cp.async.bulk.tensor.{N}d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
        );
        let mut operands = vec![destination.operand(), self.at(coordinates), barrier.operand()];
        if let Receivers::Cluster(ranks) = receivers {
            name.push_str(".multicast::cluster");
            operands.push(ranks.register_operand());
        }
        if let Receivers::Pair = receivers {
            name.push_str(".cta_group::2");
        }
        if let Some(CacheHint(policy)) = hint {
            name.push_str(".L2::cache_hint");
            operands.push(policy.operand());
        }
        self.address.builder().emit(&name, operands);
    }

    /// Begins to copy a box from shared memory, 128-byte aligned, as part of this thread's group of
    /// stores. Elements outside the tensor are not written.
    pub fn store<T: Scalar>(
        self,
        coordinates: [Value<'k, i32>; N],
        source: Pointer<'k, T, Shared>,
    ) {
        let name = format!("cp.async.bulk.tensor.{N}d.global.shared::cta.tile.bulk_group");
        self.address.builder().emit(&name, vec![self.at(coordinates), source.operand()]);
    }
}
