//! Type inference: what is not known yet is a variable that later uses narrow down.

use super::types::{Scalar, ScalarSet, Type};

/// What is known of each type variable.
#[derive(Debug, Default)]
pub(crate) struct Inference {
    variables: Vec<Entry>,
}

#[derive(Clone, Debug)]
enum Entry {
    /// Any type, or a scalar of this set.
    Open(Option<ScalarSet>),
    Bound(Type),
}

/// Two types that cannot be the same, or a type outside a set.
#[derive(Debug)]
pub(crate) struct Mismatch;

impl Inference {
    /// A type of which nothing is known.
    pub(crate) fn unknown(&mut self) -> Type {
        self.fresh(None)
    }

    /// A scalar of `set`.
    pub(crate) fn one_of(&mut self, set: ScalarSet) -> Type {
        self.fresh(Some(set))
    }

    fn fresh(&mut self, set: Option<ScalarSet>) -> Type {
        self.variables.push(Entry::Open(set));
        Type::Variable(self.variables.len() as u32 - 1)
    }

    /// `ty` with every variable replaced that is known; the others stay.
    pub(crate) fn resolve(&self, ty: &Type) -> Type {
        match ty {
            Type::Variable(id) => match &self.variables[*id as usize] {
                Entry::Bound(bound) => self.resolve(bound),
                Entry::Open(_) => ty.clone(),
            },
            Type::Pointer { mutable, to } => Type::pointer(*mutable, self.resolve(to)),
            Type::Array(element, count) => Type::Array(Box::new(self.resolve(element)), *count),
            Type::Slice(element) => Type::Slice(Box::new(self.resolve(element))),
            Type::Tuple(elements) => {
                Type::Tuple(elements.iter().map(|element| self.resolve(element)).collect())
            }
            Type::Scalar(_) | Type::Never | Type::Error => ty.clone(),
        }
    }

    /// The set that an open variable is narrowed to.
    pub(crate) fn set(&self, ty: &Type) -> Option<ScalarSet> {
        match self.resolve(ty) {
            Type::Variable(id) => match self.variables[id as usize] {
                Entry::Open(set) => set,
                Entry::Bound(_) => None,
            },
            _ => None,
        }
    }

    /// Decides an open scalar as Rust does: `i32` for integers, `f64` for floating point.
    pub(crate) fn settle(&mut self, ty: &Type) -> Type {
        if let Type::Variable(id) = self.resolve(ty)
            && let Some(default) = self.set(ty).and_then(ScalarSet::default)
        {
            self.variables[id as usize] = Entry::Bound(Type::Scalar(default));
        }
        self.resolve(ty)
    }

    /// Settles every variable that is a scalar.
    pub(crate) fn settle_all(&mut self) {
        for id in 0..self.variables.len() as u32 {
            self.settle(&Type::Variable(id));
        }
    }

    /// Whether any part of `ty` is still open.
    pub(crate) fn is_open(&self, ty: &Type) -> bool {
        match self.resolve(ty) {
            Type::Variable(_) => true,
            Type::Pointer { to, .. } => self.is_open(&to),
            Type::Array(element, _) | Type::Slice(element) => self.is_open(&element),
            Type::Tuple(elements) => elements.iter().any(|element| self.is_open(element)),
            _ => false,
        }
    }

    /// Makes `a` and `b` the same type.
    pub(crate) fn unify(&mut self, a: &Type, b: &Type) -> Result<(), Mismatch> {
        match (self.resolve(a), self.resolve(b)) {
            (Type::Error, _) | (_, Type::Error) => Ok(()),
            (Type::Never, Type::Never) => Ok(()),
            (Type::Variable(a), Type::Variable(b)) => self.merge(a, b),
            (Type::Variable(id), other) | (other, Type::Variable(id)) => self.bind(id, other),
            (Type::Scalar(a), Type::Scalar(b)) if a == b => Ok(()),
            (Type::Pointer { mutable: a, to: x }, Type::Pointer { mutable: b, to: y })
                if a == b =>
            {
                self.unify(&x, &y)
            }
            (Type::Array(x, a), Type::Array(y, b)) if a == b => self.unify(&x, &y),
            (Type::Slice(x), Type::Slice(y)) => self.unify(&x, &y),
            (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
                a.iter().zip(&b).try_for_each(|(x, y)| self.unify(x, y))
            }
            _ => Err(Mismatch),
        }
    }

