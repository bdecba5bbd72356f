//! Any sequence of WASI file calls, done to the virtual file system and to the host's own in a
//! temporary folder: results, contents and errors agree.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use basalt_wasm_host::{
    Vfs, Volume,
    engine::Raw,
    vfs::{Quota, Tree},
    wasi::{Errno, Wasi},
};

#[path = "host.rs"]
mod host;

/// Descriptor of the only preopened directory.
const ROOT: i32 = 3;
/// Where paths, data and results lie in the guest's memory.
const PATH: usize = 1024;
const OTHER: usize = 2048;
const DATA: usize = 4096;
const RESULT: usize = 512;
const VECTOR: usize = 600;
const RIGHTS: i64 = (1 << 29) - 1;

/// A temporary folder that goes away.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
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
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Guest {
    wasi: Wasi,
    memory: Vec<u8>,
    host: host::Quiet,
}

impl Guest {
    fn call(&mut self, name: &str, args: &[Raw]) -> u16 {
        let outcome = self
            .wasi
            .invoke(name, &mut self.memory, &mut self.host, args)
            .expect("known function");
        outcome.expect("no exit").0
    }

    fn path(&mut self, at: usize, path: &str) -> [Raw; 2] {
        self.memory[at..at + path.len()].copy_from_slice(path.as_bytes());
        [Raw::I32(at as i32), Raw::I32(path.len() as i32)]
    }

    fn on_path(&mut self, name: &str, path: &str) -> u16 {
        let [pointer, len] = self.path(PATH, path);
        self.call(name, &[Raw::I32(ROOT), pointer, len])
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.memory[at..at + 4].try_into().expect("four bytes"))
    }

    fn vector(&mut self, len: usize) -> [Raw; 3] {
        self.memory[VECTOR..VECTOR + 4].copy_from_slice(&(DATA as u32).to_le_bytes());
        self.memory[VECTOR + 4..VECTOR + 8].copy_from_slice(&(len as u32).to_le_bytes());
        [
            Raw::I32(VECTOR as i32),
            Raw::I32(1),
            Raw::I32(RESULT as i32),
        ]
    }
}

pub fn check(data: &[u8]) {
    let folder = Folder::new();
    let vfs = Vfs::new(Volume::scratch(1, Quota::default()));
    let root = vfs.make_dirs("", 0).expect("root");
    let mut guest = Guest {
        wasi: Wasi::new("m", Vec::new(), vec![("/".to_string(), root)], 64),
        memory: vec![0; 65_536],
        host: host::Quiet::default(),
    };
    let mut files: BTreeMap<i32, (File, bool)> = BTreeMap::new();
    for step in data.chunks_exact(4).take(128) {
        let (path, other) = (path(step[1]), path(step[2]));
        let real = folder.0.join(&path);
        match step[0] % 10 {
            0 | 1 => {
                let flags = step[3] & 13;
                let append = step[2] & 1 != 0;
                let [pointer, len] = guest.path(PATH, &path);
                let ours = guest.call(
                    "path_open",
                    &[
                        Raw::I32(ROOT),
                        Raw::I32(0),
                        pointer,
                        len,
                        Raw::I32(i32::from(flags)),
                        Raw::I64(RIGHTS),
                        Raw::I64(RIGHTS),
                        Raw::I32(i32::from(append)),
                        Raw::I32(RESULT as i32),
                    ],
                );
                if flags & 8 != 0 && append {
                    // The standard library refuses this pair; nothing to compare with.
                    if ours == 0 {
                        let fd = guest.word(RESULT) as i32;
                        let file = open(&real, flags & 5, false)
                            .and_then(|file| file.set_len(0).map(|()| file));
                        files.insert(fd, (file.expect("opened by us"), append));
                    }
                    continue;
                }
                match open(&real, flags, append) {
                    Ok(file) => {
                        assert_eq!(ours, 0, "open {path} {flags}");
                        files.insert(guest.word(RESULT) as i32, (file, append));
                    }
                    Err(error) => assert_eq!(ours, errno(&error), "open {path} {flags}: {error}"),
                }
            }
            2 => on_file(&mut files, step[1], |fd, (file, append)| {
                let len = usize::from(step[2]) * 20;
                guest.memory[DATA..DATA + len].fill(step[3]);
                let vector = guest.vector(len);
                assert_eq!(
                    guest.call("fd_write", &[Raw::I32(fd), vector[0], vector[1], vector[2]]),
                    0
                );
                assert_eq!(guest.word(RESULT) as usize, len);
                let data = vec![step[3]; len];
                if *append {
                    let end = file.metadata().expect("file").len();
                    file.write_all_at(&data, end).expect("write");
                    if len > 0 {
                        file.seek(SeekFrom::Start(end + len as u64)).expect("seek");
                    }
                } else {
                    file.write_all(&data).expect("write");
                }
            }),
            3 => on_file(&mut files, step[1], |fd, (file, _)| {
                let len = usize::from(step[2]) * 20;
                let vector = guest.vector(len);
                assert_eq!(
                    guest.call("fd_read", &[Raw::I32(fd), vector[0], vector[1], vector[2]]),
                    0
                );
                let mut buffer = vec![0; len];
                let count = file.read(&mut buffer).expect("read");
                assert_eq!(guest.word(RESULT) as usize, count);
                assert_eq!(guest.memory[DATA..DATA + count], buffer[..count]);
            }),
            4 => on_file(&mut files, step[1], |fd, (file, _)| {
                let by = i64::from(step[2] as i8) * 30;
                let from = match step[3] % 3 {
                    0 => SeekFrom::Start(by as u64),
                    1 => SeekFrom::Current(by),
                    _ => SeekFrom::End(by),
                };
                let args = [
                    Raw::I32(fd),
                    Raw::I64(by),
                    Raw::I32(i32::from(step[3] % 3)),
                    Raw::I32(RESULT as i32),
                ];
                let ours = guest.call("fd_seek", &args);
                match file.seek(from) {
                    Ok(at) => assert_eq!((ours, u64::from(guest.word(RESULT))), (0, at)),
                    Err(error) => assert_eq!(ours, errno(&error)),
                }
            }),
            5 => on_file(&mut files, step[1], |fd, (file, _)| {
                let len = u64::from(step[2]) * 50;
                assert_eq!(
                    guest.call(
                        "fd_filestat_set_size",
                        &[Raw::I32(fd), Raw::I64(len as i64)]
                    ),
                    0
                );
                file.set_len(len).expect("length");
            }),
            6 => same(
                guest.on_path("path_create_directory", &path),
                std::fs::create_dir(&real),
                &path,
            ),
            7 => same(
                guest.on_path("path_remove_directory", &path),
                std::fs::remove_dir(&real),
                &path,
            ),
            8 => same(
                guest.on_path("path_unlink_file", &path),
                std::fs::remove_file(&real),
                &path,
            ),
            _ => {
                let [from, from_len] = guest.path(PATH, &path);
                let [to, to_len] = guest.path(OTHER, &other);
                let ours = guest.call(
                    "path_rename",
                    &[Raw::I32(ROOT), from, from_len, Raw::I32(ROOT), to, to_len],
                );
                same(
                    ours,
                    std::fs::rename(&real, folder.0.join(&other)),
                    &format!("{path} to {other}"),
                );
            }
        }
    }
    compare(&vfs, "", &folder.0);
    // Paths cannot leave, whatever there is.
    assert_eq!(
        guest.on_path("path_create_directory", "../out"),
        Errno::PERM.0
    );
}

