//! The fuzz corpus as a plain test.

#[path = "../fuzz/targets/image.rs"]
mod image;

#[test]
fn image_corpus() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/image");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        image::check(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "an empty corpus tests nothing");
}
