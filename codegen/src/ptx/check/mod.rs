//! The checker: types, state spaces, names, and what the target and the PTX version have.
//!
//! [`check()`] is the only way to a [`Checked`] module, and the printer and the simulator take
//! nothing else, so unchecked PTX can be neither written nor run by mistake. Besides the tree it
//! holds every function in resolved form: registers, variables and labels as indices.

mod body;
mod call;
mod error;
mod form;
mod layout;
mod module;
mod operands;
mod resolved;
mod scope;
mod types;

pub use error::{CheckError, CheckErrorKind, CheckErrors};
pub use resolved::{
    AddressBase, CheckedFunction, CheckedInstruction, CheckedOperand, ParameterLayout, Prototype,
    RegisterId, RegisterInfo, VariableId, VariableInfo,
};

use super::Version;
use super::tree::Module;
use module::Checker;

/// A module that passed the checker.
#[derive(Clone, Debug)]
pub struct Checked {
    module: Module,
    variables: Vec<VariableInfo>,
    functions: Vec<CheckedFunction>,
}

/// Checks a module.
///
/// ```
/// use tilewright_codegen::ptx;
/// let text = ".version 7.0 .target sm_80 .entry f() { .reg .f32 a; add.f32 a, a, 1; }";
/// let errors = ptx::check(ptx::parse(text).unwrap()).unwrap_err();
/// assert_eq!(
///     errors.to_string(),
///     "line 1, column 54: operand 3 of `add.f32`: expected a .f32 register or constant, found `1`; \
///      write 1.0 or 0f3F800000"
/// );
/// ```
///
/// # Errors
///
/// Every mistake of the module, in the order they stand there.
pub fn check(module: Module) -> Result<Checked, CheckErrors> {
    let checker = Checker::run(&module, Some(module.version));
    match checker.errors.is_empty() {
        true => {
            let Checker { variables, functions, .. } = checker;
            Ok(Checked { variables, functions, module })
        }
        false => Err(CheckErrors(checker.errors)),
    }
}

impl Module {
    /// The oldest PTX version that has the module's target and everything in it, whatever its
    /// [`version`](Module::version) says.
    ///
    /// ```
    /// use tilewright_codegen::ptx::{self, Version};
    /// let text = ".version 9.0 .target sm_80 .entry f() { cp.async.wait_all; }";
    /// let mut module = ptx::parse(text).unwrap();
    /// module.version = module.least_version().unwrap();
    /// assert_eq!(module.version, Version::new(7, 0));
    /// ```
    ///
    /// # Errors
    ///
    /// What [`check()`] finds wrong with the module besides its version.
    pub fn least_version(&self) -> Result<Version, CheckErrors> {
        let checker = Checker::run(self, None);
        match checker.errors.is_empty() {
            true => Ok(checker.needed),
            false => Err(CheckErrors(checker.errors)),
        }
    }
}

impl Checked {
    /// The tree.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Takes the tree back, for a change and another check.
    pub fn into_module(self) -> Module {
        self.module
    }

    /// Variables of module scope, and of every function's; a [`VariableId`] indexes them.
    pub fn variables(&self) -> &[VariableInfo] {
        &self.variables
    }

    /// Entries and device functions, in order of declaration.
    pub fn functions(&self) -> &[CheckedFunction] {
        &self.functions
    }

    /// The entry of this name; or the only one, where no name is given.
    pub fn entry(&self, name: Option<&str>) -> Option<&CheckedFunction> {
        let mut entries = self.functions.iter().filter(|f| f.is_entry && f.is_defined);
        match name {
            Some(name) => entries.find(|f| f.name == name),
            None => entries.next().filter(|_| entries.next().is_none()),
        }
    }
}
