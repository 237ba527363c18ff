//! Causal attention of FP8 inputs on Hopper, by TMA and `wgmma`, on the device named by the first
//! argument: `sim`, the default, or `cuda:0`.
//!
//! The tile is the best one that the published table of the H100 has for such problems.

use std::error::Error;

use tilewright::attention::Mask;
use tilewright::device::{Device, DeviceName};
use tilewright::half::bf16;
use tilewright::kernel::attention::{Sizes, Tensors};
use tilewright::kernel::{Buffer, Pointer};
use tilewright::sim::Options;
use tilewright::{DType, attention};

attention! {
    pub Prefill: gpu = h100_sxm, pass = forward, dtype = e4m3, head_dim = 64, mask = causal,
    tile = tuned
}

const HEADS: usize = 2;
const ROWS: usize = 300;
const HEAD_DIM: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or("sim".into());
    let mut device = name.parse::<DeviceName>()?.open(Options::default())?;
    let device = &mut *device;

    let (query, query_descale) = quantized(device, "q", 0.37)?;
    let (key, key_descale) = quantized(device, "k", 0.73)?;
    let (value, value_descale) = quantized(device, "v", 0.11)?;
    let output = Buffer::<bf16>::uninit(device, "o", ROWS * HEADS * HEAD_DIM)?;
    let log_sum_exp = Buffer::<f32>::uninit(device, "lse", HEADS * ROWS)?;

    let prefill = Prefill::load(device)?;
    let sizes = Sizes {
        batch: 1,
        heads: HEADS as u32,
        kv_heads: HEADS as u32,
        seqlen_q: ROWS as u32,
        seqlen_kv: ROWS as u32,
        mask: Mask::Causal,
        softmax_scale: None,
    };
    let tensors = Tensors {
        query,
        key,
        value,
        output: output.into(),
        log_sum_exp: log_sum_exp.into(),
        descales: Some([query_descale, key_descale, value_descale]),
    };
    prefill.launch(device, &sizes, &tensors)?;

    // The first query sees only the first key, so its output is the first value.
    let output = output.read(device)?;
    println!("{} on {}", Prefill::CONFIG, device.description());
    println!("o[0, 0, 0, ..4] = {:?}, v[0, 0, 0, ..4] = {:?}", &output[..4], &wave(0.11)[..4]);
    Ok(())
}

/// `[ROWS, HEADS, HEAD_DIM]` numbers between −3 and 3.
fn wave(step: f64) -> Vec<f64> {
    (0..ROWS * HEADS * HEAD_DIM).map(|i| 3.0 * (i as f64 * step).sin()).collect()
}

/// A tensor in FP8 that spans the type's range, and for each head what it is to be multiplied with.
fn quantized(
    device: &mut dyn Device,
    name: &'static str,
    step: f64,
) -> Result<(Pointer<u8>, Pointer<f32>), Box<dyn Error>> {
    const LARGEST: f64 = 448.0;
    let descale = 3.0 / LARGEST;
    let bytes = DType::E4m3.to_bytes(wave(step).into_iter().map(|number| number / descale));
    let descales = Buffer::new(device, "descale", &[descale as f32; HEADS])?;
    Ok((Buffer::new(device, name, &bytes)?.into(), descales.into()))
}
