//! From the text of a URL to a URL. A text that parsers are known to read differently is refused
//! instead of being read in the way that this one happens to.

use stockade_core::Denial;
use url::{Host, Url};

use super::deny;

/// The longest URL, in bytes.
const MAX_URL: usize = 8 * 1024;

/// Reads an absolute URL as the WHATWG URL standard does, if there is but one way to read it.
///
/// # Errors
/// A [`Denial`] for a text that does not parse, and for one that hides where it leads: control
/// characters, backslashes, missing or surplus slashes, credentials and decoys of them, blanks or
/// percent signs in the host, and letters that merely look like the ASCII ones of the host.
pub fn parse(text: &str) -> Result<Url, Denial> {
    if text.len() > MAX_URL {
        return Err(deny("the address is longer than 8 KiB"));
    }
    if text.chars().any(char::is_control) {
        return Err(deny("the address holds control characters"));
    }
    let url = Url::parse(text).map_err(|_| deny("the address is not an absolute URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        // Refused by its scheme, with that reason.
        return Ok(url);
    }
    let rest = text.split_once("://").filter(|(scheme, _)| scheme.eq_ignore_ascii_case(url.scheme()));
    let Some((_, rest)) = rest.filter(|(_, rest)| !rest.starts_with(['/', '\\'])) else {
        return Err(deny("the address is not written as scheme://host"));
    };
    if rest.split(['?', '#']).next().is_some_and(|hierarchy| hierarchy.contains('\\')) {
        return Err(deny("the address holds a backslash"));
    }
    // Some parsers end the host only at a slash, and then find credentials in the query or fragment.
    if rest.split('/').next().is_some_and(|authority| authority.contains('@')) {
        return Err(deny("the address carries credentials, or what can be read as such"));
    }
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains(|c: char| c == '%' || c.is_whitespace()) {
        return Err(deny("the host is written with escapes or blanks"));
    }
    let plain =
        matches!(url.host(), Some(Host::Domain(name)) if name.split('.').any(|label| label.starts_with("xn--")));
    if !host.is_ascii() && !plain {
        return Err(deny("the host is written in letters that only look like what they stand for"));
    }
    Ok(url)
}

/// Where an answer redirects to: `location` as it stands in the header, seen from `from`.
///
/// # Errors
/// A [`Denial`] for a target that does not parse or hides where it leads, and for one that gives up
/// the encryption of `from`.
pub fn redirect(from: &Url, location: &str) -> Result<Url, Denial> {
    // Nothing else is fetched, so that nothing else redirects; and `file:` with a drive letter trips the parser's join.
    if !matches!(from.scheme(), "http" | "https") {
        return Err(deny("a redirect from what is not http or https"));
    }
    if location.len() > MAX_URL || location.chars().any(|c| c.is_control() || c == '\\') {
        return Err(deny("a redirect to something that is not a plain URL"));
    }
    let next = if location.starts_with("//") {
        parse(&format!("{}:{location}", from.scheme()))?
    } else if Url::parse(location).is_ok() {
        parse(location)?
    } else {
        from.join(location).map_err(|_| deny("a redirect to something that is not a URL"))?
    };
    if from.scheme() == "https" && next.scheme() == "http" {
        return Err(deny("a redirect from https to http"));
    }
    Ok(next)
}
