use tilewright::kernel;

#[kernel(target = "sm_80")]
fn mutability(n: u32, x: *const f32, y: *mut f32) {
    n = 3;
    let sum = 0.0;
    sum += y[0];
    x[0] = sum;
    let values = [1, 2, 3];
    values[0] = 2;
    #[shared]
    let tile: [f32; 32];
    tile[n] = 1.0;
    2 = 3;
    for i in 0..n {
        i += 1;
    }
}

fn main() {}
