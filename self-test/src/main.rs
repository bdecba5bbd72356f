//! The program of the self-test image: the kernel as it ships, in profile, dependencies and
//! features, with recorded vectors to replay in place of the node. They lie where an image has its
//! services. The product has no part of this.
//!
//! It says `self-test: ..` on the serial line, at last `self-test: N passed, M failed`, and halts.
#![cfg_attr(panic = "abort", no_std, no_main)]

#[cfg(panic = "abort")]
#[path = "../../kernel/src/runtime.rs"]
mod runtime;

#[cfg(panic = "abort")]
mod bare {
    extern crate alloc;

    use basalt_kernel::boot::Handover;
    use basalt_kernel::prover::memory::FreeFrames;
    use basalt_kernel::system::{self, Ready};
    use basalt_kernel::{cpu, log};
    use basalt_vectors::{run, unpack};

    #[uefi::entry]
    fn main() -> uefi::Status {
        basalt_kernel::start_for(bring_up)
    }

    fn bring_up(handover: Handover) -> ! {
        system::bring_up_for(handover, replay)
    }

    fn replay(ready: Ready) -> ! {
        let pack = ready.configuration.services.expect("a file of vectors");
        let files = unpack(pack).expect("a file of vectors");
        let mut tell = |line: &str| log::verdict(format_args!("self-test: {line}"));
        let report = run(&files, FreeFrames, &mut tell);
        for failure in &report.failures {
            // A line has room for only so much of it.
            log::verdict(format_args!("self-test: wrong: {failure:.300}"));
        }
        let (passed, failed) = (report.passed, report.failures.len());
        log::verdict(format_args!("self-test: {passed} passed, {failed} failed"));
        cpu::halt()
    }
}

#[cfg(not(panic = "abort"))]
fn main() {
    eprintln!("the self-test is built with --profile kernel and booted, not run");
}
