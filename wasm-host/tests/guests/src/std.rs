//! Rust's `std::fs`, `std::io` and `std::time`, as a service's author meets them. Each function
//! checks what it does, panics with a text when something is not as on Linux, and tells what it
//! saw.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest};
use std::fs::{self, File, FileTimes, FileType, OpenOptions};
use std::io::{
    self, BufRead, BufReader, BufWriter, Cursor, ErrorKind, IoSlice, IoSliceMut, Read, Seek,
    SeekFrom, Write,
};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

module_manifest!();

/// WASI's number of the error about a directory that is not empty.
const NOTEMPTY: i32 = 55;

fn main() {}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("it should not succeed"),
        Err(error) => error.kind(),
    }
}

fn names(dir: &str) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a directory");
    let mut names: Vec<String> = entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let sign = |kind: FileType| match kind {
                kind if kind.is_dir() => "/",
                kind if kind.is_symlink() => "@",
                kind if kind.is_file() => "",
                _ => "?",
            };
            let stat = entry.metadata().expect("an entry's metadata");
            let sign = sign(entry.file_type().expect("an entry's type"));
            assert_eq!(stat.is_symlink(), sign == "@", "metadata of {entry:?}");
            format!("{}{sign}", entry.file_name().to_str().expect("a text"))
        })
        .collect();
    names.sort();
    names
}

/// Whole files: created, written, read, sought, cut, extended, copied, renamed, removed.
#[marine]
pub fn fs_files(dir: String) -> String {
    let path = |name: &str| format!("{dir}/{name}");
    let mut file = File::create(path("a")).expect("create");
    assert_eq!(file.write(b"0123456789").expect("write"), 10);
    assert_eq!(file.stream_position().expect("position"), 10);
    assert!(file.read(&mut [0; 4]).is_err(), "it is open to be written only");
    file.flush().expect("flush");
    file.sync_all().expect("sync_all");
    file.sync_data().expect("sync_data");
    drop(file);

    let mut file = OpenOptions::new().read(true).write(true).open(path("a")).expect("open");
    assert_eq!(file.seek(SeekFrom::End(-4)).expect("end"), 6);
    let mut four = [0; 4];
    file.read_exact(&mut four).expect("read_exact");
    assert_eq!(&four, b"6789");
    assert_eq!(file.read(&mut four).expect("at the end"), 0);
    assert_eq!(kind(file.read_exact(&mut four)), ErrorKind::UnexpectedEof);
    assert_eq!(file.seek(SeekFrom::Current(-3)).expect("back"), 7);
    assert_eq!(kind(file.seek(SeekFrom::Current(-8))), ErrorKind::InvalidInput);
    assert_eq!(file.stream_position().expect("position"), 7);
    file.write_all(b"seven").expect("over the end");
    file.rewind().expect("rewind");
    let mut text = String::new();
    assert_eq!(file.read_to_string(&mut text).expect("text"), 12);
    assert_eq!(text, "0123456seven");

    file.set_len(4).expect("cut");
    assert_eq!(file.metadata().expect("metadata").len(), 4);
    file.seek(SeekFrom::Start(6)).expect("past the end");
    file.write_all(b"x").expect("a gap");
    file.set_len(9).expect("extend");
    assert_eq!(fs::read(path("a")).expect("read"), b"0123\0\0x\0\0");

    let parts = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
    file.rewind().expect("rewind");
    assert_eq!(file.write_vectored(&parts).expect("write_vectored"), 5);
    file.rewind().expect("rewind");
    let (mut one, mut two) = ([0; 1], [0; 3]);
    let mut parts = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
    assert_eq!(file.read_vectored(&mut parts).expect("read_vectored"), 4);
    assert_eq!((&one, &two), (b"a", b"bcd"));

    fs::write(path("b"), "text").expect("write");
    assert_eq!(fs::copy(path("b"), path("c")).expect("copy"), 4);
    fs::rename(path("c"), path("a")).expect("rename over");
    assert_eq!(fs::read_to_string(path("a")).expect("read"), "text");
    // The file that was replaced lives as long as it is open.
    assert_eq!(file.metadata().expect("metadata").len(), 9);
    drop(file);
    assert!(Path::new(&path("a")).exists() && !Path::new(&path("c")).exists());
    fs::remove_file(path("b")).expect("remove");
    assert_eq!(kind(fs::remove_file(path("b"))), ErrorKind::NotFound);
    names(&dir).join(" ")
}

