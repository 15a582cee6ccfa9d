//! What holds for every input, written once: the fuzz targets call these with what they invent, and an ordinary test
//! calls them with every input that was kept. A broken property panics. Inputs are bytes in a small text format, so
//! that a corpus can be read and written by a person.

pub mod command;
pub mod config;
pub mod header;
pub mod mount;
pub mod url;

/// Panics when an input breaks it.
pub type Property = fn(&[u8]);

/// A property by its name, which is also the name of its fuzz target and of the folder with its corpus.
#[allow(dead_code, reason = "the replay goes through the table, a fuzz target calls its own")]
pub const ALL: &[(&str, Property)] = &[
    ("command", command::holds),
    ("mount", mount::holds),
    ("url", url::holds),
    ("header", header::holds),
    ("config", config::holds),
];

/// The input as text; what is no text is no question to these judges.
fn text(data: &[u8]) -> Option<&str> {
    if data.len() > MAX_INPUT { None } else { std::str::from_utf8(data).ok() }
}

/// Longer than every bound of the judges that a short input cannot reach is only slow.
const MAX_INPUT: usize = 64 << 10;
