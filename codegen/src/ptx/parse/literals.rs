//! Numbers and constant expressions.

use super::{Expected, ParseError, ParseErrorKind, Parser, TokenKind};
use crate::ptx::tree::Literal;

/// Threads of a warp, which PTX spells `WARP_SZ`.
const WARP_SIZE: i128 = 32;

impl Parser<'_> {
    /// Whether the token not yet taken begins a constant.
    pub(super) fn at_constant(&self) -> bool {
        self.token.kind == TokenKind::Number
            || [b'-', b'+', b'~', b'('].iter().any(|p| self.token.is(*p))
            || self.token.text == "WARP_SZ"
            || (self.token.kind == TokenKind::Dotted && self.at_fraction())
    }

    /// Whether the token is a decimal such as `.5`.
    fn at_fraction(&self) -> bool {
        self.token.text.as_bytes()[1].is_ascii_digit()
    }

    /// A constant or an expression of constants.
    pub(super) fn constant(&mut self) -> Result<Literal, ParseError> {
        self.conditional()
    }

    /// A constant that is a whole number.
    pub(super) fn integer(&mut self) -> Result<i128, ParseError> {
        let span = self.token.span;
        match self.constant()? {
            Literal::Integer(value) => Ok(value),
            _ => Err(ParseError::new(span, ParseErrorKind::NotInteger)),
        }
    }

    /// A whole number of 64 bits, wrapped as PTX does.
    pub(super) fn offset(&mut self) -> Result<i64, ParseError> {
        let span = self.token.span;
        match self.binary(PRODUCT)? {
            Literal::Integer(value) => Ok(value as i64),
            _ => Err(ParseError::new(span, ParseErrorKind::NotInteger)),
        }
    }

    /// A count, size or limit.
    pub(super) fn count(&mut self) -> Result<u32, ParseError> {
        let error = self.unexpected(Expected::Count);
        if !self.at_constant() {
            return Err(error);
        }
        // No comparison: a `>` closes a range of registers.
        match self.binary(SUM)? {
            Literal::Integer(value) => u32::try_from(value).map_err(|_| error),
            _ => Err(error),
        }
    }

    /// `a ? b : c`, or an expression without a condition.
    fn conditional(&mut self) -> Result<Literal, ParseError> {
        let span = self.token.span;
        let condition = self.binary(0)?;
        if !self.take_if(b'?')? {
            return Ok(condition);
        }
        let yes = self.nested(Self::conditional)?;
        self.expect(b':')?;
        let no = self.nested(Self::conditional)?;
        match condition {
            Literal::Integer(condition) => Ok(if condition != 0 { yes } else { no }),
            _ => Err(ParseError::new(span, ParseErrorKind::NotInteger)),
        }
    }

    fn binary(&mut self, least: u8) -> Result<Literal, ParseError> {
        let mut left = self.term()?;
        loop {
            let operator = self.token.kind;
            let Some(precedence) = precedence(operator).filter(|p| *p >= least) else {
                return Ok(left);
            };
            let span = self.take()?.span;
            let right = self.nested(|p| p.binary(precedence + 1))?;
            left = combine(operator, left, right)
                .ok_or_else(|| ParseError::new(span, ParseErrorKind::Arithmetic))?;
        }
    }

    fn term(&mut self) -> Result<Literal, ParseError> {
        let span = self.token.span;
        match self.token.kind {
            TokenKind::Number => {
                let token = self.take()?;
                number(token.text).ok_or_else(|| bad_number(span, token.text))
            }
            TokenKind::Dotted if self.at_fraction() => {
                let token = self.take()?;
                number(token.text).ok_or_else(|| bad_number(span, token.text))
            }
            TokenKind::Word if self.token.text == "WARP_SZ" => {
                self.take()?;
                Ok(Literal::Integer(WARP_SIZE))
            }
            TokenKind::Punctuation(b'(') => {
                self.take()?;
                if self.take_directive("s64")? || self.take_directive("u64")? {
                    // All integers have 64 bits, so a cast changes none.
                    self.expect(b')')?;
                    return self.nested(Self::term);
                }
                let value = self.nested(Self::conditional)?;
                self.expect(b')')?;
                Ok(value)
            }
            TokenKind::Punctuation(sign @ (b'-' | b'+' | b'~' | b'!')) => {
                self.take()?;
                let value = self.nested(Self::term)?;
                unary(sign, value).ok_or_else(|| ParseError::new(span, ParseErrorKind::Arithmetic))
            }
            _ => Err(self.unexpected(Expected::Number)),
        }
    }
}

fn bad_number(span: crate::ptx::Span, found: &str) -> ParseError {
    const SHOWN: usize = 40;
    let expected = "a 64-bit integer, 0f and 8 or 0d and 16 hexadecimal digits, or a decimal";
    let found = found.chars().take(SHOWN).collect();
    ParseError::new(span, ParseErrorKind::Number { found, expected })
}

