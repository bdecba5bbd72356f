//! Probe: exposes file system, environment, clock, random, panic and exit behaviour of the host.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest, get_call_parameters, WasmLoggerBuilder};
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
module_manifest!();

fn main() { let _ = WasmLoggerBuilder::new().build(); }

#[marine]
pub struct FsResult { pub ok: bool, pub error: String, pub data: Vec<u8>, pub names: Vec<String>, pub size: u64 }

impl FsResult {
    fn new() -> Self { FsResult { ok: true, error: String::new(), data: vec![], names: vec![], size: 0 } }
}

fn wrap(r: std::io::Result<FsResult>) -> FsResult {
    match r {
        Ok(v) => v,
        Err(e) => FsResult { ok: false, error: format!("{:?}:{:?}", e.kind(), e.raw_os_error()), data: vec![], names: vec![], size: 0 },
    }
}

#[marine]
pub fn write_file(path: String, data: Vec<u8>) -> FsResult { wrap(fs::write(path, data).map(|_| FsResult::new())) }

#[marine]
pub fn append_file(path: String, data: Vec<u8>) -> FsResult {
    wrap((|| { let mut f = fs::OpenOptions::new().append(true).create(true).open(path)?; f.write_all(&data)?; Ok(FsResult::new()) })())
}

#[marine]
pub fn read_file(path: String) -> FsResult {
    wrap(fs::read(path).map(|d| { let mut r = FsResult::new(); r.size = d.len() as u64; r.data = d; r }))
}

/// read `len` bytes at `offset` through seek + read
#[marine]
pub fn fs_read_at(path: String, offset: u64, len: u32) -> FsResult {
    wrap((|| {
        let mut f = fs::File::open(path)?;
        let pos = f.seek(SeekFrom::Start(offset))?;
        let mut b = vec![0u8; len as usize];
        let n = f.read(&mut b)?;
        b.truncate(n);
        let mut r = FsResult::new(); r.size = pos; r.data = b; Ok(r)
    })())
}

#[marine]
pub fn set_len(path: String, len: u64) -> FsResult {
    wrap((|| { let f = fs::OpenOptions::new().write(true).open(path)?; f.set_len(len)?; f.sync_all()?; let mut r = FsResult::new(); r.size = f.metadata()?.len(); Ok(r) })())
}

#[marine]
pub fn create_new(path: String) -> FsResult {
    wrap(fs::OpenOptions::new().write(true).create_new(true).open(path).map(|_| FsResult::new()))
}

#[marine]
pub fn list_dir(path: String) -> FsResult {
    wrap((|| {
        let mut names = vec![];
        for e in fs::read_dir(path)? { let e = e?; names.push(format!("{}{}", e.file_name().to_string_lossy(), if e.file_type()?.is_dir() { "/" } else { "" })); }
        names.sort();
        let mut r = FsResult::new(); r.names = names; Ok(r)
    })())
}

#[marine]
pub fn fs_stat(path: String) -> FsResult {
    wrap(fs::metadata(path).map(|m| { let mut r = FsResult::new(); r.size = if m.is_dir() { 0 } else { m.len() }; r.names = vec![if m.is_dir() { "dir".into() } else { "file".into() }]; r }))
}

#[marine]
pub fn fs_mkdir(path: String) -> FsResult { wrap(fs::create_dir(path).map(|_| FsResult::new())) }
#[marine]
pub fn fs_mkdir_all(path: String) -> FsResult { wrap(fs::create_dir_all(path).map(|_| FsResult::new())) }
#[marine]
pub fn fs_rmdir(path: String) -> FsResult { wrap(fs::remove_dir(path).map(|_| FsResult::new())) }
#[marine]
pub fn fs_rmdir_all(path: String) -> FsResult { wrap(fs::remove_dir_all(path).map(|_| FsResult::new())) }
#[marine]
pub fn fs_unlink(path: String) -> FsResult { wrap(fs::remove_file(path).map(|_| FsResult::new())) }
#[marine]
pub fn fs_rename(from: String, to: String) -> FsResult { wrap(fs::rename(from, to).map(|_| FsResult::new())) }

#[marine]
pub fn get_env(name: String) -> Vec<String> { std::env::var(name).ok().into_iter().collect() }
#[marine]
pub fn env_names() -> Vec<String> { let mut v: Vec<String> = std::env::vars().map(|(k, _)| k).collect(); v.sort(); v }
#[marine]
pub fn args_count() -> u32 { std::env::args().count() as u32 }

#[marine]
pub fn clock_is_sane() -> bool {
    let n = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let a = std::time::Instant::now();
    let b = std::time::Instant::now();
    n > 1_600_000_000 && b >= a
}

/// two default hashers are seeded from random_get
#[marine]
pub fn random_differs() -> bool {
    use std::collections::hash_map::RandomState;
    use std::hash::{BuildHasher, Hasher};
    let a = RandomState::new().build_hasher().finish();
    let b = std::thread::current().id() == std::thread::current().id();
    a != 0 && b
}

#[marine]
pub fn do_panic(msg: String) { panic!("{}", msg); }
#[marine]
pub fn do_exit(code: i32) { std::process::exit(code); }
#[marine]
pub fn do_unreachable() { core::arch::wasm32::unreachable() }
#[marine] // SAFETY: none, on purpose: the address is the caller's, and the machine's bounds are what is tested.
pub fn do_oob(index: u32) -> u8 { unsafe { *(index as *const u8) } }
#[marine]
pub fn do_div_zero(a: i32, b: i32) -> i32 { // SAFETY: the pointer is that of a live argument.
    #[inline(never)] fn d(a: i32, b: i32) -> i32 { unsafe { let x = std::ptr::read_volatile(&b); if x == 0 { core::arch::wasm32::unreachable() } a / x } }
    d(a, b)
}
#[marine]
pub fn do_stack_overflow(n: u32) -> u32 {
    #[inline(never)] fn f(n: u32, b: &[u32; 64]) -> u32 { let mut c = *b; c[(n % 64) as usize] = n; if n == 0 { c[1] } else { f(n - 1, &c).wrapping_add(c[2]) } }
    f(n, &[0; 64])
}
#[marine]
pub fn alloc_mib(n: u32) -> u32 { let v = vec![1u8; (n as usize) << 20]; let s = v.iter().step_by(4096).map(|x| *x as u32).sum(); std::mem::forget(v); s }

#[marine]
pub fn log_all(msg: String) { log::error!("{}", msg); log::warn!("{}", msg); log::info!("{}", msg); log::debug!("{}", msg); log::trace!("{}", msg); }

/// the call parameters as the module sees them (host API v3)
#[marine]
pub fn who() -> Vec<String> {
    let c = get_call_parameters();
    let mut v = vec![c.particle.id, c.particle.init_peer_id, c.particle.timestamp.to_string(), c.particle.ttl.to_string(), c.particle.script,
        format!("{:?}", c.particle.signature), c.particle.token, c.service_id, c.service_creator_peer_id, c.host_id, c.worker_id];
    for (i, t) in c.tetraplets.iter().enumerate() { for s in t { v.push(format!("{} {}", i, s)); } }
    v
}

static mut COUNTER: u32 = 0;
/// module state lives between calls
#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn counter() -> u32 { unsafe { COUNTER += 1; COUNTER } }
/// state survives a trap
#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn bump_and_trap() { unsafe { COUNTER += 100; } core::arch::wasm32::unreachable() }
