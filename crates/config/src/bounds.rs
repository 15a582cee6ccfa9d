//! Bounds on a JSON5 text before a recursive parser sees it, and the places of its keys.
//!
//! Answers: stack exhaustion by nesting (the parser recurses, and an overflow aborts the gateway),
//! memory exhaustion by millions of values, and numbers that are not finite, which would otherwise
//! become `null` and so a default. The scan keeps its own stack and never recurses.

use std::collections::HashMap;
use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

/// How deep values may nest, includes counted in.
pub(crate) const MAX_DEPTH: usize = 128;
/// How many keys and list items one file may hold.
pub(crate) const MAX_VALUES: usize = 200_000;

/// Where the keys of one text are.
#[derive(Debug)]
pub(crate) struct Outline {
    /// Every key and list item, in the order of the text; the root first.
    pub(crate) nodes: Vec<Node>,
    children: HashMap<(usize, String), usize>,
    /// Keys that stand twice in one object, with the line of the second.
    pub(crate) duplicates: Vec<(String, usize)>,
}

/// Where one key or list item stands. Ranges are in bytes.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// The object or list that holds it; the root holds itself.
    pub(crate) parent: usize,
    /// The key with its quotes; empty for a list item and the root.
    pub(crate) key: Range<usize>,
    /// The value; a list or object with its brackets.
    pub(crate) value: Range<usize>,
    /// The comma behind it.
    pub(crate) comma: Option<usize>,
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
}

impl Node {
    /// Where it begins: at its key, or at its value when it has none.
    pub(crate) const fn start(&self) -> usize {
        self.key.start
    }
}

/// A bound that a text exceeds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excess {
    /// The line, from 1.
    pub(crate) line: usize,
    /// What was expected instead.
    pub(crate) expected: String,
}

impl Outline {
    /// Scans a text. Text that is not JSON5 may give a nonsensical outline; the parser refuses it.
    pub(crate) fn scan(text: &str, max_depth: usize) -> Result<Self, Excess> {
        Scan::new(text, max_depth).run()
    }

    /// An outline of one root, to which another reading adds its nodes.
    pub(crate) fn new(root: Node) -> Self {
        Self { nodes: vec![root], children: HashMap::new(), duplicates: Vec::new() }
    }

    /// Adds a node under its name; its number, and whether that name stood there before.
    pub(crate) fn add(&mut self, key: String, node: Node) -> (usize, bool) {
        let number = self.nodes.len();
        let again = self.children.insert((node.parent, key), number).is_some();
        self.nodes.push(node);
        (number, again)
    }

    /// The line of a key, from 1.
    pub(crate) fn line_of(&self, key: &[String]) -> Option<usize> {
        Some(self.nodes.get(self.find(key)?)?.line)
    }

    /// The node of a key. Of a key that stands twice in its object, the last.
    pub(crate) fn find(&self, key: &[String]) -> Option<usize> {
        key.iter().try_fold(ROOT, |node, part| self.child(node, part))
    }

    /// The node of a key of an object, or of an item of a list by its index.
    pub(crate) fn child(&self, node: usize, part: &str) -> Option<usize> {
        self.children.get(&(node, part.to_owned())).copied()
    }
}

/// The node of the whole value.
pub(crate) const ROOT: usize = 0;

/// What ends a line, and so a `//` comment: the four of JSON5, not only LF. A scan that missed one
/// would take what the parser reads for a comment, brackets included.
pub(crate) const fn ends_line(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

struct Frame {
    node: usize,
    list: bool,
    items: usize,
    expects_key: bool,
    key: Option<usize>,
    last: Option<usize>,
}

/// The first character of a token.
#[derive(Clone, Copy)]
struct Start {
    at: usize,
    line: usize,
    column: usize,
}

struct Scan<'t> {
    text: &'t str,
    chars: Peekable<CharIndices<'t>>,
    line: usize,
    column: usize,
    max_depth: usize,
    stack: Vec<Frame>,
    outline: Outline,
}

impl<'t> Scan<'t> {
    fn new(text: &'t str, max_depth: usize) -> Self {
        let root = Node { parent: ROOT, key: 0..0, value: 0..0, comma: None, line: 1, column: 1 };
        let outline = Outline::new(root);
        let chars = text.char_indices().peekable();
        Self { text, chars, line: 1, column: 0, max_depth, stack: Vec::new(), outline }
    }

    fn run(mut self) -> Result<Outline, Excess> {
        while let Some((at, c)) = self.bump() {
            let start = Start { at, line: self.line, column: self.column };
            match c {
                '{' | '[' => self.open(start, c == '[')?,
                '}' | ']' => self.close(at),
                ',' => self.comma(at),
                ':' => self.expect_key(false),
                '/' => self.comment(),
                '"' | '\'' => {
                    self.string(c);
                    self.token(start, true)?;
                }
                c if c.is_whitespace() || c == '\u{feff}' => {}
                _ => {
                    while self.chars.peek().is_some_and(|(_, c)| !ends_word(*c)) {
                        self.bump();
                    }
                    self.token(start, false)?;
                }
            }
        }
        Ok(self.outline)
    }

