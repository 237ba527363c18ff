//! Modules made at random from the table of instruction forms: what is printed is read back as the
//! same module.

use std::fmt::Write;

use proptest::collection::vec;
use proptest::prelude::*;
use tilewright_codegen::ptx::isa::{Binding, Form, Kind, OperandSpec, table};
use tilewright_codegen::ptx::tree::{
    Address, Base, Directive, Function, Guard, Initializer, Instruction, Item, Linkage, Literal,
    Module, Operand, Parameter, Pointer, RegisterNames, Registers, Statement, TensorCoordinates,
    Variable,
};
use tilewright_codegen::ptx::{
    self, Mnemonic, ScalarType, Space, Span, SpecialRegister, TypeClass, Version,
};

/// Picks one thing after another by the digits of a number.
struct Choices(u64);

impl Choices {
    fn below(&mut self, count: usize) -> usize {
        let count = count.max(1) as u64;
        let pick = self.0 % count;
        // A step of a linear congruential generator brings new digits.
        self.0 =
            (self.0 / count).wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        pick as usize
    }

    fn maybe(&mut self) -> bool {
        self.below(2) == 1
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Registers of every width, `PREFIX0` to `PREFIX499`, and a vector of four words.
const BANKS: [(ScalarType, &str); 6] = [
    (ScalarType::Pred, "%p"),
    (ScalarType::B8, "%b"),
    (ScalarType::B16, "%h"),
    (ScalarType::B32, "%r"),
    (ScalarType::B64, "d"),
    (ScalarType::B128, "%q"),
];
const COUNT: usize = 500;

fn forms() -> Vec<&'static Form> {
    let mut forms: Vec<_> = table().forms().collect();
    forms.sort_by_key(|form| form.text);
    // What a call takes is not in its row.
    forms
        .retain(|f| !f.operands.iter().any(|o| matches!(o.kind, Kind::Function | Kind::Prototype)));
    forms
}

/// An instruction of this form, its words and operands chosen.
fn instruction(form: &Form, choices: &mut Choices) -> Option<Instruction> {
    let mut name = form.text.split(['.', ' ']).next()?.to_string();
    for slot in &form.slots {
        if !slot.optional || choices.maybe() {
            write!(name, ".{}", choices.of(&slot.choices).word).unwrap();
        }
    }
    let mnemonic = Mnemonic::parse(&name).ok()?;
    let binding = mnemonic.bindings().iter().find(|b| b.form.text == form.text)?;
    let mut operands = Vec::new();
    for spec in &binding.operands {
        if spec.optional && choices.maybe() {
            break;
        }
        operands.push(operand(spec, binding, choices)?);
    }
    let guard = Guard { register: register("%p", choices), negated: choices.maybe() };
    let guard = choices.maybe().then_some(guard);
    Some(Instruction { guard, mnemonic: mnemonic.clone(), operands, span: Span::default() })
}

fn register(prefix: &str, choices: &mut Choices) -> smol_str::SmolStr {
    format!("{prefix}{}", choices.below(COUNT)).into()
}

fn operand(spec: &OperandSpec, binding: &Binding, choices: &mut Choices) -> Option<Operand> {
    Some(match &spec.kind {
        Kind::Value { ty, count, pair, sink, .. } => {
            let ty = binding.resolve_type(*ty)?;
            let count = count.and_then(|c| binding.resolve_count(c));
            match (pair, count) {
                (Some((_, true)), _) if choices.maybe() => scalar(spec, ty, choices)?,
                (Some((second, _)), _) => {
                    let second = scalar(spec, binding.resolve_type(*second)?, choices)?;
                    Operand::Pair(Box::new(scalar(spec, ty, choices)?), Box::new(second))
                }
                (None, Some(count)) => {
                    let mut elements: Vec<Operand> =
                        (0..count).map(|_| scalar(spec, ty, choices)).collect::<Option<_>>()?;
                    if *sink && count > 1 && choices.maybe() {
                        elements[0] = Operand::Sink;
                    }
                    Operand::Vector(elements)
                }
                (None, None) => scalar(spec, ty, choices)?,
            }
        }
        Kind::Address(space) => Operand::Address(match binding.resolve_space(*space)? {
            Space::Shared if choices.maybe() => {
                address(Base::Symbol("shared_bytes".into()), choices)
            }
            Space::Param => address(Base::Symbol("local_parameter".into()), choices),
            _ => address(Base::Register(register("d", choices)), choices),
        }),
        Kind::TensorMemory => {
            Operand::Address(address(Base::Register(register("%r", choices)), choices))
        }
        Kind::Tensor(count) => {
            let coordinates = (0..binding.resolve_count(*count)?)
                .map(|_| Operand::Register(register("%r", choices), None))
                .collect();
            let map = address(Base::Register(register("d", choices)), choices);
            Operand::Tensor(Box::new(TensorCoordinates { map, coordinates }))
        }
        Kind::Special(ty) => Operand::Special(match binding.resolve_type(*ty)? {
            ScalarType::Pred => SpecialRegister::IsExplicitCluster,
            ty if ty.bits() == 64 => SpecialRegister::GlobalTimer,
            _ => SpecialRegister::CtaidY,
        }),
        Kind::Symbol => match binding.word("S").map(|s| s.split("::").next()) {
            Some(Some("shared")) => Operand::Symbol("shared_bytes".into(), 0),
            Some(Some("global")) | None => {
                let short = binding.scalar("T").is_some_and(|ty| ty.bits() == 32);
                let name = if short { "shared_bytes" } else { "global_words" };
                Operand::Symbol(name.into(), choices.below(64) as i64 - 32)
            }
            _ => return None,
        },
        Kind::Label => Operand::Symbol("$label".into(), 0),
        Kind::Targets => Operand::Symbol("targets".into(), 0),
        Kind::Function | Kind::Prototype | Kind::Arguments => return None,
    })
}

fn address(base: Base, choices: &mut Choices) -> Address {
    Address { base, offset: *choices.of(&[0, 4, -8, 1 << 40, i64::MIN, i64::MAX]) }
}

fn scalar(spec: &OperandSpec, ty: ScalarType, choices: &mut Choices) -> Option<Operand> {
    let Kind::Value { register: may, immediate, sink, negatable, values, .. } = &spec.kind else {
        return None;
    };
    if *immediate && (!may || choices.maybe()) {
        if let Some(range) = values.as_ref().and_then(|v| v.first()) {
            return Some(Operand::Literal(Literal::Integer(range.first.into())));
        }
        let bits = choices.0;
        match ty.class() {
            TypeClass::Integer | TypeClass::Predicate => {
                return Some(Operand::Literal(Literal::Integer(i128::from(bits) - (1 << 63))));
            }
            TypeClass::Float if ty == ScalarType::F32 => {
                return Some(Operand::Literal(Literal::F32(bits as u32)));
            }
            TypeClass::Float if ty == ScalarType::F64 => {
                return Some(Operand::Literal(Literal::F64(bits)));
            }
            _ => {}
        }
    }
    if !may {
        return sink.then_some(Operand::Sink);
    }
    if ty.bits() == 32 && choices.below(8) == 0 {
        return Some(Operand::Register("quad".into(), Some(choices.below(4) as u8)));
    }
    let (_, prefix) = BANKS.iter().find(|(bank, _)| bank.bits() == ty.bits())?;
    let name = register(prefix, choices);
    Some(match *negatable && choices.maybe() {
        true => Operand::NotRegister(name),
        false => Operand::Register(name, None),
    })
}

fn variable(name: &str, space: Space, scalar: ScalarType, dimensions: &[u64]) -> Variable {
    Variable {
        linkage: Linkage::Internal,
        space,
        align: None,
        vector: None,
        scalar,
        name: name.into(),
        dimensions: dimensions.iter().copied().map(Some).collect(),
        initializer: Vec::new(),
        span: Span::default(),
    }
}

/// Nests some of the instructions in blocks, and puts declarations and labels around them.
fn body(instructions: Vec<Instruction>, choices: &mut Choices) -> Vec<Statement> {
    let mut statements = vec![
        Statement::BranchTargets {
            name: "targets".into(),
            targets: vec!["$label".into()],
            span: Span::default(),
        },
        Statement::Variable(Box::new(variable(
            "local_parameter",
            Space::Param,
            ScalarType::B8,
            &[64],
        ))),
        Statement::Pragma("nounroll".into()),
    ];
    for (scalar, prefix) in BANKS {
        let names = vec![RegisterNames::Range { prefix: prefix.into(), count: COUNT as u32 }];
        let registers = Registers { vector: None, scalar, names, span: Span::default() };
        statements.push(Statement::Registers(registers));
    }
    statements.push(Statement::Registers(Registers {
        vector: Some(4),
        scalar: ScalarType::B32,
        names: vec![RegisterNames::One("quad".into())],
        span: Span::default(),
    }));
    let mut rest: Vec<Statement> = instructions.into_iter().map(Statement::Instruction).collect();
    let tail = rest.split_off(choices.below(rest.len() + 1));
    let mut inner = vec![Statement::Label("inner".into(), Span::default())];
    inner.extend(rest);
    statements.push(Statement::Block(vec![Statement::Block(inner), Statement::Block(Vec::new())]));
    statements.push(Statement::Label("$label".into(), Span::default()));
    statements.extend(tail);
    statements
}

fn module(instructions: Vec<Instruction>, target: &str, choices: &mut Choices) -> Module {
    let parameter = |name: &str, array: Option<u64>, pointer| Parameter {
        name: name.into(),
        is_register: false,
        align: array.map(|_| 16),
        scalar: if array.is_some() { ScalarType::B8 } else { ScalarType::U64 },
        array,
        pointer,
    };
    let mut words = variable("global_words", Space::Global, ScalarType::B32, &[2, 3]);
    words.initializer = (0..choices.below(7))
        .map(|i| match i % 2 {
            0 => Initializer::Literal(Literal::Integer(choices.below(1000) as i128 - 500)),
            _ => Initializer::Address {
                name: "shared_bytes".into(),
                generic: choices.maybe(),
                offset: choices.below(9) as i64 - 4,
            },
        })
        .collect();
    let pointer = Pointer { space: choices.maybe().then_some(Space::Global), align: Some(16) };
    let entry = Function {
        is_entry: true,
        linkage: *choices.of(&[Linkage::Internal, Linkage::Visible, Linkage::Weak]),
        returns: Vec::new(),
        name: "entry".into(),
        parameters: vec![
            parameter("a", None, None),
            parameter("b", Some(48), None),
            parameter("c", None, Some(pointer)),
        ],
        directives: vec![Directive::RequiredThreads(vec![128]), Directive::MaxRegisters(64)],
        body: Some(body(instructions, choices)),
        span: Span::default(),
    };
    let mut shared = variable("shared_bytes", Space::Shared, ScalarType::B8, &[256]);
    shared.align = Some(128);
    Module {
        version: Version::new(9, 3),
        target: target.parse().unwrap(),
        items: vec![
            Item::Pragma("nounroll".into()),
            Item::Variable(shared),
            Item::Variable(words),
            Item::Function(entry),
        ],
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_printed_is_read_back(
        picks in vec((any::<prop::sample::Index>(), any::<u64>()), 0..40),
        target in prop::sample::select(vec!["sm_80", "sm_89", "sm_90a", "sm_100a", "sm_120a"]),
        seed in any::<u64>(),
    ) {
        let forms = forms();
        let place: tilewright_codegen::gpu::Target = target.parse().unwrap();
        let instructions = picks
            .into_iter()
            .filter_map(|(pick, seed)| {
                let form = pick.get(&forms);
                form.targets.contains(place).then(|| instruction(form, &mut Choices(seed)))?
            })
            // Alone, since one word of an instruction may be missing on the target.
            .filter(|one| {
                let alone = module(vec![one.clone()], target, &mut Choices(seed));
                ptx::check(alone).is_ok()
            })
            .collect();
        let checked = match ptx::check(module(instructions, target, &mut Choices(seed))) {
            Ok(checked) => checked,
            Err(errors) => return Err(TestCaseError::fail(errors.to_string())),
        };
        let printed = ptx::print(&checked);
        match ptx::parse(&printed) {
            Ok(again) => prop_assert_eq!(&again, checked.module(), "{}", printed),
            Err(error) => return Err(TestCaseError::fail(format!("{error}\n{printed}"))),
        }
    }
}

#[test]
fn most_forms_are_made() {
    let forms = forms();
    let made = forms.iter().filter(|form| {
        let targets = ["sm_80", "sm_90a", "sm_100a", "sm_103a", "sm_120a"];
        (0..40_u64).any(|seed| {
            let one = instruction(form, &mut Choices(seed.wrapping_mul(0x9E3779B97F4A7C15)));
            one.is_some_and(|one| {
                targets.iter().any(|target| {
                    ptx::check(module(vec![one.clone()], target, &mut Choices(seed))).is_ok()
                })
            })
        })
    });
    let (made, all) = (made.count(), forms.len());
    assert!(made * 100 >= all * 98, "{made} of {all} forms");
}
