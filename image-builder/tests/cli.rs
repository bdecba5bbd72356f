//! The command: what it writes, and what it says when it does not.

use std::{
    fs,
    process::{Command, Output},
};

mod fixture;

fn run(arguments: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_basalt-image-builder"))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, said)
}

#[test]
fn builds_and_checks() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (kernel, good, bad, out) = (at("kernel"), at("good.toml"), at("bad.toml"), at("out.img"));
    fs::write(&kernel, fixture::hello(fixture::LINK)).unwrap();
    fs::write(&good, "[cores]\nsystem = 1\ncompute = 1\n").unwrap();
    fs::write(&bad, "[cores]\nsytem = 2\n").unwrap();
    let build = |manifest: &str| {
        run(&[
            "build",
            "--manifest",
            manifest,
            "--out",
            &out,
            "--kernel",
            &kernel,
        ])
    };

    let (output, said) = build(&bad);
    assert!(!output.status.success());
    assert!(said.contains("bad.toml has 1 problem(s)"), "{said}");
    assert!(
        said.contains("    2 | sytem = *\n      | ^^^^^ did you mean `system`?"),
        "{said}"
    );
    assert!(!fs::exists(&out).unwrap());

    let (output, said) = build(&good);
    assert!(output.status.success(), "{said}");
    let image = fs::read(&out).unwrap();
    let hash = blake3::hash(&image).to_string();
    assert!(String::from_utf8_lossy(&output.stdout).starts_with(&hash));

    // A kernel that was built for trying it is not installed by mistake.
    let mut quick = fs::read(&kernel).unwrap();
    quick.extend_from_slice(concat!(env!("CARGO_PKG_VERSION"), " QUICK").as_bytes());
    fs::write(&kernel, quick).unwrap();
    let (output, said) = build(&good);
    assert!(!output.status.success());
    assert!(said.contains("is a QUICK kernel"), "{said}");

    assert!(run(&["check", "--manifest", &good]).0.status.success());
    assert!(
        run(&["check", "--manifest", &good, "--cores", "2"])
            .0
            .status
            .success()
    );
    let (output, said) = run(&["check", "--manifest", &good, "--cores", "1"]);
    assert!(!output.status.success());
    assert!(
        said.contains("asks for 1 cores, but of the machine's 1 only 0 are left"),
        "{said}"
    );
    let (_, said) = run(&["check", "--manifest", &at("none.toml")]);
    assert!(said.contains("none.toml cannot be read"), "{said}");
}
