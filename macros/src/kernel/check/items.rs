use syn::ext::IdentExt;
use syn::{FnArg, Item, Pat, ReturnType};

use super::{Binding, Checker, ConstantState, Scope};
use crate::diagnostic::{Location, similar};
use crate::kernel::constant::{self, Constant};
use crate::kernel::tree::{Block, Expression, Function, FunctionId, Kind, Storage, VariableId};
use crate::kernel::types::{Scalar, Type};

impl Checker {
    pub(super) fn kernel(&mut self, kernel: &syn::ItemFn) {
        if let ReturnType::Type(_, ty) = &kernel.sig.output {
            let returned = self.ty(ty);
            if returned != Type::UNIT && returned != Type::Error {
                self.error_with_help(
                    Location::of(ty),
                    "a kernel returns nothing",
                    "write results through a `*mut` parameter",
                );
            }
        }
        if !kernel.sig.ident.unraw().to_string().is_ascii() {
            self.error_with_help(
                Location::of(&kernel.sig.ident),
                "PTX has no name like this",
                "name the kernel with the letters a to z, digits and `_`",
            );
        }
        let id = self.declare_function(kernel);
        for i in 0..self.program.functions[id.0].parameters.len() {
            self.kernel_parameter(id, i, &kernel.sig.inputs[i]);
        }
        self.function_body(id, kernel);
    }

    /// What a launch can pass: numbers and pointers to what lies in global memory.
    fn kernel_parameter(&mut self, kernel: FunctionId, index: usize, parameter: &FnArg) {
        let variable = self.program.functions[kernel.0].parameters[index];
        match &self.program.variables[variable.0].ty {
            Type::Scalar(_) | Type::Pointer { .. } | Type::Error => {}
            _ => self.error(
                Location::of(parameter),
                "a kernel takes numbers, `bool` and pointers such as `*const f32`",
            ),
        }
    }

    /// Declares the functions and constants of a block, which are visible all over it.
    pub(super) fn hoist(&mut self, statements: &[syn::Stmt]) {
        let items = || {
            statements.iter().filter_map(|statement| match statement {
                syn::Stmt::Item(item) => Some(item),
                _ => None,
            })
        };
        let mut functions = Vec::new();
        for item in items() {
            match item {
                Item::Const(item) => {
                    self.constants.push(ConstantState::Waiting(Box::new(item.clone())));
                    let binding = Binding::Constant(self.constants.len() - 1);
                    self.declare(&item.ident.to_string(), binding);
                }
                Item::Fn(function) => functions.push((self.declare_function(function), function)),
                other => self.error_with_help(
                    Location::of(other),
                    "only `fn` and `const` items may stand inside a kernel",
                    "the types of the device language are numbers, pointers, arrays and tuples",
                ),
            }
        }
        for item in items() {
            if let Item::Const(item) = item
                && let Ok(Some(Binding::Constant(index))) = self.look_up(&item.ident.to_string())
            {
                self.constant(index, Location::of(&item.ident));
            }
        }
        for (id, function) in functions {
            self.function_body(id, function);
        }
    }

    fn declare_function(&mut self, function: &syn::ItemFn) -> FunctionId {
        let signature = &function.sig;
        for (present, location, what) in [
            (!signature.generics.params.is_empty(), Location::of(&signature.generics), "generics"),
            (signature.asyncness.is_some(), Location::of(&signature.asyncness), "`async`"),
            (signature.abi.is_some(), Location::of(&signature.abi), "an ABI"),
            (signature.variadic.is_some(), Location::of(&signature.variadic), "variadics"),
        ] {
            if present {
                self.error(location, format_args!("a function on the device cannot have {what}"));
            }
        }
        let result = match &signature.output {
            ReturnType::Default => Type::UNIT,
            ReturnType::Type(_, ty) => self.ty(ty),
        };
        self.scopes.push(Scope::default());
        let parameters = signature.inputs.iter().map(|input| self.parameter(input)).collect();
        self.scopes.pop();
        let id = FunctionId(self.program.functions.len());
        self.declare(&signature.ident.to_string(), Binding::Function(id));
        let name = signature.ident.unraw().to_string();
        let body = Block { statements: Vec::new(), value: None };
        self.program.functions.push(Function { name, parameters, result, body });
        id
    }

    fn parameter(&mut self, input: &FnArg) -> VariableId {
        let (name, mutable, ty) = match input {
            FnArg::Typed(typed) => {
                let ty = self.ty(&typed.ty);
                match &*typed.pat {
                    Pat::Ident(pat) => (pat.ident.to_string(), pat.mutability.is_some(), ty),
                    Pat::Wild(_) => ("_".into(), false, ty),
                    other => {
                        self.error(Location::of(other), "a parameter has a plain name here");
                        ("_".into(), false, ty)
                    }
                }
            }
            FnArg::Receiver(receiver) => {
                self.error(Location::of(receiver), "a function on the device has no `self`");
                ("self".into(), false, Type::Error)
            }
        };
        self.declare_variable(&name, ty, mutable, Storage::Thread)
    }

