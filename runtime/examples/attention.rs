//! Causal attention of grouped heads on the device named by the first argument: `sim`, the
//! default, or `cuda:0`.
//!
//! The kernel is built while this program compiles; lengths and heads are given at each launch.

use std::error::Error;

use tilewright::attention;
use tilewright::attention::Mask;
use tilewright::device::DeviceName;
use tilewright::half::bf16;
use tilewright::kernel::Buffer;
use tilewright::kernel::attention::{Sizes, Tensors};
use tilewright::sim::Options;

attention! {
    pub Prefill: gpu = a100_sxm, pass = forward, dtype = bf16, head_dim = 64, mask = causal,
    tile = m64n64w4s1sl
}

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or("sim".into());
    let mut device = name.parse::<DeviceName>()?.open(Options::default())?;
    let device = &mut *device;

    let sizes = Sizes {
        batch: 1,
        heads: 4,
        kv_heads: 2,
        seqlen_q: 100,
        seqlen_kv: 100,
        mask: Mask::Causal,
        softmax_scale: None,
    };
    let wave = |count: usize, step: f32| -> Vec<bf16> {
        (0..count).map(|i| bf16::from_f32((i as f32 * step).sin())).collect()
    };
    let query = Buffer::new(device, "q", &wave(100 * 4 * 64, 0.37))?;
    let key = Buffer::new(device, "k", &wave(100 * 2 * 64, 0.73))?;
    let value = Buffer::new(device, "v", &wave(100 * 2 * 64, 0.11))?;
    let output = Buffer::<bf16>::uninit(device, "o", 100 * 4 * 64)?;
    let log_sum_exp = Buffer::<f32>::uninit(device, "lse", 4 * 100)?;

    let prefill = Prefill::load(device)?;
    let tensors = Tensors {
        query: query.into(),
        key: key.into(),
        value: value.into(),
        output: output.into(),
        log_sum_exp: log_sum_exp.into(),
        descales: None,
    };
    prefill.launch(device, &sizes, &tensors)?;

    // The first query sees only the first key, so its output is the first value.
    let (output, value) = (output.read(device)?, value.read(device)?);
    println!("{} on {}", Prefill::CONFIG, device.description());
    println!("o[0, 0, 0, ..4] = {:?}, v[0, 0, 0, ..4] = {:?}", &output[..4], &value[..4]);
    Ok(())
}
