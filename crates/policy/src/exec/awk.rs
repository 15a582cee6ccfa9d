//! awk programs that only print. A bounded tokenizer reads strings and regular expressions as data, so that `|` in a
//! separator and `system` in a pattern are no code, and everything that starts a program, opens a file or calls by name is
//! refused where it is code. Where awks differ on what a slash begins, nothing is guessed. Answers the class "awk treated as
//! read-only": `print | "sh"`, `"id" | getline`, `system()`, `@include`, `@f()`, `print > "file"`.

use super::arguments::Why;
use crate::command::{Tail, Word};

/// An awk call whose program only prints.
pub(super) fn judge(arguments: &[Word]) -> Result<(), Why> {
    let mut words = arguments.iter();
    let mut program = None;
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        match text {
            "-F" => {
                words.next().filter(|separator| separator.is_plain()).ok_or(AWK)?;
            }
            "-v" => assignment(words.next().ok_or(AWK)?)?,
            _ if text.starts_with("-F") && word.is_plain() => {}
            _ if text.starts_with('-') => return Err(AWK),
            _ => {
                program = Some(word);
                break;
            }
        }
    }
    let program = program.ok_or(AWK)?;
    if !program.is_plain() || words.any(|word| word.text.contains("/inet") || word.tail == Tail::Split) {
        return Err(AWK);
    }
    if prints(&program.text) { Ok(()) } else { Err(AWK) }
}

/// A variable that is set to plain text.
fn assignment(word: &Word) -> Result<(), Why> {
    if word.is_plain() && !word.text.contains(['/', '\\']) { Ok(()) } else { Err(AWK) }
}

/// What came before, as far as it says what a slash begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// A pattern, an action or an operand begins here.
    Start,
    /// The word `print`, which may end here or have an operand.
    Print,
    /// A word of the language; a parenthesis after it holds a condition.
    Keyword,
    /// A variable, a number or a subscript: a slash divides.
    Operand,
    /// Awks differ.
    Unclear,
}

fn prints(program: &str) -> bool {
    program.len() <= MAX_PROGRAM && Reader::of(program).reads()
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    before: Before,
    /// Inside a print statement, where `>` opens a file.
    print: bool,
    /// What each open parenthesis leaves behind when it closes.
    open: Vec<Before>,
}

impl<'a> Reader<'a> {
    fn of(program: &'a str) -> Self {
        Self { rest: program.chars().peekable(), before: Before::Start, print: false, open: Vec::new() }
    }

    fn reads(mut self) -> bool {
        while let Some(c) = self.rest.next() {
            if !self.token(c) {
                return false;
            }
        }
        true
    }

    fn token(&mut self, c: char) -> bool {
        match c {
            ' ' | '\t' => return true,
            '#' => {
                while self.rest.next_if(|c| *c != '\n').is_some() {}
                return true;
            }
            '\n' => {
                // After an operator the statement goes on.
                if self.print && self.before == Before::Start {
                    return false;
                }
                self.print = false;
                self.before = Before::Start;
            }
            ';' | '{' | '}' => {
                self.print = false;
                self.before = Before::Start;
            }
            '"' => {
                self.before = Before::Unclear;
                return self.string();
            }
            '/' => match self.before {
                Before::Start | Before::Print => {
                    self.before = Before::Unclear;
                    return self.regex();
                }
                Before::Operand => {
                    self.rest.next_if_eq(&'=');
                    self.before = Before::Start;
                }
                Before::Unclear | Before::Keyword => return false,
            },
            '|' => {
                self.before = Before::Start;
                return self.rest.next_if_eq(&'|').is_some() && self.rest.peek() != Some(&'|');
            }
            '>' if self.print => return false,
            '+' | '-' if self.rest.next_if_eq(&c).is_some() => self.before = Before::Unclear,
            '$' => self.before = Before::Unclear,
            '(' => {
                let group = matches!(self.before, Before::Start | Before::Operand);
                self.open.push(if group { Before::Operand } else { Before::Unclear });
                self.before = Before::Start;
            }
            ')' => self.before = self.open.pop().unwrap_or(Before::Unclear),
            ']' => self.before = Before::Operand,
            '[' | ',' | '!' | '~' | '?' | ':' | '=' | '<' | '>' | '+' | '-' | '*' | '%' | '^' => {
                self.before = Before::Start;
            }
            '&' => {
                self.before = Before::Start;
                return self.rest.next_if_eq(&'&').is_some();
            }
            '0'..='9' | '.' => {
                while self.rest.next_if(|c| c.is_ascii_digit() || *c == '.').is_some() {}
                self.before = Before::Operand;
                // A name may follow at once, and awks differ on which letters belong to the number.
                return !self.rest.peek().is_some_and(|c| c.is_alphanumeric() || *c == '_');
            }
            'a'..='z' | 'A'..='Z' | '_' => return self.name(c),
            _ => return false,
        }
        true
    }

