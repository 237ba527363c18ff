//! From the typed tree to PTX. Functions are inlined; arrays live in registers where every index
//! is known, else in local memory; the state space of a pointer is known wherever it is used.

mod arithmetic;
mod casts;
mod control;
mod emit;
mod expressions;
pub(crate) mod intrinsics;
mod loops;
mod memory;
mod values;

use std::collections::{HashMap, HashSet};

use smol_str::{SmolStr, format_smolstr};
use tilewright_codegen::gpu::Target;
use tilewright_codegen::ptx::tree::{
    Directive, Function, Item, Linkage, Module, Parameter, Pointer as PointerAttribute, Statement,
};
use tilewright_codegen::ptx::{ScalarType, Space, Span, Version};

use super::check::Typed;
use super::infer::Inference;
use super::tree::{FunctionId, LoopId, Program, VariableId};
use super::types::{Scalar, Type};
use crate::diagnostic::{Diagnostics, Location};
use emit::Registers;
use values::{Pointer, Slot, Stored, Value};

pub(crate) use intrinsics::Custom;

/// More instructions, unrolled iterations and inlined calls than this are a runaway, not a kernel.
const MAXIMUM_WORK: usize = 200_000;

/// A module, and where in the kernel's source its instructions come from.
pub(crate) struct Lowered {
    pub(crate) module: Module,
    /// The line of an instruction's span is an index into these, from 1.
    pub(crate) locations: Vec<Location>,
}

/// Lowers a kernel.
///
/// # Errors
///
/// What only shows here: a division by a constant zero, an index outside an array, recursion.
pub(crate) fn lower(
    typed: &Typed,
    target: Target,
    version: Version,
    directives: Vec<Directive>,
) -> syn::Result<Lowered> {
    let Typed { program, inference } = typed;
    let mut lowerer = Lowerer::new(program, inference);
    let parameters = lowerer.kernel_parameters()?;
    lowerer.kernel_body();
    lowerer.diagnostics.into_result()?;
    let mut body = lowerer.registers.declarations();
    body.extend(lowerer.declarations);
    body.extend(lowerer.body);
    let mut items = lowerer.items;
    items.push(Item::Function(Function {
        is_entry: true,
        linkage: Linkage::Visible,
        returns: Vec::new(),
        name: SmolStr::new(&program.functions[0].name),
        parameters,
        directives,
        body: Some(body),
        span: Span::default(),
    }));
    Ok(Lowered { module: Module { version, target, items }, locations: lowerer.locations })
}

/// What is being built, and what names mean at this point.
pub(crate) struct Lowerer<'a> {
    program: &'a Program,
    inference: &'a Inference,
    diagnostics: Diagnostics,
    /// Arrays that are indexed by what only a thread knows, or pointed to.
    in_memory: HashSet<VariableId>,
    items: Vec<Item>,
    declarations: Vec<Statement>,
    body: Vec<Statement>,
    registers: Registers,
    labels: HashMap<&'static str, u32>,
    /// Labels that something jumps to.
    used_labels: HashSet<SmolStr>,
    locations: Vec<Location>,
    here: Option<Location>,
    variables: HashMap<VariableId, Stored>,
    /// Symbols of variables in memory, which stay the same however often a function is inlined.
    symbols: HashMap<VariableId, SmolStr>,
    symbol_names: HashSet<SmolStr>,
    loops: HashMap<LoopId, LoopTargets>,
    /// Functions being inlined, the innermost last.
    frames: Vec<Frame>,
    /// Instructions, unrolled iterations and inlined calls so far.
    work: usize,
}

/// Where `break` and `continue` go.
#[derive(Clone)]
struct LoopTargets {
    next: SmolStr,
    end: SmolStr,
    value: Option<Slot>,
}

/// A function being inlined.
struct Frame {
    function: FunctionId,
    /// Where `return` goes, and where it leaves its value; the kernel itself has neither.
    end: Option<(SmolStr, Slot)>,
}

impl<'a> Lowerer<'a> {
    fn new(program: &'a Program, inference: &'a Inference) -> Self {
        Self {
            program,
            inference,
            diagnostics: Diagnostics::default(),
            in_memory: program.arrays_in_memory(),
            items: Vec::new(),
            declarations: Vec::new(),
            body: Vec::new(),
            registers: Registers::default(),
            labels: HashMap::new(),
            used_labels: HashSet::new(),
            locations: Vec::new(),
            here: None,
            variables: HashMap::new(),
            symbols: HashMap::new(),
            symbol_names: HashSet::new(),
            loops: HashMap::new(),
            frames: Vec::new(),
            work: 0,
        }
    }

    fn kernel_body(&mut self) {
        self.frames.push(Frame { function: FunctionId(0), end: None });
        let program = self.program;
        let body = self.block(&program.functions[0].body);
        if let Err(error) = body.and_then(|_| self.emit("ret", Vec::new())) {
            self.diagnostics.push(error);
        }
    }

    /// Declares the parameters and loads them.
    fn kernel_parameters(&mut self) -> syn::Result<Vec<Parameter>> {
        let program = self.program;
        let kernel = &program.functions[0];
        let mut parameters = Vec::new();
        for (i, id) in kernel.parameters.iter().enumerate() {
            let variable = &program.variables[id.0];
            let ty = self.inference.resolve(&variable.ty);
            let name = format_smolstr!("{}_param_{i}", kernel.name);
            let value = self.load_parameter(&name, &ty)?;
            let stored = match variable.mutable {
                true => {
                    let slot = self.slot(&ty);
                    self.assign(&slot, value, &ty)?;
                    Stored::Slot(slot)
                }
                false => Stored::Value(value),
            };
            self.variables.insert(*id, stored);
            parameters.push(parameter(name, &ty));
        }
        Ok(parameters)
    }

    fn load_parameter(&mut self, name: &SmolStr, ty: &Type) -> syn::Result<Value> {
        let address = Pointer::symbol(name.clone(), Space::Param);
        self.load(&address, ty)
    }

    /// A name of the module that nothing has yet.
    fn fresh_symbol(&mut self, name: &str) -> SmolStr {
        let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let mut symbol = SmolStr::new(&name);
        let mut count = 1;
        while !self.symbol_names.insert(symbol.clone()) {
            count += 1;
            symbol = format_smolstr!("{name}_{count}");
        }
        symbol
    }
}

fn parameter(name: SmolStr, ty: &Type) -> Parameter {
    let (scalar, pointer) = match ty {
        Type::Scalar(scalar) => (parameter_type(*scalar), None),
        Type::Pointer { to, .. } => {
            let align = to.innermost().bytes().map_or(1, |bytes| bytes as u32);
            let pointer = PointerAttribute { space: Some(Space::Global), align: Some(align) };
            (ScalarType::U64, Some(pointer))
        }
        _ => (ScalarType::U64, None),
    };
    Parameter { name, is_register: false, align: None, scalar, array: None, pointer }
}

/// Type of a parameter; 16-bit floats are passed as their bits.
pub(crate) fn parameter_type(scalar: Scalar) -> ScalarType {
    scalar.in_memory()
}
