//! What a webhook must show. Answers the request that anyone can send, and the hook's token that opens the gateway too.

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;
use crate::snapshot::SecretSource;

pub(super) const CHECK: Check =
    Check { ids: &["hooks.no_token", "hooks.token_too_short", "hooks.token_reuse_gateway_token"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let (config, gateway) = (model.config(), &model.gateway);
    if !config.is_true("hooks.enabled") {
        return;
    }
    let Some(token) = config.secret("hooks.token").filter(|token| token.has_value() || is_elsewhere(&token.source))
    else {
        out.push(no_token(model));
        return;
    };
    if token.has_value() && token.characters < LEAST {
        out.push(
            Finding::new("hooks.token_too_short", Severity::Warn, "The hooks' token is short")
                .detail(format!("hooks.token has {} characters. A short one can be guessed.", token.characters))
                .remedy(format!("Replace it by at least {LEAST} random characters."))
                .key("hooks.token"),
        );
    }
    let guard = match gateway.auth_mode.as_str() {
        "token" => gateway.token.as_ref().map(|fact| ("token", fact)),
        "password" | "trusted-proxy" => gateway.password.as_ref().map(|fact| ("password", fact)),
        _ => None,
    };
    if let Some((name, _)) = guard.filter(|(_, fact)| token.has_value() && fact.digest == token.digest) {
        out.push(
            Finding::new("hooks.token_reuse_gateway_token", Severity::Critical, "Whoever may send a hook may operate the gateway")
                .detail(format!(
                    "hooks.token and the gateway's {name} are the same. A hook's token lies with each service that calls it and in \
                     their logs; with it, all of the gateway opens."
                ))
                .remedy("Give the hooks a token of their own, then replace the gateway's.")
                .key("hooks.token")
                .key(&format!("gateway.auth.{name}")),
        );
    }
}

fn no_token(model: &Model<'_>) -> Finding {
    let severity = if model.gateway.remote_exposed { Severity::Critical } else { Severity::Warn };
    Finding::new("hooks.no_token", severity, "Hooks are on without a token")
        .detail("hooks.enabled is true and hooks.token is missing or blank: nothing tells a service's call from a stranger's, and a call wakes an agent with the caller's text.")
        .remedy("Set hooks.token to a long random value of its own, or turn the hooks off.")
        .key("hooks.token")
}

/// Whether the value is one that only the gateway's own environment may have.
const fn is_elsewhere(source: &SecretSource) -> bool {
    matches!(source, SecretSource::MissingVariable(_))
}

/// What OpenClaw calls long.
const LEAST: u32 = 24;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{findings, said, snapshot};

    const LONG: &str = "c1f0a6f2b77e4b0d9a3c5e8d7f6a1b2c4d5e6f70";

    fn of(token: Value, auth: Value) -> Vec<String> {
        let install = snapshot(json!({"gateway": {"auth": auth}, "hooks": {"enabled": true, "token": token}}));
        let mut said = said(&install, "hooks.");
        said.retain(|line| CHECK.ids.iter().any(|id| line.ends_with(id)));
        said
    }

    #[test]
    fn a_hook_without_a_token_is_open() {
        for token in [json!(null), json!(""), json!("  "), json!(12345), json!({"a": 1}), json!([])] {
            assert_eq!(of(token.clone(), json!({})), ["warn hooks.no_token"], "{token}");
        }
        assert!(of(json!("${SET_ELSEWHERE}"), json!({})).is_empty());
        assert!(said(&snapshot(json!({"hooks": {"token": "x"}})), "hooks.").is_empty());
    }

    #[test]
    fn one_token_for_two_doors_is_found_and_not_shown() {
        assert_eq!(
            of(json!(LONG), json!({"token": format!(" {LONG} ")})),
            ["critical hooks.token_reuse_gateway_token"]
        );
        assert_eq!(of(json!(LONG), json!({"password": LONG})), ["critical hooks.token_reuse_gateway_token"]);
        assert!(of(json!(LONG), json!({"mode": "token", "token": format!("{LONG}1"), "password": LONG})).is_empty());
        let short = ["critical hooks.token_reuse_gateway_token", "warn hooks.token_too_short"];
        assert_eq!(of(json!("hook-secret"), json!({"token": "hook-secret"})), short);
        let install = snapshot(
            json!({"gateway": {"auth": {"token": "hook-secret"}}, "hooks": {"enabled": true, "token": "hook-secret"}}),
        );
        assert!(!format!("{:?}", findings(&install, "hooks.")).contains("hook-secret"));
    }
}
