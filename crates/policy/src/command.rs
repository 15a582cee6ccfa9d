//! A shell command as facts: which programs it runs, with which words, which files it redirects to.
//!
//! A conservative subset of the shell is understood: words with quotes, `; && || |` and newlines, and
//! redirections with literal names. Everything else makes the analysis opaque, and what is opaque asks
//! or is refused, never passes. Bounded in size; it has no recursion, so hostile nesting costs nothing.

/// The longest command that is analysed, in bytes.
pub const MAX_COMMAND: usize = 32 * 1024;

/// What is known of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    /// The simple commands, in order. Complete only when `opaque` is `None`.
    pub commands: Vec<Simple>,
    /// Why the command is not fully understood.
    pub opaque: Option<&'static str>,
}

/// One program with its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simple {
    /// The program word and its arguments, quotes removed.
    pub words: Vec<String>,
    /// Files that are written to, as named.
    pub writes: Vec<String>,
    /// Files that are read from by redirection, as named.
    pub reads: Vec<String>,
}

/// Analyses a command. Total: any text has an answer.
#[must_use]
pub fn analyze(command: &str) -> Analysis {
    if command.len() > MAX_COMMAND {
        return Analysis { commands: Vec::new(), opaque: Some("more than 32 KiB of text") };
    }
    let mut lexer = Lexer { rest: command.chars().peekable() };
    let mut analysis = Analysis { commands: Vec::new(), opaque: None };
    if let Err(why) = parse(&mut lexer, &mut analysis.commands) {
        analysis.opaque = Some(why);
    }
    analysis
}

impl Analysis {
    /// The program word of each simple command.
    pub fn programs(&self) -> impl Iterator<Item = &str> {
        self.commands.iter().filter_map(|command| command.words.first()).map(String::as_str)
    }

    /// Words that may name a file whose bytes decide what runs. For a command that is not understood,
    /// every piece of it, also below each folder that it changes into. `None` when there are more than
    /// can be bound: a part of them would let the rest be swapped after the approval.
    #[must_use]
    pub fn operands(&self, command: &str) -> Option<Vec<String>> {
        let mut found: Vec<String> = if self.opaque.is_some() {
            let pieces = pieces(command);
            let entered = pieces.iter().zip(pieces.iter().skip(1)).filter(|(word, _)| ENTERS.contains(word));
            let folders: Vec<&str> = entered.map(|(_, folder)| *folder).collect();
            if pieces.len() > MAX_OPERANDS || pieces.len() * folders.len() > MAX_OPERANDS {
                return None;
            }
            let below = folders.iter().flat_map(|folder| pieces.iter().map(move |piece| format!("{folder}/{piece}")));
            let nested = folders.windows(2).map(|pair| pair.join("/"));
            let nested: Vec<String> =
                nested.flat_map(|folder| pieces.iter().map(move |piece| format!("{folder}/{piece}"))).collect();
            below.chain(nested).chain(pieces.iter().map(|piece| (*piece).to_owned())).collect()
        } else {
            let words = self.commands.iter().flat_map(|command| command.words.iter());
            let reads = self.commands.iter().flat_map(|command| command.reads.iter());
            let values = |word: &String| word.split_once('=').map(|(_, value)| value.to_owned());
            let words: Vec<String> = words.chain(reads).cloned().collect();
            words.iter().filter_map(values).chain(words.iter().cloned()).collect()
        };
        found.sort();
        found.dedup();
        (found.len() <= MAX_OPERANDS).then_some(found)
    }

    /// The folders whose files a pattern in the command may stand for.
    #[must_use]
    pub fn patterns(&self, command: &str) -> Vec<String> {
        let named = |piece: &&str| piece.contains(GLOBS);
        let folder = |piece: &str| {
            let literal = piece.split(GLOBS).next().unwrap_or_default();
            literal.rsplit_once('/').map_or_else(|| ".".to_owned(), |(folder, _)| format!("{folder}/"))
        };
        let words = command.split(|c: char| c.is_whitespace() || "'\"`$(){}<>|&;=,\\".contains(c));
        let mut folders: Vec<String> = words.filter(named).map(folder).collect();
        folders.sort();
        folders.dedup();
        folders
    }
}

