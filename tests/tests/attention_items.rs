//! Kernels that `attention!` makes, launched as their users launch them.

use tilewright::attention;
use tilewright::attention::{DataType, Mask, Problem};
use tilewright::case::{Case, buffers};
use tilewright::device::{BufferId, Device, Simulator};
use tilewright::kernel::Buffer;
use tilewright::kernel::attention::{Error, Sizes, Tensors};
use tilewright::reference::Values;

attention! {
    Ampere: gpu = a100_sxm, pass = forward, dtype = f16, head_dim = 64, mask = causal, tile = tuned
}
attention! {
    Hopper: arch = sm90a, pass = forward, dtype = bf16, head_dim = 64, mask = window, tile = m128n64s2ovppsl
}
attention! {
    Fp8: arch = sm90a, pass = forward, dtype = e4m3, head_dim = 128, mask = causal, tile = m128n224s2ovpplfslrs
}
attention! {
    Blackwell: gpu = b200, pass = forward, dtype = f16, head_dim = 64, mask = causal, tile = tuned
}
attention! {
    BlackwellUltra: arch = sm103a, pass = forward, dtype = bf16, head_dim = 64, mask = full,
    tile = m128n64r4h2t8e0d3x224c104dy
}

/// A case and the buffers of its launch.
struct Launch {
    device: Simulator,
    case: Case,
    buffers: Vec<BufferId>,
}

impl Launch {
    fn new(dtype: DataType, head_dim: u32, mask: Mask) -> Self {
        let problem = Problem {
            dtype,
            head_dim,
            head_dim_v: head_dim,
            batch: 2,
            heads: 4,
            kv_heads: 2,
            seqlen_q: 70,
            seqlen_kv: 150,
            mask,
        };
        let case = Case::random(&problem, Values::Normal, 5).unwrap();
        let mut device = Simulator::default();
        let buffers = buffers(&problem).into_iter();
        let buffers = buffers
            .map(|buffer| device.allocate(buffer.name(), &buffer.contents(case.inputs())).unwrap())
            .collect();
        Self { device, case, buffers }
    }

    fn sizes(&self) -> Sizes {
        let Problem { batch, heads, kv_heads, seqlen_q, seqlen_kv, mask, .. } =
            *self.case.problem();
        Sizes { batch, heads, kv_heads, seqlen_q, seqlen_kv, mask, softmax_scale: None }
    }

    fn tensors<T, O>(&self) -> Tensors<T, O> {
        let [q, k, v, o, lse] = *self.buffers.first_chunk().unwrap();
        let descales: Option<[BufferId; 3]> = self.buffers[5..].try_into().ok();
        Tensors {
            query: Buffer::from(q).into(),
            key: Buffer::from(k).into(),
            value: Buffer::from(v).into(),
            output: Buffer::from(o).into(),
            log_sum_exp: Buffer::from(lse).into(),
            descales: descales.map(|ids| ids.map(|id| Buffer::from(id).into())),
        }
    }

    /// Holds what was written against the reference.
    fn check(mut self) {
        let outputs = [3, 4].map(|output| self.device.read(self.buffers[output]).unwrap());
        let mismatch = self.case.compare(&outputs).mismatch().cloned();
        assert!(mismatch.is_none(), "{mismatch:?}");
    }
}

#[test]
fn for_ampere() {
    let mut launch = Launch::new(DataType::F16, 64, Mask::Causal);
    let kernel = Ampere::load(&mut launch.device).unwrap();
    let (sizes, tensors) = (launch.sizes(), launch.tensors());
    kernel.launch(&mut launch.device, &sizes, &tensors).unwrap();
    launch.check();
}

#[test]
fn for_hopper() {
    let mut launch = Launch::new(DataType::Bf16, 64, Mask::Window { left: 40, right: 3 });
    let kernel = Hopper::load(&mut launch.device).unwrap();
    let (sizes, tensors) = (launch.sizes(), launch.tensors());
    kernel.launch(&mut launch.device, &sizes, &tensors).unwrap();
    launch.check();
}

#[test]
fn for_blackwell() {
    let mut launch = Launch::new(DataType::F16, 64, Mask::Causal);
    let kernel = Blackwell::load(&mut launch.device).unwrap();
    let (sizes, tensors) = (launch.sizes(), launch.tensors());
    kernel.launch(&mut launch.device, &sizes, &tensors).unwrap();
    launch.check();
}

#[test]
fn for_blackwell_ultra() {
    let mut launch = Launch::new(DataType::Bf16, 64, Mask::Full);
    let kernel = BlackwellUltra::load(&mut launch.device).unwrap();
    let (sizes, tensors) = (launch.sizes(), launch.tensors());
    kernel.launch(&mut launch.device, &sizes, &tensors).unwrap();
    launch.check();
}

#[test]
fn in_fp8() {
    let mut launch = Launch::new(DataType::E4m3, 128, Mask::Causal);
    let kernel = Fp8::load(&mut launch.device).unwrap();
    let sizes = launch.sizes();
    let without = Tensors { descales: None, ..launch.tensors() };
    let refused = kernel.launch(&mut launch.device, &sizes, &without);
    assert!(matches!(refused, Err(Error::Descales(true))), "{refused:?}");
    let tensors = launch.tensors();
    kernel.launch(&mut launch.device, &sizes, &tensors).unwrap();
    launch.check();
}
