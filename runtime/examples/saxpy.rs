//! `y ← a·x + y` on the device named by the first argument: `sim`, the default, or `cuda:0`.
//!
//! The kernel is compiled to PTX while this program compiles.

use std::error::Error;

use tilewright::device::{DeviceName, Geometry};
use tilewright::kernel;
use tilewright::kernel::Buffer;
use tilewright::sim::Options;

#[kernel(target = "sm_80")]
fn saxpy(n: u32, a: f32, x: *const f32, y: *mut f32) {
    let i = block_index.x * block_dim.x + thread_index.x;
    if i < n {
        y[i] = fma(a, x[i], y[i]);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    const LENGTH: u32 = 1000;
    let name = std::env::args().nth(1).unwrap_or("sim".into());
    let mut device = name.parse::<DeviceName>()?.open(Options::default())?;

    let x: Vec<f32> = (0..LENGTH).map(|i| i as f32).collect();
    let x = Buffer::new(&mut *device, "x", &x)?;
    let y = Buffer::new(&mut *device, "y", &[1.0f32; LENGTH as usize])?;
    let geometry = Geometry::new([LENGTH.div_ceil(256), 1, 1], [256, 1, 1]);
    let arguments = saxpy::Arguments { n: LENGTH, a: 2.0, x: x.into(), y: y.into() };
    saxpy::launch(&mut *device, &geometry, &arguments)?;

    let y = y.read(&mut *device)?;
    println!("on {}: y = [{}, {}, {}, …, {}]", device.description(), y[0], y[1], y[2], y[999]);
    Ok(())
}
