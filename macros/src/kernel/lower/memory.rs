//! Places, addresses, loads and stores.

use smol_str::SmolStr;
use tilewright_codegen::ptx::tree::{
    Address, Base, Item, Linkage, Operand, Statement, Variable as Symbol,
};
use tilewright_codegen::ptx::{ScalarType, Space, Span};

use super::Lowerer;
use super::emit::{integer, register};
use super::values::{Pointer, Slot, Stored, Value, element_type};
use crate::kernel::tree::{Expression, Operator, Place, PlaceKind, Storage, Variable, VariableId};
use crate::kernel::types::{Scalar, Type};

/// An aggregate in memory of more elements than this is not copied at once.
const MAXIMUM_COPY: u64 = 4096;

/// Shared memory is aligned for the widest access.
const SHARED_ALIGNMENT: u32 = 16;

impl Lowerer<'_> {
    /// What a place is: registers, a value or memory.
    fn place(&mut self, place: &Place) -> syn::Result<Stored> {
        self.at(place.location, |lowerer| match &place.kind {
            PlaceKind::Variable(id) => match lowerer.variables.get(id) {
                Some(stored) => Ok(stored.clone()),
                None => Err(lowerer.error("this has no value here")),
            },
            PlaceKind::Value(value) => Ok(Stored::Value(lowerer.expression(value)?)),
            PlaceKind::Field(base, index) => {
                let base = lowerer.place(base)?;
                lowerer.member(base, *index as i128)
            }
            PlaceKind::Element(base, index) => lowerer.element(base, index, &place.ty),
            PlaceKind::Target(pointer, index) => {
                let index_expressions: Vec<&Expression> =
                    std::iter::once(&**pointer).chain(index.as_deref()).collect();
                let mut values = lowerer.operands(&index_expressions)?.into_iter();
                let Some(Value::Pointer(pointer)) = values.next() else {
                    return Ok(Stored::Value(Value::Never));
                };
                let target = match (index, values.next()) {
                    (Some(index), Some(value)) => {
                        let scalar = lowerer.scalar(index)?;
                        lowerer.offset(&pointer, &value, scalar, &place.ty)?
                    }
                    _ => pointer,
                };
                Ok(Stored::Memory(target))
            }
        })
    }

    fn element(&mut self, base: &Place, index: &Expression, ty: &Type) -> syn::Result<Stored> {
        let array = self.inference.resolve(&base.ty);
        let stored = self.place(base)?;
        let value = self.expression(index)?;
        if let (Type::Array(_, count), Some(index_value)) = (&array, value.as_integer())
            && !(0..i128::from(*count)).contains(&index_value)
        {
            return Err(syn::Error::new_spanned(
                index.location,
                format_args!("index {index_value} is outside this array of {count} elements"),
            ));
        }
        match (stored, value.as_integer()) {
            (Stored::Memory(pointer), _) => {
                let scalar = self.scalar(index)?;
                Ok(Stored::Memory(self.offset(&pointer, &value, scalar, ty)?))
            }
            (stored, Some(index)) => self.member(stored, index),
            (_, None) => Err(self.error(
                "this array has no place in memory to index\n\n\
                 help: bind it to a variable with `let` first",
            )),
        }
    }

    /// Part of an aggregate in registers.
    fn member(&self, stored: Stored, index: i128) -> syn::Result<Stored> {
        let index = index as usize;
        let part = match stored {
            Stored::Value(Value::Aggregate(values)) => {
                values.get(index).cloned().map(Stored::Value)
            }
            Stored::Slot(Slot::Aggregate(slots)) => slots.get(index).cloned().map(Stored::Slot),
            Stored::Value(Value::Never) => Some(Stored::Value(Value::Never)),
            _ => None,
        };
        part.ok_or_else(|| self.error("this has no such part"))
    }

    pub(super) fn read(&mut self, place: &Place) -> syn::Result<Value> {
        match self.place(place)? {
            Stored::Value(value) => Ok(value),
            Stored::Slot(slot) => Ok(self.read_slot(&slot)),
            Stored::Memory(pointer) => {
                let ty = self.inference.resolve(&place.ty);
                self.load(&pointer, &ty)
            }
        }
    }

    pub(super) fn address_of(&mut self, place: &Place) -> syn::Result<Value> {
        match self.place(place)? {
            Stored::Memory(pointer) => Ok(Value::Pointer(pointer)),
            _ => Err(self.error("this has no address: it lives in registers")),
        }
    }

    pub(super) fn assign_place(&mut self, place: &Place, value: &Expression) -> syn::Result<Value> {
        // Rust evaluates the value first, then the place.
        let lowered = self.expression(value)?;
        let lowered = self.owned_before(place, lowered, &value.ty)?;
        self.write(place, lowered, &value.ty)?;
        Ok(Value::UNIT)
    }

    /// Keeps a value from changes that evaluating the place may bring.
    fn owned_before(&mut self, place: &Place, value: Value, ty: &Type) -> syn::Result<Value> {
        // The parts of an array may be exchanged: `a = [a[1], a[0]]`.
        let is_aggregate = matches!(value, Value::Aggregate(_));
        if place.may_assign() || is_aggregate { self.owned(value, ty) } else { Ok(value) }
    }

    fn write(&mut self, place: &Place, value: Value, ty: &Type) -> syn::Result<()> {
        match self.place(place)? {
            Stored::Slot(slot) => self.assign(&slot, value, ty),
            Stored::Memory(pointer) => {
                let ty = self.inference.resolve(&place.ty);
                self.store(&pointer, value, &ty)
            }
            Stored::Value(_) => Ok(()),
        }
    }

    /// `place operator= value`; the place is evaluated once, after the value, as Rust does for
    /// numbers.
    pub(super) fn update_place(
        &mut self,
        operator: Operator,
        place: &Place,
        value: &Expression,
    ) -> syn::Result<Value> {
        let Some(scalar) = self.inference.scalar(&place.ty) else {
            return Err(self.error("a number is expected here"));
        };
        let amount = self.scalar(value)?;
        let right = self.expression(value)?;
        let right = self.owned_before(place, right, &value.ty)?;
        let ty = Type::Scalar(scalar);
        let stored = self.place(place)?;
        let old = match &stored {
            Stored::Slot(slot) => self.read_slot(slot),
            Stored::Memory(pointer) => self.load(pointer, &ty)?,
            Stored::Value(value) => value.clone(),
        };
        let new = self.binary(operator, &old, &right, scalar, amount)?;
        match stored {
            Stored::Slot(slot) => self.assign(&slot, new, &ty)?,
            Stored::Memory(pointer) => self.store(&pointer, new, &ty)?,
            Stored::Value(_) => {}
        }
        Ok(Value::UNIT)
    }

    pub(super) fn offset_pointer(
        &mut self,
        pointer: &Expression,
        count: &Expression,
        backwards: bool,
    ) -> syn::Result<Value> {
        let Type::Pointer { to, .. } = self.inference.resolve(&pointer.ty) else {
            return Err(self.error("a pointer is expected here"));
        };
        let scalar = self.scalar(count)?;
        let mut values = self.operands(&[pointer, count])?.into_iter();
        let (Some(Value::Pointer(base)), Some(count)) = (values.next(), values.next()) else {
            return Ok(Value::Never);
        };
        let (count, scalar) = match backwards {
            // Negated in 64 bits, where no count can overflow.
            true => {
                let wide = self.cast(&count, scalar, Scalar::I64)?;
                (self.negate(&wide, Scalar::I64)?, Scalar::I64)
            }
            false => (count, scalar),
        };
        Ok(Value::Pointer(self.offset(&base, &count, scalar, &to)?))
    }

    /// The address of element `index` of type `ty` from `base` on.
    pub(super) fn offset(
        &mut self,
        base: &Pointer,
        index: &Value,
        scalar: Scalar,
        ty: &Type,
    ) -> syn::Result<Pointer> {
        let Some(size) = self.inference.resolve(ty).bytes() else {
            return Err(self.error("this type has no place in memory"));
        };
        if let Some(index) = index.as_integer() {
            let offset = i128::from(base.offset) + index * i128::from(size);
            // An instruction holds a 32-bit offset.
            if i32::try_from(offset).is_ok() {
                return Ok(Pointer { offset: offset as i64, ..base.clone() });
            }
        }
        let base_register = self.base_register(base)?;
        let target = match base.is_short() {
            true => self.short_offset(&base_register, index, scalar, size)?,
            false => self.long_offset(&base_register, index, scalar, size)?,
        };
        Ok(Pointer { offset: base.offset, ..Pointer::register(target, base.space) })
    }

    fn short_offset(
        &mut self,
        base: &SmolStr,
        index: &Value,
        scalar: Scalar,
        size: u64,
    ) -> syn::Result<SmolStr> {
        let index = self.cast(index, scalar, Scalar::U32)?;
        let index = self.operand(&index, Scalar::U32)?;
        self.emit_to(Scalar::U32, "mad.lo.u32", [index, integer(size.into()), register(base)])
    }

    fn long_offset(
        &mut self,
        base: &SmolStr,
        index: &Value,
        scalar: Scalar,
        size: u64,
    ) -> syn::Result<SmolStr> {
        let wide = if scalar.is_signed() { Scalar::I32 } else { Scalar::U32 };
        if scalar.bits() == 64 {
            let index = self.operand(index, scalar)?;
            let operands = [index, integer(size.into()), register(base)];
            return self.emit_to(Scalar::U64, "mad.lo.s64", operands);
        }
        let index = self.cast(index, scalar, wide)?;
        let index = self.operand(&index, wide)?;
        let mnemonic = format!("mad.wide.{}", wide.in_arithmetic());
        self.emit_to(Scalar::U64, &mnemonic, [index, integer(size.into()), register(base)])
    }

    /// The register of a base, without the offset.
    fn base_register(&mut self, pointer: &Pointer) -> syn::Result<SmolStr> {
        match &pointer.base {
            Base::Register(name) => Ok(name.clone()),
            Base::Symbol(symbol) => {
                let (scalar, mnemonic) = match pointer.is_short() {
                    true => (Scalar::U32, "mov.u32"),
                    false => (Scalar::U64, "mov.u64"),
                };
                self.emit_to(scalar, mnemonic, [Operand::Symbol(symbol.clone(), 0)])
            }
            Base::Absolute => Err(self.error("an absolute address cannot stand here")),
        }
    }

    /// A register that holds the address.
    pub(super) fn address_register(&mut self, pointer: &Pointer) -> syn::Result<SmolStr> {
        let base = self.base_register(pointer)?;
        if pointer.offset == 0 {
            return Ok(base);
        }
        let (scalar, mnemonic) = match pointer.is_short() {
            true => (Scalar::U32, "add.u32"),
            false => (Scalar::U64, "add.s64"),
        };
        let offset = match pointer.is_short() {
            true => i128::from(pointer.offset as u32),
            false => pointer.offset.into(),
        };
        self.emit_to(scalar, mnemonic, [register(&base), integer(offset)])
    }

    pub(super) fn address_into(&mut self, name: SmolStr, pointer: &Pointer) -> syn::Result<()> {
        let address = self.address_register(pointer)?;
        let mnemonic = if pointer.is_short() { "mov.b32" } else { "mov.b64" };
        self.emit(mnemonic, vec![register(&name), register(&address)])
    }

    /// The address as any state space's pointer holds it.
    pub(super) fn generic_address(&mut self, pointer: &Pointer) -> syn::Result<SmolStr> {
        let mut address = self.address_register(pointer)?;
        if pointer.is_short() {
            address = self.emit_to(Scalar::U64, "cvt.u64.u32", [register(&address)])?;
        }
        let mnemonic = format!("cvta.{}.u64", pointer.space);
        self.emit_to(Scalar::U64, &mnemonic, [register(&address)])
    }

    pub(super) fn address_operand(pointer: &Pointer) -> Operand {
        Operand::Address(Address { base: pointer.base.clone(), offset: pointer.offset })
    }

    pub(super) fn load(&mut self, pointer: &Pointer, ty: &Type) -> syn::Result<Value> {
        let (space, address) = (pointer.space, Self::address_operand(pointer));
        match ty {
            Type::Scalar(scalar) => {
                let register_type = if *scalar == Scalar::Bool { Scalar::U8 } else { *scalar };
                let mnemonic = format!("ld.{space}.{}", scalar.in_memory());
                let loaded = self.emit_to(register_type, &mnemonic, [address])?;
                match scalar {
                    Scalar::Bool => {
                        let operands = [register(&loaded), integer(0)];
                        let loaded = self.emit_to(Scalar::Bool, "setp.ne.u16", operands)?;
                        Ok(Value::Register(loaded))
                    }
                    _ => Ok(Value::Register(loaded)),
                }
            }
            Type::Pointer { .. } => {
                let generic = self.emit_to(Scalar::U64, &format!("ld.{space}.u64"), [address])?;
                let operands = [register(&generic)];
                let global = self.emit_to(Scalar::U64, "cvta.to.global.u64", operands)?;
                Ok(Value::Pointer(Pointer::register(global, Space::Global)))
            }
            Type::Array(element, count) => {
                self.refuse_large_copy(*count)?;
                let mut values = Vec::new();
                for index in 0..*count {
                    let index = Value::integer(index.into());
                    let part = self.offset(pointer, &index, Scalar::U64, element)?;
                    values.push(self.load(&part, element)?);
                }
                Ok(Value::Aggregate(values))
            }
            _ => Err(self.error("this type has no place in memory")),
        }
    }

    pub(super) fn refuse_large_copy(&self, count: u64) -> syn::Result<()> {
        match count > MAXIMUM_COPY {
            true => Err(self.error(format_args!(
                "an array of {count} elements is too large for the registers of a thread\n\n\
                 help: copy the elements of shared memory in a loop"
            ))),
            false => Ok(()),
        }
    }

    pub(super) fn store(&mut self, pointer: &Pointer, value: Value, ty: &Type) -> syn::Result<()> {
        let ty = self.inference.resolve(ty);
        match (value, &ty) {
            (Value::Never, _) => Ok(()),
            (Value::Aggregate(values), _) => {
                self.refuse_large_copy(values.len() as u64)?;
                for (index, value) in values.into_iter().enumerate() {
                    let element = element_type(&ty, index);
                    let at = Value::integer(index as i128);
                    let part = self.offset(pointer, &at, Scalar::U64, &element)?;
                    self.store(&part, value, &element)?;
                }
                Ok(())
            }
            (Value::Pointer(stored), _) => {
                if stored.space != Space::Global {
                    return Err(self.error("only a pointer to global memory can be stored"));
                }
                let generic = self.generic_address(&stored)?;
                self.store_register(pointer, "u64", register(&generic))
            }
            (value, Type::Scalar(Scalar::Bool)) => {
                let byte = self.cast(&value, Scalar::Bool, Scalar::U8)?;
                let byte = register(&self.in_register(&byte, Scalar::U8)?);
                self.store_register(pointer, "u8", byte)
            }
            (value, Type::Scalar(scalar)) => {
                let name = register(&self.in_register(&value, *scalar)?);
                self.store_register(pointer, scalar.in_memory().name(), name)
            }
            _ => Err(self.error("this type has no place in memory")),
        }
    }

    fn store_register(&mut self, pointer: &Pointer, ty: &str, value: Operand) -> syn::Result<()> {
        let mnemonic = format!("st.{}.{ty}", pointer.space);
        self.emit(&mnemonic, vec![Self::address_operand(pointer), value])
    }

    /// Local memory for an array.
    pub(super) fn local_array(
        &mut self,
        id: VariableId,
        variable: &Variable,
    ) -> syn::Result<Pointer> {
        self.memory(id, variable, Space::Local)
    }

    /// Declares shared memory, once for each declaration in the source.
    pub(super) fn shared_array(
        &mut self,
        id: VariableId,
        variable: &Variable,
    ) -> syn::Result<Pointer> {
        if variable.storage == Storage::Shared {
            return self.memory(id, variable, Space::Shared);
        }
        let name = SmolStr::new_static("dynamic_shared");
        if !self.symbols.contains_key(&id) {
            if !self.symbol_names.insert(name.clone()) {
                return Err(self.error(
                    "a kernel has one array of shared memory whose size is given at launch\n\n\
                     help: divide it with `&mut array[offset]`",
                ));
            }
            self.items.push(Item::Variable(Symbol {
                linkage: Linkage::Extern,
                dimensions: vec![None],
                ..symbol(name.clone(), Space::Shared, SHARED_ALIGNMENT, ScalarType::B8)
            }));
            self.symbols.insert(id, name.clone());
        }
        Ok(Pointer::symbol(name, Space::Shared))
    }

    fn memory(
        &mut self,
        id: VariableId,
        variable: &Variable,
        space: Space,
    ) -> syn::Result<Pointer> {
        if let Some(name) = self.symbols.get(&id) {
            return Ok(Pointer::symbol(name.clone(), space));
        }
        let ty = self.inference.resolve(&variable.ty);
        let Some(bytes) = ty.bytes() else {
            return Err(self.error("this type has no place in memory"));
        };
        let (scalar, size) = match ty.innermost() {
            Type::Scalar(scalar) => (scalar.in_memory(), scalar.bytes()),
            _ => (ScalarType::U64, 8),
        };
        let align = if space == Space::Shared { SHARED_ALIGNMENT } else { size as u32 };
        let name = self.fresh_symbol(&format!("{space}_{}", variable.name));
        self.declarations.push(Statement::Variable(Box::new(Symbol {
            dimensions: vec![Some(bytes / size)],
            ..symbol(name.clone(), space, align, scalar)
        })));
        self.symbols.insert(id, name.clone());
        Ok(Pointer::symbol(name, space))
    }
}

fn symbol(name: SmolStr, space: Space, align: u32, scalar: ScalarType) -> Symbol {
    Symbol {
        linkage: Linkage::Internal,
        space,
        align: Some(align),
        vector: None,
        scalar,
        name,
        dimensions: Vec::new(),
        initializer: Vec::new(),
        span: Span::default(),
    }
}
