//! Folders of the host that a sandbox is given. What OpenClaw's check sees bears its id. What it does not look at and
//! the gateway would not mount bears ours: other sockets and credentials, the state directory, what holds them.

use serde_json::Value;

use crate::checks::Check;
use crate::finding::{Change, Finding, Fix, Severity};
use crate::model::Model;
use crate::model::binds::{Binds, Known, Refused, Written};

pub(super) const CHECK: Check = Check { ids: &[DANGEROUS, RELATIVE, DENIED], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let links = |path: &std::path::Path| model.snapshot.links.of(path);
    let judge = Binds::new(model.snapshot, &links);
    for bind in Written::all(&model.agents) {
        let Some(text) = bind.value.as_str() else {
            findings.push(unreadable(&bind));
            continue;
        };
        // Its check does not look at what a browser's container is given.
        let known = if bind.browser { None } else { judge.known_to_openclaw(text) };
        let found = match known {
            Some(Known::Blocked(path)) => Some(dangerous(text, &bind, &path)),
            Some(Known::NotAbsolute) => Some(relative(text, &bind)),
            None => denied(text, &bind, &judge),
        };
        findings
            .extend(found.map(|finding| finding.at(crate::Place::Key(bind.list.clone())).fix(drop_it(model, &bind))));
    }
}

fn dangerous(text: &str, bind: &Written<'_>, path: &str) -> Finding {
    Finding::new(DANGEROUS, Severity::Critical, "A sandbox is given a protected part of the host")
        .detail(format!(
            "{} has {text:?}, whose source is, holds or lies in {path}. What runs in the sandbox reads the host's \
             secrets there, or commands its daemons, and is out of the sandbox.",
            bind.list
        ))
        .remedy(format!("Take {text:?} out of {}; give the sandbox the folder of one project instead.", bind.list))
}

fn relative(text: &str, bind: &Written<'_>) -> Finding {
    Finding::new(RELATIVE, Severity::Warn, "A sandbox is given a folder whose path is not absolute")
        .detail(format!(
            "{} has {text:?}: which folder that is depends on where the gateway was started, and an \
            engine may take it for a volume.",
            bind.list
        ))
        .remedy(format!("Write the absolute path of the folder in {}.", bind.list))
}

fn denied(text: &str, bind: &Written<'_>, judge: &Binds<'_>) -> Option<Finding> {
    let Refused { why, source } = judge.refusal(text)?;
    let severity = if source { Severity::Critical } else { Severity::Warn };
    let finding = Finding::new(DENIED, severity, "A sandbox is given what no sandbox should see")
        .detail(format!(
            "{} has {text:?}: {why}. OpenClaw's own check is silent about it; what runs in the sandbox has it.",
            bind.list
        ))
        .remedy(format!(
            "Take {text:?} out of {}; give the sandbox the folder of one project, read only where that is enough.",
            bind.list
        ));
    Some(finding)
}

fn unreadable(bind: &Written<'_>) -> Finding {
    Finding::new(RELATIVE, Severity::Warn, "A sandbox is given something that is no path")
        .detail(format!("{} has an item that is not a text; nothing can be said about what it mounts.", bind.list))
        .remedy(format!("Write every item of {} as \"/source:/target:ro\".", bind.list))
        .at(crate::Place::Key(bind.list.clone()))
}

fn drop_it(model: &Model<'_>, bind: &Written<'_>) -> Fix {
    let key = bind.list.clone();
    let change = match model.config().at(&key) {
        Some(Value::Array(_)) => Change::Drop { key, item: bind.value.clone() },
        _ => Change::Remove { key },
    };
    Fix::ask(format!("Take the mount out of {}", bind.list)).change(change)
}

const DANGEROUS: &str = "sandbox.dangerous_bind_mount";
const RELATIVE: &str = "sandbox.bind_mount_non_absolute";
const DENIED: &str = "sandbox.bind_denied";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{findings, said, snapshot};

    fn of(binds: &[&str]) -> Vec<String> {
        said(
            &snapshot(json!({"agents": {"defaults": {"sandbox": {"mode": "all", "docker": {"binds": binds}}}}})),
            "sandbox.",
        )
        .into_iter()
        .filter(|line| line.contains("bind"))
        .collect()
    }

    #[test]
    fn what_openclaw_sees_bears_its_id() {
        for bind in [
            "/var/run/docker.sock:/var/run/docker.sock",
            "/:/host",
            "/home/op:/h",
            "/home/op/.ssh/:/s:ro",
            "/home:/h",
            "//etc/./ssl:/c:ro",
            "/srv/../proc:/p",
            "/var:/v",
        ] {
            assert_eq!(of(&[bind]), ["critical sandbox.dangerous_bind_mount"], "{bind}");
        }
        assert_eq!(of(&["data:/d"]), ["warn sandbox.bind_mount_non_absolute"]);
    }

    #[test]
    fn what_it_does_not_see_bears_ours() {
        for bind in [
            "/home/op/.kube:/k:ro",
            "/home/op/.git-credentials:/g:ro",
            "/home/op/.pgpass:/p:ro",
            "/home/op/.password-store:/p:ro",
            "/home/op/.openclaw:/oc",
            "/home/op/.openclaw/openclaw.json:/c:ro",
            "/home/op/.mozilla/firefox:/f:ro",
            "/srv/agent/podman.sock:/p.sock",
            "/opt/x/containerd.sock:/c",
            "/home/op/proj/../.KUBE:/k:ro",
            "/var/lib/docker:/d",
            "/tmp/ssh-abc/agent.1:/agent1",
        ] {
            assert_eq!(of(&[bind]), ["critical sandbox.bind_denied"], "{bind}");
        }
        assert_eq!(of(&["/home/op/work:/workspace/work"]), ["warn sandbox.bind_denied"]);
        assert_eq!(of(&["/home/op/work:/work:ro,shared"]), ["warn sandbox.bind_denied"]);
    }

    #[test]
    fn one_without_a_list_is_one() {
        let sandbox = json!({"mode": "all", "docker": {"binds": "/etc:/e"}});
        let found = findings(&snapshot(json!({"agents": {"defaults": {"sandbox": sandbox}}})), DANGEROUS);
        assert!(matches!(&found[0].fix.as_ref().expect("a fix").changes[..], [Change::Remove { .. }]), "{found:?}");
    }

    #[test]
    fn an_ordinary_project_is_fine() {
        assert!(of(&["/home/op/work:/work:ro", "/srv/data:/data", "/opt/models:/models:ro"]).is_empty());
    }

    #[test]
    fn a_link_is_followed_and_a_browser_is_looked_at() {
        let binds = json!(["/home/op/data:/d:ro"]);
        let mut snapshot = snapshot(json!({"agents": {"entries": {"x": {"sandbox": {"browser": {"binds": ["/etc:/e"]},
                "docker": {"binds": binds}}}}}}));
        assert_eq!(said(&snapshot, "sandbox.bind_denied"), ["critical sandbox.bind_denied"]);
        snapshot.links.0.insert("/home/op/data".into(), "/home/op/.ssh".into());
        assert_eq!(said(&snapshot, "sandbox.dangerous_bind"), ["critical sandbox.dangerous_bind_mount"]);
        let found = findings(&snapshot, "sandbox.bind_denied");
        assert_eq!(
            found[0].places,
            [crate::Place::Key(stockade_config::KeyPath::dotted("agents.entries.x.sandbox.browser.binds"))]
        );
        let changes = &found[0].fix.as_ref().expect("a fix").changes;
        assert!(matches!(&changes[..], [Change::Drop { item, .. }] if item == "/etc:/e"));
    }
}
