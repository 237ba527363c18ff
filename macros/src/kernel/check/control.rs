use syn::{Expr, Lit, Pat};

use super::{Checker, LoopContext};
use crate::diagnostic::Location;
use crate::kernel::tree::{
    Block, Comparison, Expression, For, Kind, LoopId, Place, PlaceKind, Statement, Storage,
    VariableId,
};
use crate::kernel::types::{ScalarSet, Type};

impl Checker {
    pub(super) fn block_expression(
        &mut self,
        block: &syn::ExprBlock,
        expected: Option<&Type>,
        at: Location,
    ) -> Expression {
        let Some(label) = &block.label else {
            let (block, ty) = self.block(&block.block, expected);
            return self.expression_of(Kind::Block(None, block), ty, at);
        };
        let value = expected.cloned().unwrap_or_else(|| self.inference.unknown());
        let context = LoopContext {
            id: self.next_loop(),
            label: Some(label.name.ident.to_string()),
            takes_value: true,
            is_block: true,
            value: value.clone(),
            broken: false,
        };
        let id = context.id;
        self.loops.push(context);
        let (block, ty) = self.block(&block.block, Some(&value));
        self.loops.pop();
        if block.value.is_none() && ty != Type::Never {
            let _ = self.inference.unify(&value, &Type::UNIT);
        }
        self.expression_of(Kind::Block(Some(id), block), value, at)
    }

    pub(super) fn branch(
        &mut self,
        branch: &syn::ExprIf,
        expected: Option<&Type>,
        at: Location,
    ) -> Expression {
        let condition = self.expression(&branch.cond, Some(&Type::BOOL));
        let Some((_, otherwise)) = &branch.else_branch else {
            let (then, ty) = self.block(&branch.then_branch, Some(&Type::UNIT));
            if then.value.is_none() && ty == Type::Never {
                return self.expression_of(Kind::If(condition.into(), then, None), Type::UNIT, at);
            }
            let kind = Kind::If(Box::new(condition), then, None);
            return self.expression_of(kind, Type::UNIT, at);
        };
        let (then, then_type) = self.block(&branch.then_branch, expected);
        let then_type = self.inference.resolve(&then_type);
        // The first branch that comes to an end decides, unless the context does.
        let decided = expected.or((then_type != Type::Never).then_some(&then_type));
        let otherwise = self.expression(otherwise, decided);
        let ty = match self.inference.resolve(&otherwise.ty) {
            Type::Never => then_type,
            _ if then_type != Type::Never => then_type,
            other => other,
        };
        self.require_tail(&then, &ty, Location::of(&branch.then_branch));
        self.expression_of(Kind::If(condition.into(), then, Some(otherwise.into())), ty, at)
    }

    /// Reports a block without a value where another branch has one.
    fn require_tail(&mut self, block: &Block, ty: &Type, location: Location) {
        let ty = self.inference.resolve(ty);
        let diverges = block.statements.last().is_some_and(|statement| match statement {
            Statement::Expression(last) => self.inference.resolve(&last.ty) == Type::Never,
            _ => false,
        });
        let is_unit = matches!(ty, Type::Never | Type::Error) || ty == Type::UNIT;
        if block.value.is_none() && !diverges && !is_unit {
            let wanted = self.inference.describe(&ty);
            self.error(
                location,
                format_args!("this branch has no value, but {wanted} is expected"),
            );
        }
    }

    pub(super) fn while_loop(&mut self, repeat: &syn::ExprWhile, at: Location) -> Expression {
        let condition = self.expression(&repeat.cond, Some(&Type::BOOL));
        let (id, body) = self.loop_body(&repeat.label, &repeat.body);
        self.expression_of(Kind::While(id, Box::new(condition), body), Type::UNIT, at)
    }

    fn loop_body(&mut self, label: &Option<syn::Label>, body: &syn::Block) -> (LoopId, Block) {
        let id = self.next_loop();
        self.loops.push(LoopContext {
            id,
            label: label.as_ref().map(|label| label.name.ident.to_string()),
            takes_value: false,
            is_block: false,
            value: Type::UNIT,
            broken: false,
        });
        let (body, _) = self.block(body, Some(&Type::UNIT));
        self.loops.pop();
        (id, body)
    }

