//! Calls of WASI preview 1 with what wasmtime 13 answered over Linux. In a line of `vectors/wasi` a
//! call comes before ` => `, its error number and results after; `NAME=` keeps a descriptor that is
//! opened for `$NAME`. A heading starts with an empty file system. Where this host answers
//! otherwise on purpose, ` !> ` gives its answer.

use std::collections::BTreeMap;

use basalt_wasm_host::{Vfs, Volume, engine::Raw, vfs::Quota, wasi::Wasi};

#[path = "../fuzz/targets/host.rs"]
#[allow(unreachable_pub, reason = "shared with the fuzzer")]
mod host;

const RESULT: usize = 512;
const VECTOR: usize = 600;
const TEXTS: usize = 1024;
const DATA: usize = 32_768;
const EVENTS: usize = 60_000;

struct Guest {
    wasi: Wasi,
    memory: Vec<u8>,
    host: host::Quiet,
    descriptors: BTreeMap<String, i64>,
}

enum Word {
    Number(i64),
    Text(Vec<u8>),
    /// A subscription: kind and what it is about.
    List(Vec<i64>),
}

impl Guest {
    fn new() -> Self {
        let vfs = Vfs::new(Volume::scratch(1, Quota::default()));
        let root = vfs.make_dirs("", 0).unwrap();
        Self {
            wasi: Wasi::new(
                "m",
                [("K".to_string(), "V".to_string())],
                vec![("/".to_string(), root)],
                64,
            )
            .with_arguments(vec!["a".to_string(), "bc".to_string()]),
            memory: vec![0; 1 << 17],
            host: host::Quiet::default(),
            descriptors: BTreeMap::new(),
        }
    }

    fn number(&self, word: &str) -> i64 {
        match (word.strip_prefix('$'), word.strip_prefix("0x")) {
            (Some(name), _) => *self.descriptors.get(name).unwrap_or(&999),
            (_, Some(digits)) => u64::from_str_radix(digits, 16).unwrap() as i64,
            _ => word.parse().unwrap(),
        }
    }

