//! Direct messages: who may send them. The attack: anyone who learns the name of the bot writes to it, and the agent
//! does what a stranger says.

use serde_json::{Value, json};
use stockade_config::KeyPath;

use crate::checks::Check;
use crate::finding::{Change, Finding, Fix, Place, Severity};
use crate::model::Model;
use crate::model::channels::Account;
use crate::snapshot::Generation;

pub(super) const CHECK: Check = Check {
    ids: &[
        "channels.<channel>.dm.open",
        "channels.<channel>.dm.open_invalid",
        "channels.<channel>.dm.disabled",
        "channels.<channel>.dm.locked",
        "channels.admits_everyone",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let february = model.snapshot.install.generation == Generation::February;
    for account in model.channels.live().filter(|account| account.kind.direct) {
        let everyone = account.allow_from().iter().any(|entry| entry == "*");
        match account.dm_policy() {
            "open" => {
                out.push(open(account));
                if !everyone {
                    out.push(open_invalid(account));
                }
            }
            "disabled" => out.push(disabled(account)),
            _ if everyone => out.push(admits_everyone(account)),
            _ if !february && account.kind.is_known() && admitted(account).is_empty() => out.push(locked(account)),
            _ => {}
        }
    }
}

/// Whom an account admits by name: the config's list, and who was paired where pairing counts.
pub(super) fn admitted(account: &Account<'_>) -> Vec<String> {
    let paired = if matches!(account.dm_policy(), "allowlist" | "open") { &[][..] } else { account.paired.as_slice() };
    let config = account.allow_from();
    let entries = config.iter().map(String::as_str).chain(paired.iter().copied());
    let mut admitted: Vec<String> = entries
        .map(|entry| account.kind.plain(entry))
        .filter(|entry| !matches!(*entry, "*" | ""))
        .map(str::to_owned)
        .collect();
    admitted.sort();
    admitted.dedup();
    admitted
}

fn open(account: &Account<'_>) -> Finding {
    let to = if account.channel == "synology-chat" { "allowlist" } else { "pairing" };
    let fix = Fix::ask(format!("admit only senders that were approved on {}", account.label()))
        .change(Change::Set { key: account.dm_policy_key(), to: json!(to) });
    let fix = if account.allow_from().iter().any(|entry| entry == "*") { without_star(account, fix) } else { fix };
    Finding::new(account.check_id("dm.open"), Severity::Critical, "Anyone may write to the agent directly")
        .detail(format!(
            "{}: {} is \"open\". Whoever finds the bot can give the agent orders, and no one has to approve them first.",
            account.label(),
            account.dm_policy_key()
        ))
        .remedy(format!("Set {} to \"{to}\" and take \"*\" out of {}.", account.dm_policy_key(), account.allow_from_key()))
        .at(Place::Key(account.dm_policy_key()))
        .at(Place::Key(account.allow_from_key()))
        .fix(fix)
}

fn open_invalid(account: &Account<'_>) -> Finding {
    Finding::new(account.check_id("dm.open_invalid"), Severity::Warn, "A policy and its list contradict each other")
        .detail(format!(
            "{}: {} is \"open\", but {} lacks the \"*\" that goes with it. Which of the two counts depends on who reads it.",
            account.label(),
            account.dm_policy_key(),
            account.allow_from_key()
        ))
        .remedy(format!("Set {} to \"pairing\" or \"allowlist\".", account.dm_policy_key()))
        .at(Place::Key(account.dm_policy_key()))
        .at(Place::Key(account.allow_from_key()))
}

fn disabled(account: &Account<'_>) -> Finding {
    Finding::new(account.check_id("dm.disabled"), Severity::Info, "Direct messages are turned off")
        .detail(format!(
            "{}: {} is \"disabled\": what is sent directly is ignored.",
            account.label(),
            account.dm_policy_key()
        ))
        .at(Place::Key(account.dm_policy_key()))
}

fn locked(account: &Account<'_>) -> Finding {
    Finding::new(account.check_id("dm.locked"), Severity::Info, "Nobody is admitted to write directly yet")
        .detail(format!(
            "{}: {} is \"{}\" and nobody is on the list or paired. Strangers are turned away or given a pairing code.",
            account.label(),
            account.dm_policy_key(),
            account.dm_policy()
        ))
        .remedy("Approve the senders you know with the `pairing` command, or name them in allowFrom.")
        .at(Place::Key(account.dm_policy_key()))
}

fn admits_everyone(account: &Account<'_>) -> Finding {
    Finding::new("channels.admits_everyone", Severity::Critical, "A list of senders admits everyone")
        .detail(format!(
            "{}: {} has \"*\" in it. Whatever {} says, a stranger who writes is on the list.",
            account.label(),
            account.allow_from_key(),
            account.dm_policy_key()
        ))
        .remedy(format!("Take \"*\" out of {} and name the senders.", account.allow_from_key()))
        .at(Place::Key(account.allow_from_key()))
        .fix(without_star(account, Fix::ask(format!("admit only named senders on {}", account.label()))))
}

fn without_star(account: &Account<'_>, fix: Fix) -> Fix {
    without_everyone(account, &account.allow_from_key(), account.find_allow_from(), fix)
}

/// Takes everyone off a list, by every spelling of it that stands there: `" * "`, `"tg:*"`.
pub(super) fn without_everyone(account: &Account<'_>, list: &KeyPath, value: Option<&Value>, fix: Fix) -> Fix {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    let everyone = items.filter(|item| item.as_str().is_some_and(|text| account.kind.plain(text) == "*"));
    everyone.fold(fix, |fix, item| fix.change(Change::Drop { key: list.clone(), item: item.clone() }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::Paired;
    use crate::testing::{findings, said, snapshot};

    #[test]
    fn each_account_is_judged_by_what_is_in_force_on_it() {
        let found = snapshot(json!({"channels": {
            "whatsapp": {"dmPolicy": "open", "allowFrom": [" * "], "accounts": {"biz": {}}},
            "discord": {"token": "t", "accounts": {"second": {"token": "x"}}},
            "signal": {"dmPolicy": "open"},
            "irc": {"dm": {"policy": "disabled"}},
            "telegram": {"enabled": false, "dmPolicy": "open"},
        }}));
        let dm: Vec<_> = said(&found, "channels.")
            .into_iter()
            .filter(|id| id.contains(".dm.") && !id.contains("collision"))
            .collect();
        assert_eq!(
            dm,
            [
                "critical channels.signal.dm.open",
                "critical channels.whatsapp.dm.open",
                "info channels.discord.dm.locked",
                "info channels.discord.dm.locked",
                "info channels.irc.dm.disabled",
                "warn channels.signal.dm.open_invalid",
            ]
        );
        let open = findings(&found, "channels.whatsapp.dm.open");
        let fix = open.first().and_then(|finding| finding.fix.clone()).expect("fix");
        let item = json!(" * ");
        assert!(
            fix.changes.contains(&Change::Drop { key: crate::KeyPath::dotted("channels.whatsapp.allowFrom"), item }),
            "{fix:?}"
        );
    }

    #[test]
    fn who_was_paired_is_admitted_where_pairing_counts_and_only_there() {
        for (policy, locked) in [("pairing", false), ("allowlist", true)] {
            let mut found = snapshot(json!({"channels": {"telegram": {"dmPolicy": policy}}}));
            found.paired = vec![Paired { channel: "telegram".into(), entries: vec!["42".into()], ..Paired::default() }];
            assert_eq!(!said(&found, "channels.telegram.dm.locked").is_empty(), locked, "{policy}");
        }
    }

    #[test]
    fn a_star_admits_everyone_whatever_the_policy_says() {
        let found = snapshot(json!({"channels": {"telegram": {"dmPolicy": "allowlist", "allowFrom": [7, "*"]}}}));
        assert_eq!(said(&found, "channels.admits"), ["critical channels.admits_everyone"]);
        let named = snapshot(json!({"channels": {"telegram": {"dmPolicy": "allowlist", "allowFrom": [7, "*x"]}}}));
        assert!(said(&named, "channels.admits").is_empty());
    }
}
