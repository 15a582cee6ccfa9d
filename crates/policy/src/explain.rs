//! Where a decision came from, and what would change it. Explains decisions that the judge has made; makes
//! none. The keys are looked up in the documents as they were loaded, so that what is named is what stands there.

mod settings;

use serde::Serialize;
use serde_json::{Value, json};
use stockade_config::Documents;
use stockade_core::{Decision, Rule, SessionKey, text};
use url::Url;

use crate::call::ExecCall;
use crate::egress::{EgressPolicy, is_metadata_host};
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
#[derive(Clone, Copy)]
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
    /// What the same request would be answered under other rules for addresses.
    pub again: Option<&'a dyn Fn(&EgressPolicy) -> Decision>,
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
            change.push(set(File::OpenClaw, at.sandbox_key("mode"), json!("all")));
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
    let refused: Vec<(&Layer, Field<'_>)> = agent
        .layers(subject.session, subject.sender)
        .flat_map(|layer| layer.refusals(subject.tool).into_iter().map(move |field| (layer, field)))
        .collect();
    if refused.len() > 1 {
        explanation.change.push(do_this("all of these together:"));
    }
    for (layer, field) in refused {
        let (key, default, change) = refusal(at, layer, field, tool);
        explanation.from.extend(at.one(File::OpenClaw, &key, default));
        explanation.change.push(change);
    }
}

/// The key by which a layer refuses a tool, what holds when it is absent, and what would end that.
fn refusal(at: &Lookup<'_>, layer: &Layer, field: Field<'_>, tool: &str) -> (String, Option<&'static str>, Change) {
    let Layer { origin, .. } = layer;
    // Two layers are made of other keys than their own lists.
    if origin == "tools.web.fetch" {
        let key = "tools.web.fetch.enabled";
        return (key.to_owned(), Some("true"), set(File::OpenClaw, key, json!(true)));
    }
    if let Some(origin) = origin.strip_suffix(" (its default)") {
        let key = format!("{origin}.alsoAllow");
        let change = add(File::OpenClaw, key.clone(), json!(tool));
        return (key, Some("nothing beyond the sandbox's own set"), change);
    }
    let origin = at.own_origin(origin);
    match field {
        Field::Deny(entry) => {
            let key = format!("{origin}.deny");
            let act = Act::Remove(json!(at.spelled(&key, entry)));
            (key.clone(), None, edit(File::OpenClaw, key, act))
        }
        // `alsoAllow` may not stand beside `allow`.
        Field::Profile if layer.allow.is_some() => {
            let how = format!("choose a wider {origin}.profile, or none: {origin}.allow stands beside it");
            (format!("{origin}.profile"), None, do_this(&how))
        }
        Field::Profile => {
            (format!("{origin}.profile"), None, add(File::OpenClaw, format!("{origin}.alsoAllow"), json!(tool)))
        }
        Field::Allow => {
            let key = format!("{origin}.allow");
            (key.clone(), None, add(File::OpenClaw, key, json!(tool)))
        }
    }
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
    let (mut listed, mut edits) = (agent.exec.clone(), Vec::new());
    for program in agent.exec.unlisted(call) {
        match &program.path {
            Some(path) if exec::in_system_folder(path) => {
                listed.allowlist.push(path.to_string_lossy().into_owned());
                let entry = Act::Add(json!({ "pattern": path }));
                edits.push(edit(File::Approvals, format!("agents.{}.allowlist", agent.id), entry));
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
    // A wider list for nothing would be bad advice: what is proposed is tried.
    match listed.judge(call) {
        Decision::Allow { .. } => changes.extend(edits),
        still => changes.push(do_this(&format!("no entry covers this form of it: {}", still.reason()))),
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
    let entries = |key: &str| -> Vec<String> {
        let list = documents.own.pointer(key).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let rules = |allow: &[String], deny: &[String]| EgressPolicy::new(allow).ok()?.with_deny(deny).ok();
    let (allow, deny) = (entries("/egress/allow"), entries("/egress/deny"));
    let again = |rules: &EgressPolicy| subject.again.map(|again| again(rules));
    if policy.egress.denies(url) {
        let decides = |entry: &&String| rules(&[], std::slice::from_ref(*entry)).is_some_and(|rule| rule.denies(url));
        return deny
            .iter()
            .filter(decides)
            .map(|entry| edit(File::Own, "egress.deny", Act::Remove(json!(entry))))
            .collect();
    }
    if is_metadata_host(url) {
        return vec![do_this("leave it: a metadata service hands out the credentials of the machine")];
    }
    let origin = url.origin();
    if matches!(url.scheme(), "http" | "https") && origin.is_tuple() {
        let origin = origin.ascii_serialization();
        let wider = rules(&[allow, vec![origin.clone()]].concat(), &deny);
        return match wider.as_ref().and_then(again) {
            Some(Decision::Deny(_) | Decision::Ask(_)) => vec![do_this("no entry of egress.allow opens it")],
            Some(Decision::Allow { .. }) | None => vec![add(File::Own, "egress.allow", json!(origin))],
        };
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
