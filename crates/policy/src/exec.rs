//! May this command run: `tools.exec.security` and `ask`, the allowlist, the arguments, the environment.

mod arguments;
mod awk;
mod build;
mod entries;
mod fetch;
mod files;
mod git;
mod grammar;
mod inline;
mod pattern;
mod processes;
mod programs;
mod projects;
mod queries;
mod safe_bins;
mod scripts;

use std::path::{Component, Path};

use stockade_config::model::{ExecAsk, ExecSecurity};
use stockade_core::{Because, Decision, Denial, Question, Rule};

use crate::call::{ExecCall, Executable};
use crate::command::{self, Analysis, Role, Simple, Tail, Word};
use crate::environment::{Source, judge_env, judge_variable};
use crate::view::Backend;

pub use entries::{ArgumentEntry, entries};
pub(crate) use inline::holds_code as holds_inline_code;
pub(crate) use pattern::in_system_folder;

/// The exec policy of an agent: the strictest of every layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecPolicy {
    /// Which commands may run.
    pub security: ExecSecurity,
    /// When a human is asked.
    pub ask: ExecAsk,
    /// Patterns of programs that need no question under `on-miss`.
    pub allowlist: Vec<String>,
    /// Entries for a program with certain arguments.
    pub argument_entries: Vec<ArgumentEntry>,
    /// Filters that need no entry while they read only their input (`tools.exec.safeBins`).
    pub safe_bins: Vec<String>,
    /// Whether inline code is asked about under every security (`tools.exec.strictInlineEval`).
    pub strict_inline_eval: bool,
    /// What runs when nobody answers a question (`askFallback`).
    pub ask_fallback: ExecSecurity,
}

/// The strictest: nothing runs.
impl Default for ExecPolicy {
    fn default() -> Self {
        Self {
            security: ExecSecurity::Deny,
            ask: ExecAsk::Always,
            allowlist: Vec::new(),
            argument_entries: Vec::new(),
            safe_bins: Vec::new(),
            strict_inline_eval: false,
            ask_fallback: ExecSecurity::Deny,
        }
    }
}

type Miss = (Rule, String);

/// What a command does with its working folder.
#[derive(Clone, Copy)]
struct Folder {
    /// It changes it at all.
    moves: bool,
    /// It has changed it to one outside what it was given.
    strays: bool,
}

impl ExecPolicy {
    /// Judges a command whose facts are gathered.
    pub fn judge(&self, call: &ExecCall) -> Decision {
        if let Err(denial) = judge_env(&call.env) {
            return Decision::Deny(denial);
        }
        if self.security == ExecSecurity::Deny {
            return deny(Rule::ExecSecurity, "tools.exec.security is deny");
        }
        if self.ask == ExecAsk::Always {
            return ask(Rule::ExecAsk, "tools.exec.ask is always");
        }
        let needs_analysis = self.security == ExecSecurity::Allowlist || self.strict_inline_eval;
        if !needs_analysis {
            return Decision::Allow { rule: Rule::ExecSecurity };
        }
        let analysis = command::analyze(&call.command);
        let code = self.strict_inline_eval && inline::holds_code(&analysis, &call.command);
        if self.security == ExecSecurity::Full {
            return if code {
                ask(Rule::ExecAsk, "it holds inline code, and tools.exec.strictInlineEval is on")
            } else {
                Decision::Allow { rule: Rule::ExecSecurity }
            };
        }
        let inline = || (Rule::ExecAllowlist, "it holds inline code, and tools.exec.strictInlineEval is on".into());
        match (self.miss(&analysis, call).or_else(|| code.then(inline)), self.ask) {
            (None, _) => Decision::Allow { rule: Rule::ExecAllowlist },
            (Some((rule, because)), ExecAsk::Off) => deny(rule, because),
            (Some((rule, because)), _) => ask(rule, &because),
        }
    }

    /// Judges a command that was asked about when nobody answered. `askFallback` opens only what the allowlist
    /// covers by itself: `full`, which lets OpenClaw run anything then, is taken for `allowlist`, since
    /// otherwise it would be enough to ask while the operator sleeps.
    pub fn judge_unattended(&self, call: &ExecCall) -> Decision {
        let listed = Self {
            security: match self.security {
                ExecSecurity::Full => ExecSecurity::Allowlist,
                security @ (ExecSecurity::Allowlist | ExecSecurity::Deny) => security,
            },
            ask: ExecAsk::Off,
            ..self.clone()
        };
        match self.ask_fallback {
            ExecSecurity::Allowlist | ExecSecurity::Full if call.unbound.is_none() => match listed.judge(call) {
                allowed @ Decision::Allow { .. } => allowed,
                Decision::Ask(_) | Decision::Deny(_) => unanswered(),
            },
            ExecSecurity::Allowlist | ExecSecurity::Full | ExecSecurity::Deny => unanswered(),
        }
    }