    fn function_body(&mut self, id: FunctionId, function: &syn::ItemFn) {
        let loops = std::mem::take(&mut self.loops);
        let result = self.result.replace(self.program.functions[id.0].result.clone());
        self.scopes.push(Scope { is_function: true, ..Scope::default() });
        for parameter in self.program.functions[id.0].parameters.clone() {
            let name = self.program.variables[parameter.0].name.clone();
            self.declare(&name, Binding::Variable(parameter));
        }
        let expected = self.program.functions[id.0].result.clone();
        let (body, ty) = self.block(&function.block, Some(&expected));
        let missing = body.value.is_none() && ty != Type::Never && expected != Type::UNIT;
        if missing && expected != Type::Error {
            let expected = self.inference.describe(&expected);
            self.error_with_help(
                Location::of(&function.sig.output),
                format_args!("this function returns {expected}, but its body ends without a value"),
                "end it with an expression, without a `;`",
            );
        }
        self.program.functions[id.0].body = body;
        self.scopes.pop();
        self.result = result;
        self.loops = loops;
    }

    /// The value of a constant; `None` where a mistake in it has been reported.
    pub(super) fn constant(&mut self, index: usize, used: Location) -> Option<(Type, Constant)> {
        match std::mem::replace(&mut self.constants[index], ConstantState::Evaluating) {
            ConstantState::Waiting(item) => {
                let known = self.evaluate_item(&item);
                self.constants[index] = match &known {
                    Some((ty, value)) => ConstantState::Known(ty.clone(), *value),
                    None => ConstantState::Failed,
                };
                known
            }
            ConstantState::Evaluating => {
                self.error(used, "this constant depends on itself");
                None
            }
            ConstantState::Known(ty, value) => {
                self.constants[index] = ConstantState::Known(ty.clone(), value);
                Some((ty, value))
            }
            ConstantState::Failed => {
                self.constants[index] = ConstantState::Failed;
                None
            }
        }
    }

    fn evaluate_item(&mut self, item: &syn::ItemConst) -> Option<(Type, Constant)> {
        let ty = self.ty(&item.ty);
        if !matches!(ty, Type::Scalar(_)) {
            if ty != Type::Error {
                self.error(Location::of(&item.ty), "a constant is a number or a `bool`");
            }
            return None;
        }
        let value = self.expression(&item.expr, Some(&ty));
        Some((ty, self.evaluate(&value)?))
    }

    /// The value of a constant expression; `None` after reporting that it is none.
    pub(super) fn evaluate(&mut self, expression: &Expression) -> Option<Constant> {
        if matches!(expression.ty, Type::Error) || matches!(expression.kind, Kind::Error) {
            return None;
        }
        match constant::evaluate(expression, &mut self.inference) {
            Ok(value) => Some(value),
            Err(error) => {
                self.diagnostics.push(error);
                None
            }
        }
    }

    /// A type as written.
    pub(super) fn ty(&mut self, ty: &syn::Type) -> Type {
        match ty {
            syn::Type::Path(path) => self.named_type(path),
            syn::Type::Ptr(pointer) => {
                let to = self.ty(&pointer.elem);
                Type::pointer(pointer.mutability.is_some(), to)
            }
            syn::Type::Array(array) => {
                let element = self.ty(&array.elem);
                let length = self.array_length(&array.len);
                self.array_type(element, length, Location::of(array))
            }
            syn::Type::Slice(slice) => Type::Slice(Box::new(self.ty(&slice.elem))),
            syn::Type::Tuple(tuple) => {
                Type::Tuple(tuple.elems.iter().map(|element| self.ty(element)).collect())
            }
            syn::Type::Paren(paren) => self.ty(&paren.elem),
            syn::Type::Group(group) => self.ty(&group.elem),
            syn::Type::Infer(_) => self.inference.unknown(),
            syn::Type::Reference(reference) => {
                self.error_with_help(
                    Location::of(reference),
                    "the device language has pointers, not references",
                    "write `*const T` or `*mut T`",
                );
                Type::Error
            }
            other => {
                self.error(Location::of(other), "this is not a type of the device language");
                Type::Error
            }
        }
    }

    fn named_type(&mut self, path: &syn::TypePath) -> Type {
        let name = path.path.segments.last().filter(|segment| segment.arguments.is_none());
        if let Some(name) = name
            && let Some(scalar) = Scalar::from_name(&name.ident.to_string())
        {
            return Type::Scalar(scalar);
        }
        let text = quote::quote!(#path).to_string().replace(' ', "");
        let known = Scalar::ALL.map(Scalar::name);
        let help = match similar(&text, known) {
            Some(similar) => format!("did you mean `{similar}`?"),
            None => format!("the scalar types are {}, usize and isize", known.join(", ")),
        };
        let message = format!("`{text}` is not a type of the device language");
        self.error_with_help(Location::of(path), message, help);
        Type::Error
    }

    /// An array of that many elements; none is a length whose mistake has been reported.
    pub(super) fn array_type(&mut self, element: Type, length: Option<u64>, at: Location) -> Type {
        /// No memory of a thread or a block holds more.
        const MAXIMUM: u64 = 1 << 18;
        let Some(length) = length else { return Type::Error };
        let ty = Type::Array(Box::new(element), length);
        match ty.elements() {
            1..=MAXIMUM => ty,
            elements => {
                let message =
                    format!("an array has 1 to {MAXIMUM} elements, and this one {elements}");
                self.error(at, message);
                Type::Error
            }
        }
    }

    pub(super) fn array_length(&mut self, length: &syn::Expr) -> Option<u64> {
        let checked = self.expression(length, None);
        if !self.program.is_static(&checked) && checked.ty != Type::Error {
            self.error_with_help(
                checked.location,
                "the length of an array must be known while the kernel compiles",
                "use a literal or a `const` item",
            );
            return None;
        }
        let value = self.evaluate(&checked)?.integer()?;
        Some(u64::try_from(value).unwrap_or(0))
    }
}