fn pieces(command: &str) -> Vec<&str> {
    let breaks = |c: char| c.is_whitespace() || "'\"`$(){}[]<>|&;=,\\".contains(c);
    let mut pieces: Vec<&str> = Vec::new();
    for piece in command.split(breaks).filter(|piece| !piece.is_empty()) {
        // Two folders entered one after the other keep their order; a piece that repeats adds nothing.
        if !pieces.contains(&piece)
            || pieces.last().is_some_and(|last| ENTERS.contains(last))
            || ENTERS.contains(&piece)
        {
            pieces.push(piece);
        }
        if pieces.len() > MAX_OPERANDS {
            break;
        }
    }
    pieces
}

/// Files that one approval can bind.
const MAX_OPERANDS: usize = 256;
/// Simple commands and words in one command, beyond which it is not analysed.
const MAX_COMMANDS: usize = 64;
const MAX_WORDS: usize = 1024;
/// Words before a folder in which what follows is looked up.
const ENTERS: &[&str] = &["cd", "pushd", "chdir", "-C", "--directory", "--chdir", "--cwd"];
const GLOBS: [char; 3] = ['*', '?', '['];

type Opaque = &'static str;

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word { text: String, quoted: bool },
    Separator,
    Redirect { write: bool },
    DupFd,
}

struct Lexer<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
}

fn parse(lexer: &mut Lexer<'_>, commands: &mut Vec<Simple>) -> Result<(), Opaque> {
    let mut current = Simple::default();
    let mut after_operator = true;
    let mut words = 0_usize;
    while let Some(token) = lexer.token()? {
        words += 1;
        if words > MAX_WORDS || commands.len() > MAX_COMMANDS {
            return Err("more than 64 commands or 1024 words");
        }
        match token {
            Token::Word { text, quoted } => {
                if current.words.is_empty() {
                    judge_program_word(&text, quoted)?;
                }
                current.words.push(text);
                after_operator = false;
            }
            Token::Redirect { write } => {
                let Some(Token::Word { text, .. }) = lexer.token()? else { return Err("a redirection without a name") };
                if write { current.writes.push(text) } else { current.reads.push(text) }
            }
            Token::DupFd => {}
            Token::Separator => {
                if current.words.is_empty() {
                    return Err("an empty command");
                }
                commands.push(std::mem::take(&mut current));
                after_operator = true;
            }
        }
    }
    if !current.words.is_empty() {
        commands.push(current);
    } else if after_operator || !current.writes.is_empty() || !current.reads.is_empty() {
        return Err("an empty command");
    }
    Ok(())
}

fn judge_program_word(text: &str, quoted: bool) -> Result<(), Opaque> {
    if text.is_empty() {
        return Err("an empty program name");
    }
    // An assignment before a program changes what the program does (loader and interpreter variables).
    if text.contains('=') {
        return Err("an assignment");
    }
    if text.contains(['*', '?', '[', '~']) {
        return Err("a program named by a pattern");
    }
    if !quoted && RESERVED.contains(&text) || BUILTINS.contains(&text) {
        return Err("a shell construct");
    }
    Ok(())
}

