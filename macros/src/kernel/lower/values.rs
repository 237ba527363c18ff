//! Values, and the registers that mutable variables live in.

use std::cell::OnceCell;
use std::rc::Rc;

use smol_str::SmolStr;
use tilewright_codegen::ptx::Space;
use tilewright_codegen::ptx::tree::Base;

use super::Lowerer;
use crate::kernel::constant::Constant;
use crate::kernel::types::{Scalar, Type};

/// What an expression has become.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Known while the kernel compiles.
    Constant(Constant),
    /// A number, or a `bool` in a predicate register.
    Register(SmolStr),
    Pointer(Pointer),
    /// A tuple, or an array in registers; `()` has no elements.
    Aggregate(Vec<Value>),
    /// Control does not get here.
    Never,
}

/// An address in a state space. Global and local addresses are 64 bits wide, shared ones 32.
#[derive(Clone, Debug)]
pub(crate) struct Pointer {
    pub(super) base: Base,
    pub(super) offset: i64,
    pub(super) space: Space,
}

/// Registers that can be assigned again.
#[derive(Clone, Debug)]
pub(crate) enum Slot {
    Register(SmolStr),
    /// The register and the state space, once a pointer has been assigned.
    Pointer(Rc<OnceCell<(SmolStr, Space)>>),
    Aggregate(Vec<Slot>),
}

/// What a variable's name stands for.
#[derive(Clone, Debug)]
pub(super) enum Stored {
    Value(Value),
    Slot(Slot),
    Memory(Pointer),
}

impl Value {
    pub(super) const UNIT: Self = Self::Aggregate(Vec::new());

    pub(super) fn integer(value: i128) -> Self {
        Self::Constant(Constant::Integer(value))
    }

    pub(super) fn as_integer(&self) -> Option<i128> {
        match self {
            Self::Constant(constant) => constant.integer(),
            _ => None,
        }
    }
}

impl Pointer {
    pub(super) fn symbol(name: SmolStr, space: Space) -> Self {
        Self { base: Base::Symbol(name), offset: 0, space }
    }

    pub(super) fn register(name: SmolStr, space: Space) -> Self {
        Self { base: Base::Register(name), offset: 0, space }
    }

    /// Whether its addresses are 32 bits wide.
    pub(super) fn is_short(&self) -> bool {
        self.space == Space::Shared
    }
}

impl Lowerer<'_> {
    /// New registers for a value of this type.
    pub(super) fn slot(&mut self, ty: &Type) -> Slot {
        match self.inference.resolve(ty) {
            Type::Scalar(scalar) => Slot::Register(self.registers.of(scalar)),
            Type::Pointer { .. } => Slot::Pointer(Rc::default()),
            Type::Array(element, count) => {
                Slot::Aggregate((0..count).map(|_| self.slot(&element)).collect())
            }
            Type::Tuple(elements) => {
                Slot::Aggregate(elements.iter().map(|element| self.slot(element)).collect())
            }
            _ => Slot::Aggregate(Vec::new()),
        }
    }

    /// What a slot holds now.
    pub(super) fn read_slot(&self, slot: &Slot) -> Value {
        match slot {
            Slot::Register(register) => Value::Register(register.clone()),
            Slot::Pointer(cell) => match cell.get() {
                Some((register, space)) => {
                    Value::Pointer(Pointer::register(register.clone(), *space))
                }
                None => Value::Never,
            },
            Slot::Aggregate(slots) => {
                Value::Aggregate(slots.iter().map(|slot| self.read_slot(slot)).collect())
            }
        }
    }

    /// Copies a value into a slot.
    pub(super) fn assign(&mut self, slot: &Slot, value: Value, ty: &Type) -> syn::Result<()> {
        let ty = self.inference.resolve(ty);
        match (slot, value, &ty) {
            (Slot::Register(register), value, Type::Scalar(scalar)) => {
                self.move_into(register.clone(), &value, *scalar)
            }
            (Slot::Pointer(cell), Value::Pointer(pointer), _) => {
                self.assign_pointer(cell, &pointer)
            }
            (Slot::Aggregate(slots), Value::Aggregate(values), _) => {
                for (i, (slot, value)) in slots.iter().zip(values).enumerate() {
                    self.assign(slot, value, &element_type(&ty, i))?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn assign_pointer(
        &mut self,
        cell: &OnceCell<(SmolStr, Space)>,
        pointer: &Pointer,
    ) -> syn::Result<()> {
        if cell.get().is_none() {
            let scalar = if pointer.is_short() { Scalar::U32 } else { Scalar::U64 };
            let _ = cell.set((self.registers.of(scalar), pointer.space));
        }
        let Some((register, space)) = cell.get().cloned() else { return Ok(()) };
        if space != pointer.space {
            return Err(self.error(format_args!(
                "this points to {} memory, but the pointer that takes it, to {space} memory",
                pointer.space
            )));
        }
        self.address_into(register, pointer)
    }

    /// A value in registers that no assignment changes.
    pub(super) fn owned(&mut self, value: Value, ty: &Type) -> syn::Result<Value> {
        if !self.is_shared_with_a_slot(&value) {
            return Ok(value);
        }
        let slot = self.slot(ty);
        self.assign(&slot, value, ty)?;
        Ok(self.read_slot(&slot))
    }

    fn is_shared_with_a_slot(&self, value: &Value) -> bool {
        match value {
            Value::Register(register) => self.registers.is_mutable(register),
            Value::Pointer(Pointer { base: Base::Register(register), .. }) => {
                self.registers.is_mutable(register)
            }
            Value::Aggregate(values) => values.iter().any(|v| self.is_shared_with_a_slot(v)),
            _ => false,
        }
    }

    /// A slot of a variable that can be assigned: what is read from it may change.
    pub(super) fn mutable_slot(&mut self, ty: &Type, value: Value) -> syn::Result<Slot> {
        let slot = self.slot(ty);
        self.assign(&slot, value, ty)?;
        self.mark_mutable(&slot);
        Ok(slot)
    }

    pub(super) fn mark_mutable(&mut self, slot: &Slot) {
        match slot {
            Slot::Register(register) => self.registers.mark_mutable(register),
            Slot::Pointer(cell) => {
                if let Some((register, _)) = cell.get() {
                    self.registers.mark_mutable(register);
                }
            }
            Slot::Aggregate(slots) => slots.iter().for_each(|slot| self.mark_mutable(slot)),
        }
    }
}

/// Type of the element at `index` of an array or a tuple.
pub(super) fn element_type(ty: &Type, index: usize) -> Type {
    match ty {
        Type::Array(element, _) | Type::Slice(element) => (**element).clone(),
        Type::Tuple(elements) => elements.get(index).cloned().unwrap_or(Type::UNIT),
        _ => Type::UNIT,
    }
}
