use tilewright::kernel;

#[kernel(target = "sm_75")]
fn targets(n: u32, x: *mut f32, y: *mut bf16) {
    #[shared]
    let mut tile: [f32; 32];
    let sum = redux_add(n);
    copy_async_4(&mut tile[0], x);
    y[0] = y[1] * y[2];
    x[0] = tanh(x[1]);
}

#[kernel(target = "sm_80")]
fn memory(x: *mut f32) {
    copy_async_4(x, x);
}

fn main() {}
