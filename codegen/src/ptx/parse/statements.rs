//! Bodies of functions.

use std::borrow::Cow;

use smol_str::SmolStr;

use super::{Expected, ParseError, ParseErrorKind, Parser, TokenKind};
use crate::ptx::tree::{Guard, Instruction, RegisterNames, Registers, Statement};
use crate::ptx::{Mnemonic, Space, Span};

impl<'a> Parser<'a> {
    /// `{ … }`, with a scope of its own.
    pub(super) fn block(&mut self) -> Result<Vec<Statement>, ParseError> {
        self.expect(b'{')?;
        self.registers.enter();
        let mut statements = Vec::new();
        while !self.token.is(b'}') {
            self.statement(&mut statements)?;
        }
        self.registers.leave();
        self.take()?;
        Ok(statements)
    }

    fn statement(&mut self, into: &mut Vec<Statement>) -> Result<(), ParseError> {
        match self.token.kind {
            TokenKind::Dotted => self.directive(into),
            TokenKind::Word => {
                let word = self.take()?;
                if self.take_if(b':')? {
                    let list = self.labelled(word.text, word.span)?;
                    into.push(list);
                } else {
                    into.push(self.instruction(word, None, word.span)?);
                }
                Ok(())
            }
            TokenKind::Punctuation(b'@') => self.guarded(into),
            TokenKind::Punctuation(b'{') => {
                into.push(Statement::Block(self.nested(Self::block)?));
                Ok(())
            }
            // An empty statement.
            TokenKind::Punctuation(b';') => self.take().map(drop),
            _ => Err(self.unexpected(Expected::Statement)),
        }
    }

    fn directive(&mut self, into: &mut Vec<Statement>) -> Result<(), ParseError> {
        match &self.token.text[1..] {
            "reg" => into.push(Statement::Registers(self.register_declaration()?)),
            "loc" | "file" => self.skip_line()?,
            "pragma" => into.extend(self.pragmas()?.into_iter().map(Statement::Pragma)),
            name if Space::from_name(name).is_some_and(|s| s != Space::Generic) => {
                let variables = self.variables(Default::default())?;
                into.extend(variables.into_iter().map(|v| Statement::Variable(Box::new(v))));
            }
            _ => return Err(self.unexpected(Expected::Statement)),
        }
        Ok(())
    }

    /// `.pragma "a", "b";`.
    pub(super) fn pragmas(&mut self) -> Result<Vec<SmolStr>, ParseError> {
        self.take()?;
        let mut pragmas = vec![self.quoted()?];
        while self.another(b';')? {
            pragmas.push(self.quoted()?);
        }
        Ok(pragmas)
    }

    /// What follows `name:`.
    fn labelled(&mut self, name: &str, span: Span) -> Result<Statement, ParseError> {
        let name = SmolStr::new(name);
        if self.take_directive("branchtargets")? {
            return Ok(Statement::BranchTargets { name, targets: self.names()?, span });
        }
        if self.take_directive("calltargets")? {
            return Ok(Statement::CallTargets { name, targets: self.names()?, span });
        }
        if self.take_directive("callprototype")? {
            return Ok(Statement::CallPrototype(Box::new(self.prototype(name, span)?)));
        }
        Ok(Statement::Label(name, span))
    }

    /// `a, b, c;`.
    fn names(&mut self) -> Result<Vec<SmolStr>, ParseError> {
        let mut names = vec![self.name()?];
        while self.another(b';')? {
            names.push(self.name()?);
        }
        Ok(names)
    }

    fn guarded(&mut self, into: &mut Vec<Statement>) -> Result<(), ParseError> {
        let span = self.take()?.span;
        // Debug information that old compilers put behind `@@DWARF`.
        if self.token.is(b'@') {
            return self.skip_line();
        }
        let negated = self.take_if(b'!')?;
        let register = self.word(Expected::Register)?.text.into();
        let word = self.word(Expected::Instruction)?;
        into.push(self.instruction(word, Some(Guard { register, negated }), span)?);
        Ok(())
    }

    fn instruction(
        &mut self,
        word: super::Token<'a>,
        guard: Option<Guard>,
        span: Span,
    ) -> Result<Statement, ParseError> {
        let name = self.mnemonic(word)?;
        let mnemonic = Mnemonic::parse(&name)
            .map_err(|error| ParseError::new(word.span, ParseErrorKind::Mnemonic(error)))?;
        let operands = self.operands(word.text == "call")?;
        Ok(Statement::Instruction(Instruction { guard, mnemonic, operands, span }))
    }

    /// The name of an instruction that begins with `word`; blanks may stand before a dot.
    fn mnemonic(&mut self, word: super::Token<'a>) -> Result<Cow<'a, str>, ParseError> {
        let mut name = Cow::Borrowed(word.text);
        while self.token.kind == TokenKind::Dotted {
            let token = self.take()?;
            match &mut name {
                Cow::Borrowed(text) if word.start + text.len() == token.start => {
                    name = Cow::Borrowed(&self.text[word.start..token.start + token.text.len()]);
                }
                _ => name.to_mut().push_str(token.text),
            }
        }
        Ok(name)
    }

    /// `.reg .b32 %r<8>, x;`.
    fn register_declaration(&mut self) -> Result<Registers, ParseError> {
        let span = self.take()?.span;
        let vector = self.vector()?;
        let scalar = self.scalar()?;
        let mut names = Vec::new();
        loop {
            let name = self.name()?;
            let declared = match self.take_if(b'<')? {
                true => {
                    let count = self.count()?;
                    self.expect(b'>')?;
                    RegisterNames::Range { prefix: name, count }
                }
                false => RegisterNames::One(name),
            };
            self.registers.declare(&declared);
            names.push(declared);
            if !self.another(b';')? {
                return Ok(Registers { vector, scalar, names, span });
            }
        }
    }
}
