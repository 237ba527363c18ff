//! The options of `#[kernel(…)]`.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::{Ident, LitInt, LitStr, Token};
use tilewright_codegen::gpu::Target;
use tilewright_codegen::ptx::tree::Directive;

use crate::diagnostic::{Diagnostics, Location, similar};

const KEYS: [&str; 3] = ["target", "max_threads", "min_blocks"];

/// What stands in the brackets of `#[kernel(target = "sm_80", max_threads = 256)]`.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) target: Target,
    /// `.maxntid` and `.minnctapersm`.
    pub(crate) directives: Vec<Directive>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut diagnostics = Diagnostics::default();
        let mut target = None;
        let mut directives = Vec::new();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            match key.to_string().as_str() {
                "target" => {
                    let text: LitStr = input.parse()?;
                    match text.value().parse::<Target>() {
                        Ok(known) if known.least_version().is_some() => target = Some(known),
                        Ok(unknown) => diagnostics.error(
                            text.span().into(),
                            format_args!("there is no target {unknown}"),
                        ),
                        Err(error) => diagnostics.error(text.span().into(), error),
                    }
                }
                "max_threads" => {
                    directives.push(Directive::MaxThreads(vec![number(input, 1024)?, 1, 1]));
                }
                "min_blocks" => {
                    directives.push(Directive::MinBlocksPerMultiprocessor(number(input, 32)?));
                }
                other => {
                    let help = match similar(other, KEYS) {
                        Some(similar) => format!("did you mean `{similar}`?"),
                        None => format!("the options are {}", KEYS.join(", ")),
                    };
                    let message = format!("unknown option `{other}`");
                    return Err(error_with_help(key.span(), &message, &help));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        diagnostics.into_result()?;
        let Some(target) = target else {
            let help = "write `#[kernel(target = \"sm_80\")]`";
            return Err(error_with_help(Span::call_site(), "a kernel needs a target", help));
        };
        Ok(Self { target, directives })
    }
}

fn error_with_help(span: Span, message: &str, help: &str) -> syn::Error {
    syn::Error::new_spanned(Location::from(span), format_args!("{message}\n\nhelp: {help}"))
}

fn number(input: ParseStream<'_>, maximum: u32) -> syn::Result<u32> {
    let literal: LitInt = input.parse()?;
    match literal.base10_parse::<u32>() {
        Ok(number) if (1..=maximum).contains(&number) => Ok(number),
        _ => Err(syn::Error::new(literal.span(), format_args!("expected 1 to {maximum}"))),
    }
}
