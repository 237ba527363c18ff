use std::cell::RefCell;
use std::collections::HashSet;

use smol_str::{SmolStr, format_smolstr};

use super::scalar::Scalar;
use super::value::{Source, Value};
use crate::gpu::Target;
use crate::ptx::tree::{
    Directive, Function, Guard, Instruction, Item, Linkage, Module, Operand, Parameter,
    RegisterNames, Registers, Statement, Variable as MemoryVariable,
};
use crate::ptx::{Mnemonic, ScalarType, Space, Span, Version};

/// A kernel under construction. Values, pointers and variables borrow it, so that their operators
/// can append instructions.
///
/// Made by [`kernel`].
#[derive(Debug)]
pub struct Builder {
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    version: Version,
    registers: [Vec<SmolStr>; Class::COUNT],
    labels: u32,
    guard: Option<Guard>,
    body: Vec<Statement>,
    parameters: Vec<Parameter>,
    directives: Vec<Directive>,
    variables: Vec<MemoryVariable>,
    names: HashSet<SmolStr>,
    product_groups: u32,
}

/// A register of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Register {
    class: Class,
    index: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Predicate,
    Half,
    Word,
    Long,
    Quad,
    Float,
}

impl Class {
    const COUNT: usize = 6;
    const ALL: [(Self, &'static str, ScalarType); Self::COUNT] = [
        (Self::Predicate, "%p", ScalarType::Pred),
        (Self::Half, "%h", ScalarType::B16),
        (Self::Word, "%r", ScalarType::B32),
        (Self::Long, "%rd", ScalarType::B64),
        (Self::Quad, "%rq", ScalarType::B128),
        (Self::Float, "%f", ScalarType::F32),
    ];

    fn of(scalar: ScalarType) -> Self {
        match (scalar, scalar.bits()) {
            (ScalarType::F32, _) => Self::Float,
            (_, 1) => Self::Predicate,
            (_, 64) => Self::Long,
            (_, 128) => Self::Quad,
            (_, 16) => Self::Half,
            _ => Self::Word,
        }
    }
}

/// Builds a module of one kernel. The module's PTX version is the least that has the instructions
/// used and the target.
///
/// ```
/// use tilewright_codegen::dsl::{self, Global};
/// let target = "sm_80".parse().unwrap();
/// let module = dsl::kernel("scale", target, |k| {
///     let n = k.parameter::<u32>("n");
///     let factor = k.parameter::<f32>("factor");
///     let x = k.pointer_parameter::<f32>("x");
///     let i = k.block_index().x * k.block_dim().x + k.thread_index().x;
///     k.if_(i.lt(n), || {
///         let element = x.element(i);
///         element.store(element.load() * factor);
///     });
/// });
/// assert_eq!(module.version.to_string(), "7.0");
/// ```
///
/// # Panics
///
/// Where the body gives two parameters or variables the same name.
pub fn kernel(name: &str, target: Target, body: impl for<'k> FnOnce(&'k Builder)) -> Module {
    let builder = Builder { state: RefCell::default() };
    body(&builder);
    builder.finish(name, target)
}

impl Builder {
    /// Promises that blocks have this many threads, so that ptxas can use all registers.
    pub fn require_threads(&self, threads: u32) {
        self.direct(Directive::RequiredThreads(vec![threads]));
    }

    /// Keeps ptxas to this many registers a thread.
    pub fn limit_registers(&self, registers: u32) {
        self.direct(Directive::MaxRegisters(registers));
    }

    /// Asks ptxas to leave registers for this many blocks on a multiprocessor.
    pub fn min_blocks_per_multiprocessor(&self, blocks: u32) {
        self.direct(Directive::MinBlocksPerMultiprocessor(blocks));
    }

    pub(super) fn direct(&self, directive: Directive) {
        self.state.borrow_mut().directives.push(directive);
    }

    /// Counts a group of products more; returns its number.
    pub(super) fn count_product_group(&self) -> u32 {
        let groups = &mut self.state.borrow_mut().product_groups;
        *groups += 1;
        *groups
    }

    /// Groups of products so far.
    pub(super) fn product_groups(&self) -> u32 {
        self.state.borrow().product_groups
    }

    pub(super) fn register<T: Scalar>(&self) -> Register {
        self.register_of(T::TYPE)
    }

    /// A fresh register for a type, which no Rust type has to stand for.
    pub(super) fn register_of(&self, scalar: ScalarType) -> Register {
        let class = Class::of(scalar);
        let prefix = Class::ALL[class as usize].1;
        let names = &mut self.state.borrow_mut().registers[class as usize];
        let index = names.len() as u32;
        names.push(SmolStr::from_iter([prefix, itoa::Buffer::new().format(index)]));
        Register { class, index }
    }

    pub(super) fn name(&self, register: Register) -> SmolStr {
        let Register { class, index } = register;
        self.state.borrow().registers[class as usize][index as usize].clone()
    }

    pub(super) fn operand(&self, register: Register) -> Operand {
        Operand::Register(self.name(register), None)
    }

