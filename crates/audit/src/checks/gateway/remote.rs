//! A gateway elsewhere that this install talks to. Answers whoever listens on the way.

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;
use crate::model::reach::{Reach, endpoint};

pub(super) const CHECK: Check = Check { ids: &["gateway.remote_plain_ws"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let config = model.config();
    let Some(remote) = config.text("gateway.remote.url").and_then(endpoint) else { return };
    let tunnelled = config.text("gateway.remote.transport") == Some("ssh");
    if !matches!(remote.scheme.as_str(), "ws" | "http") || remote.reach == Reach::Loopback || tunnelled {
        return;
    }
    let severity = if remote.reach == Reach::Public { Severity::Critical } else { Severity::Warn };
    out.push(
        Finding::new("gateway.remote_plain_ws", severity, "The remote gateway is spoken to in plain text")
            .detail(format!(
                "gateway.remote.url is {}: whoever is on the way reads the credential and every message, and can answer as the \
                 gateway.",
                remote.shown
            ))
            .remedy("Use wss://, gateway.remote.transport \"ssh\", or a tailnet.")
            .key("gateway.remote.url"),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{findings, said, snapshot};

    #[test]
    fn plain_text_is_for_this_machine_only() {
        let of = |remote: serde_json::Value| said(&snapshot(json!({"gateway": {"remote": remote}})), "gateway.remote");
        assert_eq!(of(json!({"url": "ws://203.0.113.7:18789"})), ["critical gateway.remote_plain_ws"]);
        assert_eq!(of(json!({"url": "WS://10.0.0.7"})), ["warn gateway.remote_plain_ws"]);
        for url in ["ws://127.0.0.1:18789", "wss://203.0.113.7", "nonsense", ""] {
            assert!(of(json!({ "url": url })).is_empty(), "{url}");
        }
        assert!(of(json!({"url": "ws://box.example", "transport": "ssh"})).is_empty());
    }

    #[test]
    fn a_credential_in_the_address_is_not_shown() {
        let install = snapshot(json!({"gateway": {"remote": {"url": "ws://op:hunter2@203.0.113.7/?token=hunter2"}}}));
        assert!(!format!("{:?}", findings(&install, "gateway.remote")).contains("hunter2"));
    }
}