/// All ways to open.
#[marine]
pub fn fs_open(dir: String) -> String {
    let path = format!("{dir}/opened");
    let options = OpenOptions::new;
    assert_eq!(kind(options().read(true).open(&path)), ErrorKind::NotFound);
    assert_eq!(kind(options().write(true).open(&path)), ErrorKind::NotFound);
    assert_eq!(kind(options().open(&path)), ErrorKind::InvalidInput);
    assert_eq!(kind(options().read(true).truncate(true).open(&path)), ErrorKind::InvalidInput);
    let mut file = options().write(true).create_new(true).open(&path).expect("create_new");
    file.write_all(b"12345").expect("write");
    let again = options().write(true).create_new(true).open(&path);
    assert_eq!(kind(again), ErrorKind::AlreadyExists);
    assert_eq!(kind(File::create_new(&path)), ErrorKind::AlreadyExists);
    options().write(true).create(true).open(&path).expect("create").write_all(b"ab").expect("ab");
    let mut end = options().append(true).read(true).open(&path).expect("append");
    end.rewind().expect("rewind");
    end.write_all(b"!").expect("at the end");
    end.rewind().expect("rewind");
    let mut text = String::new();
    end.read_to_string(&mut text).expect("read");
    assert_eq!(text, "ab345!");
    // Two that append do not write over each other.
    let mut other = options().append(true).create(true).open(&path).expect("append");
    other.write_all(b"o").expect("other");
    end.write_all(b"e").expect("end");
    assert!(options().read(true).open(&path).expect("read").write(b"x").is_err());
    assert!(options().append(true).open(&path).expect("append").read(&mut [0]).is_err());
    assert_eq!(fs::read_to_string(&path).expect("read"), "ab345!oe");
    options().write(true).truncate(true).open(&path).expect("truncate");
    assert_eq!(fs::metadata(&path).expect("metadata").len(), 0);
    assert_eq!(kind(options().write(true).open(&dir)), ErrorKind::IsADirectory);
    assert_eq!(kind(File::open(format!("{path}/x"))), ErrorKind::NotADirectory);
    names(&dir).join(" ")
}

/// Metadata, times and permissions.
#[marine]
pub fn fs_metadata(dir: String) -> String {
    let path = format!("{dir}/timed");
    let file = File::create(&path).expect("create");
    let at = |seconds| UNIX_EPOCH + Duration::new(seconds, 7);
    let times = FileTimes::new().set_accessed(at(1_000)).set_modified(at(2_000));
    file.set_times(times).expect("set_times");
    let stat = file.metadata().expect("metadata");
    assert_eq!(stat.accessed().expect("accessed"), at(1_000));
    assert_eq!(stat.modified().expect("modified"), at(2_000));
    assert!(stat.created().expect("a time") > at(2_000));
    file.set_modified(at(3_000)).expect("set_modified");
    let stat = fs::metadata(&path).expect("metadata");
    assert_eq!(stat.accessed().expect("accessed"), at(1_000));
    assert_eq!(stat.modified().expect("modified"), at(3_000));
    assert!(stat.is_file() && !stat.is_dir() && !stat.is_symlink() && stat.len() == 0);
    fs::write(&path, "x").expect("write");
    let stat = fs::metadata(&path).expect("metadata");
    assert!(stat.modified().expect("modified") > at(1_000_000_000), "a write moves it");
    // WASI has no permissions: none is shown, and nothing can be changed.
    let permissions = stat.permissions();
    assert!(permissions.readonly());
    assert_eq!(kind(fs::set_permissions(&path, permissions)), ErrorKind::Unsupported);
    let roundabout = format!("{dir}/./none/../timed");
    assert_eq!(kind(fs::canonicalize(&roundabout)), ErrorKind::NotFound);
    let roundabout = format!("{dir}/.//timed");
    assert_eq!(fs::canonicalize(&roundabout).expect("canonicalize"), Path::new(&path));
    let stat = fs::metadata(&dir).expect("metadata");
    assert!(stat.is_dir() && !stat.is_file());
    assert_eq!(kind(fs::metadata(format!("{dir}/none"))), ErrorKind::NotFound);
    assert!(!fs::exists(format!("{dir}/none")).expect("exists"));
    names(&dir).join(" ")
}

