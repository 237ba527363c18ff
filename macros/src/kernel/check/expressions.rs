use syn::Expr;

use super::{Binding, Checker};
use crate::diagnostic::Location;
use crate::kernel::constant::{self, Constant};
use crate::kernel::infer::Mismatch;
use crate::kernel::intrinsics;
use crate::kernel::tree::{Expression, Kind, Place, PlaceKind};
use crate::kernel::types::{Scalar, ScalarSet, Type};

impl Checker {
    /// An expression, of the expected type where there is one.
    pub(super) fn expression(&mut self, syntax: &Expr, expected: Option<&Type>) -> Expression {
        let checked = self.unconstrained(syntax, expected);
        match expected {
            Some(expected) => self.coerce(checked, expected),
            None => checked,
        }
    }

    /// Blocks and branches hand the expected type on, so that a mistake is reported inside them.
    fn unconstrained(&mut self, syntax: &Expr, expected: Option<&Type>) -> Expression {
        let at = Location::of(syntax);
        match syntax {
            Expr::Lit(literal) => self.literal(&literal.lit, false, at),
            Expr::Paren(paren) => self.unconstrained(&paren.expr, expected),
            Expr::Group(group) => self.unconstrained(&group.expr, expected),
            Expr::Path(path) => self.path(path, at),
            Expr::Field(_) | Expr::Index(_) => self.read(syntax, at),
            Expr::Unary(unary) => self.unary(unary, at),
            Expr::Binary(binary) => self.binary(binary, at),
            Expr::Assign(assign) => self.assign(assign, at),
            Expr::Cast(cast) => self.cast(cast, at),
            Expr::Reference(reference) => self.address(reference, at),
            Expr::Call(call) => self.call(call, at),
            Expr::MethodCall(call) => self.method(call, at),
            Expr::Tuple(tuple) => self.tuple(tuple, expected, at),
            Expr::Array(array) => self.array(array, at),
            Expr::Repeat(repeat) => self.repeat(repeat, at),
            Expr::Block(block) => self.block_expression(block, expected, at),
            Expr::Unsafe(block) => {
                let (block, ty) = self.block(&block.block, expected);
                self.expression_of(Kind::Block(None, block), ty, at)
            }
            Expr::If(branch) => self.branch(branch, expected, at),
            Expr::Match(choice) => self.choose(choice, expected, at),
            Expr::While(repeat) => self.while_loop(repeat, at),
            Expr::Loop(repeat) => self.endless_loop(repeat, at),
            Expr::ForLoop(repeat) => self.for_loop(repeat, at),
            Expr::Break(leave) => self.break_out(leave, at),
            Expr::Continue(next) => self.continue_on(next, at),
            Expr::Return(leave) => self.return_from(leave, at),
            Expr::Macro(call) => self.macro_call(&call.mac, at),
            other => {
                let (what, help) = unsupported(other);
                let message = format!("{what} not part of the device language");
                match help {
                    Some(help) => self.error_with_help(at, message, help),
                    None => self.error(at, message),
                }
                self.failed(at)
            }
        }
    }

    /// Requires a type, allowing what Rust converts by itself.
    pub(super) fn coerce(&mut self, mut checked: Expression, expected: &Type) -> Expression {
        let found = self.inference.resolve(&checked.ty);
        let wanted = self.inference.resolve(expected);
        let fits = match (&found, &wanted) {
            (Type::Never | Type::Error, _) => return checked,
            (Type::Pointer { mutable: true, to: a }, Type::Pointer { mutable: false, to: b }) => {
                self.inference.unify(a, b)
            }
            (Type::Pointer { mutable: false, to: a }, Type::Pointer { mutable: true, to: b }) => {
                // Names the pointee in the message.
                self.inference.unify(a, b).and(Err(Mismatch))
            }
            _ => self.inference.unify(&found, &wanted),
        };
        match fits {
            Ok(()) => checked.ty = wanted,
            Err(_) => {
                self.mismatch(&checked, &wanted);
                checked.ty = Type::Error;
            }
        }
        checked
    }

