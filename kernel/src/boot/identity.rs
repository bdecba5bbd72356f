//! The two files that keep a generated identity: each has the seed in base64 and a newline, as it
//! could stand in the manifest. Pure.
//!
//! A power cut can leave a file missing or damaged while it is written. Therefore there are two,
//! the second is written when the first is whole, and the node starts when both are: as long as
//! there is no second one, nobody has ever been told of the identity, and it may be made anew.

use alloc::string::String;
use core::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The file does not hold an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it does not hold 32 bytes in base64")
    }
}

impl core::error::Error for Damaged {}

/// What is in one of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// There is no such file.
    Missing,
    /// It holds no identity.
    Damaged,
    /// It holds this seed.
    Whole([u8; 32]),
}

/// The two files.
pub trait Files {
    /// Why a file cannot be read or written.
    type Error;

    /// Reads a file, 0 or 1.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn read(&mut self, number: usize) -> Result<Content, Self::Error>;

    /// Writes a file, 0 or 1. When this returns, power cuts do it no harm.
    ///
    /// # Errors
    /// When it cannot be written; what is there then is not known.
    fn write(&mut self, number: usize, content: &str) -> Result<(), Self::Error>;
}

/// Who the node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The seed.
    pub seed: [u8; 32],
    /// It was made just now.
    pub is_new: bool,
    /// Both files hold it.
    pub in_both: bool,
}

/// Why the files do not tell who the node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem<E> {
    /// Both are there once, and neither holds an identity.
    Lost,
    /// A file cannot be read.
    Unreadable(E),
    /// A new identity cannot be written.
    NotWritten(E),
    /// A new identity was written and reads differently.
    NotKept,
}

/// The identity in the files, or a `fresh` one if nobody can have been told of any. A file that
/// does not hold it is written.
///
/// # Errors
/// [`Problem`] if there was an identity that cannot be told, or a new one cannot be kept.
pub fn keep<F: Files>(
    files: &mut F,
    fresh: impl FnOnce() -> [u8; 32],
) -> Result<Kept, Problem<F::Error>> {
    let found = [
        files.read(0).map_err(Problem::Unreadable)?,
        files.read(1).map_err(Problem::Unreadable)?,
    ];
    let (seed, is_new) = match found {
        [Content::Whole(seed), _] | [_, Content::Whole(seed)] => (seed, false),
        [_, Content::Missing] => (fresh(), true),
        [_, Content::Damaged] => return Err(Problem::Lost),
    };
    let text = emit(&seed);
    let mut in_both = true;
    for (number, content) in found.into_iter().enumerate() {
        if content == Content::Whole(seed) {
            continue;
        }
        let outcome = match files.write(number, &text).and_then(|()| files.read(number)) {
            Ok(Content::Whole(read)) if read == seed => continue,
            Ok(_) => Problem::NotKept,
            Err(error) => Problem::NotWritten(error),
        };
        // One whole file is enough for a node that was somebody before.
        if is_new {
            return Err(outcome);
        }
        in_both = false;
    }
    Ok(Kept {
        seed,
        is_new,
        in_both,
    })
}

/// The file's content for `seed`.
#[must_use]
pub fn emit(seed: &[u8; 32]) -> String {
    let mut text = STANDARD.encode(seed);
    text.push('\n');
    text
}

