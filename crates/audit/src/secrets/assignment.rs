//! `NAME=VALUE`, `"apiKey": "VALUE"`, `Bearer VALUE`: a value that is a secret because of what it is assigned to, as it
//! stands or escaped inside JSON.

use std::ops::Range;

use super::likeness::{is_random, is_real};
use super::rules::{BARE, MARKED, NAMED};

/// A value that is a secret, behind the end of a name that stands at `name`.
pub(super) fn assigned(text: &[u8], name: Range<usize>) -> Option<(Range<usize>, &'static str, &'static str)> {
    let start = name.end + separator(text, &name)?;
    let run = text.get(start..)?.iter().take(MOST + 1).take_while(|byte| is_value(**byte)).count();
    if run > MOST {
        return None;
    }
    let run = text.get(start..start + run)?;
    let length = run.len() - run.iter().rev().take_while(|byte| **byte == b'.').count();
    let value = run.get(..length)?;
    let place = start..start + length;
    if let Some(rule) = MARKED.iter().chain(BARE).find(|rule| rule.is_whole(value)) {
        return Some((place, rule.id, rule.what));
    }
    let name = full_name(text, &name);
    if length < if name.contains("password") { LEAST_PASSWORD } else { LEAST } || is_public(&name) || is_path(value) {
        return None;
    }
    match NAMED.iter().find(|named| name.contains(named.name)) {
        Some(named) => (has_digits(value) && is_real(value)).then_some((place, named.id, named.what)),
        None if is_uuid(value) || !is_random(value) => None,
        None => Some((place, "assigned", "value of a name that holds secrets")),
    }
}

/// The length of what stands between a name and its value; nothing when nothing is assigned.
fn separator(text: &[u8], name: &Range<usize>) -> Option<usize> {
    let keyword = text.get(name.clone())?;
    let mut assigns = matches!(keyword, b"earer " | b"--token");
    let mut length = 0;
    for byte in text.get(name.end..)?.iter().take(MOST_BETWEEN) {
        match byte {
            b'=' | b':' => assigns = true,
            b' ' | b'\t' | b'"' | b'\'' | b'\\' => {}
            _ => break,
        }
        length += 1;
    }
    assigns.then_some(length)
}

/// The whole name, in small letters without `_` and `-`.
fn full_name(text: &[u8], name: &Range<usize>) -> String {
    let part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'_' | b'-');
    let before = text.get(..name.start).unwrap_or_default().iter().rev().take(MOST_NAME).take_while(part).count();
    let whole = text.get(name.start - before..name.end).unwrap_or_default();
    whole.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

const fn is_value(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'/' | b'~' | b'=')
}

/// Tokens that give nothing: where a list goes on, and what guards a form.
fn is_public(name: &str) -> bool {
    PUBLIC.iter().any(|piece| name.contains(piece))
}

fn is_path(value: &[u8]) -> bool {
    matches!(value.first(), Some(b'/' | b'.' | b'~' | b'='))
        || value.contains(&b'.')
        || value.iter().filter(|byte| **byte == b'/').count() > 3
        || value.iter().rev().skip_while(|byte| **byte == b'=').any(|byte| *byte == b'=')
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36 && value.iter().enumerate().all(|(at, byte)| (*byte == b'-') == matches!(at, 8 | 13 | 18 | 23))
}

fn has_digits(value: &[u8]) -> bool {
    value.iter().filter(|byte| byte.is_ascii_digit()).count() >= 2
}

/// The longest value that is looked at.
const MOST: usize = 256;
/// The shortest value without a mark that is taken for a secret.
const LEAST: usize = 16;
/// The same for passwords, which people make up.
const LEAST_PASSWORD: usize = 10;
/// The most that stands between a name and its value: `\": \"` and spaces.
const MOST_BETWEEN: usize = 16;
/// How much of a name is looked at.
const MOST_NAME: usize = 48;
/// Pieces of the names of tokens that open nothing.
const PUBLIC: &[&str] =
    &["page", "sync", "csrf", "xsrf", "cancel", "continu", "next", "cursor", "public", "count", "max"];
