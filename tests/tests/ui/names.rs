use tilewright::kernel;

#[kernel(target = "sm_80")]
fn names(n: u32, x: *mut f32) {
    const WIDTH: u32 = 4;
    let i = thred_index.x;
    let j = thread_index.w;
    let k = widht + i;
    let l = WIDHT;
    x[n] = sqtr(2.0f32);
    let root = x[0].squrt();
    let maximum = u32::MAXIMUM;
    barier();
}

fn main() {}
