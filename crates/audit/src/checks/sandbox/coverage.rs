//! Which sessions run in a sandbox, who shares one, and whether it writes where the operator works.

use stockade_config::KeyPath;
use stockade_config::model::{SandboxMode, SandboxScope, WorkspaceAccess};

use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::{Agent, Model};

pub(super) const CHECK: Check = Check { ids: &[MODE, SCOPE, WRITES], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    findings.extend(not_all(model));
    findings.extend(shared(model));
    findings.extend(writes(model));
}

fn not_all(model: &Model<'_>) -> Option<Finding> {
    let loose = of(model, |agent| agent.sandbox.mode.value != SandboxMode::All && touches_host(agent));
    let lines = lines(&loose, |agent| format!("sandbox.mode is {:?}", agent.sandbox.mode.value.id()))?;
    let keys: Vec<KeyPath> = loose.iter().map(|agent| agent.sandbox.mode.key.clone()).collect();
    // What would be found of the sandboxes as soon as there are some, so that one fix is enough.
    let scopes = loose.iter().filter(|agent| agent.sandbox.scope.value != SandboxScope::Session);
    let scopes: Vec<KeyPath> = scopes.map(|agent| scope_key(agent)).collect();
    let fix = set(Fix::ask("Run every session in a sandbox of its own"), &keys, "all");
    let visitors = model.visitors_of(loose.iter().copied());
    let finding = Finding::new(MODE, visitors.severity(), "Not every session runs in a sandbox")
        .detail(format!(
            "{lines}\nOutside a sandbox, commands and files are those of the gateway's user: its keys, \
            its shell, its other programs. What steers the agent has them: {}.",
            visitors.who()
        ))
        .remedy(
            "Set agents.defaults.sandbox.mode to \"all\". \"non-main\" leaves out the main session, which reads \
            mail and web pages as others do.",
        )
        .fix(set(fix, &scopes, "session"))
        .keys(keys);
    Some(finding)
}

fn shared(model: &Model<'_>) -> Option<Finding> {
    let wide = of(model, |agent| agent.sandbox.holds_others() && agent.sandbox.scope.value != SandboxScope::Session);
    let lines = lines(&wide, |agent| format!("sandbox.scope is {:?}", agent.sandbox.scope.value.id()))?;
    let keys: Vec<KeyPath> = wide.iter().map(|agent| scope_key(agent)).collect();
    let all = wide.iter().any(|agent| agent.sandbox.scope.value == SandboxScope::Shared);
    // One sandbox for several people is how one of them reads the other's files.
    let severity = match model.visitors_of(wide.iter().copied()).severity() {
        Severity::Critical if all => Severity::Critical,
        Severity::Info => Severity::Info,
        Severity::Warn | Severity::Critical => Severity::Warn,
    };
    let mut fix = set(Fix::ask("Give each session a sandbox of its own"), &keys, "session");
    for agent in &wide {
        let key = &agent.sandbox.scope.key;
        if key.parts().last().is_some_and(|last| last == "perSession") {
            fix = fix.change(crate::Change::Remove { key: key.clone() });
        }
    }
    let finding = Finding::new(SCOPE, severity, "Sessions share a sandbox")
        .detail(format!(
            "{lines}\nWhat one session leaves there, the next one runs: a poisoned file in one \
            conversation reaches every other."
        ))
        .remedy("Set agents.defaults.sandbox.scope to \"session\".")
        .fix(fix)
        .keys(keys);
    Some(finding)
}

fn writes(model: &Model<'_>) -> Option<Finding> {
    let writing = of(model, |agent| {
        agent.sandbox.holds_others()
            && agent.sandbox.access.value == WorkspaceAccess::Rw
            && changes_files(agent)
            && !model.reads(agent).is_empty()
    });
    let lines =
        lines(&writing, |agent| format!("workspaceAccess is \"rw\", and it reads {}", model.reads(agent).join(", ")))?;
    let keys: Vec<KeyPath> = writing.iter().map(|agent| agent.sandbox.access.key.clone()).collect();
    let finding = Finding::new(WRITES, Severity::Warn, "A sandbox that reads untrusted content writes the workspace")
        .detail(format!(
            "{lines}\nA page or a message can have it change AGENTS.md, skills and hooks of repositories, \
            which later sessions and the operator's own tools obey."
        ))
        .remedy(
            "Set agents.defaults.sandbox.workspaceAccess to \"ro\" or \"none\"; let an agent that reads nothing \
            from outside do the writing.",
        )
        .fix(set(Fix::ask("Let the sandbox only read the workspace"), &keys, "ro"))
        .keys(keys);
    Some(finding)
}

