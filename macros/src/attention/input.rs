//! The syntax of `attention! { pub Name: key = value, … }`.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, LitBool, LitInt, LitStr, Token, Visibility, braced, parenthesized};

/// What stands in the macro's braces.
pub(super) struct Input {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) name: Ident,
    pub(super) entries: Punctuated<Entry, Token![,]>,
}

/// `key = value`.
pub(super) struct Entry {
    pub(super) key: Ident,
    pub(super) value: Value,
}

/// A value, which keeps its tokens so that an error can point at it.
pub(super) enum Value {
    /// A word, or a text in quotes.
    Word(String, TokenStream),
    Number(u32, TokenStream),
    /// `(192, 128)`.
    Pair([u32; 2], TokenStream),
    /// `{ m: 128, n: 64 }`.
    Fields(Vec<(Ident, Field)>, TokenStream),
}

/// The value of a field of a tile.
pub(super) enum Field {
    Number(u32, TokenStream),
    Flag(bool, TokenStream),
    Word(String, TokenStream),
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let name = input.parse()?;
        input.parse::<Token![:]>()?;
        let entries = Punctuated::parse_terminated(input)?;
        Ok(Self { attributes, visibility, name, entries })
    }
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = input.parse()?;
        input.parse::<Token![=]>()?;
        Ok(Self { key, value: input.parse()? })
    }
}

impl Parse for Value {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let lookahead = input.lookahead1();
        if lookahead.peek(Ident) {
            let word: Ident = input.parse()?;
            return Ok(Self::Word(word.to_string(), word.to_token_stream()));
        }
        if lookahead.peek(LitStr) {
            let text: LitStr = input.parse()?;
            return Ok(Self::Word(text.value(), text.to_token_stream()));
        }
        if lookahead.peek(LitInt) {
            let number: LitInt = input.parse()?;
            return Ok(Self::Number(number.base10_parse()?, number.to_token_stream()));
        }
        if lookahead.peek(syn::token::Paren) {
            return pair(input);
        }
        if lookahead.peek(syn::token::Brace) {
            return fields(input);
        }
        Err(lookahead.error())
    }
}

fn pair(input: ParseStream<'_>) -> syn::Result<Value> {
    let content;
    parenthesized!(content in input);
    let numbers: Punctuated<LitInt, Token![,]> = Punctuated::parse_terminated(&content)?;
    let tokens = numbers.to_token_stream();
    match numbers.iter().collect::<Vec<_>>()[..] {
        [first, second] => Ok(Value::Pair([first.base10_parse()?, second.base10_parse()?], tokens)),
        _ => Err(syn::Error::new_spanned(tokens, "expected two numbers, as in `(192, 128)`")),
    }
}

fn fields(input: ParseStream<'_>) -> syn::Result<Value> {
    let content;
    let brace = braced!(content in input);
    let mut fields = Vec::new();
    while !content.is_empty() {
        let name: Ident = content.parse()?;
        content.parse::<Token![:]>()?;
        fields.push((name, content.parse()?));
        if !content.is_empty() {
            content.parse::<Token![,]>()?;
        }
    }
    let location = crate::diagnostic::Location::from(brace.span.join());
    Ok(Value::Fields(fields, location.to_token_stream()))
}

impl Parse for Field {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let lookahead = input.lookahead1();
        if lookahead.peek(LitBool) {
            let flag: LitBool = input.parse()?;
            return Ok(Self::Flag(flag.value, flag.to_token_stream()));
        }
        if lookahead.peek(LitInt) {
            let number: LitInt = input.parse()?;
            return Ok(Self::Number(number.base10_parse()?, number.to_token_stream()));
        }
        if lookahead.peek(Ident) {
            let word: Ident = input.parse()?;
            return Ok(Self::Word(word.to_string(), word.to_token_stream()));
        }
        Err(lookahead.error())
    }
}

impl Value {
    pub(super) fn tokens(&self) -> &TokenStream {
        match self {
            Self::Word(_, tokens)
            | Self::Number(_, tokens)
            | Self::Pair(_, tokens)
            | Self::Fields(_, tokens) => tokens,
        }
    }
}

impl Field {
    /// The value without its tokens.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Number(number, _) => number.to_string(),
            Self::Flag(flag, _) => flag.to_string(),
            Self::Word(word, _) => word.clone(),
        }
    }

    pub(super) fn tokens(&self) -> &TokenStream {
        match self {
            Self::Number(_, tokens) | Self::Flag(_, tokens) | Self::Word(_, tokens) => tokens,
        }
    }
}
