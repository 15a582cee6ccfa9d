//! The sockets of the running gateway beside what the config says of them.

use std::net::IpAddr;

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::live::{is_own, is_tailnet};
use crate::model::Model;
use crate::snapshot::live::{Listener, Way};

pub(super) const CHECK: Check = Check { ids: &["live.listens_wider", "live.port_taken_by_other"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let Some(live) = model.snapshot.live.as_ref().filter(|live| !live.gateway.remote) else { return };
    let port = live.gateway.port;
    let on_port: Vec<&Listener> = live.listeners.iter().filter(|listener| listener.port == port).collect();
    let others: Vec<&&Listener> = on_port.iter().filter(|listener| !is_own(model.snapshot, listener)).collect();
    let taken = |severity, detail: String| {
        Finding::new("live.port_taken_by_other", severity, "Something else sits on the gateway's port")
            .detail(detail)
            .remedy("Stop that program, or give the gateway another gateway.port; then change the gateway's secret if it was ever typed there.")
            .key("gateway.port")
    };
    if let Some(other) = others.first() {
        out.push(taken(
            Severity::Critical,
            format!(
                "{} is held by user {}{}, who is neither you nor the owner of the config. Every client of the gateway hands its secret \
                 to that program. The audit did not.",
                place(other),
                other.uid,
                named(other)
            ),
        ));
    } else if let (true, Some(listener)) = (live.gateway.stranger, on_port.first()) {
        let why = live.gateway.error.as_deref().unwrap_or_default();
        out.push(taken(
            Severity::Warn,
            format!(
                "{}{} answers, but not as a gateway does ({why}). Clients of the gateway hand their secret to it.",
                place(listener),
                named(listener)
            ),
        ));
    }
    if live.gateway.stranger || !others.is_empty() {
        return;
    }
    wider(model, &live.listeners, live.gateway.admitted(&Way::Anonymous), port, out);
}

fn wider(model: &Model<'_>, listeners: &[Listener], open: bool, port: u16, out: &mut Vec<Finding>) {
    let bind = model.gateway.bind.as_str();
    let custom = model.config().text("gateway.customBindHost").and_then(|host| host.trim().parse().ok());
    let wide: Vec<&Listener> = listeners.iter().filter(|listener| !within(bind, custom, listener.address)).collect();
    if wide.is_empty() {
        return;
    }
    let bare = wide.iter().any(|listener| listener.port != port && without_secret(listener.port).is_some());
    let critical = open || bare || (!model.gateway.has_auth && wide.iter().any(|listener| listener.port == port));
    let lines: Vec<String> = wide
        .iter()
        .map(|listener| {
            let what = if listener.port == port {
                "the gateway"
            } else {
                without_secret(listener.port).unwrap_or("another port of the gateway's process")
            };
            format!("- {}{}: {what}", place(listener), named(listener))
        })
        .collect();
    out.push(
        Finding::new(
            "live.listens_wider",
            if critical { Severity::Critical } else { Severity::Warn },
            "The running gateway listens wider than its config says",
        )
        .detail(format!(
            "gateway.bind is {bind:?}, and these sockets can be reached from elsewhere:\n{}",
            lines.join("\n")
        ))
        .remedy("Restart the gateway without a --bind on its command line; bind the other ports to 127.0.0.1.")
        .key("gateway.bind"),
    );
}

/// Whether an address is one that the config asks for. What `auto` chooses is not known here.
fn within(bind: &str, custom: Option<IpAddr>, address: IpAddr) -> bool {
    let address = address.to_canonical();
    match bind {
        _ if address.is_loopback() => true,
        "loopback" => false,
        "tailnet" => is_tailnet(address),
        "custom" => custom.is_none_or(|custom| custom == address || custom.is_unspecified()),
        _ => true,
    }
}

/// Ports that OpenClaw's helpers open and that ask for no secret.
fn without_secret(port: u16) -> Option<&'static str> {
    match port {
        9222 | 18_800..=18_899 => Some("the control port of a browser, which asks for no secret"),
        5900 | 6080 => Some("the screen of a browser"),
        _ => None,
    }
}

fn place(listener: &Listener) -> String {
    std::net::SocketAddr::new(listener.address, listener.port).to_string()
}

fn named(listener: &Listener) -> String {
    match (&listener.program, listener.pid) {
        (Some(program), Some(pid)) => format!(" ({program}, process {pid})"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::snapshot::Live;
    use crate::snapshot::live::{Attempt, Outcome};
    use crate::testing::{said, snapshot};

    fn of(config: Value, sockets: &[(&str, u16, u32)], change: impl FnOnce(&mut Live)) -> Vec<String> {
        let mut install = snapshot(config);
        let listener = |(address, port, uid): &(&str, u16, u32)| Listener {
            address: address.parse().expect("an address"),
            port: *port,
            uid: *uid,
            pid: Some(7),
            program: Some("node".into()),
        };
        let mut live = Live { listeners: sockets.iter().map(listener).collect(), ..Live::default() };
        live.gateway.port = 18_789;
        change(&mut live);
        install.live = Some(live);
        said(&install, "live.")
    }

    fn token(bind: &str) -> Value {
        json!({"gateway": {"bind": bind, "auth": {"token": "0123456789abcdef0123456789abcdef"}}})
    }

    #[test]
    fn sockets_that_the_config_asks_for_are_silent() {
        let quiet = |bind: &str, address: &str| of(token(bind), &[(address, 18_789, 1000)], |_| {}).is_empty();
        assert!(quiet("loopback", "127.0.0.1") && quiet("loopback", "::1") && quiet("loopback", "::ffff:127.0.0.1"));
        assert!(quiet("lan", "0.0.0.0") && quiet("lan", "::") && quiet("tailnet", "100.101.102.103"));
        assert!(quiet("auto", "0.0.0.0") && quiet("custom", "192.0.2.7"));
        assert!(of(token("loopback"), &[], |_| {}).is_empty());
    }

    #[test]
    fn wider_ones_are_not() {
        let wider = |bind: &str, address: &str| of(token(bind), &[(address, 18_789, 1000)], |_| {});
        for (bind, address) in
            [("loopback", "0.0.0.0"), ("loopback", "::"), ("loopback", "192.168.1.9"), ("tailnet", "0.0.0.0")]
        {
            assert_eq!(wider(bind, address), ["warn live.listens_wider"], "{bind} {address}");
        }
        let critical = ["critical live.listens_wider"];
        let open = |live: &mut Live| {
            live.gateway.attempts = vec![Attempt { way: Way::Anonymous, outcome: Outcome::Admitted(Vec::new()) }];
        };
        assert_eq!(of(token("loopback"), &[("0.0.0.0", 18_789, 1000)], open), critical);
        assert_eq!(of(json!({}), &[("0.0.0.0", 18_789, 1000)], |_| {}), critical, "there is no secret");
        let browser = [("127.0.0.1", 18_789, 1000), ("0.0.0.0", 9222, 1000)];
        assert_eq!(of(token("loopback"), &browser, |_| {}), critical);
    }

    #[test]
    fn whoever_else_sits_on_the_port_is_handed_the_secret() {
        let squatter = [("127.0.0.1", 18_789, 1001)];
        assert_eq!(of(token("loopback"), &squatter, |_| {}), ["critical live.port_taken_by_other"]);
        let own = [("127.0.0.1", 18_789, 1000)];
        assert_eq!(of(token("loopback"), &own, |live| live.gateway.stranger = true), ["warn live.port_taken_by_other"]);
        assert!(of(token("loopback"), &[("127.0.0.1", 18_789, 0)], |_| {}).is_empty(), "root's is a container's");
    }
}
