//! The built-in functions and values of the device language, as one table: it decides what a call
//! is checked against, what it is lowered to, what a misspelt name is compared with, and what the
//! documentation says.

mod table;

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use super::lower::Custom;
use super::types::{Scalar, ScalarSet, Type};
pub(crate) use table::{BUILTINS, TABLE};

/// One built-in function.
#[derive(Debug)]
pub(crate) struct Intrinsic {
    /// How it is declared, after `fn`, as in `fma(a: T, b: T, c: T) -> T`.
    pub(crate) declaration: &'static str,
    /// What `T` stands for.
    pub(crate) types: Option<ScalarSet>,
    /// The names under which it is a method of its first parameter, separated by spaces.
    pub(crate) methods: &'static str,
    pub(crate) lowering: Lowering,
    /// What it does, in a line of Markdown; the documentation is made of it.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test keeps the documentation fresh"))]
    pub(crate) description: &'static str,
}

/// What a call becomes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lowering {
    /// This instruction, on the arguments in order. `{T}` is the type that `T` computes in and
    /// `{B}` the one of its bits.
    Instruction(&'static str),
    /// What this function emits.
    Custom(Custom),
}

/// A built-in value, such as `thread_index`.
#[derive(Debug)]
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    /// Whether it has the components `x`, `y` and `z`.
    pub(crate) has_axes: bool,
    /// What it is, in a line of Markdown; the documentation is made of it.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test keeps the documentation fresh"))]
    pub(crate) description: &'static str,
}

/// A declaration, read. A [`Type::Variable`] in it is `T`.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) parameters: Vec<(String, Type)>,
    pub(crate) result: Type,
}

struct Index {
    signatures: Vec<Signature>,
    by_name: HashMap<&'static str, usize>,
    by_method: HashMap<&'static str, usize>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let methods = |(i, row): (usize, &'static Intrinsic)| {
        row.methods.split_whitespace().map(move |method| (method, i))
    };
    Index {
        signatures: TABLE.iter().map(Intrinsic::read_signature).collect(),
        by_name: TABLE.iter().enumerate().map(|(i, row)| (row.name(), i)).collect(),
        by_method: TABLE.iter().enumerate().flat_map(methods).collect(),
    }
});

/// The function of this name.
pub(crate) fn find(name: &str) -> Option<&'static Intrinsic> {
    INDEX.by_name.get(name).map(|&i| &TABLE[i])
}

/// The function that is a method of this name.
pub(crate) fn method(name: &str) -> Option<&'static Intrinsic> {
    INDEX.by_method.get(name).map(|&i| &TABLE[i])
}

/// The built-in value of this name.
pub(crate) fn builtin(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.name == name)
}

/// Every name of a function or a value.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(Intrinsic::name).chain(BUILTINS.iter().map(|builtin| builtin.name))
}

/// Every name of a method.
pub(crate) fn methods() -> impl Iterator<Item = &'static str> {
    TABLE.iter().flat_map(|row| row.methods.split_whitespace()).chain(["to_bits"])
}

/// A type of a signature, with what `T` is in one call.
pub(crate) fn instantiate(ty: &Type, generic: Option<&Type>) -> Type {
    match (ty, generic) {
        (Type::Variable(_), Some(generic)) => generic.clone(),
        (Type::Pointer { mutable, to }, _) => Type::pointer(*mutable, instantiate(to, generic)),
        (Type::Array(element, count), _) => {
            Type::Array(Box::new(instantiate(element, generic)), *count)
        }
        _ => ty.clone(),
    }
}

