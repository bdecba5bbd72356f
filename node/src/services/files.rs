//! Files of services on the store: each call's changes as one record, replayed when the service is
//! started again.
//!
//! A record holds [`Effect`]s one after another: a tag byte, then numbers as 8 bytes little-endian,
//! and texts and bytes with their length before them. Tags up to 5 are version 1 of the format,
//! which has no mark. A record with later tags begins with [`MARK`] and its version: a node that is
//! too old for it does not start the service, and leaves its records as they are.

use alloc::sync::Arc;
use alloc::vec::Vec;

use basalt_wasm_host::vfs::{Effect, Journal, JournalError, Quota, Times, Tree};
use spin::Mutex;

/// Longest record, in bytes: longer batches are cut where an effect ends.
pub(super) const MAX_RECORD: usize = 4 << 20;

/// First byte of a record that is not of version 1; no tag.
const MARK: u8 = 0xf0;
/// The version that knows links and times.
const VERSION: u8 = 2;

/// Why records make no tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// They do not fit together.
    Damaged,
    /// A later version of the node wrote them.
    Later(u8),
}

/// Takes the changes of a call on the compute core; the node keeps them when the call is done,
/// before its result is seen.
#[derive(Clone, Default)]
pub(super) struct Recorder(Arc<Mutex<Records>>);

#[derive(Default)]
struct Records {
    full: Vec<Vec<u8>>,
    last: Vec<u8>,
    /// Version of the last one.
    version: u8,
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
        if matches!(
            effect,
            Effect::Link { .. } | Effect::Symlink { .. } | Effect::Times { .. }
        ) {
            self.version = VERSION;
        }
        encode(effect, &mut self.last);
        if self.last.len() >= MAX_RECORD / 2 {
            self.end();
        }
    }

    fn end(&mut self) {
        let mut record = core::mem::take(&mut self.last);
        let version = core::mem::take(&mut self.version);
        if version != 0 {
            record.splice(0..0, [MARK, version]);
        }
        self.full.push(record);
    }

    fn take(&mut self) -> Vec<Vec<u8>> {
        if !self.last.is_empty() {
            self.end();
        }
        core::mem::take(&mut self.full)
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

/// How many times the quota a tree may have had when it was kept.
const MORE: u64 = 16;

/// The tree that records make.
pub(super) fn replay(records: &[Vec<u8>], quota: Quota) -> Result<Tree, Unreadable> {
    // What was kept once is there, also if there is less room today, and also if the changes of one
    // call went over the quota in between. A length that is damaged is not made room for.
    let mut tree = Tree::new(Quota {
        bytes: quota.bytes.saturating_mul(MORE),
        nodes: u64::MAX,
    });
    for record in records {
        let mut rest = match record.as_slice() {
            [MARK, version, ..] if *version > VERSION => return Err(Unreadable::Later(*version)),
            [MARK, _, rest @ ..] => rest,
            whole => whole,
        };
        while !rest.is_empty() {
            let effect = decode(&mut rest).ok_or(Unreadable::Damaged)?;
            tree.apply(&effect).map_err(|_| Unreadable::Damaged)?;
        }
    }
    tree.limit(quota);
    Ok(tree)
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
    fn links_and_times_are_rebuilt_and_records_without_them_are_of_the_first_version() {
        let recorder = Recorder::default();
        let volume = Volume::durable(1, Tree::new(Quota::default()), Box::new(recorder.clone()));
        let vfs = Vfs::new(volume.clone());
        let root = Tree::ROOT;
        volume.begin();
        vfs.make_dirs("/a", 1).unwrap();
        vfs.write("/a/f", b"text", 2).unwrap();
        volume.with(|tree| {
            tree.link(root, "a/f", root, "g", 3).unwrap();
            tree.make_link("a/f", root, "l", 4).unwrap();
            tree.write_file(root, "a/gone", b"", 5).unwrap();
            tree.unlink(root, "a/gone", 6).unwrap();
            let ino = tree.lookup(root, "g").unwrap();
            tree.set_node_times(ino, Some(70), Some(80), 7).unwrap();
        });
        volume.commit().unwrap();
        let mut records = recorder.take();
        assert!(
            records
                .iter()
                .all(|record| record.starts_with(&[MARK, VERSION]))
        );
        volume.begin();
        volume.with(|tree| {
            let ino = tree.lookup(root, "g").unwrap();
            tree.write(ino, 0, b"T", 9).unwrap();
        });
        volume.commit().unwrap();
        // Contents alone stay readable for a node of the first version.
        let plain = recorder.take();
        assert_eq!(plain[0][0], 4);
        records.extend(plain);

        let describe = |tree: &Tree| {
            let stat = |path| tree.stat(tree.find(root, path, false).unwrap()).unwrap();
            ["a", "a/f", "g", "l", "."].map(stat)
        };
        let wanted = volume.with(|tree| describe(tree));
        assert_eq!((wanted[0].times.modified, wanted[1].links), (6, 2));
        assert_eq!(
            (wanted[2].times.accessed, wanted[2].times.modified),
            (70, 9)
        );
        let kept = volume.with(|tree| snapshot(tree));
        for records in [records, kept] {
            let tree = replay(&records, Quota::default()).unwrap();
            assert_eq!(describe(&tree), wanted);
            assert_eq!(tree.target(root, "l").unwrap(), "a/f");
            let ino = tree.lookup(root, "l").unwrap();
            assert_eq!(tree.bytes(ino).unwrap(), b"Text");
        }
        let later = replay(&[vec![MARK, VERSION + 1, 9]], Quota::default());
        assert_eq!(later.err(), Some(Unreadable::Later(VERSION + 1)));
    }

    #[test]
    fn what_was_kept_is_there_with_less_room_too() {
        let write = [
            Effect::Create {
                ino: 2,
                parent: Tree::ROOT,
                name: "f",
                directory: false,
                now: 1,
            },
            Effect::Resize {
                ino: 2,
                len: 100,
                now: 1,
            },
        ];
        let mut records = Records::default();
        for effect in &write {
            records.put(effect);
        }
        let quota = Quota {
            bytes: 60,
            nodes: 1,
        };
        let mut tree = replay(&records.take(), quota).unwrap();
        assert!(tree.used_bytes() >= 100);
        // More goes in when there is room again.
        let ino = tree.lookup(Tree::ROOT, "f").unwrap();
        assert!(tree.write(ino, 100, b"x", 2).is_err());
        assert!(tree.write_file(Tree::ROOT, "g", b"x", 2).is_err());
    }

    #[test]
    fn damaged_records_are_noticed() {
        for record in [
            vec![9],
            vec![2, 1, 0],
            vec![5, 1, 1, 1, 1, 1, 1, 1, 1],
            [vec![2], vec![1; 8], vec![0xff; 8]].concat(),
        ] {
            assert_eq!(
                replay(&[record], Quota::default()).err(),
                Some(Unreadable::Damaged)
            );
        }
    }
}
