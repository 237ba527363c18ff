//! Kernels that `attention!` makes, launched as their users launch them.

use tilewright::attention::{DataType, Mask, Problem};
use tilewright::compare::compare_each;
use tilewright::device::{BufferId, Contents, Device, Simulator};
use tilewright::kernel::Buffer;
use tilewright::kernel::attention::{Error, Sizes, Tensors};
use tilewright::reference::{Inputs, Values, forward};
use tilewright::{DType, Value, attention};

attention! {
    Ampere: gpu = a100_sxm, pass = forward, dtype = f16, head_dim = 64, mask = causal, tile = tuned
}
attention! {
    Hopper: arch = sm90a, pass = forward, dtype = bf16, head_dim = 64, mask = window, tile = m128n64s2ovppsl
}
attention! {
    Fp8: arch = sm90a, pass = forward, dtype = e4m3, head_dim = 128, mask = causal, tile = m128n224s2ovpplfslrs
}

/// Inputs and buffers of a launch.
struct Launch {
    device: Simulator,
    problem: Problem,
    inputs: Inputs,
    q: BufferId,
    k: BufferId,
    v: BufferId,
    o: BufferId,
    lse: BufferId,
    descales: Option<[BufferId; 3]>,
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
        let inputs = Inputs::random(&problem, Values::Normal, 5);
        let mut device = Simulator::default();
        let element = DType::from(dtype);
        let mut input = |name: &str, dtype: DType, values: &[f64]| {
            let bytes = Contents::Bytes(dtype.to_bytes(values.iter().copied()));
            device.allocate(name, &bytes).unwrap()
        };
        let q = input("q", element, &inputs.query);
        let k = input("k", element, &inputs.key);
        let v = input("v", element, &inputs.value);
        let descales = inputs.descales.as_ref().map(|descales| {
            descales.each_ref().map(|factors| input("descale", DType::F32, factors))
        });
        let elements = |shape: &[usize]| shape.iter().product::<usize>();
        let o = Contents::Uninit(2 * elements(&problem.output_shape()));
        let o = device.allocate("o", &o).unwrap();
        let lse = Contents::Uninit(4 * elements(&problem.log_sum_exp_shape()));
        let lse = device.allocate("lse", &lse).unwrap();
        Self { device, problem, inputs, q, k, v, o, lse, descales }
    }

    fn sizes(&self) -> Sizes {
        let Problem { batch, heads, kv_heads, seqlen_q, seqlen_kv, mask, .. } = self.problem;
        Sizes { batch, heads, kv_heads, seqlen_q, seqlen_kv, mask, softmax_scale: None }
    }

    fn tensors<T, O>(&self) -> Tensors<T, O> {
        Tensors {
            query: Buffer::from(self.q).into(),
            key: Buffer::from(self.k).into(),
            value: Buffer::from(self.v).into(),
            output: Buffer::from(self.o).into(),
            log_sum_exp: Buffer::from(self.lse).into(),
            descales: self.descales.map(|ids| ids.map(|id| Buffer::from(id).into())),
        }
    }

    /// Holds what was written against the reference.
    fn check(mut self) {
        let problem = &self.problem;
        let expected = forward(problem, problem.default_softmax_scale(), &self.inputs).unwrap();
        let output = expected.output.iter().enumerate();
        let output =
            output.map(|(i, &o)| (Value::Float(o), expected.output_tolerance(problem.dtype, i)));
        let found = self.device.read(self.o).unwrap();
        let dtype = DType::from(problem.dtype.output());
        let comparison = compare_each(&problem.output_shape(), dtype, &found, output);
        assert!(comparison.matches(), "O: {comparison}");
        let tolerance = expected.log_sum_exp_tolerance();
        let log_sum_exp = expected.log_sum_exp.iter().map(|&l| (Value::Float(l), tolerance));
        let found = self.device.read(self.lse).unwrap();
        let shape = problem.log_sum_exp_shape();
        let comparison = compare_each(&shape, DType::F32, &found, log_sum_exp);
        assert!(comparison.matches(), "LSE: {comparison}");
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
