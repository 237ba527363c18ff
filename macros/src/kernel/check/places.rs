use syn::{Expr, Member, UnOp};

use super::{Binding, Checker};
use crate::diagnostic::Location;
use crate::kernel::intrinsics;
use crate::kernel::tree::{Expression, Kind, Place, PlaceKind};
use crate::kernel::types::{ScalarSet, Type};

impl Checker {
    /// A place as a value.
    pub(super) fn read(&mut self, syntax: &Expr, at: Location) -> Expression {
        if let Some(component) = self.component(syntax, at) {
            return component;
        }
        let place = self.place(syntax);
        if place.ty == Type::Error {
            return self.failed(at);
        }
        let ty = place.ty.clone();
        self.expression_of(Kind::Read(place), ty, at)
    }

    /// `thread_index.x` and its like, where no variable hides the name.
    fn component(&mut self, syntax: &Expr, at: Location) -> Option<Expression> {
        let Expr::Field(field) = syntax else { return None };
        let Expr::Path(path) = &*field.base else { return None };
        let name = path.path.get_ident()?.to_string();
        let builtin = intrinsics::builtin(&name).filter(|builtin| builtin.has_axes)?;
        if !matches!(self.look_up(&name), Ok(None)) {
            return None;
        }
        let axis = match &field.member {
            Member::Named(member) => ["x", "y", "z"].iter().position(|axis| member == axis),
            Member::Unnamed(_) => None,
        };
        Some(match axis {
            Some(axis) => self.expression_of(Kind::Builtin(builtin, axis), Type::U32, at),
            None => {
                let message = format!("`{name}` has the components `x`, `y` and `z`");
                self.error(Location::of(&field.member), message);
                self.failed(at)
            }
        })
    }

    /// What can be read and, perhaps, assigned.
    pub(super) fn place(&mut self, syntax: &Expr) -> Place {
        let location = Location::of(syntax);
        match syntax {
            Expr::Paren(paren) => self.place(&paren.expr),
            Expr::Group(group) => self.place(&group.expr),
            Expr::Path(path) => {
                if let Some(ident) = path.path.get_ident()
                    && let Ok(Some(Binding::Variable(id))) = self.look_up(&ident.to_string())
                {
                    let ty = self.program.variables[id.0].ty.clone();
                    return Place { kind: PlaceKind::Variable(id), ty, location };
                }
                self.value_place(syntax)
            }
            Expr::Index(index) => self.element(index, location),
            Expr::Field(field) => self.field(field, location),
            Expr::Unary(unary) if matches!(unary.op, UnOp::Deref(_)) => {
                let pointer = self.expression(&unary.expr, None);
                self.target(pointer, None, location)
            }
            _ => self.value_place(syntax),
        }
    }

    fn value_place(&mut self, syntax: &Expr) -> Place {
        let value = self.expression(syntax, None);
        let (ty, location) = (value.ty.clone(), value.location);
        Place { kind: PlaceKind::Value(Box::new(value)), ty, location }
    }

    fn element(&mut self, index: &syn::ExprIndex, location: Location) -> Place {
        let base = self.place(&index.expr);
        let position = self.index(&index.index);
        match self.inference.resolve(&base.ty) {
            Type::Array(element, _) | Type::Slice(element) => {
                let kind = PlaceKind::Element(Box::new(base), Box::new(position));
                Place { kind, ty: *element, location }
            }
            Type::Pointer { .. } => {
                let pointer = match base {
                    Place { kind: PlaceKind::Value(value), .. } => *value,
                    place => {
                        let (ty, at) = (place.ty.clone(), place.location);
                        self.expression_of(Kind::Read(place), ty, at)
                    }
                };
                self.target(pointer, Some(Box::new(position)), location)
            }
            Type::Error => self.error_place(location),
            other => {
                let found = self.inference.describe(&other);
                self.error_with_help(
                    base.location,
                    format_args!("{found} cannot be indexed"),
                    "arrays and pointers can",
                );
                self.error_place(location)
            }
        }
    }

    /// An index is an integer of any type: unlike on the host, a conversion costs instructions.
    fn index(&mut self, syntax: &Expr) -> Expression {
        let mut index = self.expression(syntax, None);
        if self.inference.constrain(&index.ty, ScalarSet::INTEGER).is_err() {
            let found = self.inference.describe(&index.ty);
            let message = format!("an index is an integer, not {found}");
            self.error_with_help(index.location, message, "convert it with `… as u32`");
            index.ty = Type::Error;
        }
        index
    }

