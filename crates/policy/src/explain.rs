//! Where a decision came from, and what would change it. Explains decisions that the judge has made; makes
//! none. The keys are looked up in the documents as they were loaded, so that what is named is what stands there.

mod settings;

use serde::Serialize;
use serde_json::{Value, json};
use stockade_config::Documents;
use stockade_core::{Decision, Rule, SessionKey, text};
use url::Url;

use crate::call::ExecCall;
use crate::egress::is_metadata_host;
use crate::exec;
use crate::policy::{AgentPolicy, Policy};
use crate::sender::Sender;
use crate::tools::{Field, Layer, Tool};
use settings::Lookup;

/// Where a decision came from, and what would change it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The settings that it came from.
    pub from: Vec<Setting>,
    /// What would change it, the least change first.
    pub change: Vec<Change>,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The file.
    pub file: File,
    /// The full key path.
    pub key: String,
    /// Its value as JSON, cut at 200 characters; absent when the key is absent and its default holds.
    pub value: Option<String>,
    /// What holds when it is absent.
    pub default: Option<&'static str>,
}

/// Which file a key stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum File {
    /// `openclaw.json`.
    #[serde(rename = "openclaw.json")]
    OpenClaw,
    /// `stockade.json`.
    #[serde(rename = "stockade.json")]
    Own,
    /// `exec-approvals.json`.
    #[serde(rename = "exec-approvals.json")]
    Approvals,
}

/// Something that would change a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What to do, in words.
    pub how: String,
    /// The same as an edit of one key, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit: Option<Edit>,
}

/// An edit of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// The file.
    pub file: File,
    /// The full key path.
    pub key: String,
    /// What becomes of it.
    #[serde(flatten)]
    pub act: Act,
}

/// What an edit does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "op", content = "value", rename_all = "lowercase")]
pub enum Act {
    /// The key becomes this.
    Set(Value),
    /// The list gains this.
    Add(Value),
    /// The list loses this.
    Remove(Value),
}

/// What was decided about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The agent; absent when there is none of that name.
    pub agent: Option<&'a AgentPolicy>,
    /// The session.
    pub session: &'a SessionKey,
    /// Who asked.
    pub sender: &'a Sender,
    /// The tool.
    pub tool: &'a Tool,
    /// The command, when it is one.
    pub exec: Option<&'a ExecCall>,
    /// The address, when it is one.
    pub url: Option<&'a Url>,
}

impl File {
    /// The file's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenClaw => "openclaw.json",
            Self::Own => "stockade.json",
            Self::Approvals => "exec-approvals.json",
        }
    }
}

/// Explains a decision about a tool call.
#[must_use]
pub fn explain(policy: &Policy, documents: &Documents, subject: Subject<'_>, decision: &Decision) -> Explanation {
    let mut explanation = Explanation::default();
    let at = Lookup { documents, agent: subject.agent.map_or("", |agent| agent.id.as_str()) };
    if decision.rule() == Rule::ToolLayers {
        layers(&at, subject, decision, &mut explanation);
        return explanation;
    }
    let Explanation { from, change } = &mut explanation;
    match decision.rule() {
        Rule::Containment => change.push(do_this("`stockade incident release` ends the containment")),
        Rule::Admission => {
            from.push(at.agents());
            change.push(do_this("name an agent of agents.entries, and a session of that agent"));
        }
        Rule::ToolShape => {
            change.push(do_this("correct the arguments; `stockade decide --openapi` says what each tool takes"))
        }
        Rule::ToolOwner => {
            change.push(do_this("only the owner of the gateway may call it; no layer opens it to others"))
        }
        Rule::ExecSecurity | Rule::ExecAsk => {
            from.extend(at.exec());
            change.extend(exec_mode(&at, subject, decision));
        }
        Rule::ExecAllowlist => {
            from.extend(at.exec());
            from.extend(at.allowlists());
            change.extend(allowlist(policy, &at, subject, decision));
        }
        Rule::ExecOpaque => {
            from.extend(at.exec());
            change
                .push(do_this("write it without that construct: plain words, pipes, && and redirections to /dev/null"));
        }
        Rule::ExecEnv => {
            change.push(do_this("leave the variable out; `stockade explain env NAME=VALUE` says who may set it"))
        }
        Rule::SandboxRequired => {
            from.extend(at.sandbox(&["mode"]));
            from.extend(at.tools("exec.host", Some("auto")));
            change.push(set(File::OpenClaw, "agents.defaults.sandbox.mode", json!("all")));
        }
        Rule::Workspace => {
            from.extend(at.sandbox(&["mode", "workspaceAccess"]));
            from.extend(at.tools("fs.workspaceOnly", Some("false")));
            change.push(do_this("use a path in the workspace"));
        }
        Rule::WorkspaceAccess => {
            from.extend(at.sandbox(&["workspaceAccess"]));
            change.push(set(File::OpenClaw, at.sandbox_key("workspaceAccess"), json!("rw")));
        }
        Rule::Egress => {
            from.extend(at.egress());
            change.extend(egress(policy, documents, subject, decision));
        }
        Rule::EgressComposed => {
            change.push(do_this("give the address yourself, in your own message, or ask in a new session"));
        }
        Rule::ToolLayers | Rule::Approval | Rule::Permit | Rule::TurnLimit => {}
    }
    if matches!(decision, Decision::Allow { .. }) {
        change.push(add(File::OpenClaw, "tools.deny", json!(subject.tool.canonical())));
    }
    explanation
}

