//! Words and operators of a command, as both bash and dash read them. What the two read differently, and
//! whatever else is not understood, ends the lexing with its reason; nothing is guessed. Never expands
//! anything. Answers the classes "substitution inside double quotes", "escaped newline splits a word",
//! "expansion in a here-document".

use super::{Opaque, Tail, Word};

/// A piece of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    Newline,
    Semicolon,
    /// `&&` or `||`.
    AndOr,
    /// `|` or `|&`.
    Pipe,
    /// `!` before a command.
    Not,
    /// `<`, `>` or `>>`; the name is the next word.
    Redirect {
        write: bool,
    },
    /// `2>&1` and its like.
    Dup,
    /// A here-document or a here-string: literal text on standard input.
    Here,
}

/// A clone reads the same text again, as a loop runs it again.
#[derive(Clone)]
pub(super) struct Lexer<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    pending: Vec<HereDocument>,
    /// Loop variables and what each stands for now.
    bound: Vec<(String, Word)>,
}

#[derive(Clone)]
struct HereDocument {
    delimiter: String,
    strip_tabs: bool,
    literal: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text.chars().peekable(), pending: Vec::new(), bound: Vec::new() }
    }

    /// From here on `$name` stands for the word.
    pub(super) fn bind(&mut self, name: &str, value: &Word) {
        self.bound.push((name.to_owned(), value.clone()));
    }

    /// The last variable that was bound stands for nothing that is known.
    pub(super) fn release(&mut self) {
        self.bound.pop();
    }

    pub(super) fn is_bound(&self, name: &str) -> bool {
        self.bound.iter().any(|(bound, _)| bound == name)
    }

    /// Whether the text of a here-document is still to come.
    pub(super) fn expects_text(&self) -> bool {
        !self.pending.is_empty()
    }

    pub(super) fn token(&mut self) -> Result<Option<Token>, Opaque> {
        self.blanks()?;
        let Some(&c) = self.rest.peek() else {
            return if self.pending.is_empty() { Ok(None) } else { Err("a here-document without its end") };
        };
        match c {
            '\n' => {
                self.rest.next();
                self.here_documents()?;
                Ok(Some(Token::Newline))
            }
            ';' | '|' | '&' => self.operator(c).map(Some),
            '<' | '>' => self.redirect(None).map(Some),
            '#' => {
                while self.rest.next_if(|c| *c != '\n').is_some() {}
                self.token()
            }
            '!' if self.ahead(1).is_some_and(|c| matches!(c, ' ' | '\t')) => {
                self.rest.next();
                Ok(Some(Token::Not))
            }
            _ => self.word().map(Some),
        }
    }

    /// Blanks, and a line that goes on after a blank. An escaped newline anywhere else joins what it
    /// stands between, which is how operators and names are hidden from a reader.
    fn blanks(&mut self) -> Result<(), Opaque> {
        let mut blank = false;
        loop {
            if self.rest.next_if(|c| matches!(c, ' ' | '\t')).is_some() {
                blank = true;
            } else if self.rest.peek() == Some(&'\\') && self.ahead(1) == Some('\n') {
                if !blank || self.ahead(2).is_some_and(|c| "|&;<>()".contains(c)) || !self.pending.is_empty() {
                    return Err("a continued line");
                }
                self.rest.next();
                self.rest.next();
            } else {
                return Ok(());
            }
        }
    }

    fn ahead(&self, count: usize) -> Option<char> {
        self.rest.clone().nth(count)
    }

    fn operator(&mut self, first: char) -> Result<Token, Opaque> {
        self.rest.next();
        let doubled = self.rest.next_if_eq(&first).is_some();
        match (first, doubled) {
            // Bash takes `;&` for the end of a case, whatever comes after it.
            (';', false) if self.rest.peek() != Some(&'&') => Ok(Token::Semicolon),
            ('|', false) => {
                self.rest.next_if_eq(&'&');
                Ok(Token::Pipe)
            }
            ('|' | '&', true) if self.rest.peek() != Some(&'&') => Ok(Token::AndOr),
            ('&', false) if self.rest.peek() == Some(&'>') => self.both_to_null(),
            _ => Err("a background job or an unknown operator"),
        }
    }

    /// `&>/dev/null`: bash sends both streams there; dash runs the command beside and empties the file.
    /// With this one name both come to the same when the command ends there: to dash a word after it is the next command.
    fn both_to_null(&mut self) -> Result<Token, Opaque> {
        self.rest.next();
        self.rest.next_if_eq(&'>');
        match self.token()? {
            Some(Token::Word(word)) if word.is_plain() && word.text == "/dev/null" => {}
            _ => return Err("a background job or an unknown operator"),
        }
        match self.clone().token()? {
            None | Some(Token::Newline | Token::Semicolon | Token::AndOr | Token::Pipe) => Ok(Token::Dup),
            _ => Err("a background job or an unknown operator"),
        }
    }

    /// A redirection; `fd` is the number before it, when there was one.
    fn redirect(&mut self, fd: Option<char>) -> Result<Token, Opaque> {
        let write = self.rest.next() == Some('>');
        if !write && self.rest.next_if_eq(&'<').is_some() {
            return if fd.is_some() { Err("a descriptor operation") } else { self.here() };
        }
        if !write && self.rest.peek().is_some_and(|c| matches!(c, '>' | '&' | '(')) {
            return Err("a process substitution or a descriptor operation");
        }
        if self.rest.next_if_eq(&'&').is_some() {
            let target = self.rest.next();
            let ends = self.rest.peek().is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | ';' | '|' | '&'));
            return match target {
                Some('1' | '2') if ends && write && fd != Some('0') => Ok(Token::Dup),
                _ => Err("a descriptor operation"),
            };
        }
        if self.rest.next_if_eq(&'>').is_some() || !self.rest.peek().is_some_and(|c| matches!(c, '(' | '|')) {
            return Ok(Token::Redirect { write });
        }
        Err("a process substitution")
    }

    /// After `<<`: a here-string, or the delimiter of a here-document whose text begins on the next line.
    fn here(&mut self) -> Result<Token, Opaque> {
        if self.rest.next_if_eq(&'<').is_some() {
            return match self.token()? {
                Some(Token::Word(word)) if word.tail == Tail::None => Ok(Token::Here),
                _ => Err("a here-string"),
            };
        }
        let strip_tabs = self.rest.next_if_eq(&'-').is_some();
        self.blanks()?;
        let quote = self.rest.next_if(|c| matches!(c, '\'' | '"'));
        let mut delimiter = String::new();
        while let Some(c) = self.rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
            delimiter.push(c);
        }
        let closed = quote.is_none_or(|quote| self.rest.next_if_eq(&quote).is_some());
        let ends = self.rest.peek().is_some_and(|c| matches!(c, ' ' | '\t' | '\n' | ';' | '|' | '&' | '<' | '>'));
        if delimiter.is_empty() || !closed || !ends {
            return Err("a here-document whose end is not a plain word");
        }
        self.pending.push(HereDocument { delimiter, strip_tabs, literal: quote.is_some() });
        Ok(Token::Here)
    }

    fn here_documents(&mut self) -> Result<(), Opaque> {
        for document in std::mem::take(&mut self.pending) {
            loop {
                if self.rest.peek().is_none() {
                    return Err("a here-document without its end");
                }
                let mut line = String::new();
                while let Some(c) = self.rest.next_if(|c| *c != '\n') {
                    line.push(c);
                }
                self.rest.next();
                let shown = if document.strip_tabs { line.trim_start_matches('\t') } else { &line };
                if shown == document.delimiter {
                    break;
                }
                if !document.literal && line.contains(['$', '`', '\\']) {
                    return Err("an expansion in a here-document");
                }
            }
        }
        Ok(())
    }

    fn word(&mut self) -> Result<Token, Opaque> {
        let mut word = Word::default();
        let mut braces = Braces::default();
        while let Some(&c) = self.rest.peek() {
            match c {
                ' ' | '\t' | '\n' | ';' | '|' | '&' => break,
                '<' | '>' => {
                    let mut digits = word.text.chars();
                    match (digits.next(), digits.next()) {
                        (Some(fd @ ('0' | '1' | '2')), None) if !word.quoted => return self.redirect(Some(fd)),
                        _ if word.text.chars().all(|c| c.is_ascii_digit()) => return Err("a descriptor operation"),
                        // To bash it is the name of a variable, which is set to the descriptor.
                        _ if word.text.starts_with('{') && word.text.ends_with('}') => {
                            return Err("a descriptor operation");
                        }
                        _ => break,
                    }
                }
                '\'' => {
                    self.rest.next();
                    word.quoted = true;
                    self.single_quoted(&mut word)?;
                }
                '"' => {
                    self.rest.next();
                    word.quoted = true;
                    self.double_quoted(&mut word)?;
                }
                '\\' => {
                    self.rest.next();
                    word.quoted = true;
                    match self.rest.next() {
                        Some('\n') => return Err("a continued line"),
                        Some(escaped) => word.text.push(escaped),
                        None => return Err("a trailing backslash"),
                    }
                }
                '$' => self.dollar(&mut word, false)?,
                '`' => return Err("an expansion"),
                '(' | ')' => return Err("a shell construct"),
                '\0'..='\u{1f}' | '\u{7f}' => return Err("a control character"),
                _ => {
                    self.rest.next();
                    word.glob |= matches!(c, '*' | '?' | '[');
                    if c == '~' && word.text.is_empty() && !word.quoted {
                        self.tilde(&mut word)?;
                        continue;
                    }
                    // Bash expands it in any argument that reads as an assignment.
                    if c == '~' && word.assigns && word.text.ends_with(['=', ':']) {
                        return Err("an expansion");
                    }
                    braces.see(c);
                    word.assigns |= c == '=' && !word.quoted && !word.bound && is_name(&word.text);
                    word.text.push(c);
                }
            }
        }
        if !word.quoted && matches!(word.text.as_str(), "{" | "}" | "!") {
            return Err("a shell construct");
        }
        if braces.expand() {
            return Err("a brace expansion");
        }
        // A variable that may be empty gives way to what stands after it, and so it could make an option.
        if word.tail == Tail::Unknown && word.text.starts_with(['-', '$']) && !word.is_one_variable() {
            return Err("an expansion");
        }
        Ok(Token::Word(word))
    }

    /// Only `~` and `~/…`: the pinned home.
    fn tilde(&mut self, word: &mut Word) -> Result<(), Opaque> {
        if !self.rest.peek().is_none_or(|c| matches!(c, '/' | ' ' | '\t' | '\n' | ';' | '|' | '&')) {
            return Err("an expansion");
        }
        word.text.push('~');
        word.tail = word.tail.max(Tail::Path);
        Ok(())
    }

    fn single_quoted(&mut self, word: &mut Word) -> Result<(), Opaque> {
        while let Some(c) = self.rest.next() {
            if c == '\'' {
                return Ok(());
            }
            self.quoted_char(c)?;
            word.text.push(c);
        }
        Err("an open quote")
    }

    fn double_quoted(&mut self, word: &mut Word) -> Result<(), Opaque> {
        while let Some(&c) = self.rest.peek() {
            if c == '$' {
                self.dollar(word, true)?;
                continue;
            }
            self.rest.next();
            match c {
                '"' => return Ok(()),
                '`' => return Err("an expansion"),
                '\\' => match self.rest.next() {
                    Some(escaped @ ('"' | '\\' | '$' | '`')) => word.text.push(escaped),
                    Some('\n') => return Err("a continued line"),
                    Some(other) => word.text.extend(['\\', other]),
                    None => return Err("an open quote"),
                },
                _ => {
                    self.quoted_char(c)?;
                    word.text.push(c);
                }
            }
        }
        Err("an open quote")
    }

    /// Where the text of a here-document begins when a quote holds a newline is not the same in every shell.
    fn quoted_char(&self, c: char) -> Result<(), Opaque> {
        if c == '\n' && !self.pending.is_empty() { Err("a here-document") } else { Ok(()) }
    }

    /// After a `$`: a literal one, a harmless variable, or an end to the analysis.
    fn dollar(&mut self, word: &mut Word, quoted: bool) -> Result<(), Opaque> {
        self.rest.next();
        let next = self.rest.peek().copied();
        let starts = |c: char| c.is_ascii_alphanumeric() || "_{([@*#?$!-".contains(c) || !quoted && "'\"".contains(c);
        if !next.is_some_and(starts) {
            word.text.push('$');
            return Ok(());
        }
        if let Some(c @ ('?' | '#' | '$')) = next {
            self.rest.next();
            word.text.extend(['$', c]);
            word.tail = word.tail.max(Tail::Unknown);
            return Ok(());
        }
        let braced = self.rest.next_if_eq(&'{').is_some();
        let mut name = String::new();
        while let Some(c) = self.rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
        }
        if braced && self.rest.next_if_eq(&'}').is_none() {
            return Err("an expansion");
        }
        if let Some((_, value)) = self.bound.iter().find(|(bound, _)| *bound == name) {
            return substitute(word, value, quoted);
        }
        let tail = if PATHS.contains(&name.as_str()) {
            if quoted { Tail::Path } else { Tail::Split }
        } else if quoted && NAMES.contains(&name.as_str()) {
            Tail::Unknown
        } else {
            return Err("an expansion");
        };
        word.tail = word.tail.max(tail);
        word.text.push('$');
        word.text.push_str(&name);
        Ok(())
    }
}