impl Lexer<'_> {
    fn token(&mut self) -> Result<Option<Token>, Opaque> {
        while self.rest.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
        let Some(&c) = self.rest.peek() else { return Ok(None) };
        match c {
            '\n' | ';' | '|' | '&' => self.operator(),
            '<' | '>' => self.redirect(None),
            '#' => Err("a comment"),
            _ => self.word(),
        }
    }

    fn operator(&mut self) -> Result<Option<Token>, Opaque> {
        let first = self.rest.next();
        let doubled = first.is_some_and(|c| self.rest.next_if_eq(&c).is_some());
        match (first, doubled) {
            (Some('\n' | ';'), false) => {
                // `;` and newlines may end a command list; only what is between two of them must not be empty.
                while self.rest.next_if(|c| matches!(c, ' ' | '\t' | '\n')).is_some() {}
                Ok(self.rest.peek().is_some().then_some(Token::Separator))
            }
            (Some('|'), _) if self.rest.peek() == Some(&'&') => Err("a pipe of errors"),
            (Some('|'), _) | (Some('&'), true) => {
                while self.rest.next_if(|c| matches!(c, ' ' | '\t' | '\n')).is_some() {}
                if self.rest.peek().is_none() {
                    Err("an operator without a command")
                } else {
                    Ok(Some(Token::Separator))
                }
            }
            (Some('\n'), true) => {
                while self.rest.next_if(|c| matches!(c, ' ' | '\t' | '\n')).is_some() {}
                Ok(self.rest.peek().is_some().then_some(Token::Separator))
            }
            _ => Err("a background job or an unknown operator"),
        }
    }

    /// A redirection; `fd` is the number before it, when there was one.
    fn redirect(&mut self, fd: Option<char>) -> Result<Option<Token>, Opaque> {
        let write = self.rest.next() == Some('>');
        if !write && self.rest.peek().is_some_and(|c| matches!(c, '<' | '>' | '&' | '(')) {
            return Err("a here-document or a process substitution");
        }
        if self.rest.next_if_eq(&'&').is_some() {
            let target = self.rest.next();
            let ends = self.rest.peek().is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | ';' | '|' | '&'));
            return match target {
                Some('1' | '2') if ends && fd != Some('0') => Ok(Some(Token::DupFd)),
                _ => Err("a descriptor operation"),
            };
        }
        if self.rest.next_if_eq(&'>').is_some() || self.rest.peek() != Some(&'(') && self.rest.peek() != Some(&'|') {
            return Ok(Some(Token::Redirect { write }));
        }
        Err("a process substitution")
    }

    fn word(&mut self) -> Result<Option<Token>, Opaque> {
        let (mut text, mut quoted) = (String::new(), false);
        while let Some(&c) = self.rest.peek() {
            match c {
                ' ' | '\t' | '\n' | ';' | '|' | '&' => break,
                '<' | '>' => {
                    let mut digits = text.chars();
                    return match (digits.next(), digits.next()) {
                        (Some(fd @ ('0' | '1' | '2')), None) if !quoted => self.redirect(Some(fd)),
                        _ if text.chars().all(|c| c.is_ascii_digit()) => Err("a descriptor operation"),
                        _ => Ok(Some(Token::Word { text, quoted })),
                    };
                }
                '\'' => {
                    self.rest.next();
                    quoted = true;
                    self.single_quoted(&mut text)?;
                }
                '"' => {
                    self.rest.next();
                    quoted = true;
                    self.double_quoted(&mut text)?;
                }
                '\\' => {
                    self.rest.next();
                    quoted = true;
                    let escaped = self.rest.next().ok_or("a trailing backslash")?;
                    if escaped == '\n' {
                        return Err("a continued line");
                    }
                    text.push(escaped);
                }
                '$' | '`' => return Err("an expansion"),
                '*' | '?' | '[' => return Err("a file name pattern"),
                '~' if text.is_empty() && !quoted => return Err("a home directory"),
                '(' | ')' | '{' | '}' | '!' => return Err("a shell construct"),
                '\0'..='\u{1f}' | '\u{7f}' => return Err("a control character"),
                _ => {
                    self.rest.next();
                    text.push(c);
                }
            }
        }
        Ok(Some(Token::Word { text, quoted }))
    }

    fn single_quoted(&mut self, text: &mut String) -> Result<(), Opaque> {
        for c in self.rest.by_ref() {
            if c == '\'' {
                return Ok(());
            }
            text.push(c);
        }
        Err("an open quote")
    }

    fn double_quoted(&mut self, text: &mut String) -> Result<(), Opaque> {
        while let Some(c) = self.rest.next() {
            match c {
                '"' => return Ok(()),
                '$' | '`' => return Err("an expansion"),
                '\\' => match self.rest.next() {
                    Some(escaped @ ('"' | '\\' | '$' | '`')) => text.push(escaped),
                    Some('\n') => return Err("a continued line"),
                    Some(other) => text.extend(['\\', other]),
                    None => return Err("an open quote"),
                },
                _ => text.push(c),
            }
        }
        Err("an open quote")
    }
}

const RESERVED: &[&str] = &[
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "in", "select",
    "function", "time", "coproc", "[[",
];

/// Builtins that run, define or change something that later words mean.
const BUILTINS: &[&str] = &[
    "eval", "exec", "source", ".", "command", "builtin", "alias", "unalias", "export", "declare", "typeset", "local",
    "readonly", "set", "shopt", "trap", "enable", "hash", "unset", "read", "mapfile", "readarray", "printf", "wait",
    "bind", "complete", "umask", "ulimit", "pushd", "popd", "cd", "let",
];

#[cfg(test)]
#[path = "command/tests.rs"]
mod tests;