    pub(super) fn endless_loop(&mut self, repeat: &syn::ExprLoop, at: Location) -> Expression {
        let context = LoopContext {
            id: self.next_loop(),
            label: repeat.label.as_ref().map(|label| label.name.ident.to_string()),
            takes_value: true,
            is_block: false,
            value: self.inference.unknown(),
            broken: false,
        };
        let id = context.id;
        self.loops.push(context);
        let (body, _) = self.block(&repeat.body, Some(&Type::UNIT));
        let ty = match self.loops.pop() {
            Some(context) if context.broken => context.value,
            _ => Type::Never,
        };
        self.expression_of(Kind::Loop(id, body), ty, at)
    }

    pub(super) fn for_loop(&mut self, repeat: &syn::ExprForLoop, at: Location) -> Expression {
        let unroll = self.wants_unrolling(&repeat.attrs);
        let Some(range) = Range::of(&repeat.expr) else {
            self.error_with_help(
                Location::of(&repeat.expr),
                "a `for` counts through a range here",
                "write `a..b`, `a..=b`, `(a..b).step_by(k)` or `(a..b).rev()`",
            );
            return self.failed(at);
        };
        let (name, mutable) = match &*repeat.pat {
            Pat::Ident(pat) => (pat.ident.to_string(), pat.mutability.is_some()),
            Pat::Wild(_) => ("_".into(), false),
            other => {
                self.error(Location::of(other), "the variable of a loop has a plain name here");
                ("_".into(), false)
            }
        };
        let start = self.expression(range.start, None);
        if self.inference.constrain(&start.ty, ScalarSet::INTEGER).is_err() {
            let found = self.inference.describe(&start.ty);
            self.error(start.location, format_args!("a range counts integers, not {found}"));
            return self.failed(at);
        }
        let end = self.expression(range.end, Some(&start.ty.clone()));
        let step = range.step.map(|step| self.expression(step, Some(&start.ty.clone())));
        if unroll {
            for bound in [Some(&start), Some(&end), step.as_ref()].into_iter().flatten() {
                if !self.program.is_static(bound) && bound.ty != Type::Error {
                    self.error_with_help(
                        bound.location,
                        "a loop that is unrolled needs bounds known while the kernel compiles",
                        "use literals and `const` items, or leave `#[unroll]` out",
                    );
                }
            }
        }
        let storage = if unroll && !mutable { Storage::Static } else { Storage::Thread };
        let ((id, body), variable): ((LoopId, Block), VariableId) = self.in_scope(|checker| {
            let ty = start.ty.clone();
            let variable = checker.declare_variable(&name, ty, mutable, storage);
            (checker.loop_body(&repeat.label, &repeat.body), variable)
        });
        let inclusive = range.inclusive;
        let reversed = range.reversed;
        let counted = For { id, variable, start, end, inclusive, step, reversed, unroll, body };
        self.expression_of(Kind::For(Box::new(counted)), Type::UNIT, at)
    }

    fn wants_unrolling(&mut self, attributes: &[syn::Attribute]) -> bool {
        for attribute in attributes {
            if !attribute.path().is_ident("unroll") {
                let help = "`#[unroll]` repeats the body of a `for` for every value";
                self.error_with_help(Location::of(attribute), "unknown attribute", help);
            }
        }
        attributes.iter().any(|attribute| attribute.path().is_ident("unroll"))
    }

    fn find_loop(&mut self, label: &Option<syn::Lifetime>, at: Location) -> Option<usize> {
        let found = match label {
            Some(label) => {
                let name = label.ident.to_string();
                self.loops.iter().rposition(|context| context.label.as_ref() == Some(&name))
            }
            None => self.loops.iter().rposition(|context| !context.is_block),
        };
        if found.is_none() {
            match label {
                Some(label) => self.error(
                    Location::of(label),
                    format_args!("no loop around this is labelled `{label}`"),
                ),
                None => self.error(at, "there is no loop around this"),
            }
        }
        found
    }

    pub(super) fn break_out(&mut self, leave: &syn::ExprBreak, at: Location) -> Expression {
        let Some(index) = self.find_loop(&leave.label, at) else { return self.failed(at) };
        self.loops[index].broken = true;
        let (id, takes_value) = (self.loops[index].id, self.loops[index].takes_value);
        let wanted = self.loops[index].value.clone();
        let value = match &leave.expr {
            Some(expr) if takes_value => Some(Box::new(self.expression(expr, Some(&wanted)))),
            Some(expr) => {
                let message = "only `loop` and a labelled block have a value to break with";
                self.error(Location::of(expr), message);
                None
            }
            None => {
                if self.inference.unify(&wanted, &Type::UNIT).is_err() {
                    let wanted = self.inference.describe(&wanted);
                    let message = format!("this `break` needs a value: {wanted} is expected");
                    self.error(at, message);
                }
                None
            }
        };
        self.expression_of(Kind::Break(id, value), Type::Never, at)
    }

