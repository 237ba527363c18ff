//! Control flow and barriers.

use tilewright_codegen::ptx::Opcode;
use tilewright_codegen::ptx::check::{CheckedOperand, ParameterLayout, Prototype};

use super::ProgramError;
use super::code::{
    Action, Barrier, BarrierKind, Call, Convergence, Passed, Pc, Reduction, SetRegisters, Target,
};
use super::operands::{Lowered, Operands, defined};

/// Lowers a branch; `start` is the first instruction of the function.
pub(super) fn branch(o: &mut Operands<'_>, start: Pc) -> Lowered<Action> {
    Ok(Action::Branch(start + o.label(0)?))
}

/// Lowers `brx.idx`.
pub(super) fn branch_table(o: &mut Operands<'_>, start: Pc) -> Lowered<Action> {
    let index = o.source(0)?;
    match o.operand(1)? {
        CheckedOperand::Targets(targets) => {
            let targets = targets.iter().map(|target| start + target).collect();
            Ok(Action::BranchTable { index, targets })
        }
        _ => Err(o.unsupported("the list of targets is missing")),
    }
}

/// Lowers `setmaxnreg`.
pub(super) fn set_registers(o: &mut Operands<'_>) -> Lowered<Action> {
    let registers = o.immediate(0)? as u32;
    Ok(Action::SetRegisters(SetRegisters { increases: o.name.has("inc"), registers }))
}

/// Lowers `call`.
pub(super) fn call(o: &mut Operands<'_>) -> Lowered<Action> {
    // The return values come first, in parentheses, where there are any.
    let first = usize::from(matches!(o.operand(0)?, CheckedOperand::Arguments(_)));
    if let Some(action) = system_call(o, first)? {
        return Ok(action);
    }
    let (target, returns, parameters) = callee(o, first)?;
    let arguments = match o.len() > first + 1 && !parameters.is_empty() {
        true => o.arguments(first + 1, false, &parameters)?,
        false => Vec::new(),
    };
    let results = match first {
        0 => Vec::new(),
        _ => o.arguments(0, true, &returns)?,
    };
    let arguments: Option<Box<[Passed]>> = arguments.into_iter().collect();
    let Some(arguments) = arguments else { return Err(o.unsupported("an argument is missing")) };
    if arguments.len() != parameters.len() {
        return Err(o.unsupported("the number of arguments"));
    }
    Ok(Action::Call(Box::new(Call { target, arguments, results: results.into() })))
}

/// Lowers a call of what the module only declares, where it is the system that defines it (CUDA's
/// *PTX Writer's Guide to Interoperability*, System Calls).
fn system_call(o: &mut Operands<'_>, first: usize) -> Lowered<Option<Action>> {
    let CheckedOperand::Function(function) = o.operand(first)? else { return Ok(None) };
    let callee = &o.checked.functions()[defined(o.checked, *function) as usize];
    match &*callee.name {
        _ if callee.is_defined => Ok(None),
        "vprintf" if first == 0 => Ok(Some(Action::Nothing)),
        "vprintf" => {
            let results = o.arguments(0, true, &callee.returns)?;
            Ok(Some(Action::Print { results: results.into() }))
        }
        "__assertfail" => Ok(Some(Action::AssertionFails)),
        _ => Ok(None),
    }
}

/// What is called, and the layouts of its return values and parameters.
fn callee(
    o: &mut Operands<'_>,
    index: usize,
) -> Lowered<(Target, Vec<ParameterLayout>, Vec<ParameterLayout>)> {
    match o.operand(index)? {
        CheckedOperand::Function(function) => {
            let function = defined(o.checked, *function);
            let callee = &o.checked.functions()[function as usize];
            if !callee.is_defined {
                return Err(ProgramError::Undefined {
                    line: o.instruction.span.line,
                    function: callee.name.to_string(),
                });
            }
            let target = Target::Direct(o.functions.index(function));
            Ok((target, callee.returns.clone(), callee.parameters.clone()))
        }
        CheckedOperand::Register(_) => {
            let prototype = o.instruction.operands.iter().find_map(|operand| match operand {
                CheckedOperand::Prototype(prototype) => Some(Prototype::clone(prototype)),
                _ => None,
            });
            let Prototype { returns, parameters } =
                prototype.ok_or_else(|| o.unsupported("the call prototype is missing"))?;
            Ok((Target::Indirect(o.source(index)?), returns, parameters))
        }
        _ => Err(o.unsupported("a target of this kind")),
    }
}

/// Lowers `bar.*` and `barrier.*`, those of a cluster left out.
pub(super) fn barrier(o: &mut Operands<'_>) -> Lowered<(Action, Convergence)> {
    use Opcode::*;
    let opcode = o.instruction.opcode();
    // `bar` is `barrier` with `.aligned`.
    let is_aligned =
        matches!(opcode, BarSync | BarArrive | BarRed | BarCtaSync | BarCtaArrive | BarCtaRed)
            || o.name.has("aligned");
    let convergence = if is_aligned { Convergence::Aligned } else { Convergence::Free };
    let (number_at, kind) = match opcode {
        BarSync | BarCtaSync | BarrierSync | BarrierCtaSync => (0, BarrierKind::Sync),
        BarArrive | BarCtaArrive | BarrierArrive | BarrierCtaArrive => (0, BarrierKind::Arrive),
        _ => {
            let operation = match o.name.first_of(&["popc", "and", "or"]) {
                Some("popc") => Reduction::Count(o.destination(0)?),
                Some("and") => Reduction::And(o.predicates(0)?.0),
                _ => Reduction::Or(o.predicates(0)?.0),
            };
            let condition = o.condition(o.len() - 1)?;
            (1, BarrierKind::Reduce { operation, condition })
        }
    };
    // Operands are the number, then the count where it is given, then the predicate of `red`.
    let last = o.len() - usize::from(matches!(kind, BarrierKind::Reduce { .. }));
    let number = o.source(number_at)?;
    let threads = if last > number_at + 1 { Some(o.source(number_at + 1)?) } else { None };
    Ok((Action::Barrier(Box::new(Barrier { number, threads, kind })), convergence))
}
