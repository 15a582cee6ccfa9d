//! Synology Chat, whose accounts share one web server. The attack: what is meant for one account is answered by
//! another with more rights.

use std::collections::BTreeMap;

use crate::checks::Check;
use crate::finding::{Finding, Place, Severity};
use crate::model::Model;
use crate::model::channels::Account;

pub(super) const CHECK: Check = Check {
    ids: &[
        "channels.synology-chat.dm.policy",
        "channels.synology-chat.routing.inherited-shared-webhook-path",
        "channels.synology-chat.routing.duplicate-webhook-path",
        "channels.synology-chat.routing.duplicate-webhook-url",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let accounts: Vec<_> = model.channels.live().filter(|account| account.channel == "synology-chat").collect();
    out.extend(accounts.iter().filter_map(|account| policy(account)));
    for account in &accounts {
        let inherited = account.explicit
            && account.one_of_several
            && !account.key("webhookPath").parts().contains(&"accounts".to_owned());
        if inherited && account.get("webhookPath").is_some() && !account.is_true("dangerouslyAllowInheritedWebhookPath")
        {
            out.push(shared(account, "inherited-shared-webhook-path", "webhookPath", Severity::Warn));
        }
    }
    for (field, code, severity) in [
        ("webhookPath", "duplicate-webhook-path", Severity::Warn),
        ("webhookUrl", "duplicate-webhook-url", Severity::Critical),
    ] {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for account in &accounts {
            if let Some(route) = account.text(field) {
                *seen.entry(route.trim_end_matches('/')).or_default() += 1;
            }
        }
        let twice = |account: &&&Account<'_>| {
            account
                .text(field)
                .is_some_and(|route| seen.get(route.trim_end_matches('/')).is_some_and(|count| *count > 1))
        };
        out.extend(accounts.iter().filter(twice).map(|account| shared(account, code, field, severity)));
    }
}

fn policy(account: &Account<'_>) -> Option<Finding> {
    let list = account.allow_from();
    let everyone = list.iter().any(|entry| entry == "*");
    let what = match account.dm_policy() {
        "open" if everyone => "every user of the server may give the agent orders",
        "open" if list.is_empty() => {
            "it is open and its list is empty, so that it blocks everyone until somebody adds \"*\""
        }
        "allowlist" if list.is_empty() => "its list is empty, so that it blocks everyone until somebody opens it",
        _ => return None,
    };
    Some(
        Finding::new(
            account.check_id("dm.policy"),
            Severity::Critical,
            "Synology Chat's policy does not say who may write",
        )
        .detail(format!("{}: {} is \"{}\"; {what}.", account.label(), account.dm_policy_key(), account.dm_policy()))
        .remedy("Set dmPolicy to \"allowlist\" and allowedUserIds to the numeric ids of those who may.")
        .at(Place::Key(account.dm_policy_key()))
        .at(Place::Key(account.allow_from_key())),
    )
}

fn shared(account: &Account<'_>, code: &str, field: &str, severity: Severity) -> Finding {
    Finding::new(account.check_id(&format!("routing.{code}")), severity, "Two accounts answer at one address")
        .detail(format!(
            "{}: {} is that of another account too, so which of the two gets a message depends on which started first.",
            account.label(),
            account.key(field)
        ))
        .remedy(format!("Give each account a {field} of its own."))
        .at(Place::Key(account.key(field)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{said, snapshot};

    #[test]
    fn accounts_that_share_an_address_and_lists_without_meaning_are_found() {
        let found = snapshot(json!({"channels": {"synology-chat": {
            "token": "t", "dmPolicy": "allowlist", "allowedUserIds": [4], "webhookPath": "/in", "webhookUrl": "https://nas.example/in",
            "accounts": {"b": {"token": "u", "dmPolicy": "allowlist", "allowedUserIds": []}},
        }}}));
        assert_eq!(
            said(&found, "channels.synology-chat.routing"),
            [
                "critical channels.synology-chat.routing.duplicate-webhook-url",
                "critical channels.synology-chat.routing.duplicate-webhook-url",
                "warn channels.synology-chat.routing.duplicate-webhook-path",
                "warn channels.synology-chat.routing.duplicate-webhook-path",
                "warn channels.synology-chat.routing.inherited-shared-webhook-path",
            ]
        );
        assert_eq!(said(&found, "channels.synology-chat.dm.policy"), ["critical channels.synology-chat.dm.policy"]);
        let sound = snapshot(
            json!({"channels": {"synology-chat": {"token": "t", "dmPolicy": "allowlist", "allowedUserIds": [4], "webhookPath": "/in"}}}),
        );
        assert!(said(&sound, "channels.synology-chat.").is_empty());
    }
}
