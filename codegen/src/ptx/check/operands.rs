//! Whether an operand is what a form takes.

use smol_str::SmolStr;

use super::body::Body;
use super::module::Global;
use super::resolved::{AddressBase, CheckedOperand, RegisterId};
use super::scope::Name;
use super::types::{has_constants, holds, immediate, register_type};
use crate::ptx::isa::{Binding, Kind, OperandSpec, ValueRange};
use crate::ptx::tree::{Address, Base, Literal, Operand, TensorCoordinates};
use crate::ptx::{ScalarType, Space, TypeClass};

/// Why an operand is not what a form takes. Cheap to make, since forms are tried one by one.
#[derive(Clone, Debug)]
pub(super) enum Mismatch {
    /// It is something else altogether.
    Kind,
    /// It is a register of this type.
    Register(ScalarType),
    /// It is a vector of this many elements.
    Elements(usize),
    /// An element of it does not fit.
    Element,
    /// It, or one in it, is not declared.
    Undeclared(SmolStr),
    /// It is an address in another space.
    Space { name: SmolStr, found: Space, expected: Space },
    /// It is the address of a variable in global memory, where one of 32 bits is expected.
    LongAddress,
    /// It names a list so long, or so often named, that the function's lists are too long together.
    Lists,
    /// It is a constant of another value.
    Value,
    /// It is missing, or one too many.
    Count,
}

impl Mismatch {
    /// How much it says about the operand: of several forms, the one that comes closest is
    /// reported.
    pub(super) fn weight(&self) -> u8 {
        match self {
            Self::Kind | Self::Count => 0,
            Self::Elements(_) => 1,
            _ => 2,
        }
    }
}

type Checked = Result<CheckedOperand, Mismatch>;

/// What one register or constant may be.
#[derive(Clone, Copy)]
struct Scalar {
    ty: ScalarType,
    relaxed: bool,
    register: bool,
    immediate: bool,
    sink: bool,
    negatable: bool,
}

