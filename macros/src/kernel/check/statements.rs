use syn::{Local, Pat, Stmt};

use super::{Checker, Deferred};
use crate::diagnostic::Location;
use crate::kernel::tree::{Block, Expression, Statement, Storage};
use crate::kernel::types::Type;

impl Checker {
    /// A block in a scope of its own, and the type of its value.
    pub(super) fn block(&mut self, block: &syn::Block, expected: Option<&Type>) -> (Block, Type) {
        self.in_scope(|checker| checker.block_in_this_scope(block, expected))
    }

    fn block_in_this_scope(
        &mut self,
        block: &syn::Block,
        expected: Option<&Type>,
    ) -> (Block, Type) {
        self.hoist(&block.stmts);
        let mut statements = Vec::new();
        let mut value = None;
        let mut ty = Type::UNIT;
        for (i, statement) in block.stmts.iter().enumerate() {
            let is_last = i + 1 == block.stmts.len();
            match statement {
                Stmt::Local(local) => statements.extend(self.local(local)),
                Stmt::Item(_) => {}
                Stmt::Expr(expression, None) if is_last => {
                    let tail = self.expression(expression, expected);
                    if ty != Type::Never {
                        ty = tail.ty.clone();
                    }
                    value = Some(Box::new(tail));
                }
                Stmt::Expr(expression, semicolon) => {
                    let unit = semicolon.is_none().then_some(Type::UNIT);
                    let checked = self.expression(expression, unit.as_ref());
                    if self.inference.resolve(&checked.ty) == Type::Never {
                        ty = Type::Never;
                    }
                    statements.push(Statement::Expression(checked));
                }
                Stmt::Macro(call) => {
                    let checked = self.macro_call(&call.mac, Location::of(call));
                    statements.push(Statement::Expression(checked));
                }
            }
        }
        (Block { statements, value }, ty)
    }

    fn local(&mut self, local: &Local) -> Option<Statement> {
        if let Some(attribute) = local.attrs.first() {
            if !attribute.path().is_ident("shared") {
                self.error_with_help(
                    Location::of(attribute),
                    "unknown attribute",
                    "`#[shared] let mut tile: [f32; 256];` declares shared memory",
                );
                return None;
            }
            return self.shared(local);
        }
        let (pattern, annotated) = match &local.pat {
            Pat::Type(typed) => (&*typed.pat, Some(self.ty(&typed.ty))),
            pattern => (pattern, None),
        };
        let Some(init) = &local.init else {
            self.error_with_help(
                Location::of(local),
                "a variable needs a value where it is declared",
                "write `let name = value;`, or `#[shared] let mut name: [T; N];` for shared memory",
            );
            return None;
        };
        if let Some((_, diverge)) = &init.diverge {
            self.error(Location::of(diverge), "`let … else` is not part of the device language");
        }
        let value = self.expression(&init.expr, annotated.as_ref());
        let ty = annotated.unwrap_or_else(|| value.ty.clone());
        self.bind(pattern, ty, value)
    }

    /// Binds a pattern to a value that has been checked already: a `let` shadows only what follows.
    fn bind(&mut self, pattern: &Pat, ty: Type, value: Expression) -> Option<Statement> {
        match pattern {
            Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => {
                let name = pat.ident.to_string();
                let location = Location::of(&pat.ident);
                self.deferred.push(Deferred::Known { ty: ty.clone(), location });
                let id =
                    self.declare_variable(&name, ty, pat.mutability.is_some(), Storage::Thread);
                if pat.mutability.is_none() && self.program.is_static(&value) {
                    self.program.variables[id.0].storage = Storage::Static;
                }
                Some(Statement::Let(id, Some(value)))
            }
            Pat::Wild(_) => Some(Statement::Expression(value)),
            Pat::Tuple(tuple) => self.bind_tuple(tuple, &ty, value),
            other => {
                self.error_with_help(
                    Location::of(other),
                    "this pattern is not part of the device language",
                    "a `let` binds a name, or a tuple of names",
                );
                None
            }
        }
    }

    fn bind_tuple(
        &mut self,
        tuple: &syn::PatTuple,
        ty: &Type,
        value: Expression,
    ) -> Option<Statement> {
        let elements: Vec<Type> = tuple.elems.iter().map(|_| self.inference.unknown()).collect();
        if self.inference.unify(ty, &Type::Tuple(elements.clone())).is_err() {
            let found = self.inference.describe(ty);
            self.error(
                Location::of(tuple),
                format_args!("this binds a tuple of {}, but the value is {found}", elements.len()),
            );
            return None;
        }
        let mut variables = Vec::new();
        for (element, ty) in tuple.elems.iter().zip(elements) {
            let (name, mutable) = match element {
                Pat::Ident(pat) => (pat.ident.to_string(), pat.mutability.is_some()),
                Pat::Wild(_) => ("_".into(), false),
                other => {
                    self.error(Location::of(other), "a name is expected here");
                    continue;
                }
            };
            variables.push(self.declare_variable(&name, ty, mutable, Storage::Thread));
        }
        Some(Statement::LetTuple(variables, value))
    }

    /// `#[shared] let mut tile: [f32; 256];`
    fn shared(&mut self, local: &Local) -> Option<Statement> {
        const HELP: &str = "write `#[shared] let mut tile: [f32; 256];`, or `[f32]` for the shared \
                            memory whose size is given at launch";
        let (Pat::Type(typed), None) = (&local.pat, &local.init) else {
            let message = "shared memory is declared with its type and without a value";
            self.error_with_help(Location::of(&local.pat), message, HELP);
            return None;
        };
        let Pat::Ident(name) = &*typed.pat else {
            self.error_with_help(Location::of(&typed.pat), "a name is expected here", HELP);
            return None;
        };
        let ty = self.ty(&typed.ty);
        let storage = match &ty {
            Type::Array(..) if ty.bytes().is_some() => Storage::Shared,
            Type::Slice(element) if element.bytes().is_some() => Storage::DynamicShared,
            Type::Error => return None,
            _ => {
                let message = "shared memory holds an array of numbers";
                self.error_with_help(Location::of(&typed.ty), message, HELP);
                return None;
            }
        };
        let mutable = name.mutability.is_some();
        let id = self.declare_variable(&name.ident.to_string(), ty, mutable, storage);
        Some(Statement::Let(id, None))
    }

    pub(super) fn macro_call(&mut self, call: &syn::Macro, at: Location) -> Expression {
        let name = quote::quote!(#call).to_string();
        let name = name.split('!').next().unwrap_or_default().trim();
        self.error(at, format_args!("`{name}!` is not available in device code"));
        self.failed(at)
    }
}
