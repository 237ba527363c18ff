//! The fields of a config by name.

use super::Config;
use crate::attention::FieldError;
use crate::attention::field::set;

/// The names of a config's fields.
pub const FIELDS: &[&str] = &[
    "tile_m",
    "tile_n",
    "warps",
    "stages",
    "blocks",
    "q_in_registers",
    "share_q_k",
    "split_masked_loop",
    "rescale",
];

impl Config {
    /// Sets a field by its name to what the text says.
    ///
    /// # Errors
    ///
    /// Where there is no such field, or it does not take that.
    pub fn set(&mut self, field: &str, value: &str) -> Result<(), FieldError> {
        match field {
            "tile_m" => set(&mut self.tile_m, field, value),
            "tile_n" => set(&mut self.tile_n, field, value),
            "warps" => set(&mut self.warps, field, value),
            "stages" => set(&mut self.stages, field, value),
            "blocks" => set(&mut self.blocks, field, value),
            "q_in_registers" => set(&mut self.q_in_registers, field, value),
            "share_q_k" => set(&mut self.share_q_k, field, value),
            "split_masked_loop" => set(&mut self.split_masked_loop, field, value),
            "rescale" => set(&mut self.rescale, field, value),
            _ => Err(FieldError::Unknown {
                architecture: "Ampere",
                field: field.to_owned(),
                known: FIELDS,
            }),
        }
    }
}
