//! WASI preview 1 for guests, over the virtual file system and the [`Host`]'s clock and randomness.
//!
//! One file per family of functions. All of them work on the guest's memory and its [`Wasi`] state
//! and return an [`Errno`]; only `proc_exit` and `proc_raise` end the call. Where the standard leaves
//! a choice, or a file system has to make one, the answers are those of wasmtime 13 over Linux, which
//! the reference links; `tests/vectors/wasi` has them.

mod args;
mod clock;
pub(crate) mod descriptors;
mod errno;
mod fd;
mod memory;
mod names;
mod path;
mod process;
mod rights;
mod times;
mod transfer;

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
    /// Arguments; a service's modules have none.
    arguments: Vec<String>,
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
            arguments: Vec::new(),
            environment: environment
                .into_iter()
                .map(|(name, value)| name + "=" + &value)
                .collect(),
            descriptors: Descriptors::new(directories, max_open),
            work: 0,
        }
    }

    /// The same with a program's arguments, its name first. Modules of services get none.
    #[must_use]
    pub fn with_arguments(mut self, arguments: Vec<String>) -> Self {
        self.arguments = arguments;
        self
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
            Function::ProcRaise => return Err(call.proc_raise()),
            Function::ArgsGet => call.args_get(),
            Function::ArgsSizesGet => call.args_sizes_get(),
            Function::ClockResGet => call.clock_res_get(),
            Function::ClockTimeGet => call.clock_time_get(),
            Function::EnvironGet => call.environ_get(),
            Function::EnvironSizesGet => call.environ_sizes_get(),
            Function::FdAdvise => call.fd_advise(),
            Function::FdAllocate => call.fd_allocate(),
            Function::FdClose => call.fd_close(),
            Function::FdDatasync | Function::FdSync => call.fd_sync(),
            Function::FdFdstatGet => call.fd_fdstat_get(),
            Function::FdFdstatSetFlags => call.fd_fdstat_set_flags(),
            Function::FdFdstatSetRights => call.fd_fdstat_set_rights(),
            Function::FdFilestatGet => call.fd_filestat_get(),
            Function::FdFilestatSetSize => call.fd_filestat_set_size(),
            Function::FdFilestatSetTimes => call.fd_filestat_set_times(),
            Function::FdPread => call.fd_pread(),
            Function::FdPrestatDirName => call.fd_prestat_dir_name(),
            Function::FdPrestatGet => call.fd_prestat_get(),
            Function::FdPwrite => call.fd_pwrite(),
            Function::FdRead => call.fd_read(),
            Function::FdReaddir => call.fd_readdir(),
            Function::FdRenumber => call.fd_renumber(),
            Function::FdSeek => call.fd_seek(),
            Function::FdTell => call.fd_tell(),
            Function::FdWrite => call.fd_write(),
            Function::PathCreateDirectory => call.path_create_directory(),
            Function::PathFilestatGet => call.path_filestat_get(),
            Function::PathFilestatSetTimes => call.path_filestat_set_times(),
            Function::PathLink => call.path_link(),
            Function::PathOpen => call.path_open(),
            Function::PathReadlink => call.path_readlink(),
            Function::PathRemoveDirectory => call.path_remove_directory(),
            Function::PathRename => call.path_rename(),
            Function::PathSymlink => call.path_symlink(),
            Function::PathUnlinkFile => call.path_unlink_file(),
            Function::PollOneoff => call.poll_oneoff(),
            Function::RandomGet => call.random_get(),
            Function::SchedYield => Ok(()),
            Function::Socket => call.socket(),
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
            FsError::Busy => Self::BUSY,
            FsError::TooBig => Self::FBIG,
            FsError::Loop => Self::LOOP,
            FsError::NotPermitted => Self::PERM,
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
