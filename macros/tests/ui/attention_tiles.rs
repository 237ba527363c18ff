use tilewright::attention;

attention! {
    TooLarge: gpu = rtx3090, pass = forward, dtype = bf16, head_dim = 128, mask = causal,
    tile = m128n128w8s2
}

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

attention! {
    Untuned: gpu = a40, pass = forward, dtype = bf16, head_dim = (192, 128), mask = window,
    tile = tuned
}

fn main() {
    // Uses of a kernel with a mistake are still understood: only the mistake is reported.
    let _ = (TooLarge::PTX, TooLarge::load);
}
