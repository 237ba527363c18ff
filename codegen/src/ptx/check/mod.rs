//! The checker: types, state spaces, names, and what the target and the PTX version have.
//!
//! [`check`] is the only way to a [`Checked`] module, and the printer and the simulator take
//! nothing else, so unchecked PTX can be neither written nor run by mistake. Besides the tree it
//! holds every function in resolved form: registers, variables and labels as indices.

mod resolved;

pub use resolved::{
    AddressBase, CheckedFunction, CheckedInstruction, CheckedOperand, ParameterLayout, RegisterId,
    RegisterInfo, VariableId, VariableInfo,
};

use super::tree::Module;

/// A module that passed the checker.
#[derive(Clone, Debug)]
pub struct Checked {
    pub(super) module: Module,
    pub(super) variables: Vec<VariableInfo>,
    pub(super) functions: Vec<CheckedFunction>,
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
        let mut entries = self.functions.iter().filter(|f| f.is_entry);
        match name {
            Some(name) => entries.find(|f| f.name == name),
            None => entries.next().filter(|_| entries.next().is_none()),
        }
    }
}
