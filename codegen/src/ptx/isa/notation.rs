//! Reads the notation of the table's rows; see the module's documentation.

use smol_str::{SmolStr, format_smolstr};

use super::form::{Choice, Count, Form, Kind, OperandSpec, Slot, SpaceRef, TypeRef, ValueRange};
use super::opcode::Opcode;
use crate::gpu::TargetSet;
use crate::ptx::{ScalarType, Space, Version};

/// Reads the row `text`, whose sets are written out in `expanded`; the error says what is wrong.
pub(super) fn row(text: &'static str, expanded: &str) -> Result<Form, String> {
    let (head, tail) = expanded.rsplit_once('|').ok_or("a row ends with `| version targets`")?;
    let head = head.trim();
    let (name, operands) = split_name(head);
    let (base, slots_text) = name.split_once('.').unwrap_or((name, ""));
    let slots = slots(slots_text)?;
    let (version, targets) = availability(tail.trim())?;
    Ok(Form {
        opcode: opcode(base, &slots)?,
        text,
        operands: operand_list(operands.trim(), &slots)?,
        slots,
        version,
        targets,
    })
}

fn split_name(head: &str) -> (&str, &str) {
    let mut depth = 0;
    for (i, c) in head.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            c if c.is_whitespace() && depth == 0 => return head.split_at(i),
            _ => {}
        }
    }
    (head, "")
}

/// The longest opcode whose words the row begins with.
fn opcode(base: &str, slots: &[Slot]) -> Result<Opcode, String> {
    let mut name = String::from(base);
    let mut found = Opcode::from_name(&name);
    // `tcgen05.wait::ld` and `tcgen05.wait::st` are kinds of `tcgen05.wait`.
    let kind = |choice: &Choice| choice.word.split("::").next().map(SmolStr::new);
    for slot in slots.iter().take_while(|slot| !slot.optional) {
        let first = kind(&slot.choices[0]);
        let Some(word) = first.filter(|w| slot.choices.iter().all(|c| kind(c).as_ref() == Some(w)))
        else {
            break;
        };
        name.push('.');
        name.push_str(&word);
        found = Opcode::from_name(&name).or(found);
    }
    found.ok_or_else(|| format!("`{base}` begins no opcode"))
}

fn availability(text: &str) -> Result<(Version, TargetSet), String> {
    let mut words = text.split_whitespace();
    let version = words.next().unwrap_or_default();
    let version = version.parse().map_err(|()| format!("`{version}` is no version"))?;
    let targets: Result<Vec<_>, _> = words.map(|w| w.parse().map_err(|e| format!("{e}"))).collect();
    let targets = targets?;
    if targets.is_empty() {
        return Err("a row names at least one target".into());
    }
    Ok((version, TargetSet(targets)))
}

fn slots(mut text: &str) -> Result<Vec<Slot>, String> {
    let mut slots = Vec::new();
    while !text.is_empty() {
        let (body, rest) = match text.strip_prefix('{') {
            Some(inner) => {
                let end = closing_brace(inner).ok_or("a `{` is not closed")?;
                (&inner[..end], &inner[end + 1..])
            }
            None => {
                let end = text.find(['.', '?']).unwrap_or(text.len());
                // The dot of `word@7.8` belongs to the version.
                let end = match text[..end].contains('@') {
                    true => {
                        end + 1 + text[end + 1..].find(['.', '?']).unwrap_or(text.len() - end - 1)
                    }
                    false => end,
                };
                (&text[..end], &text[end..])
            }
        };
        let (optional, rest) = match rest.strip_prefix('?') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        slots.push(slot(body, optional)?);
        text = rest.strip_prefix('.').unwrap_or(rest);
        if !rest.is_empty() && !rest.starts_with('.') {
            return Err(format!("expected `.` before `{rest}`"));
        }
    }
    Ok(slots)
}

fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 1;
    for (i, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(i);
        }
    }
    None
}

