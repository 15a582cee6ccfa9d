//! What fuzzing kept, replayed: every committed input still has its property.
#![allow(clippy::print_stdout, reason = "the counts are the result of this test")]

mod properties;

use std::path::Path;

#[test]
fn every_kept_input_still_has_its_property() {
    for (name, property) in properties::ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
        let mut files: Vec<_> =
            std::fs::read_dir(&folder).expect(name).map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        let mut bytes = 0;
        for file in &files {
            let data = std::fs::read(file).expect("readable");
            bytes += data.len();
            if std::panic::catch_unwind(|| property(&data)).is_err() {
                panic!("{} breaks the property {name}", file.display());
            }
        }
        println!("{name:<8} {:>5} inputs, {bytes:>8} bytes", files.len());
        assert!(!files.is_empty(), "the corpus of {name} is empty");
    }
}