fn layers(at: &Lookup<'_>, subject: Subject<'_>, decision: &Decision, explanation: &mut Explanation) {
    let tool = subject.tool.canonical();
    let Some(agent) = subject.agent else { return };
    if matches!(decision, Decision::Allow { .. }) {
        explanation.from.extend(agent.layers(subject.session, subject.sender).flat_map(|layer| at.layer(layer)));
        if explanation.from.is_empty() {
            explanation.from.extend(at.one(File::OpenClaw, "tools.deny", Some("no layer says anything")));
        }
        explanation.change.push(add(File::OpenClaw, "tools.deny", json!(tool)));
        return;
    }
    let mut layers = agent.layers(subject.session, subject.sender);
    let Some((layer, field)) = layers.find_map(|layer| Some((layer, layer.refusal(subject.tool)?))) else { return };
    let Layer { origin, .. } = layer;
    // Two layers are made of other keys than their own lists.
    if origin == "tools.web.fetch" {
        explanation.from.extend(at.one(File::OpenClaw, "tools.web.fetch.enabled", Some("true")));
        explanation.change.push(set(File::OpenClaw, "tools.web.fetch.enabled", json!(true)));
        return;
    }
    if let Some(origin) = origin.strip_suffix(" (its default)") {
        let key = format!("{origin}.alsoAllow");
        explanation.from.extend(at.one(File::OpenClaw, &key, Some("nothing beyond the sandbox's own set")));
        explanation.change.push(add(File::OpenClaw, key, json!(tool)));
        return;
    }
    let (key, change) = match field {
        Field::Deny(entry) => {
            (format!("{origin}.deny"), Act::Remove(json!(at.spelled(&format!("{origin}.deny"), entry))))
        }
        Field::Profile => (format!("{origin}.profile"), Act::Add(json!(tool))),
        Field::Allow => (format!("{origin}.allow"), Act::Add(json!(tool))),
    };
    explanation.from.extend(at.one(File::OpenClaw, &key, None));
    let edited = if field == Field::Profile { format!("{origin}.alsoAllow") } else { key };
    explanation.change.push(edit(File::OpenClaw, edited, change));
}

/// The least that keeps what runs now from running unasked. `mode` may not stand beside `ask`.
fn stricter_exec(at: &Lookup<'_>) -> Change {
    match at.one(File::OpenClaw, "tools.exec.mode", None) {
        Some(_) => set(File::OpenClaw, "tools.exec.mode", json!("deny")),
        None => set(File::OpenClaw, "tools.exec.ask", json!("always")),
    }
}

