//! Names and signatures of preview 1.

use crate::engine::{Signature, ValType};

/// A function of preview 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    ArgsGet,
    ArgsSizesGet,
    ClockTimeGet,
    EnvironGet,
    EnvironSizesGet,
    FdClose,
    FdFdstatGet,
    FdFilestatGet,
    FdFilestatSetSize,
    FdPrestatDirName,
    FdPrestatGet,
    FdRead,
    FdReaddir,
    FdSeek,
    FdSync,
    FdWrite,
    PathCreateDirectory,
    PathFilestatGet,
    PathOpen,
    PathRemoveDirectory,
    PathRename,
    PathUnlinkFile,
    PollOneoff,
    ProcExit,
    RandomGet,
    SchedYield,
    /// Defined, but answers `ENOSYS`.
    Missing,
}

/// The function with a name, and its signature. Parameters are written `i` for `i32` and `l` for
/// `i64`; all but `proc_exit` return an `i32`.
pub(crate) fn find(name: &str) -> Option<(Function, Signature)> {
    use Function as F;
    let (function, params) = match name {
        "args_get" => (F::ArgsGet, "ii"),
        "args_sizes_get" => (F::ArgsSizesGet, "ii"),
        "clock_time_get" => (F::ClockTimeGet, "ili"),
        "environ_get" => (F::EnvironGet, "ii"),
        "environ_sizes_get" => (F::EnvironSizesGet, "ii"),
        "fd_close" => (F::FdClose, "i"),
        "fd_fdstat_get" => (F::FdFdstatGet, "ii"),
        "fd_filestat_get" => (F::FdFilestatGet, "ii"),
        "fd_filestat_set_size" => (F::FdFilestatSetSize, "il"),
        "fd_prestat_dir_name" => (F::FdPrestatDirName, "iii"),
        "fd_prestat_get" => (F::FdPrestatGet, "ii"),
        "fd_read" => (F::FdRead, "iiii"),
        "fd_readdir" => (F::FdReaddir, "iiili"),
        "fd_seek" => (F::FdSeek, "ilii"),
        "fd_sync" => (F::FdSync, "i"),
        "fd_write" => (F::FdWrite, "iiii"),
        "path_create_directory" => (F::PathCreateDirectory, "iii"),
        "path_filestat_get" => (F::PathFilestatGet, "iiiii"),
        "path_open" => (F::PathOpen, "iiiiillii"),
        "path_remove_directory" => (F::PathRemoveDirectory, "iii"),
        "path_rename" => (F::PathRename, "iiiiii"),
        "path_unlink_file" => (F::PathUnlinkFile, "iii"),
        "poll_oneoff" => (F::PollOneoff, "iiii"),
        "proc_exit" => (F::ProcExit, "i"),
        "random_get" => (F::RandomGet, "ii"),
        "sched_yield" => (F::SchedYield, ""),
        "clock_res_get" | "fd_fdstat_set_flags" | "sock_shutdown" => (F::Missing, "ii"),
        "fd_advise" => (F::Missing, "illi"),
        "fd_allocate" => (F::Missing, "ill"),
        "fd_datasync" | "proc_raise" => (F::Missing, "i"),
        "fd_fdstat_set_rights" => (F::Missing, "ill"),
        "fd_filestat_set_times" => (F::Missing, "illi"),
        "fd_pread" | "fd_pwrite" => (F::Missing, "iiili"),
        "fd_renumber" | "fd_tell" => (F::Missing, "ii"),
        "path_filestat_set_times" => (F::Missing, "iiiilli"),
        "path_link" => (F::Missing, "iiiiiii"),
        "path_readlink" => (F::Missing, "iiiiii"),
        "path_symlink" => (F::Missing, "iiiii"),
        "sock_accept" => (F::Missing, "iii"),
        "sock_recv" => (F::Missing, "iiiiii"),
        "sock_send" => (F::Missing, "iiiii"),
        _ => return None,
    };
    let signature = Signature {
        params: params
            .bytes()
            .map(|letter| {
                if letter == b'l' {
                    ValType::I64
                } else {
                    ValType::I32
                }
            })
            .collect(),
        results: if function == F::ProcExit {
            [].into()
        } else {
            [ValType::I32].into()
        },
    };
    Some((function, signature))
}
