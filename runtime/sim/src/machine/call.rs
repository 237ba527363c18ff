//! Calls and returns.

use std::sync::Arc;

use super::raise::{Outcome, Raised};
use super::step::Next;
use super::warp::{Context, Frame, State, Warp};
use crate::exec::registers::{AnySlot, PredicateSlot, Registers, Slot, lanes};
use crate::fault::FaultKind;
use crate::memory::window;
use crate::program::code::{Action, Call, Passed, Target};

impl Warp {
    /// `call`.
    pub(super) fn call(
        &mut self,
        group: usize,
        call: &Call,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<Next> {
        let mut left = active;
        while left != 0 {
            let (function, together) = self.callee(call.target, left, context)?;
            self.enter(group, call, function, together, context)?;
            left &= !together;
        }
        self.leave(group);
        Ok(Next::Select)
    }

    /// The function that the first of `lanes` calls, and the lanes that call it too.
    fn callee(&self, target: Target, active: u32, context: &Context<'_>) -> Outcome<(u32, u32)> {
        let slot = match target {
            Target::Direct(function) => return Ok((function, active)),
            Target::Indirect(slot) => slot,
        };
        let addresses = self.registers.get(slot);
        let lane = active.trailing_zeros() as usize;
        let address = addresses[lane];
        let functions = context.run.program.functions.len();
        let Some(function) = window::function_at(address).filter(|&f| (f as usize) < functions)
        else {
            let what = format!("a call of address {address:#x}, which is no function's");
            return Err(Raised::undefined(what, 1 << lane));
        };
        let together =
            lanes(active).filter(|&l| addresses[l] == address).fold(0, |m, l| m | 1 << l);
        Ok((function, together))
    }

    /// Moves lanes of a group into a call.
    fn enter(
        &mut self,
        group: usize,
        call: &Call,
        function: u32,
        active: u32,
        context: &Context<'_>,
    ) -> Outcome<()> {
        let program = context.run.program;
        let limits = &context.run.options.limits;
        let callee = &program.functions[function as usize];
        let caller = &self.groups[group];
        let (pc, depth, parent) = (caller.pc, caller.depth() + 1, caller.frame.clone());
        if depth > limits.call_depth {
            let what = format!("calls nest deeper than the limit of {}", limits.call_depth);
            return Err(Raised::new(FaultKind::StackOverflow(what), active));
        }
        let caller_base = self.frame_base(group);
        let caller_size =
            program.functions[program.details[pc as usize].function as usize].frame_size;
        let base = caller_base + caller_size;
        let end = base.saturating_add(callee.frame_size);
        if end > limits.local_memory {
            let what =
                format!("{end} bytes of local memory exceed the limit of {}", limits.local_memory);
            return Err(Raised::new(FaultKind::StackOverflow(what), active));
        }
        if callee.parameters.len() != call.arguments.len() {
            return Err(Raised::undefined("a call with the wrong number of arguments", active));
        }
        let recursive = is_active(parent.as_ref(), function);
        let saved = recursive.then(|| self.registers.clone());
        for lane in lanes(active) {
            self.local.enter(lane, base, end);
            let values = self.fetch(lane, caller_base, &call.arguments);
            for (&to, value) in callee.parameters.iter().zip(values) {
                self.deliver(lane, base, to, &value);
            }
        }
        if !self.written.is_empty() {
            for number in callee.numbers.clone() {
                self.written[number as usize] &= !active;
            }
            for &number in &callee.parameter_numbers {
                self.written[number as usize] |= active;
            }
        }
        self.split(group, active, callee.start, State::Ready);
        let entered = self.groups.last_mut();
        if let Some(entered) = entered {
            entered.frame =
                Some(Arc::new(Frame { parent, call: pc, function, base, depth, saved }));
        }
        Ok(())
    }

    /// The values that lie in registers or in the frame at `base`.
    fn fetch(&self, lane: usize, base: u32, from: &[Passed]) -> Vec<Vec<u8>> {
        let fetch = |passed: &Passed| match *passed {
            Passed::Register(slot) => self.registers.lane(slot, lane).to_le_bytes().to_vec(),
            Passed::Frame { offset, size } => {
                let bytes = self.local.get(lane, u64::from(base + offset), size);
                bytes.map_or_else(Vec::new, |bytes| bytes.iter().map(|b| b.0).collect())
            }
        };
        from.iter().map(fetch).collect()
    }

    /// Writes a value to a register or to the frame at `base`.
    fn deliver(&mut self, lane: usize, base: u32, to: Passed, value: &[u8]) {
        match to {
            Passed::Register(slot) => {
                let mut bits = [0; 8];
                let size = value.len().min(8);
                bits[..size].copy_from_slice(&value[..size]);
                self.registers.set_lane(slot, lane, u64::from_le_bytes(bits));
            }
            Passed::Frame { offset, size } => {
                if let Some(bytes) = self.local.get_mut(lane, u64::from(base + offset), size) {
                    for (byte, &value) in bytes.iter_mut().zip(value) {
                        *byte = (value, true);
                    }
                }
            }
        }
    }

    /// `vprintf`: nothing is printed, as if the buffer for it were full.
    pub(super) fn print(&mut self, group: usize, results: &[Option<Passed>], active: u32) {
        let base = self.frame_base(group);
        for lane in lanes(active) {
            for to in results.iter().flatten() {
                self.deliver(lane, base, *to, &(-1_i32).to_le_bytes());
            }
        }
    }

    /// `ret`; in the entry it exits.
    pub(super) fn return_from(
        &mut self,
        group: usize,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<Next> {
        let Some(frame) = self.groups[group].frame.clone() else {
            return self.exit(group, active, context);
        };
        let program = context.run.program;
        let callee = &program.functions[frame.function as usize];
        let values: Vec<_> = lanes(active)
            .map(|lane| (lane, self.fetch(lane, frame.base, &callee.returns)))
            .collect();
        if let Some(saved) = &frame.saved {
            self.restore(frame.function, saved, active, context);
        }
        let caller_base = frame.parent.as_ref().map_or(0, |parent| parent.base);
        if let Action::Call(call) = &program.code[frame.call as usize].action {
            for (lane, values) in values {
                for (to, value) in call.results.iter().zip(values) {
                    if let Some(to) = to {
                        self.deliver(lane, caller_base, *to, &value);
                    }
                }
            }
        }
        self.split(group, active, frame.call + 1, State::Ready);
        if let Some(returned) = self.groups.last_mut() {
            returned.frame = frame.parent.clone();
        }
        self.leave(group);
        Ok(Next::Select)
    }

    /// Gives the registers of a function back the values they had before it called itself.
    fn restore(&mut self, function: u32, saved: &Registers, active: u32, context: &Context<'_>) {
        let callee = &context.run.program.functions[function as usize];
        for &slot in &callee.registers {
            match slot {
                AnySlot::Word(slot) => self.registers.set(slot, saved.get(slot), active),
                AnySlot::Double(slot) => self.registers.set(slot, saved.get(slot), active),
                AnySlot::Quad(slot) => {
                    let high = Slot::<u64>::new(slot.index + 1);
                    self.registers.set(slot, saved.get(slot), active);
                    self.registers.set(high, saved.get(high), active);
                }
            }
        }
        for index in callee.predicates.clone() {
            let slot = PredicateSlot(index);
            self.registers.set_predicate(slot, saved.predicates[index as usize], active);
        }
        if !self.written.is_empty() {
            for number in callee.numbers.clone() {
                self.written[number as usize] |= active;
            }
        }
    }
}

/// Whether a function is among the calls in progress.
fn is_active(mut frame: Option<&Arc<Frame>>, function: u32) -> bool {
    while let Some(call) = frame {
        if call.function == function {
            return true;
        }
        frame = call.parent.as_ref();
    }
    false
}
