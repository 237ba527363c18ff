use tilewright::kernel;
use tilewright::kernel::Pointer;

#[kernel(target = "sm_80")]
fn scale(n: u32, factor: f32, x: *mut f32) {
    x[n] = factor * m;
}

// Uses of a kernel with a mistake are still understood: only the mistake is reported.
fn arguments(x: Pointer<f32>) -> scale::Arguments {
    scale::Arguments { n: 1, factor: 2.0, x }
}

fn main() {
    let _ = (arguments, scale::PTX, scale::ENTRY, scale::launch);
}
