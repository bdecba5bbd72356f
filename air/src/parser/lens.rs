//! Lenses (AIR spec section 2.2).

use core::fmt::Write;

use super::error::ParseErrorKind as Kind;
use super::state::Parser;
use crate::ast::{Accessor, Lens, LensId, LensKind, Text};
use crate::budget::cost;

type Result<T> = core::result::Result<T, (usize, Kind)>;

impl Parser<'_> {
    /// Parses the lens at `range`, which begins with its dot. Behind an error object `!` may stand
    /// after every accessor, else only at the end: there the lexer refuses it, which the
    /// reference's does not for these two words.
    pub(super) fn lens(&mut self, range: Text, of_error: bool) -> Result<LensId> {
        let refuse = |at: usize, reason| Err((at, Kind::Lens(reason)));
        let start = range.start as usize;
        let text = &self.source[start..range.end as usize];
        let text_start = self.lens_texts.len();
        // No longer than the lens as it is written; it is copied once more at the end.
        self.heap.hold(3 * text.len())?;
        if text == ".length" {
            self.lens_texts.push_str(text);
            return self.push_lens(LensKind::Length, text_start);
        }
        let Some(mut rest) = text.strip_prefix(".$") else {
            return refuse(start, "a lens is .length or starts with .$");
        };
        if rest.is_empty() {
            return refuse(
                start,
                "provided lambda expression doesn't contain any accessor",
            );
        }
        let bang = rest.find('!').filter(|bang| bang + 1 < rest.len());
        if let Some(bang) = bang.filter(|_| !of_error) {
            return refuse(start + 2 + bang, "! is allowed only at the end");
        }
        let first = self.accessors.len() as u32;
        self.lens_texts.push_str(".$");
        while !rest.is_empty() {
            let at = range.end as usize - rest.len();
            let dotted = rest.strip_prefix('.');
            let head = dotted.unwrap_or(rest);
            let accessor = if let Some(inner) = head.strip_prefix('[') {
                let Some((inner, tail)) = inner.split_once(']') else {
                    return refuse(at, "an opening bracket is not closed");
                };
                rest = tail;
                self.index(inner, at + usize::from(dotted.is_some()) + 1)?
            } else if dotted.is_some() {
                let len = head.find(|char| !is_name(char)).unwrap_or(head.len());
                rest = &head[len..];
                self.check_name(&head[..len], at + 1)?;
                let field = Text {
                    start: at as u32 + 1,
                    end: (at + 1 + len) as u32,
                };
                let _ = write!(self.lens_texts, ".{}", &head[..len]);
                Accessor::Field(field)
            } else {
                return refuse(at, "expected an accessor");
            };
            self.heap.charge(cost::NODE)?;
            self.heap.push(&mut self.accessors, accessor)?;
            rest = rest.strip_prefix('!').unwrap_or(rest);
        }
        let path = LensKind::Path(first..self.accessors.len() as u32);
        self.push_lens(path, text_start)
    }

    fn push_lens(&mut self, kind: LensKind, text_start: usize) -> Result<LensId> {
        let text = text_start..self.lens_texts.len();
        self.heap.push(&mut self.lenses, Lens { kind, text })?;
        Ok(LensId(self.lenses.len() as u32 - 1))
    }

    /// What stands between brackets: an index, or a scalar that holds one.
    fn index(&mut self, inner: &str, at: usize) -> Result<Accessor> {
        if !inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_digit()) {
            let index: u32 = inner
                .parse()
                .map_err(|_| (at, Kind::Lens("an index is beyond 32 bits")))?;
            let _ = write!(self.lens_texts, ".[{index}]");
            return Ok(Accessor::Index(index));
        }
        self.check_name(inner, at)?;
        let _ = write!(self.lens_texts, ".[{inner}]");
        let name = Text {
            start: at as u32,
            end: (at + inner.len()) as u32,
        };
        Ok(Accessor::Scalar(self.name(name)?))
    }

    /// A name whose last character is beyond ASCII is refused: the reference crashes on it.
    fn check_name(&self, name: &str, at: usize) -> Result<()> {
        let fine = name
            .bytes()
            .next()
            .is_some_and(|first| !first.is_ascii_digit())
            && name.chars().all(is_name)
            && name.ends_with(|last: char| last.is_ascii());
        if fine {
            Ok(())
        } else {
            Err((at, Kind::Lens("expected a name or an index")))
        }
    }
}

fn is_name(char: char) -> bool {
    char.is_alphanumeric() || char == '_' || char == '-'
}