/// The seed in a file with this content.
///
/// # Errors
/// [`Damaged`] if it is not exactly what [`emit`] writes, white space at its ends aside.
pub fn parse(content: &[u8]) -> Result<[u8; 32], Damaged> {
    let mut seed = [0; 32];
    let len = STANDARD
        .decode_slice(content.trim_ascii(), &mut seed)
        .map_err(|_| Damaged)?;
    if len == seed.len() {
        Ok(seed)
    } else {
        Err(Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn what_is_written_is_read() {
        let seed: [u8; 32] = core::array::from_fn(|index| index as u8 * 7);
        assert_eq!(parse(emit(&seed).as_bytes()), Ok(seed));
        assert_eq!(parse(emit(&seed).trim_end().as_bytes()), Ok(seed));
    }

    #[test]
    fn anything_else_is_damaged() {
        let whole = emit(&[9; 32]);
        for content in [
            "",
            "\n",
            "AAAA",
            &whole[..43],
            "*".repeat(44).as_str(),
            &whole.repeat(2),
        ] {
            assert_eq!(parse(content.as_bytes()), Err(Damaged), "{content:?}");
        }
        assert_eq!(parse(&[0xff; 44]), Err(Damaged));
        assert_eq!(parse(&[b'A'; 400]), Err(Damaged));
    }

    /// Two files on a machine whose power goes after so many steps.
    #[derive(Clone)]
    struct Volume {
        files: [Content; 2],
        steps: usize,
    }

    impl Volume {
        fn step(&mut self, number: usize, content: Content) -> Result<(), ()> {
            self.steps = self.steps.checked_sub(1).ok_or(())?;
            self.files[number] = content;
            Ok(())
        }
    }

    impl Files for Volume {
        type Error = ();

        fn read(&mut self, number: usize) -> Result<Content, ()> {
            Ok(self.files[number])
        }

        fn write(&mut self, number: usize, content: &str) -> Result<(), ()> {
            // The old file goes, an empty one comes, then its content.
            self.step(number, Content::Missing)?;
            self.step(number, Content::Damaged)?;
            let seed = parse(content.as_bytes()).map_err(|_| ())?;
            self.step(number, Content::Whole(seed))
        }
    }

    #[test]
    fn no_power_cut_changes_or_loses_an_identity() {
        let mut reached = vec![([Content::Missing; 2], None)];
        let mut next = 0;
        while let Some(&(files, told)) = reached.get(next) {
            next += 1;
            for steps in 0..8 {
                let mut volume = Volume { files, steps };
                // Each start without a known identity would make another one.
                let fresh = [next as u8 * 8 + steps as u8; 32];
                let told = match keep(&mut volume, || fresh) {
                    Ok(kept) => {
                        assert!(told.is_none_or(|seed| seed == kept.seed), "{files:?}");
                        // Fewer than six steps cannot have made both.
                        assert!(!kept.is_new || steps >= 6);
                        Some(kept.seed)
                    }
                    Err(problem) => {
                        assert_eq!(problem, Problem::NotWritten(()), "{files:?}");
                        told
                    }
                };
                let shape = |content| match content {
                    Content::Whole(_) => Content::Whole([1; 32]),
                    other => other,
                };
                let known = |(files, told): &([Content; 2], Option<[u8; 32]>)| {
                    (files.map(shape), told.is_some())
                };
                let state = (volume.files, told);
                if !reached.iter().any(|other| known(other) == known(&state)) {
                    reached.push(state);
                }
            }
        }
        assert!(reached.len() >= 7, "{reached:?}");
    }

    #[test]
    fn one_whole_file_is_enough() {
        let whole = Content::Whole([5; 32]);
        for files in [
            [whole, Content::Missing],
            [whole, Content::Damaged],
            [whole, Content::Whole([6; 32])],
            [Content::Missing, whole],
            [Content::Damaged, whole],
        ] {
            for (steps, in_both) in [(0, false), (3, true)] {
                let mut volume = Volume { files, steps };
                let kept = keep(&mut volume, || [9; 32]);
                let (seed, is_new) = ([5; 32], false);
                assert_eq!(
                    kept,
                    Ok(Kept {
                        seed,
                        is_new,
                        in_both
                    })
                );
                assert!(!in_both || volume.files == [whole; 2]);
            }
        }
        for first in [Content::Missing, Content::Damaged] {
            let mut volume = Volume {
                files: [first, Content::Damaged],
                steps: 9,
            };
            assert_eq!(keep(&mut volume, || [9; 32]), Err(Problem::Lost));
        }
    }
}
