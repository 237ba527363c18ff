//! The item that `attention!` expands to.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use tilewright_codegen::attention::{DataType, Grid, Parameter, TensorBox};

use super::Built;
use super::input::{Input, Value};

/// A unit-like handle of a loaded kernel, with what was compiled as constants.
pub(super) fn item(input: &Input, built: Option<&Built>) -> TokenStream {
    let Input { attributes, visibility, name, .. } = input;
    let elements = elements(input);
    let description = description(built);
    let config = built.map_or(String::new(), |built| built.request.config.to_string());
    let title = match built {
        Some(built) => format!(
            "A forward attention kernel for {}: {}, {} mask, tile {config}.",
            built.request.gpu.title,
            built.request.problem.dtype,
            built.request.problem.mask.kind(),
        ),
        None => "An attention kernel.".into(),
    };
    quote! {
        #[doc = #title]
        ///
        /// It takes any lengths, heads and batch; see `launch`.
        #(#attributes)*
        #[derive(Debug)]
        #visibility struct #name {
            loaded: ::tilewright::kernel::attention::Loaded<#elements>,
        }

        impl #name {
            /// The kernel as PTX, and how it is launched.
            pub const DESCRIPTION: ::tilewright::kernel::attention::Description = #description;
            /// The kernel as PTX.
            pub const PTX: &'static str = Self::DESCRIPTION.ptx;
            /// The name of its entry.
            pub const ENTRY: &'static str = Self::DESCRIPTION.entry;
            /// Its tile, in one word.
            pub const CONFIG: &'static str = #config;

            /// Has a device load the kernel. On a GPU the driver compiles it here.
            ///
            /// # Errors
            ///
            /// Where the device cannot run it.
            pub fn load(
                device: &mut dyn ::tilewright::device::Device,
            ) -> ::core::result::Result<Self, ::tilewright::device::Error> {
                let loaded =
                    ::tilewright::kernel::attention::Loaded::new(device, &Self::DESCRIPTION)?;
                Ok(Self { loaded })
            }

            /// Computes the output and the log-sum-exp, on the device that has loaded the kernel.
            ///
            /// # Errors
            ///
            /// Where the sizes are out of range, the mask is of another kind than the kernel's, or
            /// the launch fails.
            pub fn launch(
                &self,
                device: &mut dyn ::tilewright::device::Device,
                sizes: &::tilewright::kernel::attention::Sizes,
                tensors: &::tilewright::kernel::attention::Tensors<#elements>,
            ) -> ::core::result::Result<(), ::tilewright::kernel::attention::Error> {
                self.loaded.launch(device, sizes, tensors)
            }
        }
    }
}

/// The types of an element on the host: of Q, K and V, and of O.
fn elements(input: &Input) -> TokenStream {
    let dtype = input.entries.iter().find_map(|entry| match &entry.value {
        Value::Word(word, _) if entry.key == "dtype" => word.to_string().parse().ok(),
        _ => None,
    });
    match dtype {
        Some(DataType::F16) => quote!(::tilewright::half::f16),
        Some(DataType::E4m3 | DataType::E5m2) => quote!(u8, ::tilewright::half::bf16),
        Some(DataType::Bf16) | None => quote!(::tilewright::half::bf16),
    }
}

fn description(built: Option<&Built>) -> TokenStream {
    let Some(Built { request, kernel, ptx }) = built else {
        return quote!(::tilewright::kernel::attention::Description::EMPTY);
    };
    let entry = &kernel.entry;
    let (threads, dynamic_shared, tile_m) = (kernel.threads, kernel.dynamic_shared, kernel.tile_m);
    let parameters = kernel.parameters.iter().map(parameter);
    let grid = grid(kernel.grid);
    let problem = &request.problem;
    let (head_dim, head_dim_v) = (problem.head_dim, problem.head_dim_v);
    let dtype = variant(&problem.dtype);
    let mask = variant(&problem.mask.kind());
    quote! {
        ::tilewright::kernel::attention::Description {
            ptx: #ptx,
            entry: #entry,
            threads: #threads,
            dynamic_shared: #dynamic_shared,
            tile_m: #tile_m,
            grid: #grid,
            parameters: &[ #( ::tilewright::attention::Parameter::#parameters ),* ],
            dtype: ::tilewright::attention::DataType::#dtype,
            head_dim: #head_dim,
            head_dim_v: #head_dim_v,
            mask: ::tilewright::attention::MaskKind::#mask,
        }
    }
}

fn parameter(parameter: &Parameter) -> TokenStream {
    let Parameter::TensorMap(TensorBox { tensor, rows, width }) = parameter else {
        return variant(parameter).to_token_stream();
    };
    let tensor = variant(tensor);
    quote! {
        TensorMap(::tilewright::attention::TensorBox {
            tensor: ::tilewright::attention::Tensor::#tensor,
            rows: #rows,
            width: #width,
        })
    }
}

fn grid(grid: Grid) -> TokenStream {
    match grid {
        Grid::Tiles => quote!(::tilewright::attention::Grid::Tiles),
        Grid::Line { cluster, most } => {
            let most = match most {
                Some(most) => quote!(::core::option::Option::Some(#most)),
                None => quote!(::core::option::Option::None),
            };
            quote!(::tilewright::attention::Grid::Line { cluster: #cluster, most: #most })
        }
    }
}

/// The name of an enum's variant without fields.
fn variant(value: &impl std::fmt::Debug) -> Ident {
    Ident::new(&format!("{value:?}"), Span::call_site())
}
