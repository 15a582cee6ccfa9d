//! Listening on every interface with a credential: one guess, leak or bug away from the whole network.

use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::Model;
use crate::model::reach::{Reach, of_host};

pub(super) const CHECK: Check = Check { ids: &["gateway.bind_all_interfaces"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let (config, gateway) = (model.config(), &model.gateway);
    let custom = || config.text("gateway.customBindHost").unwrap_or_default();
    let everywhere = match gateway.bind.as_str() {
        "loopback" | "tailnet" => false,
        "custom" => of_host(custom()) == Reach::Public,
        _ => true,
    };
    // Without a credential `gateway.bind_no_auth` says more.
    if !everywhere || !gateway.has_auth {
        return;
    }
    let finding = Finding::new("gateway.bind_all_interfaces", Severity::Warn, "The gateway listens on every network of this machine")
        .detail(format!(
            "gateway.bind is \"{}\": whoever shares a network with this machine, now or when it travels, reaches the gateway, \
             and the credential is all that stands between them and the agent.",
            gateway.bind
        ))
        .remedy("Set gateway.bind to \"loopback\" and reach it through Tailscale Serve (gateway.tailscale.mode \"serve\") or an SSH tunnel.")
        .key("gateway.bind")
        .fix(Fix::ask("Listen on loopback only").set("gateway.bind", "loopback"));
    out.push(finding);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{said, snapshot};

    fn wide(mut gateway: Value) -> bool {
        gateway["auth"] = json!({"token": "c1f0a6f2b77e4b0d9a3c5e8d7f6a1b2c4d5e6f70"});
        !said(&snapshot(json!({ "gateway": gateway })), "gateway.bind_all").is_empty()
    }

    #[test]
    fn every_network_is_told_from_one() {
        for gateway in [
            json!({"bind": "lan"}),
            json!({"bind": "auto"}),
            json!({"bind": "LAN "}),
            json!({"bind": 3}),
            json!({"bind": "custom"}),
            json!({"bind": "custom", "customBindHost": "0.0.0.0"}),
            json!({"bind": "custom", "customBindHost": "::"}),
            json!({"bind": "custom", "customBindHost": 0}),
        ] {
            assert!(wide(gateway.clone()), "{gateway}");
        }
        for gateway in [
            json!({}),
            json!({"bind": "loopback"}),
            json!({"bind": "tailnet"}),
            json!({"bind": "custom", "customBindHost": "127.0.0.1"}),
            json!({"bind": "custom", "customBindHost": "10.0.0.4"}),
        ] {
            assert!(!wide(gateway.clone()), "{gateway}");
        }
    }
}
