//! Images read back with other people's readers.

use std::{
    fs,
    io::{Cursor, Read, Write},
    os::unix::fs::MetadataExt,
    sync::Arc,
};

use basalt_distro::{Bytes, Distro};
use basalt_image_builder::{
    Image,
    elf::Executable,
    gpt::{SLOT, STATE},
    image::{self, Error, SIZE},
    pe, services,
};
use fatfs::{FileSystem, FsOptions};
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, PeFile64};

mod fixture;

const MANIFEST: &[u8] = b"[node]\nnetwork = \"kras\"\n";

fn hello() -> Vec<u8> {
    fixture::hello(fixture::LINK)
}

fn partitions(image: &Image) -> Vec<gpt::partition::Partition> {
    let disk = gpt::GptConfig::new()
        .writable(false)
        .open_from_device(Box::new(Cursor::new(image.bytes().to_vec())))
        .unwrap();
    assert_eq!(disk.primary_header().unwrap().backup_lba, SIZE / 512 - 1);
    assert_eq!(
        disk.primary_header().unwrap().crc32_parts,
        disk.backup_header().unwrap().crc32_parts
    );
    disk.partitions().values().cloned().collect()
}

fn system_partition(image: &Image) -> Vec<u8> {
    let esp = &partitions(image)[0];
    let range = esp.first_lba as usize * 512..(esp.last_lba as usize + 1) * 512;
    image.bytes()[range].to_vec()
}

#[test]
fn the_application_is_the_executable_one_page_higher() {
    let executable = Executable::parse(&hello()).unwrap();
    let application = pe::application(&executable).unwrap();
    let file = PeFile64::parse(&*application).unwrap();
    let header = file.nt_headers().optional_header();
    assert_eq!(
        u64::from(header.address_of_entry_point()),
        executable.entry + pe::SHIFT
    );
    assert_eq!(
        header.subsystem(),
        object::pe::IMAGE_SUBSYSTEM_EFI_APPLICATION
    );
    assert_eq!(header.image_base(), 0);

    let mut places = Vec::new();
    let directories = file.data_directories();
    let mut blocks = directories
        .relocation_blocks(&*application, &file.section_table())
        .unwrap()
        .unwrap();
    while let Some(block) = blocks.next().unwrap() {
        for relocation in block.filter(|relocation| relocation.typ.0 != 0) {
            assert_eq!(relocation.typ, object::pe::IMAGE_REL_BASED_DIR64);
            places.push(u64::from(relocation.virtual_address));
        }
    }
    let expected: Vec<_> = executable
        .relocations
        .iter()
        .map(|at| at + pe::SHIFT)
        .collect();
    assert!(expected.len() >= 3, "{expected:?}");
    assert_eq!(places, expected);

    let sections = file.section_table();
    for segment in &executable.segments {
        let at = (segment.address + pe::SHIFT) as u32;
        let section = sections.section_containing(at).unwrap();
        assert_eq!(
            u64::from(section.virtual_size.get(object::LittleEndian)),
            segment.size
        );
        let flags = section.characteristics.get(object::LittleEndian);
        assert_eq!(
            flags.contains(object::pe::IMAGE_SCN_MEM_EXECUTE),
            segment.executable
        );
        assert_eq!(
            flags.contains(object::pe::IMAGE_SCN_MEM_WRITE),
            segment.writable
        );
        let content = section.pe_data(&*application).unwrap();
        for (offset, pair) in content.iter().zip(&segment.data).enumerate() {
            let address = segment.address + offset as u64;
            let relocated = executable
                .relocations
                .iter()
                .any(|place| (*place..place + 8).contains(&address));
            assert!(relocated || pair.0 == pair.1, "{address:#x}");
        }
    }
}

#[test]
fn what_firmware_cannot_load_is_refused_with_the_linkers_option() {
    let refused = |file: &[u8]| Executable::parse(file).unwrap_err().to_string();
    assert!(refused(b"").contains("header"));
    assert!(refused(&[0; 4096]).contains("header"));
    let file = hello();
    for length in (0..file.len()).step_by(97) {
        // Cut anywhere, it is refused or, where only the symbols are gone, read.
        let _ = Executable::parse(&file[..length]);
    }
    assert!(!refused(&file[..file.len() / 4]).is_empty());
    let mut other = file.clone();
    other[18] = 183;
    assert!(refused(&other).contains("not for x86-64"));
    let with = |from: &str, to: &'static str| -> Vec<&str> {
        fixture::LINK
            .iter()
            .map(|option| if *option == from { to } else { option })
            .collect()
    };
    let fixed = fixture::hello(&with("-static-pie", "-no-pie"));
    assert!(
        refused(&fixed).contains("-static-pie"),
        "{}",
        refused(&fixed)
    );
    let separate = with(
        "-Wl,-z,separate-loadable-segments",
        "-Wl,-z,noseparate-code",
    );
    let shared = fixture::hello(&separate);
    assert!(
        refused(&shared).contains("-z separate-loadable-segments"),
        "{}",
        refused(&shared)
    );
    let packed: Vec<_> = fixture::LINK
        .iter()
        .copied()
        .chain(["-Wl,-z,pack-relative-relocs"])
        .collect();
    assert!(refused(&fixture::hello(&packed)).contains("pack-relative-relocs"));
}

