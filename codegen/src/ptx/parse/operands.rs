//! Operands of instructions.

use smol_str::{SmolStr, format_smolstr};

use super::{Expected, ParseError, ParseErrorKind, Parser, TokenKind};
use crate::ptx::SpecialRegister;
use crate::ptx::tree::{Address, Base, Literal, Operand, TensorCoordinates};

impl Parser<'_> {
    /// Operands up to and with the `;`. In a call, parentheses hold lists and not expressions.
    pub(super) fn operands(&mut self, is_call: bool) -> Result<Vec<Operand>, ParseError> {
        let mut operands = Vec::new();
        if self.take_if(b';')? {
            return Ok(operands);
        }
        if self.token.is(b'}') {
            return Err(self.unexpected(Expected::OperandOrEnd));
        }
        loop {
            operands.push(match is_call && self.token.is(b'(') {
                true => Operand::Arguments(self.list(b')')?),
                false => self.operand()?,
            });
            if !self.another(b';')? {
                return Ok(operands);
            }
        }
    }

    /// A bracketed list; the opening bracket is the token not yet taken.
    fn list(&mut self, closing: u8) -> Result<Vec<Operand>, ParseError> {
        self.take()?;
        let mut elements = Vec::new();
        if self.take_if(closing)? {
            return Ok(elements);
        }
        loop {
            elements.push(self.nested(Self::operand)?);
            if !self.another(closing)? {
                return Ok(elements);
            }
        }
    }

    fn operand(&mut self) -> Result<Operand, ParseError> {
        let operand = match self.token.kind {
            TokenKind::Punctuation(b'{') => return Ok(Operand::Vector(self.list(b'}')?)),
            TokenKind::Punctuation(b'[') => return self.address(),
            TokenKind::Punctuation(b'!') => {
                let span = self.take()?.span;
                match self.token.kind {
                    TokenKind::Word if self.token.text != "WARP_SZ" => {
                        Operand::NotRegister(self.take()?.text.into())
                    }
                    _ if self.at_constant() => return self.negation(span),
                    _ => return Err(self.unexpected(Expected::Register)),
                }
            }
            _ if self.at_constant() => return Ok(Operand::Literal(self.constant()?)),
            TokenKind::Word => self.named()?,
            _ => return Err(self.unexpected(Expected::Operand)),
        };
        if self.take_if(b'|')? {
            let second = self.nested(Self::operand)?;
            return Ok(Operand::Pair(Box::new(operand), Box::new(second)));
        }
        Ok(operand)
    }

    /// What follows the `!` of a constant.
    fn negation(&mut self, span: crate::ptx::Span) -> Result<Operand, ParseError> {
        match self.constant()? {
            Literal::Integer(value) => Ok(Operand::Literal(Literal::Integer((value == 0).into()))),
            _ => Err(ParseError::new(span, ParseErrorKind::NotInteger)),
        }
    }

    /// A sink, a register, a special register or a symbol.
    fn named(&mut self) -> Result<Operand, ParseError> {
        let word = self.take()?.text;
        if word == "_" {
            return Ok(Operand::Sink);
        }
        if self.token.kind == TokenKind::Dotted {
            return self.component(word);
        }
        if let Some(special) = SpecialRegister::from_name(word) {
            return Ok(Operand::Special(special));
        }
        if self.registers.contains(word) {
            return Ok(Operand::Register(word.into(), None));
        }
        Ok(Operand::Symbol(word.into(), self.offsets()?))
    }

    /// `%tid.x` is a special register, `v.x` a component of a vector.
    fn component(&mut self, word: &str) -> Result<Operand, ParseError> {
        let full = format_smolstr!("{word}{}", self.token.text);
        if let Some(special) = SpecialRegister::from_name(&full) {
            self.take()?;
            return Ok(Operand::Special(special));
        }
        let component = match self.token.text {
            ".x" | ".r" => 0,
            ".y" | ".g" => 1,
            ".z" | ".b" => 2,
            ".w" | ".a" => 3,
            _ => return Err(self.unexpected(Expected::Component)),
        };
        self.take()?;
        Ok(Operand::Register(word.into(), Some(component)))
    }

    /// `+ 8`, `+-8` or `- 8`, as often as it is written.
    fn offsets(&mut self) -> Result<i64, ParseError> {
        let mut sum = 0_i64;
        loop {
            if self.take_if(b'+')? {
                sum = sum.wrapping_add(self.offset()?);
            } else if self.take_if(b'-')? {
                sum = sum.wrapping_sub(self.offset()?);
            } else {
                return Ok(sum);
            }
        }
    }

    /// `[base + offset]` or `[map, {…}]`.
    fn address(&mut self) -> Result<Operand, ParseError> {
        self.take()?;
        let base = match self.token.kind {
            TokenKind::Word if self.token.text != "WARP_SZ" => {
                let name = SmolStr::new(self.take()?.text);
                match self.registers.contains(&name) {
                    true => Base::Register(name),
                    false => Base::Symbol(name),
                }
            }
            _ if self.at_constant() => Base::Absolute,
            _ => return Err(self.unexpected(Expected::Address)),
        };
        let offset = match base {
            Base::Absolute => self.integer()? as i64,
            _ => self.offsets()?,
        };
        let address = Address { base, offset };
        if !self.another(b']')? {
            return Ok(Operand::Address(address));
        }
        if !self.token.is(b'{') {
            return Err(self.unexpected(Expected::Punctuation(b'{')));
        }
        let coordinates = self.list(b'}')?;
        self.expect(b']')?;
        Ok(Operand::Tensor(Box::new(TensorCoordinates { map: address, coordinates })))
    }
}
