use syn::Lit;

use super::{Checker, Deferred};
use crate::diagnostic::Location;
use crate::kernel::constant::Constant;
use crate::kernel::tree::{Expression, Kind};
use crate::kernel::types::{Scalar, ScalarSet, Type};

impl Checker {
    pub(super) fn literal(&mut self, literal: &Lit, negative: bool, at: Location) -> Expression {
        match literal {
            Lit::Int(int) => match Scalar::from_name(int.suffix()) {
                Some(scalar) if scalar.is_float() => {
                    self.decimal(int.base10_digits(), Some(scalar), negative, at)
                }
                suffix if suffix.is_some() || int.suffix().is_empty() => {
                    self.integer(int, suffix, negative, at)
                }
                _ => self.unknown_suffix(int.suffix(), at),
            },
            Lit::Float(float) => match Scalar::from_name(float.suffix()) {
                suffix if suffix.is_some_and(Scalar::is_float) || float.suffix().is_empty() => {
                    self.decimal(float.base10_digits(), suffix, negative, at)
                }
                _ => self.unknown_suffix(float.suffix(), at),
            },
            Lit::Bool(value) => {
                self.expression_of(Kind::Constant(Constant::Bool(value.value)), Type::BOOL, at)
            }
            Lit::Byte(byte) => self.expression_of(
                Kind::Constant(Constant::Integer(byte.value().into())),
                Type::Scalar(Scalar::U8),
                at,
            ),
            other => {
                self.error(other.span().into(), "device code has no text, only numbers and `bool`");
                self.failed(at)
            }
        }
    }

    fn unknown_suffix(&mut self, suffix: &str, at: Location) -> Expression {
        self.error_with_help(
            at,
            format_args!("`{suffix}` is not a number type"),
            "the types are u8 to u64, i8 to i64, usize, isize, f32 and f64; \
             a literal becomes f16 or bf16 where one is expected",
        );
        self.failed(at)
    }

    fn integer(
        &mut self,
        int: &syn::LitInt,
        suffix: Option<Scalar>,
        negative: bool,
        at: Location,
    ) -> Expression {
        // In a pattern the sign belongs to the literal.
        let value = int.base10_parse::<i128>().map(|value| if negative { -value } else { value });
        let Some(value) = value.ok().filter(|value| value.unsigned_abs() <= u64::MAX.into()) else {
            self.error(at, "this number does not fit in 64 bits");
            return self.failed(at);
        };
        let negative = value < 0 || negative;
        let set = match negative {
            true => ScalarSet::INTEGER.intersection(ScalarSet::SIGNED),
            false => ScalarSet::INTEGER,
        };
        let ty = suffix.map_or_else(|| self.inference.one_of(set), Type::Scalar);
        if negative && suffix.is_some_and(|scalar| !scalar.is_signed()) {
            self.error(at, format_args!("`{}` has no negative numbers", int.suffix()));
            return self.failed(at);
        }
        self.deferred.push(Deferred::Literal { value, ty: ty.clone(), location: at });
        self.expression_of(Kind::Constant(Constant::Integer(value)), ty, at)
    }

    fn decimal(
        &mut self,
        digits: &str,
        suffix: Option<Scalar>,
        negative: bool,
        at: Location,
    ) -> Expression {
        let ty = suffix.map_or_else(|| self.inference.one_of(ScalarSet::FLOAT), Type::Scalar);
        let sign = if negative { "-" } else { "" };
        self.expression_of(Kind::Decimal(format!("{sign}{digits}")), ty, at)
    }

    pub(super) fn literal_fits(&mut self, value: i128, ty: &Type, location: Location) {
        let Some(scalar) = self.inference.scalar(ty) else { return };
        if let Some((low, high)) = scalar.range()
            && !(low..=high).contains(&value)
        {
            self.error(
                location,
                format_args!("{value} does not fit in `{scalar}`, which holds {low} to {high}"),
            );
        }
    }
}
