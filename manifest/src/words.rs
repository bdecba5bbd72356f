//! Values that are one of a few words, such as `mode = "fast"`.

/// A type whose values are written as words.
pub(crate) trait Words: Copy + PartialEq + 'static {
    /// Each value with its word, in the order of the documentation.
    const VALUES: &'static [(Self, &'static str)];
    /// The words alone, for [`crate::kind::Kind::Words`].
    const WORDS: &'static [&'static str];

    /// The value that a word stands for.
    fn of(word: &str) -> Option<Self> {
        let mut values = Self::VALUES.iter();
        values.find(|(_, of)| *of == word).map(|(value, _)| *value)
    }

    /// The word of a value.
    fn word(self) -> &'static str {
        let mut values = Self::VALUES.iter();
        let found = values.find(|(value, _)| *value == self);
        // Only `LevelFilter::Off` has no word. No manifest leads to it.
        found.map_or("off", |(_, word)| *word)
    }
}

/// Gives each variant of an enum its word.
macro_rules! words {
    ($type:ty: $($variant:ident = $word:literal),+) => {
        impl $crate::words::Words for $type {
            const VALUES: &'static [(Self, &'static str)] = &[$((<$type>::$variant, $word)),+];
            const WORDS: &'static [&'static str] = &[$($word),+];
        }
    };
}
pub(crate) use words;
