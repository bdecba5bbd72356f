//! What the processor can do, and switching it on.

use core::arch::asm;
use core::fmt;

use raw_cpuid::CpuId;
use x86_64::registers::control::{Cr0, Cr0Flags, Cr4, Cr4Flags};
use x86_64::registers::model_specific::{Efer, EferFlags, Msr};
use x86_64::registers::xcontrol::{XCr0, XCr0Flags};

/// Page attribute table: entry 1 (the write-through bit alone) combines writes, the others are as
/// after reset. Used by [`crate::mem::paging::Access::Combine`].
const PAGE_ATTRIBUTES: u64 = 0x0007_0406_0007_0106;
const IA32_PAT: u32 = 0x277;

/// All exceptions masked, round to nearest.
const MXCSR_DEFAULT: u32 = 0x1f80;

/// What the kernel asks of a processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "these are the processor's own names")]
pub struct Features {
    pub aes: bool,
    pub avx: bool,
    pub avx2: bool,
    pub avx512: bool,
    pub sha: bool,
    pub fma: bool,
    pub rdrand: bool,
    pub rdseed: bool,
    pub xsave: bool,
    pub x2apic: bool,
    pub tsc_deadline: bool,
    pub invariant_tsc: bool,
    pub huge_pages: bool,
    pub hypervisor: bool,
}

impl Features {
    /// Asks the processor this runs on.
    #[must_use]
    pub fn detect() -> Self {
        let cpuid = CpuId::new();
        let basic = cpuid.get_feature_info();
        let has = |test: fn(&raw_cpuid::FeatureInfo) -> bool| basic.as_ref().is_some_and(test);
        let extended = cpuid.get_extended_feature_info();
        let more =
            |test: fn(&raw_cpuid::ExtendedFeatures) -> bool| extended.as_ref().is_some_and(test);
        let processor = cpuid.get_extended_processor_and_feature_identifiers();
        let power = cpuid.get_advanced_power_mgmt_info();
        Self {
            aes: has(|info| info.has_aesni()),
            avx: has(|info| info.has_avx()),
            avx2: more(|info| info.has_avx2()),
            avx512: more(|info| info.has_avx512f()),
            sha: more(|info| info.has_sha()),
            fma: has(|info| info.has_fma()),
            rdrand: has(|info| info.has_rdrand()),
            rdseed: more(|info| info.has_rdseed()),
            xsave: has(|info| info.has_xsave()),
            x2apic: has(|info| info.has_x2apic()),
            tsc_deadline: has(|info| info.has_tsc_deadline()),
            invariant_tsc: power.is_some_and(|info| info.has_invariant_tsc()),
            huge_pages: processor.is_some_and(|info| info.has_1gib_pages()),
            hypervisor: has(|info| info.has_hypervisor()),
        }
    }
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (self.aes, "aes"),
            (self.avx, "avx"),
            (self.avx2, "avx2"),
            (self.avx512, "avx512"),
            (self.fma, "fma"),
            (self.sha, "sha"),
            (self.rdrand, "rdrand"),
            (self.rdseed, "rdseed"),
            (self.x2apic, "x2apic"),
            (self.tsc_deadline, "tsc-deadline"),
            (self.invariant_tsc, "invariant-tsc"),
            (self.huge_pages, "1g-pages"),
            (self.hypervisor, "hypervisor"),
        ];
        let mut first = true;
        for (_, name) in names.iter().filter(|(has, _)| *has) {
            write!(f, "{}{name}", if first { "" } else { " " })?;
            first = false;
        }
        Ok(())
    }
}

/// The processor's name, as it calls itself.
#[must_use]
pub fn name() -> heapless::String<48> {
    let brand = CpuId::new().get_processor_brand_string();
    let text = brand
        .as_ref()
        .map_or("unnamed processor", |brand| brand.as_str().trim());
    // The brand string has 48 bytes.
    heapless::String::try_from(text).unwrap_or_default()
}

/// Switches on, on this core, what compiled code takes for granted (SSE) and what libraries look
/// for (AVX state in XCR0), write protection and no-execute, and the page attributes.
pub fn enable(features: &Features) {
    // SAFETY: the bits switch on state that the processor says it has; paging, protection and the
    // caches stay as they are. No vector state is live across this call in a form that could
    // change.
    unsafe {
        Cr0::update(|flags| {
            flags.remove(Cr0Flags::EMULATE_COPROCESSOR | Cr0Flags::TASK_SWITCHED);
            flags.insert(
                Cr0Flags::MONITOR_COPROCESSOR | Cr0Flags::NUMERIC_ERROR | Cr0Flags::WRITE_PROTECT,
            );
        });
        Cr4::update(|flags| {
            flags.insert(
                Cr4Flags::OSFXSR | Cr4Flags::OSXMMEXCPT_ENABLE | Cr4Flags::MACHINE_CHECK_EXCEPTION,
            );
            flags.set(Cr4Flags::OSXSAVE, features.xsave);
        });
        if features.xsave {
            let mut state = XCr0Flags::X87 | XCr0Flags::SSE;
            state.set(XCr0Flags::AVX, features.avx);
            state.set(
                XCr0Flags::OPMASK | XCr0Flags::ZMM_HI256 | XCr0Flags::HI16_ZMM,
                features.avx && features.avx512,
            );
            XCr0::write(state);
        }
        Efer::update(|flags| flags.insert(EferFlags::NO_EXECUTE_ENABLE));
        Msr::new(IA32_PAT).write(PAGE_ATTRIBUTES);
        asm!("fninit", "ldmxcsr [{}]", in(reg) &MXCSR_DEFAULT, options(nostack));
    }
}
