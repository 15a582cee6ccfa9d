//! The lines that a report shows: with every secret masked.

use std::collections::HashMap;

/// Lines of config files, masked. Empty for a saved snapshot, whose files may be elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: HashMap<String, Vec<String>>,
}

impl Sources {
    /// Adds a file; `secrets` are the byte ranges of its secrets.
    pub fn add(&mut self, path: &str, text: &str, secrets: &[std::ops::Range<usize>]) {
        let mut masked = String::with_capacity(text.len());
        for (at, c) in text.char_indices() {
            let secret = secrets.iter().any(|range| range.contains(&at));
            // One character for one, so that columns stay true.
            masked.push(match c {
                '\n' | '\r' => c,
                _ if secret => '*',
                '\t' => ' ',
                c if stockade_core::text::visible(c.encode_utf8(&mut [0; 4])).chars().count() > 1 => '\u{fffd}',
                c => c,
            });
        }
        let lines = masked.lines().map(str::to_owned).collect();
        self.files.insert(path.to_owned(), lines);
    }

    /// A line, from 1.
    #[must_use]
    pub fn line(&self, path: &str, line: u32) -> Option<&str> {
        let at = usize::try_from(line.checked_sub(1)?).ok()?;
        self.files.get(path)?.get(at).map(String::as_str)
    }
}
