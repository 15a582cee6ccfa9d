//! The shape of a secret: fixed text and runs of one class of characters. Runs are greedy and nothing is tried twice,
//! so that no text takes more than one pass.

/// A secret that can be told by its shape.
#[derive(Debug)]
pub(super) struct Rule {
    /// Its name in reports, such as `github`.
    pub(super) id: &'static str,
    /// What it is, in words.
    pub(super) what: &'static str,
    /// What stands before the first of `prefixes`; nothing for most.
    pub(super) lead: Option<(Class, usize, usize)>,
    /// The public mark; one of them.
    pub(super) prefixes: &'static [&'static str],
    /// What follows the mark.
    pub(super) then: &'static [Part],
}

/// A piece of a shape.
#[derive(Debug)]
pub(super) enum Part {
    /// From so many to so many characters of a class.
    Run(Class, usize, usize),
    /// Exactly this.
    Text(&'static str),
    /// At least one line break or space, as they are or escaped in JSON.
    Gap,
}

/// A class of characters.
#[derive(Debug, Clone, Copy)]
pub(super) enum Class {
    /// `0-9`.
    Digit,
    /// `a-z`, `+`.
    Scheme,
    /// `0-9a-f`.
    Hex,
    /// `A-Z0-9`.
    Upper,
    /// `A-Za-z0-9`.
    Alnum,
    /// `A-Za-z0-9_-`.
    Word,
    /// `A-Za-z0-9+/=`.
    Base64,
    /// Base64, broken into lines, as they are or escaped in JSON.
    Lines,
    /// What may stand before the `:` of an address.
    User,
    /// What may stand between `:` and `@` of an address.
    Password,
    /// A host.
    Host,
}

impl Class {
    /// Whether a byte belongs to it.
    pub(super) const fn has(self, byte: u8) -> bool {
        let alnum = byte.is_ascii_alphanumeric();
        match self {
            Self::Digit => byte.is_ascii_digit(),
            Self::Scheme => byte.is_ascii_lowercase() || byte == b'+',
            Self::Hex => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
            Self::Upper => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
            Self::Alnum => alnum,
            Self::Word => alnum || matches!(byte, b'_' | b'-'),
            Self::Base64 => alnum || matches!(byte, b'+' | b'/' | b'='),
            Self::Lines => alnum || matches!(byte, b'+' | b'/' | b'=' | b'\\' | b'\r' | b'\n'),
            Self::User => alnum || matches!(byte, b'_' | b'-' | b'.' | b'%' | b'~' | b'+'),
            Self::Password => {
                alnum || matches!(byte, b'_' | b'-' | b'.' | b'%' | b'~' | b'+' | b'!' | b'*' | b'^' | b'=' | b'&')
            }
            Self::Host => alnum || matches!(byte, b'-' | b'.' | b'['),
        }
    }
}

impl Rule {
    /// The end of a secret whose mark begins at `at`, when it is one and ends there.
    pub(super) fn end(&self, text: &[u8], at: usize) -> Option<usize> {
        let rest = text.get(at..)?;
        let prefix = self.prefixes.iter().find(|prefix| rest.starts_with(prefix.as_bytes()))?;
        let mut end = at + prefix.len();
        for part in self.then {
            end += part.length(text.get(end..)?)?;
        }
        let next = text.get(end).copied().unwrap_or(b' ');
        let open = matches!(self.then.last(), Some(Part::Run(class, ..)) if class.has(next));
        (!open && !next.is_ascii_alphanumeric()).then_some(end)
    }

    /// The beginning of a secret whose mark begins at `at`: where its lead does, and not within a word.
    pub(super) fn start(&self, text: &[u8], at: usize) -> Option<usize> {
        let before = text.get(..at)?;
        let Some((class, least, most)) = self.lead else {
            return begins(before, self.prefixes.first().is_some_and(|prefix| prefix.starts_with('-'))).then_some(at);
        };
        let lead = before.iter().rev().take(most + 1).take_while(|byte| class.has(**byte)).count();
        // The `n` of an escaped line break is no part of a scheme.
        let lead = lead - usize::from(lead > 0 && before.get(..=at - lead).is_some_and(is_escape));
        ((least..=most).contains(&lead) && begins(before.get(..at - lead)?, false)).then_some(at - lead)
    }

    /// Whether a whole text is one.
    pub(super) fn is_whole(&self, text: &[u8]) -> bool {
        let lead = self.lead.map_or(0, |(class, ..)| text.iter().take_while(|byte| class.has(**byte)).count());
        let found = self.start(text, lead) == Some(0) && self.end(text, lead).is_some_and(|end| self.ends(text, end));
        found && super::likeness::is_real(self.secret(text, lead))
    }

    /// What is the same for all of its kind, at the beginning of a whole one.
    pub(super) fn public(&self, text: &[u8]) -> Option<&'static str> {
        if self.lead.is_some() {
            return Some("");
        }
        self.prefixes.iter().find(|prefix| text.starts_with(prefix.as_bytes())).copied()
    }

    /// The part behind the mark, from where the mark begins.
    pub(super) fn secret<'t>(&self, text: &'t [u8], at: usize) -> &'t [u8] {
        let rest = text.get(at..).unwrap_or_default();
        let mark = self.prefixes.iter().find(|prefix| rest.starts_with(prefix.as_bytes())).map_or(0, |mark| mark.len());
        rest.get(mark..).unwrap_or_default()
    }

    /// An address and a private key go on behind what makes them secret; anything else must end.
    fn ends(&self, text: &[u8], end: usize) -> bool {
        end == text.len() || matches!(self.then.last(), Some(Part::Run(Class::Host | Class::Lines, ..)))
    }
}

impl Part {
    /// How much of the text it takes.
    fn length(&self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Run(class, least, most) => {
                let length = text.iter().take(*most).take_while(|byte| class.has(**byte)).count();
                (length >= *least).then_some(length)
            }
            Self::Text(wanted) => text.starts_with(wanted.as_bytes()).then_some(wanted.len()),
            Self::Gap => {
                let blank = |byte: &u8| matches!(byte, b' ' | b'\r' | b'\n' | b'\\');
                let mut length = text.iter().take_while(|byte| blank(byte)).count();
                while length > 0 && text.get(length - 1) == Some(&b'\\') {
                    if !matches!(text.get(length), Some(b'n' | b'r')) {
                        break;
                    }
                    length += 1;
                    length += text.iter().skip(length).take(8).take_while(|byte| blank(byte)).count();
                }
                (length > 0).then_some(length)
            }
        }
    }
}

/// Whether a secret may begin behind this: not within a word, unless the letter before belongs to an escape.
fn begins(before: &[u8], any: bool) -> bool {
    any || before.last().is_none_or(|byte| !Class::Word.has(*byte)) || is_escape(before)
}

/// Whether a text ends with an escape: `\n`, `\u003d`, `%3D`.
fn is_escape(text: &[u8]) -> bool {
    match text {
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'] => true,
        [.., b'\\', b'u', a, b, c, d] => [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()),
        [.., b'%', a, b] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
        _ => false,
    }
}
