//! Secrets that are long enough and still the first that is tried: a word of a manual, one piece over and over.
//! OpenClaw looks at lengths and at `undefined` alone.

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;
use crate::snapshot::SecretFact;
use crate::snapshot::config::Weak;

pub(super) const CHECK: Check = Check { ids: &["secrets.weak"], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let gateway = &model.gateway;
    let in_force = match gateway.auth_mode.as_str() {
        "token" => Some(("gateway.auth.token", gateway.token.as_ref())),
        "password" => Some(("gateway.auth.password", gateway.password.as_ref())),
        _ => None,
    };
    let hooks = model.config().is_true("hooks.enabled").then(|| ("hooks.token", model.config().secret("hooks.token")));
    for (key, fact) in in_force.into_iter().chain(hooks) {
        let Some(why) = fact.and_then(why) else { continue };
        let severity = if gateway.remote_exposed { Severity::Critical } else { Severity::Warn };
        findings.push(
            Finding::new("secrets.weak", severity, "A secret that is guessed")
                .detail(format!(
                    "{key} {why}. Lists of such values are what is tried first against a gateway that is found."
                ))
                .remedy(format!("Set {key} to the output of `openssl rand -hex 32`, and connect every client anew."))
                .key(key),
        );
    }
}

fn why(fact: &SecretFact) -> Option<&'static str> {
    match fact.weakness? {
        Weak::Placeholder if !fact.placeholder => Some("is, or has in it, what manuals print in the place of a secret"),
        Weak::Repetitive => Some("is one piece over and over, or a run of neighbouring characters"),
        Weak::Placeholder | Weak::Empty | Weak::Short => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{said, snapshot};

    #[test]
    fn long_and_guessed_is_weak() {
        let with = |token: &str, bind: &str| {
            snapshot(json!({"gateway": {"bind": bind, "auth": {"mode": "token", "token": token}}}))
        };
        for token in
            ["change-me-to-a-long-random-token", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "abcabcabcabcabcabcabcabcabc"]
        {
            assert_eq!(said(&with(token, "loopback"), "secrets.weak"), ["warn secrets.weak"], "{token}");
            assert_eq!(said(&with(token, "lan"), "secrets.weak"), ["critical secrets.weak"], "{token}");
        }
        for token in ["q7Hs82kLmZ04xWvT9bNc31Rd", "q7Hs82kL", "undefined", ""] {
            assert!(
                said(&with(token, "loopback"), "secrets.weak").is_empty(),
                "{token}: good, or said by another check"
            );
        }
        let hooks = json!({"hooks": {"enabled": true, "token": "abababababababababababababab"}});
        assert_eq!(said(&snapshot(hooks), "secrets.weak"), ["warn secrets.weak"]);
    }
}
