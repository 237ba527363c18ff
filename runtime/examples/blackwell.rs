//! Attention of few queries to many keys on Blackwell, in tensor memory, with rows of V shorter
//! than those of Q and K, on the device named by the first argument: `sim`, the default, or `cuda:0`.
//!
//! Blocks that run take over those that have not begun, and every eighth exponential is computed
//! without the special-function unit.

use std::error::Error;

use tilewright::attention;
use tilewright::attention::Mask;
use tilewright::device::DeviceName;
use tilewright::half::bf16;
use tilewright::kernel::Buffer;
use tilewright::kernel::attention::{Sizes, Tensors};
use tilewright::sim::Options;

attention! {
    pub Prefill: gpu = b200, pass = forward, dtype = bf16, head_dim = (192, 128), mask = causal,
    tile = {
        m: 128, n: 128, stages: 2, early_quarters: 3, threshold: 8, polynomials: 2, degree: 3,
        softmax_registers: 224, correction_registers: 104, schedule: dynamic
    }
}

const QUERIES: usize = 100;
const KEYS: usize = 300;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD_DIM: usize = 192;
const HEAD_DIM_V: usize = 128;

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or("sim".into());
    let mut device = name.parse::<DeviceName>()?.open(Options::default())?;
    let device = &mut *device;

    let wave = |count: usize, step: f32| -> Vec<bf16> {
        (0..count).map(|i| bf16::from_f32((i as f32 * step).sin())).collect()
    };
    let query = Buffer::new(device, "q", &wave(QUERIES * HEADS * HEAD_DIM, 0.37))?;
    let key = Buffer::new(device, "k", &wave(KEYS * KV_HEADS * HEAD_DIM, 0.73))?;
    // Whatever a query sees, the mean of ones is one.
    let ones = vec![bf16::ONE; KEYS * KV_HEADS * HEAD_DIM_V];
    let value = Buffer::new(device, "v", &ones)?;
    let output = Buffer::<bf16>::uninit(device, "o", QUERIES * HEADS * HEAD_DIM_V)?;
    let log_sum_exp = Buffer::<f32>::uninit(device, "lse", HEADS * QUERIES)?;

    let prefill = Prefill::load(device)?;
    let sizes = Sizes {
        batch: 1,
        heads: HEADS as u32,
        kv_heads: KV_HEADS as u32,
        seqlen_q: QUERIES as u32,
        seqlen_kv: KEYS as u32,
        mask: Mask::Causal,
        softmax_scale: None,
    };
    let tensors = Tensors {
        query: query.into(),
        key: key.into(),
        value: value.into(),
        output: output.into(),
        log_sum_exp: log_sum_exp.into(),
        descales: None,
    };
    prefill.launch(device, &sizes, &tensors)?;

    let (output, log_sum_exp) = (output.read(device)?, log_sum_exp.read(device)?);
    println!("{} on {}", Prefill::CONFIG, device.description());
    println!("o[0, 0, 0, ..4] = {:?}, of ones", &output[..4]);
    println!("lse[0, 0, ..4] = {:?}", &log_sum_exp[..4]);
    Ok(())
}
