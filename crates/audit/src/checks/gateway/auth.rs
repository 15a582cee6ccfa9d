//! Whether the gateway asks who is there. Answers the open port: whoever reaches it is the operator.

use serde_json::{Value, json};

use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::Model;
use crate::snapshot::{Generation, SecretSource};

pub(super) const CHECK: Check = Check {
    ids: &[
        "gateway.bind_no_auth",
        "gateway.loopback_no_auth",
        "gateway.http.no_auth",
        "gateway.auth_no_rate_limit",
        "gateway.env_token_overrides_config",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    out.extend(bind_no_auth(model));
    out.extend(loopback_no_auth(model));
    out.extend(http_no_auth(model));
    out.extend(no_rate_limit(model));
    out.extend(env_token(model));
}

fn bind_no_auth(model: &Model<'_>) -> Option<Finding> {
    let gateway = &model.gateway;
    if !gateway.beyond_loopback() || gateway.has_auth {
        return None;
    }
    let detail = format!(
        "gateway.bind is \"{}\" and the gateway has neither a token nor a password in force. Whoever reaches the port can \
         run the agent as its owner: read its files, send its messages, start its commands.",
        gateway.bind
    );
    let finding = Finding::new("gateway.bind_no_auth", Severity::Critical, "The gateway listens beyond loopback and asks nobody who they are")
        .detail(detail)
        .remedy("Set gateway.bind to \"loopback\", or set a long random token in OPENCLAW_GATEWAY_TOKEN with gateway.auth.mode \"token\".")
        .key("gateway.bind")
        .key("gateway.auth.token");
    Some(finding.fix(Fix::ask("Listen on loopback only").set("gateway.bind", "loopback")))
}

fn loopback_no_auth(model: &Model<'_>) -> Option<Finding> {
    let gateway = &model.gateway;
    let by_identity = gateway.allow_tailscale && gateway.tailscale == "serve";
    if gateway.beyond_loopback() || !gateway.control_ui || gateway.has_auth || by_identity {
        return None;
    }
    let finding = Finding::new(
        "gateway.loopback_no_auth",
        Severity::Critical,
        "The gateway on loopback has no credential",
    )
    .detail(
        "No gateway token or password is in force. Any program and any user of this machine, and anyone whom a reverse \
             proxy lets through, can drive the Control UI.",
    )
    .remedy("Set a long random token in OPENCLAW_GATEWAY_TOKEN, or turn gateway.controlUi.enabled off.")
    .key("gateway.auth.token");
    Some(finding)
}

fn http_no_auth(model: &Model<'_>) -> Option<Finding> {
    let (config, gateway) = (model.config(), &model.gateway);
    if gateway.can_be_shown() {
        return None;
    }
    let open: Vec<&str> =
        ENDPOINTS.iter().filter(|(key, _)| key.is_empty() || config.is_true(key)).map(|(_, path)| *path).collect();
    let severity = if gateway.remote_exposed { Severity::Critical } else { Severity::Warn };
    let why = if gateway.auth_mode_explicit {
        format!("gateway.auth.mode is \"{}\" and what it needs is missing or is nothing", gateway.auth_mode)
    } else {
        "No gateway token or password is in force".to_owned()
    };
    let finding = Finding::new("gateway.http.no_auth", severity, "The HTTP interfaces answer without a credential")
        .detail(format!(
            "{why}, so {} can be called by whoever reaches the port. Tools run through them.",
            open.join(", ")
        ))
        .remedy("Set gateway.auth.mode to \"token\" and put a long random token in OPENCLAW_GATEWAY_TOKEN.")
        .key("gateway.auth.mode");
    Some(finding)
}

fn no_rate_limit(model: &Model<'_>) -> Option<Finding> {
    let (config, gateway) = (model.config(), &model.gateway);
    let limited = config.get("gateway.auth.rateLimit").is_some_and(Value::is_object);
    if !gateway.beyond_loopback() || gateway.behind_proxy() || limited {
        return None;
    }
    let finding = Finding::new(
        "gateway.auth_no_rate_limit",
        Severity::Warn,
        "Guessing the credential is not slowed down",
    )
    .detail(format!(
        "gateway.bind is \"{}\" and gateway.auth.rateLimit is not set: whoever reaches the port can try credentials as \
             fast as the network carries them.",
        gateway.bind
    ))
    .remedy("Set gateway.auth.rateLimit, for example ten attempts a minute and five minutes of lockout.")
    .key("gateway.auth.rateLimit");
    // February knows no such key, and refuses a config that has it.
    if model.snapshot.install.generation == Generation::February {
        return Some(finding);
    }
    let limit = json!({"maxAttempts": 10, "windowMs": 60_000, "lockoutMs": 300_000});
    Some(
        finding.fix(Fix::safe("Lock out after ten wrong credentials in a minute").set("gateway.auth.rateLimit", limit)),
    )
}

fn env_token(model: &Model<'_>) -> Option<Finding> {
    let (config, env) = (model.config(), &model.snapshot.env);
    let in_env = env.secrets.get(VARIABLE).filter(|fact| fact.has_value())?;
    let in_config = config.secret("gateway.auth.token")?;
    let same = match &in_config.source {
        SecretSource::Reference(source, id) => source == "env" && id == VARIABLE,
        SecretSource::Variable(name) | SecretSource::MissingVariable(name) if name == VARIABLE => true,
        SecretSource::MissingVariable(_) => false,
        _ => in_config.digest == in_env.digest || !in_config.has_value(),
    };
    let service = env.text("OPENCLAW_SERVICE_KIND").map(str::trim) == Some("gateway");
    let elsewhere = config.text("gateway.mode") == Some("remote");
    let unused = matches!(config.text("gateway.auth.mode"), Some("password" | "none" | "trusted-proxy"));
    if same || service || elsewhere || unused {
        return None;
    }
    let finding = Finding::new(
        "gateway.env_token_overrides_config",
        Severity::Warn,
        "Two different gateway tokens are in use",
    )
    .detail(format!(
        "{VARIABLE} and gateway.auth.token are not the same. Which one counts depends on who asks, so a token that was \
             thought to be replaced can still let somebody in."
    ))
    .remedy(format!(
        "Keep one: take {VARIABLE} out of the shell and the .env file, or write gateway.auth.token as ${{{VARIABLE}}}."
    ))
    .key("gateway.auth.token");
    Some(finding)
}

const VARIABLE: &str = "OPENCLAW_GATEWAY_TOKEN";

/// The HTTP interfaces, by the key that turns each on; the first is always on.
const ENDPOINTS: &[(&str, &str)] = &[
    ("", "/tools/invoke"),
    ("gateway.http.endpoints.chatCompletions.enabled", "/v1/chat/completions"),
    ("gateway.http.endpoints.responses.enabled", "/v1/responses"),
    ("plugins.entries.admin-http-rpc.enabled", "/api/v1/admin/rpc"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{findings, said, snapshot, snapshot_with};

    const LONG: &str = "c1f0a6f2b77e4b0d9a3c5e8d7f6a1b2c4d5e6f70";

    fn of(gateway: Value) -> Vec<String> {
        let mut said = said(&snapshot(json!({ "gateway": gateway })), "gateway.");
        said.retain(|line| CHECK.ids.iter().any(|id| line.ends_with(id)));
        said
    }

    #[test]
    fn nobody_is_asked() {
        assert_eq!(of(json!({})), ["critical gateway.loopback_no_auth", "warn gateway.http.no_auth"]);
        let open =
            ["critical gateway.bind_no_auth", "critical gateway.http.no_auth", "warn gateway.auth_no_rate_limit"];
        for bind in [json!("lan"), json!("LAN"), json!(" Loopback"), json!("internet"), json!(0), json!([])] {
            assert_eq!(of(json!({ "bind": bind, "auth": {} })), open, "{bind}");
        }
        assert_eq!(of(json!({"bind": "lan", "auth": {"mode": "none", "token": LONG}})), open);
        assert_eq!(of(json!({"controlUi": {"enabled": false}})), ["warn gateway.http.no_auth"]);
    }

    #[test]
    fn a_guarded_gateway_is_quiet() {
        assert!(of(json!({"bind": "loopback", "auth": {"mode": "token", "token": LONG}})).is_empty());
        assert!(of(json!({"bind": "lan", "auth": {"token": LONG, "rateLimit": {}}})).is_empty());
        assert!(of(json!({"bind": "lan", "auth": {"mode": "trusted-proxy"}})).is_empty());
        for limit in [json!(false), json!("on"), json!(10), json!([])] {
            assert_eq!(
                of(json!({"bind": "lan", "auth": {"token": LONG, "rateLimit": limit}})),
                ["warn gateway.auth_no_rate_limit"]
            );
        }
    }

    #[test]
    fn serve_lets_identities_in_but_not_over_http() {
        assert_eq!(of(json!({"tailscale": {"mode": "serve"}})), ["critical gateway.http.no_auth"]);
    }

    #[test]
    fn no_fix_writes_a_key_that_the_generation_refuses() {
        let mut install = snapshot(json!({"gateway": {"bind": "lan", "auth": {"token": LONG}}}));
        let fix = |install: &crate::Snapshot| findings(install, "gateway.auth_no_rate_limit")[0].fix.clone();
        assert!(fix(&install).is_some());
        install.install.generation = Generation::February;
        assert_eq!(fix(&install), None);
    }

    #[test]
    fn every_interface_that_is_open_is_named() {
        let config = json!({
            "gateway": {"http": {"endpoints": {"responses": {"enabled": true}}}},
            "plugins": {"entries": {"admin-http-rpc": {"enabled": true}}},
        });
        let found = findings(&snapshot(config), "gateway.http.no_auth");
        assert!(found[0].detail.contains("/tools/invoke, /v1/responses, /api/v1/admin/rpc"), "{}", found[0].detail);
    }

    #[test]
    fn two_tokens_are_told_from_one() {
        let conflict = |auth: Value, env: &[(&str, &str)]| {
            let snapshot = snapshot_with(json!({"gateway": {"auth": auth}}), env);
            !said(&snapshot, "gateway.env_token_overrides_config").is_empty()
        };
        let env = [(VARIABLE, LONG), ("OTHER", "another-long-token-of-somebody")];
        assert!(conflict(json!({"token": "another-long-token-of-somebody"}), &env));
        assert!(conflict(json!({"token": "${OTHER}"}), &env));
        assert!(
            !conflict(json!({"token": LONG}), &env) && !conflict(json!({"token": "${OPENCLAW_GATEWAY_TOKEN}"}), &env)
        );
        assert!(!conflict(json!({"token": {"source": "env", "provider": "default", "id": VARIABLE}}), &env));
        assert!(!conflict(json!({"mode": "none", "token": "x"}), &env) && !conflict(json!({}), &env));
        let service = [(VARIABLE, LONG), ("OPENCLAW_SERVICE_KIND", " gateway ")];
        assert!(!conflict(json!({"token": "x"}), &service));
    }
}
