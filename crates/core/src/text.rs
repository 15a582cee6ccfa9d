//! Text for people: bounded, and free of control sequences that could repaint a terminal.

/// Bytes as text for display; what is not UTF-8 becomes the replacement character.
#[must_use]
pub fn lossy(bytes: &[u8]) -> String {
    bytes.utf8_chunks().fold(String::new(), |mut text, chunk| {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push('\u{fffd}');
        }
        text
    })
}

/// Text as an operator may see it: control characters, bidirectional overrides and invisible
/// characters are shown as escapes, so that what is approved is what is read.
/// Answers the class "display differs from what runs" (ANSI and bidi spoofing of approval cards).
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || !(c.is_control() || is_invisible(c)) {
            shown.push(c);
        } else {
            shown.extend(c.escape_unicode());
        }
    }
    shown
}

/// Text on one line: as [`visible`], line ends too. For a field that stands among others, where a line
/// of its own could pass for another field.
#[must_use]
pub fn single_line(text: &str) -> String {
    visible(text).replace('\n', "\\n")
}

/// At most `max` characters, with a mark when something was cut.
#[must_use]
pub fn clip(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_cannot_hide_anything() {
        assert_eq!(visible("ls\u{1b}[2K"), "ls\\u{1b}[2K");
        assert_eq!(visible("a\u{202e}b\u{200b}c"), "a\\u{202e}b\\u{200b}c");
        assert_eq!(visible("two\nlines é 漢"), "two\nlines é 漢");
        assert_eq!(single_line("a\nb\u{1b}"), "a\\nb\\u{1b}");
    }

    #[test]
    fn clipping_keeps_characters_whole() {
        assert_eq!(clip("漢字漢字", 2), "漢字…");
        assert_eq!(clip("ab", 2), "ab");
        assert_eq!(lossy(b"a\xffb"), "a\u{fffd}b");
    }
}
