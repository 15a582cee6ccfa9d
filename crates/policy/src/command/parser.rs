//! Lists of commands: pipelines, `if … then … else … fi`, and `for NAME in WORDS; do … done`. Every branch is analysed, for any
//! may be taken; a loop is read once for each of its words, with the word in the place of its variable, so that what is judged
//! is what runs. Whatever else has a reserved word ends the analysis. Answers the classes "loop variable is the search path",
//! "loop variable becomes an option", "condition runs a program".

use super::lexer::{Lexer, Token};
use super::{Opaque, Role, Simple, Tail, Word, finish};

/// Reads a whole text into the list of its simple commands.
pub(super) fn parse(text: &str, depth: usize, fed: bool, commands: &mut Vec<Simple>) -> Result<(), Opaque> {
    let small = text.len() <= MAX_CONSTRUCT;
    let lexer = Lexer::new(text);
    Parser { lexer, depth, small, fed, nested: 0, tokens: 0, turns: 0, commands }.list(&[]).map(|_| ())
}

struct Parser<'a, 'c> {
    lexer: Lexer<'a>,
    /// How many wrappers the text stands in.
    depth: usize,
    /// The text is short enough to be read again and again.
    small: bool,
    /// What is around it has a standard input that the command names.
    fed: bool,
    /// How many constructs are open.
    nested: usize,
    tokens: usize,
    /// How often a loop was read.
    turns: usize,
    commands: &'c mut Vec<Simple>,
}

/// What stands between the last operator and here.
#[derive(Default)]
struct State {
    current: Simple,
    /// What the last operator needs: a command after it.
    wanted: bool,
    /// The command has text on its standard input, or a stream sent into another.
    here: bool,
    /// The command has text on its standard input, or the output of the one before.
    fed: bool,
    /// A construct ended here, and only an operator can follow.
    closed: bool,
    /// There was a command at all.
    any: bool,
    /// A negation may not stand here: there was one, or this is not the start of a pipeline.
    negated: bool,
}

impl State {
    fn is_start(&self) -> bool {
        self.current == Simple::default() && !self.here && !self.closed
    }
}