#[test]
fn the_disk_has_four_partitions() {
    let image = Image::new(&hello(), MANIFEST, None).unwrap();
    let found = partitions(&image);
    let names: Vec<_> = found
        .iter()
        .map(|partition| partition.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["basalt-esp", "basalt-a", "basalt-b", "basalt-state"]
    );
    let kinds: Vec<_> = found
        .iter()
        .map(|found| found.part_type_guid.guid.to_string().to_lowercase())
        .collect();
    let slot = SLOT.to_string();
    assert_eq!(
        kinds,
        [
            "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
            &slot,
            &slot,
            &STATE.to_string()
        ]
    );
    for pair in found.windows(2) {
        assert_eq!(pair[0].last_lba + 1, pair[1].first_lba);
        assert_ne!(pair[0].part_guid, pair[1].part_guid);
    }
    assert!(
        found
            .iter()
            .all(|partition| partition.first_lba % 2048 == 0)
    );
    assert_eq!(found[3].first_lba * 512, image::STATE_START);
}

#[test]
fn a_slot_has_room_for_what_the_system_partition_holds() {
    let image = Image::new(&hello(), MANIFEST, None).unwrap();
    let blocks: Vec<_> = partitions(&image)
        .iter()
        .map(|found| found.last_lba + 1 - found.first_lba)
        .collect();
    assert!(
        blocks[1] >= blocks[0] && blocks[2] == blocks[1],
        "{blocks:?}"
    );
    assert_eq!(image.bytes().len() as u64, image::SIZE);
}

#[test]
fn the_system_partition_holds_application_and_manifest() {
    let kernel = hello();
    let image = Image::new(&kernel, MANIFEST, None).unwrap();
    let volume = system_partition(&image);
    let disk = Cursor::new(volume);
    let volume = FileSystem::new(disk, FsOptions::new()).unwrap();
    assert_eq!(volume.volume_label(), "BASALT");
    let root: Vec<_> = volume
        .root_dir()
        .iter()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(root, ["EFI", "manifest.toml"]);
    let content = |path: &str| {
        let mut bytes = Vec::new();
        volume
            .root_dir()
            .open_file(path)
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        bytes
    };
    assert_eq!(content("manifest.toml"), MANIFEST);
    let executable = Executable::parse(&kernel).unwrap();
    assert_eq!(
        content("EFI/BOOT/BOOTX64.EFI"),
        pe::application(&executable).unwrap()
    );

    // The firmware writes to it too.
    let folder = volume
        .root_dir()
        .open_dir("EFI")
        .unwrap()
        .create_dir("basalt")
        .unwrap();
    folder
        .create_file("identity")
        .unwrap()
        .write_all(&[7; 5000])
        .unwrap();
    assert_eq!(content("EFI/basalt/identity"), [7; 5000]);
    assert_eq!(content("manifest.toml"), MANIFEST);
}

#[test]
fn services_lie_beside_the_application() {
    let services = services::published().unwrap();
    let image = Image::new(&hello(), MANIFEST, Some(services)).unwrap();
    let without = Image::new(&hello(), MANIFEST, None).unwrap();
    assert_ne!(image.hash(), without.hash());
    let read = |image: &Image| {
        let disk = Cursor::new(system_partition(image));
        let volume = FileSystem::new(disk, FsOptions::new()).unwrap();
        let mut content = Vec::new();
        let mut file = volume.root_dir().open_file("EFI/basalt/services")?;
        file.read_to_end(&mut content)?;
        std::io::Result::Ok(content)
    };
    let pack: Bytes = Arc::new(read(&image).unwrap());
    assert_eq!((*pack).as_ref(), services);
    let distro = Distro::from_pack(&pack).unwrap();
    assert_eq!(distro.spell.name, "spell");
    assert!(read(&without).is_err());
}

#[test]
fn the_same_input_gives_the_same_image() {
    let application = pe::application(&Executable::parse(&hello()).unwrap()).unwrap();
    let image = Image::new(&application, MANIFEST, None).unwrap();
    assert_eq!(
        image.hash(),
        Image::new(&application, MANIFEST, None).unwrap().hash()
    );
    let other = Image::new(&application, b"", None).unwrap();
    assert_ne!(image.hash(), other.hash());
    assert_ne!(
        partitions(&image)[0].part_guid,
        partitions(&other)[0].part_guid
    );
}

#[test]
fn a_written_image_is_sparse_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("basalt.img");
    let image = Image::new(&hello(), MANIFEST, None).unwrap();
    for _ in 0..2 {
        image.write(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), image.bytes());
    }
    let metadata = path.metadata().unwrap();
    assert_eq!(metadata.len(), SIZE);
    assert_eq!(metadata.mode() & 0o777, 0o600);
    assert!(
        metadata.blocks() * 512 < SIZE / 4,
        "{} blocks",
        metadata.blocks()
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let refused = image.write(folder.path()).unwrap_err().to_string();
    assert!(refused.contains("not an ordinary file"), "{refused}");
    assert!(image.write(&folder.path().join("none/basalt.img")).is_err());
}

#[test]
fn bad_input_makes_no_image() {
    let refused = Image::new(&hello(), b"[nod]", None).unwrap_err();
    assert!(matches!(refused, Error::Manifest(_)));
    assert!(refused.to_string().contains("did you mean [node]?"));
    assert!(matches!(
        Image::new(b"#!/bin/sh", MANIFEST, None),
        Err(Error::Kernel(_))
    ));
    let huge = [b"MZ".as_slice(), &vec![1; 17 << 20]].concat();
    let refused = Image::new(&huge, MANIFEST, None).unwrap_err().to_string();
    assert!(
        refused.contains("do not fit a volume of 16 MiB"),
        "{refused}"
    );
    assert!(image::Image::unchecked(b"MZ", b"[nod]", None).is_ok());
}