fn slot(body: &str, optional: bool) -> Result<Slot, String> {
    let (name, words) = match body.split_once(": ") {
        Some((name, words)) if name.chars().all(char::is_alphanumeric) => {
            (Some(SmolStr::new(name)), words)
        }
        _ => (None, body),
    };
    let mut choices = Vec::new();
    for word in split_words(words) {
        choice(word, &mut choices)?;
    }
    if choices.is_empty() {
        return Err("a slot has at least one word".into());
    }
    Ok(Slot { name, choices, optional })
}

/// Splits at whitespace outside braces.
fn split_words(text: &str) -> Vec<&str> {
    let (mut words, mut depth, mut start) = (Vec::new(), 0, 0);
    for (i, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            c if c.is_whitespace() && depth == 0 => {
                if start < i {
                    words.push(&text[start..i]);
                }
                start = i + c.len_utf8();
            }
            _ => {}
        }
    }
    words
}

fn choice(word: &str, choices: &mut Vec<Choice>) -> Result<(), String> {
    let (word, availability) = match word.split_once('@') {
        Some((word, availability)) => (word, Some(availability)),
        None => (word, None),
    };
    let (mut version, mut targets) = (None, None);
    if let Some(text) = availability {
        let (v, t) = match text.split_once('/') {
            Some((v, t)) => (v, Some(t)),
            None => (text, None),
        };
        version = Some(v.parse().map_err(|()| format!("`{v}` is no version"))?);
        if let Some(t) = t {
            let list: Result<Vec<_>, _> =
                t.split(',').map(|t| t.parse().map_err(|e| format!("{e}"))).collect();
            targets = Some(TargetSet(list?));
        }
    }
    let mut push = |word: SmolStr, number| {
        choices.push(Choice { word, number, version, targets: targets.clone() });
    };
    match word.split_once('{') {
        Some((before, rest)) => {
            let (range, after) = rest.split_once('}').ok_or("a range ends with `}`")?;
            let bounds: Vec<u32> =
                range.split([':', '.']).filter(|n| !n.is_empty()).flat_map(str::parse).collect();
            let [first, last, step] = bounds[..] else {
                return Err(format!("`{range}` is not first..last:step"));
            };
            for n in (first..=last).step_by(step as usize) {
                push(format_smolstr!("{before}{n}{after}"), Some(n));
            }
        }
        None => push(SmolStr::new(word), number(word)),
    }
    Ok(())
}

fn number(word: &str) -> Option<u32> {
    word.strip_prefix(['v', 'x']).or_else(|| word.strip_suffix('d'))?.parse().ok()
}

fn operand_list(text: &str, slots: &[Slot]) -> Result<Vec<OperandSpec>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(',').map(|operand| operand_spec(operand.trim(), slots)).collect()
}

fn operand_spec(text: &str, slots: &[Slot]) -> Result<OperandSpec, String> {
    let (text, only_with) = match text.split_once('&') {
        Some((slot, rest)) => {
            (rest, Some(find(slot, slots).ok_or_else(|| format!("`{slot}` is no slot"))?))
        }
        None => (text, None),
    };
    let (text, optional) = match text.strip_suffix('?') {
        Some(rest) if !rest.contains('|') => (rest, true),
        _ => (text, false),
    };
    let (text, destination) = match text.strip_prefix('=') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let kind = match text {
        "label" => Kind::Label,
        "function" => Kind::Function,
        "targets" => Kind::Targets,
        "prototype" => Kind::Prototype,
        "arguments" => Kind::Arguments,
        "symbol" => Kind::Symbol,
        "[taddr]" => Kind::TensorMemory,
        _ => match text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
            Some(inner) => match inner.strip_prefix("tensor ") {
                Some(dimensions) => Kind::Tensor(count(dimensions, slots)?),
                None => Kind::Address(space_ref(inner, slots)?),
            },
            None => match text.strip_prefix("special ") {
                Some(ty) => Kind::Special(type_ref(ty, slots)?),
                None => value(text, destination, slots)?,
            },
        },
    };
    Ok(OperandSpec { destination, optional, only_with, kind })
}

