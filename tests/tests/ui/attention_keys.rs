use tilewright::attention;

attention! {
    Misspelt: gpu = a100_sxm, pass = forward, dtpye = bf16, head_dim = 128, mask = causal,
    tile = m128n64w4s1
}

attention! { Missing: gpu = a100_sxm, dtype = bf16 }

attention! {
    Unknown: gpu = a100, pass = forwards, dtype = f32, head_dim = wide, mask = casual,
    tile = m128n64
}

attention! {
    Twice: gpu = a100_sxm, arch = sm80, pass = forward, dtype = bf16, dtype = f16, head_dim = 128,
    mask = causal, tile = m128n64w4s1
}

fn main() {}
