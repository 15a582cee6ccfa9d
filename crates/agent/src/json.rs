//! JSON from outside, measured before it is parsed: a few bytes of `[[[[…` must not cost a stack.

use serde_json::Value;

/// Parses `text` when it is at most `max_bytes` long and nested at most `max_depth` deep; `None`
/// when it is larger, deeper or not JSON.
pub(crate) fn bounded(text: &str, max_bytes: usize, max_depth: usize) -> Option<Value> {
    if text.len() > max_bytes || depth(text) > max_depth {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// The deepest nesting of brackets outside strings. Text that is not JSON may be counted wrongly; the
/// parser refuses it.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_outside_strings_only() {
        assert_eq!(depth(r#"{"a":["[[[\"[[",{}]}"#), 3);
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(bounded(&deep(64), 1 << 20, 64).is_some());
        assert!(bounded(&deep(65), 1 << 20, 64).is_none());
        assert!(bounded(&"[".repeat(1 << 20), 2 << 20, 64).is_none());
        assert!(bounded(r#"{"a":1}"#, 6, 64).is_none());
    }
}
