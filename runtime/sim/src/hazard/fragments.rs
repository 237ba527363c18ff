//! Registers of `wgmma`, which are its own from the issue to the wait that covers it.
//!
//! *wgmma.fence*: a register of D or of a fragment of A that another instruction has written needs a
//! fence before `wgmma` uses it; one that was only read needs it by the letter of the manual, which
//! shipped kernels do not keep ([`Lints::unfenced_product_after_read`](crate::Lints)). Products of one shape that accumulate in the same registers
//! are in order without. A `mov` between such registers, or of a constant to one, is no access: it
//! names a value anew, compilers put it wherever they like, and ptxas leaves it out.
//! *wgmma.wait_group*: until then, nothing else may access them. A `mov` may,
//! since compilers place it so; what it writes is then in flight as well.

use crate::exec::registers::ALL;
use crate::fault::FaultKind;
use crate::machine::{Context, Outcome, Raised, Warp};
use crate::program::code::{Action, FragmentUse, Instruction, Pc, Wgmma};

/// What a warp did to the registers that `wgmma` uses in its program.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    /// By [`FragmentUse::index`]; empty where nobody asks.
    registers: Vec<State>,
    /// When the warp executed its last fence, in its instructions.
    fenced: Option<u64>,
}

/// Who uses a register. Products are given by their number.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// The last product that accumulates in it, or in what was moved to it.
    accumulator: Option<u64>,
    /// The last product that reads A from it.
    factor: Option<u64>,
    /// The last other instruction that wrote it, or read it where that counts, and when.
    other: Option<(u64, Pc)>,
}

impl Fragments {
    /// Of a program that has so many such registers.
    pub(crate) fn new(registers: usize) -> Self {
        Self { registers: vec![State::default(); registers], fenced: None }
    }
}

impl Warp {
    /// `wgmma.fence`.
    pub(crate) fn fence_fragments(&mut self) {
        self.fragments.fenced = Some(self.executed);
    }

    /// Looks at the registers of `wgmma` that an instruction is about to use.
    pub(super) fn check_fragments(
        &mut self,
        instruction: &Instruction,
        uses: &[FragmentUse],
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        if let Action::Wgmma(wgmma) = &instruction.action {
            return self.check_product(wgmma, uses, context);
        }
        let moves = matches!(instruction.action, Action::MoveFragment(_));
        let reads_count = context.run.options.lints.unfenced_product_after_read;
        let (mut moved, mut source) = (None, None);
        for fragment in uses {
            let state = self.state(fragment);
            let factor = state.factor.filter(|_| fragment.writes);
            let allowed = |number| match fragment.writes {
                // It may be executed a second time, after it has waited for other warps.
                true => Some(number) == moved,
                false => moves,
            };
            let accumulator = state.accumulator.filter(|&number| !allowed(number));
            if let Some(number) = accumulator.or(factor) {
                return Err(self.in_flight(fragment, number, context));
            }
            if !fragment.writes {
                moved = moved.max(state.accumulator);
                source = source.max(state.other);
            }
            let now = (self.executed, context.pc);
            let state = &mut self.fragments.registers[fragment.index as usize];
            if fragment.writes {
                let last = if fragment.moves { source } else { Some(now) };
                (state.other, state.accumulator) = (last, moved);
            } else if !fragment.moves && reads_count {
                state.other = Some(now);
            }
        }
        Ok(())
    }

    /// Who uses a register, of products those in flight.
    fn state(&self, fragment: &FragmentUse) -> State {
        let state = self.fragments.registers[fragment.index as usize];
        let pending = |number: &u64| self.products.is_pending(*number);
        State {
            accumulator: state.accumulator.filter(pending),
            factor: state.factor.filter(pending),
            other: state.other,
        }
    }

    /// Looks at the registers of a product, and makes them its own.
    fn check_product(
        &mut self,
        wgmma: &Wgmma,
        uses: &[FragmentUse],
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let Some(fenced) = self.fragments.fenced else {
            return Err(Raised::new(FaultKind::NeverFenced, ALL));
        };
        for fragment in uses {
            let state = self.state(fragment);
            let accumulator = state
                .accumulator
                .filter(|&n| !fragment.writes || !self.has_shape(n, wgmma, context));
            let factor = state.factor.filter(|_| fragment.writes);
            if let Some(number) = accumulator.or(factor) {
                return Err(self.in_flight(fragment, number, context));
            }
            if let Some((_, pc)) = state.other.filter(|&(at, _)| at > fenced) {
                let register = context.run.program.slots.names[fragment.number as usize].clone();
                let user = self.site(context, pc, ALL);
                return Err(Raised::new(FaultKind::Unfenced { register, user }, ALL));
            }
        }
        let number = Some(self.products.next());
        for fragment in uses {
            let state = &mut self.fragments.registers[fragment.index as usize];
            match fragment.writes {
                true => state.accumulator = number,
                false => state.factor = number,
            }
        }
        Ok(())
    }

    /// Whether a product in flight has the shape of another.
    fn has_shape(&self, number: u64, other: &Wgmma, context: &Context<'_>) -> bool {
        let pc = self.products.pc_of(number);
        let action = pc.map(|pc| &context.run.program.code[pc as usize].action);
        matches!(action, Some(Action::Wgmma(wgmma)) if wgmma.has_shape_of(other))
    }

    fn in_flight(&self, fragment: &FragmentUse, number: u64, context: &Context<'_>) -> Box<Raised> {
        let register = context.run.program.slots.names[fragment.number as usize].clone();
        let pc = self.products.pc_of(number).unwrap_or(context.pc);
        let (written, product) = (fragment.writes, self.site(context, pc, ALL));
        Raised::new(FaultKind::FragmentInFlight { register, written, product }, ALL)
    }
}