impl<'a> Body<'_, 'a> {
    pub(super) fn operand(
        &mut self,
        operand: &'a Operand,
        spec: &OperandSpec,
        binding: &Binding,
    ) -> Checked {
        match &spec.kind {
            Kind::Value {
                ty,
                relaxed,
                register,
                immediate,
                sink,
                negatable,
                count,
                pair,
                values,
            } => {
                if let (Some(values), Operand::Literal(literal)) = (values, operand)
                    && !is_among(*literal, values)
                {
                    return Err(Mismatch::Value);
                }
                let ty = binding.resolve_type(*ty).ok_or(Mismatch::Kind)?;
                let scalar = Scalar {
                    ty,
                    relaxed: *relaxed,
                    register: *register,
                    immediate: *immediate,
                    sink: *sink,
                    negatable: *negatable,
                };
                if let Some((second, optional)) = pair {
                    let second = binding.resolve_type(*second).ok_or(Mismatch::Kind)?;
                    return self.pair(operand, scalar, second, *optional);
                }
                match count.and_then(|c| binding.resolve_count(c)) {
                    Some(count) => self.vector(operand, scalar, count as usize),
                    None => self.scalar(operand, scalar),
                }
            }
            Kind::Address(space) => {
                let space = binding.resolve_space(*space).ok_or(Mismatch::Kind)?;
                let Operand::Address(address) = operand else { return Err(Mismatch::Kind) };
                let (base, offset) = self.address(address, space)?;
                Ok(CheckedOperand::Address { base, offset })
            }
            Kind::TensorMemory => self.tensor_memory(operand),
            Kind::Tensor(count) => {
                let count = binding.resolve_count(*count).ok_or(Mismatch::Kind)?;
                self.tensor(operand, count as usize)
            }
            Kind::Special(ty) => {
                let ty = binding.resolve_type(*ty).ok_or(Mismatch::Kind)?;
                special(operand, ty)
            }
            Kind::Symbol => self.symbol(operand, binding),
            Kind::Label => match self.named(operand)? {
                Name::Label(index) => Ok(CheckedOperand::Label(index)),
                _ => Err(Mismatch::Kind),
            },
            Kind::Targets => match self.named(operand)? {
                Name::BranchTargets(names) => self.branch_targets(names),
                _ => Err(Mismatch::Kind),
            },
            Kind::Function => self.callee(operand),
            Kind::Prototype => self.prototype(operand),
            Kind::Arguments => self.arguments(operand),
        }
    }

    fn pair(
        &mut self,
        operand: &'a Operand,
        first: Scalar,
        second: ScalarType,
        optional: bool,
    ) -> Checked {
        match operand {
            Operand::Pair(a, b) => {
                let a = self.scalar(a, first)?;
                let b = self.scalar(b, Scalar { ty: second, sink: true, ..first })?;
                Ok(CheckedOperand::Pair(Box::new(a), Box::new(b)))
            }
            _ if optional => self.scalar(operand, first),
            _ => Err(Mismatch::Kind),
        }
    }

    fn vector(&mut self, operand: &'a Operand, element: Scalar, count: usize) -> Checked {
        match operand {
            Operand::Vector(elements) if elements.iter().all(|e| *e == Operand::Sink) => {
                Err(Mismatch::Element)
            }
            Operand::Vector(elements) if elements.len() == count => {
                let mut checked = Vec::with_capacity(count);
                for given in elements {
                    checked.push(self.scalar(given, element).map_err(
                        |mismatch| match mismatch {
                            Mismatch::Kind => Mismatch::Element,
                            other => other,
                        },
                    )?);
                }
                Ok(CheckedOperand::Vector(checked.into()))
            }
            Operand::Vector(elements) => Err(Mismatch::Elements(elements.len())),
            Operand::Register(name, None) if count > 1 => match self.find(name)? {
                Name::Register(first, Some(width)) if usize::from(width) == count => {
                    self.check_type(first, element)?;
                    let all = (0..u32::from(width)).map(|i| RegisterId(first.0 + i));
                    Ok(CheckedOperand::Vector(all.map(CheckedOperand::Register).collect()))
                }
                Name::Register(_, Some(width)) => Err(Mismatch::Elements(width.into())),
                _ => Err(Mismatch::Kind),
            },
            _ => Err(Mismatch::Kind),
        }
    }

    fn scalar(&mut self, operand: &'a Operand, spec: Scalar) -> Checked {
        match operand {
            Operand::Register(name, component) if spec.register => {
                let id = self.register(name, *component)?;
                self.check_type(id, spec)?;
                Ok(CheckedOperand::Register(id))
            }
            Operand::NotRegister(name) if spec.negatable => {
                let id = self.register(name, None)?;
                self.check_type(id, spec)?;
                Ok(CheckedOperand::NotRegister(id))
            }
            Operand::Literal(literal) if spec.immediate => {
                immediate(*literal, spec.ty).map(CheckedOperand::Immediate).ok_or(Mismatch::Kind)
            }
            Operand::Sink if spec.sink => Ok(CheckedOperand::Sink),
            // `ld.b32 {%r1}, …`: braces around one register.
            Operand::Vector(elements) if spec.relaxed && elements.len() == 1 => {
                match &elements[0] {
                    Operand::Vector(_) => Err(Mismatch::Kind),
                    element => self.scalar(element, spec),
                }
            }
            _ => Err(Mismatch::Kind),
        }
    }

    fn check_type(&self, id: RegisterId, spec: Scalar) -> Result<(), Mismatch> {
        let found = self.scopes.register(id).scalar;
        match holds(found, spec.ty, spec.relaxed) {
            true => Ok(()),
            false => Err(Mismatch::Register(found)),
        }
    }

    pub(super) fn register(
        &mut self,
        name: &SmolStr,
        component: Option<u8>,
    ) -> Result<RegisterId, Mismatch> {
        match (self.find(name)?, component) {
            (Name::Register(id, None), None) => Ok(id),
            (Name::Register(id, Some(width)), Some(component)) if component < width => {
                Ok(RegisterId(id.0 + u32::from(component)))
            }
            (Name::Register(_, Some(width)), None) => Err(Mismatch::Elements(width.into())),
            _ => Err(Mismatch::Kind),
        }
    }

    fn find(&mut self, name: &SmolStr) -> Result<Name<'a>, Mismatch> {
        self.scopes.find(name).ok_or_else(|| Mismatch::Undeclared(name.clone()))
    }

    /// What a symbol without an offset means in the function.
    fn named(&mut self, operand: &Operand) -> Result<Name<'a>, Mismatch> {
        match operand {
            Operand::Symbol(name, 0) => self.find(name),
            _ => Err(Mismatch::Kind),
        }
    }

    /// What an address is relative to, in which space.
    fn address(&mut self, address: &Address, space: Space) -> Result<(AddressBase, i64), Mismatch> {
        let base = match &address.base {
            Base::Register(name) => {
                let id = self.register(name, None)?;
                let scalar = self.scopes.register(id).scalar;
                let short = !matches!(space, Space::Generic | Space::Global);
                let fits = scalar.bits() == 64 || (short && scalar.bits() == 32);
                let integer = matches!(scalar.class(), TypeClass::Integer | TypeClass::Bits);
                if !fits || !integer {
                    return Err(Mismatch::Register(scalar));
                }
                AddressBase::Register(id)
            }
            Base::Symbol(name) => {
                let (base, found) = self.place(name)?;
                let generic = matches!(found, Space::Global | Space::Shared | Space::Local);
                if found != space && !(space == Space::Generic && generic) {
                    let (name, expected) = (name.clone(), space);
                    return Err(Mismatch::Space { name, found, expected });
                }
                base
            }
            Base::Absolute if space == Space::Local => AddressBase::Absolute,
            Base::Absolute => return Err(Mismatch::Kind),
        };
        Ok((base, address.offset))
    }

    /// A variable or parameter, and the space it lives in.
    fn place(&mut self, name: &SmolStr) -> Result<(AddressBase, Space), Mismatch> {
        let variable = |body: &Self, id: super::VariableId| {
            (AddressBase::Variable(id), body.checker.variables[id.0 as usize].space)
        };
        match self.scopes.find(name) {
            Some(Name::Variable(id)) => Ok(variable(self, id)),
            Some(Name::Parameter { is_return, index }) => {
                Ok((AddressBase::Parameter { is_return, index }, Space::Param))
            }
            Some(_) => Err(Mismatch::Kind),
            None => match self.checker.global(name) {
                Some(Global::Variable(id)) => Ok(variable(self, id)),
                Some(Global::Function(_)) => Err(Mismatch::Kind),
                None => Err(Mismatch::Undeclared(name.clone())),
            },
        }
    }

    fn tensor_memory(&mut self, operand: &Operand) -> Checked {
        let Operand::Address(Address { base: Base::Register(name), offset }) = operand else {
            return Err(Mismatch::Kind);
        };
        let id = self.register(name, None)?;
        match holds(self.scopes.register(id).scalar, ScalarType::U32, false) {
            true => {
                Ok(CheckedOperand::Address { base: AddressBase::Register(id), offset: *offset })
            }
            false => Err(Mismatch::Register(self.scopes.register(id).scalar)),
        }
    }

    fn tensor(&mut self, operand: &'a Operand, count: usize) -> Checked {
        let Operand::Tensor(tensor) = operand else { return Err(Mismatch::Kind) };
        let TensorCoordinates { map: address, coordinates } = &**tensor;
        // PTX has no way to write the address of a map with an offset.
        if address.offset != 0 {
            return Err(Mismatch::Kind);
        }
        if coordinates.len() != count {
            return Err(Mismatch::Elements(coordinates.len()));
        }
        let map = match &address.base {
            Base::Symbol(name) => self.place(name)?.0,
            _ => self.address(address, Space::Generic)?.0,
        };
        let coordinate = Scalar {
            ty: ScalarType::S32,
            relaxed: false,
            register: true,
            immediate: true,
            sink: false,
            negatable: false,
        };
        let coordinates: Result<_, _> =
            coordinates.iter().map(|c| self.scalar(c, coordinate)).collect();
        Ok(CheckedOperand::Tensor { map, coordinates: coordinates? })
    }

    /// The address of a variable, parameter or function.
    fn symbol(&mut self, operand: &Operand, binding: &Binding) -> Checked {
        let Operand::Symbol(name, offset) = operand else { return Err(Mismatch::Kind) };
        let function = self.scopes.find(name).is_none().then(|| self.checker.global(name));
        let (checked, space) = match function.flatten() {
            Some(Global::Function(index)) if *offset == 0 => {
                (CheckedOperand::Function(index), Space::Global)
            }
            _ => match self.place(name)? {
                (AddressBase::Variable(id), space) => {
                    (CheckedOperand::Variable(id, *offset), space)
                }
                (AddressBase::Parameter { is_return, index }, space) => {
                    (CheckedOperand::Parameter { is_return, index, offset: *offset }, space)
                }
                _ => return Err(Mismatch::Kind),
            },
        };
        let short = binding.scalar("T").is_some_and(|ty| ty.bits() == 32);
        if short && space == Space::Global {
            return Err(Mismatch::LongAddress);
        }
        match binding.word("S").and_then(Space::from_name) {
            Some(expected) if expected != space => {
                Err(Mismatch::Space { name: name.clone(), found: space, expected })
            }
            _ => Ok(checked),
        }
    }

    fn branch_targets(&mut self, names: &[SmolStr]) -> Checked {
        self.list(names.len())?;
        let labels: Result<_, _> = names
            .iter()
            .map(|name| match self.find(name)? {
                Name::Label(index) => Ok(index),
                _ => Err(Mismatch::Undeclared(name.clone())),
            })
            .collect();
        labels.map(CheckedOperand::Targets)
    }
}

