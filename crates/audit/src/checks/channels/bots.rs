//! Messages of other bots. The attack: a bot is written by anyone, never tires, and two that answer each other run
//! until the money is gone.

use std::collections::BTreeSet;

use serde_json::Value;
use stockade_config::KeyPath;

use crate::checks::Check;
use crate::finding::{Change, Finding, Fix, Place, Severity};
use crate::model::Model;

pub(super) const CHECK: Check = Check { ids: &["channels.bot_loops"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let (mut seen, mut shared_groups) = (BTreeSet::new(), BTreeSet::new());
    for account in model.channels.live() {
        let repeats = account.shared_groups().is_some_and(|shared| !shared_groups.insert(shared));
        let here = (account.key(FIELD), account.get(FIELD));
        let groups = account
            .groups()
            .take(if repeats { 0 } else { usize::MAX })
            .map(|(key, group)| (key.child(FIELD), group.get(FIELD)));
        for (key, value) in std::iter::once(here).chain(groups) {
            if value == Some(&Value::Bool(true)) && seen.insert(key.clone()) {
                out.push(finding(&account.label(), &key));
            }
        }
    }
}

fn finding(label: &str, key: &KeyPath) -> Finding {
    Finding::new("channels.bot_loops", Severity::Warn, "Other bots may give the agent orders")
        .detail(format!(
            "{label}: {key} is true. What another bot repeats, a feed or a bridge, is taken for a message to the agent; \
             and two bots that answer each other do not stop by themselves."
        ))
        .remedy(format!("Remove {key}, or set it to \"mentions\" where the channel knows that."))
        .at(Place::Key(key.clone()))
        .fix(Fix::ask("stop listening to other bots").change(Change::Set { key: key.clone(), to: Value::Bool(false) }))
}

const FIELD: &str = "allowBots";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{said, snapshot};

    #[test]
    fn bots_are_heard_only_where_it_is_said() {
        let found = snapshot(json!({"channels": {
            "slack": {"allowBots": true, "channels": {"C1": {"allowBots": true}, "C2": {"allowBots": "mentions"}}, "accounts": {"a": {}, "b": {"allowBots": false}}},
            "discord": {"allowBots": "mentions"}, "matrix": {"enabled": false, "allowBots": true},
        }}));
        assert_eq!(said(&found, "channels.bot_loops").len(), 2);
    }
}