    fn words(&self, mut line: &str) -> Vec<Word> {
        let mut words = Vec::new();
        while !line.trim_start().is_empty() {
            line = line.trim_start();
            if let Some(rest) = line.strip_prefix('"') {
                let (text, rest) = rest.split_once('"').unwrap();
                words.push(Word::Text(unescape(text)));
                line = rest;
                continue;
            }
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            words.push(match word.contains(',') {
                true => Word::List(word.split(',').map(|word| self.number(word)).collect()),
                false => Word::Number(self.number(word)),
            });
            line = rest;
        }
        words
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.memory[at..at + 4].try_into().unwrap())
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.memory[at..at + 8].try_into().unwrap())
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.memory[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn invoke(&mut self, name: &str, args: &[i64]) -> u16 {
        // Numbers of 64 bits are where the standard has them.
        let wide: &[usize] = match name {
            "fd_advise" | "fd_allocate" | "fd_fdstat_set_rights" | "fd_filestat_set_times" => {
                &[1, 2]
            }
            "fd_filestat_set_size" | "fd_seek" => &[1],
            "fd_pread" | "fd_pwrite" | "fd_readdir" => &[3],
            "path_filestat_set_times" => &[4, 5],
            "path_open" => &[5, 6],
            "clock_time_get" => &[1],
            _ => &[],
        };
        let args: Vec<Raw> = args
            .iter()
            .enumerate()
            .map(|(index, arg)| {
                match wide.contains(&index) && !(name == "fd_advise" && index == 3) {
                    true => Raw::I64(*arg),
                    false => Raw::I32(*arg as i32),
                }
            })
            .collect();
        let outcome = self
            .wasi
            .invoke(name, &mut self.memory, &mut self.host, &args);
        outcome
            .expect("a function")
            .map_or(u16::MAX, |errno| errno.0)
    }

    fn line(&mut self, call: &str) -> String {
        let (name, rest) = call.split_once(' ').unwrap_or((call, ""));
        let (keep, name) = name.split_once('=').unwrap_or(("_", name));
        let (mut args, mut at, mut subscriptions) = (Vec::new(), TEXTS, Vec::new());
        for word in self.words(rest) {
            match word {
                Word::Number(number) => args.push(number),
                Word::Text(text) => {
                    self.put(at, &text);
                    args.extend([at as i64, text.len() as i64]);
                    at += text.len() + 8;
                }
                Word::List(list) => subscriptions.push(list),
            }
        }
        let result = RESULT as i64;
        let io = [VECTOR as i64, 1];
        let errno = match name {
            "fd_read" | "fd_pread" | "fd_write" | "fd_pwrite" => {
                let (pointer, len, rest) = match name.ends_with("read") {
                    true => (DATA as i64, args[1], &args[2..]),
                    false => (args[1], args[2], &args[3..]),
                };
                self.put(VECTOR, &(pointer as u32).to_le_bytes());
                self.put(VECTOR + 4, &(len as u32).to_le_bytes());
                let args = [&args[..1], &io, rest, &[result]].concat();
                self.invoke(name, &args)
            }
            "fd_readdir" => {
                let args = [args[0], DATA as i64, args[1], args[2], result];
                self.invoke(name, &args)
            }
            "path_readlink" => {
                let args = [args[0], args[1], args[2], DATA as i64, args[3], result];
                self.invoke(name, &args)
            }
            "fd_prestat_dir_name" => {
                self.put(RESULT, &[0; 16]);
                self.invoke(name, &[args[0], result, args[1]])
            }
            "poll_oneoff" => {
                let count = subscriptions.len() as i64;
                for (index, list) in subscriptions.into_iter().enumerate() {
                    let mut bytes = [0; 48];
                    bytes[0] = index as u8 + 1;
                    bytes[8] = list[0] as u8;
                    bytes[16..20].copy_from_slice(&(list[1] as u32).to_le_bytes());
                    bytes[24..32].copy_from_slice(&list.get(2).unwrap_or(&0).to_le_bytes());
                    bytes[40] = *list.get(3).unwrap_or(&0) as u8;
                    self.put(DATA + index * 48, &bytes);
                }
                self.invoke(name, &[DATA as i64, EVENTS as i64, count, result])
            }
            "args_sizes_get" | "environ_sizes_get" => self.invoke(name, &[result, result + 4]),
            "args_get" | "environ_get" => self.invoke(name, &[result, result + 64]),
            "random_get" => self.invoke(name, &[DATA as i64, args[0]]),
            "sock_accept" => self.invoke(name, &[args[0], args[1], result]),
            "sock_recv" => self.invoke(name, &[args[0], io[0], 1, 0, result, result + 8]),
            "sock_send" => self.invoke(name, &[args[0], io[0], 1, 0, result]),
            "path_open" | "fd_seek" | "fd_tell" | "clock_res_get" | "clock_time_get"
            | "fd_filestat_get" | "path_filestat_get" | "fd_fdstat_get" | "fd_prestat_get" => {
                let args = [&args[..], &[result]].concat();
                self.invoke(name, &args)
            }
            _ => self.invoke(name, &args),
        };
        if errno != 0 {
            return errno.to_string();
        }
        let more = self.told(name, keep, &args);
        format!("0 {more}").trim_end().to_string()
    }

    fn told(&mut self, name: &str, keep: &str, args: &[i64]) -> String {
        match name {
            "fd_read" | "fd_pread" | "path_readlink" => {
                let len = self.u32(RESULT) as usize;
                escape(&self.memory[DATA..DATA + len])
            }
            "fd_write" | "fd_pwrite" => self.u32(RESULT).to_string(),
            "path_open" => {
                let fd = i64::from(self.u32(RESULT));
                self.descriptors.insert(keep.to_string(), fd);
                String::new()
            }
            "fd_seek" | "fd_tell" => self.u64(RESULT).to_string(),
            "clock_res_get" | "clock_time_get" => "ok".to_string(),
            "fd_filestat_get" | "path_filestat_get" => {
                let (links, size) = (self.u64(RESULT + 24), self.u64(RESULT + 32));
                let mut told = kind(self.memory[RESULT + 16]).to_string();
                match told.as_str() {
                    "file" => told += &format!(" links {links} size {size}"),
                    "link" => told += &format!(" size {size}"),
                    _ => {}
                }
                if keep != "_" {
                    let (read, changed) = (self.u64(RESULT + 40), self.u64(RESULT + 48));
                    told += &format!(" atim {read} mtim {changed}");
                }
                told
            }
            "fd_fdstat_get" => format!(
                "{} flags {} base {:x} inheriting {:x}",
                kind(self.memory[RESULT]),
                self.memory[RESULT + 2],
                self.u64(RESULT + 8),
                self.u64(RESULT + 16)
            ),
            "fd_readdir" => {
                let (mut at, end) = (DATA, DATA + self.u32(RESULT) as usize);
                let mut names = Vec::new();
                while at + 24 <= end {
                    let name = at + 24..at + 24 + self.u32(at + 16) as usize;
                    if name.end > end {
                        break;
                    }
                    let kind = kind(self.memory[at + 20]);
                    names.push(format!("{}:{kind}", escape(&self.memory[name.clone()])));
                    at = name.end;
                }
                names.sort();
                names.join(" ")
            }
            "fd_prestat_get" | "args_sizes_get" | "environ_sizes_get" => {
                format!("{} {}", self.u32(RESULT), self.u32(RESULT + 4))
            }
            "fd_prestat_dir_name" => escape(&self.memory[RESULT..RESULT + args[1] as usize]),
            "args_get" | "environ_get" => escape(&self.memory[RESULT + 64..RESULT + 72]),
            "poll_oneoff" => {
                let events = (0..self.u32(RESULT) as usize).map(|index| {
                    let at = EVENTS + index * 32;
                    let (id, error, kind) =
                        (self.u64(at), self.memory[at + 8], self.memory[at + 10]);
                    format!(
                        "{id}:{error}:{kind}:{}:{}",
                        self.u64(at + 16),
                        self.memory[at + 24]
                    )
                });
                events.collect::<Vec<_>>().join(" ")
            }
            _ => String::new(),
        }
    }
}

