use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use smol_str::SmolStr;
use thiserror::Error;

use super::form::{Choice, Count, Form, Kind, OperandSpec, SpaceRef, TypeRef};
use super::opcode::Opcode;
use super::table::table;
use crate::ptx::{ScalarType, Space, Version};

/// The name of an instruction with its modifiers, such as `add.rn.ftz.f32`, looked up in the table.
#[derive(Clone, Debug)]
pub struct Mnemonic {
    text: SmolStr,
    bindings: Vec<Arc<Binding>>,
}

/// A form, and which word fills each of its slots.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The row of the table.
    pub form: &'static Form,
    choices: Vec<Option<u16>>,
    /// The operands that the form has with these words, in order; slots they refer to are resolved.
    pub operands: Vec<OperandSpec>,
    /// How many of the operands may not be left out.
    pub required: usize,
    /// The first PTX version that has the form with these words.
    pub version: Version,
}

/// A name that no row of the table admits.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MnemonicError {
    /// The first word begins no instruction.
    #[error("unknown instruction `{name}`{}", hint(similar))]
    Unknown {
        /// The first word.
        name: SmolStr,
        /// A known word that looks like it.
        similar: Option<SmolStr>,
    },
    /// A modifier stands where none of its kind may.
    #[error("`{text}`: `.{found}` cannot stand here; expected {expected}")]
    Modifier {
        /// The whole name.
        text: SmolStr,
        /// The modifier that does not fit.
        found: SmolStr,
        /// What may stand there.
        expected: String,
    },
    /// The name ends too early.
    #[error("`{text}` ends too early; expected {expected}")]
    Incomplete {
        /// The whole name.
        text: SmolStr,
        /// What may follow.
        expected: String,
    },
}

fn hint(similar: &Option<SmolStr>) -> String {
    similar.as_ref().map_or(String::new(), |s| format!("; did you mean `{s}`?"))
}

/// Names remembered by a thread; a module of an attacker cannot make it grow without bound.
const REMEMBERED: usize = 4096;

thread_local! {
    static CACHE: RefCell<HashMap<SmolStr, Arc<Mnemonic>>> = RefCell::new(HashMap::new());
}

impl Mnemonic {
    /// Looks `text` up in the table.
    ///
    /// ```
    /// use tilewright_codegen::ptx::{Mnemonic, Opcode, ScalarType};
    /// let add = Mnemonic::parse("add.rn.ftz.f32").unwrap();
    /// assert_eq!(add.opcode(), Opcode::Add);
    /// assert_eq!(add.binding().scalar("T"), Some(ScalarType::F32));
    /// assert!(add.binding().has("ftz"));
    /// ```
    ///
    /// # Errors
    ///
    /// Where no row admits the name; the error says what could have stood there.
    pub fn parse(text: &str) -> Result<Arc<Self>, MnemonicError> {
        CACHE.with_borrow_mut(|cache| {
            if let Some(known) = cache.get(text) {
                return Ok(known.clone());
            }
            let mnemonic = Arc::new(Self::look_up(text)?);
            if cache.len() >= REMEMBERED {
                cache.clear();
            }
            cache.insert(SmolStr::new(text), mnemonic.clone());
            Ok(mnemonic)
        })
    }

    fn look_up(text: &str) -> Result<Self, MnemonicError> {
        let mut words = text.split('.');
        let first = words.next().unwrap_or_default();
        let words: Vec<&str> = words.collect();
        let forms = table().beginning_with(first);
        if forms.is_empty() {
            return Err(MnemonicError::Unknown { name: first.into(), similar: similar(first) });
        }
        let mut search = Search { words: &words, furthest: 0, expected: Vec::new() };
        let bindings: Vec<Arc<Binding>> = forms
            .iter()
            .filter_map(|form| {
                let mut choices = Vec::with_capacity(form.slots.len());
                let complete = search.fill(form, 0, &mut choices);
                complete.then(|| Arc::new(Binding::new(form, choices)))
            })
            .collect();
        if !bindings.is_empty() {
            return Ok(Self { text: text.into(), bindings });
        }
        if let Some(binding) = forms.iter().find_map(|form| any_order(form, &words)) {
            // In the table's order, so that every form that admits it is found.
            return Self::look_up(&binding.name(first));
        }
        let expected = search.expected();
        Err(match words.get(search.furthest) {
            Some(found) => {
                MnemonicError::Modifier { text: text.into(), found: (*found).into(), expected }
            }
            None => MnemonicError::Incomplete { text: text.into(), expected },
        })
    }

