//! Questions about this machine: may this command run, may this be mounted, may this variable be set.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use stockade_config::exec_approvals::AllowlistEntry;
use stockade_config::model::{ExecAsk, ExecSecurity};
use stockade_core::{AgentId, Decision, Denial, Digest, Rule, SessionKey, TurnId};

use super::{BadQuestion, Verdict, read, verdict};
use crate::call::{CallContext, ExecCall, Executable};
use crate::command;
use crate::environment::{self, Source};
use crate::exec::{ExecPolicy, entries};
use crate::mounts::{self, MountPolicy};
use crate::sender::Sender;
use crate::view::{Backend, Limits, View};

/// A command under an allowlist, asked for on a miss.
#[derive(Deserialize)]
struct CommandQuestion {
    cmd: String,
    #[serde(default)]
    allowlist: Vec<Listed>,
    #[serde(default)]
    safe_bins: Vec<String>,
    /// `tools.exec.strictInlineEval`.
    #[serde(default)]
    strict_inline_eval: bool,
    /// The variables that the call asks for.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// The file that each program word leads to; null when it leads to none. A word that is not in it
    /// is found in `/usr/bin` when it is on one of the lists.
    #[serde(default, alias = "resolve", alias = "resolved", alias = "which", alias = "paths")]
    resolver: BTreeMap<String, Option<PathBuf>>,
}

/// An entry of an allowlist: a pattern, or as the approvals document has it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Listed {
    Pattern(String),
    Entry(AllowlistEntry),
}

/// A bind string, the links on the way, and the container that it is for. `{HOME}` and `{WS}` stand for
/// a home folder and the workspace in it.
#[derive(Deserialize)]
struct BindQuestion {
    bind: String,
    /// Folders that sources must lie in; empty for anywhere that is not protected.
    #[serde(default)]
    allowed_roots: Vec<String>,
    /// What each symbolic link holds.
    #[serde(default, alias = "symlinks")]
    links: BTreeMap<String, String>,
    /// More homes, state directories, refused paths and folders granted to the session, as the policy
    /// of mounts knows them.
    #[serde(default)]
    homes: Vec<String>,
    #[serde(default)]
    state: Vec<String>,
    #[serde(default)]
    blocked: Vec<String>,
    #[serde(default)]
    granted: Vec<String>,
    /// Other options of the container.
    #[serde(default)]
    extra: BTreeMap<String, Value>,
}

/// A variable that someone would set.
#[derive(Deserialize)]
struct VariableQuestion {
    key: String,
    #[serde(default)]
    value: String,
    /// Who: `request-env` when absent.
    #[serde(default)]
    source: String,
}

pub fn command(kind: &'static str, question: Value) -> Result<Verdict, BadQuestion> {
    let question: CommandQuestion = read(kind, question)?;
    let env = match environment::build_env(&question.env, SANDBOX_HOME) {
        Ok(env) => env,
        Err(denial) => return Ok(verdict(&Decision::Deny(denial))),
    };
    let analysis = command::analyze(&question.cmd);
    let programs =
        analysis.programs().map(|word| Executable { word: word.to_owned(), path: question.find(word), identity: None });
    let programs = programs.collect();
    let (allowlist, argument_entries) = entries(&question.entries());
    let policy = ExecPolicy {
        security: ExecSecurity::Allowlist,
        ask: ExecAsk::OnMiss,
        allowlist,
        argument_entries,
        safe_bins: question.safe_bins,
        strict_inline_eval: question.strict_inline_eval,
        ..ExecPolicy::default()
    };
    let call = ExecCall {
        context: nobody()?,
        command: question.cmd,
        cwd: SANDBOX_FOLDER.into(),
        env,
        programs,
        operands: Vec::new(),
        unbound: None,
        view: View {
            backend: Backend::Native,
            mounts: Vec::new(),
            workdir: SANDBOX_FOLDER.into(),
            network: false,
            hidden: Vec::new(),
            accept_degraded: Vec::new(),
            limits: Limits::default(),
        },
        background: false,
        timeout: Duration::ZERO,
    };
    Ok(verdict(&policy.judge(&call)))
}

impl CommandQuestion {
    fn entries(&self) -> Vec<AllowlistEntry> {
        let entry = |listed: &Listed| match listed {
            Listed::Pattern(pattern) => AllowlistEntry { pattern: pattern.clone(), arg_pattern: None, source: None },
            Listed::Entry(entry) => entry.clone(),
        };
        self.allowlist.iter().map(entry).collect()
    }

