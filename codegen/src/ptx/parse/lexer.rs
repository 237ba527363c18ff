//! Splits text into tokens, and knows at which line and column each begins.

use super::error::{ParseError, ParseErrorKind};
use crate::ptx::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// An identifier, with its `%`, `$` or `_`.
    Word,
    /// A dot and what follows it: `.reg`, `.f32`, `.shared::cta`.
    Dotted,
    /// A number of any notation.
    Number,
    /// A text in double quotes.
    Quoted,
    /// A single character.
    Punctuation(u8),
    /// Two characters that are one operator, such as `<<`.
    Operator([u8; 2]),
    /// The end of the text.
    End,
}

/// A token and where it stood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a str,
    pub(super) start: usize,
    pub(super) span: Span,
}

impl Token<'_> {
    pub(super) fn is(&self, punctuation: u8) -> bool {
        self.kind == TokenKind::Punctuation(punctuation)
    }

    pub(super) fn is_directive(&self, name: &str) -> bool {
        self.kind == TokenKind::Dotted && &self.text[1..] == name
    }
}

/// Reads tokens one after the other.
pub(super) struct Lexer<'a> {
    text: &'a str,
    position: usize,
    span: Span,
}

/// Operators of two characters.
const OPERATORS: [[u8; 2]; 8] = [*b"<<", *b">>", *b"<=", *b">=", *b"==", *b"!=", *b"&&", *b"||"];

fn begins_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$' | b'%')
}

fn continues_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, position: 0, span: Span { line: 1, column: 1 } }
    }

    /// The next token.
    pub(super) fn token(&mut self) -> Result<Token<'a>, ParseError> {
        self.skip_blank()?;
        let (start, span) = (self.position, self.span);
        let Some(first) = self.byte(0) else {
            return Ok(Token { kind: TokenKind::End, text: "", start, span });
        };
        let kind = match first {
            b'%' if !self.byte(1).is_some_and(continues_word) => self.punctuation(first),
            _ if begins_word(first) => {
                self.advance(1);
                self.advance_while(continues_word);
                TokenKind::Word
            }
            b'.' if self.byte(1).is_some_and(continues_word) => self.dotted(),
            b'0'..=b'9' => self.number(),
            b'"' => self.quoted(span)?,
            _ if self.byte(1).is_some_and(|second| OPERATORS.contains(&[first, second])) => {
                let operator = [first, self.byte(1).unwrap_or_default()];
                self.advance(2);
                TokenKind::Operator(operator)
            }
            _ if first.is_ascii_graphic() => self.punctuation(first),
            _ => {
                let found = self.text[start..].chars().next().unwrap_or_default();
                return Err(ParseError::new(span, ParseErrorKind::Character { found }));
            }
        };
        Ok(Token { kind, text: &self.text[start..self.position], start, span })
    }

    /// Skips the rest of the line that the last token stood on.
    pub(super) fn skip_line(&mut self) {
        let rest = &self.text[self.position..];
        self.advance(rest.find('\n').unwrap_or(rest.len()));
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.position + ahead).copied()
    }

    /// Steps over `count` bytes of a line.
    fn advance(&mut self, count: usize) {
        let passed = &self.text.as_bytes()[self.position..self.position + count];
        // Continuation bytes of UTF-8 are no characters of their own.
        self.span.column += passed.iter().filter(|b| **b & 0xC0 != 0x80).count() as u32;
        self.position += count;
    }

    fn advance_while(&mut self, accept: impl Fn(u8) -> bool) {
        let rest = &self.text.as_bytes()[self.position..];
        self.advance(rest.iter().position(|b| !accept(*b)).unwrap_or(rest.len()));
    }

    fn newline(&mut self) {
        self.position += 1;
        self.span = Span { line: self.span.line + 1, column: 1 };
    }

    fn skip_blank(&mut self) -> Result<(), ParseError> {
        loop {
            match (self.byte(0), self.byte(1)) {
                (Some(b'\n'), _) => self.newline(),
                (Some(byte), _) if byte.is_ascii_whitespace() => self.advance(1),
                (Some(b'/'), Some(b'/')) => self.skip_line(),
                (Some(b'/'), Some(b'*')) => self.skip_comment()?,
                // A line marker of the C preprocessor.
                (Some(b'#'), _) if self.span.column == 1 => self.skip_line(),
                _ => return Ok(()),
            }
        }
    }

    fn skip_comment(&mut self) -> Result<(), ParseError> {
        let opening = self.span;
        self.advance(2);
        loop {
            match (self.byte(0), self.byte(1)) {
                (Some(b'*'), Some(b'/')) => {
                    self.advance(2);
                    return Ok(());
                }
                (Some(b'\n'), _) => self.newline(),
                (Some(_), _) => self.advance(1),
                (None, _) => return Err(ParseError::new(opening, ParseErrorKind::OpenComment)),
            }
        }
    }

    fn punctuation(&mut self, byte: u8) -> TokenKind {
        self.advance(1);
        TokenKind::Punctuation(byte)
    }

    /// `.shared::cta` is one word, `a.b:` is not.
    fn dotted(&mut self) -> TokenKind {
        self.advance(1);
        self.advance_while(continues_word);
        while self.byte(0) == Some(b':')
            && self.byte(1) == Some(b':')
            && self.byte(2).is_some_and(continues_word)
        {
            self.advance(2);
            self.advance_while(continues_word);
        }
        TokenKind::Dotted
    }

    fn number(&mut self) -> TokenKind {
        let hexadecimal = self.byte(0) == Some(b'0')
            && matches!(self.byte(1), Some(b'x' | b'X' | b'f' | b'F' | b'd' | b'D'));
        loop {
            self.advance_while(|b| b.is_ascii_alphanumeric() || b == b'.');
            let exponent = matches!(self.text.as_bytes()[self.position - 1], b'e' | b'E');
            let signed = matches!(self.byte(0), Some(b'+' | b'-'));
            if hexadecimal || !exponent || !signed {
                return TokenKind::Number;
            }
            self.advance(1);
        }
    }

    fn quoted(&mut self, opening: Span) -> Result<TokenKind, ParseError> {
        self.advance(1);
        self.advance_while(|b| b != b'"' && b != b'\n');
        if self.byte(0) != Some(b'"') {
            return Err(ParseError::new(opening, ParseErrorKind::OpenText));
        }
        self.advance(1);
        Ok(TokenKind::Quoted)
    }
}