impl Parser<'_, '_> {
    /// Reads commands up to one of the reserved words, or to the end of the text when there are none.
    fn list(&mut self, ends: &'static [&'static str]) -> Result<&'static str, Opaque> {
        let mut state = State::default();
        while let Some(token) = self.next()? {
            if state.closed && !matches!(token, Token::Newline | Token::Semicolon | Token::AndOr | Token::Pipe) {
                return Err("a shell construct");
            }
            match token {
                Token::Word(word) if state.is_start() && is_reserved(&word) => {
                    if let Some(end) = ends.iter().find(|end| **end == word.text) {
                        return if state.wanted || !state.any { Err("an empty command") } else { Ok(end) };
                    }
                    let outer = self.fed;
                    self.fed |= state.fed;
                    self.construct(&word.text)?;
                    self.fed = outer;
                    state = State { closed: true, any: true, ..State::default() };
                }
                Token::Word(word) if word.assigns && state.current.words.is_empty() => {
                    state.current.variables.extend(variable(&word));
                    state.wanted = false;
                }
                Token::Word(word) => {
                    state.current.words.push(word);
                    state.wanted = false;
                }
                Token::Redirect { write } => {
                    let Some(Token::Word(name)) = self.next()? else { return Err("a redirection without a name") };
                    if name.bound {
                        return Err("a redirection to a name that changes");
                    }
                    if write { state.current.writes.push(name) } else { state.current.reads.push(name) }
                }
                Token::Here if self.nested > 0 => return Err("a here-document"),
                Token::Dup => state.here = true,
                Token::Here => (state.here, state.fed) = (true, true),
                Token::Not if state.is_start() => {
                    if std::mem::replace(&mut state.negated, true) {
                        return Err("a shell construct");
                    }
                    state.wanted = true;
                }
                Token::Not => state.current.words.push(Word { text: "!".to_owned(), ..Word::default() }),
                Token::Newline if state.is_start() => {}
                Token::Newline | Token::Semicolon | Token::AndOr | Token::Pipe => {
                    let (wanted, negated) = (matches!(token, Token::AndOr | Token::Pipe), token == Token::Pipe);
                    if !state.closed {
                        self.finish(std::mem::take(&mut state.current), state.fed)?;
                    }
                    let fed = token == Token::Pipe;
                    state = State { wanted, negated, fed, any: true, ..State::default() };
                }
            }
        }
        if !ends.is_empty() {
            return Err("an open construct");
        }
        if state.closed {
            return Ok("");
        }
        if state.is_start() {
            // The text of a shell may be empty.
            return if state.wanted || self.commands.is_empty() { Err("an empty command") } else { Ok("") };
        }
        self.finish(state.current, state.fed).map(|()| "")
    }

    fn next(&mut self) -> Result<Option<Token>, Opaque> {
        self.tokens += 1;
        if self.tokens > MAX_WORDS || self.commands.len() > MAX_COMMANDS {
            return Err("more than 64 commands or 1024 words");
        }
        self.lexer.token()
    }

    fn finish(&mut self, mut simple: Simple, fed: bool) -> Result<(), Opaque> {
        let from = self.commands.len();
        simple.fed = fed || self.fed || !simple.reads.is_empty();
        finish(simple, self.depth, self.commands)?;
        // Whether it happens, and from where the next is looked up, would hang on more than the words.
        let moves = |simple: &Simple| simple.role == Role::ChangeFolder;
        if self.nested > 0 && self.commands.iter().skip(from).any(moves) {
            return Err("a change of folder in a construct");
        }
        Ok(())
    }

    fn construct(&mut self, word: &str) -> Result<(), Opaque> {
        if !self.small || self.nested >= MAX_NESTED || self.lexer.expects_text() {
            return Err("a shell construct");
        }
        self.nested += 1;
        match word {
            "if" => self.condition()?,
            "for" => self.iteration()?,
            _ => return Err("a shell construct"),
        }
        self.nested -= 1;
        Ok(())
    }

    fn condition(&mut self) -> Result<(), Opaque> {
        loop {
            self.list(&["then"])?;
            match self.list(&["elif", "else", "fi"])? {
                "elif" => {}
                "else" => return self.list(&["fi"]).map(|_| ()),
                _ => return Ok(()),
            }
        }
    }

    fn iteration(&mut self) -> Result<(), Opaque> {
        let name = self.plain_word()?;
        if !is_loop_variable(&name) || self.lexer.is_bound(&name) || self.plain_word()? != "in" {
            return Err("a loop over what the words do not tell");
        }
        let values = self.values()?;
        let mut opening = self.next()?;
        while opening == Some(Token::Newline) {
            opening = self.next()?;
        }
        if !matches!(opening, Some(Token::Word(word)) if is_reserved(&word) && word.text == "do") {
            return Err("a shell construct");
        }
        let body = self.lexer.clone();
        for value in &values {
            self.turns += 1;
            if self.turns > MAX_TURNS {
                return Err("a loop of more than 16 turns");
            }
            self.lexer = body.clone();
            self.lexer.bind(&name, value);
            self.list(&["done"])?;
            self.lexer.release();
        }
        Ok(())
    }

    /// The words of a loop, up to the separator.
    fn values(&mut self) -> Result<Vec<Word>, Opaque> {
        let mut values = Vec::new();
        loop {
            match self.next()? {
                Some(Token::Word(word)) if is_value(&word) => values.push(word),
                Some(Token::Semicolon | Token::Newline) => break,
                _ => return Err("a loop over what the words do not tell"),
            }
        }
        if values.is_empty() || values.len() > MAX_VALUES {
            return Err("a loop over no word, or over more than 16");
        }
        Ok(values)
    }

    fn plain_word(&mut self) -> Result<String, Opaque> {
        match self.next()? {
            Some(Token::Word(word)) if word.is_plain() && !word.quoted && !word.bound => Ok(word.text),
            _ => Err("a shell construct"),
        }
    }
}

/// A word that opens, continues or ends a construct where a command begins.
fn is_reserved(word: &Word) -> bool {
    !word.quoted && !word.bound && RESERVED.contains(&word.text.as_str())
}

/// A name in small letters, which no shell and no program gives a meaning.
fn is_loop_variable(name: &str) -> bool {
    name.len() <= 16
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name != "histchars"
}

/// A literal word, or a pattern whose names begin as it does.
fn is_value(word: &Word) -> bool {
    word.tail == Tail::None && !word.text.is_empty() && word.text.len() <= MAX_VALUE
}

/// `NAME=value` as a variable.
fn variable(word: &Word) -> Option<(String, Word)> {
    let (name, value) = word.text.split_once('=')?;
    Some((name.to_owned(), Word { text: value.to_owned(), ..word.clone() }))
}

const RESERVED: &[&str] = &["if", "then", "elif", "else", "fi", "for", "do", "done"];

/// Simple commands and words in one command, beyond which it is not analysed.
const MAX_COMMANDS: usize = 64;
const MAX_WORDS: usize = 1024;
/// Constructs inside each other.
const MAX_NESTED: usize = 3;
/// Turns of all loops together: each is judged by itself, and that takes its time. Words of a loop, and bytes of one.
const MAX_TURNS: usize = 16;
const MAX_VALUES: usize = 16;
const MAX_VALUE: usize = 256;
/// The longest text in which constructs are read, in bytes.
const MAX_CONSTRUCT: usize = 4096;