    fn find(&self, word: &str) -> Option<PathBuf> {
        if let Some(found) = self.resolver.get(word) {
            return found.clone();
        }
        if word.starts_with('/') {
            return Some(word.into());
        }
        if word.contains('/') {
            return None;
        }
        let is_pattern = |entry: &str| entry.contains(['*', '?']);
        let entries = self.entries();
        let patterns = entries.iter().map(|entry| &entry.pattern);
        let entry = patterns.chain(&self.safe_bins).find(|entry| {
            let by_path = entry.starts_with('/')
                && (is_pattern(entry) || Path::new(entry).file_name() == Some(std::ffi::OsStr::new(word)));
            entry.as_str() == word || by_path
        })?;
        let is_path = entry.starts_with('/') && !is_pattern(entry);
        Some(if is_path { entry.into() } else { Path::new("/usr/bin").join(word) })
    }
}

pub fn variable(kind: &'static str, question: Value) -> Result<Verdict, BadQuestion> {
    let VariableQuestion { key, value, source } = read(kind, question)?;
    Ok(verdict(&environment::judge_variable(Source::of(&source), &key, &value)))
}

pub fn bind(kind: &'static str, question: Value) -> Result<Verdict, BadQuestion> {
    let question: BindQuestion = read(kind, question)?;
    let all = |paths: &[String]| -> Vec<PathBuf> { paths.iter().map(|path| placed(path).into()).collect() };
    let mut policy = MountPolicy {
        homes: all(&question.homes),
        state: all(&question.state),
        blocked: all(&question.blocked),
        granted: all(&question.granted),
        roots: all(&question.allowed_roots),
    };
    policy.homes.push(HOME.into());
    policy.state.push(Path::new(HOME).join(".openclaw"));
    let links: BTreeMap<PathBuf, PathBuf> =
        question.links.iter().map(|(link, to)| (placed(link).into(), placed(to).into())).collect();
    let decision = mounts::judge_bind(&policy, &placed(&question.bind), |path| links.get(path).cloned());
    if !matches!(decision, Decision::Allow { .. }) {
        return Ok(verdict(&decision));
    }
    let refused = question.extra.iter().find_map(|(name, value)| refused_option(name, value));
    Ok(verdict(&refused.unwrap_or(decision)))
}

/// Judges a container option, a list value by value.
fn refused_option(name: &str, value: &Value) -> Option<Decision> {
    let judge = |value: &str| match mounts::judge_flag(name, value) {
        Decision::Allow { .. } => None,
        decision => Some(decision),
    };
    match value {
        Value::String(text) => judge(text),
        Value::Bool(_) | Value::Number(_) => judge(&value.to_string()),
        // The parser bounds how deep lists nest.
        Value::Array(values) => values.iter().find_map(|value| refused_option(name, value)),
        Value::Null | Value::Object(_) => {
            Some(Decision::Deny(Denial::unreadable(Rule::SandboxRequired, "the value of a container option")))
        }
    }
}

/// A path with its places put in. `${HOME}` is another thing, and stays what it is.
fn placed(text: &str) -> String {
    let text = text.replace("{WS}", WORKSPACE);
    let parts: Vec<&str> = text.split("{HOME}").collect();
    let mut placed = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            placed.push_str(if placed.ends_with('$') { "{HOME}" } else { HOME });
        }
        placed.push_str(part);
    }
    placed
}

/// The question is about no session in particular.
fn nobody() -> Result<CallContext, BadQuestion> {
    let unusable = |error: &dyn std::fmt::Display| BadQuestion::Unusable(error.to_string());
    let agent = AgentId::parse("main").map_err(|error| unusable(&error))?;
    let turn = TurnId::parse("batch").map_err(|error| unusable(&error))?;
    Ok(CallContext {
        session: SessionKey::main(&agent),
        agent,
        sender: Sender::owner(),
        turn,
        call_id: String::new(),
        generation: Digest::of(b""),
    })
}

/// Where a command starts and lives.
const SANDBOX_FOLDER: &str = "/workspace";
const SANDBOX_HOME: &str = "/home/sandbox";
/// The host that mounts are asked about.
const HOME: &str = "/home/u";
const WORKSPACE: &str = "/home/u/ws";