/// Hard and symbolic links.
#[marine]
#[allow(deprecated)]
pub fn fs_links(dir: String) -> String {
    let path = |name: &str| format!("{dir}/{name}");
    fs::write(path("file"), "one").expect("write");
    fs::hard_link(path("file"), path("same")).expect("hard_link");
    fs::write(path("same"), "two").expect("write");
    assert_eq!(fs::read_to_string(path("file")).expect("read"), "two");
    assert_eq!(kind(fs::hard_link(path("file"), path("same"))), ErrorKind::AlreadyExists);
    assert_eq!(kind(fs::hard_link(path("none"), path("other"))), ErrorKind::NotFound);
    fs::remove_file(path("file")).expect("remove");
    assert_eq!(fs::read_to_string(path("same")).expect("read"), "two");
    // `soft_link` is what stable Rust has of them for WASI.
    fs::soft_link("same", path("soft")).expect("soft_link");
    assert_eq!(fs::read_link(path("soft")).expect("read_link"), Path::new("same"));
    assert_eq!(fs::read_to_string(path("soft")).expect("through"), "two");
    assert!(fs::symlink_metadata(path("soft")).expect("metadata").is_symlink());
    assert!(fs::metadata(path("soft")).expect("metadata").is_file());
    assert_eq!(fs::canonicalize(path("soft")).expect("canonicalize"), Path::new(&path("same")));
    fs::soft_link("none", path("dangling")).expect("soft_link");
    assert_eq!(kind(fs::read(path("dangling"))), ErrorKind::NotFound);
    fs::soft_link("round", path("round")).expect("soft_link");
    assert!(fs::read(path("round")).is_err());
    assert!(fs::soft_link("/etc", path("absolute")).is_err());
    fs::soft_link("../../../../etc", path("outside")).expect("soft_link");
    assert!(fs::read_dir(path("outside")).is_err());
    assert_eq!(kind(fs::read_link(path("same"))), ErrorKind::InvalidInput);
    names(&dir).join(" ")
}

