//! The fields of a config by name.

use super::{Config, Schedule};
use crate::attention::FieldError;
use crate::attention::field::{Field, set};

/// The names of a config's fields.
pub const FIELDS: &[&str] = &[
    "tile_m",
    "tile_n",
    "stages",
    "early_quarters",
    "threshold",
    "polynomials",
    "degree",
    "softmax_registers",
    "correction_registers",
    "pair",
    "schedule",
    "longest_first",
    "o_over_q",
];

impl Field for Schedule {
    const EXPECTED: &'static str = "single, persistent or dynamic";

    fn read(text: &str) -> Option<Self> {
        match text {
            "single" => Some(Self::Single),
            "persistent" => Some(Self::Persistent),
            "dynamic" => Some(Self::Dynamic),
            _ => None,
        }
    }
}

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
            "early_quarters" => set(&mut self.early_quarters, field, value),
            "threshold" => set(&mut self.threshold, field, value),
            "polynomials" => set(&mut self.polynomials, field, value),
            "degree" => set(&mut self.degree, field, value),
            "softmax_registers" => set(&mut self.softmax_registers, field, value),
            "correction_registers" => set(&mut self.correction_registers, field, value),
            "pair" => set(&mut self.pair, field, value),
            "schedule" => set(&mut self.schedule, field, value),
            "longest_first" => set(&mut self.longest_first, field, value),
            "o_over_q" => set(&mut self.o_over_q, field, value),
            _ => Err(FieldError::Unknown {
                architecture: "Blackwell",
                field: field.to_owned(),
                known: FIELDS,
            }),
        }
    }
}
