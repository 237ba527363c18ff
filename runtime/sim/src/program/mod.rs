//! From checked PTX to the form that the machine executes.

mod bulk;
pub(crate) mod code;
mod compare;
mod control;
mod convert;
mod data;
mod error;
mod exchange;
mod fence;
mod float;
mod fragments;
mod held;
mod integer;
pub(crate) mod launch_control;
mod layout;
mod lower;
mod matrix;
mod mbarrier;
mod memory;
mod name;
mod narrow;
pub(crate) mod operands;
pub(crate) mod tcgen05;
pub(crate) mod tcgen05_mma;
mod tensor;
mod unread;
mod wgmma;
mod wmma;

use std::fmt;

use tilewright_codegen::ptx::Checked;
use tilewright_codegen::ptx::check::{
    CheckedFunction, CheckedInstruction, ParameterLayout, VariableInfo,
};
use tilewright_codegen::ptx::tree::Directive;

pub use error::ProgramError;
pub(crate) use memory::element_update;

use code::{Action, Convergence, Detail, Function, Instruction, Passed, Pc};
use layout::{FrameLayout, SharedLayout};
use name::Name;
use operands::{FunctionContext, Functions, Operands, RegisterSlot, Slots, defined};

/// An entry and the functions it calls, lowered once for any number of launches.
///
/// Every register of every function has a slot of its own, and so has every constant, so that an
/// instruction finds its operands by index alone.
pub struct Program {
    name: String,
    parameters: Vec<ParameterLayout>,
    pub(crate) directives: Vec<Directive>,
    pub(crate) code: Vec<Instruction>,
    pub(crate) details: Vec<Detail>,
    pub(crate) functions: Vec<Function>,
    /// How many registers `wgmma` uses.
    pub(crate) fragments: usize,
    pub(crate) slots: Slots,
    pub(crate) shared: SharedLayout,
    /// Variables of the module; [`VariableId`](tilewright_codegen::ptx::check::VariableId)s index
    /// them.
    pub(crate) variables: Vec<VariableInfo>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Program");
        debug
            .field("name", &self.name)
            .field("instructions", &self.code.len())
            .finish_non_exhaustive()
    }
}

impl Program {
    /// Lowers the entry `name`, or the only one.
    ///
    /// # Errors
    ///
    /// Where there is no such entry, or it uses what the simulator does not execute.
    pub fn new(checked: &Checked, name: Option<&str>) -> Result<Self, ProgramError> {
        let entry = checked.entry(name).ok_or_else(|| ProgramError::no_entry(checked, name))?;
        let mut program = Self {
            name: entry.name.to_string(),
            parameters: entry.parameters.clone(),
            directives: entry.directives.clone(),
            code: Vec::new(),
            details: Vec::new(),
            functions: Vec::new(),
            fragments: 0,
            slots: Slots::default(),
            shared: SharedLayout::new(checked),
            variables: checked.variables().to_vec(),
        };
        let index = checked.functions().iter().position(|f| std::ptr::eq(f, entry));
        let mut functions = Functions { queue: index.map(|i| i as u32).into_iter().collect() };
        // Functions whose address a table holds may be called without being named in code.
        for name in checked.variables().iter().flat_map(initial_addresses) {
            if let Some(i) = checked.functions().iter().position(|f| f.name == *name && !f.is_entry)
            {
                functions.index(defined(checked, i as u32));
            }
        }
        let mut next = 0;
        while let Some(&index) = functions.queue.get(next) {
            program.lower_function(
                checked,
                &checked.functions()[index as usize],
                &mut functions,
            )?;
            next += 1;
        }
        program.fragments =
            fragments::mark(&mut program.code, &mut program.details, &program.slots.locations);
        unread::mark(&mut program.details, &program.functions, &program.slots.locations);
        Ok(program)
    }

