//! The fields of a config by name.

use super::Config;
use crate::attention::FieldError;
use crate::attention::field::set;

/// The names of a config's fields.
pub const FIELDS: &[&str] = &[
    "tile_m",
    "tile_n",
    "stages",
    "overlap",
    "ping_pong",
    "p_in_shared",
    "q_in_registers",
    "direct_output",
    "cluster",
    "persistent",
    "longest_first",
    "split_masked_loop",
    "rescale",
    "polynomials",
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
            "stages" => set(&mut self.stages, field, value),
            "overlap" => set(&mut self.overlap, field, value),
            "ping_pong" => set(&mut self.ping_pong, field, value),
            "p_in_shared" => set(&mut self.p_in_shared, field, value),
            "q_in_registers" => set(&mut self.q_in_registers, field, value),
            "direct_output" => set(&mut self.direct_output, field, value),
            "cluster" => set(&mut self.cluster, field, value),
            "persistent" => set(&mut self.persistent, field, value),
            "longest_first" => set(&mut self.longest_first, field, value),
            "split_masked_loop" => set(&mut self.split_masked_loop, field, value),
            "rescale" => set(&mut self.rescale, field, value),
            "polynomials" => set(&mut self.polynomials, field, value),
            _ => Err(FieldError::Unknown {
                architecture: "Hopper",
                field: field.to_owned(),
                known: FIELDS,
            }),
        }
    }
}