/// Directories.
#[marine]
pub fn fs_directories(dir: String) -> String {
    let path = |name: &str| format!("{dir}/{name}");
    fs::create_dir(path("a")).expect("create_dir");
    assert_eq!(kind(fs::create_dir(path("a"))), ErrorKind::AlreadyExists);
    assert_eq!(kind(fs::create_dir(path("x/y"))), ErrorKind::NotFound);
    fs::create_dir_all(path("a/b/c/d")).expect("create_dir_all");
    fs::create_dir_all(path("a/b/c/d")).expect("create_dir_all again");
    // More than one buffer of entries.
    for index in 0..300 {
        fs::write(path(&format!("a/b/number {index:03}")), "").expect("write");
    }
    let listed = names(&path("a/b"));
    assert_eq!((listed.len(), listed[0].as_str()), (301, "c/"));
    assert_eq!(listed[300], "number 299");
    // For this one the standard library has no kind on WASI.
    let full = fs::remove_dir(path("a/b")).expect_err("a full directory");
    assert_eq!(full.raw_os_error(), Some(NOTEMPTY));
    assert_eq!(kind(fs::remove_dir(path("a/b/number 000"))), ErrorKind::NotADirectory);
    assert!(fs::remove_file(path("a/b/c")).is_err());
    fs::rename(path("a/b"), path("moved")).expect("rename");
    assert_eq!(kind(fs::rename(path("moved"), path("moved/c/d/e"))), ErrorKind::InvalidInput);
    fs::remove_dir(path("a")).expect("remove_dir");
    // While its directory is read, entries go: the listing stays what it was.
    let mut seen = 0;
    for entry in fs::read_dir(path("moved")).expect("read_dir") {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("a type").is_file() {
            fs::remove_file(entry.path()).expect("remove while reading");
            seen += 1;
        }
    }
    assert_eq!(seen, 300);
    assert_eq!(names(&path("moved")), ["c/"]);
    fs::remove_dir_all(path("moved")).expect("remove_dir_all");
    assert_eq!(kind(fs::read_dir(path("moved"))), ErrorKind::NotFound);
    assert_eq!(kind(fs::remove_dir_all(path("moved"))), ErrorKind::NotFound);
    names(&dir).join(" ")
}

/// Streams, buffers and cursors.
#[marine]
pub fn io_streams(dir: String) -> String {
    let mut text = String::new();
    // Standard input is at its end, whatever asks.
    assert_eq!(io::stdin().read_line(&mut text).expect("stdin"), 0);
    assert_eq!(io::stdin().lock().read(&mut [0; 9]).expect("stdin"), 0);
    assert_eq!(io::stdin().lines().count(), 0);
    print!("to stdout");
    println!(", a line");
    io::stdout().flush().expect("flush");
    eprint!("to stderr");
    io::stderr().write_all(b", bytes\n").expect("stderr");

    let path = format!("{dir}/lines");
    let mut out = BufWriter::with_capacity(7, File::create(&path).expect("create"));
    for index in 0..1_000 {
        writeln!(out, "line {index}").expect("writeln");
    }
    out.flush().expect("flush");
    let mut lines = BufReader::with_capacity(11, File::open(&path).expect("open"));
    lines.read_line(&mut text).expect("read_line");
    assert_eq!(text, "line 0\n");
    lines.seek_relative(5).expect("seek_relative");
    let mut word = Vec::new();
    lines.read_until(b'\n', &mut word).expect("read_until");
    assert_eq!(word, b"1\n");
    assert_eq!(lines.lines().map(|line| line.expect("line").len()).sum::<usize>(), 7_878);

    let mut cursor = Cursor::new(Vec::new());
    let copied = io::copy(&mut File::open(&path).expect("open").take(14), &mut cursor);
    assert_eq!(copied.expect("copy"), 14);
    cursor.set_position(7);
    text.clear();
    cursor.read_to_string(&mut text).expect("cursor");
    assert_eq!(text, "line 1\n");
    let mut both = Cursor::new(b"ab").chain(Cursor::new(b"cd"));
    text.clear();
    both.read_to_string(&mut text).expect("chain");
    assert_eq!(io::copy(&mut io::repeat(1).take(70_000), &mut io::sink()).expect("copy"), 70_000);
    text
}

/// Clocks and sleeping: milliseconds that passed on the monotonic clock and on the wall's.
#[marine]
pub fn time_passes(ms: u64) -> Vec<u64> {
    let (start, wall) = (Instant::now(), SystemTime::now());
    assert!(wall > UNIX_EPOCH + Duration::from_secs(1_600_000_000), "{wall:?}");
    std::thread::sleep(Duration::from_millis(ms));
    let (end, later) = (Instant::now(), SystemTime::now());
    assert!(end >= start && start.checked_duration_since(end).is_none());
    std::thread::yield_now();
    let passed = |passed: Duration| u64::try_from(passed.as_millis()).expect("short");
    vec![passed(end - start), passed(later.duration_since(wall).expect("it goes on"))]
}

