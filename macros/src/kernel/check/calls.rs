use syn::{Expr, punctuated::Punctuated, token::Comma};

use super::{Binding, Checker};
use crate::diagnostic::{Location, similar};
use crate::kernel::intrinsics::{self, Intrinsic};
use crate::kernel::tree::{Expression, FunctionId, Kind};
use crate::kernel::types::{Scalar, ScalarSet, Type};

type Arguments = Punctuated<Expr, Comma>;

impl Checker {
    pub(super) fn call(&mut self, call: &syn::ExprCall, at: Location) -> Expression {
        let Expr::Path(path) = &*call.func else {
            self.error(Location::of(&call.func), "only a function can be called, by its name");
            return self.failed(at);
        };
        let location = Location::of(path);
        let names: Vec<String> =
            path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        match &names[..] {
            [name] => self.call_by_name(name, location, &call.args, at),
            [scalar, function] if Scalar::from_name(scalar).is_some() => {
                self.call_of_type(scalar, function, location, &call.args, at)
            }
            _ => {
                self.error_with_help(
                    location,
                    "this path does not lead to a function that device code can call",
                    "declare it as `fn` inside the kernel",
                );
                self.failed(at)
            }
        }
    }

    fn call_by_name(
        &mut self,
        name: &str,
        location: Location,
        arguments: &Arguments,
        at: Location,
    ) -> Expression {
        match self.look_up(name) {
            Ok(Some(Binding::Function(id))) => self.call_function(id, arguments, at),
            Ok(None) => match intrinsics::find(name) {
                Some(intrinsic) => {
                    let arguments: Vec<&Expr> = arguments.iter().collect();
                    self.intrinsic(intrinsic, None, &arguments, at)
                }
                None => self.unknown_function(name, location, arguments, at),
            },
            _ => {
                self.error(location, format_args!("`{name}` is not a function"));
                self.check_anyway(arguments);
                self.failed(at)
            }
        }
    }

    fn unknown_function(
        &mut self,
        name: &str,
        location: Location,
        arguments: &Arguments,
        at: Location,
    ) -> Expression {
        let help = match self.similar_name(name) {
            Some(similar) => format!("did you mean `{similar}`?"),
            None => "an intrinsic of the device language, or an `fn` inside the kernel, can be \
                     called here"
                .into(),
        };
        self.error_with_help(location, format_args!("there is no function `{name}`"), help);
        self.check_anyway(arguments);
        self.failed(at)
    }

    /// Arguments of a call that is wrong may have mistakes of their own.
    fn check_anyway(&mut self, arguments: &Arguments) {
        for argument in arguments {
            self.expression(argument, None);
        }
    }

    /// `f32::from_bits(x)`, `u32::max(a, b)`.
    fn call_of_type(
        &mut self,
        scalar: &str,
        function: &str,
        location: Location,
        arguments: &Arguments,
        at: Location,
    ) -> Expression {
        let Some(ty) = Scalar::from_name(scalar) else { return self.failed(at) };
        if function == "from_bits" && ty.is_float() {
            let [bits] = &arguments.iter().collect::<Vec<_>>()[..] else {
                self.argument_count("from_bits", 1, arguments.len(), at);
                return self.failed(at);
            };
            let from = match ty.bits() {
                16 => Scalar::U16,
                32 => Scalar::U32,
                _ => Scalar::U64,
            };
            let bits = self.expression(bits, Some(&Type::Scalar(from)));
            return self.expression_of(Kind::Reinterpret(Box::new(bits)), Type::Scalar(ty), at);
        }
        let Some(intrinsic) = intrinsics::method(function) else {
            return self.unknown_function(function, location, arguments, at);
        };
        let arguments: Vec<&Expr> = arguments.iter().collect();
        let Some((first, rest)) = arguments.split_first() else {
            self.argument_count(function, intrinsic.signature().parameters.len(), 0, at);
            return self.failed(at);
        };
        let receiver = self.expression(first, Some(&Type::Scalar(ty)));
        self.intrinsic(intrinsic, Some(receiver), rest, at)
    }

    fn call_function(&mut self, id: FunctionId, arguments: &Arguments, at: Location) -> Expression {
        let function = &self.program.functions[id.0];
        let (name, result) = (function.name.clone(), function.result.clone());
        let types: Vec<Type> = function
            .parameters
            .iter()
            .map(|parameter| self.program.variables[parameter.0].ty.clone())
            .collect();
        if types.len() != arguments.len() {
            self.argument_count(&name, types.len(), arguments.len(), at);
            self.check_anyway(arguments);
            return self.expression_of(Kind::Error, result, at);
        }
        let arguments = arguments
            .iter()
            .zip(&types)
            .map(|(argument, ty)| self.expression(argument, Some(ty)))
            .collect();
        self.expression_of(Kind::Call(id, arguments), result, at)
    }

    fn argument_count(&mut self, name: &str, wanted: usize, found: usize, at: Location) {
        let arguments = if wanted == 1 { "argument" } else { "arguments" };
        self.error(at, format_args!("`{name}` takes {wanted} {arguments}, found {found}"));
    }

