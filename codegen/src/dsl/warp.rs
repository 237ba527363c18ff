//! Who a thread is, and what threads do together.

use super::builder::Builder;
use super::memory::{Pointer, Shared};
use super::scalar::Scalar;
use super::value::Value;
use crate::attention::DataType;
use crate::ptx::SpecialRegister;
use crate::ptx::tree::Operand;

/// Three coordinates.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Coordinates<'k> {
    pub x: Value<'k, u32>,
    pub y: Value<'k, u32>,
    pub z: Value<'k, u32>,
}

/// All lanes of a warp.
const FULL_WARP: u32 = u32::MAX;

/// A fragment operand of `mma.m16n8k16`: A is 16×16, four registers of two packed elements.
pub type FragmentA<'k> = [Value<'k, u32>; 4];
/// B of `mma.m16n8k16`: 16×8, two registers of two packed elements.
pub type FragmentB<'k> = [Value<'k, u32>; 2];
/// C and D of `mma.m16n8k16`: 16×8 in f32. Lane l holds columns 2(l mod 4) and the next: elements
/// 0 and 1 in row l / 4, elements 2 and 3 eight rows below.
pub type FragmentC<'k> = [Value<'k, f32>; 4];

impl Builder {
    pub(super) fn special(&self, register: SpecialRegister) -> Value<'_, u32> {
        self.compute("mov.u32", &[Operand::Special(register)])
    }

    /// `%tid`.
    pub fn thread_index(&self) -> Coordinates<'_> {
        use SpecialRegister::{TidX, TidY, TidZ};
        self.coordinates([TidX, TidY, TidZ])
    }

    /// `%ntid`.
    pub fn block_dim(&self) -> Coordinates<'_> {
        use SpecialRegister::{NtidX, NtidY, NtidZ};
        self.coordinates([NtidX, NtidY, NtidZ])
    }

    /// `%ctaid`.
    pub fn block_index(&self) -> Coordinates<'_> {
        use SpecialRegister::{CtaidX, CtaidY, CtaidZ};
        self.coordinates([CtaidX, CtaidY, CtaidZ])
    }

    /// `%nctaid`.
    pub fn grid_dim(&self) -> Coordinates<'_> {
        use SpecialRegister::{NctaidX, NctaidY, NctaidZ};
        self.coordinates([NctaidX, NctaidY, NctaidZ])
    }

    fn coordinates(&self, [x, y, z]: [SpecialRegister; 3]) -> Coordinates<'_> {
        Coordinates { x: self.special(x), y: self.special(y), z: self.special(z) }
    }

    /// Waits until every thread of the block is here; what they wrote is seen by all.
    pub fn barrier(&self) {
        self.emit("bar.sync", vec![self.constant(0_u32).operand()]);
    }

    /// Waits until every lane of the warp is here.
    pub fn sync_warp(&self) {
        self.emit("bar.warp.sync", vec![self.constant(FULL_WARP).operand()]);
    }

    /// Whether the predicate holds in any lane of the warp.
    pub fn any_in_warp<'k>(&'k self, predicate: Value<'k, bool>) -> Value<'k, bool> {
        self.vote("vote.sync.any.pred", predicate)
    }

    /// Whether the predicate holds in every lane of the warp.
    pub fn all_in_warp<'k>(&'k self, predicate: Value<'k, bool>) -> Value<'k, bool> {
        self.vote("vote.sync.all.pred", predicate)
    }

    fn vote<'k>(&'k self, name: &str, predicate: Value<'k, bool>) -> Value<'k, bool> {
        let mask = self.constant(FULL_WARP).operand();
        self.compute(name, &[predicate.register_operand(), mask])
    }

    /// Multiplies 16×16 by 16×8 and adds C, in place.
    pub(crate) fn mma_into<'k>(
        &'k self,
        dtype: DataType,
        accumulator: FragmentC<'k>,
        a: FragmentA<'k>,
        b: FragmentB<'k>,
    ) {
        self.emit_mma(dtype, accumulator, a, b, accumulator);
    }

    /// Multiplies 16×16 by 16×8 and adds C: `mma.m16n8k16` with f32 accumulators.
    pub fn mma<'k>(
        &'k self,
        dtype: DataType,
        a: FragmentA<'k>,
        b: FragmentB<'k>,
        c: FragmentC<'k>,
    ) -> FragmentC<'k> {
        let d = std::array::from_fn(|_| self.fresh());
        self.emit_mma(dtype, d, a, b, c);
        d
    }

    fn emit_mma(
        &self,
        dtype: DataType,
        d: FragmentC<'_>,
        a: FragmentA<'_>,
        b: FragmentB<'_>,
        c: FragmentC<'_>,
    ) {
        assert_eq!(dtype.bytes(), 2, "the fragments are of two-byte elements");
        let name = format!("mma.sync.aligned.m16n8k16.row.col.f32.{dtype}.{dtype}.f32");
        self.emit(&name, vec![vector(&d), vector(&a), vector(&b), vector(&c)]);
    }
}

