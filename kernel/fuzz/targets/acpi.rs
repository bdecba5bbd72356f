//! The ACPI parser over any bytes as physical memory: it never panics, and what it returns keeps
//! the promises its users rely on.

use basalt_kernel::acpi::table::{MAX_TABLES, Root, Table};
use basalt_kernel::acpi::{Memory, Platform, fadt, hpet, madt, mcfg};

struct Image<'a>(&'a [u8]);

impl Memory for Image<'_> {
    fn bytes(&self, address: u64, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(address).ok()?;
        self.0.get(start..start.checked_add(len)?)
    }
}

/// The root pointer of the seeds lies here.
const RSDP: u64 = 16;

/// Reads `data` as a machine's tables, and as one table of each kind.
pub fn check(data: &[u8]) {
    let memory = Image(data);
    if let Ok(platform) = Platform::read(&memory, RSDP) {
        assert!(!platform.cores.is_empty());
        for (index, core) in platform.cores.iter().enumerate() {
            assert!(!platform.cores[..index].contains(core));
        }
    }
    if let Ok(root) = Root::find(&memory, RSDP) {
        assert!(root.tables().count() <= MAX_TABLES);
    }
    if let Some(table) = Table::at(&memory, 0) {
        assert!(madt::usable_cores(table).count() <= data.len() / 8);
        for region in mcfg::regions(table) {
            assert!(region.first_bus <= region.last_bus);
            assert!(region.base + ((u64::from(region.last_bus) + 1) << 20) < 1 << 52);
        }
        let _ = fadt::pm_timer(table);
        let _ = fadt::reset_register(table);
        let _ = hpet::registers(table);
    }
}
