//! What stands at the top level of a module.

use super::{Expected, ParseError, ParseErrorKind, Parser, TokenKind};
use crate::gpu::Target;
use crate::ptx::Version;
use crate::ptx::tree::{Item, Linkage, Module};

impl Parser<'_> {
    pub(super) fn module(mut self) -> Result<Module, ParseError> {
        self.skip_debug()?;
        let version = self.version()?;
        self.skip_debug()?;
        let target = self.target()?;
        self.skip_debug()?;
        self.address_size()?;
        let mut items = Vec::new();
        loop {
            self.skip_debug()?;
            if self.token.kind == TokenKind::End {
                return Ok(Module { version, target, items });
            }
            self.item(&mut items)?;
        }
    }

    fn version(&mut self) -> Result<Version, ParseError> {
        if !self.take_directive("version")? {
            return Err(self.unexpected(Expected::VersionDirective));
        }
        let error = self.unexpected(Expected::Version);
        let version = self.token.text.parse().map_err(|()| error)?;
        self.take()?;
        Ok(version)
    }

    fn target(&mut self) -> Result<Target, ParseError> {
        if !self.take_directive("target")? {
            return Err(self.unexpected(Expected::TargetDirective));
        }
        let span = self.token.span;
        let target = self
            .word(Expected::Target)?
            .text
            .parse()
            .map_err(|error| ParseError::new(span, ParseErrorKind::Target(error)))?;
        // Options for debuggers and textures change nothing that this crate knows of.
        while self.take_if(b',')? {
            match self.token.text {
                "debug" | "texmode_unified" | "texmode_independent" => self.take()?,
                _ => return Err(self.unexpected(Expected::TargetOption)),
            };
        }
        Ok(target)
    }

    fn address_size(&mut self) -> Result<(), ParseError> {
        if !self.take_directive("address_size")? {
            return Ok(());
        }
        match self.token.text {
            "64" => self.take().map(drop),
            "32" => Err(self.error(ParseErrorKind::Unsupported {
                what: "`.address_size 32`",
                instead: "compile for 64-bit addresses",
            })),
            _ => Err(self.unexpected(Expected::AddressSize)),
        }
    }

    /// Skips debug directives.
    fn skip_debug(&mut self) -> Result<(), ParseError> {
        loop {
            if self.token.is_directive("file") || self.token.is_directive("loc") {
                self.skip_line()?;
            } else if self.token.is_directive("section") {
                self.skip_section()?;
            } else if self.token.is(b'@') {
                self.take()?;
                if !self.token.is(b'@') {
                    return Err(self.unexpected(Expected::Item));
                }
                self.skip_line()?;
            } else if !self.take_if(b';')? {
                return Ok(());
            }
        }
    }

    /// `.section .debug_info { … }`.
    fn skip_section(&mut self) -> Result<(), ParseError> {
        self.take()?;
        while self.token.kind == TokenKind::Dotted || self.token.kind == TokenKind::Word {
            self.take()?;
        }
        self.expect(b'{')?;
        while !self.take_if(b'}')? {
            if self.token.kind == TokenKind::End {
                return Err(self.unexpected(Expected::Punctuation(b'}')));
            }
            self.take()?;
        }
        Ok(())
    }

    fn item(&mut self, into: &mut Vec<Item>) -> Result<(), ParseError> {
        if self.token.is_directive("pragma") {
            into.extend(self.pragmas()?.into_iter().map(Item::Pragma));
            return Ok(());
        }
        if self.token.is_directive("alias") {
            into.push(self.alias()?);
            return Ok(());
        }
        let linkage = self.linkage()?;
        if self.token.is_directive("entry") || self.token.is_directive("func") {
            into.push(Item::Function(self.function(linkage)?));
        } else if self.token.kind == TokenKind::Dotted
            && ["global", "const", "shared"].contains(&&self.token.text[1..])
        {
            into.extend(self.variables(linkage)?.into_iter().map(Item::Variable));
        } else {
            return Err(self.unexpected(match linkage {
                Linkage::Internal => Expected::Item,
                _ => Expected::LinkedItem,
            }));
        }
        Ok(())
    }

    fn alias(&mut self) -> Result<Item, ParseError> {
        let span = self.take()?.span;
        let name = self.name()?;
        self.expect(b',')?;
        let target = self.name()?;
        self.expect(b';')?;
        Ok(Item::Alias { name, target, span })
    }

    fn linkage(&mut self) -> Result<Linkage, ParseError> {
        let linkage = match self.token.text {
            ".visible" => Linkage::Visible,
            ".extern" => Linkage::Extern,
            ".weak" => Linkage::Weak,
            ".common" => Linkage::Common,
            _ => return Ok(Linkage::Internal),
        };
        self.take()?;
        Ok(linkage)
    }
}
