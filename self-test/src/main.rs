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

    use alloc::vec;

    use basalt_edge::coroutines::{Coroutines, Progress};
    use basalt_kernel::boot::Handover;
    use basalt_kernel::prover::memory::FreeFrames;
    use basalt_kernel::system::job_stack::JobStack;
    use basalt_kernel::system::{self, Ready};
    use basalt_kernel::{cpu, log};
    use basalt_vectors::{Files, OPERATORS, Report, run, unpack};

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
        let (operators, others): (Files, Files) = files
            .into_iter()
            .partition(|(path, _)| path.starts_with(OPERATORS));
        let mut report = on_job_stack(move || replayed(&operators));
        let Report { passed, failures } = replayed(&others);
        report.passed += passed;
        report.failures.extend(failures);
        for failure in &report.failures {
            // A line has room for only so much of it.
            log::verdict(format_args!("self-test: wrong: {failure:.300}"));
        }
        let (passed, failed) = (report.passed, report.failures.len());
        log::verdict(format_args!("self-test: {passed} passed, {failed} failed"));
        cpu::halt()
    }

    fn replayed(files: &Files) -> Report {
        let mut tell = |line: &str| log::verdict(format_args!("self-test: {line}"));
        run(files, FreeFrames, &mut tell)
    }

    /// Runs on a stack like those that guests run on in the product.
    fn on_job_stack(work: impl FnOnce() -> Report + 'static) -> Report {
        let stack = JobStack::new().expect("memory for a stack");
        match Coroutines::new(vec![stack], 0, || ()).start(move |_| work()) {
            Progress::Done(report) => report,
            Progress::Idle | Progress::Paused => panic!("it has a stack and never pauses"),
        }
    }
}

#[cfg(not(panic = "abort"))]
fn main() {
    eprintln!("the self-test is built with --profile kernel and booted, not run");
}
