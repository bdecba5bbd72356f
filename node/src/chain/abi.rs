//! Calls of contracts and their answers as bytes (Solidity contract ABI specification), as far as
//! deals need them.

use alloc::vec::Vec;
use core::fmt;

/// 32 bytes, what everything is made of.
pub(super) type Word = [u8; 32];

/// Longest list that is read. Against answers whose offsets point to the same bytes over and over.
const MAX_LIST: usize = 1024;
/// Bytes of a word.
const WORD: usize = 32;

/// An answer is not what the function's signature says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the contract's answer has another shape")
    }
}

/// A call's data: the function's selector, then its arguments.
pub(super) fn call(selector: u32, arguments: &[Word]) -> Vec<u8> {
    let mut data = selector.to_be_bytes().to_vec();
    arguments
        .iter()
        .for_each(|word| data.extend_from_slice(word));
    data
}

/// A number as a word.
#[cfg(test)]
pub(super) fn number(value: u64) -> Word {
    let mut word = [0; WORD];
    word[24..].copy_from_slice(&value.to_be_bytes());
    word
}

/// A tuple, a list's elements or a whole answer: offsets in it count from its beginning.
#[derive(Clone, Copy)]
pub(super) struct View<'a>(pub(super) &'a [u8]);

impl<'a> View<'a> {
    /// A word by its place.
    pub(super) fn word(self, index: usize) -> Result<Word, Malformed> {
        let words = self.0.as_chunks::<WORD>().0;
        words.get(index).copied().ok_or(Malformed)
    }

    /// A word that is a small number.
    pub(super) fn size(self, index: usize) -> Result<usize, Malformed> {
        let word = self.word(index)?;
        let (high, low) = word.split_at(WORD - 4);
        let low = low.first_chunk().ok_or(Malformed)?;
        match high.iter().all(|&byte| byte == 0) {
            true => Ok(u32::from_be_bytes(*low) as usize),
            false => Err(Malformed),
        }
    }

    /// What the offset at a place leads to.
    fn at(self, index: usize) -> Result<View<'a>, Malformed> {
        self.0.get(self.size(index)?..).map(View).ok_or(Malformed)
    }

    /// The list that the offset at a place leads to: its length, and its elements.
    fn list(self, index: usize) -> Result<(usize, View<'a>), Malformed> {
        let list = self.at(index)?;
        let count = list.size(0)?;
        match count <= MAX_LIST {
            true => Ok((count, View(&list.0[WORD..]))),
            false => Err(Malformed),
        }
    }

    /// A list of tuples of `width` words each.
    pub(super) fn tuples(self, index: usize, width: usize) -> Result<Vec<View<'a>>, Malformed> {
        let (count, elements) = self.list(index)?;
        let tuple = |i: usize| {
            let start = i * width * WORD;
            let bytes = elements.0.get(start..start + width * WORD);
            bytes.map(View).ok_or(Malformed)
        };
        (0..count).map(tuple).collect()
    }

    /// A list of tuples with lists in them.
    pub(super) fn dynamic(self, index: usize) -> Result<Vec<View<'a>>, Malformed> {
        let (count, elements) = self.list(index)?;
        (0..count).map(|i| elements.at(i)).collect()
    }

    /// A list of words.
    pub(super) fn words(self, index: usize) -> Result<Vec<Word>, Malformed> {
        let (count, elements) = self.list(index)?;
        (0..count).map(|i| elements.word(i)).collect()
    }
}
