use tilewright::attention;

attention! {
    Odd: gpu = a100_sxm, pass = forward, dtype = bf16, head_dim = 80, mask = causal,
    tile = { m: 128, n: 64, warps: 4, stages: 1 }
}

attention! {
    Fields: arch = sm80, pass = forward, dtype = bf16, head_dim = 128, mask = causal,
    tile = { m: 128, n: 64, wraps: 4, stages: 1 }
}

attention! {
    Incomplete: arch = sm80, pass = forward, dtype = bf16, head_dim = 128, mask = causal,
    tile = { m: 128, n: 64, warps: 4 }
}

fn main() {
    // Uses of a kernel with a mistake are still understood: only the mistake is reported.
    let _ = (Odd::PTX, Odd::load);
}
