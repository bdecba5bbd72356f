//! WASI preview 1 for guests, over the virtual file system and the [`Host`]'s clock and randomness.
//!
//! One file per family of functions. All of them work on the guest's memory and its [`Wasi`] state
//! and return an [`Errno`]; only `proc_exit` ends the call. Names that no module in use imports are
//! defined, as in the reference, and answer `ENOSYS`.

mod args;
mod clock;
pub(crate) mod descriptors;
mod errno;
mod fd;
mod memory;
mod names;
mod path;
mod process;

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

pub use errno::Errno;
pub(crate) use names::{Function, find};

use self::{descriptors::Descriptors, memory::Memory};
use crate::{
    engine::{HostTrap, Raw},
    host::Host,
    vfs::{Dir, FsError},
};

/// Is this a WASI namespace?
pub(crate) fn is_namespace(namespace: &str) -> bool {
    matches!(namespace, "wasi_snapshot_preview1" | "wasi_unstable")
}

/// One module's view of the outside.
pub struct Wasi {
    /// Name of the module, for its output.
    module: String,
    /// `NAME=value`.
    environment: Vec<String>,
    descriptors: Descriptors,
    /// Bytes moved since the last [`Self::take_work`], which the caller turns into fuel.
    work: u64,
}

impl Wasi {
    /// The view of module `module`. Directories are preopened in order of their alias, from
    /// descriptor 3 on.
    pub fn new(
        module: &str,
        environment: impl IntoIterator<Item = (String, String)>,
        directories: Vec<(String, Dir)>,
        max_open: usize,
    ) -> Self {
        Self {
            module: module.to_string(),
            environment: environment
                .into_iter()
                .map(|(name, value)| name + "=" + &value)
                .collect(),
            descriptors: Descriptors::new(directories, max_open),
            work: 0,
        }
    }

    /// The directory behind a path as the module writes it, with the path below: the longest
    /// preopened alias wins.
    pub(crate) fn locate(&self, path: &str) -> Option<(Dir, String)> {
        self.descriptors.locate(path)
    }

    /// Runs the function with this name over a memory, as a guest's import would. `None` when
    /// preview 1 has no such function.
    pub fn invoke(
        &mut self,
        name: &str,
        memory: &mut [u8],
        host: &mut dyn Host,
        args: &[Raw],
    ) -> Option<Result<Errno, HostTrap>> {
        let (function, _) = find(name)?;
        Some(self.call(function, memory, host, None, args))
    }

    /// Bytes moved since the last time.
    pub(crate) fn take_work(&mut self) -> u64 {
        core::mem::take(&mut self.work)
    }

    /// Runs one function over the guest's memory. `deadline` bounds sleeping, in the host's
    /// monotonic nanoseconds.
    pub(crate) fn call(
        &mut self,
        function: Function,
        memory: &mut [u8],
        host: &mut dyn Host,
        deadline: Option<u64>,
        args: &[Raw],
    ) -> Result<Errno, HostTrap> {
        let mut call = Call {
            wasi: self,
            memory: Memory(memory),
            host,
            deadline,
            args,
        };
        let result = match function {
            Function::ProcExit => return Err(call.proc_exit()),
            Function::ArgsSizesGet => call.args_sizes_get(),
            Function::ArgsGet => Ok(()),
            Function::EnvironSizesGet => call.environ_sizes_get(),
            Function::EnvironGet => call.environ_get(),
            Function::RandomGet => call.random_get(),
            Function::ClockTimeGet => call.clock_time_get(),
            Function::SchedYield => Ok(()),
            Function::PollOneoff => call.poll_oneoff(),
            Function::FdClose => call.fd_close(),
            Function::FdFdstatGet => call.fd_fdstat_get(),
            Function::FdFilestatGet => call.fd_filestat_get(),
            Function::FdFilestatSetSize => call.fd_filestat_set_size(),
            Function::FdPrestatGet => call.fd_prestat_get(),
            Function::FdPrestatDirName => call.fd_prestat_dir_name(),
            Function::FdRead => call.fd_read(),
            Function::FdReaddir => call.fd_readdir(),
            Function::FdSeek => call.fd_seek(),
            Function::FdSync => call.fd_sync(),
            Function::FdWrite => call.fd_write(),
            Function::PathCreateDirectory => call.path_create_directory(),
            Function::PathFilestatGet => call.path_filestat_get(),
            Function::PathOpen => call.path_open(),
            Function::PathRemoveDirectory => call.path_remove_directory(),
            Function::PathRename => call.path_rename(),
            Function::PathUnlinkFile => call.path_unlink_file(),
            Function::Missing => Err(Errno::NOSYS),
        };
        Ok(result.err().unwrap_or(Errno::SUCCESS))
    }
}

/// One call in progress.
struct Call<'a> {
    wasi: &'a mut Wasi,
    memory: Memory<'a>,
    host: &'a mut dyn Host,
    deadline: Option<u64>,
    args: &'a [Raw],
}

impl Call<'_> {
    /// Argument `index` as 32 bits; the engine checked the signature.
    fn arg(&self, index: usize) -> u32 {
        self.args.get(index).map_or(0, Raw::u32)
    }

    /// Argument `index` as 64 bits.
    fn arg_u64(&self, index: usize) -> u64 {
        self.args.get(index).map_or(0, Raw::u64)
    }
}

impl From<FsError> for Errno {
    fn from(error: FsError) -> Self {
        match error {
            FsError::BadHandle => Self::BADF,
            FsError::Exists => Self::EXIST,
            FsError::Invalid => Self::INVAL,
            FsError::IsDirectory => Self::ISDIR,
            FsError::NotFound => Self::NOENT,
            FsError::NotDirectory => Self::NOTDIR,
            FsError::NotEmpty => Self::NOTEMPTY,
            FsError::NoSpace => Self::NOSPC,
            FsError::NameTooLong => Self::NAMETOOLONG,
            FsError::Escape => Self::PERM,
            FsError::CrossVolume => Self::XDEV,
        }
    }
}
