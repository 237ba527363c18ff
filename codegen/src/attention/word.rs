//! The one-word form of a config: numbers, each after its letter, then flags of two letters.

/// What is left to read of a word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'t>(pub(super) &'t str);

impl Word<'_> {
    /// The number after `letter`, where that comes next.
    pub(super) fn number(&mut self, letter: char) -> Option<u32> {
        let digits = self.0.strip_prefix(letter)?;
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let value = digits[..end].parse().ok()?;
        self.0 = &digits[end..];
        Some(value)
    }

    /// Gives `set` each of the flags that are left, until it takes one not.
    pub(super) fn flags(self, mut set: impl FnMut(&str) -> Option<()>) -> Option<()> {
        let mut rest = self.0;
        while !rest.is_empty() {
            let (flag, after) = rest.split_at_checked(2)?;
            set(flag)?;
            rest = after;
        }
        Some(())
    }
}