fn unary(sign: u8, value: Literal) -> Option<Literal> {
    match (sign, value) {
        (b'-', Literal::Integer(v)) => integer(-v),
        (b'!', Literal::Integer(v)) => integer(i128::from(v == 0)),
        (b'~', Literal::Integer(v)) => integer(i128::from(!(v as i64))),
        (b'-', Literal::F32(bits)) => Some(Literal::F32(bits ^ 1 << 31)),
        (b'-', Literal::F64(bits)) => Some(Literal::F64(bits ^ 1 << 63)),
        (b'+', value) => Some(value),
        _ => None,
    }
}

/// The precedence of `+`.
const SUM: u8 = 8;

/// The precedence of `*`, whose operands an offset in a sum of offsets may have.
const PRODUCT: u8 = 9;

/// As in C.
fn precedence(operator: TokenKind) -> Option<u8> {
    Some(match operator {
        TokenKind::Operator([b'|', b'|']) => 0,
        TokenKind::Operator([b'&', b'&']) => 1,
        TokenKind::Punctuation(b'|') => 2,
        TokenKind::Punctuation(b'^') => 3,
        TokenKind::Punctuation(b'&') => 4,
        TokenKind::Operator([b'=' | b'!', b'=']) => 5,
        TokenKind::Punctuation(b'<' | b'>') | TokenKind::Operator([_, b'=']) => 6,
        TokenKind::Operator(_) => 7,
        TokenKind::Punctuation(b'+' | b'-') => SUM,
        TokenKind::Punctuation(b'*' | b'/' | b'%') => PRODUCT,
        _ => return None,
    })
}

fn combine(operator: TokenKind, left: Literal, right: Literal) -> Option<Literal> {
    let (a, b) = match (left, right) {
        (Literal::Integer(a), Literal::Integer(b)) => (a, b),
        (Literal::F64(a), Literal::F64(b)) => {
            return combine_floats(operator, f64::from_bits(a), f64::from_bits(b));
        }
        _ => return None,
    };
    integer(match operator {
        TokenKind::Punctuation(b'|') => a | b,
        TokenKind::Punctuation(b'^') => a ^ b,
        TokenKind::Punctuation(b'&') => a & b,
        TokenKind::Punctuation(b'+') => a + b,
        TokenKind::Punctuation(b'-') => a - b,
        TokenKind::Punctuation(b'*') => a.checked_mul(b)?,
        TokenKind::Punctuation(b'/') => a.checked_div(b)?,
        TokenKind::Punctuation(b'%') => a.checked_rem(b)?,
        TokenKind::Punctuation(b'<') => (a < b).into(),
        TokenKind::Punctuation(b'>') => (a > b).into(),
        TokenKind::Operator(operator) => match &operator {
            b"||" => (a != 0 || b != 0).into(),
            b"&&" => (a != 0 && b != 0).into(),
            b"==" => (a == b).into(),
            b"!=" => (a != b).into(),
            b"<=" => (a <= b).into(),
            b">=" => (a >= b).into(),
            b"<<" => i128::from((a as i64).checked_shl(u32::try_from(b).ok()?)?),
            _ => a.checked_shr(u32::try_from(b).ok()?)?,
        },
        _ => return None,
    })
}

fn combine_floats(operator: TokenKind, a: f64, b: f64) -> Option<Literal> {
    let truth = |value: bool| Some(Literal::Integer(value.into()));
    let value = match operator {
        TokenKind::Punctuation(b'+') => a + b,
        TokenKind::Punctuation(b'-') => a - b,
        TokenKind::Punctuation(b'*') => a * b,
        TokenKind::Punctuation(b'/') => a / b,
        TokenKind::Punctuation(b'<') => return truth(a < b),
        TokenKind::Punctuation(b'>') => return truth(a > b),
        _ => return None,
    };
    Some(Literal::F64(value.to_bits()))
}

/// An integer in the range of a literal.
fn integer(value: i128) -> Option<Literal> {
    (i128::from(i64::MIN)..=i128::from(u64::MAX))
        .contains(&value)
        .then_some(Literal::Integer(value))
}

/// A number without a sign.
fn number(text: &str) -> Option<Literal> {
    if let Some(digits) = text.strip_prefix("0f").or_else(|| text.strip_prefix("0F")) {
        return hexadecimal(digits, 8).map(|bits| Literal::F32(bits as u32));
    }
    if let Some(digits) = text.strip_prefix("0d").or_else(|| text.strip_prefix("0D")) {
        return hexadecimal(digits, 16).map(Literal::F64);
    }
    if text.contains('.') || (!text.starts_with("0x") && text.contains(['e', 'E'])) {
        let finite = text.bytes().all(|b| b.is_ascii_digit() || b"eE+-.".contains(&b));
        return text.parse::<f64>().ok().filter(|_| finite).map(|v| Literal::F64(v.to_bits()));
    }
    let digits = text.strip_suffix('U').unwrap_or(text);
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
        [b'0', b'b' | b'B', ..] => (&digits[2..], 2),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (digits, 10),
    };
    let plain = digits.bytes().all(|b| b.is_ascii_alphanumeric());
    u64::from_str_radix(digits, radix).ok().filter(|_| plain).map(|v| Literal::Integer(v.into()))
}

fn hexadecimal(digits: &str, count: usize) -> Option<u64> {
    let valid = digits.len() == count && digits.bytes().all(|b| b.is_ascii_hexdigit());
    valid.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}