impl Intrinsic {
    pub(crate) fn name(&self) -> &'static str {
        self.declaration.split('(').next().unwrap_or_default()
    }

    pub(crate) fn signature(&self) -> &'static Signature {
        &INDEX.signatures[INDEX.by_name[self.name()]]
    }

    /// # Panics
    ///
    /// Where a row of the table is malformed, which a test rules out.
    fn read_signature(&self) -> Signature {
        let read = || -> syn::Result<Signature> {
            let signature: syn::Signature = syn::parse_str(&format!("fn {}", self.declaration))?;
            let mut parameters = Vec::new();
            for input in &signature.inputs {
                if let syn::FnArg::Typed(typed) = input {
                    let pattern = &typed.pat;
                    parameters.push((quote::quote!(#pattern).to_string(), read_type(&typed.ty)?));
                }
            }
            let result = match &signature.output {
                syn::ReturnType::Default => Type::UNIT,
                syn::ReturnType::Type(_, ty) => read_type(ty)?,
            };
            Ok(Signature { parameters, result })
        };
        read().unwrap_or_else(|error| panic!("the row `{}`: {error}", self.declaration))
    }
}

fn read_type(ty: &syn::Type) -> syn::Result<Type> {
    match ty {
        syn::Type::Path(path) if path.path.is_ident("T") => Ok(Type::Variable(0)),
        syn::Type::Path(path) => path
            .path
            .get_ident()
            .and_then(|ident| Scalar::from_name(&ident.to_string()))
            .map(Type::Scalar)
            .ok_or_else(|| syn::Error::new_spanned(path, "no type")),
        syn::Type::Ptr(pointer) => {
            Ok(Type::pointer(pointer.mutability.is_some(), read_type(&pointer.elem)?))
        }
        syn::Type::Array(array) => {
            let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(length), .. }) = &array.len else {
                return Err(syn::Error::new_spanned(array, "no length"));
            };
            Ok(Type::Array(Box::new(read_type(&array.elem)?), length.base10_parse()?))
        }
        other => Err(syn::Error::new_spanned(other, "no type")),
    }
}

/// The declaration, as an error or the documentation shows it.
impl fmt::Display for Intrinsic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.declaration)?;
        match self.types {
            Some(types) => {
                let names: Vec<&str> = types.iter().map(Scalar::name).collect();
                write!(f, ", T: {}", names.join(" "))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tests::{call, compiled};

    /// The table as the documentation of `#[kernel]` shows it.
    fn markdown() -> String {
        let mut text = String::from("| value | of type | what it is |\n| --- | --- | --- |\n");
        for value in BUILTINS {
            let ty = if value.has_axes { "`u32`, as `.x`, `.y`, `.z`" } else { "`u32`" };
            text += &format!("| `{}` | {ty} | {} |\n", value.name, value.description);
        }
        text += "\n| function | target, `T` | as a method | what it does |\n";
        text += "| --- | --- | --- | --- |\n";
        for row in TABLE {
            let methods: Vec<String> =
                row.methods.split_whitespace().map(|method| format!("`{method}`")).collect();
            text += &format!(
                "| `{}` | {} | {} | {} |\n",
                row.declaration,
                types(row),
                methods.join(", "),
                row.description
            );
        }
        text
    }

    /// What `T` may be from which target on, found out by compiling it.
    fn types(row: &Intrinsic) -> String {
        const TARGETS: [&str; 7] = ["sm_50", "sm_53", "sm_60", "sm_70", "sm_75", "sm_80", "sm_90"];
        let oldest = |scalar| {
            let source = call(row, scalar);
            TARGETS.into_iter().find(|target| compiled(target, &source).is_ok())
        };
        let Some(types) = row.types else { return oldest(None).unwrap_or_default().into() };
        let mut groups: Vec<String> = Vec::new();
        for target in TARGETS {
            let since: Vec<&str> = types
                .iter()
                .filter(|scalar| oldest(Some(*scalar)) == Some(target))
                .map(Scalar::name)
                .collect();
            if !since.is_empty() {
                groups.push(format!("{target}: {}", since.join(" ")));
            }
        }
        groups.join("; ")
    }

    #[test]
    fn every_function_compiles_for_every_type() {
        for row in TABLE {
            for scalar in row.types.map_or(vec![None], |types| types.iter().map(Some).collect()) {
                let source = call(row, scalar);
                if let Err(errors) = compiled("sm_90", &source) {
                    panic!("{source}: {errors:?}");
                }
            }
        }
    }

    /// `UPDATE_EXPECT=1` writes it anew.
    #[test]
    fn the_documentation_is_fresh() {
        expect_test::expect_file!["../intrinsics.md"].assert_eq(&markdown());
    }

    #[test]
    fn every_row_reads_and_has_a_name_of_its_own() {
        let mut names: Vec<&str> = names().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for row in TABLE {
            let generic = row.declaration.contains("T,") || row.declaration.contains("T)");
            assert_eq!(row.types.is_some(), generic, "{row}");
            let _ = row.signature();
        }
    }
}
