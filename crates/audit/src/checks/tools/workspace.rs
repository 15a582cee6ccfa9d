//! A workspace that is more than one: a home, the whole disk, the gateway's own state.

use stockade_config::KeyPath;
use stockade_policy::mounts::lexical;

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;

pub(super) const CHECK: Check = Check { ids: &[ID], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let mut told: Vec<KeyPath> = Vec::new();
    for (path, key) in model.agents.contexts().filter_map(|agent| agent.workspace()) {
        let Some(what) = whole(model, path).filter(|_| !told.contains(&key)) else { continue };
        let finding = Finding::new(ID, Severity::Warn, "A workspace is far more than a workspace")
            .detail(format!(
                "{key} is {what}: tools.fs.workspaceOnly and workspaceAccess keep an agent to its \
                workspace, and that holds keys, the shell's settings and the gateway's own config."
            ))
            .remedy(format!("Set {key} to a folder of its own, such as ~/.openclaw/workspace."))
            .keys([key.clone()]);
        findings.push(finding);
        told.push(key);
    }
}

/// What a workspace is, when it is too much: the folder itself, or one that holds it.
fn whole(model: &Model<'_>, path: &str) -> Option<&'static str> {
    let install = &model.snapshot.install;
    let path = path.trim();
    let home = install.home.as_deref();
    let path = match (path.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => format!("{home}{rest}"),
        _ => path.to_owned(),
    };
    if !path.starts_with('/') {
        return None;
    }
    let path = lexical(&path);
    let holds = |folder: &str| {
        let folder = lexical(folder);
        folder.strip_prefix(path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if path == "/" {
        Some("the whole disk")
    } else if home.is_some_and(holds) {
        Some("the operator's home, or holds it")
    } else if !install.state.is_empty() && holds(&install.state) {
        Some("the gateway's state directory, or holds it")
    } else {
        None
    }
}

const ID: &str = "tools.workspace_is_home";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{said, snapshot};

    #[test]
    fn a_home_by_any_spelling_is_no_workspace() {
        for path in
            ["~", "~/", "/", "/home/op", "/home/op/.", "/home//op/x/..", "/home", "~/.openclaw", " ~/.openclaw/ "]
        {
            let found = said(&snapshot(json!({"agents": {"defaults": {"workspace": path}}})), super::ID);
            assert_eq!(found, ["warn tools.workspace_is_home"], "{path}");
        }
        for path in ["~/.openclaw/workspace", "~/work", "/home/op2", "~other", "relative", ""] {
            assert!(
                said(&snapshot(json!({"agents": {"defaults": {"workspace": path}}})), super::ID).is_empty(),
                "{path}"
            );
        }
    }
}
