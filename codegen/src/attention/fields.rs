//! The fields of a config, each declared once: from the declaration follow the type, its one-word
//! form, and how fields are set by name.
//!
//! A word is the fields that are always written, in order, each a number after its letter; then, in
//! any order, those that are not as in `Config::PLAIN`: a flag, or a number after a letter.

use std::fmt;

use super::{FieldError, ParseConfigError, Rescale};

/// Declares the `Config` of an architecture:
///
/// ```text
/// config! {
///     /// Documentation of the type.
///     Config of "Ampere", such as "m128n64w4s1",
///     always {
///         /// Documentation of the field.
///         tile_m: u32 = 0, "m" means "rows";
///     }
///     unless plain {
///         /// Documentation of the field.
///         q_in_registers: bool = false, "qr" means "Q in registers";
///     }
/// }
/// ```
///
/// What stands after `=` is the field's value in `Config::PLAIN`. Values of a [`Choice`] bring flags
/// of their own.
macro_rules! config {
    (
        $(#[$documentation:meta])*
        Config of $architecture:literal, such as $example:literal,
        always {
            $(
                $(#[doc = $of_always:literal])+
                $always:ident: $number:ty = $unset:expr, $letter:literal means $counts:literal;
            )+
        }
        unless plain {
            $(
                $(#[doc = $of_other:literal])+
                $other:ident: $type:ty = $plain:expr, $flag:literal means $says:literal;
            )+
        }
    ) => {
        $(#[$documentation])*
        ///
        /// As text it is one word; [`ParseConfigError`](crate::attention::ParseConfigError) says how
        /// it is written.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct Config {
            $($(#[doc = $of_always])+ pub $always: $number,)+
            $($(#[doc = $of_other])+ pub $other: $type,)+
        }

        /// The names of a config's fields.
        pub const FIELDS: &[&str] = &[$(stringify!($always),)+ $(stringify!($other),)+];

        impl Config {
            /// No tile yet, and none of the variants.
            pub const PLAIN: Self = Self { $($always: $unset,)+ $($other: $plain,)+ };

            /// Sets a field by its name to what the text says.
            ///
            /// # Errors
            ///
            /// Where there is no such field, or it does not take that.
            pub fn set(
                &mut self,
                field: &str,
                value: &str,
            ) -> Result<(), $crate::attention::FieldError> {
                $crate::attention::fields::set(self, field, value)
            }
        }

        impl $crate::attention::fields::Fields for Config {
            const PLAIN: Self = Self::PLAIN;
            const ARCHITECTURE: &'static str = $architecture;
            const EXAMPLE: &'static str = $example;
            const NAMES: &'static [&'static str] = FIELDS;
            const DOCUMENTATION: &'static [&'static str] = &[
                $(concat!($($of_always),+),)+
                $(concat!($($of_other),+),)+
            ];
            const MARKS: &'static [$crate::attention::fields::Mark] =
                &[$(($letter, $counts),)+ $(($flag, $says),)+];
            const ALWAYS: usize = [$($letter),+].len();

            fn fields(&self) -> Vec<&dyn $crate::attention::fields::Field> {
                vec![$(&self.$always,)+ $(&self.$other,)+]
            }

            fn fields_mut(&mut self) -> Vec<&mut dyn $crate::attention::fields::Field> {
                vec![$(&mut self.$always,)+ $(&mut self.$other,)+]
            }
        }

        impl std::fmt::Display for Config {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::attention::fields::print(self, f)
            }
        }

        impl std::str::FromStr for Config {
            type Err = $crate::attention::ParseConfigError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::attention::fields::parse(text)
            }
        }
    };
}

pub(super) use config;

/// A flag or a letter in a word, and what it means.
pub(super) type Mark = (&'static str, &'static str);

/// A config as a list of fields.
pub(super) trait Fields: Copy + 'static {
    const PLAIN: Self;
    const ARCHITECTURE: &'static str;
    /// A word.
    const EXAMPLE: &'static str;
    const NAMES: &'static [&'static str];
    const DOCUMENTATION: &'static [&'static str];
    const MARKS: &'static [Mark];
    /// How many of the fields, the first, are always written.
    const ALWAYS: usize;

    fn fields(&self) -> Vec<&dyn Field>;

    fn fields_mut(&mut self) -> Vec<&mut dyn Field>;
}

/// A field of the configs of an architecture, for those who offer it to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigField {
    /// The name, which [`Config::set`](super::Config::set) knows.
    pub name: &'static str,
    /// What it says, in sentences.
    pub documentation: &'static str,
    /// The values that it takes; none where it takes numbers.
    pub values: Vec<&'static str>,
}

/// All fields.
pub(super) fn describe<C: Fields>() -> impl Iterator<Item = ConfigField> {
    let values = C::PLAIN.fields().into_iter().map(|field| field.values()).collect::<Vec<_>>();
    let texts = C::NAMES.iter().zip(C::DOCUMENTATION);
    let describe = |((name, documentation), values): ((&&'static str, &&'static str), _)| {
        ConfigField { name, documentation: documentation.trim_start(), values }
    };
    texts.zip(values).map(describe)
}

/// A field, by its text.
pub(super) trait Field {
    /// What [`Field::set`] takes.
    fn expected(&self) -> &'static str;

    /// The values that it takes; none where it takes numbers.
    fn values(&self) -> Vec<&'static str>;

    /// Takes a value by its name.
    fn set(&mut self, value: &str) -> Option<()>;

    /// How the value stands in a word.
    fn write(&self, mark: &str) -> String;

