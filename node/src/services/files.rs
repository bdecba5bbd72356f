//! Files of services on the store: each call's changes as one record, replayed when the service is
//! started again.
//!
//! A record holds [`Effect`]s one after another: a tag byte, then numbers as 8 bytes little-endian,
//! and texts and bytes with their length before them.

use alloc::sync::Arc;
use alloc::vec::Vec;

use basalt_wasm_host::vfs::{Effect, Journal, JournalError, Quota, Times, Tree};
use spin::Mutex;

/// Longest record, in bytes: longer batches are cut where an effect ends.
pub(super) const MAX_RECORD: usize = 4 << 20;

/// Takes the changes of a call on the compute core; the node keeps them when the call is done,
/// before its result is seen.
#[derive(Clone, Default)]
pub(super) struct Recorder(Arc<Mutex<Records>>);

#[derive(Default)]
struct Records {
    full: Vec<Vec<u8>>,
    last: Vec<u8>,
}

impl Records {
    fn put(&mut self, effect: &Effect<'_>) {
        if let Effect::Write { ino, offset, data } = effect {
            let mut offset = *offset;
            for data in data.chunks(MAX_RECORD / 4) {
                self.put_whole(&Effect::Write {
                    ino: *ino,
                    offset,
                    data,
                });
                offset += data.len() as u64;
            }
        } else {
            self.put_whole(effect);
        }
    }

    fn put_whole(&mut self, effect: &Effect<'_>) {
        encode(effect, &mut self.last);
        if self.last.len() >= MAX_RECORD / 2 {
            self.full.push(core::mem::take(&mut self.last));
        }
    }

    fn take(&mut self) -> Vec<Vec<u8>> {
        let mut records = core::mem::take(&mut self.full);
        if !self.last.is_empty() {
            records.push(core::mem::take(&mut self.last));
        }
        records
    }
}

impl Recorder {
    /// What was recorded since the last time.
    pub(super) fn take(&self) -> Vec<Vec<u8>> {
        self.0.lock().take()
    }
}

impl Journal for Recorder {
    fn commit(&mut self, effects: &[Effect<'_>]) -> Result<(), JournalError> {
        let mut records = self.0.lock();
        effects.iter().for_each(|effect| records.put(effect));
        Ok(())
    }
}

/// A whole tree as records.
pub(super) fn snapshot(tree: &Tree) -> Vec<Vec<u8>> {
    let mut records = Records::default();
    tree.snapshot(|effect| records.put(effect));
    records.take()
}

/// The tree that records make; `None` when they do not fit together.
pub(super) fn replay(records: &[Vec<u8>], quota: Quota) -> Option<Tree> {
    let mut tree = Tree::new(quota);
    for record in records {
        let mut rest = record.as_slice();
        while !rest.is_empty() {
            let effect = decode(&mut rest)?;
            tree.apply(&effect).ok()?;
        }
    }
    Some(tree)
}

fn encode(effect: &Effect<'_>, out: &mut Vec<u8>) {
    let number = |out: &mut Vec<u8>, value: u64| out.extend_from_slice(&value.to_le_bytes());
    let bytes = |out: &mut Vec<u8>, value: &[u8]| {
        number(out, value.len() as u64);
        out.extend_from_slice(value);
    };
    match effect {
        Effect::Create {
            ino,
            parent,
            name,
            directory,
            now,
        } => {
            out.push(if *directory { 1 } else { 0 });
            number(out, *ino);
            number(out, *parent);
            bytes(out, name.as_bytes());
            number(out, *now);
        }
        Effect::Remove { parent, name } => {
            out.push(2);
            number(out, *parent);
            bytes(out, name.as_bytes());
        }
        Effect::Rename {
            from,
            name,
            to,
            new_name,
        } => {
            out.push(3);
            number(out, *from);
            bytes(out, name.as_bytes());
            number(out, *to);
            bytes(out, new_name.as_bytes());
        }
        Effect::Resize { ino, len, now } => {
            out.push(4);
            number(out, *ino);
            number(out, *len);
            number(out, *now);
        }
        Effect::Write { ino, offset, data } => {
            out.push(5);
            number(out, *ino);
            number(out, *offset);
            bytes(out, data);
        }
        Effect::Link {
            ino,
            parent,
            name,
            now,
        } => {
            out.push(6);
            number(out, *ino);
            number(out, *parent);
            bytes(out, name.as_bytes());
            number(out, *now);
        }
        Effect::Symlink {
            ino,
            parent,
            name,
            target,
            now,
        } => {
            out.push(7);
            number(out, *ino);
            number(out, *parent);
            bytes(out, name.as_bytes());
            bytes(out, target.as_bytes());
            number(out, *now);
        }
        Effect::Times { ino, times } => {
            out.push(8);
            number(out, *ino);
            number(out, times.accessed);
            number(out, times.modified);
            number(out, times.changed);
        }
    }
}

fn number(input: &mut &[u8]) -> Option<u64> {
    let (value, rest) = input.split_first_chunk::<8>()?;
    *input = rest;
    Some(u64::from_le_bytes(*value))
}

fn bytes<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(number(input)?).ok()?;
    let (value, rest) = input.split_at_checked(len)?;
    *input = rest;
    Some(value)
}

