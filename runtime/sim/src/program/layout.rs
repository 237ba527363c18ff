//! Where variables lie.

use std::collections::HashMap;

use tilewright_codegen::ptx::Space;
use tilewright_codegen::ptx::check::{Checked, CheckedFunction, VariableId};

/// Dynamic shared memory begins at a multiple of this, which the widest access needs; a larger
/// alignment of the declaration counts.
const DYNAMIC_ALIGNMENT: u64 = 16;

/// The shared memory of a block: variables in order of declaration, then the dynamic part.
#[derive(Debug)]
pub(crate) struct SharedLayout {
    offsets: HashMap<VariableId, u64>,
    /// Bytes before the dynamic part.
    pub(crate) fixed: u64,
    /// Names, offsets and sizes, for messages.
    pub(crate) variables: Vec<(String, u64, u64)>,
}

impl SharedLayout {
    pub(super) fn new(checked: &Checked) -> Self {
        let shared = |is_extern: bool| {
            let all = checked.variables().iter().enumerate();
            all.filter(move |(_, v)| v.space == Space::Shared && v.is_extern == is_extern)
                .map(|(i, v)| (VariableId(i as u32), v))
        };
        let mut layout = Self { offsets: HashMap::new(), fixed: 0, variables: Vec::new() };
        for (id, variable) in shared(false) {
            let offset = layout.fixed.next_multiple_of(u64::from(variable.align.max(1)));
            layout.offsets.insert(id, offset);
            layout.variables.push((variable.name.to_string(), offset, variable.size));
            // More than any block can have is refused at launch, whatever the sum.
            layout.fixed = offset.saturating_add(variable.size).min(u64::from(u32::MAX));
        }
        let alignment =
            shared(true).map(|(_, v)| u64::from(v.align)).fold(DYNAMIC_ALIGNMENT, u64::max);
        if shared(true).next().is_some() {
            layout.fixed = layout.fixed.next_multiple_of(alignment);
        }
        for (id, _) in shared(true) {
            layout.offsets.insert(id, layout.fixed);
        }
        layout
    }

    /// Offset of a variable in the block's shared memory.
    pub(super) fn offset(&self, id: VariableId) -> i64 {
        self.offsets.get(&id).map_or(0, |&offset| offset as i64)
    }
}

/// The frame of a function in local memory: its variables, the `.param` variables it calls with,
/// and its own parameters.
#[derive(Debug, Default)]
pub(super) struct FrameLayout {
    variables: HashMap<VariableId, u32>,
    parameters: Vec<u32>,
    returns: Vec<u32>,
    pub(super) size: u32,
}

impl FrameLayout {
    /// Frames begin at multiples of this.
    const ALIGNMENT: u32 = 16;

    pub(super) fn new(checked: &Checked, function: &CheckedFunction) -> Self {
        let mut frame = Self::default();
        for (i, variable) in checked.variables().iter().enumerate() {
            let ours = match &variable.function {
                Some(name) => *name == function.name,
                // A variable of module scope in local memory belongs to the entry's frame.
                None => variable.space == Space::Local && function.is_entry,
            };
            if ours && matches!(variable.space, Space::Local | Space::Param) {
                let offset = frame.allocate(variable.size, variable.align);
                frame.variables.insert(VariableId(i as u32), offset);
            }
        }
        if !function.is_entry {
            let place =
                |frame: &mut Self, list: &[tilewright_codegen::ptx::check::ParameterLayout]| {
                    list.iter().map(|p| frame.allocate(p.size, p.align)).collect()
                };
            frame.parameters = place(&mut frame, &function.parameters);
            frame.returns = place(&mut frame, &function.returns);
        }
        frame.size = frame.size.next_multiple_of(Self::ALIGNMENT);
        frame
    }

    fn allocate(&mut self, size: u64, align: u32) -> u32 {
        let offset = self.size.next_multiple_of(align.max(1));
        // A frame of 4 GiB is refused when it is entered, so saturating is enough here.
        self.size =
            offset.saturating_add(u32::try_from(size).unwrap_or(u32::MAX / 2)).min(u32::MAX / 2);
        offset
    }

    pub(super) fn variable(&self, id: VariableId) -> Option<u32> {
        self.variables.get(&id).copied()
    }

    pub(super) fn parameter(&self, is_return: bool, index: u32) -> u32 {
        if is_return { self.returns[index as usize] } else { self.parameters[index as usize] }
    }
}