    fn name(&mut self, first: char) -> bool {
        let mut name = String::from(first);
        while let Some(c) = self.rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
        }
        let mut ahead = self.rest.clone();
        while ahead.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
        let calls = ahead.peek() == Some(&'(');
        match name.as_str() {
            "print" | "printf" => {
                self.print = true;
                self.before = Before::Print;
            }
            _ if FORBIDDEN.contains(&name.as_str()) => return false,
            _ if KEYWORDS.contains(&name.as_str()) => self.before = Before::Keyword,
            // Without its parentheses, too: what follows is then unclear.
            "length" => self.before = if calls { Before::Operand } else { Before::Unclear },
            // Only what is known to compute may be called; a concatenation with a group is rare enough to ask.
            _ if calls => {
                self.before = Before::Operand;
                return FUNCTIONS.contains(&name.as_str());
            }
            _ => self.before = Before::Operand,
        }
        true
    }

    fn string(&mut self) -> bool {
        while let Some(c) = self.rest.next() {
            match c {
                '"' => return true,
                '\\' if self.rest.next().is_none_or(|c| c == '\n') => return false,
                '\n' => return false,
                _ => {}
            }
        }
        false
    }

    /// The text up to an unescaped slash. Awks differ on a slash inside brackets and on where brackets end, so only
    /// plain sets and named classes are read; and on `/=`, which begins no expression here.
    fn regex(&mut self) -> bool {
        if matches!(self.rest.peek(), Some('=' | '/')) {
            return false;
        }
        while let Some(c) = self.rest.next() {
            match c {
                '/' => return true,
                '\\' if self.rest.next().is_none_or(|c| c == '\n') => return false,
                '[' if !self.brackets() => return false,
                '\n' => return false,
                _ => {}
            }
        }
        false
    }

    fn brackets(&mut self) -> bool {
        self.rest.next_if_eq(&'^');
        if self.rest.peek() == Some(&']') {
            return false;
        }
        while let Some(c) = self.rest.next() {
            match c {
                ']' => return true,
                '/' | '\n' => return false,
                '\\' if self.rest.next().is_none_or(|c| matches!(c, '\n' | '/' | ']' | '[')) => return false,
                '[' => {
                    let mut class = String::new();
                    while let Some(c) = self.rest.next_if(|c| c.is_ascii_alphabetic() || *c == ':') {
                        class.push(c);
                    }
                    let named = class.len() > 2 && class.starts_with(':') && class.ends_with(':');
                    if !named || self.rest.next() != Some(']') {
                        return false;
                    }
                }
                _ => {}
            }
        }
        false
    }
}

const AWK: Why = "the awk program is not known only to print";

const MAX_PROGRAM: usize = 4096;

/// What runs or opens; and what names the files that are read next, which some awks take for connections.
const FORBIDDEN: &[&str] = &[
    "getline", "system", "close", "fflush", "function", "func", "BEGINFILE", "ENDFILE", "ARGV", "ARGC", "SYMTAB",
    "FUNCTAB", "PROCINFO",
];

/// Words of the language after which awks differ on what a slash begins.
const KEYWORDS: &[&str] = &[
    "BEGIN", "END", "if", "else", "while", "for", "do", "in", "next", "nextfile", "exit", "delete", "break",
    "continue", "return",
];

const FUNCTIONS: &[&str] = &[
    "substr", "index", "split", "sub", "gsub", "gensub", "match", "sprintf", "sin", "cos", "atan2", "exp", "log",
    "sqrt", "int", "rand", "srand", "tolower", "toupper", "strftime", "systime", "mktime", "asort", "asorti", "and",
    "or", "xor", "lshift", "rshift", "compl", "strtonum",
];
