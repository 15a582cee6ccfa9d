//! What is announced to everyone on the local network without being asked.

use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::Model;

pub(super) const CHECK: Check = Check { ids: &["discovery.mdns_full_mode", "discovery.mdns_leaks"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let (config, beyond) = (model.config(), model.gateway.beyond_loopback());
    let mode = config.get(KEY).map_or("minimal", |mode| mode.as_str().unwrap_or_default()).trim().to_lowercase();
    if mode == "full" {
        let severity = if beyond { Severity::Critical } else { Severity::Warn };
        out.push(
            Finding::new("discovery.mdns_full_mode", severity, "The local network is told where things are on this machine")
                .detail(
                    "discovery.mdns.mode is \"full\": the path of the program (with the name of the user in it), the SSH port and the \
                     tailnet name are announced to everyone on the network.",
                )
                .remedy("Set it to \"minimal\" or \"off\".")
                .key(KEY)
                .fix(Fix::safe("Announce only what apps need to find the gateway").set(KEY, "minimal")),
        );
        return;
    }
    if beyond && !is_off(model) {
        let severity = if is_on(model) { Severity::Warn } else { Severity::Info };
        out.push(
            Finding::new("discovery.mdns_leaks", severity, "The local network is told that this machine runs a gateway")
                .detail(
                    "The gateway listens beyond loopback, and mDNS is not turned off. Where it runs, which on macOS it does by itself, \
                     the name of this machine, its display name and the port go to everyone on each network that it joins.",
                )
                .remedy("Set discovery.mdns.mode to \"off\" and type the address into the apps once.")
                .key(KEY)
                .fix(Fix::ask("Announce nothing; apps no longer find the gateway by themselves").set(KEY, "off")),
        );
    }
}

/// Whether somebody turned it off, by the words that OpenClaw takes.
fn is_off(model: &Model<'_>) -> bool {
    let config = model.config();
    let by_variable = model.snapshot.env.text("OPENCLAW_DISABLE_BONJOUR").map(str::trim);
    config.text(KEY) == Some("off") || config.is_false(PLUGIN) || matches!(by_variable, Some("1" | "true" | "yes"))
}

/// Whether something says that it runs: the config, or a home directory of macOS, where it starts by itself.
fn is_on(model: &Model<'_>) -> bool {
    let config = model.config();
    config.get(KEY).is_some() || config.is_true(PLUGIN) || model.snapshot.install.state.starts_with("/Users/")
}

const PLUGIN: &str = "plugins.entries.bonjour.enabled";
const KEY: &str = "discovery.mdns.mode";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{said, snapshot, snapshot_with};

    fn of(bind: &str, mode: Value) -> Vec<String> {
        said(&snapshot(json!({"gateway": {"bind": bind}, "discovery": {"mdns": {"mode": mode}}})), "discovery.mdns")
    }

    #[test]
    fn what_is_announced_depends_on_who_hears() {
        assert_eq!(of("loopback", json!("full")), ["warn discovery.mdns_full_mode"]);
        assert_eq!(of("lan", json!(" Full ")), ["critical discovery.mdns_full_mode"]);
        assert_eq!(of("lan", json!("minimal")), ["warn discovery.mdns_leaks"]);
        assert_eq!(of("lan", json!(7)), ["warn discovery.mdns_leaks"]);
        assert_eq!(of("lan", json!("OFF")), ["warn discovery.mdns_leaks"], "only OpenClaw's own word turns it off");
        assert!(of("lan", json!("off")).is_empty() && of("loopback", json!("minimal")).is_empty());
        assert!(said(&snapshot(json!({})), "discovery.").is_empty());
    }

    #[test]
    fn the_environment_can_turn_it_off() {
        let of = |set| {
            said(
                &snapshot_with(json!({"gateway": {"bind": "lan"}}), &[("OPENCLAW_DISABLE_BONJOUR", set)]),
                "discovery.",
            )
        };
        assert!(of("1").is_empty());
        assert_eq!(of("0"), ["info discovery.mdns_leaks"]);
    }

    #[test]
    fn it_starts_by_itself_on_macos() {
        let mut install = snapshot(json!({"gateway": {"bind": "lan"}}));
        assert_eq!(said(&install, "discovery."), ["info discovery.mdns_leaks"]);
        install.install.state = "/Users/op/.openclaw".into();
        assert_eq!(said(&install, "discovery."), ["warn discovery.mdns_leaks"]);
        let off = json!({"gateway": {"bind": "lan"}, "plugins": {"entries": {"bonjour": {"enabled": false}}}});
        assert!(said(&snapshot(off), "discovery.").is_empty());
    }
}