fn vector<T: Scalar>(values: &[Value<'_, T>]) -> Operand {
    Operand::Vector(values.iter().map(|v| v.register_operand()).collect())
}

impl<'k> Value<'k, u32> {
    /// The value of the warp's first lane, which makes it one and the same in all.
    pub fn of_first_lane(self) -> Value<'k, u32> {
        let k = self.builder;
        let [lane, clamp, members] = [0, 31, FULL_WARP].map(|n| k.constant(n).operand());
        k.compute("shfl.sync.idx.b32", &[self.operand(), lane, clamp, members])
    }

    /// The value of the lane whose number differs by `mask` in its bits.
    pub fn shuffle_xor(self, mask: u32) -> Value<'k, u32> {
        let k = self.builder;
        let [mask, clamp, members] = [mask, 31, FULL_WARP].map(|n| k.constant(n).operand());
        k.compute("shfl.sync.bfly.b32", &[self.operand(), mask, clamp, members])
    }
}

impl<'k> Value<'k, f32> {
    /// The value of the lane whose number differs by `mask` in its bits.
    pub fn shuffle_xor(self, mask: u32) -> Value<'k, f32> {
        let k = self.builder;
        let [mask, clamp, members] = [mask, 31, FULL_WARP].map(|n| k.constant(n).operand());
        k.compute("shfl.sync.bfly.b32", &[self.operand(), mask, clamp, members])
    }
}

impl<'k, T: Scalar> Pointer<'k, T, Shared> {
    /// Reads four 8×8 matrices of 16-bit elements: lanes 8i to 8i + 7 give the rows of matrix i,
    /// and lane l gets elements 2(l mod 4) and the next of row l / 4 of each.
    pub fn load_matrices(self) -> [Value<'k, u32>; 4] {
        self.ldmatrix("ldmatrix.sync.aligned.m8n8.x4.shared.b16")
    }

    /// Reads four 8×8 matrices of 16-bit elements, each transposed.
    pub fn load_matrices_transposed(self) -> [Value<'k, u32>; 4] {
        self.ldmatrix("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16")
    }

    /// Writes four 8×8 matrices of 16-bit elements, distributed as
    /// [`load_matrices`](Self::load_matrices) reads them.
    pub fn store_matrices(self, values: [Value<'k, u32>; 4]) {
        let name = "stmatrix.sync.aligned.m8n8.x4.shared.b16";
        self.builder().emit(name, vec![self.operand(), vector(&values)]);
    }

    fn ldmatrix(self, name: &str) -> [Value<'k, u32>; 4] {
        let k = self.builder();
        let values = std::array::from_fn(|_| k.fresh());
        k.emit(name, vec![vector(&values), self.operand()]);
        values
    }
}
