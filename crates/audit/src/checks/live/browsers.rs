//! The containers of sandboxed browsers, by OpenClaw's rules.

use std::net::IpAddr;

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;
use crate::snapshot::live::Container;

pub(super) const CHECK: Check = Check {
    ids: &[
        "sandbox.browser_container.hash_label_missing",
        "sandbox.browser_container.hash_epoch_stale",
        "sandbox.browser_container.non_loopback_publish",
        "sandbox.browser_container.docker_probe_timeout",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let Some(live) = &model.snapshot.live else { return };
    let browsers = || live.containers.iter().filter(|container| container.browser);
    let mut report = |id: &str, severity, title: &str, names: Vec<String>, why: &str| {
        if !names.is_empty() {
            out.push(
                Finding::new(format!("sandbox.browser_container.{id}"), severity, title)
                    .detail(format!("{}: {why}", names.join(", ")))
                    .remedy("Make them anew: openclaw sandbox recreate --browser --all."),
            );
        }
    };
    let named = |pick: fn(&&Container) -> bool| browsers().filter(pick).map(|one| one.name.clone()).collect();
    report(
        "hash_label_missing",
        Severity::Warn,
        "A browser's container does not say which config it was made from",
        named(|one| one.config_hash.is_none()),
        "without the label openclaw.configHash nobody notices when the config is hardened and the container is not.",
    );
    report(
        "hash_epoch_stale",
        Severity::Warn,
        "A browser's container was made before the last change to how browsers are guarded",
        named(|one| one.browser_epoch.as_deref() != Some(EPOCH)),
        "its openclaw.browserConfigEpoch is not 2026-05-12-cdp-relay-auth, so its control port may be without a secret.",
    );
    let open = |one: &Container| -> Option<String> {
        let ports: Vec<String> =
            one.published.iter().filter(|port| !is_loopback(&port.address)).map(|port| port.port.clone()).collect();
        (!ports.is_empty()).then(|| format!("{} ({})", one.name, ports.join(", ")))
    };
    report(
        "non_loopback_publish",
        Severity::Critical,
        "A browser's control ports can be reached from other machines",
        browsers().filter_map(open).collect(),
        "whoever reaches these ports drives the browser and reads what it is logged in to.",
    );
    if let Some(engine) = &live.silent_engine {
        out.push(
            Finding::new(
                "sandbox.browser_container.docker_probe_timeout",
                Severity::Warn,
                "The container engine did not answer in time",
            )
            .detail(format!("{engine} was asked for the sandboxes and gave no answer: they were not looked at."))
            .remedy("See that the engine works, and run the audit with --deep again."),
        );
    }
}

fn is_loopback(address: &str) -> bool {
    address.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

const EPOCH: &str = "2026-05-12-cdp-relay-auth";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::Live;
    use crate::snapshot::live::Published;
    use crate::testing::{said, snapshot};

    fn of(container: Container) -> Vec<String> {
        let mut install = snapshot(json!({}));
        install.live = Some(Live { containers: vec![container], ..Live::default() });
        said(&install, "sandbox.browser_container")
    }

    fn sound() -> Container {
        let port = |address: &str| Published { port: "9222/tcp".into(), address: address.into() };
        Container {
            name: "openclaw-sbx-browser-main".into(),
            browser: true,
            config_hash: Some("abc".into()),
            browser_epoch: Some(EPOCH.into()),
            published: vec![port("127.0.0.1"), port("::1")],
            ..Container::default()
        }
    }

    #[test]
    fn each_weakness_is_told_by_its_own_name() {
        assert!(of(sound()).is_empty());
        assert!(of(Container { browser: false, browser_epoch: None, config_hash: None, ..sound() }).is_empty());
        assert_eq!(
            of(Container { config_hash: None, ..sound() }),
            ["warn sandbox.browser_container.hash_label_missing"]
        );
        for epoch in [None, Some("2025-01-01".to_owned())] {
            assert_eq!(
                of(Container { browser_epoch: epoch, ..sound() }),
                ["warn sandbox.browser_container.hash_epoch_stale"]
            );
        }
        for address in ["", "0.0.0.0", "::", "192.168.1.5"] {
            let published = vec![Published { port: "6080/tcp".into(), address: address.into() }];
            assert_eq!(
                of(Container { published, ..sound() }),
                ["critical sandbox.browser_container.non_loopback_publish"],
                "{address:?}"
            );
        }
    }

    #[test]
    fn an_engine_that_is_silent_is_said() {
        let mut install = snapshot(json!({}));
        install.live = Some(Live { silent_engine: Some("/var/run/docker.sock".into()), ..Live::default() });
        assert_eq!(said(&install, "sandbox.browser"), ["warn sandbox.browser_container.docker_probe_timeout"]);
    }
}