fn text<'a>(input: &mut &'a [u8]) -> Option<&'a str> {
    core::str::from_utf8(bytes(input)?).ok()
}

fn decode<'a>(input: &mut &'a [u8]) -> Option<Effect<'a>> {
    let (&tag, rest) = input.split_first()?;
    *input = rest;
    Some(match tag {
        0 | 1 => Effect::Create {
            ino: number(input)?,
            parent: number(input)?,
            name: text(input)?,
            directory: tag == 1,
            now: number(input)?,
        },
        2 => Effect::Remove {
            parent: number(input)?,
            name: text(input)?,
        },
        3 => Effect::Rename {
            from: number(input)?,
            name: text(input)?,
            to: number(input)?,
            new_name: text(input)?,
        },
        4 => Effect::Resize {
            ino: number(input)?,
            len: number(input)?,
            now: number(input)?,
        },
        5 => Effect::Write {
            ino: number(input)?,
            offset: number(input)?,
            data: bytes(input)?,
        },
        6 => Effect::Link {
            ino: number(input)?,
            parent: number(input)?,
            name: text(input)?,
            now: number(input)?,
        },
        7 => Effect::Symlink {
            ino: number(input)?,
            parent: number(input)?,
            name: text(input)?,
            target: text(input)?,
            now: number(input)?,
        },
        8 => Effect::Times {
            ino: number(input)?,
            times: Times {
                accessed: number(input)?,
                modified: number(input)?,
                changed: number(input)?,
            },
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::boxed::Box;
    use alloc::vec;
    use basalt_wasm_host::vfs::{Vfs, Volume};

    fn replayed(records: &[Vec<u8>]) -> Vfs {
        let tree = replay(records, Quota::default()).unwrap();
        Vfs::new(Volume::durable(1, tree, Box::new(Recorder::default())))
    }

    #[test]
    fn what_calls_changed_is_rebuilt_from_their_records() {
        let recorder = Recorder::default();
        let volume = Volume::durable(1, Tree::new(Quota::default()), Box::new(recorder.clone()));
        let vfs = Vfs::new(volume.clone());
        let long = vec![7; MAX_RECORD + 3];
        let mut records = Vec::new();
        volume.begin();
        vfs.make_dirs("/a/b", 1).unwrap();
        vfs.write("/a/b/long", &long, 2).unwrap();
        vfs.write("/a/gone", b"x", 2).unwrap();
        volume.commit().unwrap();
        records.extend(recorder.take());
        assert!(records.len() > 1 && records.iter().all(|record| record.len() <= MAX_RECORD));
        volume.begin();
        vfs.write("/a/b/short", b"text", 3).unwrap();
        volume
            .with(|tree| tree.unlink(Tree::ROOT, "a/gone", 4))
            .unwrap();
        volume.commit().unwrap();
        records.extend(recorder.take());

        let kept = volume.with(|tree| snapshot(tree));
        for records in [records, kept] {
            let again = replayed(&records);
            assert_eq!(again.read("/a/b/long").unwrap(), long);
            assert_eq!(again.read("/a/b/short").unwrap(), b"text");
            assert!(again.read("/a/gone").is_err());
        }
    }

    #[test]
    fn damaged_records_are_noticed() {
        for record in [
            vec![9],
            vec![2, 1, 0],
            vec![5, 1, 1, 1, 1, 1, 1, 1, 1],
            [vec![2], vec![1; 8], vec![0xff; 8]].concat(),
        ] {
            assert!(replay(&[record], Quota::default()).is_none());
        }
    }
}