    fn mismatch(&mut self, checked: &Expression, wanted: &Type) {
        let found_name = self.inference.describe(&checked.ty);
        let wanted_name = self.inference.describe(wanted);
        let message = format!("expected {wanted_name}, found {found_name}");
        match self.conversion(checked, wanted) {
            Some(help) => self.error_with_help(checked.location, message, help),
            None => self.error(checked.location, message),
        }
    }

    /// What would turn the expression into the wanted type.
    fn conversion(&mut self, checked: &Expression, wanted: &Type) -> Option<String> {
        let found = self.inference.resolve(&checked.ty);
        let wanted_set = self.inference.set(wanted);
        let wanted = self.inference.resolve(wanted);
        let wants_float = match wanted.scalar() {
            Some(scalar) => scalar.is_float(),
            None => wanted_set == Some(ScalarSet::FLOAT),
        };
        match (&found, &wanted) {
            (Type::Variable(_), _) if wants_float => match checked.kind {
                Kind::Constant(Constant::Integer(value)) => Some(format!("write `{value}.0`")),
                _ => None,
            },
            (Type::Scalar(Scalar::Bool), Type::Scalar(to)) if to.is_float() => {
                Some(format!("convert it with `… as u32 as {to}`"))
            }
            (Type::Scalar(_), Type::Scalar(Scalar::Bool)) => {
                Some("compare it, as in `… != 0`".into())
            }
            (Type::Scalar(_), Type::Scalar(to)) => Some(format!("convert it with `… as {to}`")),
            (Type::Pointer { .. }, Type::Pointer { mutable: true, .. }) => {
                Some("declare the pointer as `*mut`".into())
            }
            (_, Type::Tuple(elements)) if elements.is_empty() => {
                Some("end the statement with `;`".into())
            }
            _ => None,
        }
    }

    fn path(&mut self, path: &syn::ExprPath, at: Location) -> Expression {
        if let Some(ident) = path.path.get_ident() {
            return self.name(&ident.to_string(), at);
        }
        match associated_constant(&path.path) {
            Some((scalar, value)) => {
                self.expression_of(Kind::Constant(value), Type::Scalar(scalar), at)
            }
            None => {
                self.error_with_help(
                    at,
                    "this path does not lead to anything that device code can use",
                    "constants such as `u32::MAX` and `f32::INFINITY` are available; others are \
                     declared with `const` inside the kernel",
                );
                self.failed(at)
            }
        }
    }

    fn name(&mut self, name: &str, at: Location) -> Expression {
        match self.look_up(name) {
            Ok(Some(Binding::Variable(id))) => {
                let ty = self.program.variables[id.0].ty.clone();
                let place = Place { kind: PlaceKind::Variable(id), ty: ty.clone(), location: at };
                self.expression_of(Kind::Read(place), ty, at)
            }
            Ok(Some(Binding::Constant(index))) => match self.constant(index, at) {
                Some((ty, value)) => self.expression_of(Kind::Constant(value), ty, at),
                None => self.failed(at),
            },
            Ok(Some(Binding::Function(_))) => {
                self.error_with_help(
                    at,
                    format_args!("`{name}` is a function"),
                    format_args!("call it: `{name}(…)`"),
                );
                self.failed(at)
            }
            Ok(None) => self.built_in_name(name, at),
            Err(()) => {
                self.error_with_help(
                    at,
                    format_args!("`{name}` belongs to the kernel around this function"),
                    "pass it as an argument",
                );
                self.failed(at)
            }
        }
    }

