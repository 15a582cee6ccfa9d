//! What this machine was heard to announce.

use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::Model;
use crate::snapshot::live::Announcement;

pub(super) const CHECK: Check = Check { ids: &["live.mdns_leaks"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let Some(live) = &model.snapshot.live else { return };
    // One with another port is another gateway's.
    let ours =
        live.announcements.iter().filter(|announced| announced.port.is_none_or(|port| port == live.gateway.port));
    for announced in ours {
        out.extend(finding(model, announced));
    }
}

fn finding(model: &Model<'_>, announced: &Announcement) -> Option<Finding> {
    let beyond = model.gateway.beyond_loopback();
    let telling: Vec<&str> = announced.keys.iter().map(String::as_str).filter(|key| TELLING.contains(key)).collect();
    let off = model.config().text(KEY) == Some("off");
    let severity = match (telling.is_empty(), beyond) {
        (false, true) => Severity::Critical,
        (false, false) => Severity::Warn,
        // Announced though it is turned off, or though nobody can reach it.
        (true, _) if off || !beyond => Severity::Warn,
        // What the config asks for, and what the config's own check speaks of.
        (true, _) => return None,
    };
    let told = if telling.is_empty() { "the name of this machine and the port".to_owned() } else { telling.join(", ") };
    let what = if off {
        " although discovery.mdns.mode is \"off\": a process that was started before, or another program, does it"
    } else if beyond {
        ""
    } else {
        " although nobody there can reach the gateway"
    };
    let finding = Finding::new("live.mdns_leaks", severity, "This machine was heard announcing its gateway")
        .detail(format!(
            "{:?} tells everyone on the local network {told}{what}. Keys heard: {}.",
            announced.instance,
            announced.keys.join(", ")
        ))
        .remedy("Set discovery.mdns.mode to \"off\" and restart the gateway.")
        .key(KEY);
    Some(match off {
        true => finding,
        false if telling.is_empty() => {
            finding.fix(Fix::ask("Announce nothing; apps no longer find the gateway by themselves").set(KEY, "off"))
        }
        false => finding.fix(Fix::safe("Announce only what apps need to find the gateway").set(KEY, "minimal")),
    })
}

/// What only `full` announces.
const TELLING: &[&str] = &["cliPath", "sshPort", "tailnetDns"];
const KEY: &str = "discovery.mdns.mode";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::snapshot::Live;
    use crate::snapshot::live::Announcement;
    use crate::testing::{said, snapshot};

    fn of(bind: &str, mode: &str, port: u16, keys: &[&str]) -> Vec<String> {
        let mut install = snapshot(json!({"gateway": {"bind": bind}, "discovery": {"mdns": {"mode": mode}}}));
        let announced = Announcement {
            instance: "vm (OpenClaw)".into(),
            port: Some(port),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        };
        let mut live = Live { announcements: vec![announced], ..Live::default() };
        live.gateway.port = 18_789;
        install.live = Some(live);
        said(&install, "live.mdns")
    }

    #[test]
    fn what_is_heard_is_as_bad_as_what_it_tells_and_to_whom() {
        let full = ["role", "gatewayPort", "cliPath", "sshPort"];
        assert_eq!(of("lan", "full", 18_789, &full), ["critical live.mdns_leaks"]);
        assert_eq!(of("loopback", "full", 18_789, &full), ["warn live.mdns_leaks"]);
        assert_eq!(of("loopback", "minimal", 18_789, &full[..2]), ["warn live.mdns_leaks"]);
        assert_eq!(of("lan", "off", 18_789, &full[..2]), ["warn live.mdns_leaks"]);
        assert!(of("lan", "minimal", 18_789, &full[..2]).is_empty(), "as the config says");
        assert!(of("lan", "full", 28_300, &full).is_empty(), "another gateway's");
    }
}
