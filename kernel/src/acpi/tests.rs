//! Hand-made tables, the way a small machine's firmware lays them out, and broken ones.

use std::vec;
use std::vec::Vec;

use super::*;

#[path = "../../fuzz/targets/acpi.rs"]
#[expect(unreachable_pub, reason = "the fuzzer's binary includes the same file")]
mod fuzz_target;

struct Image(Vec<u8>);

impl Memory for Image {
    fn bytes(&self, address: u64, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(address).ok()?;
        self.0.get(start..start.checked_add(len)?)
    }
}

fn seal(bytes: &mut [u8], sum_at: usize) {
    bytes[sum_at] = 0;
    let sum = bytes.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
    bytes[sum_at] = sum.wrapping_neg();
}

fn table(signature: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 36];
    bytes[..4].copy_from_slice(signature);
    bytes.extend_from_slice(body);
    let len = u32::try_from(bytes.len()).unwrap();
    bytes[4..8].copy_from_slice(&len.to_le_bytes());
    seal(&mut bytes, 9);
    bytes
}

fn madt(structures: &[&[u8]]) -> Vec<u8> {
    let mut body = vec![0; 8];
    for structure in structures {
        body.extend_from_slice(structure);
    }
    table(b"APIC", &body)
}

const CORE_0: [u8; 8] = [0, 8, 0, 0, 1, 0, 0, 0];
const CORE_7: [u8; 8] = [0, 8, 1, 7, 1, 0, 0, 0];
const DISABLED: [u8; 8] = [0, 8, 2, 9, 0, 0, 0, 0];
const X2_CORE_300: [u8; 16] = [9, 16, 0, 0, 0x2c, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];

fn fadt() -> Vec<u8> {
    let mut body = vec![0; 240];
    body[76 - 36..78 - 36].copy_from_slice(&0x608_u16.to_le_bytes());
    body[91 - 36] = 4;
    body[112 - 36..116 - 36].copy_from_slice(&(FLAGS_32_BIT_AND_RESET).to_le_bytes());
    body[116 - 36] = 1;
    body[120 - 36..122 - 36].copy_from_slice(&0xcf9_u16.to_le_bytes());
    body[128 - 36] = 0x0f;
    table(b"FACP", &body)
}

const FLAGS_32_BIT_AND_RESET: u32 = 1 << 8 | 1 << 10;

fn mcfg() -> Vec<u8> {
    let mut body = vec![0; 8 + 16];
    body[8..16].copy_from_slice(&0xb000_0000_u64.to_le_bytes());
    body[19] = 255;
    table(b"MCFG", &body)
}

fn hpet() -> Vec<u8> {
    let mut body = vec![0; 20];
    body[8..16].copy_from_slice(&0xfed0_0000_u64.to_le_bytes());
    table(b"HPET", &body)
}

const RSDP: usize = 16;

/// Root pointer, root table, then the given tables.
fn machine(tables: &[Vec<u8>]) -> Image {
    let root_at = 64;
    let mut at = root_at + 36 + 8 * tables.len();
    let mut addresses = Vec::new();
    for bytes in tables {
        addresses.extend_from_slice(&(at as u64).to_le_bytes());
        at += bytes.len();
    }
    let mut image = vec![0; root_at];
    image[RSDP..RSDP + 8].copy_from_slice(b"RSD PTR ");
    image[RSDP + 15] = 2;
    image[RSDP + 20] = 36;
    image[RSDP + 24] = root_at as u8;
    seal(&mut image[RSDP..RSDP + 20], 8);
    seal(&mut image[RSDP..RSDP + 36], 32);
    image.extend(table(b"XSDT", &addresses));
    image.extend(tables.iter().flatten());
    Image(image)
}

fn read(tables: &[Vec<u8>]) -> Result<Platform, Error> {
    Platform::read(&machine(tables), RSDP as u64)
}

#[test]
fn a_small_machine_is_understood() {
    let madt = madt(&[
        &CORE_0,
        &[1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0],
        &CORE_7,
        &DISABLED,
    ]);
    let platform = read(&[fadt(), madt, hpet(), mcfg()]).unwrap();
    assert_eq!(platform.cores.as_slice(), [0, 7]);
    assert_eq!(
        platform.pm_timer,
        Some(PmTimer {
            port: 0x608,
            is_32_bit: true
        })
    );
    assert_eq!(
        platform.reset,
        Some(ResetRegister::Port {
            port: 0xcf9,
            value: 0x0f
        })
    );
    assert_eq!(platform.hpet, Some(0xfed0_0000));
    let region = EcamRegion {
        base: 0xb000_0000,
        segment: 0,
        first_bus: 0,
        last_bus: 255,
    };
    assert_eq!(platform.ecam.as_slice(), [region]);
}

#[test]
fn wide_processor_identifiers_count_and_doubles_do_not() {
    let platform = read(&[madt(&[&CORE_0, &X2_CORE_300, &CORE_0])]).unwrap();
    assert_eq!(platform.cores.as_slice(), [0, 300]);
}

#[test]
fn a_table_with_a_wrong_sum_is_left_out() {
    let mut broken = mcfg();
    broken[50] ^= 1;
    let platform = read(&[broken, madt(&[&CORE_0])]).unwrap();
    assert!(platform.ecam.is_empty());
}

#[test]
fn without_processors_there_is_no_platform() {
    assert_eq!(
        read(&[madt(&[&DISABLED])]).unwrap_err(),
        Error::NoProcessors
    );
    assert_eq!(read(&[fadt()]).unwrap_err(), Error::NoProcessors);
}

#[test]
fn a_structure_without_length_ends_the_list() {
    let platform = read(&[madt(&[&CORE_0, &[0, 0, 0, 0], &CORE_7])]).unwrap();
    assert_eq!(platform.cores.as_slice(), [0]);
}

#[test]
fn more_processors_than_the_limit_are_cut() {
    let many: Vec<[u8; 16]> = (0..400_u32)
        .map(|id| {
            let mut core = X2_CORE_300;
            core[4..8].copy_from_slice(&id.to_le_bytes());
            core
        })
        .collect();
    let many: Vec<&[u8]> = many.iter().map(|core| &core[..]).collect();
    assert_eq!(read(&[madt(&many)]).unwrap().cores.len(), MAX_CORES);
}

#[test]
fn damaged_roots_are_refused() {
    let mut image = machine(&[madt(&[&CORE_0])]);
    image.0[64 + 10] ^= 1;
    assert_eq!(
        Platform::read(&image, RSDP as u64).unwrap_err(),
        Error::RootTable
    );
    image.0[RSDP] = 0;
    assert_eq!(
        Platform::read(&image, RSDP as u64).unwrap_err(),
        Error::RootPointer
    );
    assert_eq!(
        Platform::read(&image, u64::MAX).unwrap_err(),
        Error::RootPointer
    );
}

#[test]
fn no_single_damaged_byte_makes_the_parser_fall() {
    let whole = machine(&[fadt(), madt(&[&CORE_0, &X2_CORE_300]), hpet(), mcfg()]);
    for position in 0..whole.0.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = whole.0.clone();
            damaged[position] ^= flip;
            fuzz_target::check(&damaged);
        }
    }
}

#[test]
fn corpus_passes() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/acpi");
    let mut seen = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        fuzz_target::check(&std::fs::read(entry.unwrap().path()).unwrap());
        seen += 1;
    }
    assert!(seen > 0, "the corpus is empty");
}