    fn bump(&mut self) -> Option<(usize, char)> {
        let next = self.chars.next();
        match next {
            Some((_, '\n')) => (self.line, self.column) = (self.line + 1, 0),
            Some((0, '\u{feff}')) => {}
            _ => self.column += 1,
        }
        next
    }

    fn expect_key(&mut self, expects: bool) {
        if let Some(frame) = self.stack.last_mut() {
            frame.expects_key = expects && !frame.list;
        }
    }

    fn comment(&mut self) {
        match self.chars.peek() {
            Some((_, '/')) => while self.bump().is_some_and(|(_, c)| !ends_line(c)) {},
            Some((_, '*')) => {
                self.bump();
                let mut star = false;
                while let Some((_, c)) = self.bump() {
                    if star && c == '/' {
                        break;
                    }
                    star = c == '*';
                }
            }
            _ => {}
        }
    }

    fn string(&mut self, quote: char) {
        while let Some((_, c)) = self.bump() {
            if c == '\\' {
                self.bump();
            } else if c == quote {
                break;
            }
        }
    }

    /// A string or a bare word that began at `start` and ends here: a key or a value.
    fn token(&mut self, start: Start, quoted: bool) -> Result<(), Excess> {
        let range = start.at..self.chars.peek().map_or(self.text.len(), |(at, _)| *at);
        let word = self.text.get(range.clone()).unwrap_or_default();
        if self.stack.last().is_some_and(|frame| frame.expects_key) {
            let key = if quoted { json5::from_str(word).unwrap_or_else(|_| word.to_owned()) } else { bare(word) };
            return self.key(start, range, key);
        }
        if !quoted && !is_finite(word) {
            return Err(self.excess("expected a finite number".to_owned()));
        }
        let end = range.end;
        let node = self.value(start)?;
        self.end_value(node, end);
        Ok(())
    }

    fn key(&mut self, start: Start, range: Range<usize>, key: String) -> Result<(), Excess> {
        let Some(parent) = self.stack.last().map(|frame| frame.node) else { return Ok(()) };
        let node = self.node(parent, start, range, key)?;
        if let Some(frame) = self.stack.last_mut() {
            frame.key = Some(node);
        }
        Ok(())
    }

    /// The node of the value that begins here.
    fn value(&mut self, start: Start) -> Result<usize, Excess> {
        let node = match self.stack.last_mut() {
            None => ROOT,
            Some(frame) if !frame.list => frame.key.take().unwrap_or(ROOT),
            Some(frame) => {
                let (parent, index) = (frame.node, frame.items);
                frame.items += 1;
                self.node(parent, start, start.at..start.at, index.to_string())?
            }
        };
        if let Some(frame) = self.stack.last_mut() {
            frame.last = Some(node);
        }
        if let Some(found) = self.outline.nodes.get_mut(node) {
            found.value = start.at..start.at;
            if node == ROOT {
                (found.key, found.line, found.column) = (start.at..start.at, start.line, start.column);
            }
        }
        Ok(node)
    }

    fn end_value(&mut self, node: usize, end: usize) {
        if let Some(node) = self.outline.nodes.get_mut(node) {
            node.value.end = end;
        }
    }

    fn open(&mut self, start: Start, list: bool) -> Result<(), Excess> {
        let node = self.value(start)?;
        if self.stack.len() >= self.max_depth {
            return Err(self.excess(format!("expected at most {MAX_DEPTH} levels of nesting")));
        }
        self.stack.push(Frame { node, list, items: 0, expects_key: !list, key: None, last: None });
        Ok(())
    }

    fn close(&mut self, at: usize) {
        if let Some(frame) = self.stack.pop() {
            self.end_value(frame.node, at + 1);
        }
    }

    fn comma(&mut self, at: usize) {
        self.expect_key(true);
        let last = self.stack.last_mut().and_then(|frame| frame.last.take());
        if let Some(node) = last.and_then(|last| self.outline.nodes.get_mut(last)) {
            node.comma = Some(at);
        }
    }

    fn node(&mut self, parent: usize, start: Start, range: Range<usize>, key: String) -> Result<usize, Excess> {
        let node = self.outline.nodes.len();
        if node > MAX_VALUES {
            return Err(self.excess(format!("expected at most {MAX_VALUES} values in one file")));
        }
        let value = range.end..range.end;
        let (line, column) = (start.line, start.column);
        let added = Node { parent, key: range, value, comma: None, line, column };
        if let (_, true) = self.outline.add(key.clone(), added) {
            self.outline.duplicates.push((key, start.line));
        }
        Ok(node)
    }