    pub(super) fn method(&mut self, call: &syn::ExprMethodCall, at: Location) -> Expression {
        let receiver = self.expression(&call.receiver, None);
        let name = call.method.to_string();
        let location = Location::of(&call.method);
        match self.inference.resolve(&receiver.ty) {
            Type::Pointer { .. } if matches!(name.as_str(), "add" | "sub" | "offset") => {
                return self.offset(receiver, call, at);
            }
            Type::Error => {
                self.check_anyway(&call.args);
                return self.failed(at);
            }
            _ => {}
        }
        if name == "to_bits" {
            return self.bits_of(receiver, call, at);
        }
        if let Some(intrinsic) = intrinsics::method(&name) {
            let arguments: Vec<&Expr> = call.args.iter().collect();
            return self.intrinsic(intrinsic, Some(receiver), &arguments, at);
        }
        let found = self.inference.describe(&receiver.ty);
        let message = format!("{found} has no method `{name}`");
        match similar(&name, intrinsics::methods()) {
            Some(similar) => {
                self.error_with_help(location, message, format_args!("did you mean `{similar}`?"));
            }
            None => self.error(location, message),
        }
        self.check_anyway(&call.args);
        self.failed(at)
    }

    fn offset(
        &mut self,
        pointer: Expression,
        call: &syn::ExprMethodCall,
        at: Location,
    ) -> Expression {
        let [count] = &call.args.iter().collect::<Vec<_>>()[..] else {
            self.argument_count(&call.method.to_string(), 1, call.args.len(), at);
            return self.failed(at);
        };
        let count = self.expression(count, None);
        if self.inference.constrain(&count.ty, ScalarSet::INTEGER).is_err() {
            let found = self.inference.describe(&count.ty);
            let message = format!("a pointer moves by an integer, not by {found}");
            self.error_with_help(count.location, message, "convert it with `… as u32`");
        }
        let ty = pointer.ty.clone();
        let backwards = call.method == "sub";
        let kind = Kind::Offset { pointer: Box::new(pointer), count: Box::new(count), backwards };
        self.expression_of(kind, ty, at)
    }

    fn bits_of(
        &mut self,
        receiver: Expression,
        call: &syn::ExprMethodCall,
        at: Location,
    ) -> Expression {
        if !call.args.is_empty() {
            self.argument_count("to_bits", 0, call.args.len(), at);
        }
        let to = match self.inference.settle(&receiver.ty).scalar() {
            Some(Scalar::F16 | Scalar::Bf16) => Scalar::U16,
            Some(Scalar::F32) => Scalar::U32,
            Some(Scalar::F64) => Scalar::U64,
            _ => {
                let found = self.inference.describe(&receiver.ty);
                let message = format!("`to_bits` takes a floating-point number, not {found}");
                self.error(receiver.location, message);
                return self.failed(at);
            }
        };
        self.expression_of(Kind::Reinterpret(Box::new(receiver)), Type::Scalar(to), at)
    }

    /// Checks a call against the signature in the table.
    fn intrinsic(
        &mut self,
        intrinsic: &'static Intrinsic,
        receiver: Option<Expression>,
        arguments: &[&Expr],
        at: Location,
    ) -> Expression {
        let signature = intrinsic.signature();
        let generic = intrinsic.types.map(|types| self.inference.one_of(types));
        let instantiate = |ty: &Type| intrinsics::instantiate(ty, generic.as_ref());
        let result = instantiate(&signature.result);
        let skipped = usize::from(receiver.is_some());
        let wanted = signature.parameters.len().saturating_sub(skipped);
        if wanted != arguments.len() {
            let message = format!(
                "`{}` takes {wanted} argument{}, found {}",
                intrinsic.name(),
                if wanted == 1 { "" } else { "s" },
                arguments.len()
            );
            self.error_with_help(at, message, format_args!("its signature is `{intrinsic}`"));
            for argument in arguments {
                self.expression(argument, None);
            }
            return self.failed(at);
        }
        let mut checked = Vec::new();
        let mut parameters = signature.parameters.iter();
        if let Some(receiver) = receiver
            && let Some((_, ty)) = parameters.next()
        {
            checked.push(self.argument(receiver, &instantiate(ty), intrinsic));
        }
        for (argument, (_, ty)) in arguments.iter().zip(parameters) {
            let argument = self.expression(argument, None);
            checked.push(self.argument(argument, &instantiate(ty), intrinsic));
        }
        self.expression_of(Kind::Intrinsic(intrinsic, checked), result, at)
    }

    /// An argument of an intrinsic; where its type is outside the set, the message says which are
    /// in it.
    fn argument(
        &mut self,
        argument: Expression,
        ty: &Type,
        intrinsic: &'static Intrinsic,
    ) -> Expression {
        let open = self.inference.set(ty);
        match open {
            Some(set) if self.inference.constrain(&argument.ty, set).is_err() => {
                let found = self.inference.describe(&argument.ty);
                let name = intrinsic.name();
                let message = format!("`{name}` takes {set} here, not {found}");
                match self.alternative(intrinsic, &argument) {
                    Some(help) => self.error_with_help(argument.location, message, help),
                    None => self.error(argument.location, message),
                }
                self.failed(argument.location)
            }
            _ => self.coerce(argument, ty),
        }
    }
    /// A conversion that makes the argument one that the intrinsic takes.
    fn alternative(&self, intrinsic: &Intrinsic, argument: &Expression) -> Option<String> {
        let types = intrinsic.types?;
        let wanted = match self.inference.scalar(&argument.ty)? {
            Scalar::Bool => [Scalar::U32, Scalar::I32],
            Scalar::U8 | Scalar::U16 => [Scalar::U32, Scalar::F32],
            Scalar::I8 | Scalar::I16 => [Scalar::I32, Scalar::F32],
            _ => [Scalar::F32, Scalar::U32],
        };
        let wanted = wanted.into_iter().find(|scalar| types.contains(*scalar))?;
        Some(format!("convert it with `… as {wanted}`"))
    }
}