    /// Takes the value with which a word begins, and returns the rest of the word.
    fn read<'t>(&mut self, mark: &str, word: &'t str) -> Option<&'t str>;

    /// The flags by which it may stand in a word.
    fn flags(&self, mark: &str) -> String {
        mark.to_owned()
    }
}

impl Field for u32 {
    fn expected(&self) -> &'static str {
        "a number"
    }

    fn values(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn set(&mut self, value: &str) -> Option<()> {
        *self = value.parse().ok()?;
        Some(())
    }

    fn write(&self, mark: &str) -> String {
        format!("{mark}{self}")
    }

    fn read<'t>(&mut self, mark: &str, word: &'t str) -> Option<&'t str> {
        let digits = word.strip_prefix(mark)?;
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        self.set(&digits[..end])?;
        Some(&digits[end..])
    }
}

impl Field for bool {
    fn expected(&self) -> &'static str {
        "true or false"
    }

    fn values(&self) -> Vec<&'static str> {
        vec!["true", "false"]
    }

    fn set(&mut self, value: &str) -> Option<()> {
        *self = value.parse().ok()?;
        Some(())
    }

    fn write(&self, mark: &str) -> String {
        if *self { mark.to_owned() } else { String::new() }
    }

    fn read<'t>(&mut self, mark: &str, word: &'t str) -> Option<&'t str> {
        let rest = word.strip_prefix(mark)?;
        *self = true;
        Some(rest)
    }
}

/// A type with a few values.
pub(super) trait Choice: Copy + PartialEq + 'static {
    /// The names of the values, for an error.
    const EXPECTED: &'static str;

    /// Each value, its name, and its flag in a word, which is empty for the plain one.
    const VALUES: &'static [(Self, &'static str, &'static str)];
}

impl<T: Choice> Field for T {
    fn expected(&self) -> &'static str {
        T::EXPECTED
    }

    fn values(&self) -> Vec<&'static str> {
        T::VALUES.iter().map(|(_, name, _)| *name).collect()
    }

    fn set(&mut self, value: &str) -> Option<()> {
        *self = T::VALUES.iter().find(|(_, name, _)| *name == value)?.0;
        Some(())
    }

    fn write(&self, _mark: &str) -> String {
        let own = T::VALUES.iter().find(|(value, ..)| value == self);
        own.map_or("", |(_, _, flag)| flag).to_owned()
    }

    fn read<'t>(&mut self, _mark: &str, word: &'t str) -> Option<&'t str> {
        let begins = |(_, _, flag): &&(T, &str, &str)| !flag.is_empty() && word.starts_with(flag);
        let (value, _, flag) = T::VALUES.iter().find(begins)?;
        *self = *value;
        Some(&word[flag.len()..])
    }

    fn flags(&self, _mark: &str) -> String {
        let flags = T::VALUES.iter().map(|(_, _, flag)| *flag).filter(|flag| !flag.is_empty());
        flags.collect::<Vec<_>>().join(" or ")
    }
}

impl Choice for Rescale {
    const EXPECTED: &'static str = "always, lazy or speculative";

    const VALUES: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Always, "always", ""),
        (Self::Lazy, "lazy", "rl"),
        (Self::Speculative, "speculative", "rs"),
    ];
}

/// Sets a field by its name to what the text says.
pub(super) fn set<C: Fields>(config: &mut C, field: &str, value: &str) -> Result<(), FieldError> {
    let unknown = || FieldError::Unknown {
        architecture: C::ARCHITECTURE,
        field: field.to_owned(),
        known: C::NAMES,
    };
    let number = C::NAMES.iter().position(|name| *name == field).ok_or_else(unknown)?;
    let place = config.fields_mut().swap_remove(number);
    let expected = place.expected();
    place.set(value).ok_or_else(|| FieldError::Value { field: field.to_owned(), expected })
}

/// Writes the one-word form.
pub(super) fn print<C: Fields>(config: &C, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let plain = C::PLAIN;
    let fields = config.fields().into_iter().zip(plain.fields()).zip(C::MARKS);
    for (number, ((field, plain), (mark, _))) in fields.enumerate() {
        let text = field.write(mark);
        if number < C::ALWAYS || text != plain.write(mark) {
            f.write_str(&text)?;
        }
    }
    Ok(())
}

/// Reads the one-word form.
pub(super) fn parse<C: Fields>(text: &str) -> Result<C, ParseConfigError> {
    read(text).ok_or_else(|| ParseConfigError::new(text, form::<C>()))
}

fn read<C: Fields>(text: &str) -> Option<C> {
    let mut config = C::PLAIN;
    let mut rest = text;
    let mut fields: Vec<_> = config.fields_mut().into_iter().zip(C::MARKS).collect();
    let (always, others) = fields.split_at_mut(C::ALWAYS);
    for (field, (mark, _)) in always {
        rest = field.read(mark, rest)?;
    }
    while !rest.is_empty() {
        rest = others.iter_mut().find_map(|(field, (mark, _))| field.read(mark, rest))?;
    }
    Some(config)
}

/// What the one-word form consists of.
pub(super) fn form<C: Fields>() -> String {
    let plain = C::PLAIN;
    let fields = plain.fields().into_iter().zip(C::MARKS);
    let explain =
        |(field, (mark, means)): (&dyn Field, &Mark)| format!("{} ({means})", field.flags(mark));
    let explained: Vec<_> = fields.map(explain).collect();
    let (always, others) = explained.split_at(C::ALWAYS);
    format!(
        "such as {}: each with its number {}, then any of {}",
        C::EXAMPLE,
        always.join(", "),
        others.join(", ")
    )
}