fn kind(byte: u8) -> &'static str {
    match byte {
        2 => "char",
        3 => "dir",
        4 => "file",
        7 => "link",
        _ => "?",
    }
}

fn escape(bytes: &[u8]) -> String {
    let text: String = bytes
        .iter()
        .map(|byte| match byte {
            b'"' | b'\\' | 0..32 | 127.. => format!("\\{byte:02x}"),
            _ => char::from(*byte).to_string(),
        })
        .collect();
    format!("\"{text}\"")
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if *first == b'\\' {
            let digits = std::str::from_utf8(&rest[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &rest[2..];
        } else {
            bytes.push(*first);
        }
    }
    bytes
}

#[test]
fn calls_are_answered_as_wasmtime_13_answers_them() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/wasi");
    let (mut calls, mut wrong) = (0, Vec::new());
    for file in std::fs::read_dir(folder).unwrap() {
        let mut guest = Guest::new();
        for line in std::fs::read_to_string(file.unwrap().path())
            .unwrap()
            .lines()
        {
            let Some((call, answer)) = line.split_once(" => ") else {
                if line.starts_with('#') {
                    guest = Guest::new();
                }
                continue;
            };
            let wanted = answer.split_once(" !> ").map_or(answer, |(_, ours)| ours);
            let got = guest.line(call);
            calls += 1;
            if got != wanted {
                wrong.push(format!("{call} => {answer} !> {got}"));
            }
        }
    }
    assert!(calls > 300);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
