//! The head dimensions of kernels.

/// Head dimensions, of Q and K, and of V, that the kernels for Hopper and Blackwell have.
pub const HEAD_DIMS: [(u32, u32); 6] =
    [(64, 64), (96, 96), (128, 128), (192, 128), (192, 192), (256, 256)];

/// A list of them.
pub(super) fn head_dims() -> String {
    let pair = |(qk, v): &(u32, u32)| match qk == v {
        true => qk.to_string(),
        false => format!("{qk} with {v} for V"),
    };
    HEAD_DIMS.iter().map(pair).collect::<Vec<_>>().join(", ")
}
