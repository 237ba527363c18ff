//! Values of a config's fields, as text.

use super::{FieldError, Rescale};

/// A field that takes a value by its text.
pub(super) trait Field: Sized {
    const EXPECTED: &'static str;

    fn read(text: &str) -> Option<Self>;
}

impl Field for u32 {
    const EXPECTED: &'static str = "a number";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Field for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Field for Rescale {
    const EXPECTED: &'static str = "always, lazy or speculative";

    fn read(text: &str) -> Option<Self> {
        match text {
            "always" => Some(Self::Always),
            "lazy" => Some(Self::Lazy),
            "speculative" => Some(Self::Speculative),
            _ => None,
        }
    }
}

/// Sets a field to what `text` says.
pub(super) fn set<T: Field>(field: &mut T, name: &str, text: &str) -> Result<(), FieldError> {
    let value = T::read(text);
    *field = value.ok_or(FieldError::Value { field: name.to_owned(), expected: T::EXPECTED })?;
    Ok(())
}
