//! The fuzz corpora as plain tests.

#[path = "../fuzz/targets/image.rs"]
mod image;
#[path = "../fuzz/targets/table.rs"]
mod table;

fn over(name: &str, check: fn(&[u8])) {
    let folder = format!("{}/fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        check(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "an empty corpus tests nothing");
}

#[test]
fn image_corpus() {
    over("image", image::check);
}

#[test]
fn table_corpus() {
    over("table", table::check);
}
