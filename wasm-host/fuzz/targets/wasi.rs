//! Any sequence of WASI file calls, done to the virtual file system and to the host's own in a
//! temporary folder: results, contents, links, times and errors agree.

use std::{collections::BTreeMap, os::fd::OwnedFd};

use basalt_wasm_host::{vfs::Tree, wasi::Errno};
use rustix::fs::AtFlags;

#[path = "wasi/compare.rs"]
mod compare;
#[path = "wasi/descriptors.rs"]
mod descriptors;
#[path = "wasi/guest.rs"]
mod guest;
#[path = "wasi/linux.rs"]
mod linux;
#[path = "wasi/names.rs"]
mod names;

use guest::{Guest, PREOPENED};
use linux::{Folder, errno, leaves};

const READ: u64 = 1 << 1;
const WRITE: u64 = 1 << 6;
const APPEND: u8 = 1;
/// A descriptor that is never open.
const NONE: i32 = 1_000;

/// An open file or directory of the host, and what its guest's twin may do.
struct Open {
    real: OwnedFd,
    directory: bool,
    append: bool,
    read: bool,
    write: bool,
}

/// One step of an input.
struct Step<'a> {
    bytes: &'a [u8],
}

impl Step<'_> {
    fn path(&self) -> String {
        path(self.bytes[2])
    }

    fn other(&self) -> String {
        path(self.bytes[3])
    }

    fn byte(&self) -> u8 {
        self.bytes[4]
    }

    fn more(&self) -> u8 {
        self.bytes[5]
    }
}

struct Both {
    guest: Guest,
    open: BTreeMap<i32, Open>,
}

pub fn check(data: &[u8]) {
    let folder = Folder::new();
    let (guest, vfs) = Guest::new();
    let root = || Open {
        real: folder.open(),
        directory: true,
        append: false,
        read: false,
        write: false,
    };
    let open = PREOPENED.map(|fd| (fd, root())).collect();
    let mut both = Both { guest, open };
    for bytes in data.chunks_exact(6).take(128) {
        let step = Step { bytes };
        match bytes[0] % 32 {
            0..=3 => both.open(&step),
            4 | 5 => both.write(&step),
            6 | 7 => both.read(&step),
            8 => both.seek(&step),
            9 => both.resize(&step),
            10 | 11 => both.create_directory(&step),
            12 => both.remove(&step, true),
            13 => both.remove(&step, false),
            14 | 15 => both.rename(&step),
            16 | 17 => both.link(&step),
            18 | 19 => both.symlink(&step),
            20 => both.readlink(&step),
            21 => both.set_times(&step),
            22 => both.set_times_of_path(&step),
            23 => both.stat(&step),
            24 => both.stat_path(&step),
            25 => both.set_flags(&step),
            26 => both.close(&step),
            27 => both.renumber(&step),
            28 => both.list(&step),
            29 => both.advise(&step),
            30 => both.poll(&step),
            _ => both.set_rights(&step),
        }
    }
    compare::all(&vfs, Tree::ROOT, &folder.open(), "");
}

impl Both {
    /// A descriptor: mostly an open one.
    fn pick(&self, byte: u8) -> i32 {
        let index = usize::from(byte) % (self.open.len() + 1);
        self.open.keys().nth(index).copied().unwrap_or(NONE)
    }

    /// A directory to start in, its twin, and whether there is one.
    fn directory(&self, byte: u8) -> Option<i32> {
        let directories = self.open.iter().filter(|(_, open)| open.directory);
        let directories: Vec<i32> = directories.map(|(fd, _)| *fd).collect();
        let count = directories.len().max(1);
        directories.get(usize::from(byte) % count).copied()
    }

    /// Does a function on paths: in a directory that is open, with a path that does not leave it.
    /// Otherwise it fails, as it must.
    fn on_path(
        &mut self,
        name: &str,
        (fd, path, last): (Option<i32>, &str, bool),
        ours: impl FnOnce(&mut Guest, i32) -> u16,
        real: impl FnOnce(&OwnedFd) -> Result<(), rustix::io::Errno>,
    ) {
        let Some(fd) = fd else {
            assert_eq!(ours(&mut self.guest, NONE), Errno::BADF.0, "{name} {path}");
            return;
        };
        // These do not follow a link with a slash after it.
        let walked = match name {
            "path_create_directory" | "path_remove_directory" | "path_unlink_file" => {
                path.trim_end_matches('/')
            }
            _ => path,
        };
        let wanted = match leaves(&self.open[&fd].real, walked, last) {
            true => Errno::PERM.0,
            false => real(&self.open[&fd].real).err().map_or(0, errno),
        };
        let ours = ours(&mut self.guest, fd);
        agree(name, path, ours, wanted);
    }
}

/// Both sides do the same. With a slash after a name that is to be made, the reference, whose
/// answers the guest gets, fails with another error than the kernel.
fn agree(name: &str, path: &str, ours: u16, wanted: u16) {
    let slash = path.ends_with('/') && matches!(name, "path_symlink" | "path_link");
    match slash {
        true => assert_eq!(ours == 0, wanted == 0, "{name} {path}: {ours}, {wanted}"),
        false => assert_eq!(ours, wanted, "{name} {path}"),
    }
}

fn is_link(dir: &OwnedFd, path: &str) -> bool {
    let stat = rustix::fs::statat(dir, path.trim_end_matches('/'), AtFlags::SYMLINK_NOFOLLOW);
    stat.is_ok_and(|stat| linux::kind(stat.st_mode) == 7)
}

/// Does a path end in `.` or `..`, which cannot be removed or renamed? Which of several errors that
/// gives is the kernel's own.
fn ends_in_dots(path: &str) -> bool {
    let last = path.trim_end_matches('/').rsplit('/').next();
    matches!(last, Some("." | ".."))
}

fn path(byte: u8) -> String {
    let name = |bits: u8| ["a", "b", "c", "d"][usize::from(bits & 3)];
    let (first, second) = (name(byte), name(byte >> 2));
    match byte >> 4 {
        0..=4 => first.to_string(),
        5..=8 => format!("{first}/{second}"),
        9 => format!("{first}/{second}/{}", name(byte >> 1)),
        10 => format!("{first}/"),
        11 => format!("{first}/../{second}"),
        12 => format!("../{first}"),
        13 => [".", "..", "./.", "a/."][usize::from(byte & 3)].to_string(),
        14 => format!("{first}/.."),
        _ => format!("./{first}//{second}/"),
    }
}