/// Puts the value of a loop variable in its place. Unquoted it would be split and matched again: only a value of which
/// nothing of that can come is known then.
fn substitute(word: &mut Word, value: &Word, quoted: bool) -> Result<(), Opaque> {
    let inert = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=".contains(c);
    if !quoted && (value.glob || !value.text.chars().all(inert)) {
        return Err("an expansion that may become several words");
    }
    if word.text.len() > MAX_SUBSTITUTED {
        return Err("an expansion");
    }
    word.bound = true;
    word.glob |= value.glob;
    word.text.push_str(&value.text);
    Ok(())
}

/// How long a word may get by what its variables stand for.
const MAX_SUBSTITUTED: usize = 1024;

/// A name that a variable can have.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether unquoted braces of a word could be expanded: bash expands a list or a range.
#[derive(Default)]
struct Braces {
    open: bool,
    comma: bool,
    dots: u8,
    range: bool,
}

impl Braces {
    fn see(&mut self, c: char) {
        self.open |= c == '{';
        self.comma |= c == ',';
        self.dots = if c == '.' { self.dots.saturating_add(1) } else { 0 };
        self.range |= self.dots >= 2;
    }

    const fn expand(&self) -> bool {
        self.open && (self.comma || self.range)
    }
}

/// Never empty, and always an absolute path: the home that the gateway pins, the working directory.
const PATHS: &[&str] = &["HOME", "PWD"];

/// Set by the shell or by nobody: no request can choose their value. Only inside quotes.
const NAMES: &[&str] = &["USER", "LOGNAME", "OLDPWD", "SHELL", "HOSTNAME", "UID", "EUID", "PPID"];