    fn lower_function(
        &mut self,
        checked: &Checked,
        function: &CheckedFunction,
        functions: &mut Functions,
    ) -> Result<(), ProgramError> {
        let first_number = self.slots.names.len() as u32;
        let first_predicate = self.slots.predicates;
        let registers: Vec<_> =
            function.registers.iter().map(|r| self.slots.register(r.scalar)).collect();
        self.slots.names.extend(function.registers.iter().map(|r| r.name.to_string()));
        self.slots.locations.extend(&registers);
        let frame = FrameLayout::new(checked, function);
        let index = self.functions.len() as u32;
        let start = self.code.len() as Pc;
        let passed = |list: &[ParameterLayout], is_return| {
            let place = |(i, parameter): (usize, &ParameterLayout)| match parameter.register {
                Some(id) => match registers[id.0 as usize] {
                    RegisterSlot::Value(slot) => Some(Passed::Register(slot)),
                    RegisterSlot::Predicate(_) => None,
                },
                None => Some(Passed::Frame {
                    offset: frame.parameter(is_return, i as u32),
                    size: parameter.size as u32,
                }),
            };
            let all = list.iter().enumerate().filter(|_| !function.is_entry);
            all.filter_map(place).collect::<Vec<_>>()
        };
        self.functions.push(Function {
            name: function.name.to_string(),
            start,
            frame_size: frame.size,
            parameters: passed(&function.parameters, false),
            returns: passed(&function.returns, true),
            parameter_numbers: function
                .parameters
                .iter()
                .filter_map(|p| p.register.map(|id| first_number + id.0))
                .collect(),
            registers: registers
                .iter()
                .filter_map(|slot| match slot {
                    RegisterSlot::Value(slot) => Some(*slot),
                    RegisterSlot::Predicate(_) => None,
                })
                .collect(),
            predicates: first_predicate..self.slots.predicates,
            numbers: first_number..self.slots.names.len() as u32,
        });
        let context = FunctionContext { function, registers, first_number, frame };
        for instruction in &function.code {
            self.lower_instruction(checked, &context, instruction, (index, start), functions)?;
        }
        self.lower_end(index, function);
        Ok(())
    }

    fn lower_instruction(
        &mut self,
        checked: &Checked,
        context: &FunctionContext<'_>,
        instruction: &CheckedInstruction,
        (function, start): (u32, Pc),
        functions: &mut Functions,
    ) -> Result<(), ProgramError> {
        let mut operands = Operands {
            checked,
            shared: &self.shared,
            context,
            instruction,
            name: Name::new(&instruction.mnemonic),
            slots: &mut self.slots,
            functions,
            reads: Vec::new(),
            writes: Vec::new(),
        };
        let (action, convergence) = lower::lower(&mut operands, start)?;
        let guard = match instruction.guard {
            Some((id, negated)) => Some(operands.condition_of(id, negated)?),
            None => None,
        };
        let (reads, writes) = (operands.reads.into(), operands.writes.into());
        self.code.push(Instruction { guard, convergence, action });
        self.details.push(Detail {
            line: instruction.span.line,
            mnemonic: Some(instruction.mnemonic.clone()),
            function,
            reads,
            writes,
            fragments: Box::default(),
            is_unread: false,
        });
        Ok(())
    }

    /// The end of a body returns.
    fn lower_end(&mut self, function: u32, checked: &CheckedFunction) {
        let line = checked.code.last().map_or(0, |i| i.span.line);
        self.code.push(Instruction {
            guard: None,
            convergence: Convergence::Free,
            action: Action::Return,
        });
        self.details.push(Detail {
            line,
            mnemonic: None,
            function,
            reads: Box::default(),
            writes: Box::default(),
            fragments: Box::default(),
            is_unread: false,
        });
    }

    /// Name of the entry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Parameters of the entry, and where each lies in [`Launch::parameters`].
    ///
    /// [`Launch::parameters`]: crate::Launch::parameters
    pub fn parameters(&self) -> &[ParameterLayout] {
        &self.parameters
    }

    /// Bytes that the entry's parameters take in [`Launch::parameters`].
    ///
    /// [`Launch::parameters`]: crate::Launch::parameters
    pub fn parameter_bytes(&self) -> usize {
        self.parameters.iter().map(|p| p.offset + p.size).max().unwrap_or(0) as usize
    }

    /// Bytes of shared memory that the module's variables take in each block.
    pub fn shared_size(&self) -> u64 {
        self.shared.fixed
    }
}

/// The names whose addresses a variable holds from the start.
fn initial_addresses(variable: &VariableInfo) -> impl Iterator<Item = &str> {
    use tilewright_codegen::ptx::tree::Initializer;
    variable.initializer.iter().filter_map(|element| match element {
        Initializer::Address { name, .. } => Some(name.as_str()),
        Initializer::Literal(_) => None,
    })
}
