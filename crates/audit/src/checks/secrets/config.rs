//! Secrets that stand in the config itself. A `${NAME}` stands in the environment, so that it is none of them: here we
//! differ from OpenClaw, which looks at the value after it was replaced.

use stockade_config::KeyPath;

use crate::checks::Check;
use crate::finding::{Finding, Place, Severity};
use crate::model::Model;
use crate::snapshot::SecretFact;
use crate::snapshot::config::Weak;

pub(super) const CHECK: Check = Check {
    ids: &[
        "config.secrets.gateway_password_in_config",
        "config.secrets.hooks_token_in_config",
        "secrets.plaintext_in_config",
    ],
    run,
};

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let config = model.config();
    let literal = |key: &str| config.secret(key).is_some_and(|fact| fact.in_file() && fact.has_value());
    if literal(PASSWORD) {
        findings.push(
            Finding::new("config.secrets.gateway_password_in_config", Severity::Warn, "Gateway password in the config")
                .detail(
                    "gateway.auth.password is written out in the config. Whoever reads the file, a backup of it or a \
                     screenshot of it can command the gateway.",
                )
                .remedy("Put the password into OPENCLAW_GATEWAY_PASSWORD in the environment and remove the key.")
                .key(PASSWORD),
        );
    }
    if config.is_true("hooks.enabled") && literal(HOOKS) {
        findings.push(
            Finding::new("config.secrets.hooks_token_in_config", Severity::Info, "Hooks token in the config")
                .detail("hooks.token is written out in the config. Whoever reads it can start turns through the hooks.")
                .remedy("Keep the token in the environment and write hooks.token as \"${OPENCLAW_HOOKS_TOKEN}\".")
                .key(HOOKS),
        );
    }
    plaintext(model, findings);
}

/// One finding for all other secrets: a note where only the owner can read them.
fn plaintext(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let config = model.config();
    let mut secrets: Vec<_> = super::all(config);
    let is_told = |key: &KeyPath| [PASSWORD, HOOKS].contains(&key.to_string().as_str());
    secrets.retain(|(key, fact)| is_written(fact) && !is_told(key) && !is_filler(key, fact));
    if secrets.is_empty() {
        return;
    }
    let open = config.files.iter().any(|file| file.mode & 0o044 != 0);
    let severity = if open { Severity::Warn } else { Severity::Info };
    let lines: Vec<String> = secrets.iter().map(|(key, fact)| format!("{key}: {}", words(fact))).collect();
    let readers = if open { " Others on this machine can read the file." } else { "" };
    let mut finding = Finding::new("secrets.plaintext_in_config", severity, "Secrets written out in the config")
        .detail(format!(
            "Each of these goes wherever the file goes: to backups, to a repository, to whoever is shown it.{readers}\n{}",
            lines.join("\n")
        ))
        .remedy(
            "Put each into the environment or into <state>/.env with mode 600 and write \"${NAME}\" in its place, or \
             {\"source\": \"file\", \"provider\": …, \"id\": …}. Replace those that others may have read.",
        );
    for (key, _) in secrets {
        finding = finding.at(Place::Key(key));
    }
    findings.push(finding);
}

/// Whether it is a secret and stands in the file: a placeholder gives nothing away.
fn is_written(fact: &SecretFact) -> bool {
    fact.in_file() && fact.has_value() && !fact.placeholder && fact.weakness != Some(Weak::Placeholder)
}

/// Whether it is what a local model is given because something must stand there, such as `ollama`: no provider issues
/// keys this short.
fn is_filler(key: &KeyPath, fact: &SecretFact) -> bool {
    let parts: Vec<&str> = key.parts().iter().map(String::as_str).collect();
    matches!(parts.as_slice(), ["models", "providers", _, "apiKey"])
        && fact.looks_like.is_none()
        && fact.characters < LEAST_KEY
}

fn words(fact: &SecretFact) -> String {
    let what = fact.looks_like.as_deref().unwrap_or("secret");
    format!("{what}, {} characters", fact.characters)
}

const PASSWORD: &str = "gateway.auth.password";
const HOOKS: &str = "hooks.token";
/// The shortest key of a provider, in characters.
const LEAST_KEY: u32 = 16;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::snapshot::ConfigFile;
    use crate::testing::{findings, said, snapshot, snapshot_with};

    #[test]
    fn only_what_stands_in_the_file_is_in_the_config() {
        let config = |password: &str, token: &str| {
            json!({"gateway": {"auth": {"mode": "password", "password": password}},
                "hooks": {"enabled": true, "token": token}})
        };
        let wanted = ["info config.secrets.hooks_token_in_config", "warn config.secrets.gateway_password_in_config"];
        assert_eq!(said(&snapshot(config("x7", "y8")), "config.secrets."), wanted);
        let env = [("P", "q7Hs82kLmZ04xWvT9bNc31Rd"), ("T", "z7Hs82kLmZ04xWvT9bNc31Rd")];
        assert!(said(&snapshot_with(config("${P}", "${T}"), &env), "config.secrets.").is_empty());
        assert!(said(&snapshot(config("${GONE}", "")), "config.secrets.").is_empty());
    }

    #[test]
    fn every_secret_is_named_and_none_is_shown() {
        let key = "sk-ant-q7Hs82kLmZ04xWvT9bNc31Rdu5Yt81jPnA36zCeR";
        let config = json!({
            "gateway": {"auth": {"token": "${T}"}},
            "models": {"providers": {"anthropic": {"apiKey": key}}},
            "mcp": {"servers": {"x": {"env": {"SOME_NAME": format!("{key}2")}}}},
            "channels": {"telegram": {"botToken": "123456789:AAExampleExampleExampleExampleExampl"}},
        });
        let mut snapshot = snapshot_with(config, &[("T", "z7Hs82kLmZ04xWvT9bNc31Rd")]);
        let [finding] = findings(&snapshot, "secrets.plaintext").try_into().expect("one");
        assert_eq!((finding.severity.id(), finding.places.len()), ("info", 2), "{finding:?}");
        assert!(!serde_json::to_string(&finding).expect("JSON").contains("q7Hs82kL"));
        snapshot.config.files = vec![ConfigFile { mode: 0o644, ..ConfigFile::default() }];
        assert_eq!(said(&snapshot, "secrets.plaintext"), ["warn secrets.plaintext_in_config"]);
    }

    #[test]
    fn what_a_local_model_is_given_for_want_of_a_key_is_no_secret() {
        let provider = |key: &str| json!({"models": {"providers": {"house": {"apiKey": key}}}});
        assert!(said(&snapshot(provider("lm-studio")), "secrets.plaintext").is_empty());
        assert_eq!(
            said(&snapshot(provider("w8Ks02mQxv71Lr5T")), "secrets.plaintext"),
            ["info secrets.plaintext_in_config"]
        );
        let elsewhere = json!({"channels": {"irc": {"password": "w8Ks02mQ"}}});
        assert_eq!(said(&snapshot(elsewhere), "secrets.plaintext"), ["info secrets.plaintext_in_config"]);
    }
}
