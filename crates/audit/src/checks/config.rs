//! The config as a document: what cannot be read, what nobody knows, what stands twice, what is dangerous by name.

use super::Check;

mod approvals;
mod browser;
mod commands;
mod document;
mod flags;
mod mcp;
mod private_network;
mod retired;
mod roster;
mod suppressions;
mod troubles;

pub(super) const CHECKS: &[Check] = &[
    document::CHECK,
    troubles::CHECK,
    retired::CHECK,
    approvals::CHECK,
    roster::CHECK,
    flags::CHECK,
    suppressions::CHECK,
    private_network::CHECK,
    commands::CHECK,
    mcp::CHECK,
    browser::CHECK,
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use crate::checks::{discovery, gateway, hooks, summary};
    use crate::model::Model;
    use crate::testing::{said, snapshot};

    /// Keys that checks of this subject and of the gateway, discovery and hooks read.
    const KEYS: &[&str] = &[
        "agents",
        "agents.entries",
        "agents.list",
        "agents.ownership",
        "browser",
        "browser.cdpUrl",
        "browser.enabled",
        "browser.extraArgs",
        "browser.profiles",
        "browser.ssrfPolicy",
        "channels",
        "channels.telegram",
        "commands",
        "commands.bash",
        "commands.ownerAllowFrom",
        "discovery",
        "discovery.mdns.mode",
        "discovery.wideArea.domain",
        "gateway",
        "gateway.auth",
        "gateway.auth.mode",
        "gateway.auth.password",
        "gateway.auth.rateLimit",
        "gateway.auth.token",
        "gateway.auth.trustedProxy",
        "gateway.bind",
        "gateway.controlUi",
        "gateway.controlUi.allowedOrigins",
        "gateway.customBindHost",
        "gateway.http.endpoints",
        "gateway.nodes",
        "gateway.nodes.commands.allow",
        "gateway.nodes.commands.deny",
        "gateway.nodes.pairing.autoApproveCidrs",
        "gateway.remote",
        "gateway.remote.url",
        "gateway.tailscale.mode",
        "gateway.tools.allow",
        "gateway.trustedProxies",
        "hooks",
        "hooks.allowedAgentIds",
        "hooks.allowedSessionKeyPrefixes",
        "hooks.enabled",
        "hooks.gmail",
        "hooks.mappings",
        "hooks.path",
        "hooks.token",
        "logging.redactSensitive",
        "mcp",
        "mcp.servers",
        "mcp.servers.x.args",
        "mcp.servers.x.command",
        "mcp.servers.x.url",
        "plugins.entries.imap.config.accounts",
        "security.audit.suppressions",
    ];

    fn anything() -> impl Strategy<Value = Value> {
        let words = prop_oneof![
            Just(" Full "),
            Just("LAN"),
            Just("*"),
            Just("0.0.0.0/0"),
            Just("trusted-proxy"),
            Just("http://[::1"),
            Just("npx"),
            Just("@"),
            Just("${X}"),
            Just("/"),
            Just("é@"),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            words.prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let names = prop_oneof![
                any::<String>(),
                Just("enabled".to_owned()),
                Just("$secret".to_owned()),
                Just("cdpUrl".to_owned())
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((names, inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    /// Writes a value at a key, over whatever stands in the way.
    fn write(config: &mut Value, key: &str, value: Value) {
        let mut at = config;
        for part in key.split('.') {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            at = &mut at[part];
        }
        *at = value;
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn nothing_that_a_config_can_hold_stops_a_check(values in prop::collection::vec((prop::sample::select(KEYS), anything()), 1..6)) {
            let mut config = json!({});
            for (key, value) in values {
                write(&mut config, key, value);
            }
            let install = snapshot(config);
            let model = Model::of(&install);
            let found = crate::checks::run(&model);
            prop_assert!(found.iter().any(|finding| finding.check_id == "summary.attack_surface"));
            let families = [super::CHECKS, gateway::CHECKS, discovery::CHECKS, hooks::CHECKS, summary::CHECKS];
            for check in families.into_iter().flatten() {
                let mut found = Vec::new();
                (check.run)(&model, &mut found);
                for finding in found {
                    prop_assert!(check.ids.contains(&finding.check_id.as_str()), "{} is not listed", finding.check_id);
                }
            }
        }
    }

    #[test]
    fn a_plain_personal_install_hears_only_what_openclaw_says() {
        let plain = json!({
            "gateway": {"mode": "local", "bind": "loopback", "auth": {"mode": "token", "token": "c1f0a6f2b77e4b0d9a3c5e8d7f6a1b2c4d5e6f70"}},
            "agents": {"defaults": {"workspace": "~/.openclaw/workspace"}},
            "channels": {"telegram": {"enabled": true, "dmPolicy": "pairing", "groupPolicy": "allowlist", "allowFrom": [123_456]}},
            "meta": {"lastTouchedVersion": "2026.9.6"},
        });
        for (family, expected) in [
            ("gateway.", vec!["warn gateway.trusted_proxies_missing"]),
            ("discovery.", vec![]),
            ("config.", vec![]),
            ("hooks.", vec![]),
            ("browser.", vec![]),
            ("mcp.", vec![]),
            ("commands.", vec![]),
            ("logging.", vec![]),
            ("audit.", vec![]),
            ("summary.", vec!["info summary.attack_surface"]),
        ] {
            assert_eq!(said(&snapshot(plain.clone()), family), expected, "{family}");
        }
    }
}
