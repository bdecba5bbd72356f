//! Links the kernel, and the self-test image's program, as a static position-independent ELF
//! without C runtime or libraries; the image builder turns that ELF into a UEFI application.

/// Page-separated segments make W^X possible per section; `norelro` keeps the loader's work to
/// plain relative relocations, which UEFI's own loader applies.
const LINK_ARGS: [&str; 9] = [
    "-nostartfiles",
    "-nostdlib",
    "-static-pie",
    "-Wl,-e,efi_main",
    "-Wl,-z,separate-loadable-segments",
    "-Wl,-z,norelro",
    "-Wl,-z,max-page-size=4096",
    "-Wl,--gc-sections",
    "-Wl,--build-id=none",
];

fn main() {
    for argument in LINK_ARGS {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    // Cargo says "release" for each profile that inherits from `release`. The kernel of any other
    // one is not for installing, and says so with its version. The image builder looks for these
    // words.
    let version = env!("CARGO_PKG_VERSION");
    match std::env::var("PROFILE").as_deref() {
        Ok("release") => println!("cargo:rustc-env=BASALT_VERSION={version}"),
        _ => println!("cargo:rustc-env=BASALT_VERSION={version} QUICK"),
    }
    // Also the build script of its neighbour `self-test`.
    println!("cargo:rerun-if-changed=../kernel/build.rs");
}
