//! Errors at the very expression, collected so that several are reported at once.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, TokenStreamExt};
use syn::spanned::Spanned;

/// From the first to the last token of what an error is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Location {
    start: Span,
    end: Span,
}

impl Location {
    pub(crate) fn of(tokens: &impl ToTokens) -> Self {
        let mut spans = tokens.to_token_stream().into_iter().map(|token| token.span());
        let start = spans.next().unwrap_or_else(|| tokens.span());
        Self { start, end: spans.last().unwrap_or(start) }
    }
}

impl From<Span> for Location {
    fn from(span: Span) -> Self {
        Self { start: span, end: span }
    }
}

/// Two tokens that `syn::Error` takes a range from: stable Rust cannot join spans.
impl ToTokens for Location {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.append(Ident::new("start", self.start));
        tokens.append(Ident::new("end", self.end));
    }
}

/// The errors found so far.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    error: Option<syn::Error>,
}

impl Diagnostics {
    pub(crate) fn error(&mut self, location: Location, message: impl std::fmt::Display) {
        self.push(syn::Error::new_spanned(location, message));
    }

    /// An error, and what to do about it.
    pub(crate) fn error_with_help(
        &mut self,
        location: Location,
        message: impl std::fmt::Display,
        help: impl std::fmt::Display,
    ) {
        self.error(location, format_args!("{message}\n\nhelp: {help}"));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.error {
            Some(all) => all.combine(error),
            none => *none = Some(error),
        }
    }

    /// `Ok` where nothing was reported.
    pub(crate) fn into_result(self) -> syn::Result<()> {
        self.error.map_or(Ok(()), Err)
    }
}

/// The known name most like `name`, where one is close enough to be what was meant.
pub(crate) fn similar<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let close =
        |candidate: &&str| strsim::damerau_levenshtein(name, candidate) <= (name.len() + 1) / 3;
    known
        .into_iter()
        .filter(|candidate| *candidate != name)
        .filter(close)
        .min_by_key(|candidate| (strsim::damerau_levenshtein(name, candidate), *candidate))
}
