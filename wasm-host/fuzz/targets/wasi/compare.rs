//! What both sides hold.

use std::os::fd::{AsFd, OwnedFd};

use basalt_wasm_host::{Vfs, vfs::Tree};
use rustix::fs::{AtFlags, Dir, Mode, OFlags};

use super::linux;

/// Names in a directory and their kinds, in order.
pub(super) fn entries(dir: &OwnedFd, dots: bool) -> Vec<(String, u8)> {
    // A descriptor of its own: where the other one is in its listing does not matter.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let again = rustix::fs::openat(dir, ".", flags, Mode::empty()).expect("a directory");
    let mut names: Vec<(String, u8)> = Dir::read_from(again.as_fd())
        .expect("a directory")
        .map(|entry| {
            let name = entry
                .expect("an entry")
                .file_name()
                .to_str()
                .expect("a text")
                .to_string();
            let stat = rustix::fs::statat(dir, &name, AtFlags::SYMLINK_NOFOLLOW);
            let kind = linux::kind(stat.expect("an entry").st_mode);
            (name, kind)
        })
        .filter(|(name, _)| dots || name != "." && name != "..")
        .collect();
    names.sort();
    names
}

/// Names, kinds, links and contents below a directory are the same on both sides.
pub(super) fn all(vfs: &Vfs, ino: u64, real: &OwnedFd, path: &str) {
    let (volume, _) = vfs.locate("");
    let ours: Vec<(String, u64)> = volume.with(|tree| {
        let entries = tree.entries(ino).expect("directory").iter();
        entries.map(|(name, ino)| (name.clone(), *ino)).collect()
    });
    let theirs = entries(real, false);
    let names: Vec<&String> = ours.iter().map(|(name, _)| name).collect();
    let their_names: Vec<&String> = theirs.iter().map(|(name, _)| name).collect();
    assert_eq!(names, their_names, "entries of /{path}");
    for (name, ino) in &ours {
        let path = format!("{path}/{name}");
        let at = rustix::fs::statat(real, name, AtFlags::SYMLINK_NOFOLLOW).expect("an entry");
        let stat = volume.with(|tree| tree.stat(*ino)).expect("an entry");
        let open = || {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW;
            rustix::fs::openat(real, name, flags, Mode::empty()).expect("an entry")
        };
        match linux::kind(at.st_mode) {
            3 => all(vfs, *ino, &open(), &path),
            4 => {
                let mut contents = Vec::new();
                std::io::Read::read_to_end(&mut std::fs::File::from(open()), &mut contents)
                    .expect("file");
                let ours = volume.with(|tree| tree.bytes(*ino).map(<[u8]>::to_vec));
                assert_eq!(ours.expect("file"), contents, "contents of {path}");
                assert_eq!(stat.links, at.st_nlink, "names of {path}");
            }
            _ => {
                let target = linux::read_link(real, name).expect("a link");
                volume.with(|tree| {
                    let found = tree.target(Tree::ROOT, path.trim_start_matches('/'));
                    assert_eq!(found, Ok(target.as_str()), "target of {path}");
                });
                assert_eq!(stat.links, at.st_nlink, "names of {path}");
            }
        }
    }
}
