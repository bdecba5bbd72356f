//! A note store on a mapped directory.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest};
use std::fs;
module_manifest!();
fn main() {}

#[marine]
pub struct Note { pub found: bool, pub text: String, pub problem: String }

fn note(r: std::io::Result<String>) -> Note {
    match r {
        Ok(text) => Note { found: true, text, problem: String::new() },
        Err(e) => Note { found: false, text: String::new(), problem: format!("{:?} {:?}", e.kind(), e.raw_os_error()) },
    }
}

#[marine]
pub fn load_note(path: String) -> Note { note(fs::read_to_string(path)) }
#[marine]
pub fn save_note(path: String, text: String) -> Note { note(fs::write(path, text).map(|_| String::new())) }
#[marine]
pub fn extend_note(path: String, text: String) -> Note {
    use std::io::Write;
    note(fs::OpenOptions::new().append(true).open(path).and_then(|mut f| f.write_all(text.as_bytes())).map(|_| String::new()))
}
#[marine]
pub fn erase_note(path: String) -> Note { note(fs::remove_file(path).map(|_| String::new())) }
#[marine]
pub fn move_note(from: String, to: String) -> Note { note(fs::rename(from, to).map(|_| String::new())) }
#[marine]
pub fn new_shelf(path: String) -> Note { note(fs::create_dir(path).map(|_| String::new())) }
#[marine]
pub fn list_shelf(path: String) -> Vec<String> {
    let mut v: Vec<String> = match fs::read_dir(path) { Ok(d) => d.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect(), Err(e) => vec![format!("error {:?}", e.raw_os_error())] };
    v.sort();
    v
}
#[marine]
pub fn is_mapped(alias: String) -> bool { std::env::var(alias).map(|v| !v.is_empty()).unwrap_or(false) }
