//! From Rust's syntax to the typed tree: names, types, mutability, and nothing that the device
//! language lacks. Every mistake is reported where it stands, and the rest is checked all the same.

mod calls;
mod control;
mod expressions;
mod items;
mod literals;
mod operators;
mod places;
mod statements;

use std::collections::HashMap;

use super::constant::Constant;
use super::infer::Inference;
use super::intrinsics;
use super::tree::{Expression, FunctionId, Kind, LoopId, Program, Storage, Variable, VariableId};
use super::types::Type;
use crate::diagnostic::{Diagnostics, Location, similar};

/// The typed tree of a kernel, with what was inferred.
pub(crate) struct Typed {
    pub(crate) program: Program,
    pub(crate) inference: Inference,
}

/// Checks a kernel.
///
/// # Errors
///
/// Every mistake found, combined.
pub(crate) fn check(kernel: &syn::ItemFn) -> syn::Result<Typed> {
    let mut checker = Checker::default();
    checker.kernel(kernel);
    checker.inference.settle_all();
    checker.finish_deferred();
    checker.diagnostics.into_result()?;
    Ok(Typed { program: checker.program, inference: checker.inference })
}

#[derive(Default)]
struct Checker {
    inference: Inference,
    diagnostics: Diagnostics,
    program: Program,
    scopes: Vec<Scope>,
    constants: Vec<ConstantState>,
    loops: Vec<LoopContext>,
    loop_count: usize,
    /// What the current function returns.
    result: Option<Type>,
    deferred: Vec<Deferred>,
}

/// The names that a block declares.
#[derive(Default)]
struct Scope {
    names: HashMap<String, Binding>,
    /// Whether variables of the scopes around are out of reach.
    is_function: bool,
}

#[derive(Clone, Copy)]
enum Binding {
    Variable(VariableId),
    Constant(usize),
    Function(FunctionId),
}

/// A `const` item, evaluated when it is first used.
enum ConstantState {
    Waiting(Box<syn::ItemConst>),
    /// Being evaluated: meeting it again is a cycle.
    Evaluating,
    Known(Type, Constant),
    /// Its mistake has been reported.
    Failed,
}

struct LoopContext {
    id: LoopId,
    label: Option<String>,
    /// Whether it is a `loop` or a labelled block, whose `break` may carry a value.
    takes_value: bool,
    /// Whether it is a labelled block, which only a label reaches.
    is_block: bool,
    value: Type,
    broken: bool,
}

/// A check that waits until every type is known.
enum Deferred {
    Literal { value: i128, ty: Type, location: Location },
    Cast { from: Type, to: Type, location: Location },
    Known { ty: Type, location: Location },
}

impl Checker {
    fn error(&mut self, location: Location, message: impl std::fmt::Display) {
        self.diagnostics.error(location, message);
    }

    fn error_with_help(
        &mut self,
        location: Location,
        message: impl std::fmt::Display,
        help: impl std::fmt::Display,
    ) {
        self.diagnostics.error_with_help(location, message, help);
    }

    fn in_scope<R>(&mut self, check: impl FnOnce(&mut Self) -> R) -> R {
        self.scopes.push(Scope::default());
        let result = check(self);
        self.scopes.pop();
        result
    }

    fn declare(&mut self, name: &str, binding: Binding) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.names.insert(name.to_owned(), binding);
        }
    }

    fn declare_variable(
        &mut self,
        name: &str,
        ty: Type,
        mutable: bool,
        storage: Storage,
    ) -> VariableId {
        let id = VariableId(self.program.variables.len());
        self.program.variables.push(Variable { name: name.to_owned(), ty, mutable, storage });
        self.declare(name, Binding::Variable(id));
        id
    }

    /// What `name` means here; `Err` where it is a variable out of reach.
    fn look_up(&self, name: &str) -> Result<Option<Binding>, ()> {
        let mut outside = false;
        for scope in self.scopes.iter().rev() {
            match scope.names.get(name) {
                Some(Binding::Variable(_)) if outside => return Err(()),
                Some(binding) => return Ok(Some(*binding)),
                None => outside |= scope.is_function,
            }
        }
        Ok(None)
    }

    /// The declared or built-in name most like `name`.
    fn similar_name(&self, name: &str) -> Option<String> {
        let mut known: Vec<&str> = intrinsics::names().collect();
        known.extend(self.scopes.iter().flat_map(|scope| scope.names.keys().map(String::as_str)));
        similar(name, known).map(str::to_owned)
    }

    fn expression_of(&self, kind: Kind, ty: Type, location: Location) -> Expression {
        Expression { kind, ty, location }
    }

    /// Stands for an expression whose mistake has been reported.
    fn failed(&self, location: Location) -> Expression {
        self.expression_of(Kind::Error, Type::Error, location)
    }

    fn next_loop(&mut self) -> LoopId {
        self.loop_count += 1;
        LoopId(self.loop_count)
    }

    fn finish_deferred(&mut self) {
        for check in std::mem::take(&mut self.deferred) {
            match check {
                Deferred::Literal { value, ty, location } => {
                    self.literal_fits(value, &ty, location);
                }
                Deferred::Cast { from, to, location } => {
                    self.cast_is_possible(&from, &to, location)
                }
                Deferred::Known { ty, location } => {
                    if self.inference.is_open(&ty) {
                        self.error_with_help(
                            location,
                            "the type of this is not known",
                            "write it down, as in `let name: u32 = …`",
                        );
                    }
                }
            }
        }
    }
}