    pub(super) fn continue_on(&mut self, next: &syn::ExprContinue, at: Location) -> Expression {
        let Some(index) = self.find_loop(&next.label, at) else { return self.failed(at) };
        if self.loops[index].is_block {
            self.error(at, "a labelled block is no loop to continue");
            return self.failed(at);
        }
        self.expression_of(Kind::Continue(self.loops[index].id), Type::Never, at)
    }

    pub(super) fn return_from(&mut self, leave: &syn::ExprReturn, at: Location) -> Expression {
        let wanted = self.result.clone().unwrap_or(Type::UNIT);
        let value = match &leave.expr {
            Some(expr) if wanted == Type::UNIT => {
                let value = self.expression(expr, None);
                if self.inference.unify(&value.ty, &wanted).is_err() {
                    self.error(value.location, "this function returns nothing");
                }
                None
            }
            Some(expr) => Some(Box::new(self.expression(expr, Some(&wanted)))),
            None => {
                if wanted != Type::UNIT && wanted != Type::Error {
                    let wanted = self.inference.describe(&wanted);
                    self.error(at, format_args!("this function returns {wanted}"));
                }
                None
            }
        };
        self.expression_of(Kind::Return(value), Type::Never, at)
    }

    /// `match` on a number or a `bool`, as a chain of comparisons.
    pub(super) fn choose(
        &mut self,
        choice: &syn::ExprMatch,
        expected: Option<&Type>,
        at: Location,
    ) -> Expression {
        let scrutinee = self.expression(&choice.expr, None);
        if self.inference.constrain(&scrutinee.ty, ScalarSet::ANY).is_err() {
            let found = self.inference.describe(&scrutinee.ty);
            let message = format!("a `match` compares numbers and `bool` here, not {found}");
            self.error(scrutinee.location, message);
            return self.failed(at);
        }
        let ty = scrutinee.ty.clone();
        let (id, chain) = self.in_scope(|checker| {
            let id = checker.declare_variable("match", ty.clone(), false, Storage::Thread);
            (id, checker.arms(id, &ty, &choice.arms, expected, at))
        });
        let result = chain.ty.clone();
        let block = Block {
            statements: vec![Statement::Let(id, Some(scrutinee))],
            value: Some(Box::new(chain)),
        };
        self.expression_of(Kind::Block(None, block), result, at)
    }

    fn arms(
        &mut self,
        id: VariableId,
        ty: &Type,
        arms: &[syn::Arm],
        expected: Option<&Type>,
        at: Location,
    ) -> Expression {
        let Some((arm, rest)) = arms.split_first() else {
            self.error_with_help(
                at,
                "this `match` does not cover every value",
                "end it with an arm `_ => …`",
            );
            return self.failed(at);
        };
        self.in_scope(|checker| {
            let mut condition = checker.pattern(id, ty, &arm.pat);
            if let Some((_, guard)) = &arm.guard {
                let guard = checker.expression(guard, Some(&Type::BOOL));
                condition = Some(match condition {
                    Some(pattern) => {
                        let location = guard.location;
                        let kind = Kind::Both(Box::new(pattern), Box::new(guard));
                        checker.expression_of(kind, Type::BOOL, location)
                    }
                    None => guard,
                });
            }
            let body = checker.expression(&arm.body, expected);
            let Some(condition) = condition else { return body };
            let body_type = checker.inference.resolve(&body.ty);
            let decided = expected.or((body_type != Type::Never).then_some(&body_type));
            let otherwise = checker.arms(id, ty, rest, decided, at);
            let ty = match body_type {
                Type::Never => otherwise.ty.clone(),
                known => known,
            };
            let then = Block { statements: Vec::new(), value: Some(Box::new(body)) };
            let kind = Kind::If(Box::new(condition), then, Some(Box::new(otherwise)));
            checker.expression_of(kind, ty, at)
        })
    }

