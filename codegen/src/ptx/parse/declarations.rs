//! Variables, parameters and function prototypes.

use smol_str::SmolStr;

use super::{Expected, ParseError, ParseErrorKind, Parser, TokenKind};
use crate::ptx::tree::{
    Directive, Function, Initializer, Linkage, Literal, Parameter, Pointer, RegisterNames, Variable,
};
use crate::ptx::{ScalarType, Space, Span};

/// More elements than this are refused in an initializer, padding included.
const INITIALIZER_LIMIT: usize = 1 << 20;

impl Parser<'_> {
    /// `.v2` or `.v4`, where it stands here.
    pub(super) fn vector(&mut self) -> Result<Option<u8>, ParseError> {
        for (name, count) in [("v2", 2), ("v4", 4)] {
            if self.take_directive(name)? {
                return Ok(Some(count));
            }
        }
        Ok(None)
    }

    pub(super) fn scalar(&mut self) -> Result<ScalarType, ParseError> {
        let scalar = match self.token.kind {
            TokenKind::Dotted => ScalarType::from_name(&self.token.text[1..]),
            _ => None,
        };
        let scalar = scalar.ok_or_else(|| self.unexpected(Expected::Type))?;
        self.take()?;
        Ok(scalar)
    }

    fn space(&mut self) -> Result<Option<Space>, ParseError> {
        let space = match self.token.kind {
            TokenKind::Dotted => Space::from_name(&self.token.text[1..]),
            _ => None,
        };
        if space.is_some() {
            self.take()?;
        }
        Ok(space)
    }

    fn align(&mut self) -> Result<Option<u32>, ParseError> {
        Ok(match self.take_directive("align")? {
            true => Some(self.count()?),
            false => None,
        })
    }

    /// `.global .align 4 .b8 a[16] = {…}, b;`: one variable for each name.
    pub(super) fn variables(&mut self, linkage: Linkage) -> Result<Vec<Variable>, ParseError> {
        let space = self.space()?.ok_or_else(|| self.unexpected(Expected::Space))?;
        if self.token.is_directive("attribute") {
            return Err(self.error(ParseErrorKind::Unsupported {
                what: "`.attribute`",
                instead: "pass managed memory to the kernel as a pointer",
            }));
        }
        let mut align = self.align()?;
        let vector = self.vector()?;
        let scalar = self.scalar()?;
        if align.is_none() {
            align = self.align()?;
        }
        let mut variables = Vec::new();
        loop {
            let word = self.word(Expected::Name)?;
            let dimensions = self.dimensions()?;
            let initializer = match self.take_if(b'=')? {
                true => self.initializer(&dimensions)?,
                false => Vec::new(),
            };
            variables.push(Variable {
                linkage,
                space,
                align,
                vector,
                scalar,
                name: word.text.into(),
                dimensions,
                initializer,
                span: word.span,
            });
            if !self.another(b';')? {
                return Ok(variables);
            }
        }
    }

    fn dimensions(&mut self) -> Result<Vec<Option<u64>>, ParseError> {
        let mut dimensions = Vec::new();
        while self.take_if(b'[')? {
            if self.take_if(b']')? {
                dimensions.push(None);
                continue;
            }
            let error = self.unexpected(Expected::Number);
            let size = u64::try_from(self.integer()?).map_err(|_| error)?;
            dimensions.push(Some(size));
            self.expect(b']')?;
        }
        Ok(dimensions)
    }

    /// A value, or nested lists of values, flattened and padded with zeros.
    fn initializer(&mut self, dimensions: &[Option<u64>]) -> Result<Vec<Initializer>, ParseError> {
        let mut values = Vec::new();
        match self.token.is(b'{') {
            true => self.initializer_list(dimensions, &mut values)?,
            false => values.push(self.initial_value()?),
        }
        Ok(values)
    }

    fn initializer_list(
        &mut self,
        dimensions: &[Option<u64>],
        values: &mut Vec<Initializer>,
    ) -> Result<(), ParseError> {
        self.expect(b'{')?;
        if self.take_if(b'}')? {
            return Ok(());
        }
        // Elements that one element of this list takes in the flattened order.
        let inner = dimensions.get(1..).unwrap_or_default();
        let stride = inner.iter().try_fold(1_usize, |product, size| {
            product.checked_mul(usize::try_from(size.unwrap_or(1)).ok()?)
        });
        let first = values.len();
        for index in 0.. {
            if self.token.is(b'{') {
                let begin = stride.and_then(|s| s.checked_mul(index)?.checked_add(first));
                let Some(begin) = begin.filter(|begin| *begin <= INITIALIZER_LIMIT) else {
                    return Err(self.error(ParseErrorKind::Unsupported {
                        what: "an initializer of more than 1048576 elements",
                        instead: "fill the array when the kernel starts",
                    }));
                };
                if values.len() < begin {
                    values.resize(begin, Initializer::Literal(Literal::Integer(0)));
                }
                self.nested(|p| p.initializer_list(inner, values))?;
                if stride.is_some_and(|stride| values.len() > begin + stride) {
                    return Err(self.error(ParseErrorKind::InitializerList));
                }
            } else {
                values.push(self.initial_value()?);
            }
            if !self.another(b'}')? {
                break;
            }
        }
        Ok(())
    }

    fn initial_value(&mut self) -> Result<Initializer, ParseError> {
        if self.at_constant() {
            return Ok(Initializer::Literal(self.constant()?));
        }
        let name: SmolStr = self.word(Expected::Initializer)?.text.into();
        let generic = name == "generic" && self.take_if(b'(')?;
        let name = match generic {
            true => {
                let name = self.name()?;
                self.expect(b')')?;
                name
            }
            false => name,
        };
        let offset = match self.take_if(b'+')? {
            true => self.offset()?,
            false => 0,
        };
        Ok(Initializer::Address { name, generic, offset })
    }

    /// `.entry name (…) … { … }` or `.func (…) name (…) … { … }`.
    pub(super) fn function(&mut self, linkage: Linkage) -> Result<Function, ParseError> {
        let is_entry = self.take()?.text == ".entry";
        // Parameters in registers are in scope in the body.
        self.registers.enter();
        let returns = match !is_entry && self.token.is(b'(') {
            true => self.parameters()?,
            false => Vec::new(),
        };
        let word = self.word(Expected::Name)?;
        let parameters = self.optional_parameters()?;
        let directives = self.function_directives()?;
        let body = match self.token.is(b'{') {
            true => Some(self.block()?),
            false if self.take_if(b';')? => None,
            false => return Err(self.unexpected(Expected::Body)),
        };
        self.registers.leave();
        Ok(Function {
            is_entry,
            linkage,
            returns,
            name: word.text.into(),
            parameters,
            directives,
            body,
            span: word.span,
        })
    }

    /// What follows `name: .callprototype`.
    pub(super) fn prototype(&mut self, name: SmolStr, span: Span) -> Result<Function, ParseError> {
        self.registers.enter();
        let returns = self.optional_parameters()?;
        // By custom the function's place is held by `_`.
        self.word(Expected::Name)?;
        let parameters = self.optional_parameters()?;
        let directives = self.function_directives()?;
        self.expect(b';')?;
        self.registers.leave();
        Ok(Function {
            is_entry: false,
            linkage: Linkage::Internal,
            returns,
            name,
            parameters,
            directives,
            body: None,
            span,
        })
    }

    fn optional_parameters(&mut self) -> Result<Vec<Parameter>, ParseError> {
        match self.token.is(b'(') {
            true => self.parameters(),
            false => Ok(Vec::new()),
        }
    }

    fn parameters(&mut self) -> Result<Vec<Parameter>, ParseError> {
        self.expect(b'(')?;
        let mut parameters = Vec::new();
        if self.take_if(b')')? {
            return Ok(parameters);
        }
        loop {
            parameters.push(self.parameter()?);
            if !self.another(b')')? {
                return Ok(parameters);
            }
        }
    }

    fn parameter(&mut self) -> Result<Parameter, ParseError> {
        let is_register = self.token.is_directive("reg");
        if !is_register && !self.token.is_directive("param") {
            return Err(self.unexpected(Expected::Parameter));
        }
        self.take()?;
        let mut align = self.align()?;
        let scalar = self.scalar()?;
        let pointer = match self.take_directive("ptr")? {
            true => Some(Pointer { space: self.space()?, align: self.align()? }),
            false => None,
        };
        if align.is_none() {
            align = self.align()?;
        }
        let name = self.name()?;
        let array = match self.take_if(b'[')? {
            true if self.take_if(b']')? => Some(0),
            true => {
                let size = u64::from(self.count()?);
                self.expect(b']')?;
                Some(size)
            }
            false => None,
        };
        if is_register {
            self.registers.declare(&RegisterNames::One(name.clone()));
        }
        Ok(Parameter { name, is_register, align, scalar, array, pointer })
    }

    fn function_directives(&mut self) -> Result<Vec<Directive>, ParseError> {
        let mut directives = Vec::new();
        while self.token.kind == TokenKind::Dotted {
            let name = &self.token.text[1..];
            if name == "pragma" {
                directives.extend(self.pragmas()?.into_iter().map(Directive::Pragma));
                continue;
            }
            let error = self.unexpected(Expected::Body);
            self.take()?;
            directives.push(match name {
                "maxntid" => Directive::MaxThreads(self.extents()?),
                "reqntid" => Directive::RequiredThreads(self.extents()?),
                "minnctapersm" => Directive::MinBlocksPerMultiprocessor(self.count()?),
                "maxnreg" => Directive::MaxRegisters(self.count()?),
                "reqnctapercluster" => Directive::RequiredCluster(self.extents()?),
                "maxclusterrank" => Directive::MaxClusterRank(self.count()?),
                "explicitcluster" => Directive::ExplicitCluster,
                "blocksareclusters" => Directive::BlocksAreClusters,
                "noreturn" => Directive::NoReturn,
                _ => return Err(error),
            });
        }
        Ok(directives)
    }

    /// One to three counts.
    fn extents(&mut self) -> Result<Vec<u32>, ParseError> {
        let mut extents = vec![self.count()?];
        while extents.len() < 3 && self.take_if(b',')? {
            extents.push(self.count()?);
        }
        Ok(extents)
    }
}