    /// The name as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the instruction does. All bindings of a name agree on it.
    pub fn opcode(&self) -> Opcode {
        self.bindings[0].form.opcode
    }

    /// The first form that admits the name.
    pub fn binding(&self) -> &Binding {
        &self.bindings[0]
    }

    /// Every form that admits the name; they differ in operands or targets.
    pub fn bindings(&self) -> &[Arc<Binding>] {
        &self.bindings
    }
}

impl PartialEq for Mnemonic {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Mnemonic {}

impl fmt::Display for Mnemonic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Binding {
    fn new(form: &'static Form, choices: Vec<Option<u16>>) -> Self {
        let mut binding =
            Self { form, choices, operands: Vec::new(), required: 0, version: form.version };
        let of_words = binding.choices().filter_map(|choice| choice.version);
        binding.version = of_words.fold(form.version, Version::max);
        let is_there = |spec: &&OperandSpec| spec.only_with.is_none_or(|s| binding.is_filled(s));
        let there = form.operands.iter().filter(is_there);
        binding.operands = there.map(|spec| binding.resolve(spec)).collect();
        let optional = binding.operands.iter().position(|spec| spec.optional);
        binding.required = optional.unwrap_or(binding.operands.len());
        binding
    }

    /// An operand with the slots it refers to resolved.
    fn resolve(&self, spec: &OperandSpec) -> OperandSpec {
        let given = |ty: TypeRef| self.resolve_type(ty).map_or(ty, TypeRef::Given);
        let mut spec = spec.clone();
        match &mut spec.kind {
            Kind::Value { ty, count, sink, pair, .. } => {
                *ty = given(*ty);
                if let Some((second, _)) = pair {
                    *second = given(*second);
                }
                // A sink stands for an element of a vector where there may be one.
                *sink &= count.is_none_or(|count| self.resolve_count(count).is_some());
                *count = count.and_then(|count| self.resolve_count(count)).map(Count::Given);
            }
            Kind::Address(space) => {
                *space = self.resolve_space(*space).map_or(*space, SpaceRef::Given);
            }
            Kind::Special(ty) => *ty = given(*ty),
            Kind::Tensor(count) => {
                *count = self.resolve_count(*count).map_or(*count, Count::Given);
            }
            Kind::TensorMemory
            | Kind::Label
            | Kind::Function
            | Kind::Targets
            | Kind::Prototype
            | Kind::Arguments
            | Kind::Symbol => {}
        }
        spec
    }

    /// Whether there may be this many operands.
    pub fn takes(&self, operands: usize) -> bool {
        (self.required..=self.operands.len()).contains(&operands)
    }

    /// The word at the slot of this name, without its dot.
    pub fn word(&self, slot: &str) -> Option<&'static str> {
        self.choice_at(self.slot(slot)?).map(|c| c.word.as_str())
    }

    /// The number at the slot of this name: 4 for `v4`, N for a shape.
    pub fn number(&self, slot: &str) -> Option<u32> {
        self.choice_at(self.slot(slot)?).and_then(|c| c.number)
    }

    /// The type at the slot of this name.
    pub fn scalar(&self, slot: &str) -> Option<ScalarType> {
        self.word(slot).and_then(ScalarType::from_name)
    }

    /// Whether `word` stands anywhere among the modifiers.
    pub fn has(&self, word: &str) -> bool {
        (0..self.choices.len()).any(|slot| self.choice_at(slot).is_some_and(|c| c.word == word))
    }

    /// The words that fill the slots, in order.
    pub fn choices(&self) -> impl Iterator<Item = &'static Choice> + '_ {
        (0..self.choices.len()).filter_map(|slot| self.choice_at(slot))
    }

    /// The type that an operand's reference means here.
    pub fn resolve_type(&self, ty: TypeRef) -> Option<ScalarType> {
        match ty {
            TypeRef::Given(ty) => Some(ty),
            TypeRef::Slot(slot) => ScalarType::from_name(&self.choice_at(slot)?.word),
        }
    }

    /// The state space that an operand's reference means here. `shared::cta` and
    /// `shared::cluster` are both [`Space::Shared`].
    pub fn resolve_space(&self, space: SpaceRef) -> Option<Space> {
        match space {
            SpaceRef::Given(space) => Some(space),
            SpaceRef::Slot(slot) => match self.choice_at(slot) {
                None => Some(Space::Generic),
                Some(choice) => Space::from_name(choice.word.split("::").next()?),
            },
        }
    }

