//! What a native function in a program's place is: its arguments, what it may use, what it leaves.

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use crate::{
    adapter::Value,
    host::Host,
    vfs::{FsError, Tree},
    wasi::Wasi,
};

/// Code for a program that could not be started.
const NOT_STARTED: i32 = 100_001;

/// What the operating system says about a missing program.
const NO_SUCH_PROGRAM: &str = "No such file or directory (os error 2)";

/// A native function in a program's place.
pub trait Mounted: Send + Sync {
    /// Runs it with a program's arguments.
    fn run(&self, arguments: &[String], environment: &mut Environment<'_>) -> Output;
}

/// What a mounted binary may use: the host's HTTP, and the files of the module that calls it.
pub struct Environment<'a> {
    /// The host.
    pub host: &'a mut dyn Host,
    /// The calling module's files.
    pub(crate) files: &'a Wasi,
    /// End of the call in the host's monotonic time.
    pub deadline: Option<u64>,
}

impl Environment<'_> {
    /// Reads a file by the path that the module uses, or one relative to its directory with that
    /// name as alias.
    ///
    /// # Errors
    /// [`FsError`] when the path is in none of the module's directories or no file.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, FsError> {
        // Only through the module's own directories: a program sees no more than its caller.
        let (dir, rest) = self.files.locate(path).ok_or(FsError::NotFound)?;
        dir.volume.with(|tree: &mut Tree| {
            let ino = tree.lookup(dir.ino, &rest)?;
            Ok(tree.bytes(ino)?.to_vec())
        })
    }

    /// Writes a file by the path that the module uses.
    ///
    /// # Errors
    /// [`FsError`] when the path is in none of the module's directories, or the volume refuses.
    pub fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), FsError> {
        let now = self.host.now();
        let (dir, rest) = self.files.locate(path).ok_or(FsError::NotFound)?;
        dir.volume
            .with(|tree: &mut Tree| tree.write_file(dir.ino, &rest, bytes, now))
    }
}

/// What a program leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Exit status, or a code from 100000 on.
    pub code: i32,
    /// Why it could not be run; empty when it ran.
    pub error: String,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Success with this on standard output.
    pub fn success(stdout: Vec<u8>) -> Self {
        Self {
            stdout,
            ..Self::default()
        }
    }

    /// An exit status with a sentence on standard error.
    pub fn failure(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            stderr: message.into().into_bytes(),
            ..Self::default()
        }
    }

    /// The record that modules receive.
    pub(crate) fn into_value(self) -> Value {
        Value::Record(vec![
            Value::S32(self.code),
            Value::String(self.error),
            Value::ByteArray(self.stdout),
            Value::ByteArray(self.stderr),
        ])
    }
}

/// A program that is not there.
#[derive(Clone, Copy, Debug)]
pub struct MissingProgram;

impl Mounted for MissingProgram {
    fn run(&self, _: &[String], _: &mut Environment<'_>) -> Output {
        Output {
            code: NOT_STARTED,
            error: NO_SUCH_PROGRAM.to_string(),
            ..Output::default()
        }
    }
}

/// The words of an error for a file that a command line names.
pub(super) fn file_error(path: &str, error: FsError) -> String {
    format!("{path}: {error}")
}
