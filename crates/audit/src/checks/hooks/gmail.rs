//! The Gmail hook: its door, beside the gateway's. Answers whoever sends an agent mail that Google never saw.

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;
use crate::model::reach::{Reach, of_host};
use crate::snapshot::SecretSource;

pub(super) const CHECK: Check = Check { ids: &["hooks.gmail_exposed"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let config = model.config();
    if config.fields("hooks.gmail").next().is_none() || !config.is_true("hooks.enabled") {
        return;
    }
    let mut found: Vec<(Severity, &str, String)> = Vec::new();
    let guarded = config
        .secret("hooks.gmail.pushToken")
        .is_some_and(|token| token.has_value() || matches!(token.source, SecretSource::MissingVariable(_)));
    let bind = config.get("hooks.gmail.serve.bind");
    if bind.is_some_and(|bind| bind.as_str().is_none_or(|bind| of_host(bind) != Reach::Loopback)) {
        let severity = if guarded { Severity::Warn } else { Severity::Critical };
        found.push((severity, "hooks.gmail.serve.bind", "listens beyond loopback".to_owned()));
    }
    let tailscale = config.text("hooks.gmail.tailscale.mode").unwrap_or_default().trim().to_lowercase();
    if tailscale == "funnel" {
        let severity = if guarded { Severity::Warn } else { Severity::Critical };
        found.push((
            severity,
            "hooks.gmail.tailscale.mode",
            "is \"funnel\", so anyone on the Internet reaches it".to_owned(),
        ));
    }
    if !guarded {
        found.push((
            Severity::Warn,
            "hooks.gmail.pushToken",
            "is missing, so nothing tells Google's calls from a stranger's".to_owned(),
        ));
    }
    let Some(severity) = found.iter().map(|(severity, ..)| *severity).max() else { return };
    let lines: Vec<String> = found.iter().map(|(_, key, what)| format!("- {key} {what}")).collect();
    let finding = Finding::new("hooks.gmail_exposed", severity, "The Gmail hook can be called by others than Google")
        .detail(format!(
            "Whoever calls it puts text before an agent as if it were the owner's mail:\n{}",
            lines.join("\n")
        ))
        .remedy("Set a long hooks.gmail.pushToken, and let only the push service reach the hook.");
    out.push(found.iter().fold(finding, |finding, (_, key, _)| finding.key(key)));
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{said, snapshot};

    fn of(gmail: Value) -> Vec<String> {
        said(&snapshot(json!({"hooks": {"enabled": true, "gmail": gmail}})), "hooks.gmail")
    }

    #[test]
    fn the_door_of_the_mail_is_looked_at() {
        let token = "c1f0a6f2b77e4b0d9a3c5e8d7f6a1b2c4d5e6f70";
        assert!(
            of(json!({"account": "op@home.example", "pushToken": token, "serve": {"bind": "127.0.0.1"}})).is_empty()
        );
        assert_eq!(of(json!({"account": "op@home.example"})), ["warn hooks.gmail_exposed"]);
        assert_eq!(of(json!({"pushToken": token, "tailscale": {"mode": "FUNNEL"}})), ["warn hooks.gmail_exposed"]);
        assert_eq!(of(json!({"tailscale": {"mode": "funnel"}})), ["critical hooks.gmail_exposed"]);
        assert_eq!(of(json!({"serve": {"bind": "0.0.0.0"}})), ["critical hooks.gmail_exposed"]);
        assert_eq!(of(json!({"serve": {"bind": 0}})), ["critical hooks.gmail_exposed"]);
        assert!(of(json!({})).is_empty() && of(json!([1])).is_empty() && of(json!("x")).is_empty());
        let off = json!({"hooks": {"gmail": {"serve": {"bind": "0.0.0.0"}}}});
        assert!(said(&snapshot(off), "hooks.gmail").is_empty(), "hooks are off");
    }
}