    /// Judges input to a running command. No allowlist covers it: what it means is up to the program.
    pub fn judge_input(&self) -> Decision {
        match (self.security, self.ask) {
            (ExecSecurity::Deny, _) => deny(Rule::ExecSecurity, "tools.exec.security is deny"),
            (_, ExecAsk::Always) => ask(Rule::ExecAsk, "tools.exec.ask is always"),
            (ExecSecurity::Full, _) => Decision::Allow { rule: Rule::ExecSecurity },
            (ExecSecurity::Allowlist, ExecAsk::OnMiss) => ask(Rule::ExecAllowlist, "it is input to a running program"),
            (ExecSecurity::Allowlist, ExecAsk::Off) => {
                deny(Rule::ExecAllowlist, "input to a running program is not on the exec allowlist")
            }
        }
    }

    /// The programs of a call that no entry names, each with its file.
    pub(crate) fn unlisted<'a>(&self, call: &'a ExecCall) -> impl Iterator<Item = &'a Executable> {
        call.programs.iter().filter(move |program| {
            let named = |pattern: &str| {
                program.path.as_deref().is_some_and(|path| pattern::names(pattern, &program.word, path, call))
            };
            let bound = self.argument_entries.iter().any(|entry| named(&entry.pattern));
            // A wrapper that is seen through needs no entry.
            let name = program.path.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
            let wraps = name.is_some_and(command::is_transparent);
            let listed = bound || self.safe_bins.contains(&program.word);
            !wraps && !listed && !self.allowlist.iter().any(|pattern| named(pattern))
        })
    }

    /// Why the allowlist does not cover the command; `None` when it covers all of it.
    fn miss(&self, analysis: &Analysis, call: &ExecCall) -> Option<Miss> {
        if let Some(why) = analysis.opaque {
            return Some((Rule::ExecOpaque, format!("the command holds {why}, which is not analysed")));
        }
        if call.background {
            return Some((Rule::ExecAllowlist, "it goes on in the background".into()));
        }
        if analysis.commands.is_empty() {
            return Some((Rule::ExecOpaque, "there is no command".into()));
        }
        if !call.command.is_ascii() && !reads_utf8(analysis, call) {
            return Some((Rule::ExecOpaque, "the shell's locale may read the command in another way".into()));
        }
        let moves = analysis.commands.iter().any(|simple| simple.role == Role::ChangeFolder);
        let mut strays = false;
        analysis.commands.iter().find_map(|simple| {
            strays |= simple.role == Role::ChangeFolder && leaves(simple, call);
            self.miss_of(simple, call, Folder { moves, strays })
        })
    }

    fn miss_of(&self, simple: &Simple, call: &ExecCall, folder: Folder) -> Option<Miss> {
        let miss = |because: &str| Some((Rule::ExecAllowlist, because.to_owned()));
        if simple.writes.iter().any(|name| !HARMLESS_OUTPUTS.contains(&name.text.as_str()) || !name.is_plain()) {
            return miss("it writes to a file by redirection");
        }
        if simple.reads.iter().any(is_no_plain_file) {
            return miss("it reads by redirection from what is not a plainly named file");
        }
        if let Some((name, _)) = simple.variables.iter().find(|(name, value)| !is_harmless_variable(name, value)) {
            let shown = stockade_core::text::clip(&stockade_core::text::visible(name), 64);
            return Some((Rule::ExecEnv, format!("it sets the variable {shown}")));
        }
        // POSIX has it that a variable before a special builtin stays.
        if simple.role != Role::Program && simple.role != Role::Wrapper && !simple.variables.is_empty() {
            return Some((Rule::ExecEnv, "it sets a variable for the shell itself".into()));
        }
        if simple.words.iter().any(|word| word.tail == Tail::Split) && !paths_are_one_word(call) {
            return miss("an unquoted path may become several words");
        }
        let word = simple.words.first()?;
        match simple.role {
            Role::Builtin | Role::ChangeFolder => None,
            Role::Program
                if folder.strays && arguments::minds_its_folder(word.text.rsplit('/').next().unwrap_or_default()) =>
            {
                miss("it changes to a folder outside what it was given, and a program there acts on what it finds")
            }
            Role::Wrapper => self.wrapper_miss(&word.text, call),
            Role::Program => self.program_miss(&word.text, simple, call, folder.moves),
        }
    }

    /// A wrapper needs no entry of its own, but it must be the system's. One that is not found runs nothing.
    fn wrapper_miss(&self, word: &str, call: &ExecCall) -> Option<Miss> {
        let path = resolved(word, call);
        let own = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            pattern::in_system_folder(path) && command::is_transparent(name)
        };
        let fine = path.map_or_else(|| !word.contains('/'), own) && !is_relative(word);
        (!fine).then(|| (Rule::ExecAllowlist, "a program that runs another is not the system's".into()))
    }

    fn program_miss(&self, word: &str, simple: &Simple, call: &ExecCall, moves: bool) -> Option<Miss> {
        let unlisted = || Some((Rule::ExecAllowlist, "a program is not on the exec allowlist".to_owned()));
        let Some(path) = resolved(word, call).filter(|_| !is_relative(word)) else { return unlisted() };
        if safe_bins::filters(&self.safe_bins, simple, path) {
            return None;
        }
        let named = |pattern: &str| pattern::names(pattern, word, path, call);
        // Words that are approved in one folder name other files in another.
        let bound = |entry: &ArgumentEntry| !moves && named(&entry.pattern) && entry.covers(simple, call);
        if !self.allowlist.iter().any(|pattern| named(pattern)) && !self.argument_entries.iter().any(bound) {
            return unlisted();
        }
        // A name that is a link may be known by either name: both rules hold.
        let base = word.rsplit('/').next().unwrap_or(word);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let names = [Some(name), (base != name).then_some(base)];
        // In the sandbox what they run has no more than the command itself; on the host it has everything.
        if call.view.backend == Backend::Host && names.into_iter().flatten().any(arguments::reads_the_project) {
            let why = "it runs what files in the working folder name, and the agent can write those";
            return Some((Rule::ExecAllowlist, why.to_owned()));
        }
        let refusal = names.into_iter().flatten().find_map(|name| arguments::judge(name, simple, &call.view).err());
        refusal.map(|why| (Rule::ExecAllowlist, why.to_owned()))
    }
}

