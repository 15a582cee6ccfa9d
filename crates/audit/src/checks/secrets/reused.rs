//! One secret for two things: whoever is given one of them has the other. That of the gateway and of the hooks is
//! `hooks.token_reuse_gateway_token`, and said there.

use std::collections::BTreeMap;

use stockade_config::KeyPath;

use crate::checks::Check;
use crate::finding::{Finding, Place, Severity};
use crate::model::Model;
use crate::snapshot::SecretFact;
use crate::snapshot::config::Weak;

pub(super) const CHECK: Check = Check { ids: &["secrets.reused"], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let mut same: BTreeMap<&str, Vec<(KeyPath, &SecretFact)>> = BTreeMap::new();
    for (key, fact) in super::all(model.config()).into_iter().filter(|(_, fact)| is_secret(fact)) {
        same.entry(&fact.digest).or_default().push((key, fact));
    }
    for uses in same.values() {
        let mut roles: Vec<Role> = uses.iter().map(|(key, fact)| role(key, fact)).collect();
        roles.sort();
        roles.dedup();
        let opens = |role: &Role| matches!(role, Role::Gateway(_) | Role::Hooks);
        if roles.len() < 2 || roles.iter().all(opens) && roles.contains(&Role::Hooks) {
            continue;
        }
        let severity = if roles.iter().any(opens) { Severity::Critical } else { Severity::Warn };
        let keys: Vec<String> = uses.iter().map(|(key, _)| key.to_string()).collect();
        let mut finding = Finding::new("secrets.reused", severity, "One secret for several things")
            .detail(format!(
                "{} have the same value. Whoever holds it for one of them can use the others, and replacing it in one \
                 place leaves it good in the rest.",
                keys.join(", ")
            ))
            .remedy("Give each a secret of its own, such as the output of `openssl rand -hex 32`.");
        for (key, _) in uses {
            finding = finding.at(Place::Key(key.clone()));
        }
        findings.push(finding);
    }
}

/// What a secret is for. The same secret for the same thing is no reuse.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// Commands the gateway, here or from afar: by token or password.
    Gateway(String),
    /// Starts turns.
    Hooks,
    /// Is issued by a provider, which may take it for several of its services.
    Issued(String),
    /// Anything else, by the first parts of its key.
    Other(Vec<String>),
}

fn role(key: &KeyPath, fact: &SecretFact) -> Role {
    let parts: Vec<&str> = key.parts().iter().map(String::as_str).collect();
    let first = |count: usize| parts.iter().take(count).map(|part| (*part).to_owned()).collect();
    match (parts.as_slice(), &fact.looks_like) {
        (["gateway", "auth" | "remote", what], _) => Role::Gateway((*what).to_owned()),
        (["hooks", "token"], _) => Role::Hooks,
        (["channels", _, "accounts", ..], _) => Role::Other(first(4)),
        (["channels", ..], _) => Role::Other(first(2)),
        (_, Some(issuer)) => Role::Issued(issuer.clone()),
        (["models", "providers", ..] | ["mcp", "servers", ..] | ["plugins", "entries", ..], None) => {
            Role::Other(first(3))
        }
        _ => Role::Other(first(2)),
    }
}

/// Whether it is one to be reused: `ollama` and `undefined` are none.
fn is_secret(fact: &SecretFact) -> bool {
    fact.characters >= LEAST && !fact.digest.is_empty() && fact.weakness != Some(Weak::Placeholder) && !fact.placeholder
}

/// The shortest value, in characters, that is taken for a secret: shorter ones are what local models are given.
const LEAST: u32 = 8;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{said, snapshot, snapshot_with};

    const ONE: &str = "q7Hs82kLmZ04xWvT9bNc31Rd";

    #[test]
    fn one_secret_for_two_things_is_said() {
        let gateway = json!({"auth": {"mode": "token", "token": ONE}, "remote": {"password": ONE}});
        assert_eq!(said(&snapshot(json!({"gateway": gateway})), "secrets.reused"), ["critical secrets.reused"]);
        let provider = json!({"gateway": {"auth": {"token": ONE}}, "models": {"providers": {"x": {"apiKey": ONE}}}});
        assert_eq!(said(&snapshot(provider), "secrets.reused"), ["critical secrets.reused"]);
        let two = json!({"models": {"providers": {"x": {"apiKey": ONE}, "y": {"apiKey": "${K}"}}}});
        assert_eq!(said(&snapshot_with(two, &[("K", ONE)]), "secrets.reused"), ["warn secrets.reused"]);
        let accounts = json!({"channels": {"slack": {"accounts": {"a": {"botToken": ONE}, "b": {"botToken": ONE}}}}});
        assert_eq!(said(&snapshot(accounts), "secrets.reused"), ["warn secrets.reused"]);
    }

    #[test]
    fn the_same_thing_twice_is_honest() {
        let key = "sk-ant-q7Hs82kLmZ04xWvT9bNc31Rdu5Yt81jPnA36zCeR";
        for config in [
            json!({"gateway": {"auth": {"token": ONE}, "remote": {"token": ONE}}}),
            json!({"models": {"providers": {"anthropic": {"apiKey": key}, "claude": {"apiKey": key}}}}),
            json!({"models": {"providers": {"a": {"apiKey": "local"}, "b": {"apiKey": "local"}}}}),
            json!({"gateway": {"auth": {"token": ONE}}, "hooks": {"enabled": true, "token": ONE}}),
        ] {
            assert!(said(&snapshot(config.clone()), "secrets.reused").is_empty(), "{config}");
        }
    }
}
