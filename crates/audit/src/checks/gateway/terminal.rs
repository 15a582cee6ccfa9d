//! A shell in the browser: past every rule about tools.

use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::Model;

pub(super) const CHECK: Check = Check { ids: &["gateway.terminal_enabled"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    if !model.config().is_true("gateway.terminal.enabled") {
        return;
    }
    let severity = if model.gateway.remote_exposed { Severity::Critical } else { Severity::Warn };
    out.push(
        Finding::new("gateway.terminal_enabled", severity, "The gateway offers a shell of this machine")
            .detail(
                "gateway.terminal.enabled is true: the gateway's credential is a login on this machine, outside the sandbox and \
                 every approval.",
            )
            .remedy("Turn it off and use SSH.")
            .key("gateway.terminal.enabled")
            .fix(Fix::ask("Turn the terminal off").set("gateway.terminal.enabled", false)),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{said, snapshot};

    #[test]
    fn a_shell_is_worse_where_others_reach() {
        let of = |bind: &str, on: bool| {
            said(&snapshot(json!({"gateway": {"bind": bind, "terminal": {"enabled": on}}})), "gateway.terminal")
        };
        assert_eq!(of("loopback", true), ["warn gateway.terminal_enabled"]);
        assert_eq!(of("lan", true), ["critical gateway.terminal_enabled"]);
        assert!(of("lan", false).is_empty());
    }
}
