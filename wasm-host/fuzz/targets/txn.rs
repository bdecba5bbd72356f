//! Any sequence of file operations with commits and rollbacks: a rollback leaves no trace, and what
//! the journal got rebuilds the tree.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

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
    bytes: 110_000,
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
    let mut before = volume.with(|tree| dump(tree));
    volume.begin();
    for step in data.chunks_exact(4).take(256) {
        let now = 1;
        let (path, other) = (path(step[1]), path(step[2]));
        let size = u64::from(step[3]) * 97;
        match step[0] % 16 {
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
                let after = volume.with(|tree| dump(tree));
                if !kept {
                    assert_eq!(after, before, "a refused commit leaves a trace");
                }
                assert_eq!(
                    dump(&replica.lock().unwrap()),
                    after,
                    "the journal rebuilds another tree"
                );
                before = after;
                volume.begin();
            }
            11 => {
                volume.roll_back();
                assert_eq!(
                    volume.with(|tree| dump(tree)),
                    before,
                    "a rollback leaves a trace"
                );
                volume.begin();
            }
            12 => drop(volume.with(|tree| tree.link(Tree::ROOT, &path, Tree::ROOT, &other, now))),
            13 => drop(volume.with(|tree| tree.make_link(&other, Tree::ROOT, &path, now))),
            14 => {
                let times = (Some(size), (step[2] & 1 != 0).then_some(size + 1));
                volume.with(|tree| {
                    if let Ok(ino) = tree.find(Tree::ROOT, &path, false) {
                        let _ = tree.set_node_times(ino, times.0, times.1, u64::from(step[2]));
                    }
                });
            }
            _ => {}
        }
        let (bytes, nodes) = volume.with(|tree| (tree.used_bytes(), tree.used_nodes()));
        assert!(bytes <= QUOTA.bytes && nodes <= QUOTA.nodes);
    }
    volume.roll_back();
    open.into_iter()
        .for_each(|ino| volume.with(|tree| tree.close(ino)));
    // Counted step by step as it is counted at once, when a rollback ends.
    let used = volume.with(|tree| tree.used_bytes());
    volume.begin();
    volume.roll_back();
    let counted = volume.with(|tree| tree.used_bytes());
    assert_eq!(used, counted, "bytes are counted wrongly");
    assert_eq!(
        replica.lock().unwrap().used_bytes(),
        counted,
        "the journal's tree counts otherwise"
    );
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

/// A tree as effects, each as text, in an order that does not depend on the walk.
fn dump(tree: &Tree) -> Vec<String> {
    let mut effects = Vec::new();
    let mut known = BTreeMap::new();
    tree.snapshot(|effect| {
        // Which of several names comes first depends on the walk.
        effects.push(match effect {
            Effect::Create {
                ino, parent, name, ..
            }
            | Effect::Symlink {
                ino, parent, name, ..
            }
            | Effect::Link {
                ino, parent, name, ..
            } => {
                if let Effect::Symlink { target, .. } = effect {
                    known.insert(*ino, target.to_string());
                }
                format!("{parent} {name} {ino}")
            }
            other => format!("{other:?}"),
        });
    });
    effects.extend(
        known
            .iter()
            .map(|(ino, target)| format!("{ino} to {target}")),
    );
    effects.sort();
    effects
}
