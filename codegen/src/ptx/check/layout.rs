//! Sizes and offsets of parameters and variables.

use super::resolved::ParameterLayout;
use crate::ptx::tree::{Parameter, Variable};

/// Lays parameters out in a block, each aligned in turn.
pub(super) fn parameters(parameters: &[Parameter]) -> Vec<ParameterLayout> {
    let mut end = 0_u64;
    let layout = |parameter: &Parameter| {
        let natural = parameter.scalar.bytes();
        let align = parameter.align.filter(|a| a.is_power_of_two()).unwrap_or(natural);
        let size = u64::from(natural).saturating_mul(parameter.array.unwrap_or(1));
        let offset = end.next_multiple_of(u64::from(align));
        end = offset.saturating_add(size).min(u64::from(u32::MAX));
        ParameterLayout {
            name: parameter.name.clone(),
            scalar: parameter.scalar,
            align,
            size,
            offset,
            register: None,
        }
    };
    parameters.iter().map(layout).collect()
}

/// Bytes that a variable takes; none where that does not fit 64 bits.
pub(super) fn size(variable: &Variable) -> Option<u64> {
    elements(variable)?.checked_mul(u64::from(variable.scalar.bytes()))
}

/// Elements of a variable; 0 for an open array.
pub(super) fn elements(variable: &Variable) -> Option<u64> {
    let vector = u64::from(variable.vector.unwrap_or(1));
    variable
        .dimensions
        .iter()
        .try_fold(vector, |product, size| product.checked_mul(size.unwrap_or(0)))
}

/// Alignment of a variable in bytes.
pub(super) fn align(variable: &Variable) -> u32 {
    let natural = variable.scalar.bytes() * u32::from(variable.vector.unwrap_or(1));
    variable.align.filter(|a| a.is_power_of_two()).unwrap_or(natural)
}