    fn field(&mut self, field: &syn::ExprField, location: Location) -> Place {
        let base = self.place(&field.base);
        match (self.inference.resolve(&base.ty), &field.member) {
            (Type::Tuple(elements), Member::Unnamed(index))
                if (index.index as usize) < elements.len() =>
            {
                let index = index.index as usize;
                let ty = elements[index].clone();
                Place { kind: PlaceKind::Field(Box::new(base), index), ty, location }
            }
            (Type::Error, _) => self.error_place(location),
            (other, member) => {
                let found = self.inference.describe(&other);
                let member = quote::quote!(#member);
                self.error(
                    Location::of(&field.member),
                    format_args!("{found} has no field `{member}`"),
                );
                self.error_place(location)
            }
        }
    }

    fn target(
        &mut self,
        pointer: Expression,
        index: Option<Box<Expression>>,
        location: Location,
    ) -> Place {
        match self.inference.resolve(&pointer.ty) {
            Type::Pointer { to, .. } => {
                let kind = PlaceKind::Target(Box::new(pointer), index);
                Place { kind, ty: *to, location }
            }
            Type::Error => self.error_place(location),
            other => {
                let found = self.inference.describe(&other);
                self.error(pointer.location, format_args!("{found} is no pointer"));
                self.error_place(location)
            }
        }
    }

    fn error_place(&self, location: Location) -> Place {
        let value = self.failed(location);
        Place { kind: PlaceKind::Value(Box::new(value)), ty: Type::Error, location }
    }

    /// `&place` and `&mut place`: a pointer to it.
    pub(super) fn address(&mut self, reference: &syn::ExprReference, at: Location) -> Expression {
        let place = self.place(&reference.expr);
        if place.ty == Type::Error {
            return self.failed(at);
        }
        let mutable = reference.mutability.is_some();
        if mutable {
            self.require_mutable(&place);
        }
        if !self.is_in_memory(&place) {
            self.error_with_help(
                at,
                "this has no address: it lives in registers",
                "a pointer can lead to an element of an array, of shared memory or of a parameter",
            );
            return self.failed(at);
        }
        let ty = Type::pointer(mutable, place.ty.clone());
        self.expression_of(Kind::Address(place), ty, at)
    }

    fn is_in_memory(&self, place: &Place) -> bool {
        match &place.kind {
            PlaceKind::Target(..) => true,
            PlaceKind::Element(base, _) => {
                !matches!(base.kind, PlaceKind::Value(_)) && self.is_array_in_memory(base)
            }
            PlaceKind::Variable(_) => {
                matches!(self.inference.resolve(&place.ty), Type::Array(..) | Type::Slice(_))
            }
            PlaceKind::Field(..) | PlaceKind::Value(_) => false,
        }
    }

    fn is_array_in_memory(&self, place: &Place) -> bool {
        match &place.kind {
            PlaceKind::Variable(_) | PlaceKind::Target(..) => true,
            PlaceKind::Element(base, _) => self.is_array_in_memory(base),
            PlaceKind::Field(..) | PlaceKind::Value(_) => false,
        }
    }

    /// Reports a place that may not be written.
    pub(super) fn require_mutable(&mut self, place: &Place) {
        match &place.kind {
            PlaceKind::Variable(id) => {
                let variable = &self.program.variables[id.0];
                if !variable.mutable {
                    let name = variable.name.clone();
                    self.error_with_help(
                        place.location,
                        format_args!("`{name}` is not declared as mutable"),
                        format_args!("declare it as `mut {name}`"),
                    );
                }
            }
            PlaceKind::Target(pointer, _) => {
                if let Type::Pointer { mutable: false, to } = self.inference.resolve(&pointer.ty) {
                    let found = self.inference.describe(&Type::pointer(false, (*to).clone()));
                    let wanted = self.inference.describe(&Type::pointer(true, *to));
                    self.error_with_help(
                        place.location,
                        format_args!("nothing can be written through {found}"),
                        format_args!("declare the pointer as {wanted}"),
                    );
                }
            }
            PlaceKind::Element(base, _) | PlaceKind::Field(base, _) => self.require_mutable(base),
            PlaceKind::Value(value) => {
                if value.ty != Type::Error {
                    self.error(place.location, "this is a value, not a place to write to");
                }
            }
        }
    }
}
