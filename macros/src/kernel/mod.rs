//! `#[kernel]`: Rust's syntax → typed tree → PTX.
//!
//! ```text
//! syn::ItemFn ──check──▶ Typed ──lower──▶ ptx::Module ──ptx::check, print──▶ text ──expand──▶ item
//! ```

mod check;
mod constant;
mod expand;
mod infer;
mod intrinsics;
mod lower;
mod options;
mod tree;
mod types;
mod visit;

#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use tilewright_codegen::ptx::check::CheckErrorKind;
use tilewright_codegen::ptx::{self, Version};

use crate::diagnostic::{Diagnostics, Location};
use options::Options;

/// The expansion of `#[kernel(options)] item`: the compiled kernel or, beside the errors, an item
/// of the same shape, so that code which uses it is still understood.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let kernel: syn::ItemFn = match syn::parse2(item) {
        Ok(kernel) => kernel,
        Err(error) => return error.into_compile_error(),
    };
    let compiled = syn::parse2::<Options>(options).and_then(|options| compile(&options, &kernel));
    match compiled {
        Ok(compiled) => expand::module(&kernel, &compiled),
        Err(error) => {
            let errors = error.into_compile_error();
            let stripped = expand::module(&kernel, &Compiled::default());
            quote::quote! { #errors #stripped }
        }
    }
}

/// A kernel as PTX.
#[derive(Debug, Default)]
struct Compiled {
    ptx: String,
    target: String,
}

fn compile(options: &Options, kernel: &syn::ItemFn) -> syn::Result<Compiled> {
    let typed = check::check(kernel)?;
    let version = Version::new(1, 0);
    let mut lowered = lower::lower(&typed, options.target, version, options.directives.clone())?;
    let checked = lowered
        .module
        .least_version()
        .and_then(|version| {
            lowered.module.version = version;
            ptx::check(lowered.module)
        })
        .map_err(|errors| located(&errors, &lowered.locations, kernel))?;
    Ok(Compiled { ptx: ptx::print(&checked), target: options.target.to_string() })
}

/// The checker's errors where in the kernel's source they come from: an instruction that the
/// target lacks is one.
fn located(
    errors: &ptx::check::CheckErrors,
    locations: &[Location],
    kernel: &syn::ItemFn,
) -> syn::Error {
    let mut diagnostics = Diagnostics::default();
    for error in &errors.0 {
        let index = (error.span.line as usize).checked_sub(1);
        let location = index.and_then(|index| locations.get(index)).copied();
        let location = location.unwrap_or_else(|| Location::of(&kernel.sig.ident));
        match &error.kind {
            CheckErrorKind::Target { .. } => diagnostics.error_with_help(
                location,
                &error.kind,
                "name another target in `#[kernel(target = …)]`, or do without this",
            ),
            kind => diagnostics.error(location, kind),
        }
    }
    match diagnostics.into_result() {
        Err(error) => error,
        Ok(()) => syn::Error::new_spanned(&kernel.sig.ident, "the PTX of this kernel is unusable"),
    }
}
