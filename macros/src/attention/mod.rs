//! `attention!`: a kernel of `codegen::attention` while the user's crate compiles.

mod expand;
mod input;
mod request;

#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use tilewright_codegen::attention::{Kernel, forward};
use tilewright_codegen::ptx;

use input::Input;
use request::Request;

/// The expansion of `attention! { input }`: the kernel's item or, beside the errors, one of the
/// same shape.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let input: Input = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    match request::read(&input).and_then(|request| Built::new(&input, request)) {
        Ok(built) => expand::item(&input, Some(&built)),
        Err(error) => {
            let errors = error.into_compile_error();
            let stripped = expand::item(&input, None);
            quote::quote! { #errors #stripped }
        }
    }
}

/// A kernel that was asked for, as PTX.
struct Built {
    request: Request,
    kernel: Kernel,
    ptx: String,
}

impl Built {
    fn new(input: &Input, request: Request) -> syn::Result<Self> {
        let Request { gpu, problem, config } = &request;
        let unusable = |error: &dyn std::fmt::Display| syn::Error::new_spanned(&input.name, error);
        let kernel = forward(problem, config, gpu).map_err(|error| unusable(&error))?;
        let checked = ptx::check(kernel.module.clone()).map_err(|errors| unusable(&errors))?;
        Ok(Self { ptx: ptx::print(&checked), kernel, request })
    }
}
