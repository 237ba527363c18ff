//! Instructions made from the rows of the table: every word of every slot, and every kind of
//! operand, at least once.

use tilewright::ptx::isa::{Binding, Form, Kind, OperandSpec, ValueRange};
use tilewright::ptx::{Mnemonic, ScalarType, Space, TypeClass};

/// An instruction made from a row.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    /// The row it was made from.
    pub(crate) form: &'static Form,
    /// The instruction, with its semicolon.
    pub(crate) text: String,
}

/// How an operand is written where its row leaves a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Immediate,
    Sink,
    Negated,
    Single,
}

/// The instances of a row. Calls are left out: what they take is not in their row.
pub(crate) fn instances(form: &'static Form) -> Vec<Instance> {
    if form.operands.iter().any(|o| matches!(o.kind, Kind::Function | Kind::Prototype)) {
        return Vec::new();
    }
    let mut all = Vec::new();
    for (position, words) in variants(form).into_iter().enumerate() {
        let first = form.text.split(['.', ' ']).next().unwrap();
        let name = words.iter().fold(first.to_string(), |name, word| name + "." + word);
        let mnemonic = Mnemonic::parse(&name).unwrap_or_else(|e| panic!("{}: {e}", form.text));
        let binding = mnemonic.bindings().iter().find(|b| std::ptr::eq(b.form, form));
        let Some(binding) = binding else { panic!("{name} does not come back to {}", form.text) };
        let (specs, required) = (&binding.operands, binding.required);
        let mut push = |count: usize, styled: Option<(usize, Style)>| {
            let operands = specs[..count].iter().enumerate().map(|(i, spec)| {
                let style = styled.filter(|(at, _)| *at == i).map_or(Style::Plain, |(_, s)| s);
                operand(spec, binding, style, i)
            });
            let Some(operands) = operands.collect::<Option<Vec<String>>>() else { return };
            let text = format!("{name} {};", operands.join(", "));
            all.push(Instance { form, text });
        };
        push(specs.len(), None);
        // Operands vary with the first name of the row only.
        if position == 0 {
            (required..specs.len()).for_each(|count| push(count, None));
            for i in 0..specs.len() {
                for style in [Style::Immediate, Style::Sink, Style::Negated, Style::Single] {
                    push(specs.len(), Some((i, style)));
                }
            }
        }
    }
    all
}

/// The modifiers of a row: the first word of each slot that must be filled, and then, for each word
/// of each slot, the same with that word.
fn variants(form: &Form) -> Vec<Vec<&str>> {
    let base = |slot: &tilewright::ptx::isa::Slot| (!slot.optional).then_some(0);
    let spell = |choices: Vec<Option<usize>>| {
        let words = form.slots.iter().zip(choices);
        words.filter_map(|(slot, choice)| choice.map(|c| slot.choices[c].word.as_str())).collect()
    };
    let mut all = vec![spell(form.slots.iter().map(base).collect())];
    for (i, slot) in form.slots.iter().enumerate() {
        for choice in 0..slot.choices.len() {
            let mut choices: Vec<_> = form.slots.iter().map(base).collect();
            if choices[i] != Some(choice) {
                choices[i] = Some(choice);
                all.push(spell(choices));
            }
        }
    }
    all
}

/// One operand; none where it cannot be written in that style.
fn operand(spec: &OperandSpec, binding: &Binding, style: Style, position: usize) -> Option<String> {
    let is_plain = style == Style::Plain;
    Some(match &spec.kind {
        Kind::Value { ty, register, immediate, sink, negatable, count, pair, values, .. } => {
            let ty = binding.resolve_type(*ty)?;
            let count = count.and_then(|c| binding.resolve_count(c));
            let one = |index: u32| -> Option<String> {
                match style {
                    Style::Plain if *register => Some(self::register(ty, position, index)),
                    Style::Plain | Style::Immediate if *immediate => {
                        if style == Style::Immediate && !*register {
                            return None;
                        }
                        immediate_of(ty, values.as_deref())
                    }
                    Style::Sink if *sink && index == 0 => Some("_".into()),
                    Style::Sink if *sink && index > 0 => Some(self::register(ty, position, index)),
                    Style::Negated if *negatable => {
                        Some(format!("!{}", self::register(ty, position, 0)))
                    }
                    _ => None,
                }
            };
            match (pair, count) {
                (Some((_, optional)), _) if style == Style::Single => {
                    optional.then(|| self::register(ty, position, 0))?
                }
                (Some((second, _)), _) if is_plain => {
                    let second = binding.resolve_type(*second)?;
                    format!("{}|{}", one(0)?, self::register(second, position, 1))
                }
                (Some((second, _)), _) if style == Style::Sink => {
                    let second = binding.resolve_type(*second)?;
                    format!("_|{}", self::register(second, position, 1))
                }
                (Some(_), _) => return None,
                (None, Some(count)) => {
                    let elements: Option<Vec<_>> = (0..count).map(one).collect();
                    format!("{{{}}}", elements?.join(", "))
                }
                (None, None) => one(0)?,
            }
        }
        // A register cannot say which parameter of a call is meant.
        Kind::Address(_) if is_plain && binding.has("param::func") => "[argument]".into(),
        Kind::Address(_) if is_plain => format!("[%d{position}]"),
        Kind::TensorMemory if is_plain => format!("[%r{position}]"),
        Kind::Tensor(count) if is_plain => {
            let coordinates: Vec<_> =
                (0..binding.resolve_count(*count)?).map(|i| format!("%r{}", 90 + i)).collect();
            format!("[%d{position}, {{{}}}]", coordinates.join(", "))
        }
        Kind::Special(ty) if is_plain => match binding.resolve_type(*ty)? {
            ScalarType::Pred => "%is_explicit_cluster".into(),
            ty if ty.bits() == 64 => "%clock64".into(),
            _ => "%tid.x".into(),
        },
        Kind::Symbol if is_plain => {
            let short = binding.scalar("T").is_some_and(|ty| ty.bits() == 32);
            match binding.word("S").and_then(|s| Space::from_name(s.split("::").next()?)) {
                Some(Space::Const) => "cv".into(),
                Some(Space::Local) => "lv".into(),
                Some(Space::Param) => "parameter".into(),
                Some(Space::Shared) => "sv".into(),
                _ if short => "sv".into(),
                _ => "gv".into(),
            }
        }
        Kind::Label if is_plain => "done".into(),
        Kind::Targets if is_plain => "targets".into(),
        _ => return None,
    })
}

fn register(ty: ScalarType, position: usize, index: u32) -> String {
    let bank = match ty.bits() {
        1 => "p",
        8 => "b",
        16 => "h",
        32 => "r",
        64 => "d",
        _ => "q",
    };
    // Long vectors do not overlap those of the next operand.
    let number =
        if index < 8 { position as u32 * 8 + index } else { position as u32 * 300 + index };
    format!("%{bank}{number}")
}

fn immediate_of(ty: ScalarType, values: Option<&[ValueRange]>) -> Option<String> {
    if let Some(range) = values.and_then(|v| v.last()) {
        return Some(range.last.to_string());
    }
    match ty.class() {
        TypeClass::Float if matches!(ty, ScalarType::F32 | ScalarType::F64) => {
            Some(if ty.bits() == 32 { "0f3F800000" } else { "0d3FF0000000000000" }.into())
        }
        TypeClass::Integer | TypeClass::Predicate => Some("1".into()),
        TypeClass::Bits if ty.name().starts_with('b') && !ty.name().starts_with("bf") => {
            (ty != ScalarType::B128).then(|| "1".into())
        }
        _ => None,
    }
}
