//! Names and signatures of preview 1.

use crate::engine::{Signature, ValType};

/// A function of preview 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    ArgsGet,
    ArgsSizesGet,
    ClockResGet,
    ClockTimeGet,
    EnvironGet,
    EnvironSizesGet,
    FdAdvise,
    FdAllocate,
    FdClose,
    FdDatasync,
    FdFdstatGet,
    FdFdstatSetFlags,
    FdFdstatSetRights,
    FdFilestatGet,
    FdFilestatSetSize,
    FdFilestatSetTimes,
    FdPread,
    FdPrestatDirName,
    FdPrestatGet,
    FdPwrite,
    FdRead,
    FdReaddir,
    FdRenumber,
    FdSeek,
    FdSync,
    FdTell,
    FdWrite,
    PathCreateDirectory,
    PathFilestatGet,
    PathFilestatSetTimes,
    PathLink,
    PathOpen,
    PathReadlink,
    PathRemoveDirectory,
    PathRename,
    PathSymlink,
    PathUnlinkFile,
    PollOneoff,
    ProcExit,
    ProcRaise,
    RandomGet,
    SchedYield,
    /// All functions of sockets, of which there are none.
    Socket,
}

/// The function with a name, and its signature. Parameters are written `i` for `i32` and `l` for
/// `i64`; all but `proc_exit` return an `i32`.
pub(crate) fn find(name: &str) -> Option<(Function, Signature)> {
    use Function as F;
    let (function, params) = match name {
        "args_get" => (F::ArgsGet, "ii"),
        "args_sizes_get" => (F::ArgsSizesGet, "ii"),
        "clock_res_get" => (F::ClockResGet, "ii"),
        "clock_time_get" => (F::ClockTimeGet, "ili"),
        "environ_get" => (F::EnvironGet, "ii"),
        "environ_sizes_get" => (F::EnvironSizesGet, "ii"),
        "fd_advise" => (F::FdAdvise, "illi"),
        "fd_allocate" => (F::FdAllocate, "ill"),
        "fd_close" => (F::FdClose, "i"),
        "fd_datasync" => (F::FdDatasync, "i"),
        "fd_fdstat_get" => (F::FdFdstatGet, "ii"),
        "fd_fdstat_set_flags" => (F::FdFdstatSetFlags, "ii"),
        "fd_fdstat_set_rights" => (F::FdFdstatSetRights, "ill"),
        "fd_filestat_get" => (F::FdFilestatGet, "ii"),
        "fd_filestat_set_size" => (F::FdFilestatSetSize, "il"),
        "fd_filestat_set_times" => (F::FdFilestatSetTimes, "illi"),
        "fd_pread" => (F::FdPread, "iiili"),
        "fd_prestat_dir_name" => (F::FdPrestatDirName, "iii"),
        "fd_prestat_get" => (F::FdPrestatGet, "ii"),
        "fd_pwrite" => (F::FdPwrite, "iiili"),
        "fd_read" => (F::FdRead, "iiii"),
        "fd_readdir" => (F::FdReaddir, "iiili"),
        "fd_renumber" => (F::FdRenumber, "ii"),
        "fd_seek" => (F::FdSeek, "ilii"),
        "fd_sync" => (F::FdSync, "i"),
        "fd_tell" => (F::FdTell, "ii"),
        "fd_write" => (F::FdWrite, "iiii"),
        "path_create_directory" => (F::PathCreateDirectory, "iii"),
        "path_filestat_get" => (F::PathFilestatGet, "iiiii"),
        "path_filestat_set_times" => (F::PathFilestatSetTimes, "iiiilli"),
        "path_link" => (F::PathLink, "iiiiiii"),
        "path_open" => (F::PathOpen, "iiiiillii"),
        "path_readlink" => (F::PathReadlink, "iiiiii"),
        "path_remove_directory" => (F::PathRemoveDirectory, "iii"),
        "path_rename" => (F::PathRename, "iiiiii"),
        "path_symlink" => (F::PathSymlink, "iiiii"),
        "path_unlink_file" => (F::PathUnlinkFile, "iii"),
        "poll_oneoff" => (F::PollOneoff, "iiii"),
        "proc_exit" => (F::ProcExit, "i"),
        "proc_raise" => (F::ProcRaise, "i"),
        "random_get" => (F::RandomGet, "ii"),
        "sched_yield" => (F::SchedYield, ""),
        "sock_accept" => (F::Socket, "iii"),
        "sock_recv" => (F::Socket, "iiiiii"),
        "sock_send" => (F::Socket, "iiiii"),
        "sock_shutdown" => (F::Socket, "ii"),
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
