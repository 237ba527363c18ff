//! Structured control flow.

use std::cell::OnceCell;
use std::rc::Rc;

use smol_str::SmolStr;

use super::builder::Builder;
use super::value::{IntoValue, Value};
use crate::ptx::tree::{Guard, Operand};

/// The body of a [`Builder::repeat`].
#[derive(Debug)]
pub struct Repeat<'k> {
    builder: &'k Builder,
    head: SmolStr,
    /// Behind the body, where anything jumps there.
    end: Rc<OnceCell<SmolStr>>,
}

impl<'k> Repeat<'k> {
    /// Begins the body again.
    pub fn again(&self) {
        self.builder.emit("bra", vec![Operand::Symbol(self.head.clone(), 0)]);
    }

    /// Begins the body again where the condition holds.
    pub fn again_if(&self, condition: Value<'k, bool>) {
        self.builder.branch(condition, false, self.head.clone());
    }

    /// Begins the body again where the condition does not hold.
    pub fn again_unless(&self, condition: Value<'k, bool>) {
        self.builder.branch(condition, true, self.head.clone());
    }

    /// Goes on behind the body where the condition does not hold.
    pub fn leave_unless(&self, condition: Value<'k, bool>) {
        let end = self.end.get_or_init(|| self.builder.label());
        self.builder.branch(condition, true, end.clone());
    }
}

impl Builder {
    /// Runs `then` where the condition holds.
    pub fn if_(&self, condition: Value<'_, bool>, then: impl FnOnce()) {
        let end = self.label();
        self.branch(condition, true, end.clone());
        then();
        self.place(end);
    }

    /// Runs `then` where the condition holds, else `otherwise`.
    pub fn if_else(
        &self,
        condition: Value<'_, bool>,
        then: impl FnOnce(),
        otherwise: impl FnOnce(),
    ) {
        let (middle, end) = (self.label(), self.label());
        self.branch(condition, true, middle.clone());
        then();
        self.emit("bra", vec![Operand::Symbol(end.clone(), 0)]);
        self.place(middle);
        otherwise();
        self.place(end);
    }

    /// Runs `body`, which may ask to begin again.
    pub fn repeat<'k>(&'k self, body: impl FnOnce(Repeat<'k>)) {
        let head = self.label();
        self.place(head.clone());
        let end = Rc::<OnceCell<SmolStr>>::default();
        body(Repeat { builder: self, head, end: end.clone() });
        if let Some(end) = end.get() {
            self.place(end.clone());
        }
    }

    /// Runs `body` where the condition holds, and again as long as the value it returns does.
    pub fn while_<'k>(
        &'k self,
        condition: Value<'k, bool>,
        body: impl FnOnce() -> Value<'k, bool>,
    ) {
        self.if_(condition, || self.repeat(|repeat| repeat.again_if(body())));
    }

    /// Runs `body` for `first`, `first + step`, … below `end`. A loop whose bounds are constants is
    /// written as a Rust loop instead, which unrolls it.
    pub fn for_range<'k>(
        &'k self,
        first: impl IntoValue<'k, u32>,
        end: impl IntoValue<'k, u32>,
        step: impl IntoValue<'k, u32>,
        body: impl FnOnce(Value<'k, u32>),
    ) {
        let (end, step) = (end.into_value(self), step.into_value(self));
        let mut index = self.variable(first);
        self.while_(index.get().lt(end), || {
            body(index.get());
            index += step;
            index.get().lt(end)
        });
    }

    /// Puts every instruction that `body` emits under a predicate, without a branch. Meant for
    /// stores and copies: a value computed there is undefined where the predicate does not hold.
    /// Inner predicates replace outer ones, so the body must not nest another.
    pub fn guarded(&self, condition: Value<'_, bool>, body: impl FnOnce()) {
        let register = condition.register_name();
        let before = self.replace_guard(Some(Guard { register, negated: false }));
        debug_assert!(before.is_none(), "guards do not nest");
        body();
        self.replace_guard(before);
    }

    /// Jumps to `label` where the condition has the value that is not `negated`.
    fn branch(&self, condition: Value<'_, bool>, negated: bool, label: SmolStr) {
        let register = condition.register_name();
        let before = self.replace_guard(Some(Guard { register, negated }));
        self.emit("bra", vec![Operand::Symbol(label, 0)]);
        self.replace_guard(before);
    }
}