    /// Requires a scalar of `set`.
    pub(crate) fn constrain(&mut self, ty: &Type, set: ScalarSet) -> Result<(), Mismatch> {
        let wanted = self.one_of(set);
        self.unify(ty, &wanted)
    }

    fn merge(&mut self, a: u32, b: u32) -> Result<(), Mismatch> {
        if a == b {
            return Ok(());
        }
        let set = match (self.set(&Type::Variable(a)), self.set(&Type::Variable(b))) {
            (Some(a), Some(b)) => Some(a.intersection(b)),
            (a, b) => a.or(b),
        };
        if set.is_some_and(ScalarSet::is_empty) {
            return Err(Mismatch);
        }
        self.variables[a as usize] = Entry::Open(set);
        self.variables[b as usize] = Entry::Bound(Type::Variable(a));
        Ok(())
    }

    fn bind(&mut self, id: u32, ty: Type) -> Result<(), Mismatch> {
        if let Some(set) = self.set(&Type::Variable(id))
            && !ty.scalar().is_some_and(|scalar| set.contains(scalar))
        {
            return Err(Mismatch);
        }
        if self.occurs(id, &ty) {
            return Err(Mismatch);
        }
        self.variables[id as usize] = Entry::Bound(ty);
        Ok(())
    }

    fn occurs(&self, id: u32, ty: &Type) -> bool {
        match self.resolve(ty) {
            Type::Variable(other) => other == id,
            Type::Pointer { to, .. } => self.occurs(id, &to),
            Type::Array(element, _) | Type::Slice(element) => self.occurs(id, &element),
            Type::Tuple(elements) => elements.iter().any(|element| self.occurs(id, element)),
            _ => false,
        }
    }

    /// How an error calls `ty`.
    pub(crate) fn describe(&self, ty: &Type) -> String {
        match self.set(ty) {
            Some(set) => set.to_string(),
            None => match self.resolve(ty) {
                Type::Variable(_) => "a value of unknown type".into(),
                Type::Never => "an expression that does not return".into(),
                known => format!("`{}`", self.spell(&known)),
            },
        }
    }

    fn spell(&self, ty: &Type) -> String {
        match self.resolve(ty) {
            Type::Scalar(scalar) => scalar.to_string(),
            Type::Pointer { mutable: true, to } => format!("*mut {}", self.spell(&to)),
            Type::Pointer { mutable: false, to } => format!("*const {}", self.spell(&to)),
            Type::Array(element, count) => format!("[{}; {count}]", self.spell(&element)),
            Type::Slice(element) => format!("[{}]", self.spell(&element)),
            Type::Tuple(elements) => {
                let elements: Vec<String> = elements.iter().map(|e| self.spell(e)).collect();
                format!("({})", elements.join(", "))
            }
            Type::Never => "!".into(),
            Type::Variable(_) | Type::Error => "_".into(),
        }
    }

    /// The scalar that `ty` was settled to.
    pub(crate) fn scalar(&self, ty: &Type) -> Option<Scalar> {
        self.resolve(ty).scalar()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_takes_the_type_it_is_used_with() {
        let mut inference = Inference::default();
        let literal = inference.one_of(ScalarSet::INTEGER);
        let other = inference.unknown();
        inference.unify(&literal, &other).unwrap();
        inference.unify(&other, &Type::Scalar(Scalar::U8)).unwrap();
        assert_eq!(inference.resolve(&literal), Type::Scalar(Scalar::U8));
    }

    #[test]
    fn sets_that_do_not_meet_are_a_mismatch() {
        let mut inference = Inference::default();
        let integer = inference.one_of(ScalarSet::INTEGER);
        let float = inference.one_of(ScalarSet::FLOAT);
        inference.unify(&integer, &float).unwrap_err();
        inference.unify(&integer, &Type::Scalar(Scalar::F32)).unwrap_err();
        inference.unify(&integer, &Type::UNIT).unwrap_err();
    }
}
