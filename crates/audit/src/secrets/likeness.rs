//! Whether what has the shape of a secret is one: not a placeholder of a manual, not one character over and over.

use stockade_config::strength::{Weakness, weakness};
use stockade_core::Secret;

/// Whether the part behind a public mark was drawn at random, as far as can be told.
pub(super) fn is_real(secret: &[u8]) -> bool {
    let head = secret.get(..secret.len().min(LOOKED_AT)).unwrap_or(secret);
    let Ok(text) = std::str::from_utf8(head) else { return false };
    let folded = text.to_ascii_lowercase();
    if MANUAL.iter().any(|piece| folded.contains(piece)) {
        return false;
    }
    let weak =
        matches!(weakness(&Secret::new(folded)), Some(Weakness::Placeholder | Weakness::Repetitive | Weakness::Empty));
    let least = if head.len() < 12 {
        1.9
    } else if head.len() < 24 {
        2.7
    } else {
        3.0
    };
    !weak && entropy(head) >= least
}

/// Whether a text without any mark was drawn at random: letters and digits change places all through it, as they do in
/// no name of a thing.
pub(super) fn is_random(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let changes = value.iter().zip(value.iter().skip(1)).filter(|(left, right)| turns(**left, **right)).count();
    digits >= 2 && letters >= 2 && changes * 5 >= value.len() && is_real(value)
}

/// Whether two neighbours are a digit and a letter, or letters of two cases.
const fn turns(left: u8, right: u8) -> bool {
    left.is_ascii_alphanumeric()
        && right.is_ascii_alphanumeric()
        && (left.is_ascii_digit() != right.is_ascii_digit() || left.is_ascii_uppercase() != right.is_ascii_uppercase())
}

/// Bits per character, by how often each occurs.
fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0_u16; 256];
    for byte in text {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let all = f64::from(u16::try_from(text.len()).unwrap_or(u16::MAX).max(1));
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / all)
        .map(|share| -share * share.log2())
        .sum()
}

/// How much of a secret is looked at.
const LOOKED_AT: usize = 256;

/// Pieces of what manuals print in the place of a secret. The long one is the payload of the specimen of a JSON Web
/// Token that is on every page about them.
const MANUAL: &[&str] = &[
    "example",
    "xxxx",
    "....",
    "****",
    "redacted",
    "placeholder",
    "changeme",
    "your-",
    "your_",
    "yourkey",
    "12345678",
    "abcdefgh",
    "fake",
    "dummy",
    "eyjzdwiioiixmjm0nty3odkw",
    "user:pass",
    "username:password",
    "notreal",
    "00000000",
];
