//! Questions about the typed tree that are answered by walking it.

use std::collections::HashSet;

use super::tree::{
    Block, Expression, Kind, Place, PlaceKind, Program, Statement, Storage, VariableId,
};

/// A node of the tree.
#[derive(Clone, Copy)]
enum Node<'a> {
    Expression(&'a Expression),
    Place(&'a Place),
}

impl Program {
    /// Whether the lowering knows the value: literals, constants and what is computed of them.
    pub(crate) fn is_static(&self, expression: &Expression) -> bool {
        match &expression.kind {
            Kind::Constant(_) | Kind::Decimal(_) => true,
            Kind::Read(Place { kind: PlaceKind::Variable(id), .. }) => {
                self.variables[id.0].storage == Storage::Static
            }
            Kind::Negate(value)
            | Kind::Not(value)
            | Kind::Cast(value)
            | Kind::Reinterpret(value) => self.is_static(value),
            Kind::Binary(_, a, b)
            | Kind::Compare(_, a, b)
            | Kind::Both(a, b)
            | Kind::Either(a, b) => self.is_static(a) && self.is_static(b),
            _ => false,
        }
    }

    /// Arrays of threads that registers cannot hold: an index into them is known only while the
    /// thread runs, or a pointer leads to them.
    pub(crate) fn arrays_in_memory(&self) -> HashSet<VariableId> {
        let mut found = HashSet::new();
        let mut look = |node: Node<'_>| {
            let array = match node {
                Node::Place(Place { kind: PlaceKind::Element(base, index), .. })
                    if !self.is_static(index) =>
                {
                    base.variable()
                }
                Node::Expression(Expression { kind: Kind::Address(place), .. }) => place.variable(),
                _ => None,
            };
            if let Some(id) = array
                && self.variables[id.0].storage == Storage::Thread
            {
                found.insert(id);
            }
        };
        for function in &self.functions {
            walk_block(&function.body, &mut look);
        }
        found
    }
}

impl Block {
    /// Whether a `return` stands anywhere in it.
    pub(crate) fn contains_return(&self) -> bool {
        let mut found = false;
        walk_block(self, &mut |node| {
            found |= matches!(node, Node::Expression(Expression { kind: Kind::Return(_), .. }));
        });
        found
    }
}

impl Expression {
    /// Whether evaluating it may change a variable.
    pub(crate) fn may_assign(&self) -> bool {
        let mut found = false;
        walk(self, &mut |node| found |= assigns(node));
        found
    }

    /// Whether evaluating it changes nothing, cannot fail and takes a few instructions: nobody can
    /// tell whether it was evaluated.
    pub(crate) fn is_free_of_effects(&self) -> bool {
        let mut free = true;
        walk(self, &mut |node| {
            free &= match node {
                Node::Expression(expression) => matches!(
                    expression.kind,
                    Kind::Constant(_)
                        | Kind::Decimal(_)
                        | Kind::Builtin(..)
                        | Kind::Read(_)
                        | Kind::Negate(_)
                        | Kind::Not(_)
                        | Kind::Binary(..)
                        | Kind::Compare(..)
                        | Kind::Both(..)
                        | Kind::Either(..)
                        | Kind::Cast(_)
                        | Kind::Reinterpret(_)
                ),
                Node::Place(place) => {
                    matches!(place.kind, PlaceKind::Variable(_) | PlaceKind::Field(..))
                }
            }
        });
        free
    }
}

impl Place {
    /// Whether evaluating it may change a variable.
    pub(crate) fn may_assign(&self) -> bool {
        let mut found = false;
        walk_place(self, &mut |node| found |= assigns(node));
        found
    }

    /// The variable that it is, or is a part of.
    pub(crate) fn variable(&self) -> Option<VariableId> {
        match &self.kind {
            PlaceKind::Variable(id) => Some(*id),
            PlaceKind::Element(base, _) | PlaceKind::Field(base, _) => base.variable(),
            PlaceKind::Target(..) | PlaceKind::Value(_) => None,
        }
    }
}

fn assigns(node: Node<'_>) -> bool {
    let Node::Expression(expression) = node else { return false };
    matches!(expression.kind, Kind::Assign(..) | Kind::Update(..) | Kind::For(_))
}

fn walk(expression: &Expression, look: &mut dyn FnMut(Node<'_>)) {
    look(Node::Expression(expression));
    match &expression.kind {
        Kind::Constant(_)
        | Kind::Decimal(_)
        | Kind::Builtin(..)
        | Kind::Continue(_)
        | Kind::Error => {}
        Kind::Read(place) | Kind::Address(place) => walk_place(place, look),
        Kind::Negate(a) | Kind::Not(a) | Kind::Cast(a) | Kind::Reinterpret(a) => walk(a, look),
        Kind::Repeat(a, _) => walk(a, look),
        Kind::Binary(_, a, b)
        | Kind::Compare(_, a, b)
        | Kind::Both(a, b)
        | Kind::Either(a, b)
        | Kind::Offset { pointer: a, count: b, .. } => {
            walk(a, look);
            walk(b, look);
        }
        Kind::Assign(place, value) | Kind::Update(_, place, value) => {
            walk_place(place, look);
            walk(value, look);
        }
        Kind::Intrinsic(_, values)
        | Kind::Call(_, values)
        | Kind::Tuple(values)
        | Kind::Array(values) => values.iter().for_each(|value| walk(value, look)),
        Kind::Block(_, block) | Kind::Loop(_, block) => walk_block(block, look),
        Kind::If(condition, then, otherwise) => {
            walk(condition, look);
            walk_block(then, look);
            if let Some(otherwise) = otherwise {
                walk(otherwise, look);
            }
        }
        Kind::While(_, condition, body) => {
            walk(condition, look);
            walk_block(body, look);
        }
        Kind::For(counted) => {
            walk(&counted.start, look);
            walk(&counted.end, look);
            if let Some(step) = &counted.step {
                walk(step, look);
            }
            walk_block(&counted.body, look);
        }
        Kind::Break(_, value) | Kind::Return(value) => {
            if let Some(value) = value {
                walk(value, look);
            }
        }
    }
}

fn walk_place(place: &Place, look: &mut dyn FnMut(Node<'_>)) {
    look(Node::Place(place));
    match &place.kind {
        PlaceKind::Variable(_) => {}
        PlaceKind::Target(pointer, index) => {
            walk(pointer, look);
            if let Some(index) = index {
                walk(index, look);
            }
        }
        PlaceKind::Element(base, index) => {
            walk_place(base, look);
            walk(index, look);
        }
        PlaceKind::Field(base, _) => walk_place(base, look),
        PlaceKind::Value(value) => walk(value, look),
    }
}

fn walk_block(block: &Block, look: &mut dyn FnMut(Node<'_>)) {
    for statement in &block.statements {
        match statement {
            Statement::Let(_, Some(value))
            | Statement::LetTuple(_, value)
            | Statement::Expression(value) => walk(value, look),
            Statement::Let(_, None) => {}
        }
    }
    if let Some(value) = &block.value {
        walk(value, look);
    }
}
