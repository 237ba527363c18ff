use tilewright_codegen::ptx::{Mnemonic, ScalarType};

/// A mnemonic as its words, which is all that lowering needs: which modifiers stand there, and the
/// types in order.
pub(super) struct Name<'a> {
    text: &'a str,
}

impl<'a> Name<'a> {
    pub(super) fn new(mnemonic: &'a Mnemonic) -> Self {
        Self { text: mnemonic.text() }
    }

    /// The modifiers, without the first word.
    pub(super) fn modifiers(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.text.split('.').skip(1)
    }

    /// Whether a modifier stands there.
    pub(super) fn has(&self, word: &str) -> bool {
        self.modifiers().any(|modifier| modifier == word)
    }

    /// The first of `words` that stands there.
    pub(super) fn first_of(&self, words: &[&'static str]) -> Option<&'static str> {
        words.iter().copied().find(|word| self.has(word))
    }

    /// The types, in order.
    pub(super) fn types(&self) -> impl Iterator<Item = ScalarType> + use<'a> {
        self.modifiers().filter_map(ScalarType::from_name)
    }

    /// The last type, which is that of the operands where there is but one.
    pub(super) fn scalar(&self) -> Option<ScalarType> {
        self.types().last()
    }

    /// The number of elements of a vector: 1, or what `.v2` to `.v8` say.
    pub(super) fn vector(&self) -> usize {
        let vector = |word: &str| word.strip_prefix('v')?.parse().ok();
        self.modifiers().find_map(vector).unwrap_or(1)
    }
}
