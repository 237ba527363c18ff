use tilewright::kernel;

#[kernel(target = "sm_80")]
fn calls(n: u32, a: f32, x: *const f32, y: *mut f32) {
    fn square(value: f32) -> f32 {
        value * value
    }
    fn outer() -> u32 {
        n
    }
    y[0] = fma(a, 1.0);
    y[1] = square(a, a);
    y[2] = square(n);
    y[3] = sqrt(n);
    let moved = shuffle_xor(n < 3, 1);
    atomic_add(x, 1.0);
    let address = &mut n;
    std::process::exit(1);
}

#[kernel(target = "sm_80")]
fn recursive(y: *mut u32) {
    fn countdown(n: u32) -> u32 {
        if n == 0 { 0 } else { countdown(n - 1) }
    }
    y[0] = countdown(3);
}

fn main() {}