/// What would make `security` and `ask` answer otherwise: each key that holds the strictest value.
fn exec_mode(at: &Lookup<'_>, subject: Subject<'_>, decision: &Decision) -> Vec<Change> {
    let Some(agent) = subject.agent else { return Vec::new() };
    if matches!(decision, Decision::Allow { .. }) {
        return vec![stricter_exec(at)];
    }
    let (field, strict, looser) = match decision.rule() {
        Rule::ExecSecurity => ("security", "deny", "allowlist"),
        _ if agent.exec.ask == stockade_config::model::ExecAsk::Always => ("ask", "always", "on-miss"),
        _ => return at.all("strictInlineEval").map(|(file, key)| set(file, key, json!(false))).collect(),
    };
    at.holding(field, strict)
        .into_iter()
        .map(|(file, key, mode)| set(file, key, json!(if mode { "ask" } else { looser })))
        .collect()
}

fn allowlist(policy: &Policy, at: &Lookup<'_>, subject: Subject<'_>, decision: &Decision) -> Vec<Change> {
    let (Some(agent), Some(call)) = (subject.agent, subject.exec) else { return Vec::new() };
    if matches!(decision, Decision::Allow { .. }) {
        return vec![stricter_exec(at)];
    }
    let mut changes = Vec::new();
    let key = format!("agents.{}.allowlist", agent.id);
    let mut unlisted = 0;
    for program in agent.exec.unlisted(call) {
        unlisted += 1;
        match &program.path {
            Some(path) if exec::in_system_folder(path) => {
                let entry = Act::Add(json!({ "pattern": path }));
                changes.push(edit(File::Approvals, key.clone(), entry));
            }
            Some(path) => {
                let shown = text::visible(&path.to_string_lossy());
                changes
                    .push(do_this(&format!("{shown} lies in a folder that is not the system's: no entry covers it")));
            }
            None => {
                let shown = text::clip(&text::visible(&program.word), 64);
                changes.push(do_this(&format!("there is no program {shown} where the command would run")));
            }
        }
    }
    if unlisted == 0 {
        changes.push(do_this(
            "its programs are listed, and this form of them is not covered by any entry: use a plainer one",
        ));
    }
    match decision {
        Decision::Ask(_) => changes.push(do_this(&format!(
            "an operator can let it run once, within {} s of being asked",
            policy.approval_timeout.as_secs()
        ))),
        _ => changes.extend(
            at.holding("ask", "off")
                .into_iter()
                .map(|(file, key, mode)| set(file, key, json!(if mode { "ask" } else { "on-miss" }))),
        ),
    }
    changes
}

fn egress(policy: &Policy, documents: &Documents, subject: Subject<'_>, decision: &Decision) -> Vec<Change> {
    let Some(url) = subject.url else { return Vec::new() };
    let Some(host) = url.host_str() else { return Vec::new() };
    if matches!(decision, Decision::Allow { .. }) {
        return vec![add(File::Own, "egress.deny", json!(host))];
    }
    if policy.egress.denies(url) {
        let listed = documents.own.pointer("/egress/deny").and_then(Value::as_array).into_iter().flatten();
        return listed.map(|entry| edit(File::Own, "egress.deny", Act::Remove(entry.clone()))).collect();
    }
    if is_metadata_host(url) {
        return vec![do_this("leave it: a metadata service hands out the credentials of the machine")];
    }
    let origin = url.origin();
    if matches!(url.scheme(), "http" | "https") && origin.is_tuple() {
        return vec![add(File::Own, "egress.allow", json!(origin.ascii_serialization()))];
    }
    vec![do_this("use an http or https address")]
}

fn do_this(how: &str) -> Change {
    Change { how: how.to_owned(), edit: None }
}

fn set(file: File, key: impl Into<String>, value: Value) -> Change {
    edit(file, key, Act::Set(value))
}

fn add(file: File, key: impl Into<String>, value: Value) -> Change {
    edit(file, key, Act::Add(value))
}

fn edit(file: File, key: impl Into<String>, act: Act) -> Change {
    let key = key.into();
    let how = match &act {
        Act::Set(value) => format!("set {key} to {value} in {}", file.name()),
        Act::Add(value) => format!("add {value} to {key} in {}", file.name()),
        Act::Remove(value) => format!("remove {value} from {key} in {}", file.name()),
    };
    Change { how: text::visible(&how), edit: Some(Edit { file, key, act }) }
}

#[cfg(test)]
#[path = "explain/tests.rs"]
mod tests;
