//! The item that a kernel expands to.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{FnArg, Pat, Type};

use super::Compiled;
use super::types::Scalar;

/// `mod name { PTX, ENTRY, TARGET, Arguments, load, launch }`.
pub(super) fn module(kernel: &syn::ItemFn, compiled: &Compiled) -> TokenStream {
    let Compiled { ptx, target } = compiled;
    let name = &kernel.sig.ident;
    let visibility = &kernel.vis;
    let attributes = &kernel.attrs;
    let entry = name.unraw().to_string();
    let (fields, types): (Vec<_>, Vec<_>) =
        kernel.sig.inputs.iter().enumerate().map(|(i, input)| field(i, input)).unzip();
    let field_docs = fields.iter().map(|field| format!("The argument `{field}`."));
    let load_doc = format!("Has a device load `{entry}`. On a GPU the driver compiles it here.");
    let launch_doc = format!("Loads `{entry}` and runs it to its end.");
    let arguments_doc = format!("The arguments of `{entry}`.");
    quote! {
        #(#attributes)*
        #visibility mod #name {
            /// The kernel as PTX.
            pub const PTX: &str = #ptx;
            /// The name of its entry.
            pub const ENTRY: &str = #entry;
            /// The target that it was compiled for.
            pub const TARGET: &str = #target;

            #[doc = #arguments_doc]
            #[derive(Clone, Copy, Debug)]
            pub struct Arguments {
                #( #[doc = #field_docs] pub #fields: #types, )*
            }

            impl ::tilewright::kernel::Arguments for Arguments {
                fn list(&self) -> ::tilewright::kernel::ArgumentList {
                    let mut list = ::tilewright::kernel::ArgumentList::default();
                    #( list.push(self.#fields); )*
                    list
                }
            }

            #[doc = #load_doc]
            ///
            /// # Errors
            ///
            /// Where the device cannot run it.
            pub fn load(
                device: &mut dyn ::tilewright::device::Device,
            ) -> ::core::result::Result<
                ::tilewright::kernel::Loaded<Arguments>,
                ::tilewright::device::Error,
            > {
                ::tilewright::kernel::Loaded::new(device, PTX, ENTRY)
            }

            #[doc = #launch_doc]
            ///
            /// # Errors
            ///
            /// Where the device cannot run it, or the kernel is at fault.
            pub fn launch(
                device: &mut dyn ::tilewright::device::Device,
                geometry: &::tilewright::device::Geometry,
                arguments: &Arguments,
            ) -> ::core::result::Result<(), ::tilewright::device::Error> {
                load(device)?.launch(device, geometry, arguments)
            }
        }
    }
}

/// The name and the type of an argument on the host.
fn field(index: usize, input: &FnArg) -> (syn::Ident, TokenStream) {
    let FnArg::Typed(typed) = input else {
        return (format_ident!("argument_{index}"), quote!(::core::primitive::u32));
    };
    let name = match &*typed.pat {
        Pat::Ident(pat) => pat.ident.clone(),
        _ => format_ident!("argument_{index}"),
    };
    (name, host_type(&typed.ty))
}

/// The type on the host of what the device takes. What is no type there has been reported, and is
/// replaced by one that can be passed.
fn host_type(ty: &Type) -> TokenStream {
    match ty {
        Type::Ptr(pointer) => {
            let element = innermost(&pointer.elem);
            quote!(::tilewright::kernel::Pointer<#element>)
        }
        Type::Paren(paren) => host_type(&paren.elem),
        Type::Group(group) => host_type(&group.elem),
        Type::Path(path) => match path.path.segments.last().map(|s| s.ident.to_string()) {
            Some(name) if matches!(name.as_str(), "f16" | "bf16") => {
                let name = format_ident!("{name}");
                quote!(::tilewright::half::#name)
            }
            Some(name) if Scalar::from_name(&name).is_some() => {
                let name = format_ident!("{name}");
                quote!(::core::primitive::#name)
            }
            _ => quote!(::core::primitive::u32),
        },
        _ => quote!(::core::primitive::u32),
    }
}

/// What an array behind a pointer is made of.
fn innermost(ty: &Type) -> TokenStream {
    match ty {
        Type::Array(array) => innermost(&array.elem),
        other => host_type(other),
    }
}
