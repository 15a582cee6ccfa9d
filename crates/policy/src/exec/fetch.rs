//! curl calls that fetch and show. An address is a message to whoever owns it, so they pass only where nothing can be
//! reached: in a sandbox without a network. Nothing is written, sent, configured, resolved elsewhere or passed through a
//! proxy. Answers the classes "curl -o", "curl -d @file", "curl -K", "exfiltration by URL".

use super::arguments::Why;
use super::grammar::Grammar;
use crate::command::Word;

/// Judges the words after `curl`.
pub(super) fn judge(arguments: &[Word], network: bool) -> Result<(), Why> {
    if matches!(arguments, [only] if only.is_plain() && matches!(only.text.as_str(), "--version" | "-V")) {
        return Ok(());
    }
    let known = Grammar::of("sSfLIiv46", "HXmAow", LONG).with(is_address, 4).valued(is_value).read(arguments);
    match known {
        Some(addresses) if !addresses.is_empty() && !network => Ok(()),
        Some(addresses) if !addresses.is_empty() => Err("it sends an address to another machine"),
        _ => Err("curl is told to do more than to fetch an https address and show it"),
    }
}

const LONG: &[&str] = &[
    "silent", "show-error", "fail", "location", "head", "include", "verbose", "compressed", "ipv4", "ipv6", "header=",
    "request=", "max-time=", "connect-timeout=", "retry=", "user-agent=", "output=", "write-out=", "no-progress-meter",
    "fail-with-body", "max-redirs=", "http1.1", "http2",
];

/// An https address without an account, and without the braces that curl expands by itself.
fn is_address(word: &Word) -> bool {
    let Some(rest) = word.text.strip_prefix("https://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    word.is_plain()
        && host.starts_with(|c: char| c.is_ascii_alphanumeric())
        && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:".contains(c))
        && rest.chars().all(|c| c.is_ascii_graphic() && !"{}[]\\`\"<>^|".contains(c))
}

fn is_value(option: &str, value: &str) -> bool {
    match option {
        "X" | "request" => matches!(value, "GET" | "HEAD" | "OPTIONS"),
        "o" | "output" => value == "/dev/null",
        // `@` reads a file; `%output{}` writes one.
        "w" | "write-out" => !value.starts_with('@') && !value.contains("output"),
        "H" | "header" | "A" | "user-agent" => !value.starts_with('@') && !value.contains(['\n', '\r']),
        _ => value.chars().all(|c| c.is_ascii_digit() || c == '.'),
    }
}