fn open(path: &Path, flags: u8, append: bool) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .append(append)
        .truncate(flags & 8 != 0)
        .create(flags & 1 != 0);
    if flags & 5 == 5 {
        options.create_new(true);
    }
    options.open(path)
}

fn on_file(
    files: &mut BTreeMap<i32, (File, bool)>,
    byte: u8,
    work: impl FnOnce(i32, &mut (File, bool)),
) {
    if !files.is_empty() {
        let index = usize::from(byte) % files.len();
        let (fd, file) = files.iter_mut().nth(index).expect("within");
        work(*fd, file);
    }
}

fn same(ours: u16, theirs: std::io::Result<()>, what: &str) {
    match theirs {
        Ok(()) => assert_eq!(ours, 0, "{what}"),
        Err(error) => assert_eq!(ours, errno(&error), "{what}: {error}"),
    }
}

/// Linux numbers as WASI numbers.
fn errno(error: &std::io::Error) -> u16 {
    match error.raw_os_error() {
        Some(2) => Errno::NOENT.0,
        Some(17) => Errno::EXIST.0,
        Some(20) => Errno::NOTDIR.0,
        Some(21) => Errno::ISDIR.0,
        Some(22) => Errno::INVAL.0,
        Some(39) => Errno::NOTEMPTY.0,
        _ => panic!("unexpected {error:?}"),
    }
}

fn path(byte: u8) -> String {
    let name = |bits: u8| ["a", "b", "c", "d"][usize::from(bits & 3)];
    match byte >> 6 {
        0 | 1 => name(byte).to_string(),
        2 => format!("{}/{}", name(byte), name(byte >> 2)),
        _ => format!("{}/{}/{}", name(byte), name(byte >> 2), name(byte >> 4)),
    }
}

/// Names and contents below a directory are the same on both sides.
fn compare(vfs: &Vfs, path: &str, real: &Path) {
    let (volume, inner) = vfs.locate(path);
    let names: Vec<String> = volume.with(|tree| {
        let ino = if inner.is_empty() {
            Tree::ROOT
        } else {
            tree.lookup(Tree::ROOT, &inner).expect("directory")
        };
        tree.entries(ino)
            .expect("directory")
            .keys()
            .cloned()
            .collect()
    });
    let mut real_names: Vec<String> = std::fs::read_dir(real)
        .expect("folder")
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .into_string()
                .expect("name")
        })
        .collect();
    real_names.sort();
    assert_eq!(names, real_names, "entries of /{path}");
    for name in names {
        let (path, real) = (format!("{path}/{name}"), real.join(&name));
        if real.is_dir() {
            compare(vfs, &path, &real);
        } else {
            assert_eq!(
                vfs.read(&path).expect("file"),
                std::fs::read(real).expect("file"),
                "contents of {path}"
            );
        }
    }
}