fn special(operand: &Operand, ty: ScalarType) -> Checked {
    let Operand::Special(register) = operand else { return Err(Mismatch::Kind) };
    let found = register.scalar();
    // Registers such as %tid.x were 16 bits wide once, and may still be read so.
    let half = found == ScalarType::U32 && ty.bits() == 16;
    match half || holds(found, ty, false) || (ty.bits() == found.bits() && found == ty) {
        true => Ok(CheckedOperand::Special(*register)),
        false => Err(Mismatch::Register(found)),
    }
}

/// What an operand may be, for a person to read.
pub(super) fn describe(spec: &OperandSpec, binding: &Binding) -> String {
    match &spec.kind {
        Kind::Value { ty, register, immediate, count, pair, values, .. } => {
            let Some(ty) = binding.resolve_type(*ty) else { return "an operand".into() };
            let constant = *immediate && has_constants(ty);
            let held = register_type(ty);
            let what = match (register, constant) {
                (true, true) => format!(".{ty} register or constant"),
                (true, false) if held != ty => format!(".{held} register, which holds {ty}"),
                (true, false) => format!(".{ty} register"),
                (false, true) => format!(".{ty} constant"),
                (false, false) => "`_`".into(),
            };
            let what = match values {
                Some(values) => format!("{what} of {}", list(values)),
                None => what,
            };
            match (count.and_then(|c| binding.resolve_count(c)), pair) {
                (Some(count), _) => format!("a vector of {count} {}", plural(&what)),
                (None, Some((second, optional))) => {
                    let second = binding.resolve_type(*second).map_or("second", |t| t.name());
                    let must = if *optional { "may follow" } else { "follows" };
                    format!("a {what}, where `|` and a .{second} register {must}")
                }
                (None, None) => format!("a {what}"),
            }
        }
        Kind::Address(space) => match binding.resolve_space(*space) {
            Some(Space::Generic) | None => "a generic address in brackets".into(),
            Some(space) => format!("an address in .{space}, in brackets"),
        },
        Kind::TensorMemory => "an address in tensor memory: a .b32 register in brackets".into(),
        Kind::Special(ty) => match binding.resolve_type(*ty) {
            Some(ty) => format!("a special register of type .{ty}"),
            None => "a special register".into(),
        },
        Kind::Tensor(count) => match binding.resolve_count(*count) {
            Some(count) => format!("a tensor map and {count} coordinates, as in `[map, {{x}}]`"),
            None => "a tensor map and coordinates, as in `[map, {x}]`".into(),
        },
        Kind::Label => "a label".into(),
        Kind::Function => "a function, or a .b64 register with its address".into(),
        Kind::Targets => "the name of a `.branchtargets` list".into(),
        Kind::Prototype => "the name of a `.callprototype` or a `.calltargets` list".into(),
        Kind::Arguments => {
            "registers, constants or this function's own `.param` variables in parentheses".into()
        }
        Kind::Symbol => "a variable, whose address is meant".into(),
    }
}

