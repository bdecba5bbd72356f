//! Runs the command tests of the WASI test suite (preview 1) and says which pass.
//!
//! ```sh
//! git clone --depth 1 --branch prod/testsuite-base https://github.com/WebAssembly/wasi-testsuite
//! cargo run -p basalt-wasm-host --example wasi_suite -- wasi-testsuite
//! ```

mod command;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use basalt_wasm_host::{Vfs, Volume, vfs::Quota};
use clap::Parser;
use serde_json::Value;

/// Runs the command tests of the WASI test suite (preview 1) and says which pass.
#[derive(Debug, Parser)]
struct Cli {
    /// A clone of https://github.com/WebAssembly/wasi-testsuite, branch prod/testsuite-base; or a
    /// single program, whose output is printed
    #[arg(value_name = "FOLDER|PROGRAM.wasm")]
    path: PathBuf,
}

fn main() -> ExitCode {
    let folder = Cli::parse().path;
    if !folder.exists() {
        eprintln!("error: {} is not there", folder.display());
        return ExitCode::from(2);
    }
    if folder.is_file() {
        let wasm = fs::read(&folder).expect("program");
        let ended = command::run(&wasm, &[name(&folder)], &[], Some(&empty()));
        print!("{}", ended.stdout);
        eprint!("{}{}", ended.stderr, ended.trap);
        return ended
            .code
            .map_or(ExitCode::FAILURE, |code| (code as u8).into());
    }
    let mut programs = Vec::new();
    for language in ["assemblyscript", "c", "rust"] {
        let tests = folder.join(format!("tests/{language}/testsuite/wasm32-wasip1"));
        let Ok(entries) = fs::read_dir(&tests) else {
            eprintln!("error: there are no tests in {}", tests.display());
            return ExitCode::from(2);
        };
        let paths = entries.flatten().map(|entry| entry.path());
        programs.extend(paths.filter(|path| path.extension().is_some_and(|end| end == "wasm")));
    }
    programs.sort();
    let mut passed = 0;
    for program in &programs {
        match test(program) {
            Ok(()) => passed += 1,
            Err(why) => println!("fails: {}: {why}", name(program)),
        }
    }
    println!("{passed} of {} pass", programs.len());
    ExitCode::SUCCESS
}

fn name(program: &Path) -> String {
    let name = program.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn empty() -> Vfs {
    Vfs::new(Volume::scratch(1, Quota::default()))
}

/// Runs one test as the file beside it says.
fn test(program: &Path) -> Result<(), String> {
    let settings = fs::read(program.with_extension("json")).unwrap_or(b"{}".to_vec());
    let settings: Value = serde_json::from_slice(&settings).map_err(|error| error.to_string())?;
    let texts = |value: &Value| -> Vec<String> {
        let list = value.as_array().into_iter().flatten();
        list.filter_map(|text| text.as_str().map(str::to_string))
            .collect()
    };
    let mut arguments = vec![name(program)];
    arguments.extend(texts(&settings["args"]));
    let environment: Vec<(String, String)> = settings["env"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_string())))
        .collect();
    let root = settings["root"].as_str();
    let vfs = root.map(|_| empty());
    if let (Some(root), Some(vfs)) = (root, &vfs) {
        copy(&program.with_file_name(root), "", vfs)?;
    }
    let wasm = fs::read(program).map_err(|error| error.to_string())?;
    let ended = command::run(&wasm, &arguments, &environment, vfs.as_ref());
    let wanted = settings["exit_code"].as_i64().unwrap_or(0);
    if ended.code.map(i64::from) != Some(wanted) {
        return Err(format!("{:?} {} {}", ended.code, ended.trap, ended.stderr));
    }
    match settings["stdout"].as_str() {
        Some(wanted) if wanted != ended.stdout => Err(format!("it wrote {:?}", ended.stdout)),
        _ => Ok(()),
    }
}

/// Puts a folder's files into a file system.
fn copy(from: &Path, to: &str, vfs: &Vfs) -> Result<(), String> {
    vfs.make_dirs(to, 1_000)
        .map_err(|error| error.to_string())?;
    for entry in fs::read_dir(from)
        .map_err(|error| error.to_string())?
        .flatten()
    {
        let path = format!("{to}/{}", name(&entry.path()));
        if entry.path().is_dir() {
            copy(&entry.path(), &path, vfs)?;
        } else {
            let bytes = fs::read(entry.path()).map_err(|error| error.to_string())?;
            vfs.write(&path, &bytes, 1_000)
                .map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}
