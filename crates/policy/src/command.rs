//! A shell command as facts: which programs it runs, with which words, which files it redirects to, which
//! variables it sets, through which wrappers.
//!
//! A subset of the shell is understood, the part that bash and dash read alike: words with quotes, `; && || |`,
//! newlines, redirections with literal names, here-documents without expansion, the few variables whose value no
//! request can choose, `if`, and `for` over words that stand in it. Everything else makes the analysis opaque, and what is opaque asks or is refused, never
//! passes. Bounded in size and in depth. Answers the class "exec-parse".

mod builtins;
mod lexer;
mod parser;
mod wrappers;

pub(crate) use wrappers::is_transparent;

/// The longest command that is analysed, in bytes.
pub const MAX_COMMAND: usize = 32 * 1024;

/// How many wrappers may stand inside each other (`env nice timeout 5 ls`).
pub const MAX_DEPTH: usize = 4;

/// What is known of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    /// The simple commands, in order, each wrapper before what it runs. Complete only when `opaque` is `None`.
    pub commands: Vec<Simple>,
    /// Why the command is not fully understood.
    pub opaque: Option<Opaque>,
}

/// Why a command is not fully understood, as a noun phrase: "an expansion".
pub type Opaque = &'static str;

/// One program with its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simple {
    /// The program word and its arguments, quotes removed.
    pub words: Vec<Word>,
    /// Files that are written to by redirection, as named.
    pub writes: Vec<Word>,
    /// Files that are read from by redirection, as named.
    pub reads: Vec<Word>,
    /// Variables that are set for it, by whatever form.
    pub variables: Vec<(String, Word)>,
    /// What the shell makes of the program word.
    pub role: Role,
    /// Its standard input becomes further arguments (`xargs`).
    pub appended: bool,
    /// Its standard input is a pipe, a file or text that the command names.
    pub fed: bool,
}

/// What runs a simple command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Role {
    /// A program file.
    #[default]
    Program,
    /// The shell itself, and the words are harmless. No program file is run.
    Builtin,
    /// `cd` to the folder in the second word.
    ChangeFolder,
    /// A program that runs the next simple command of the list, and was seen through.
    Wrapper,
}

/// A word of a command. Variables keep their spelling in `text`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// The word, quotes removed.
    pub text: String,
    /// Some of it was quoted.
    pub quoted: bool,
    /// It holds an unquoted pattern.
    pub glob: bool,
    /// It begins as an assignment does, `NAME=`, unquoted.
    pub assigns: bool,
    /// What it expands to.
    pub tail: Tail,
    /// Some of it is what a loop variable stands for.
    pub bound: bool,
}

/// What the shell puts in the place of variables, from harmless to less so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tail {
    /// There is none.
    #[default]
    None,
    /// An absolute path that no request can choose, as part of one word.
    Path,
    /// The same, split at blanks.
    Split,
    /// A number or a name, perhaps empty, as part of one word.
    Unknown,
}

impl Word {
    /// Exactly its text, neither a pattern nor an expansion.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        !self.glob && matches!(self.tail, Tail::None)
    }

    fn is_one_variable(&self) -> bool {
        let name = self.text.strip_prefix('$').unwrap_or("-");
        matches!(name, "?" | "#" | "$") || name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    }
}

/// Analyses a command. Total: any text has an answer.
#[must_use]
pub fn analyze(command: &str) -> Analysis {
    if command.len() > MAX_COMMAND {
        return Analysis { commands: Vec::new(), opaque: Some("more than 32 KiB of text") };
    }
    if command.contains('\0') {
        return Analysis { commands: Vec::new(), opaque: Some("a control character") };
    }
    let mut analysis = Analysis { commands: Vec::new(), opaque: None };
    analysis.opaque = parser::parse(command, 0, false, &mut analysis.commands).err();
    analysis
}

impl Analysis {
    /// The program word of each simple command that runs a program file.
    pub fn programs(&self) -> impl Iterator<Item = &str> {
        let runs = |simple: &&Simple| matches!(simple.role, Role::Program | Role::Wrapper);
        self.commands.iter().filter(runs).filter_map(|simple| simple.words.first()).map(|word| word.text.as_str())
    }

    /// Words that may name a file whose bytes decide what runs. For a command that is not understood,
    /// every piece of it, also below each folder that it changes into. `None` when there are more than
    /// can be bound: a part of them would let the rest be swapped after the approval.
    #[must_use]
    pub fn operands(&self, command: &str) -> Option<Vec<String>> {
        let mut found: Vec<String> = if self.opaque.is_some() {
            opaque_operands(command)?
        } else {
            let mut words: Vec<String> = Vec::new();
            let mut folder = String::new();
            for simple in &self.commands {
                // A name after `cd` may mean the file there, or, when the `cd` failed, the one here.
                for word in simple.words.iter().chain(&simple.reads) {
                    if !folder.is_empty() {
                        words.push(format!("{folder}{}", word.text));
                    }
                    words.push(word.text.clone());
                }
                if let (Role::ChangeFolder, Some(to)) = (simple.role, simple.words.get(1)) {
                    folder = if to.text.starts_with('/') {
                        format!("{}/", to.text)
                    } else {
                        format!("{folder}{}/", to.text)
                    };
                }
            }
            let values = words.iter().filter_map(|word| word.split_once('=').map(|(_, value)| value.to_owned()));
            values.chain(words.iter().cloned()).collect()
        };
        found.sort();
        found.dedup();
        (found.len() <= MAX_OPERANDS).then_some(found)
    }

