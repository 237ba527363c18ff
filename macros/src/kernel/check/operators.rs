use syn::{BinOp, Expr, UnOp};

use super::{Checker, Deferred};
use crate::diagnostic::Location;
use crate::kernel::tree::{Comparison, Expression, Kind, Operator};
use crate::kernel::types::{Scalar, ScalarSet, Type};

/// What a binary operator of Rust is here.
enum Meaning {
    Arithmetic(Operator),
    Update(Operator),
    Compare(Comparison),
    And,
    Or,
}

fn meaning(op: &BinOp) -> Option<Meaning> {
    use Meaning::{Arithmetic, Compare, Update};
    Some(match op {
        BinOp::Add(_) => Arithmetic(Operator::Add),
        BinOp::Sub(_) => Arithmetic(Operator::Subtract),
        BinOp::Mul(_) => Arithmetic(Operator::Multiply),
        BinOp::Div(_) => Arithmetic(Operator::Divide),
        BinOp::Rem(_) => Arithmetic(Operator::Remainder),
        BinOp::BitAnd(_) => Arithmetic(Operator::And),
        BinOp::BitOr(_) => Arithmetic(Operator::Or),
        BinOp::BitXor(_) => Arithmetic(Operator::Xor),
        BinOp::Shl(_) => Arithmetic(Operator::ShiftLeft),
        BinOp::Shr(_) => Arithmetic(Operator::ShiftRight),
        BinOp::AddAssign(_) => Update(Operator::Add),
        BinOp::SubAssign(_) => Update(Operator::Subtract),
        BinOp::MulAssign(_) => Update(Operator::Multiply),
        BinOp::DivAssign(_) => Update(Operator::Divide),
        BinOp::RemAssign(_) => Update(Operator::Remainder),
        BinOp::BitAndAssign(_) => Update(Operator::And),
        BinOp::BitOrAssign(_) => Update(Operator::Or),
        BinOp::BitXorAssign(_) => Update(Operator::Xor),
        BinOp::ShlAssign(_) => Update(Operator::ShiftLeft),
        BinOp::ShrAssign(_) => Update(Operator::ShiftRight),
        BinOp::Eq(_) => Compare(Comparison::Equal),
        BinOp::Ne(_) => Compare(Comparison::NotEqual),
        BinOp::Lt(_) => Compare(Comparison::Less),
        BinOp::Le(_) => Compare(Comparison::LessOrEqual),
        BinOp::Gt(_) => Compare(Comparison::Greater),
        BinOp::Ge(_) => Compare(Comparison::GreaterOrEqual),
        BinOp::And(_) => Meaning::And,
        BinOp::Or(_) => Meaning::Or,
        _ => return None,
    })
}

/// The types that an operator works on.
fn operands(operator: Operator) -> ScalarSet {
    match operator {
        Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide => {
            ScalarSet::NUMBER
        }
        Operator::And | Operator::Or | Operator::Xor => ScalarSet::BITS,
        Operator::Remainder | Operator::ShiftLeft | Operator::ShiftRight => ScalarSet::INTEGER,
    }
}

impl Checker {
    pub(super) fn unary(&mut self, unary: &syn::ExprUnary, at: Location) -> Expression {
        match unary.op {
            UnOp::Neg(_) => {
                if let Expr::Lit(literal) = &*unary.expr
                    && matches!(literal.lit, syn::Lit::Int(_) | syn::Lit::Float(_))
                {
                    return self.literal(&literal.lit, true, at);
                }
                let value = self.expression(&unary.expr, None);
                self.require(&value, ScalarSet::SIGNED, "-");
                let ty = value.ty.clone();
                self.expression_of(Kind::Negate(Box::new(value)), ty, at)
            }
            UnOp::Not(_) => {
                let value = self.expression(&unary.expr, None);
                self.require(&value, ScalarSet::BITS, "!");
                let ty = value.ty.clone();
                self.expression_of(Kind::Not(Box::new(value)), ty, at)
            }
            _ => self.read(&Expr::Unary(unary.clone()), at),
        }
    }

    /// Reports an operand whose type the operator does not take.
    fn require(&mut self, value: &Expression, set: ScalarSet, symbol: &str) -> bool {
        if self.inference.constrain(&value.ty, set).is_ok() {
            return true;
        }
        let found = self.inference.describe(&value.ty);
        let message = format!("`{symbol}` takes {set}, not {found}");
        let is_pointer = matches!(self.inference.resolve(&value.ty), Type::Pointer { .. });
        match symbol {
            "+" | "-" if is_pointer => {
                let help = "write `pointer.add(count)` or `pointer.sub(count)`";
                self.error_with_help(value.location, message, help);
            }
            "%" => {
                let help = "write `a - (a / b).trunc() * b`";
                self.error_with_help(value.location, message, help);
            }
            _ => self.error(value.location, message),
        }
        false
    }