fn of<'m, 's>(model: &'m Model<'s>, fits: impl Fn(&Agent<'s>) -> bool) -> Vec<&'m Agent<'s>> {
    model.agents.list.iter().filter(|agent| fits(agent)).collect()
}

/// Whether it has a tool that a sandbox would hold.
fn touches_host(agent: &Agent<'_>) -> bool {
    let files = ["read", "write", "edit", "apply_patch", "process"];
    agent.runs_on_host() || files.iter().any(|tool| agent.may_use(tool))
}

fn changes_files(agent: &Agent<'_>) -> bool {
    ["exec", "write", "edit", "apply_patch"].iter().any(|tool| agent.may_use(tool))
}

fn lines(agents: &[&Agent<'_>], what: impl Fn(&Agent<'_>) -> String) -> Option<String> {
    let lines: Vec<String> = agents.iter().map(|agent| format!("- agent {}: {}", agent.id, what(agent))).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// `scope` beside February's `perSession`.
fn scope_key(agent: &Agent<'_>) -> KeyPath {
    let key = &agent.sandbox.scope.key;
    key.parent().map_or_else(|| key.clone(), |above| above.child("scope"))
}

fn set(fix: Fix, keys: &[KeyPath], to: &str) -> Fix {
    let mut seen: Vec<&KeyPath> = Vec::new();
    keys.iter().fold(fix, |fix, key| {
        if seen.contains(&key) {
            return fix;
        }
        seen.push(key);
        fix.set_at(key.clone(), to)
    })
}

const MODE: &str = "sandbox.not_all";
const SCOPE: &str = "sandbox.scope_wider_than_session";
const WRITES: &str = "sandbox.workspace_rw_untrusted";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{findings, said, snapshot};

    fn of(config: Value) -> Vec<String> {
        let mut said = said(&snapshot(config), "sandbox.");
        said.retain(|line| [super::MODE, super::SCOPE, super::WRITES].iter().any(|id| line.ends_with(id)));
        said
    }

    #[test]
    fn who_can_write_decides_how_bad_it_is() {
        assert_eq!(of(json!({})), ["info sandbox.not_all"]);
        assert_eq!(of(json!({"channels": {"telegram": {"dmPolicy": "pairing"}}})), ["warn sandbox.not_all"]);
        for open in [
            json!({"dmPolicy": "open"}),
            json!({"accounts": {"b": {"groupPolicy": "open"}}}),
            json!({"allowFrom": [1, " * "]}),
            json!({"dm": {"policy": "open"}}),
        ] {
            assert_eq!(of(json!({"channels": {"telegram": open}})), ["critical sandbox.not_all"], "{open}");
        }
        assert_eq!(
            of(json!({"channels": {"telegram": {"enabled": false, "dmPolicy": "open"}}})),
            ["info sandbox.not_all"]
        );
    }

    #[test]
    fn the_guide_is_sound_and_every_step_back_is_told() {
        let guide = |mode: &str, scope: &str, access: &str| {
            let sandbox = json!({"mode": mode, "scope": scope, "workspaceAccess": access});
            let channels = json!({"telegram": {"groups": {"-1": {}}}});
            json!({"agents": {"defaults": {"sandbox": sandbox}}, "channels": channels})
        };
        assert!(of(guide("all", "session", "ro")).is_empty());
        assert_eq!(
            of(guide("ALL", "session", "ro")),
            ["warn sandbox.not_all"],
            "a word that is not known is no sandbox"
        );
        assert_eq!(of(guide("all", "agent", "ro")), ["warn sandbox.scope_wider_than_session"]);
        assert_eq!(of(guide("all", "session", "rw")), ["warn sandbox.workspace_rw_untrusted"]);
    }

    #[test]
    fn one_agent_without_a_sandbox_is_named_where_it_stands() {
        let config = json!({"agents": {"defaults": {"sandbox": {"mode": "all", "scope": "session"}},
            "list": [{"id": "a"}, {"id": "B b", "sandbox": {"mode": "off"}}]}});
        let found = findings(&snapshot(config), super::MODE);
        assert_eq!(
            found[0].places,
            [crate::Place::Key(stockade_config::KeyPath::dotted("agents.list.1.sandbox.mode"))]
        );
        assert!(found[0].detail.contains("agent b-b"));
    }

    #[test]
    fn february_shares_by_another_name() {
        let config = json!({"agents": {"defaults": {"sandbox": {"mode": "all", "perSession": false}}}});
        let found = findings(&snapshot(config), super::SCOPE);
        assert_eq!(found[0].fix.as_ref().expect("a fix").changes.len(), 2);
    }

    #[test]
    fn an_agent_without_tools_needs_no_sandbox() {
        assert!(of(json!({"tools": {"profile": "minimal"}})).is_empty());
    }
}