    fn built_in_name(&mut self, name: &str, at: Location) -> Expression {
        if let Some(builtin) = intrinsics::builtin(name) {
            if !builtin.has_axes {
                let kind = Kind::Builtin(builtin, 0);
                return self.expression_of(kind, Type::U32, at);
            }
            self.error_with_help(
                at,
                format_args!("`{name}` has three components"),
                format_args!("write `{name}.x`, `{name}.y` or `{name}.z`"),
            );
        } else if intrinsics::find(name).is_some() {
            self.error_with_help(
                at,
                format_args!("`{name}` is a function"),
                format_args!("call it: `{name}(…)`"),
            );
        } else {
            let help = match self.similar_name(name) {
                Some(similar) => format!("did you mean `{similar}`?"),
                None => "device code sees its parameters, what it declares itself, and the \
                         built-in names; a constant is declared with `const` inside the kernel"
                    .into(),
            };
            self.error_with_help(at, format_args!("nothing is called `{name}` here"), help);
        }
        self.failed(at)
    }

    fn tuple(
        &mut self,
        tuple: &syn::ExprTuple,
        expected: Option<&Type>,
        at: Location,
    ) -> Expression {
        let expected = match expected.map(|ty| self.inference.resolve(ty)) {
            Some(Type::Tuple(types)) if types.len() == tuple.elems.len() => types,
            _ => Vec::new(),
        };
        let elements: Vec<Expression> = tuple
            .elems
            .iter()
            .enumerate()
            .map(|(i, element)| self.expression(element, expected.get(i)))
            .collect();
        let ty = Type::Tuple(elements.iter().map(|element| element.ty.clone()).collect());
        self.expression_of(Kind::Tuple(elements), ty, at)
    }

    fn array(&mut self, array: &syn::ExprArray, at: Location) -> Expression {
        let element = self.inference.unknown();
        let elements: Vec<Expression> =
            array.elems.iter().map(|value| self.expression(value, Some(&element))).collect();
        if elements.is_empty() {
            self.error(at, "an array has at least one element");
            return self.failed(at);
        }
        let ty = Type::Array(Box::new(element), elements.len() as u64);
        self.expression_of(Kind::Array(elements), ty, at)
    }

    fn repeat(&mut self, repeat: &syn::ExprRepeat, at: Location) -> Expression {
        let value = self.expression(&repeat.expr, None);
        let length = self.array_length(&repeat.len);
        match self.array_type(value.ty.clone(), length, at) {
            ty @ Type::Array(_, length) => {
                self.expression_of(Kind::Repeat(Box::new(value), length), ty, at)
            }
            _ => self.failed(at),
        }
    }
}

/// `u32::MAX` and its like.
fn associated_constant(path: &syn::Path) -> Option<(Scalar, Constant)> {
    let names: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match names[..] {
        ["std" | "core", scalar, "consts", name] | [scalar, "consts", name] => {
            let scalar = Scalar::from_name(scalar).filter(|s| s.is_float())?;
            Some((scalar, Constant::Float(constant::mathematical(name)?).cast(scalar)))
        }
        [.., scalar, name] => {
            let scalar = Scalar::from_name(scalar)?;
            Some((scalar, constant::associated(scalar, name)?))
        }
        _ => None,
    }
}

/// What Rust calls a construct that the device language lacks, and what to write instead.
fn unsupported(syntax: &Expr) -> (&'static str, Option<&'static str>) {
    match syntax {
        Expr::Closure(_) => ("closures are", Some("declare an `fn` inside the kernel")),
        Expr::Struct(_) => ("structs are", Some("use a tuple")),
        Expr::Let(_) => ("`if let` and `while let` are", Some("compare with `==`")),
        Expr::Range(_) => ("ranges outside `for` are", Some("write `for i in a..b`")),
        Expr::Try(_) => ("`?` is", None),
        Expr::Async(_) | Expr::Await(_) => {
            ("`async` is", Some("see `copy_async` for async copies"))
        }
        Expr::RawAddr(_) => ("`&raw` is", Some("write `&mut place`")),
        _ => ("this expression is", None),
    }
}
