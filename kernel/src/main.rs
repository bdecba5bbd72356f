//! The bootable image: the firmware's entry point and what a program without operating system and C
//! library has to bring along.
//!
//! Built with the `kernel` profile, whose panics abort; under any other profile this is an empty
//! program, so that checks over the whole workspace can look at it.
#![cfg_attr(panic = "abort", no_std, no_main)]

#[cfg(panic = "abort")]
mod runtime;

#[cfg(panic = "abort")]
#[uefi::entry]
fn main() -> uefi::Status {
    basalt_kernel::start()
}

#[cfg(not(panic = "abort"))]
fn main() {
    eprintln!("the kernel is built with --profile kernel and booted, not run");
}
