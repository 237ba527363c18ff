//! Kernels compiled to PTX while the crate compiles: [`kernel`](macro@kernel), for a function in a subset of
//! Rust, and [`attention`](macro@attention), for the kernels of the library.
//!
//! An application uses both through the crate `tilewright`, which re-exports them and holds what
//! they expand to.

mod attention;
mod diagnostic;
mod kernel;

use proc_macro::TokenStream;

#[doc = include_str!("kernel/language.md")]
#[doc = include_str!("kernel/intrinsics.md")]
#[proc_macro_attribute]
pub fn kernel(options: TokenStream, item: TokenStream) -> TokenStream {
    kernel::expand(options.into(), item.into()).into()
}

/// Builds an attention kernel while the crate compiles, and expands to a type of that name.
///
/// ```
/// use tilewright::attention;
///
/// attention! {
///     pub Prefill: gpu = a100_sxm, pass = forward, dtype = bf16, head_dim = 128, mask = causal,
///     tile = { m: 64, n: 64, warps: 4, stages: 1, split_masked_loop: true }
/// }
///
/// assert_eq!(Prefill::CONFIG, "m64n64w4s1sl");
/// assert!(Prefill::PTX.contains(Prefill::ENTRY));
/// ```
///
/// For Hopper it is a kernel that copies with TMA and multiplies with `wgmma`:
///
/// ```
/// use tilewright::attention;
///
/// attention! {
///     pub Prefill: arch = sm90a, pass = forward, dtype = bf16, head_dim = 128, mask = causal,
///     tile = { m: 128, n: 128, stages: 2, overlap: true, ping_pong: true }
/// }
///
/// assert_eq!(Prefill::CONFIG, "m128n128s2ovpp");
/// assert!(Prefill::PTX.contains("wgmma.mma_async"));
/// ```
///
/// For Blackwell it is one that multiplies with `tcgen05.mma`, in tensor memory:
///
/// ```
/// use tilewright::attention;
///
/// attention! {
///     pub Prefill: arch = sm100a, pass = forward, dtype = bf16, head_dim = 128, mask = causal,
///     tile = { m: 256, n: 128, stages: 3, early_quarters: 3, threshold: 8, polynomials: 2 }
/// }
///
/// assert_eq!(Prefill::CONFIG, "m256n128r3h3t8e2d3x192c80");
/// assert!(Prefill::PTX.contains("tcgen05.mma"));
/// ```
///
/// The type has the constants `PTX`, `ENTRY`, `CONFIG` and `DESCRIPTION`; `load(device)` makes a
/// value of it, and its `launch` takes the sizes and tensors of one launch: lengths, heads, batch and the
/// softmax scale are given there, so one kernel serves them all. FP8 is passed as bytes, with a factor
/// for each batch and key-value head by which Q, K and V are multiplied.
///
/// | key | value |
/// | --- | --- |
/// | `gpu` | a GPU such as `a100_sxm`, `rtx4090`, `h100_sxm` or `b200`; its target is compiled for, its limits hold |
/// | `arch` | instead of `gpu`: `sm80`, `sm86`, `sm89`, `sm90a`, `sm100a` or `sm103a`, for that architecture's usual GPU |
/// | `pass` | `forward` |
/// | `dtype` | `f16`, `bf16`, `e4m3` or `e5m2`, the type of Q, K and V; O has it too, or `bf16` for FP8 |
/// | `head_dim` | a multiple of 32 up to 256, or `(192, 128)` where V has rows of its own length |
/// | `mask` | `full`, `causal` or `window` |
/// | `tile` | `tuned`: the best row of the published table for the GPU and the problem; or a word such as `m64n64w4s1sl` or `m128n128s2ovpp`; or fields as above |
///
/// The fields of a tile are `m`, `n`, `stages`, and those below, where the default is not meant:
///
/// | for | fields |
/// | --- | --- |
/// | Ampere and Ada | `warps`, always; `blocks`, `q_in_registers`, `share_q_k`, `split_masked_loop`, `rescale` (`always`, `lazy` or `speculative`) |
/// | Hopper | `overlap`, `ping_pong`, `p_in_shared`, `q_in_registers`, `direct_output`, `cluster`, `persistent`, `longest_first`, `split_masked_loop`, `rescale`, `polynomials` |
/// | Blackwell | `early_quarters`, `threshold`, `polynomials`, `degree`, `softmax_registers`, `correction_registers`, `pair`, `schedule` (`single`, `persistent` or `dynamic`), `longest_first`, `o_over_q` |
///
/// What they mean is said at the `Config` of each architecture, in `tilewright::attention`.
/// A tile that does not fit the GPU is an error with the arithmetic.
#[proc_macro]
pub fn attention(input: TokenStream) -> TokenStream {
    attention::expand(input.into()).into()
}
