//! Requests that may go to the network behind the gateway. Answers the address that an agent was handed: a router, a
//! database, the cloud's metadata.

use serde_json::Value;

use crate::checks::Check;
use crate::finding::{Change, Finding, Fix, KeyPath, Place, Severity};
use crate::model::Model;
use crate::snapshot::ConfigFacts;

pub(super) const CHECK: Check = Check { ids: &["config.private_network_allowed"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let open = open(model.config());
    if open.is_empty() {
        return;
    }
    let names: Vec<String> = open.iter().map(ToString::to_string).collect();
    let fix = open.iter().fold(Fix::ask("Keep requests out of the private network"), |fix, key| {
        fix.change(Change::Remove { key: key.clone() })
    });
    let finding = Finding::new("config.private_network_allowed", Severity::Warn, "Requests may go to the private network")
        .detail(format!(
            "Text that steers an agent, or the address of a webhook, can make the gateway ask machines that only it can reach, \
             such as a router or the cloud's metadata with its credentials:\n- {}",
            names.join("\n- ")
        ))
        .remedy("Remove it, and list the hosts that are needed in allowedHostnames.")
        .fix(fix);
    out.push(open.into_iter().fold(finding, |finding, key| finding.at(Place::Key(key))));
}

/// The switches that are on. The browser's is `config.insecure_or_dangerous_flags`.
fn open(config: &ConfigFacts) -> Vec<KeyPath> {
    let policies = ["tools.web.fetch.ssrfPolicy", "cron.webhookSsrfPolicy"].map(KeyPath::dotted);
    let channels = KeyPath::dotted("channels");
    let mut places: Vec<KeyPath> = policies.to_vec();
    for (name, channel) in config.fields("channels") {
        let channel_key = channels.child(name);
        let accounts = channel.get("accounts").and_then(Value::as_object);
        let accounts = accounts.into_iter().flat_map(|accounts| accounts.keys());
        places.extend(accounts.map(|account| channel_key.child("accounts").child(account).child("network")));
        places.push(channel_key.child("network"));
    }
    let switches = places.iter().flat_map(|place| SWITCHES.iter().map(|switch| place.child(*switch)));
    switches.filter(|key| config.at(key) == Some(&Value::Bool(true))).collect()
}

const SWITCHES: &[&str] = &["dangerouslyAllowPrivateNetwork", "allowPrivateNetwork"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{findings, said, snapshot};

    #[test]
    fn each_door_to_the_private_network_is_named() {
        let install = snapshot(json!({
            "tools": {"web": {"fetch": {"ssrfPolicy": {"dangerouslyAllowPrivateNetwork": true}}}},
            "cron": {"webhookSsrfPolicy": {"dangerouslyAllowPrivateNetwork": true}},
            "channels": {"telegram": {"accounts": {"a.b": {"network": {"dangerouslyAllowPrivateNetwork": true}}}}, "matrix": {"network": {"dangerouslyAllowPrivateNetwork": false}}},
        }));
        let found = findings(&install, "config.private");
        assert_eq!((found.len(), found[0].places.len()), (1, 3));
        let odd = json!({"channels": {"telegram": [], "x": {"accounts": 5, "network": "yes"}}, "cron": 1});
        assert!(said(&snapshot(odd), "config.private").is_empty());
    }
}
