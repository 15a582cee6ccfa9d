//! May this file be read or written: only what the session's view holds.

use stockade_core::{Decision, Denial, Rule};

use crate::call::{FileCall, FileOp};
use crate::view::Access;

/// Judges a file operation by the mounts of the view. The executor opens beneath the mount without
/// following a link out of it, so the lexical answer here and the file touched there agree.
pub fn judge(call: &FileCall, protected: &[std::path::PathBuf]) -> Decision {
    let deny = |rule, because: &str| Decision::Deny(Denial::policy(rule, because));
    let Some((mount, rest)) = call.view.locate(&call.path) else {
        return deny(
            Rule::Workspace,
            "the path is outside what this session may see (tools.fs.workspaceOnly, sandbox)",
        );
    };
    let host = mount.host.join(rest);
    // A workspace may stand inside the state directory, where OpenClaw puts it; what holds the state
    // directory itself may not reach into it.
    let covers = |folder: &std::path::PathBuf| host.starts_with(folder) && folder.starts_with(&mount.host);
    if protected.iter().any(covers) {
        return deny(Rule::Workspace, "the gateway's own state and config are out of every agent's reach");
    }
    let writes = match call.op {
        FileOp::Read { .. } => false,
        FileOp::Write { .. } | FileOp::Edit { .. } => true,
    };
    if writes && mount.access == Access::Ro {
        return deny(Rule::WorkspaceAccess, "the folder is read only (sandbox.workspaceAccess)");
    }
    Decision::Allow { rule: Rule::Workspace }
}
