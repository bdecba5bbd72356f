//! Processes that never outlive this one.
//!
//! Linux can kill a child when its parent dies (`prctl(PR_SET_PDEATHSIG)`, see `setpriv(1)`), by
//! which it means the very thread that started it. So one thread, which lives as long as this
//! process, starts them all.

use std::{
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command},
    sync::{
        OnceLock,
        mpsc::{Sender, channel},
    },
    thread,
};

type Order = (Command, Sender<io::Result<Child>>);

/// Where Debian and others keep `setpriv`.
const SETPRIV: [&str; 2] = ["/usr/bin/setpriv", "/bin/setpriv"];

/// A command for `program` whose process is killed when this one dies, where the system can do
/// that.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = match SETPRIV.iter().find(|path| Path::new(path).exists()) {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    // A Ctrl-C at the terminal is ours to answer.
    command.process_group(0);
    command
}

/// Starts a process from the thread that lives longest.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    static STARTER: OnceLock<Sender<Order>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (sender, orders) = channel::<Order>();
        thread::spawn(move || {
            for (mut command, answer) in orders {
                // Whoever asked may have given up: then the child is reaped with the answer.
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let (answer, result) = channel();
    let gone = |_| io::Error::other("the thread that starts processes is gone");
    starter
        .send((command, answer))
        .map_err(|_| io::Error::other("no thread starts processes"))?;
    result.recv().map_err(gone)?
}
