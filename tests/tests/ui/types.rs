use tilewright::kernel;

#[kernel(target = "sm_80")]
fn types(n: u32, a: f32, x: *const f32, y: *mut f32, z: *mut f16) {
    y[n] = n;
    y[a] = 1;
    let byte: u8 = 300;
    let negative: u32 = -1;
    if n {}
    let sum = x + 1;
    let rest = a % 2.0;
    let flag = a as bool;
    let mixed = a * n + 2.0;
    z[0] = a;
    y[0] = if n < 3 { 1.0 } else { 2 };
    let missing = if n < 3 { 1.0 };
    let unknown: float32 = 1.0;
    let (first, second) = (1, 2, 3);
}

#[kernel(target = "sm_80")]
fn returns(n: u32) -> u32 {
    n
}

#[kernel(target = "sm_80")]
fn parameters(text: &str, pair: (u32, u32), values: [f32; 4]) {}

fn main() {}