    /// The folders whose files a pattern in the command may stand for.
    #[must_use]
    pub fn patterns(&self, command: &str) -> Vec<String> {
        let folder = |word: &str| {
            let literal = word.split(GLOBS).next().unwrap_or_default();
            literal.rsplit_once('/').map_or_else(|| ".".to_owned(), |(folder, _)| format!("{folder}/"))
        };
        let words = command.split(|c: char| c.is_whitespace() || "'\"`$(){}<>|&;=,\\".contains(c));
        let mut folders: Vec<String> = words.filter(|word| word.contains(GLOBS)).map(folder).collect();
        folders.sort();
        folders.dedup();
        folders
    }
}

fn opaque_operands(command: &str) -> Option<Vec<String>> {
    let mut all: Vec<&str> = Vec::new();
    for piece in pieces(command) {
        // A folder that is entered keeps its place; another piece that repeats adds nothing.
        let enters = |word: &str| ENTERS.contains(&word);
        if !all.contains(&piece) || enters(piece) || all.last().is_some_and(|last| enters(last)) {
            all.push(piece);
        }
        if all.len() > MAX_OPERANDS {
            return None;
        }
    }
    let entered = all.iter().zip(all.iter().skip(1)).filter(|(word, _)| ENTERS.contains(word));
    let folders: Vec<&str> = entered.map(|(_, folder)| *folder).collect();
    let nested = folders.windows(2).map(|pair| pair.join("/"));
    let folders: Vec<String> = folders.iter().map(|folder| (*folder).to_owned()).chain(nested).collect();
    if all.len() * folders.len() > MAX_OPERANDS {
        return None;
    }
    let below = folders.iter().flat_map(|folder| all.iter().map(move |piece| format!("{folder}/{piece}")));
    Some(below.chain(all.iter().map(|piece| (*piece).to_owned())).collect())
}

/// A command cut at everything that is syntax somewhere.
pub(crate) fn pieces(command: &str) -> impl Iterator<Item = &str> {
    let breaks = |c: char| c.is_whitespace() || "'\"`$(){}[]<>|&;=,\\".contains(c);
    command.split(breaks).filter(|piece| !piece.is_empty())
}

/// Files that one approval can bind.
const MAX_OPERANDS: usize = 256;
/// Words before a folder in which what follows is looked up.
const ENTERS: &[&str] = &["cd", "pushd", "chdir", "-C", "--directory", "--chdir", "--cwd"];
const GLOBS: [char; 3] = ['*', '?', '['];

/// Takes a whole simple command into the list, and what it carries after it.
fn finish(mut simple: Simple, depth: usize, commands: &mut Vec<Simple>) -> Result<(), Opaque> {
    let Some(program) = simple.words.first() else {
        return Err(if simple.variables.is_empty() { "an empty command" } else { "an assignment" });
    };
    judge_program_word(program)?;
    simple.role = builtins::role(&simple.words)?;
    if simple.role != Role::Program {
        commands.push(simple);
        return Ok(());
    }
    carry(simple, depth, commands)
}

/// A program, and whatever it runs in its turn.
fn carry(mut simple: Simple, depth: usize, commands: &mut Vec<Simple>) -> Result<(), Opaque> {
    // Arguments that are read could be options of a wrapper, or stand in the text of a shell.
    let carried = if simple.appended { None } else { wrappers::carried(&simple.words) };
    let Some(carried) = carried else {
        commands.push(simple);
        return Ok(());
    };
    if depth >= MAX_DEPTH {
        return Err("wrappers inside too many wrappers");
    }
    simple.role = if carried.by_shell { Role::Builtin } else { Role::Wrapper };
    let fed = simple.fed;
    let inner = match carried.load {
        wrappers::Load::Text(text) => {
            commands.push(simple);
            return parser::parse(&text, depth + 1, fed, commands);
        }
        wrappers::Load::Words(at) => {
            let words = simple.words.split_off(at);
            Simple { words, variables: carried.variables, appended: carried.appended, fed, ..Simple::default() }
        }
    };
    commands.push(simple);
    let Some(program) = inner.words.first() else { return Err("an empty command") };
    judge_program_word(program)?;
    // A wrapper starts a file; what the shell would do itself is not meant. `command` and `time` are parts of the shell,
    // and after them its own words mean what they always do: the words must be harmless to it too.
    if builtins::is_shells_own(&program.text) {
        return Err("a shell construct");
    }
    builtins::role(&inner.words)?;
    carry(inner, depth + 1, commands)
}

fn judge_program_word(word: &Word) -> Result<(), Opaque> {
    if word.text.is_empty() {
        return Err("an empty program name");
    }
    if word.tail != Tail::None || word.bound {
        return Err("a program named by an expansion");
    }
    // A program file that is named like an assignment, or an assignment in a form that is not modelled.
    if word.text.contains('=') {
        return Err("an assignment");
    }
    if word.glob && word.text != "[" || word.text.starts_with('~') {
        return Err("a program named by a pattern");
    }
    if !word.quoted && builtins::is_reserved(&word.text) {
        return Err("a shell construct");
    }
    Ok(())
}

#[cfg(test)]
#[path = "command/tests.rs"]
mod tests;
