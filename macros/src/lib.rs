//! Kernels compiled to PTX while the crate compiles.

mod attention;
mod diagnostic;
mod kernel;

use proc_macro::TokenStream;

/// Compiles a kernel.
#[proc_macro_attribute]
pub fn kernel(options: TokenStream, item: TokenStream) -> TokenStream {
    kernel::expand(options.into(), item.into()).into()
}

/// Builds an attention kernel.
#[proc_macro]
pub fn attention(input: TokenStream) -> TokenStream {
    attention::expand(input.into()).into()
}