fn resolved<'a>(word: &str, call: &'a ExecCall) -> Option<&'a Path> {
    call.programs.iter().find(|program| program.word == word).and_then(|program| program.path.as_deref())
}

/// Where a relative program is depends on the folder that the command is in when it gets there.
fn is_relative(word: &str) -> bool {
    word.contains('/') && !word.starts_with('/')
}

fn is_no_plain_file(name: &Word) -> bool {
    // Bash makes a connection of these names.
    !name.is_plain() && name.tail != Tail::Path
        || name.glob
        || name.text.starts_with("/dev/tcp")
        || name.text.starts_with("/dev/udp")
}

/// What a request may set is what a command may set; a value is plain text, no path and no expansion.
fn is_harmless_variable(name: &str, value: &Word) -> bool {
    let plain = value.tail == Tail::None
        && value.text.chars().all(|c| c.is_ascii_alphanumeric() || "_.@:,+-/ ".contains(c))
        && !value.text.contains("..")
        && (!value.text.contains('/') || name == "TZ" && !value.text.starts_with(['/', ':']));
    plain && matches!(judge_variable(Source::Request, name, &value.text), Decision::Allow { .. })
}

/// Other encodings take a quote or a separator for the second half of a character. A locale may come with the call, or
/// in the words before a program that is a shell.
fn reads_utf8(analysis: &Analysis, call: &ExecCall) -> bool {
    let utf8 = |value: &str| {
        let value = value.to_ascii_lowercase();
        value.is_empty() || value == "c" || value == "posix" || value.ends_with(".utf-8") || value.ends_with(".utf8")
    };
    let set = analysis.commands.iter().flat_map(|simple| &simple.variables);
    let set = set.map(|(name, value)| (name, value.text.as_str()));
    let given = call.env.iter().map(|(name, value)| (name, value.as_str()));
    let locales = given.chain(set).filter(|(name, _)| name.starts_with("LANG") || name.starts_with("LC_"));
    locales.into_iter().all(|(_, value)| utf8(value))
}

/// Whether `$HOME` and `$PWD` stay one word without quotes.
fn paths_are_one_word(call: &ExecCall) -> bool {
    let plain =
        |text: &str| text.starts_with('/') && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    call.cwd.to_str().is_some_and(plain) && call.env.get("HOME").is_some_and(|home| plain(home))
}

/// Whether a `cd` goes outside what the command was given.
fn leaves(simple: &Simple, call: &ExecCall) -> bool {
    !simple.words.get(1).is_some_and(|folder| stays_inside(&folder.text, call))
}

/// Whether a folder lies in the folder that the command starts in, or in what the session sees.
fn stays_inside(folder: &str, call: &ExecCall) -> bool {
    let folder = Path::new(folder);
    if folder.is_relative() {
        let spaces = folder.to_str().is_none_or(|text| text.contains(char::is_whitespace));
        return !spaces && folder.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    }
    folder.starts_with(&call.cwd) && folder.components().all(|part| part != Component::ParentDir)
}

fn ask(rule: Rule, because: &str) -> Decision {
    Decision::Ask(Question { rule, because: because.to_owned() })
}

fn deny(rule: Rule, because: impl Into<String>) -> Decision {
    Decision::Deny(Denial::policy(rule, because))
}

fn unanswered() -> Decision {
    Decision::Deny(Denial { rule: Rule::Approval, because: Because::Expired })
}

const HARMLESS_OUTPUTS: &[&str] = &["/dev/null", "/dev/stdout", "/dev/stderr"];

#[cfg(test)]
#[path = "exec/tests.rs"]
pub(crate) mod tests;
