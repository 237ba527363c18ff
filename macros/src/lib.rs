//! Kernels compiled to PTX while the crate compiles.

mod kernel;

use proc_macro::TokenStream;

/// Compiles a kernel.
#[proc_macro_attribute]
pub fn kernel(options: TokenStream, item: TokenStream) -> TokenStream {
    kernel::expand(options.into(), item.into()).into()
}
