//! Agents that must not write files and may run commands, which write files.

use stockade_config::KeyPath;
use stockade_config::model::{ExecHost, WorkspaceAccess};

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::{Agent, Model};

pub(super) const CHECK: Check = Check { ids: &[ID], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let found: Vec<&Agent<'_>> = model.agents.contexts().filter(|agent| contradicts_itself(agent)).collect();
    if found.is_empty() {
        return;
    }
    let place = |agent: &Agent<'_>| agent.own_key("tools").unwrap_or_else(|| KeyPath::dotted("tools"));
    let names: Vec<String> = found.iter().map(|agent| place(agent).to_string()).collect();
    let finding = Finding::new(ID, Severity::Warn, "Files are read-only for the tools, and not for commands")
        .detail(format!(
            "{} denies write, edit and apply_patch, and leaves exec: a shell writes whatever the \
            gateway's user may write there.",
            names.join(", ")
        ))
        .remedy(
            "Deny group:runtime as well; or run the agent in a sandbox (mode \"all\") whose workspaceAccess is \
            \"ro\" or \"none\".",
        )
        .keys(found.into_iter().map(place));
    findings.push(finding);
}

fn contradicts_itself(agent: &Agent<'_>) -> bool {
    let confined = agent.sandbox.holds_main()
        && !matches!(agent.exec.host.value, ExecHost::Gateway | ExecHost::Node)
        && agent.sandbox.access.value != WorkspaceAccess::Rw;
    let tools = &agent.tools;
    !confined && tools.allows("exec") && !["write", "edit", "apply_patch"].iter().any(|tool| tools.allows(tool))
}

const ID: &str = "tools.exec.fs_tools_disabled_but_exec_enabled";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{findings, said, snapshot};

    #[test]
    fn a_shell_writes_though_the_tools_do_not() {
        let deny = json!(["Write", "EDIT", "apply-patch"]);
        assert_eq!(said(&snapshot(json!({"tools": {"deny": deny}})), super::ID).len(), 1);
        assert!(
            said(&snapshot(json!({"tools": {"deny": ["write", "edit"]}})), super::ID).is_empty(),
            "apply_patch is left"
        );
        assert!(said(&snapshot(json!({"tools": {"deny": ["group:fs", "bash"]}})), super::ID).is_empty());
        let boxed = json!({"tools": {"deny": deny}, "agents": {"defaults": {"sandbox": {"mode": "all"}},
            "entries": {"a": {"sandbox": {"workspaceAccess": "rw"}}}}});
        let found = findings(&snapshot(boxed), super::ID);
        assert_eq!(found[0].places, [crate::Place::Key(stockade_config::KeyPath::dotted("agents.entries.a.tools"))]);
    }
}