    /// A fresh register as a value; an instruction that writes it must follow.
    pub(super) fn fresh<T: Scalar>(&self) -> Value<'_, T> {
        Value::new(self, Source::Register(self.register::<T>()))
    }

    /// A fresh register that a later instruction writes.
    pub(crate) fn unwritten<T: Scalar>(&self) -> Value<'_, T> {
        self.fresh()
    }

    /// Appends an instruction.
    ///
    /// # Panics
    ///
    /// Where the table has no such name: the embedded language would be at fault, not its user.
    pub(super) fn emit(&self, name: &str, operands: Vec<Operand>) {
        let mnemonic = match Mnemonic::parse(name) {
            Ok(mnemonic) => mnemonic,
            Err(error) => panic!("the embedded language has an unknown instruction: {error}"),
        };
        let state = &mut *self.state.borrow_mut();
        state.version = state.version.max(first_version(&mnemonic, operands.len()));
        state.body.push(Statement::Instruction(Instruction {
            guard: state.guard.clone(),
            mnemonic,
            operands,
            span: Span::default(),
        }));
    }

    /// Appends a computation of one value.
    pub(super) fn compute<T: Scalar>(&self, name: &str, sources: &[Operand]) -> Value<'_, T> {
        let result = self.fresh::<T>();
        let mut operands = Vec::with_capacity(sources.len() + 1);
        operands.push(result.operand());
        operands.extend_from_slice(sources);
        self.emit(name, operands);
        result
    }

    pub(super) fn label(&self) -> SmolStr {
        let state = &mut *self.state.borrow_mut();
        state.labels += 1;
        format_smolstr!("L{}", state.labels)
    }

    pub(super) fn place(&self, label: SmolStr) {
        self.state.borrow_mut().body.push(Statement::Label(label, Span::default()));
    }

    /// Replaces the guard of what is emitted next, and returns the one before.
    pub(super) fn replace_guard(&self, guard: Option<Guard>) -> Option<Guard> {
        std::mem::replace(&mut self.state.borrow_mut().guard, guard)
    }

    pub(super) fn declare_parameter(&self, name: &str, scalar: ScalarType) -> SmolStr {
        self.push_parameter(name, scalar, None, None)
    }

    /// Declares a parameter of `bytes` bytes.
    pub(super) fn declare_bytes_parameter(&self, name: &str, bytes: u32, align: u32) -> SmolStr {
        self.push_parameter(name, ScalarType::B8, Some(align), Some(bytes.into()))
    }

    fn push_parameter(
        &self,
        name: &str,
        scalar: ScalarType,
        align: Option<u32>,
        array: Option<u64>,
    ) -> SmolStr {
        let name = self.claim(name);
        self.state.borrow_mut().parameters.push(Parameter {
            name: name.clone(),
            is_register: false,
            align,
            scalar,
            array,
            pointer: None,
        });
        name
    }

    /// Declares shared memory: `bytes` of it, or as much as the launch says.
    pub(super) fn declare_shared(&self, name: &str, align: u32, bytes: Option<u32>) -> SmolStr {
        let name = self.claim(name);
        self.state.borrow_mut().variables.push(MemoryVariable {
            linkage: if bytes.is_none() { Linkage::Extern } else { Linkage::Internal },
            space: Space::Shared,
            align: Some(align),
            vector: None,
            scalar: ScalarType::B8,
            name: name.clone(),
            dimensions: vec![bytes.map(u64::from)],
            initializer: Vec::new(),
            span: Span::default(),
        });
        name
    }

    fn claim(&self, name: &str) -> SmolStr {
        let name = SmolStr::new(name);
        let is_new = self.state.borrow_mut().names.insert(name.clone());
        assert!(is_new, "`{name}` is declared twice in one kernel");
        name
    }

    fn finish(self, name: &str, target: Target) -> Module {
        self.emit("ret", Vec::new());
        let state = self.state.into_inner();
        let declarations = Class::ALL.into_iter().zip(state.registers);
        let mut body: Vec<Statement> = declarations
            .filter(|(_, names)| !names.is_empty())
            .map(|((_, prefix, scalar), names)| {
                let (prefix, count) = (prefix.into(), names.len() as u32);
                Statement::Registers(Registers {
                    vector: None,
                    scalar,
                    names: vec![RegisterNames::Range { prefix, count }],
                    span: Span::default(),
                })
            })
            .collect();
        body.extend(state.body);
        let function = Function {
            is_entry: true,
            linkage: Linkage::Visible,
            returns: Vec::new(),
            name: name.into(),
            parameters: state.parameters,
            directives: state.directives,
            body: Some(body),
            span: Span::default(),
        };
        let mut items: Vec<Item> = state.variables.into_iter().map(Item::Variable).collect();
        items.push(Item::Function(function));
        let version = state.version.max(target.least_version().unwrap_or_default());
        Module { version, target, items }
    }
}

/// The first PTX version that has an instruction, with every modifier of its name and as many
/// operands.
fn first_version(mnemonic: &Mnemonic, operands: usize) -> Version {
    let fitting = mnemonic.bindings().iter().filter(|binding| binding.takes(operands));
    fitting.map(|binding| binding.version).min().unwrap_or_default()
}
