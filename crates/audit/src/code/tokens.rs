//! JavaScript and TypeScript as tokens. One look at each byte, no recursion, bounded: the text is an attacker's.
//!
//! Comments are left out, strings and names are decoded by whoever asks, and each bracket knows its partner.

use std::borrow::Cow;

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it begins in the text.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
    /// Its line, from 1.
    pub line: u32,
    /// Of an opening bracket, the token that closes it; else its own place.
    pub partner: u32,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name or a keyword.
    Name,
    /// A number.
    Number,
    /// A string with its quotes.
    String,
    /// A regular expression.
    Regex,
    /// A backtick that opens a template; its partner is a [`Kind::Close`].
    Template,
    /// Text in a template.
    Chunk,
    /// `(`, `[`, `{`, and `${` in a template, by its last byte.
    Open(u8),
    /// What closes one of them, or a template.
    Close,
    /// An operator.
    Op,
}

/// A text in tokens.
#[derive(Debug)]
pub struct Tokens<'s> {
    /// The text.
    pub text: &'s str,
    /// The tokens, in order.
    pub list: Vec<Token>,
    /// Whether there were more than are kept.
    pub cut: bool,
}

impl<'s> Tokens<'s> {
    /// Reads a text.
    #[must_use]
    pub fn of(text: &'s str) -> Self {
        let mut lexer = Lexer { bytes: text.as_bytes(), at: 0, line: 1, list: Vec::new(), open: Vec::new() };
        let cut = lexer.run();
        lexer.close_all();
        Self { text, list: lexer.list, cut }
    }

    /// The token at a place; nothing beyond the end.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&Token> {
        self.list.get(at)
    }

    /// What a token says, as it is written.
    #[must_use]
    pub fn raw(&self, at: usize) -> &'s str {
        self.get(at).and_then(|token| self.text.get(token.start as usize..token.end as usize)).unwrap_or_default()
    }

    /// The name at a place, its escapes undone; empty for anything else.
    #[must_use]
    pub fn name(&self, at: usize) -> Cow<'s, str> {
        if self.get(at).is_none_or(|token| token.kind != Kind::Name) {
            return Cow::Borrowed("");
        }
        let raw = self.raw(at);
        if raw.contains('\\') { Cow::Owned(unescaped(raw)) } else { Cow::Borrowed(raw) }
    }
}

/// A text with its escapes undone, at most [`MAX_TEXT`] bytes of it.
#[must_use]
pub fn unescaped(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len().min(MAX_TEXT));
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        if out.len() >= MAX_TEXT {
            break;
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('x') => out.extend(hex(&mut chars, 2)),
            Some('u') if chars.peek() == Some(&'{') => {
                chars.next();
                out.extend(hex(&mut chars, 6));
                chars.next_if_eq(&'}');
            }
            Some('u') => out.extend(hex(&mut chars, 4)),
            Some(digit @ '0'..='7') => {
                let mut value = u32::from(digit) - u32::from('0');
                for _ in 0..2 {
                    let Some(next) = chars.next_if(|c| ('0'..='7').contains(c)) else { break };
                    value = value * 8 + u32::from(next) - u32::from('0');
                }
                out.extend(char::from_u32(value));
            }
            Some('\n') | None => {}
            Some(other) => out.push(other),
        }
    }
    out
}

fn hex(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, most: usize) -> Option<char> {
    let mut value = 0_u32;
    for _ in 0..most {
        let Some(digit) = chars.peek().and_then(|c| c.to_digit(16)) else { break };
        chars.next();
        value = value * 16 + digit;
    }
    char::from_u32(value)
}

struct Lexer<'s> {
    bytes: &'s [u8],
    at: usize,
    line: u32,
    list: Vec<Token>,
    /// Brackets that are open: their token, what opened them, and whether a regular expression may follow their end.
    open: Vec<(usize, u8, bool)>,
}

