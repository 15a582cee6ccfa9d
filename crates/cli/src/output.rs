//! Printing: data on standard output, talk on standard error; the one module that prints. Colour never carries the meaning alone.

use std::fmt::Display;

use anstream::{eprintln, println};
use owo_colors::OwoColorize as _;
use serde::Serialize;
use stockade_core::text;

/// Data: one line.
pub fn line(text: impl Display) {
    println!("{text}");
}

/// Data: text as it comes, without a line end.
pub fn piece(text: &str) {
    use std::io::Write as _;
    anstream::print!("{text}");
    // A reader that is gone needs no flush.
    let _ = anstream::stdout().flush();
}

/// Data: JSON on one or several lines.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Talk.
pub fn say(text: impl Display) {
    eprintln!("{text}");
}

/// Talk that replaces itself: one line on a terminal; nothing takes it away.
pub fn progress(text: &str) {
    anstream::eprint!("\r\u{1b}[2K{text}");
}

/// A word that stands for good.
pub fn good(text: &str) -> String {
    text.green().to_string()
}

/// A word that stands for bad.
pub fn bad(text: &str) -> String {
    text.red().bold().to_string()
}

/// A word that stands for doubt.
pub fn doubt(text: &str) -> String {
    text.yellow().to_string()
}

/// A heading.
pub fn heading(text: &str) -> String {
    text.bold().to_string()
}

/// What went wrong, with its causes.
pub fn error(error: &anyhow::Error) {
    // What was typed or read may stand in it, escape sequences too.
    let plain = |text: String| text.lines().map(text::visible).collect::<Vec<_>>().join("\n");
    eprintln!("{} {}", "error:".red().bold(), plain(error.to_string()));
    for cause in error.chain().skip(1) {
        eprintln!("  {}", plain(cause.to_string()));
    }
}