fn is_among(literal: Literal, values: &[ValueRange]) -> bool {
    match literal {
        Literal::Integer(value) => {
            i64::try_from(value).is_ok_and(|value| values.iter().any(|v| v.contains(value)))
        }
        _ => true,
    }
}

/// `4, 8 or 16`; `24, 32 … 256`.
fn list(values: &[ValueRange]) -> String {
    let one = |v: &ValueRange| match v {
        ValueRange { first, last, .. } if first == last => first.to_string(),
        ValueRange { first, last, step: 1 } => format!("{first} to {last}"),
        ValueRange { first, last, step } => format!("{first}, {} … {last}", first + step),
    };
    match values {
        [] => "no value".into(),
        [only] => one(only),
        [before @ .., last] => {
            let before: Vec<String> = before.iter().map(one).collect();
            format!("{} or {}", before.join(", "), one(last))
        }
    }
}

fn plural(what: &str) -> String {
    what.replace("register", "registers").replace("constant", "constants")
}

/// What an operand is, for a person to read.
pub(super) fn found(operand: &Operand, mismatch: &Mismatch) -> String {
    const SHOWN: usize = 60;
    let mut text: String = operand.to_string();
    if let Some((cut, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(cut);
        text.push('…');
    }
    match mismatch {
        Mismatch::LongAddress => format!("`{text}`, whose address has 64 bits"),
        Mismatch::Register(ty) => format!("`{text}` of type .{ty}"),
        Mismatch::Elements(1) if matches!(operand, Operand::Vector(_)) => {
            format!("`{text}` of 1 element")
        }
        Mismatch::Elements(count) if matches!(operand, Operand::Vector(_)) => {
            format!("`{text}` of {count} elements")
        }
        Mismatch::Elements(count) if *count > 1 => format!("`{text}`, a vector of {count}"),
        _ => format!("`{text}`"),
    }
}

/// What to write instead, for the mistakes that are common.
pub(super) fn hint(operand: &Operand, spec: &OperandSpec, binding: &Binding) -> Option<String> {
    let Kind::Value { ty, immediate, .. } = &spec.kind else { return None };
    let ty = binding.resolve_type(*ty)?;
    match operand {
        Operand::Literal(Literal::Integer(value)) if *immediate => match ty {
            ScalarType::F32 => {
                let value = *value as f32;
                Some(format!("write {value:?} or 0f{:08X}", value.to_bits()))
            }
            ScalarType::F64 => {
                let value = *value as f64;
                Some(format!("write {value:?} or 0d{:016X}", value.to_bits()))
            }
            _ => None,
        },
        Operand::Special(special) => {
            Some(format!("move {special} to a register first, with `mov.{}`", special.scalar()))
        }
        _ => None,
    }
}