impl Lexer<'_> {
    fn run(&mut self) -> bool {
        while let Some(&byte) = self.bytes.get(self.at) {
            if self.list.len() >= MAX_TOKENS {
                return true;
            }
            if self.open.last().is_some_and(|(_, kind, _)| *kind == b'`') {
                self.template();
                continue;
            }
            match byte {
                b'\n' => {
                    self.line += 1;
                    self.at += 1;
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'/' if self.ahead(1) == b'/' => self.skip_line(),
                b'#' if self.at == 0 && self.ahead(1) == b'!' => self.skip_line(),
                b'/' if self.ahead(1) == b'*' => self.comment(),
                b'/' if self.regex_may_stand() && self.regex() => {}
                b'"' | b'\'' => self.string(byte),
                b'`' => self.bracket(b'`'),
                b'(' | b'[' | b'{' => self.bracket(byte),
                b')' | b']' | b'}' => self.closing(byte),
                b'0'..=b'9' => self.number(),
                b'.' if self.ahead(1).is_ascii_digit() => self.number(),
                b'_' | b'$' | b'\\' | b'#' | b'@' | 0x80.. => self.word(),
                _ if byte.is_ascii_alphabetic() => self.word(),
                _ => self.operator(),
            }
        }
        false
    }

    fn ahead(&self, by: usize) -> u8 {
        self.bytes.get(self.at + by).copied().unwrap_or(0)
    }

    fn push(&mut self, kind: Kind, start: usize, line: u32) {
        let place = self.list.len() as u32;
        self.list.push(Token {
            kind,
            start: start as u32,
            end: self.at.min(self.bytes.len()) as u32,
            line,
            partner: place,
        });
    }

    fn skip_line(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }

    fn comment(&mut self) {
        self.at += 2;
        while let Some(&byte) = self.bytes.get(self.at) {
            if byte == b'*' && self.ahead(1) == b'/' {
                self.at += 2;
                return;
            }
            self.line += u32::from(byte == b'\n');
            self.at += 1;
        }
    }

    /// A string ends at its quote, and a broken one at the end of its line.
    fn string(&mut self, quote: u8) {
        let (start, line) = (self.at, self.line);
        self.at += 1;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\\' => {
                    self.line += u32::from(self.ahead(1) == b'\n');
                    self.at += 2;
                }
                b'\n' => break,
                _ => {
                    self.at += 1;
                    if byte == quote {
                        break;
                    }
                }
            }
        }
        self.push(Kind::String, start, line);
    }

    fn template(&mut self) {
        let (start, line) = (self.at, self.line);
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'`' => {
                    self.chunk(start, line);
                    self.closing(b'`');
                    return;
                }
                b'$' if self.ahead(1) == b'{' => {
                    self.chunk(start, line);
                    self.at += 1;
                    self.bracket(b'$');
                    return;
                }
                b'\\' => {
                    self.line += u32::from(self.ahead(1) == b'\n');
                    self.at += 2;
                }
                _ => {
                    self.line += u32::from(byte == b'\n');
                    self.at += 1;
                }
            }
        }
        self.at = self.at.min(self.bytes.len());
        self.chunk(start, line);
    }

    fn chunk(&mut self, start: usize, line: u32) {
        if self.at > start {
            self.push(Kind::Chunk, start, line);
        }
    }

    fn bracket(&mut self, byte: u8) {
        let regex_follows = match byte {
            b'(' => self.previous_word().is_some_and(|word| matches!(word, b"if" | b"while" | b"for" | b"with")),
            b'{' => self.opens_block(),
            _ => false,
        };
        self.open.push((self.list.len(), byte, regex_follows));
        let start = self.at;
        self.at += 1;
        self.push(if byte == b'`' { Kind::Template } else { Kind::Open(byte) }, start, self.line);
    }

    /// Closes the innermost bracket that it fits; one that fits none closes nothing. What was left open inside ends
    /// here too. A template is closed by its backtick only.
    fn closing(&mut self, byte: u8) {
        let start = self.at;
        self.at += 1;
        let place = self.list.len();
        self.push(Kind::Close, start, self.line);
        let fits = |kind: u8| matches!((kind, byte), (b'(', b')') | (b'[', b']') | (b'{' | b'$', b'}') | (b'`', b'`'));
        let inside = self.open.iter().rev().take(NEAR).take_while(|(_, kind, _)| *kind != b'$' || byte == b'}');
        let Some(depth) = inside.map(|(_, kind, _)| *kind).position(fits) else { return };
        for _ in 0..=depth {
            if let Some((token, _, _)) = self.open.pop()
                && let Some(token) = self.list.get_mut(token)
            {
                token.partner = place as u32;
            }
        }
    }

    fn close_all(&mut self) {
        let last = self.list.len() as u32;
        for (place, _, _) in std::mem::take(&mut self.open) {
            if let Some(token) = self.list.get_mut(place) {
                token.partner = last;
            }
        }
    }

    fn number(&mut self) {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_')) {
            self.at += 1;
        }
        self.push(Kind::Number, start, self.line);
    }

    fn word(&mut self) {
        let start = self.at;
        self.at += 1;
        while let Some(&byte) = self.bytes.get(self.at) {
            let escape = byte == b'u' && self.bytes.get(self.at - 1) == Some(&b'\\') && self.ahead(1) == b'{';
            if escape {
                let end = self.bytes.get(self.at..).unwrap_or_default().iter().take(12).position(|b| *b == b'}');
                self.at += end.unwrap_or(0);
            }
            if escape || byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'\\' | 0x80..) {
                self.at += 1;
            } else {
                break;
            }
        }
        self.push(Kind::Name, start, self.line);
    }

    fn operator(&mut self) {
        let start = self.at;
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = OPERATORS.iter().find(|op| rest.starts_with(op.as_bytes())).map_or(1, |op| op.len());
        self.at += length;
        self.push(Kind::Op, start, self.line);
    }

    fn previous_word(&self) -> Option<&[u8]> {
        let token = self.list.last().filter(|token| token.kind == Kind::Name)?;
        self.bytes.get(token.start as usize..token.end as usize)
    }

    fn previous_bytes(&self) -> &[u8] {
        let range = self.list.last().map(|token| token.start as usize..token.end as usize);
        range.and_then(|range| self.bytes.get(range)).unwrap_or_default()
    }

    fn opens_block(&self) -> bool {
        let previous = self.previous_bytes();
        matches!(previous, b"" | b")" | b"=>" | b";" | b"{" | b"}" | b"else" | b"try" | b"finally" | b"do")
    }

    fn regex_may_stand(&self) -> bool {
        let Some(last) = self.list.last() else { return true };
        match last.kind {
            Kind::Number | Kind::String | Kind::Regex => false,
            Kind::Name => KEYWORDS_BEFORE_VALUE.iter().any(|word| word.as_bytes() == self.previous_bytes()),
            Kind::Close => match self.previous_bytes() {
                b")" | b"}" => self.closed_for_regex(),
                _ => false,
            },
            Kind::Op => !matches!(self.previous_bytes(), b"++" | b"--"),
            Kind::Open(_) | Kind::Template | Kind::Chunk => true,
        }
    }

    /// Whether the bracket that has just been closed was that of a condition or a block.
    fn closed_for_regex(&self) -> bool {
        let place = self.list.len().saturating_sub(1) as u32;
        let opened = self
            .list
            .iter()
            .rev()
            .take(NEAR)
            .find(|token| matches!(token.kind, Kind::Open(_)) && token.partner == place);
        let Some(opened) = opened else { return false };
        let before = self.bytes.get(..opened.start as usize).unwrap_or_default().trim_ascii_end();
        ["if", "while", "for", "with", "=>", ")", ";", "else", "try", "finally", "do"]
            .iter()
            .any(|word| before.ends_with(word.as_bytes()) && (opened.kind == Kind::Open(b'{') || word.len() > 1))
    }

    /// A regular expression ends on its line; what does not is a division.
    fn regex(&mut self) -> bool {
        let mut class = false;
        let mut end = self.at + 1;
        while let Some(&byte) = self.bytes.get(end) {
            if end - self.at > MAX_REGEX {
                return false;
            }
            match byte {
                b'\n' => return false,
                b'\\' => end += 1,
                b'[' => class = true,
                b']' => class = false,
                b'/' if !class => {
                    let start = self.at;
                    self.at = end + 1;
                    while self.bytes.get(self.at).is_some_and(u8::is_ascii_alphabetic) {
                        self.at += 1;
                    }
                    self.push(Kind::Regex, start, self.line);
                    return true;
                }
                _ => {}
            }
            end += 1;
        }
        false
    }
}

/// The most tokens that are kept: more than a file of 1 MiB has.
const MAX_TOKENS: usize = 1_200_000;
/// The most bytes of one text that are looked at.
pub const MAX_TEXT: usize = 4096;
const MAX_REGEX: usize = 4096;
/// How many brackets are looked back over for one that fits.
const NEAR: usize = 256;
const KEYWORDS_BEFORE_VALUE: &[&str] = &[
    "return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "do", "else", "instanceof", "yield",
    "await",
];
/// Longest first.
const OPERATORS: &[&str] = &[
    ">>>=", "...", "===", "!==", "**=", "<<=", ">>=", ">>>", "&&=", "||=", "??=", "=>", "==", "!=", "<=", ">=", "&&",
    "||", "??", "?.", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<", ">>", "**",
];
