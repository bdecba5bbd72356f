//! The host's own file system, asked as a guest asks: relative to an open directory that paths
//! cannot leave.

use std::{
    ffi::OsString,
    os::{fd::OwnedFd, unix::ffi::OsStringExt},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use basalt_wasm_host::wasi::Errno;
use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat},
    io::Errno as Linux,
};

/// A temporary folder that goes away.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "basalt-wasi-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("temporary folder");
        Self(path)
    }

    /// Opens the folder itself.
    pub fn open(&self) -> OwnedFd {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        rustix::fs::openat(CWD, &self.0, flags, Mode::empty()).expect("folder")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Most symbolic links on the way.
const MAX_LINKS: u32 = 40;

/// Does a path lead out of a directory? Found out by walking it name by name. A walk that ends
/// earlier, by an error, does not. `last` asks whether a symbolic link at the end is followed.
pub fn leaves(start: &OwnedFd, path: &str, last: bool) -> bool {
    let split = |path: &str| -> Vec<String> {
        let mut parts: Vec<String> = path.split('/').map(str::to_string).collect();
        parts.reverse();
        parts
    };
    let mut left = split(path);
    let mut trail: Vec<String> = Vec::new();
    let mut links = 0;
    while let Some(part) = left.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." if trail.is_empty() => return true,
            ".." => {
                trail.pop();
                continue;
            }
            _ => {}
        }
        // What is left of a path with a slash at its end is an empty part.
        let is_last = left.is_empty();
        let here = [&trail[..], std::slice::from_ref(&part)].concat().join("/");
        let Ok(stat) = rustix::fs::statat(start, &here, AtFlags::SYMLINK_NOFOLLOW) else {
            return false;
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink if !is_last || last => {
                links += 1;
                if links > MAX_LINKS {
                    return false;
                }
                left.extend(split(&read_link(start, &here).expect("a link")));
            }
            FileType::Directory => trail.push(part),
            _ => return false,
        }
    }
    false
}

/// What a symbolic link stands for.
pub fn read_link(start: &OwnedFd, path: &str) -> Result<String, Linux> {
    let target = rustix::fs::readlinkat(start, path, Vec::new())?;
    let target = OsString::from_vec(target.into_bytes());
    Ok(target.into_string().expect("a text"))
}

/// The kind of a node as WASI numbers it.
pub fn kind(mode: u32) -> u8 {
    match FileType::from_raw_mode(mode) {
        FileType::Directory => 3,
        FileType::RegularFile => 4,
        FileType::Symlink => 7,
        other => panic!("unexpected {other:?}"),
    }
}

/// What both sides tell of a node: its kind, and of all but directories the names that lead to it
/// and its size.
pub fn described(stat: &Stat) -> (u8, u64, u64) {
    match kind(stat.st_mode) {
        3 => (3, 0, 0),
        kind => (kind, stat.st_nlink, stat.st_size as u64),
    }
}

/// Linux numbers as WASI numbers.
pub fn errno(error: Linux) -> u16 {
    let errno = match error {
        Linux::PERM => Errno::PERM,
        Linux::NOENT => Errno::NOENT,
        Linux::BADF => Errno::BADF,
        Linux::BUSY => Errno::BUSY,
        Linux::EXIST => Errno::EXIST,
        Linux::NOTDIR => Errno::NOTDIR,
        Linux::ISDIR => Errno::ISDIR,
        Linux::INVAL => Errno::INVAL,
        Linux::LOOP => Errno::LOOP,
        Linux::NOTEMPTY => Errno::NOTEMPTY,
        other => panic!("unexpected {other:?}"),
    };
    errno.0
}
