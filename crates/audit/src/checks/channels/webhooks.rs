//! Webhooks of channels: addresses at which the platform delivers messages. The attack: deliver one yourself, in the
//! name of a sender who is on the list.

use crate::checks::Check;
use crate::finding::{Finding, Fix, Place, Severity};
use crate::model::Model;
use crate::model::channels::Account;
use crate::snapshot::{ConfigFacts, SecretSource};

pub(super) const CHECK: Check = Check { ids: &["channels.webhook_exposed"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    for account in model.channels.live() {
        out.extend(unsigned(account, model.config()));
        out.extend(wide(account));
    }
}

/// A webhook whose deliveries nobody can prove to be the platform's.
fn unsigned(account: &Account<'_>, config: &ConfigFacts) -> Option<Finding> {
    let (on, secret) = match account.channel {
        "telegram" | "zalo" => ("webhookUrl", "webhookSecret"),
        "slack" => ("mode", "signingSecret"),
        "feishu" => ("connectionMode", "encryptKey"),
        _ => return None,
    };
    let word = account.text(on).unwrap_or_default();
    let used = match account.channel {
        "slack" => word == "http",
        "feishu" => word == "webhook",
        _ => account.get(on).is_some() && !word.trim().is_empty(),
    };
    let held = account.get(secret).and_then(|value| config.secret_of(value));
    let held = held.is_some_and(|fact| match fact.source {
        SecretSource::MissingVariable(_) => false,
        SecretSource::Reference(..) => true,
        SecretSource::Literal | SecretSource::Mixed | SecretSource::Variable(_) => fact.has_value(),
    });
    (used && !held).then(|| {
        Finding::new("channels.webhook_exposed", Severity::Critical, "Whoever finds a webhook can speak for anyone")
            .detail(format!(
                "{}: messages come in over HTTP ({}), and {} has no value. A forged delivery cannot be told from a true \
                 one: it names any sender it likes, one on the list for example.",
                account.label(),
                account.key(on),
                account.key(secret)
            ))
            .remedy(format!("Set {} to a long random value, and the same on the platform.", account.key(secret)))
            .at(Place::Key(account.key(secret)))
            .at(Place::Key(account.key(on)))
    })
}

/// A webhook that listens on more than this machine.
fn wide(account: &Account<'_>) -> Option<Finding> {
    let host = account.text("webhookHost")?.trim();
    let local = host.eq_ignore_ascii_case("localhost")
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    (!local && !host.is_empty()).then(|| {
        Finding::new("channels.webhook_exposed", Severity::Warn, "A webhook listens on the network")
            .detail(format!(
                "{}: {} is \"{}\", so the webhook is reached without the TLS of a proxy, past its rules.",
                account.label(),
                account.key("webhookHost"),
                stockade_core::text::single_line(host)
            ))
            .remedy("Bind it to 127.0.0.1 and let a reverse proxy or a tunnel with TLS forward to it.")
            .at(Place::Key(account.key("webhookHost")))
            .fix(
                Fix::ask(format!("bind the webhook of {} to this machine", account.label()))
                    .change(crate::Change::Set { key: account.key("webhookHost"), to: "127.0.0.1".into() }),
            )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{said, snapshot};

    fn webhooks(config: Value) -> Vec<String> {
        said(&snapshot(json!({"channels": config})), "channels.webhook")
            .iter()
            .map(|id| id.split(' ').next().unwrap_or("").to_owned())
            .collect()
    }

    #[test]
    fn a_webhook_needs_a_secret_with_a_value_and_a_local_address() {
        let secret = "k3jd92lsm0qpz7xv1bak3jd92lsm0";
        assert_eq!(webhooks(json!({"telegram": {"webhookUrl": "https://x.example/t"}})), ["critical"]);
        assert_eq!(
            webhooks(json!({"telegram": {"webhookUrl": "https://x.example/t", "webhookSecret": "${UNSET_HERE}"}})),
            ["critical"]
        );
        assert_eq!(
            webhooks(
                json!({"telegram": {"webhookUrl": "https://x.example/t", "webhookSecret": secret, "webhookHost": " 0.0.0.0"}})
            ),
            ["warn"]
        );
        assert_eq!(webhooks(json!({"slack": {"mode": "http"}})), ["critical"]);
        for sound in [
            json!({"telegram": {"webhookUrl": "https://x.example/t", "webhookSecret": secret, "webhookHost": "127.0.0.1"}}),
            json!({"telegram": {"webhookHost": "[::1]"}}),
            json!({"slack": {"mode": "http", "signingSecret": secret}}),
            json!({"slack": {"mode": "socket"}, "telegram": {}}),
        ] {
            assert!(webhooks(sound.clone()).is_empty(), "{sound}");
        }
    }
}
