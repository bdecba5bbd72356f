//! All recorded vectors in the hosted node's build, by way of the file that the self-test image
//! carries.

use basalt_prover::memory::Mmap;

#[test]
fn recorded_vectors_hold() {
    let files = basalt_vectors::files::all();
    let pack = basalt_vectors::pack(&files).unwrap();
    let files = basalt_vectors::unpack(pack.leak()).unwrap();
    let report = basalt_vectors::run(&files, Mmap::default(), &mut |line| println!("{line}"));
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    // Fewer would mean that some were not found.
    assert!(report.passed > 5_800, "{}", report.passed);
}
