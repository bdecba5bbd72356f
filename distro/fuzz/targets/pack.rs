//! Any bytes as a pack: refused, or read into files that are what their CIDs say, and written again
//! as the same distro.

use std::sync::Arc;

use basalt_distro::{Bytes, Distro, Package, cid};

fn read(pack: Vec<u8>) -> Result<Distro, basalt_distro::pack::Error> {
    let pack: Bytes = Arc::new(pack);
    Distro::from_pack(&pack)
}

pub fn check(data: &[u8]) {
    let Ok(distro) = read(data.to_vec()) else {
        return;
    };
    let mut sound = true;
    let packages = distro.system.iter().chain([&distro.spell]);
    for Package { modules, spell, .. } in packages {
        let scripts = spell.iter().map(|spell| &spell.script);
        for file in modules.iter().map(|(_, file)| file).chain(scripts) {
            match file.read() {
                Ok(content) => {
                    assert_eq!(content.len(), file.len());
                    assert_eq!(cid::of_file(&content), file.cid());
                }
                Err(_) => sound = false,
            }
        }
    }
    match distro.to_pack() {
        Ok(again) => {
            assert!(sound);
            assert_eq!(read(again).expect("what was written is read"), distro);
        }
        Err(_) => assert!(!sound),
    }
}
