//! What the judge knew of a call, as other programs and people are told it. Facts only: no reason to
//! allow or deny is made here.

use serde_json::{Value, json};

use crate::call::{ExecCall, FetchCall, FileCall, FileOp, ProcessAction, ProcessCall};
use crate::command::{self, Analysis, Role, Simple, Word};
use crate::exec::holds_inline_code;
use crate::view::Backend;

/// A command: what it runs, reads, writes, sets and names. Complete only when `complete` is true.
#[must_use]
pub fn exec(call: &ExecCall) -> Value {
    let analysis = command::analyze(&call.command);
    let programs = call.programs.iter().map(|program| json!({ "word": program.word, "path": program.path }));
    json!({
        "complete": analysis.opaque.is_none(),
        "notAnalysed": analysis.opaque,
        "programs": programs.collect::<Vec<_>>(),
        "commands": analysis.commands.iter().map(simple).collect::<Vec<_>>(),
        "hosts": analysis.hosts().collect::<Vec<_>>(),
        "inlineCode": holds_inline_code(&analysis, &call.command),
        "cwd": call.cwd,
        "environment": call.env,
        "runsIn": runs_in(call.view.backend),
        "network": call.view.network,
        "background": call.background,
    })
}

/// A file operation.
#[must_use]
pub fn file(call: &FileCall) -> Value {
    let access = call.view.locate(&call.path).map(|(mount, _)| mount.access);
    let operation = match call.op {
        FileOp::Read { .. } => "read",
        FileOp::Write { .. } => "write",
        FileOp::Edit { .. } => "edit",
    };
    json!({ "operation": operation, "path": call.path, "access": access, "runsIn": runs_in(call.view.backend) })
}

/// A request to the web. Names are resolved, and each address judged, when the request is made.
#[must_use]
pub fn fetch(call: &FetchCall) -> Value {
    json!({
        "url": call.url,
        "host": call.url.host_str(),
        "port": call.url.port_or_known_default(),
        "words": call.words,
        "untrusted": call.untrusted,
    })
}

/// An act on a background process.
#[must_use]
pub fn process(call: &ProcessCall) -> Value {
    let writes = matches!(call.action, ProcessAction::Write { .. });
    json!({ "writesToProgram": writes })
}

fn simple(simple: &Simple) -> Value {
    let role = match simple.role {
        Role::Program => "program",
        Role::Builtin => "builtin",
        Role::ChangeFolder => "change-folder",
        Role::Wrapper => "wrapper",
    };
    let texts = |words: &[Word]| words.iter().map(|word| word.text.clone()).collect::<Vec<_>>();
    let variables: Vec<&str> = simple.variables.iter().map(|(name, _)| name.as_str()).collect();
    json!({
        "role": role,
        "argv": texts(&simple.words),
        "argvContinues": simple.appended,
        "reads": texts(&simple.reads),
        "writes": texts(&simple.writes),
        "sets": variables,
    })
}

/// Where a call would run, in the operator's words.
const fn runs_in(backend: Backend) -> &'static str {
    match backend {
        Backend::Native => "sandbox",
        Backend::Host => "host",
    }
}

impl Analysis {
    /// Hosts that a word names in plain sight, as a URL or as `user@host:path`. Never a reason to allow.
    fn hosts(&self) -> impl Iterator<Item = &str> {
        self.commands.iter().flat_map(|simple| &simple.words).filter_map(|word| host(&word.text))
    }
}

fn host(word: &str) -> Option<&str> {
    let rest = match word.split_once("://") {
        Some((_, rest)) => rest.split(['/', '?', '#']).next()?.rsplit('@').next()?,
        None => word.split_once('@')?.1.split_once(':')?.0,
    };
    (!rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::tests::call;

    #[test]
    fn a_command_is_told_as_what_it_does() {
        let told =
            exec(&call("LC_ALL=C timeout 5 curl -s https://u@example.org:8443/x | tee -a log > out 2>/dev/null"));
        assert_eq!(told["complete"], true);
        assert_eq!(told["hosts"], json!(["example.org:8443"]));
        let roles: Vec<&str> =
            told["commands"].as_array().into_iter().flatten().filter_map(|one| one["role"].as_str()).collect();
        assert_eq!(roles, ["wrapper", "program", "program"]);
        assert_eq!(told["commands"][0]["sets"], json!(["LC_ALL"]));
        assert_eq!(told["commands"][2]["writes"], json!(["out", "/dev/null"]));
        assert_eq!(told["inlineCode"], false);
        assert_eq!(exec(&call("python3 -c 'print(1)'"))["inlineCode"], true);
        let told = exec(&call("ls $(id)"));
        assert_eq!((&told["complete"], told["notAnalysed"].is_string()), (&json!(false), true));
    }
}