    pub(super) fn binary(&mut self, binary: &syn::ExprBinary, at: Location) -> Expression {
        match meaning(&binary.op) {
            Some(Meaning::Arithmetic(operator)) => {
                let left = self.expression(&binary.left, None);
                let (left, right) = self.operand_pair(operator, left, &binary.right);
                let ty = left.ty.clone();
                self.expression_of(Kind::Binary(operator, Box::new(left), Box::new(right)), ty, at)
            }
            Some(Meaning::Update(operator)) => {
                let place = self.place(&binary.left);
                self.require_mutable(&place);
                let value = self.expression_of(Kind::Error, place.ty.clone(), place.location);
                let (_, right) = self.operand_pair(operator, value, &binary.right);
                let kind = Kind::Update(operator, place, Box::new(right));
                self.expression_of(kind, Type::UNIT, at)
            }
            Some(Meaning::Compare(comparison)) => self.compare(comparison, binary, at),
            Some(Meaning::And) => {
                let (left, right) = self.conditions(binary);
                self.expression_of(Kind::Both(left, right), Type::BOOL, at)
            }
            Some(Meaning::Or) => {
                let (left, right) = self.conditions(binary);
                self.expression_of(Kind::Either(left, right), Type::BOOL, at)
            }
            None => {
                self.error(at, "this operator is not part of the device language");
                self.failed(at)
            }
        }
    }

    fn conditions(&mut self, binary: &syn::ExprBinary) -> (Box<Expression>, Box<Expression>) {
        let left = self.expression(&binary.left, Some(&Type::BOOL));
        let right = self.expression(&binary.right, Some(&Type::BOOL));
        (Box::new(left), Box::new(right))
    }

    /// The operands of an arithmetic operator: of one type, except that a shift takes its amount
    /// in any integer type.
    fn operand_pair(
        &mut self,
        operator: Operator,
        mut left: Expression,
        right: &Expr,
    ) -> (Expression, Expression) {
        if !self.require(&left, operands(operator), operator.symbol()) {
            left.ty = Type::Error;
        }
        if operator.is_shift() {
            let mut amount = self.expression(right, None);
            if !self.require(&amount, ScalarSet::INTEGER, operator.symbol()) {
                amount.ty = Type::Error;
            }
            return (left, amount);
        }
        let right = self.expression(right, Some(&left.ty.clone()));
        (left, right)
    }

    fn compare(
        &mut self,
        comparison: Comparison,
        binary: &syn::ExprBinary,
        at: Location,
    ) -> Expression {
        let left = self.expression(&binary.left, None);
        let right = self.expression(&binary.right, Some(&left.ty.clone()));
        let is_pointer = matches!(self.inference.resolve(&left.ty), Type::Pointer { .. });
        if !is_pointer {
            self.require(&left, ScalarSet::ANY, "a comparison");
        }
        let kind = Kind::Compare(comparison, Box::new(left), Box::new(right));
        self.expression_of(kind, Type::BOOL, at)
    }

    pub(super) fn assign(&mut self, assign: &syn::ExprAssign, at: Location) -> Expression {
        if matches!(&*assign.left, Expr::Infer(_)) {
            let value = self.expression(&assign.right, None);
            return value;
        }
        let place = self.place(&assign.left);
        self.require_mutable(&place);
        let value = self.expression(&assign.right, Some(&place.ty.clone()));
        self.expression_of(Kind::Assign(place, Box::new(value)), Type::UNIT, at)
    }

    pub(super) fn cast(&mut self, cast: &syn::ExprCast, at: Location) -> Expression {
        let value = self.expression(&cast.expr, None);
        let to = self.ty(&cast.ty);
        // As in Rust, a literal takes the type it is cast to where that is of its kind.
        let is_literal = matches!(value.kind, Kind::Constant(_) | Kind::Decimal(_));
        if is_literal && self.inference.is_open(&value.ty) {
            let _ = self.inference.unify(&value.ty, &to);
        }
        let from = value.ty.clone();
        self.deferred.push(Deferred::Cast { from, to: to.clone(), location: at });
        self.expression_of(Kind::Cast(Box::new(value)), to, at)
    }

    pub(super) fn cast_is_possible(&mut self, from: &Type, to: &Type, location: Location) {
        let problem = match (self.inference.resolve(from), self.inference.resolve(to)) {
            (Type::Error, _) | (_, Type::Error) | (Type::Never, _) => return,
            (Type::Scalar(a), Type::Scalar(b)) if a == b => return,
            (Type::Scalar(_), Type::Scalar(Scalar::Bool)) => Some("compare it, as in `… != 0`"),
            (Type::Scalar(Scalar::Bool), Type::Scalar(to)) if to.is_float() => {
                Some("convert it to an integer first, as in `… as u32 as f32`")
            }
            (Type::Scalar(_), Type::Scalar(_)) => return,
            (Type::Pointer { .. }, Type::Pointer { .. }) => return,
            (Type::Pointer { .. }, Type::Scalar(Scalar::U64)) => return,
            _ => None,
        };
        let (from, to) = (self.inference.describe(from), self.inference.describe(to));
        let message = format!("{from} cannot be cast to {to}");
        match problem {
            Some(help) => self.error_with_help(location, message, help),
            None => self.error(location, message),
        }
    }
}
