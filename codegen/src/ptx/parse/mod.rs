//! The parser: from text to the tree, by recursive descent with one token of lookahead.
//!
//! It takes a module that a compiler or a person wrote and leaves out what is no part of the tree:
//! comments, debug directives and `.target`'s options. It refuses with the first mistake, naming
//! line and column; nesting is limited, so no text can exhaust the stack, and the time is linear in
//! the text's length.

mod declarations;
mod error;
mod lexer;
mod literals;
mod module;
mod operands;
mod scope;
mod statements;

pub use error::{Expected, ParseError, ParseErrorKind};
pub(in crate::ptx) use scope::members;

use lexer::{Lexer, Token, TokenKind};
use scope::Registers;
use smol_str::{SmolStr, format_smolstr};

use super::tree::Module;

/// How deep blocks, braces and parentheses may nest.
pub const NESTING_LIMIT: usize = 64;

/// Parses the text of a module.
///
/// ```
/// use tilewright_codegen::ptx;
/// let text = ".version 7.0\n.target sm_80\n.visible .entry f() { exit; }";
/// let module = ptx::parse(text).unwrap();
/// assert_eq!(module.items.len(), 1);
///
/// let error = ptx::parse(".version 7.0\n.target sm_80\n.entry f() { adf.s32 %r0, 1, 2; }");
/// assert_eq!(
///     error.unwrap_err().to_string(),
///     "line 3, column 14: unknown instruction `adf`; did you mean `add`?"
/// );
/// ```
///
/// # Errors
///
/// The first mistake, with its line and column, what was found and what was expected.
pub fn parse(text: &str) -> Result<Module, ParseError> {
    Parser::new(text)?.module()
}

/// The parser's state: the token not yet taken, and what is in scope.
struct Parser<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    token: Token<'a>,
    registers: Registers,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, ParseError> {
        let mut lexer = Lexer::new(text);
        let token = lexer.token()?;
        Ok(Self { text, lexer, token, registers: Registers::default(), depth: 0 })
    }

    /// Takes the token and moves on to the next.
    fn take(&mut self) -> Result<Token<'a>, ParseError> {
        let next = self.lexer.token()?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn take_if(&mut self, punctuation: u8) -> Result<bool, ParseError> {
        let found = self.token.is(punctuation);
        if found {
            self.take()?;
        }
        Ok(found)
    }

    fn take_directive(&mut self, name: &str) -> Result<bool, ParseError> {
        let found = self.token.is_directive(name);
        if found {
            self.take()?;
        }
        Ok(found)
    }

    fn expect(&mut self, punctuation: u8) -> Result<(), ParseError> {
        match self.take_if(punctuation)? {
            true => Ok(()),
            false => Err(self.unexpected(Expected::Punctuation(punctuation))),
        }
    }

    /// Takes `, ` and says so, or takes `closing` and says no.
    fn another(&mut self, closing: u8) -> Result<bool, ParseError> {
        if self.take_if(b',')? {
            return Ok(true);
        }
        match self.take_if(closing)? {
            true => Ok(false),
            false => Err(self.unexpected(Expected::Either(b',', closing))),
        }
    }

    fn word(&mut self, expected: Expected) -> Result<Token<'a>, ParseError> {
        match self.token.kind {
            TokenKind::Word => self.take(),
            _ => Err(self.unexpected(expected)),
        }
    }

    fn name(&mut self) -> Result<SmolStr, ParseError> {
        Ok(self.word(Expected::Name)?.text.into())
    }

    fn quoted(&mut self) -> Result<SmolStr, ParseError> {
        match self.token.kind {
            TokenKind::Quoted => Ok(self.take()?.text.trim_matches('"').into()),
            _ => Err(self.unexpected(Expected::Text)),
        }
    }

    /// Skips the rest of the line of the token not yet taken.
    fn skip_line(&mut self) -> Result<(), ParseError> {
        self.lexer.skip_line();
        self.token = self.lexer.token()?;
        Ok(())
    }

    /// Goes one level deeper while `inside` runs.
    fn nested<T>(
        &mut self,
        inside: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        if self.depth == NESTING_LIMIT {
            return Err(self.error(ParseErrorKind::Nesting { limit: NESTING_LIMIT }));
        }
        self.depth += 1;
        let result = inside(self);
        self.depth -= 1;
        result
    }

    fn error(&self, kind: ParseErrorKind) -> ParseError {
        ParseError::new(self.token.span, kind)
    }

    fn unexpected(&self, expected: Expected) -> ParseError {
        const SHOWN: usize = 40;
        let found = match self.token.kind {
            TokenKind::End => "the end of the text".into(),
            _ if self.token.text.len() > SHOWN => {
                let start: String = self.token.text.chars().take(SHOWN).collect();
                format_smolstr!("`{start}…`")
            }
            _ => format_smolstr!("`{}`", self.token.text),
        };
        self.error(ParseErrorKind::Unexpected { expected, found })
    }
}
