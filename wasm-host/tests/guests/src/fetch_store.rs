//! Facade over `runner` and `files`: fetch something and keep it.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest, MountedBinaryStringResult};
module_manifest!();
fn main() {}

#[marine]
pub struct Note { pub found: bool, pub text: String, pub problem: String }

#[marine]
pub fn fetch_and_keep(url: String, path: String) -> Note {
    let r = fetch_text(url);
    if r.ret_code != 0 { return Note { found: false, text: r.stderr, problem: format!("{} {}", r.ret_code, r.error) }; }
    let saved = save_note(path.clone(), r.stdout);
    if !saved.found { return saved; }
    load_note(path)
}

#[marine]
#[module_import("runner")]
extern "C" { fn fetch_text(url: String) -> MountedBinaryStringResult; }
#[marine]
#[module_import("files")]
extern "C" {
    fn save_note(path: String, text: String) -> Note;
    fn load_note(path: String) -> Note;
}