fn value(text: &str, destination: bool, slots: &[Slot]) -> Result<Kind, String> {
    if text == "_" {
        return Ok(Kind::Value {
            ty: TypeRef::Given(ScalarType::B64),
            relaxed: false,
            register: false,
            immediate: false,
            sink: true,
            negatable: false,
            count: None,
            pair: None,
            values: None,
        });
    }
    let (text, relaxed) = match text.strip_prefix('~') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let (text, negatable) = match text.strip_prefix('!') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let (text, register, immediate) = match (text.strip_prefix('%'), text.strip_prefix('#')) {
        (Some(rest), _) => (rest, true, false),
        (_, Some(rest)) => (rest, false, true),
        _ => (text, true, !destination),
    };
    let (text, values) = match text.strip_suffix(')').and_then(|t| t.split_once('(')) {
        Some((text, values)) => (text, Some(value_list(values)?)),
        None => (text, None),
    };
    let (text, pair) = match text.split_once('|') {
        Some((first, second)) => {
            let (second, optional) = match second.strip_suffix('?') {
                Some(second) => (second, true),
                None => (second, false),
            };
            (first, Some((type_ref(second, slots)?, optional)))
        }
        None => (text, None),
    };
    let (text, sink) = match text.strip_suffix('_') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let (ty, count) = if let Some(inner) = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'))
    {
        let (n, ty) = inner.split_once(' ').ok_or("a vector is `{count type}`")?;
        (ty, Some(count(n, slots)?))
    } else if let Some((ty, n)) = text.split_once('*') {
        (ty, Some(count(n, slots)?))
    } else {
        (text, None)
    };
    let ty = type_ref(ty, slots)?;
    Ok(Kind::Value { ty, relaxed, register, immediate, sink, negatable, count, pair, values })
}

/// `4 8 16` or `24..256:8`.
fn value_list(text: &str) -> Result<Vec<ValueRange>, String> {
    let number = |n: &str| n.parse::<i64>().map_err(|_| format!("`{n}` is no number"));
    let range = |word: &str| match word.split_once("..") {
        Some((first, rest)) => {
            let (last, step) = rest.split_once(':').unwrap_or((rest, "1"));
            Ok(ValueRange { first: number(first)?, last: number(last)?, step: number(step)? })
        }
        None => Ok(ValueRange { first: number(word)?, last: number(word)?, step: 1 }),
    };
    text.split_whitespace().map(range).collect()
}

fn find(name: &str, slots: &[Slot]) -> Option<usize> {
    slots.iter().position(|s| s.name.as_deref() == Some(name))
}

fn type_ref(text: &str, slots: &[Slot]) -> Result<TypeRef, String> {
    find(text, slots)
        .map(TypeRef::Slot)
        .or_else(|| ScalarType::from_name(text).map(TypeRef::Given))
        .ok_or_else(|| format!("`{text}` is neither a type nor a slot"))
}

fn space_ref(text: &str, slots: &[Slot]) -> Result<SpaceRef, String> {
    if text.is_empty() {
        return Ok(SpaceRef::Given(Space::Generic));
    }
    find(text, slots)
        .map(SpaceRef::Slot)
        .or_else(|| Space::from_name(text).map(SpaceRef::Given))
        .ok_or_else(|| format!("`{text}` is neither a state space nor a slot"))
}

fn count(text: &str, slots: &[Slot]) -> Result<Count, String> {
    let number = |n: &str| n.parse().map_err(|_| format!("`{n}` is no number"));
    let (text, factor, divisor) = match (text.split_once('*'), text.split_once('/')) {
        (Some((text, factor)), _) => (text, number(factor)?, 1),
        (_, Some((text, divisor))) => (text, 1, number(divisor)?),
        _ => (text, 1, 1),
    };
    if let Ok(n) = text.parse() {
        return Ok(Count::Given(n));
    }
    let slot =
        find(text, slots).ok_or_else(|| format!("`{text}` is neither a number nor a slot"))?;
    Ok(Count::Slot { slot, factor, divisor })
}
