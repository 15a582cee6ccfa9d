//! What may be done from a chat that only the owner should do: change the config, approve commands, be the owner.

use serde_json::Value;
use stockade_config::KeyPath;

use crate::checks::Check;
use crate::finding::{Change, Finding, Fix, Place, Severity};
use crate::model::Model;
use crate::model::channels::Account;
use crate::snapshot::config::texts;

pub(super) const CHECK: Check =
    Check { ids: &["channels.config_writes", "channels.exec_approvals_open", "channels.owner_allow_wildcard"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    for account in model.channels.live() {
        out.extend(config_writes(model, account));
        out.extend(approvals(model, account));
    }
    out.extend(owner(model));
}

/// Writing is on unless it is turned off; without the command it needs to be on by name to matter.
fn config_writes(model: &Model<'_>, account: &Account<'_>) -> Option<Finding> {
    let by_name = account.is_true("configWrites");
    let off = account.get("configWrites") == Some(&Value::Bool(false));
    let command = model.config().is_true("commands.config");
    let strangers = account.open_to_strangers() || account.group_policy() == "open";
    let key = account.key("configWrites");
    (strangers && !off && (by_name || command)).then(|| {
        let severity = if command { Severity::Critical } else { Severity::Warn };
        Finding::new("channels.config_writes", severity, "A chat with strangers in it may change the config")
            .detail(format!(
                "{}: {key} is {}, and strangers may write here. What is said in the chat can end up in openclaw.json{}.",
                account.label(),
                if by_name { "true" } else { "on by default" },
                if command { ", by /config, which commands.config turns on" } else { "" }
            ))
            .remedy(format!("Set {key} to false."))
            .at(Place::Key(key.clone()))
            .fix(Fix::ask(format!("keep {} from changing the config", account.label())).change(Change::Set { key, to: Value::Bool(false) }))
    })
}

/// Who approves commands: those named for it, else the owner, or on some channels whoever may write.
fn approvals(model: &Model<'_>, account: &Account<'_>) -> Option<Finding> {
    let settings = account.get("execApprovals");
    let enabled = settings.and_then(|settings| settings.get("enabled"));
    let named = enabled == Some(&Value::Bool(true)) || enabled.and_then(Value::as_str) == Some("auto");
    let by_list = account.channel == "whatsapp" && model.config().is_true("approvals.exec.enabled");
    if !named && !by_list {
        return None;
    }
    let own = texts(settings.and_then(|settings| settings.get("approvers")));
    let (approvers, key) = if by_list || account.channel == "matrix" && own.is_empty() {
        (account.allow_from(), account.allow_from_key())
    } else if own.is_empty() {
        (model.config().list("commands.ownerAllowFrom"), KeyPath::dotted("commands.ownerAllowFrom"))
    } else {
        (own, account.key("execApprovals").child("approvers"))
    };
    let everyone = approvers.iter().any(|approver| account.kind.plain(approver) == "*");
    let finding = |severity, title| {
        Finding::new("channels.exec_approvals_open", severity, title)
            .at(Place::Key(key.clone()))
            .remedy("Name the ids of those who may approve commands in execApprovals.approvers.")
    };
    if everyone {
        let detail =
            format!("{}: {key} holds \"*\". Whoever asks for a dangerous command can approve it too.", account.label());
        Some(finding(Severity::Critical, "Anyone may approve commands").detail(detail))
    } else if approvers.is_empty() {
        let detail = format!(
            "{}: approvals are on and {key} names nobody, so no command can be approved there.",
            account.label()
        );
        Some(finding(Severity::Info, "Nobody may approve commands").detail(detail))
    } else {
        None
    }
}

/// `*`, also for one channel: `telegram:*`.
fn owner(model: &Model<'_>) -> Option<Finding> {
    let key = KeyPath::dotted("commands.ownerAllowFrom");
    let items = model.config().at(&key).and_then(Value::as_array)?;
    let stars = items
        .iter()
        .filter(|item| item.as_str().is_some_and(|text| text.rsplit(':').next().map(str::trim) == Some("*")));
    let fix = Fix::ask("take everyone off the list of owners");
    let fix = stars.fold(fix, |fix, item| fix.change(Change::Drop { key: key.clone(), item: item.clone() }));
    (!fix.changes.is_empty()).then(|| {
        Finding::new("channels.owner_allow_wildcard", Severity::Critical, "Everyone is the owner")
            .detail(format!(
                "{key} holds \"*\": every sender has the commands of the owner, such as /config and /approve."
            ))
            .remedy(format!("Name yourself in {key}, as `channel:id`."))
            .at(Place::Key(key.clone()))
            .fix(fix)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{said, snapshot};

    fn operators(config: Value) -> Vec<String> {
        let ids = ["config_writes", "approvals", "owner_allow"];
        said(&snapshot(config), "channels.").into_iter().filter(|id| ids.iter().any(|part| id.contains(part))).collect()
    }

    #[test]
    fn a_stranger_may_not_write_the_config_from_chat() {
        let open = |more: Value| json!({"commands": more, "channels": {"telegram": {"groupPolicy": "open"}}});
        assert_eq!(operators(open(json!({"config": true}))), ["critical channels.config_writes"]);
        assert!(operators(open(json!({}))).is_empty());
        let closed =
            json!({"commands": {"config": true}, "channels": {"telegram": {"allowFrom": [7], "configWrites": true}}});
        assert!(operators(closed).is_empty());
        let named = json!({"channels": {"telegram": {"dmPolicy": "open", "configWrites": true, "accounts": {"b": {"configWrites": false}}}}});
        assert!(operators(named).is_empty());
    }

    #[test]
    fn everyone_is_no_approver_and_no_owner() {
        let approvers = |approvers: Value| json!({"channels": {"discord": {"execApprovals": {"enabled": "auto", "approvers": approvers}}}});
        assert_eq!(operators(approvers(json!(["7", " * "]))), ["critical channels.exec_approvals_open"]);
        assert_eq!(operators(approvers(json!([]))), ["info channels.exec_approvals_open"]);
        assert!(operators(approvers(json!([7]))).is_empty());
        let whatsapp =
            json!({"approvals": {"exec": {"enabled": true}}, "channels": {"whatsapp": {"allowFrom": ["*"]}}});
        assert_eq!(operators(whatsapp), ["critical channels.exec_approvals_open"]);
        for owners in [json!(["*"]), json!(["telegram:*"]), json!([" * ", "telegram:7"])] {
            assert_eq!(
                operators(json!({"commands": {"ownerAllowFrom": owners}})),
                ["critical channels.owner_allow_wildcard"]
            );
        }
        assert!(operators(json!({"commands": {"ownerAllowFrom": ["telegram:123", 7]}})).is_empty());
    }
}