    fn excess(&self, expected: String) -> Excess {
        Excess { line: self.line, expected }
    }
}

/// A key without quotes, which may hold `\u` escapes all the same.
fn bare(word: &str) -> String {
    let escaped = || json5::from_str::<serde_json::Map<_, _>>(&format!("{{{word}:0}}")).ok()?.into_iter().next();
    let unescaped = if word.contains('\\') { escaped() } else { None };
    unescaped.map_or_else(|| word.to_owned(), |(key, _): (String, serde_json::Value)| key)
}

const fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '{' | '}' | '[' | ']' | ',' | ':' | '/' | '"' | '\'')
}

fn is_finite(word: &str) -> bool {
    let digits = word.trim_start_matches(['+', '-']);
    if matches!(digits, "Infinity" | "NaN") {
        return false;
    }
    let numeric = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    !(numeric && word.parse::<f64>().is_ok_and(f64::is_infinite))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(text: &str, key: &str) -> Option<usize> {
        let outline = Outline::scan(text, MAX_DEPTH).expect("within bounds");
        outline.line_of(&key.split('.').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn keys_are_found_between_comments_and_strings() {
        let text =
            "{\n // a: {\n a: { /* b: [\n */ 'b\\'': 1,\n \"c\": [ 'x', {d: \"}\" } ] },\n e: 'http://h',\n f: 2 }";
        assert_eq!(line(text, "a"), Some(3));
        assert_eq!(line(text, "a.b'"), Some(4));
        assert_eq!(line(text, "a.c.1.d"), Some(5));
        assert_eq!(line(text, "f"), Some(7));
        assert_eq!(line(text, "b"), None);
    }

    #[test]
    fn nesting_is_refused_before_the_parser_recurses() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(Outline::scan(&deep(MAX_DEPTH), MAX_DEPTH).is_ok());
        for bomb in [deep(MAX_DEPTH + 1), "[".repeat(1_000_000), "{a:".repeat(1_000_000), "[{a:".repeat(500_000)] {
            assert!(Outline::scan(&bomb, MAX_DEPTH).is_err());
        }
        let hidden = format!("/* ' */ {}", "[".repeat(200));
        assert!(Outline::scan(&hidden, MAX_DEPTH).is_err(), "a quote in a comment must not hide the nesting");
        assert!(Outline::scan(&format!("['{}']", "[".repeat(200)), MAX_DEPTH).is_ok(), "text is not nesting");
        for end in ["\n", "\r", "\r\n", "\u{2028}", "\u{2029}"] {
            let hidden = format!("// c{end}{}", "[".repeat(200));
            assert!(Outline::scan(&hidden, MAX_DEPTH).is_err(), "a comment ends where the parser ends it: {end:?}");
        }
    }

    #[test]
    fn a_million_values_are_refused() {
        assert!(Outline::scan(&format!("[{}]", "1,".repeat(1_000_000)), MAX_DEPTH).is_err());
    }

    #[test]
    fn numbers_must_be_finite() {
        for word in ["Infinity", "-Infinity", "+NaN", "1e999", "-1e999", ".1e9999"] {
            assert!(Outline::scan(&format!("{{a: {word}}}"), MAX_DEPTH).is_err(), "{word}");
        }
        assert!(Outline::scan("{Infinity: 'NaN', a: 1e3, b: 0xff}", MAX_DEPTH).is_ok());
    }

    #[test]
    fn a_key_that_stands_twice_is_seen_however_it_is_spelled() {
        let outline = Outline::scan("{a: 1,\n b: {a: 2},\n \"\\u0061\": 3}", MAX_DEPTH).expect("within bounds");
        assert_eq!(outline.duplicates, [("a".to_owned(), 3)]);
    }

    proptest! {
        #[test]
        fn whatever_the_scan_accepts_the_parser_survives(text in "[\\[\\]{}a'\",:/* \n\r\u{2028}1-]{0,400}") {
            if Outline::scan(&text, MAX_DEPTH).is_ok() {
                let _ = json5::from_str::<serde_json::Value>(&text);
            }
        }

        #[test]
        fn the_scan_never_sees_less_nesting_than_the_parser(text in "[\\[\\]{}a'\",:/* \n\r\u{2028}\\\\1]{0,60}") {
            if let Ok(value) = json5::from_str::<serde_json::Value>(&text) {
                let depth = depth(&value);
                prop_assert!(Outline::scan(&text, depth).is_ok());
                prop_assert!(depth == 0 || Outline::scan(&text, depth - 1).is_err());
            }
        }
    }

    fn depth(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
            serde_json::Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }
}
