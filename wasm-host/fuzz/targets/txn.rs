//! Any sequence of file operations with commits and rollbacks: a rollback leaves no trace, and what
//! the journal got rebuilds the tree.

use std::sync::{Arc, Mutex};

use basalt_wasm_host::{
    Volume,
    vfs::{Effect, Journal, JournalError, Quota, Tree, tree::OpenOptions},
};

/// Replays what is committed, and refuses when told to.
struct Replica {
    tree: Arc<Mutex<Tree>>,
    refuse: Arc<Mutex<bool>>,
}

impl Journal for Replica {
    fn commit(&mut self, effects: &[Effect<'_>]) -> Result<(), JournalError> {
        if *self.refuse.lock().unwrap() {
            return Err(JournalError("refused".to_string()));
        }
        let mut tree = self.tree.lock().unwrap();
        for effect in effects {
            tree.apply(effect)
                .unwrap_or_else(|error| panic!("{effect:?}: {error}"));
        }
        Ok(())
    }
}

const QUOTA: Quota = Quota {
    bytes: 100_000,
    nodes: 40,
};

pub fn check(data: &[u8]) {
    let replica = Arc::new(Mutex::new(Tree::new(QUOTA)));
    let refuse = Arc::new(Mutex::new(false));
    let journal = Replica {
        tree: replica.clone(),
        refuse: refuse.clone(),
    };
    let volume = Volume::durable(1, Tree::new(QUOTA), Box::new(journal));
    let mut open = Vec::new();
    let mut before = snapshot(&volume.with(|tree| dump(tree)));
    volume.begin();
    for step in data.chunks_exact(4).take(256) {
        let now = 1;
        let (path, other) = (path(step[1]), path(step[2]));
        let size = u64::from(step[3]) * 97;
        match step[0] % 12 {
            0 | 1 => {
                let options = OpenOptions {
                    create: true,
                    truncate: step[3] & 1 != 0,
                    ..OpenOptions::default()
                };
                if let Ok(ino) = volume.with(|tree| tree.open(Tree::ROOT, &path, options, now)) {
                    open.push(ino);
                }
            }
            2 | 3 => {
                if let Some(ino) = pick(&open, step[2]) {
                    let _ = volume.with(|tree| tree.write(ino, size, &[step[1]; 300], now));
                }
            }
            4 => {
                if let Some(ino) = pick(&open, step[2]) {
                    let _ = volume.with(|tree| tree.set_len(ino, size, now));
                }
            }
            5 if !open.is_empty() => {
                let ino = open.swap_remove(usize::from(step[2]) % open.len());
                volume.with(|tree| tree.close(ino));
            }
            6 => drop(volume.with(|tree| tree.make_dir(Tree::ROOT, &path, now))),
            7 => drop(volume.with(|tree| tree.remove_dir(Tree::ROOT, &path, now))),
            8 => drop(volume.with(|tree| tree.unlink(Tree::ROOT, &path, now))),
            9 => drop(volume.with(|tree| tree.rename(Tree::ROOT, &path, Tree::ROOT, &other, now))),
            10 => {
                *refuse.lock().unwrap() = step[3] & 3 == 0;
                let kept = volume.commit().is_ok();
                let after = snapshot(&volume.with(|tree| dump(tree)));
                if !kept {
                    assert_eq!(after, before, "a refused commit leaves a trace");
                }
                assert_eq!(
                    snapshot(&dump(&replica.lock().unwrap())),
                    after,
                    "the journal rebuilds another tree"
                );
                before = after;
                volume.begin();
            }
            11 => {
                volume.roll_back();
                assert_eq!(
                    snapshot(&volume.with(|tree| dump(tree))),
                    before,
                    "a rollback leaves a trace"
                );
                volume.begin();
            }
            _ => {}
        }
        let (bytes, nodes) = volume.with(|tree| (tree.used_bytes(), tree.used_nodes()));
        assert!(bytes <= QUOTA.bytes && nodes <= QUOTA.nodes);
    }
    volume.roll_back();
    open.into_iter()
        .for_each(|ino| volume.with(|tree| tree.close(ino)));
    let (used, held) = volume.with(|tree| {
        (
            tree.used_bytes(),
            dump(tree).iter().map(|entry| entry.3.len()).sum::<usize>(),
        )
    });
    assert_eq!(used, held as u64, "bytes are counted wrongly");
}

fn path(byte: u8) -> String {
    let name = |bits: u8| ["a", "b", "c", ".."][usize::from(bits & 3)];
    match byte >> 6 {
        0 | 1 => name(byte).to_string(),
        2 => format!("{}/{}", name(byte), name(byte >> 2)),
        _ => format!("{}/{}/{}", name(byte), name(byte >> 2), name(byte >> 4)),
    }
}

fn pick(open: &[u64], byte: u8) -> Option<u64> {
    (!open.is_empty()).then(|| open[usize::from(byte) % open.len()])
}

/// Parent, name, is a directory, contents.
type Entry = (u64, String, bool, Vec<u8>);

fn dump(tree: &Tree) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    tree.snapshot(|effect| match effect {
        Effect::Create {
            parent,
            name,
            directory,
            ..
        } => entries.push((*parent, name.to_string(), *directory, Vec::new())),
        Effect::Write { data, .. } => entries.last_mut().expect("created before").3 = data.to_vec(),
        _ => {}
    });
    entries
}

/// In an order that does not depend on the walk.
fn snapshot(entries: &[Entry]) -> Vec<Entry> {
    let mut entries = entries.to_vec();
    entries.sort();
    entries
}
