use tilewright::kernel;

#[kernel(target = "sm_80")]
fn syntax(n: u32, x: *mut f32) {
    let closure = |value: u32| value + 1;
    while let Some(value) = n {}
    println!("{n}");
    struct Pair(u32, u32);
    let reference: &u32 = n;
    for value in x {}
    let text = "text";
    let later;
    break;
    match n {
        0 => 1,
    };
    'outer: loop {
        continue 'inner;
    }
    #[inline]
    let attribute = 1;
    #[shared]
    let tile = [0.0; 4];
    return n;
}

fn main() {}
