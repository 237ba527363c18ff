//! Names, by scope.

use foldhash::HashMap;
use smol_str::{SmolStr, format_smolstr};

use super::resolved::{RegisterId, RegisterInfo, VariableId};
use crate::ptx::ScalarType;
use crate::ptx::parse::members;
use crate::ptx::tree::{Function, RegisterNames, Registers};

/// What a name of a function's body means.
#[derive(Clone, Copy, Debug)]
pub(super) enum Name<'a> {
    /// A register; of a vector register, the first component.
    Register(RegisterId, Option<u8>),
    /// A variable of this function.
    Variable(VariableId),
    /// A parameter of this function.
    Parameter { is_return: bool, index: u32 },
    /// The index of an instruction.
    Label(u32),
    /// The labels of a `.branchtargets`.
    BranchTargets(&'a [SmolStr]),
    /// The functions of a `.calltargets`.
    CallTargets(&'a [SmolStr]),
    /// A `.callprototype`.
    Prototype(&'a Function),
}

/// The most registers of a range that room is made for before they are named.
const RESERVED: u32 = 4096;

#[derive(Clone, Copy, Debug)]
struct Range {
    count: u32,
    scalar: ScalarType,
    vector: Option<u8>,
}

/// The names of one block. Registers of a range come into being when they are first named, so that
/// a range of a billion costs nothing.
#[derive(Debug, Default)]
struct Scope<'a> {
    names: HashMap<SmolStr, Name<'a>>,
    ranges: HashMap<SmolStr, Range>,
    /// For a prefix, the smallest number that a declared name has behind it.
    numbered: HashMap<SmolStr, u64>,
}

/// The scopes of a function, innermost last, and its registers.
#[derive(Debug, Default)]
pub(super) struct Scopes<'a> {
    scopes: Vec<Scope<'a>>,
    pub(super) registers: Vec<RegisterInfo>,
}

impl<'a> Scopes<'a> {
    pub(super) fn enter(&mut self) {
        self.scopes.push(Scope::default());
    }

    pub(super) fn leave(&mut self) {
        self.scopes.pop();
    }

    /// Declares `name` in the innermost scope; false where it is taken.
    pub(super) fn declare(&mut self, name: &SmolStr, meaning: Name<'a>) -> bool {
        let Some(scope) = self.scopes.last_mut() else { return false };
        let free = !scope.contains(name);
        if free {
            scope.names.insert(name.clone(), meaning);
            scope.note(name);
        }
        free
    }

    /// Declares a register, or a vector of them.
    pub(super) fn declare_register(
        &mut self,
        name: &SmolStr,
        scalar: ScalarType,
        vector: Option<u8>,
    ) -> bool {
        let id = create(&mut self.registers, name, scalar, vector);
        self.declare(name, Name::Register(id, vector))
    }

    /// Declares what a `.reg` declares, and returns the names that are taken.
    pub(super) fn declare_registers(&mut self, registers: &Registers) -> Vec<SmolStr> {
        let Registers { vector, scalar, names, .. } = registers;
        let mut taken = Vec::new();
        for declared in names {
            match declared {
                RegisterNames::One(name) => {
                    if !self.declare_register(name, *scalar, *vector) {
                        taken.push(name.clone());
                    }
                }
                RegisterNames::Range { prefix, count } => {
                    let Some(scope) = self.scopes.last_mut() else { continue };
                    let range = Range { count: *count, scalar: *scalar, vector: *vector };
                    if !scope.declare_range(prefix, range) {
                        taken.push(format_smolstr!("{prefix}<{count}>"));
                    }
                }
            }
        }
        taken
    }

    /// What `name` means here.
    pub(super) fn find(&mut self, name: &SmolStr) -> Option<Name<'a>> {
        for scope in self.scopes.iter_mut().rev() {
            if let Some(found) = scope.names.get(name) {
                return Some(*found);
            }
            if scope.ranges.is_empty() {
                continue;
            }
            if let Some(range) = scope.range_of(name) {
                let id = create(&mut self.registers, name, range.scalar, range.vector);
                let register = Name::Register(id, range.vector);
                scope.names.insert(name.clone(), register);
                return Some(register);
            }
        }
        None
    }

    /// The range that `name` just misses, for a hint.
    pub(super) fn near_range(&self, name: &str) -> Option<(SmolStr, u32)> {
        self.scopes.iter().rev().find_map(|scope| {
            members(name).find_map(|(prefix, _)| {
                scope.ranges.get(prefix).map(|range| (prefix.into(), range.count))
            })
        })
    }

    pub(super) fn register(&self, id: RegisterId) -> &RegisterInfo {
        &self.registers[id.0 as usize]
    }
}

impl Scope<'_> {
    fn range_of(&self, name: &str) -> Option<Range> {
        members(name).find_map(|(prefix, number)| {
            self.ranges.get(prefix).filter(|r| number < u64::from(r.count)).copied()
        })
    }

    fn contains(&self, name: &str) -> bool {
        self.names.contains_key(name) || self.range_of(name).is_some()
    }

    fn note(&mut self, name: &str) {
        for (prefix, number) in members(name) {
            let smallest = self.numbered.entry(prefix.into()).or_insert(number);
            *smallest = number.min(*smallest);
        }
    }

    /// Declares `prefix0` up to `prefix{count-1}`; false where one of them is taken.
    fn declare_range(&mut self, prefix: &SmolStr, range: Range) -> bool {
        let first = format_smolstr!("{prefix}0");
        let count = u64::from(range.count);
        // `%r1<5>` has `%r10`, so it lies in `%r<20>`, and the other way round.
        let taken = self.ranges.contains_key(prefix)
            || self.numbered.get(prefix).is_some_and(|smallest| *smallest < count)
            || (count > 0 && self.range_of(&first).is_some());
        if !taken {
            self.names.reserve(range.count.min(RESERVED) as usize);
            self.ranges.insert(prefix.clone(), range);
            self.note(&first);
        }
        !taken
    }
}

fn create(
    registers: &mut Vec<RegisterInfo>,
    name: &SmolStr,
    scalar: ScalarType,
    vector: Option<u8>,
) -> RegisterId {
    let id = RegisterId(registers.len() as u32);
    match vector {
        None => registers.push(RegisterInfo { name: name.clone(), scalar }),
        Some(count) => registers.extend(
            ["x", "y", "z", "w"]
                .iter()
                .take(usize::from(count))
                .map(|c| RegisterInfo { name: format_smolstr!("{name}.{c}"), scalar }),
        ),
    }
    id
}
