//! Which names are registers: an operand's name alone does not tell.

use foldhash::{HashMap, HashSet};
use smol_str::SmolStr;

use crate::ptx::tree::RegisterNames;

/// The registers in scope, innermost scope last.
#[derive(Debug, Default)]
pub(super) struct Registers {
    scopes: Vec<Scope>,
}

#[derive(Debug, Default)]
struct Scope {
    single: HashSet<SmolStr>,
    ranges: HashMap<SmolStr, u32>,
}

impl Registers {
    pub(super) fn enter(&mut self) {
        self.scopes.push(Scope::default());
    }

    pub(super) fn leave(&mut self) {
        self.scopes.pop();
    }

    pub(super) fn declare(&mut self, names: &RegisterNames) {
        let Some(scope) = self.scopes.last_mut() else { return };
        match names {
            RegisterNames::One(name) => {
                scope.single.insert(name.clone());
            }
            RegisterNames::Range { prefix, count } => {
                scope.ranges.insert(prefix.clone(), *count);
            }
        }
    }

    /// Whether `name` is a register: declared as one, or written like one.
    pub(super) fn contains(&self, name: &str) -> bool {
        name.starts_with('%') || self.scopes.iter().any(|scope| scope.contains(name))
    }
}

impl Scope {
    fn contains(&self, name: &str) -> bool {
        self.single.contains(name)
            || members(name).any(|(prefix, number)| {
                self.ranges.get(prefix).is_some_and(|count| number < u64::from(*count))
            })
    }
}

/// The ranges that a name may be a member of, as prefix and number: `%r12` is 12 of `%r` or 2 of
/// `%r1`.
pub(in crate::ptx) fn members(name: &str) -> impl Iterator<Item = (&str, u64)> {
    const DIGITS: usize = 10;
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count().min(DIGITS);
    (name.len() - digits..name.len()).filter_map(|split| {
        let (prefix, number) = name.split_at(split);
        let canonical = number == "0" || !number.starts_with('0');
        let value = number.bytes().fold(0, |value, digit| 10 * value + u64::from(digit - b'0'));
        (canonical && !prefix.is_empty()).then_some((prefix, value))
    })
}
