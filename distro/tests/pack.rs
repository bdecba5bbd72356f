//! The published packages through a pack and back.

use std::sync::Arc;

use basalt_distro::pack::{Error, MAX_PACK};
use basalt_distro::{Bytes, Damaged, Distro, File, Package, Spell, published};
use serde_json::json;

fn read(pack: &[u8]) -> Result<Distro, Error> {
    let pack: Bytes = Arc::new(pack.to_vec());
    Distro::from_pack(&pack)
}

/// A distro of a few bytes.
fn small() -> Distro {
    let package = |name: &str, modules: &[(&str, &'static [u8])], spell| Package {
        name: name.into(),
        version: "1".into(),
        modules: modules
            .iter()
            .map(|(name, bytes)| ((*name).into(), File::new(bytes)))
            .collect(),
        calls: vec![("set".into(), json!([1, "$now"]))],
        spell,
    };
    let spell = Spell {
        name: "nurse".into(),
        script: File::new(b"(null)"),
        data: json!({"a": [1]}),
        period: 7,
    };
    Distro {
        spell: package(
            "spell",
            &[("base", b"one"), ("top", b"two two two two")],
            None,
        ),
        system: vec![package("first", &[("base", b"one")], Some(spell))],
    }
}

#[test]
fn a_pack_is_what_was_packed() {
    let distro = small();
    let pack = distro.to_pack().unwrap();
    assert_eq!(distro.to_pack().unwrap(), pack);
    let read = read(&pack).unwrap();
    assert_eq!(read, distro);
    let (name, file) = &read.spell.modules[1];
    assert_eq!(
        (name.as_str(), &*file.read().unwrap()),
        ("top", &b"two two two two"[..])
    );
    let nurse = read.system[0].spell.as_ref().unwrap();
    assert_eq!(&*nurse.script.read().unwrap(), b"(null)");
    assert_eq!((&nurse.data, nurse.period), (&json!({"a": [1]}), 7));
}

#[test]
fn what_is_damaged_is_refused_when_it_is_read() {
    let pack = small().to_pack().unwrap();
    assert_eq!(read(b"basalt distro 2\n"), Err(Error::Magic));
    for end in 0..pack.len() {
        assert!(read(&pack[..end]).is_err(), "cut at {end}");
    }
    // The last file's last byte: the index still fits.
    let mut bad = pack.clone();
    *bad.last_mut().unwrap() ^= 0xff;
    let read = read(&bad).unwrap();
    let files = read.spell.modules.iter().map(|(_, file)| file);
    let files: Vec<_> = files
        .chain([&read.system[0].spell.as_ref().unwrap().script])
        .collect();
    let damaged: Vec<_> = files.iter().filter_map(|file| file.read().err()).collect();
    assert!(matches!(&damaged[..], [Damaged(_)]), "{damaged:?}");
}

#[test]
fn the_published_packages_take_little_room() {
    let distro = published::distro().unwrap();
    let names: Vec<_> = distro
        .system
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    assert_eq!(names, ["trust-graph", "registry", "decider"]);
    // The same database is in three of them.
    let base = |package: &Package| package.modules[0].1.cid().to_string();
    assert_eq!(base(&distro.spell), base(&distro.system[0]));
    assert_eq!(base(&distro.spell), base(&distro.system[1]));
    let pack = distro.to_pack().unwrap();
    assert!(pack.len() < 4 << 20, "{} bytes", pack.len());
    assert!(pack.len() < MAX_PACK);
    let read = read(&pack).unwrap();
    for package in read.system.iter().chain([&read.spell]) {
        for (name, file) in &package.modules {
            assert!(file.read().is_ok(), "{name}");
        }
    }
}
