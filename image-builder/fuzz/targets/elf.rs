//! Any bytes either are a kernel that becomes a UEFI application or are refused with a reason.

use basalt_image_builder::{elf::Executable, pe};

/// Panics if the reader or the writer breaks a promise on `data`.
pub fn check(data: &[u8]) {
    match Executable::parse(data) {
        Ok(executable) => {
            let application = pe::application(&executable).expect("a checked executable");
            assert!(application.starts_with(b"MZ"));
            assert!(executable.relocations.is_sorted());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
