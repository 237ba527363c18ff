use tilewright::kernel;

#[kernel(target = "sm_80")]
fn constants(n: u32, x: *mut f32) {
    const LOOP: u32 = LOOP + 1;
    const ZERO: u32 = 1 / 0;
    const RUNTIME: u32 = n;
    let values = [0.0f32; n];
    #[unroll]
    for i in 0..n {}
}

#[kernel(target = "sm_80")]
fn folded(n: u32, x: *mut u32) {
    let values = [1u32, 2, 3];
    x[0] = values[3];
    x[1] = n / 0;
    x[2] = n << 32;
    for i in (0..n).step_by(0) {}
    copy_async_wait(n);
}

fn main() {}