/// Makes one of each: what has to be there after a reboot.
#[marine]
#[allow(deprecated)]
pub fn leave(dir: String) -> String {
    let path = |name: &str| format!("{dir}/{name}");
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    fs::create_dir_all(path("tree/deep")).expect("directories");
    fs::write(path("tree/deep/file"), "contents").expect("write");
    fs::hard_link(path("tree/deep/file"), path("second")).expect("hard link");
    fs::soft_link("tree/deep", path("soft")).expect("symbolic link");
    fs::soft_link("nowhere", path("dangling")).expect("symbolic link");
    fs::write(path("was"), "renamed").expect("write");
    fs::rename(path("was"), path("is")).expect("rename");
    fs::write(path("over"), "lost").expect("write");
    fs::hard_link(path("is"), path("is too")).expect("hard link");
    fs::rename(path("is"), path("over")).expect("rename over");
    fs::write(path("gone"), "gone").expect("write");
    fs::remove_file(path("gone")).expect("remove");
    let file = OpenOptions::new().append(true).open(path("second")).expect("append");
    (&file).write_all(b", more").expect("append");
    let times = FileTimes::new().set_accessed(at(11)).set_modified(at(22));
    file.set_times(times).expect("set_times");
    let empty = File::create(path("sparse")).expect("create");
    empty.set_len(10_000).expect("set_len");
    look(dir)
}

/// Writes one byte more.
#[marine]
pub fn extend(path: String) -> String {
    let file = OpenOptions::new().append(true).open(path);
    file.expect("append").write_all(b"!").expect("write");
    String::new()
}

/// Makes files with links and times below a directory, and removes it again.
#[marine]
#[allow(deprecated)]
pub fn rounds(dir: String) -> String {
    let path = |index| format!("{dir}/{index}");
    fs::create_dir(&dir).expect("create_dir");
    for index in 0..200 {
        fs::write(path(index), "x".repeat(200)).expect("write");
        fs::hard_link(path(index), path(index + 1_000)).expect("hard_link");
        fs::soft_link("x", path(index + 2_000)).expect("soft_link");
    }
    fs::remove_dir_all(dir).expect("remove_dir_all");
    String::new()
}

/// All names below a directory with what can be told of them; what was read last is not changed.
#[marine]
pub fn look(dir: String) -> String {
    let mut told = Vec::new();
    let mut left = vec![dir];
    while let Some(dir) = left.pop() {
        for name in names(&dir) {
            let path = format!("{dir}/{}", name.trim_end_matches(['/', '@']));
            let stat = fs::symlink_metadata(&path).expect("metadata");
            let nanos = |time: io::Result<SystemTime>| {
                time.expect("a time").duration_since(UNIX_EPOCH).expect("later").as_nanos()
            };
            let times = [stat.accessed(), stat.modified(), stat.created()].map(nanos);
            let what = match name.chars().last() {
                Some('/') => {
                    left.push(path.clone());
                    String::new()
                }
                Some('@') => fs::read_link(&path).expect("a link").display().to_string(),
                _ => format!("{} bytes", stat.len()),
            };
            // A directory's last reading is kept with its next change only: looking moves it.
            let times = if name.ends_with('/') { &times[1..] } else { &times };
            told.push(format!("{path} {what} {times:?}"));
        }
    }
    told.sort();
    told.join("\n")
}

/// Puts a symbolic link in the place of what is at a path.
#[marine]
#[allow(deprecated)]
pub fn tie(target: String, path: String) -> String {
    let _ = fs::remove_dir_all(&path);
    let _ = fs::remove_file(&path);
    fs::soft_link(target, path).expect("soft_link");
    String::new()
}

/// The contents of a file.
#[marine]
pub fn contents(path: String) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| format!("{:?}", error.kind()))
}
