//! Real guests: a small UEFI application that says a few lines and halts.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use basalt_image_builder::Image;
use basalt_qemu::{Accel, Disk, Error, Guest, Machine, Tools, accel, tools::Named};
use tempfile::TempDir;

#[path = "../../image-builder/tests/fixture/mod.rs"]
mod fixture;

/// The last line that the application says.
const LAST: &str = "memory is as it should be";

/// More than the slowest machine needs for a boot.
const BOOT: Duration = Duration::from_secs(120);

fn image() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hello.img");
    Image::new(&fixture::hello(fixture::LINK), b"", None)
        .unwrap()
        .write(&path)
        .unwrap();
    (folder, path)
}

fn gone(process: u32) -> bool {
    let start = Instant::now();
    while start.elapsed() < BOOT {
        // A process that ended and waits to be reaped (Z) is as gone as can be.
        match fs::read_to_string(format!("/proc/{process}/stat")) {
            Ok(stat) if !stat.contains(") Z") => thread::sleep(Duration::from_millis(20)),
            _ => return true,
        }
    }
    false
}

#[test]
fn the_probe_runs_a_guest() {
    let tools = Tools::locate(&Named::from_environment()).unwrap();
    assert!(accel::runs(&tools.qemu, Accel::Tcg).unwrap());
    let chosen = Accel::Auto.resolve(&tools.qemu);
    assert_ne!(chosen, Accel::Auto);
    assert!(accel::runs(&tools.qemu, chosen).unwrap());
    // What is no QEMU runs no guest, whatever its exit status.
    for other in ["/none", "/bin/false", "/bin/true"] {
        assert!(
            !accel::runs(Path::new(other), Accel::Tcg).unwrap_or(false),
            "{other}"
        );
    }
}

#[test]
fn two_guests_of_one_image_boot_reset_and_end() {
    let (folder, path) = image();
    let before = fs::read(&path).unwrap();
    let machine = Machine::new(&path)
        .memory(128)
        .forward(0, 977)
        .forward(0, 999);
    let first = machine.start().unwrap();
    let second = machine.clone().cores(1).nic("e1000e").start().unwrap();

    let ports: Vec<_> = [&first, &second]
        .iter()
        .flat_map(|guest| [977, 999].map(|port| guest.forwarded(port).unwrap()))
        .collect();
    for (index, port) in ports.iter().enumerate() {
        assert!(!ports[..index].contains(port), "{ports:?}");
        TcpStream::connect(port).unwrap();
    }
    assert_eq!(first.forwarded(22), None);

    for guest in [&first, &second] {
        assert!(guest.wait_for_line(LAST, BOOT).unwrap().contains(LAST));
        let late = guest
            .wait_for_line("never said", Duration::from_millis(1))
            .unwrap_err();
        assert!(late.to_string().contains(LAST), "{late}");
    }

    let mark = first.serial().mark();
    first.reset().unwrap();
    first.wait_for_line_from(mark, LAST, BOOT).unwrap();

    let process = first.process_id();
    assert!(first.is_running());
    assert!(first.quit().unwrap().success());
    assert!(gone(process));
    assert!(first.reset().is_err());
    let ended = first.wait_for_line("never said", BOOT).unwrap_err();
    assert!(matches!(ended, Error::Ended(_)), "{ended}");

    let process = second.process_id();
    second.kill().unwrap();
    assert!(gone(process));

    let third = machine.start().unwrap();
    let process = third.process_id();
    drop(third);
    assert!(gone(process));
    assert_eq!(fs::read(&path).unwrap(), before);
    drop(folder);
}

#[test]
fn an_impossible_machine_is_refused_with_qemus_words() {
    let (_folder, path) = image();
    let wrong = Machine::new(&path).nic("no-such-card").start().unwrap_err();
    assert!(wrong.to_string().contains("no-such-card"), "{wrong}");
    let missing = Machine::new("none.img").start().unwrap_err();
    assert!(missing.to_string().contains("none.img"), "{missing}");
    let keep = Machine::new(&path).memory(64).disk(Disk::Keep);
    let _guest: Guest = keep.start().unwrap();
    let shared = keep.start().unwrap_err();
    assert!(shared.to_string().contains("lock"), "{shared}");
}

/// The command `basalt-qemu` with an image, what it says, and the id of its QEMU.
fn command(image: &Path) -> (Child, impl BufRead, u32) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_basalt-qemu"))
        .args(["--memory", "64", "--quiet", "--image"])
        .arg(image)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut lines = BufReader::new(process.stderr.take().unwrap());
    lines.read_line(&mut said).unwrap();
    let (_, after) = said.split_once("(process ").expect(&said);
    let id = after.split(',').next().unwrap().parse().unwrap();
    (process, lines, id)
}

#[test]
fn no_qemu_outlives_the_command() {
    let (_folder, path) = image();
    for (signal, code) in [("-INT", Some(130)), ("-TERM", Some(130)), ("-KILL", None)] {
        let (mut process, _said, qemu) = command(&path);
        assert!(Path::new(&format!("/proc/{qemu}")).exists());
        let kill = Command::new("kill")
            .args([signal, &process.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        assert_eq!(process.wait().unwrap().code(), code, "{signal}");
        assert!(gone(qemu), "{signal}");
    }
}