    /// The number of elements that a count means here; `None` is a scalar.
    pub fn resolve_count(&self, count: Count) -> Option<u32> {
        match count {
            Count::Given(n) => Some(n),
            Count::Slot { slot, factor, divisor } => {
                Some(self.choice_at(slot)?.number? * factor / divisor)
            }
        }
    }

    /// The whole name, modifiers in the table's order.
    fn name(&self, first: &str) -> String {
        self.choices().fold(first.to_string(), |name, choice| name + "." + &choice.word)
    }

    fn is_filled(&self, slot: usize) -> bool {
        self.choices[slot].is_some()
    }

    fn slot(&self, name: &str) -> Option<usize> {
        self.form.slots.iter().position(|s| s.name.as_deref() == Some(name))
    }

    fn choice_at(&self, slot: usize) -> Option<&'static Choice> {
        self.choices[slot].map(|choice| &self.form.slots[slot].choices[usize::from(choice)])
    }
}

/// Fills each slot with the first word left that it admits, wherever that word stands.
fn any_order(form: &'static Form, words: &[&str]) -> Option<Binding> {
    let mut choices = vec![None; form.slots.len()];
    for word in words {
        let (slot, choice) = form.slots.iter().enumerate().find_map(|(i, slot)| {
            let choice = slot.choices.iter().position(|c| c.word == *word);
            choice.filter(|_| choices[i].is_none()).map(|choice| (i, choice))
        })?;
        choices[slot] = Some(choice as u16);
    }
    let complete = form.slots.iter().zip(&choices).all(|(s, c)| s.optional || c.is_some());
    complete.then(|| Binding::new(form, choices))
}

/// Fills slots with words, remembering how far any form got.
struct Search<'a> {
    words: &'a [&'a str],
    furthest: usize,
    expected: Vec<&'static str>,
}

impl Search<'_> {
    fn fill(&mut self, form: &'static Form, word: usize, choices: &mut Vec<Option<u16>>) -> bool {
        let Some(slot) = form.slots.get(choices.len()) else {
            if word < self.words.len() {
                self.reached(word, std::iter::empty());
            }
            return word == self.words.len();
        };
        let found = self.words.get(word).copied();
        if let Some(i) = slot.choices.iter().position(|c| Some(c.word.as_str()) == found) {
            choices.push(Some(i as u16));
            if self.fill(form, word + 1, choices) {
                return true;
            }
            choices.pop();
        } else {
            self.reached(word, slot.choices.iter().map(|c| c.word.as_str()));
        }
        if slot.optional {
            choices.push(None);
            if self.fill(form, word, choices) {
                return true;
            }
            choices.pop();
        }
        false
    }

    fn reached(&mut self, word: usize, expected: impl Iterator<Item = &'static str>) {
        if word > self.furthest {
            self.furthest = word;
            self.expected.clear();
        }
        if word == self.furthest {
            self.expected.extend(expected);
        }
    }

    /// The expected words, for a person to read.
    fn expected(&mut self) -> String {
        const SHOWN: usize = 12;
        self.expected.sort_unstable();
        self.expected.dedup();
        if self.expected.is_empty() {
            return "nothing more".into();
        }
        let mut text: Vec<String> =
            self.expected.iter().take(SHOWN).map(|w| format!("`.{w}`")).collect();
        if self.expected.len() > SHOWN {
            text.push(format!("{} more", self.expected.len() - SHOWN));
        }
        match text.len() {
            1 => text.remove(0),
            _ => format!("one of {}", text.join(", ")),
        }
    }
}

/// A first word of the table one edit away from `word`.
fn similar(word: &str) -> Option<SmolStr> {
    let mut close: Vec<&str> = table().words().filter(|known| one_edit(word, known)).collect();
    close.sort_unstable();
    close.first().map(SmolStr::new)
}

/// Whether one insertion, deletion, substitution or swap of neighbours turns `a` into `b`.
fn one_edit(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let prefix = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[prefix..], &b[prefix..]);
    let suffix = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[..a.len() - suffix], &b[..b.len() - suffix]);
    (a.len() <= 1 && b.len() <= 1) || (a.len() == 2 && b.len() == 2 && a[0] == b[1] && a[1] == b[0])
}