    /// The condition under which a pattern matches; `None` where it always does.
    fn pattern(&mut self, id: VariableId, ty: &Type, pattern: &Pat) -> Option<Expression> {
        let at = Location::of(pattern);
        match pattern {
            Pat::Wild(_) => None,
            Pat::Paren(paren) => self.pattern(id, ty, &paren.pat),
            Pat::Lit(literal) => Some(self.equals(id, ty, &Expr::Lit(literal.clone()), at)),
            Pat::Path(path) => Some(self.equals(id, ty, &Expr::Path(path.clone()), at)),
            Pat::Ident(name) if name.subpat.is_none() && name.by_ref.is_none() => {
                self.named_pattern(id, ty, &name.ident, at)
            }
            Pat::Or(alternatives) => {
                let mut any: Option<Expression> = None;
                for case in &alternatives.cases {
                    let condition = self.pattern(id, ty, case)?;
                    any = Some(match any {
                        Some(any) => {
                            let kind = Kind::Either(Box::new(any), Box::new(condition));
                            self.expression_of(kind, Type::BOOL, at)
                        }
                        None => condition,
                    });
                }
                any
            }
            Pat::Range(range) => self.range_pattern(id, ty, range, at),
            _ => {
                self.error(at, "a pattern is a literal, a constant, a range or `_` here");
                Some(self.failed(at))
            }
        }
    }

    /// A constant to compare with, or a new name for the value.
    fn named_pattern(
        &mut self,
        id: VariableId,
        ty: &Type,
        name: &syn::Ident,
        at: Location,
    ) -> Option<Expression> {
        if let Ok(Some(super::Binding::Constant(_))) = self.look_up(&name.to_string()) {
            let path = Expr::Path(syn::parse_quote!(#name));
            return Some(self.equals(id, ty, &path, at));
        }
        self.declare(&name.to_string(), super::Binding::Variable(id));
        None
    }

    fn subject(&self, id: VariableId, ty: &Type, at: Location) -> Box<Expression> {
        let place = Place { kind: PlaceKind::Variable(id), ty: ty.clone(), location: at };
        Box::new(self.expression_of(Kind::Read(place), ty.clone(), at))
    }

    fn equals(&mut self, id: VariableId, ty: &Type, value: &Expr, at: Location) -> Expression {
        let value = match value {
            Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) => {
                self.error(Location::of(text), "device code has no text");
                self.failed(at)
            }
            value => self.expression(value, Some(ty)),
        };
        let kind = Kind::Compare(Comparison::Equal, self.subject(id, ty, at), Box::new(value));
        self.expression_of(kind, Type::BOOL, at)
    }

    fn range_pattern(
        &mut self,
        id: VariableId,
        ty: &Type,
        range: &syn::PatRange,
        at: Location,
    ) -> Option<Expression> {
        let upper = match range.limits {
            syn::RangeLimits::HalfOpen(_) => Comparison::Less,
            syn::RangeLimits::Closed(_) => Comparison::LessOrEqual,
        };
        let bound = |checker: &mut Self, bound: &Option<Box<Expr>>, comparison| {
            bound.as_ref().map(|bound| {
                let bound = checker.expression(bound, Some(ty));
                let subject = checker.subject(id, ty, at);
                let kind = Kind::Compare(comparison, subject, Box::new(bound));
                checker.expression_of(kind, Type::BOOL, at)
            })
        };
        let low = bound(self, &range.start, Comparison::GreaterOrEqual);
        let high = bound(self, &range.end, upper);
        match (low, high) {
            (Some(low), Some(high)) => {
                let kind = Kind::Both(Box::new(low), Box::new(high));
                Some(self.expression_of(kind, Type::BOOL, at))
            }
            (low, high) => low.or(high),
        }
    }
}

/// The parts of `a..b`, `(a..b).step_by(k)` or `(a..b).rev()`.
struct Range<'a> {
    start: &'a Expr,
    end: &'a Expr,
    inclusive: bool,
    step: Option<&'a Expr>,
    reversed: bool,
}

impl<'a> Range<'a> {
    fn of(syntax: &'a Expr) -> Option<Self> {
        match syntax {
            Expr::Paren(paren) => Self::of(&paren.expr),
            Expr::Group(group) => Self::of(&group.expr),
            Expr::Range(range) => Some(Self {
                start: range.start.as_deref()?,
                end: range.end.as_deref()?,
                inclusive: matches!(range.limits, syn::RangeLimits::Closed(_)),
                step: None,
                reversed: false,
            }),
            Expr::MethodCall(call) => {
                let range = Self::of(&call.receiver)?;
                if range.step.is_some() || range.reversed {
                    return None;
                }
                match (call.method.to_string().as_str(), call.args.len()) {
                    ("rev", 0) => Some(Self { reversed: true, ..range }),
                    ("step_by", 1) => Some(Self { step: call.args.first(), ..range }),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}
