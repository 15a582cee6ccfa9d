//! The containers of sandboxes beside what the config says now: one that was made under another config, by another hand,
//! or for an agent that is gone, is not what the operator reads about.

use std::path::Path;

use serde_json::Value;
use stockade_config::KeyPath;
use stockade_config::model::WorkspaceAccess;
use stockade_policy::mounts::lexical;

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;
use crate::model::agents::{Agent, DEFAULTS};
use crate::model::binds::{Binds, Written};
use crate::snapshot::live::{Container, Mounted};

pub(super) const CHECK: Check = Check { ids: &["live.container_differs", "live.container_orphaned"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let Some(live) = &model.snapshot.live else { return };
    for container in &live.containers {
        match owner(model, container) {
            Some(agent) => out.extend(differs(model, agent, container)),
            None => out.push(orphaned(container)),
        }
    }
}

/// Whose a container is; one that several share, or that does not say, follows the common settings.
fn owner<'m, 's>(model: &'m Model<'s>, container: &Container) -> Option<&'m Agent<'s>> {
    let scope = container.scope.as_deref().unwrap_or("shared").trim();
    match scope.strip_prefix("agent:") {
        Some(rest) => model.agents.find(rest.split(':').next().unwrap_or_default()),
        None => Some(&model.agents.defaults),
    }
}

fn orphaned(container: &Container) -> Finding {
    let (severity, state) = if container.running { (Severity::Warn, "runs") } else { (Severity::Info, "is stopped") };
    Finding::new("live.container_orphaned", severity, "A sandbox is there for an agent that the config does not have")
        .detail(format!(
            "{} {state}, for {:?}. What it holds stays where it is, and no change of the config reaches it.",
            container.name,
            container.scope.as_deref().unwrap_or_default()
        ))
        .remedy(format!("Unless it is another install's: docker rm --force {}.", container.name))
}

type Difference = (Severity, String);

fn differs(model: &Model<'_>, agent: &Agent<'_>, container: &Container) -> Option<Finding> {
    let mut found = holds(agent, container);
    found.extend(options(agent, container));
    found.extend(container.mounts.iter().filter_map(|mount| mounted(model, agent, mount)));
    let severity = found.iter().map(|(severity, _)| *severity).max()?;
    found.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
    let lines: Vec<String> = found.into_iter().map(|(_, what)| format!("- {what}")).collect();
    let state = if container.running { "" } else { " (stopped)" };
    Some(
        Finding::new("live.container_differs", severity, "A sandbox is not what the config says")
            .detail(format!("{}{state}, of {}:\n{}", container.name, agent.label(), lines.join("\n")))
            .remedy("Make it anew: openclaw sandbox recreate --all. If it differs again, somebody else makes it.")
            .at(crate::Place::Key(agent.sandbox.mode.key.clone())),
    )
}

/// What keeps a process inside: namespaces, privileges, system calls.
fn holds(agent: &Agent<'_>, container: &Container) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut critical = |is: bool, what: String| {
        if is {
            found.push((Severity::Critical, what));
        }
    };
    let text = |name: &str| setting(agent, container, name).and_then(Value::as_str).map(str::trim);
    critical(container.privileged, "it is privileged: root in it is root on the host".to_owned());
    let network = container.network.to_ascii_lowercase();
    let expected =
        text("network").unwrap_or(if container.browser { BROWSER_NETWORK } else { "none" }).to_ascii_lowercase();
    let shares = network == "host" || network.starts_with("container:");
    critical(shares && network != expected, format!("its network is {network:?}, and the config says {expected:?}"));
    critical(container.pid == "host", "it sees and signals the processes of the host".to_owned());
    critical(container.ipc == "host", "it shares the memory of the host's processes (ipc host)".to_owned());
    for (name, key) in [("seccomp", "seccompProfile"), ("apparmor", "apparmorProfile")] {
        let is_off = |option: &&String| {
            option
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix(['=', ':']))
                .is_some_and(|rest| rest == "unconfined")
        };
        let wanted = text(key) == Some("unconfined");
        critical(container.security.iter().any(|option| is_off(&option)) && !wanted, format!("{name} is turned off"));
    }
    for capability in &container.cap_add {
        let plain = capability.trim_start_matches("CAP_").to_ascii_uppercase();
        let severity = if ESCAPES.contains(&plain.as_str()) { Severity::Critical } else { Severity::Warn };
        found.push((severity, format!("it has the capability {plain}, which no config gives")));
    }
    if !shares && expected == "none" && network != "none" {
        found.push((Severity::Warn, format!("its network is {network:?}, and the config says none")));
    }
    found
}

/// What makes a way out harder, or a runaway smaller.
fn options(agent: &Agent<'_>, container: &Container) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut warn = |is: bool, what: String| {
        if is {
            found.push((Severity::Warn, what));
        }
    };
    let known = |name: &str| setting(agent, container, name);
    let dropped = crate::snapshot::config::texts(known("capDrop"));
    let wants_all = known("capDrop").is_none() || dropped.iter().any(|name| name.eq_ignore_ascii_case("ALL"));
    // Podman lists each by its name.
    let has_all =
        container.cap_drop.iter().any(|name| name.eq_ignore_ascii_case("ALL")) || container.cap_drop.len() >= MANY;
    warn(
        wants_all && !has_all,
        format!("it keeps capabilities that capDrop takes away; dropped: {:?}", container.cap_drop),
    );
    let unguarded =
        !container.security.iter().any(|option| option.starts_with("no-new-privileges") && !option.ends_with("false"));
    warn(unguarded, "its processes may gain privileges (no-new-privileges is not set)".to_owned());
    let read_only = known("readOnlyRoot").is_none_or(|value| *value == Value::Bool(true));
    // A browser writes to its own system, and OpenClaw leaves it writable.
    warn(
        read_only && !container.browser && !container.read_only,
        "its system can be written, and readOnlyRoot says no".to_owned(),
    );
    let root = |user: &str| matches!(user.split(':').next(), Some("" | "0" | "root"));
    let user = known("user").and_then(Value::as_str).map(str::trim).filter(|user| !root(user));
    if let Some(user) = user {
        warn(root(&container.user), format!("it runs as root, and the config says {user}"));
    }
    if let Some(limit) = known("pidsLimit").and_then(Value::as_i64).filter(|limit| *limit > 0) {
        let more = container.pids_limit.is_none_or(|actual| actual > limit);
        warn(more, format!("it may have more processes than pidsLimit ({limit})"));
    }
    warn(!container.devices.is_empty(), format!("it has devices of the host: {}", container.devices.join(", ")));
    found
}

/// A folder that is neither OpenClaw's own for this agent nor one that the config gives.
fn mounted(model: &Model<'_>, agent: &Agent<'_>, mount: &Mounted) -> Option<Difference> {
    let access = if mount.writable { "rw" } else { "ro" };
    if let Some(bind) = configured(model, agent).find(|bind| names(bind, mount)) {
        let narrower = bind.split(':').nth(2).is_some_and(|options| options.split(',').any(|one| one == "ro"));
        return (narrower && mount.writable)
            .then(|| (Severity::Warn, format!("{} can be written in it, and {bind:?} says ro", mount.source)));
    }
    let places = [Some(&mount.source), mount.real.as_ref()];
    if places.into_iter().flatten().all(|path| is_own(model, agent, path)) {
        let workspace = mount.writable
            && agent.sandbox.access.value != WorkspaceAccess::Rw
            && is_workspace(model, agent, &mount.source);
        return workspace.then(|| {
            (
                Severity::Warn,
                format!("the agent's workspace {} can be written in it, and workspaceAccess says no", mount.source),
            )
        });
    }
    let links = |path: &Path| model.snapshot.links.of(path);
    let judge = Binds::new(model.snapshot, &links);
    let why = places.into_iter().flatten().find_map(|path| judge.refusal(&format!("{path}:/data:{access}")));
    Some(match why {
        Some(refused) => {
            (Severity::Critical, format!("{} is in it at {} ({access}): {}", mount.source, mount.target, refused.why))
        }
        None => (
            Severity::Warn,
            format!("{} is in it at {} ({access}), and no list of binds names it", mount.source, mount.target),
        ),
    })
}

/// The binds that the config gives to this agent, in all lists: those of the defaults, then its own.
fn configured<'s>(model: &Model<'s>, agent: &Agent<'s>) -> impl Iterator<Item = &'s str> {
    let own = [agent.own_key("sandbox.docker.binds"), agent.own_key("sandbox.browser.binds")];
    let common =
        ["sandbox.docker.binds", "sandbox.browser.binds"].map(|list| KeyPath::dotted(&format!("{DEFAULTS}.{list}")));
    let here =
        move |bind: &Written<'_>| common.contains(&bind.list) || own.iter().flatten().any(|own| *own == bind.list);
    Written::all(&model.agents).filter(here).filter_map(|bind| bind.value.as_str())
}

fn names(bind: &str, mount: &Mounted) -> bool {
    let mut fields = bind.split(':');
    fields.next().is_some_and(|source| lexical(source) == lexical(&mount.source))
        && fields.next().is_some_and(|target| lexical(target) == lexical(&mount.target))
}

/// Whether OpenClaw itself mounts a folder into this agent's sandbox.
fn is_own(model: &Model<'_>, agent: &Agent<'_>, path: &str) -> bool {
    let state = &model.snapshot.install.state;
    let path = lexical(path);
    let below = |folder: &str| {
        !folder.is_empty() && path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let root = agent.setting("sandbox.workspaceRoot").and_then(|setting| setting.value.as_str().map(str::to_owned));
    OWN.iter().any(|folder| below(&lexical(&format!("{state}/{folder}"))))
        || root.is_some_and(|root| below(&at_home(model, &root)))
        || is_workspace(model, agent, &path)
}

fn is_workspace(model: &Model<'_>, agent: &Agent<'_>, path: &str) -> bool {
    let state = &model.snapshot.install.state;
    let path = lexical(path);
    let written = agent.workspace().map(|(text, _)| at_home(model, text));
    let usual =
        [format!("{state}/workspace"), format!("{state}/workspace-{}", agent.id)].map(|folder| lexical(&folder));
    let shared = agent.key.is_none() && path.starts_with(&format!("{}-", lexical(&format!("{state}/workspace"))));
    let below = |folder: &String| {
        path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    shared || usual.iter().chain(written.as_ref()).any(below)
}

fn at_home(model: &Model<'_>, path: &str) -> String {
    let home = model.snapshot.install.home.as_deref().unwrap_or_default();
    lexical(&path.strip_prefix('~').map_or_else(|| path.to_owned(), |rest| format!("{home}{rest}")))
}

/// A setting of this kind of container; a browser's stands beside those of the others, and most are taken from there.
fn setting<'s>(agent: &Agent<'s>, container: &Container, name: &str) -> Option<&'s Value> {
    let kind = if container.browser && name == "network" { "browser" } else { "docker" };
    agent.setting(&format!("sandbox.{kind}.{name}")).map(|setting| setting.value)
}

const BROWSER_NETWORK: &str = "openclaw-sandbox-browser";
/// Folders below the state directory that sandboxes are made of.
const OWN: &[&str] = &["sandboxes", "sandbox", "skills", "plugin-skills"];
/// Capabilities that lead out of a container, or to what others own.
const ESCAPES: &[&str] = &[
    "ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "SYS_BOOT", "DAC_READ_SEARCH", "DAC_OVERRIDE",
    "NET_ADMIN", "BPF", "PERFMON", "MKNOD",
];
/// More capabilities than an engine gives by itself: all of them.
const MANY: usize = 11;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::Live;
    use crate::testing::{findings, said, snapshot};

    fn sound() -> Container {
        let mount = |source: &str, writable| Mounted {
            source: source.into(),
            target: "/workspace".into(),
            writable,
            real: None,
        };
        Container {
            name: "openclaw-sbx-main".into(),
            running: true,
            scope: Some("agent:main:workspace:0123".into()),
            mounts: vec![
                mount("/home/op/.openclaw/sandboxes/agent-main-1234", true),
                mount("/home/op/.openclaw/workspace", false),
            ],
            cap_drop: vec!["ALL".into()],
            network: "none".into(),
            security: vec!["no-new-privileges".into()],
            read_only: true,
            user: "1000:1000".into(),
            ..Container::default()
        }
    }

    fn install(config: Value, container: Container) -> crate::Snapshot {
        let mut install = snapshot(config);
        install.live = Some(Live { containers: vec![container], ..Live::default() });
        install
    }

    fn of(container: Container) -> Vec<String> {
        said(&install(json!({"agents": {"defaults": {"sandbox": {"mode": "all"}}}}), container), "live.container")
    }

    #[test]
    fn a_sandbox_as_it_is_made_is_silent() {
        assert!(of(sound()).is_empty());
        let podman = (0..14).map(|n| format!("CAP_{n}")).collect();
        assert!(of(Container { cap_drop: podman, ..sound() }).is_empty());
    }

    #[test]
    fn what_opens_it_is_critical() {
        let critical = ["critical live.container_differs"];
        assert_eq!(of(Container { privileged: true, ..sound() }), critical);
        assert_eq!(of(Container { network: "host".into(), ..sound() }), critical);
        assert_eq!(of(Container { network: "container:db".into(), ..sound() }), critical);
        assert_eq!(of(Container { pid: "host".into(), ..sound() }), critical);
        assert_eq!(of(Container { cap_add: vec!["CAP_SYS_ADMIN".into()], ..sound() }), critical);
        for option in ["seccomp=unconfined", "seccomp:unconfined", "apparmor=unconfined"] {
            let security = vec!["no-new-privileges".into(), option.to_owned()];
            assert_eq!(of(Container { security, ..sound() }), critical, "{option}");
        }
        for (source, real) in [
            ("/var/run/docker.sock", None),
            ("/home/op/.ssh", None),
            ("/", None),
            ("/home/op/.openclaw", None),
            ("/home/op/.openclaw/sandboxes/../credentials", None),
            ("/home/op/.openclaw/sandboxes/x", Some("/home/op/.openclaw/credentials")),
            ("/srv/harmless", Some("/home/op/.aws")),
        ] {
            let mut container = sound();
            let real = real.map(str::to_owned);
            container.mounts.push(Mounted { source: source.into(), real, target: "/x".into(), writable: false });
            assert_eq!(of(container), critical, "{source}");
        }
    }

    #[test]
    fn what_is_only_wider_is_a_warning() {
        let warn = ["warn live.container_differs"];
        assert_eq!(of(Container { network: "bridge".into(), ..sound() }), warn);
        assert_eq!(of(Container { read_only: false, ..sound() }), warn);
        assert_eq!(of(Container { cap_drop: Vec::new(), ..sound() }), warn);
        assert_eq!(of(Container { security: Vec::new(), ..sound() }), warn);
        assert_eq!(of(Container { cap_add: vec!["NET_RAW".into()], ..sound() }), warn);
        assert_eq!(of(Container { devices: vec!["/dev/kvm".into()], ..sound() }), warn);
        let mut writable = sound();
        writable.mounts[1].writable = true;
        assert_eq!(of(writable), warn, "the workspace, and workspaceAccess is none");
        let mut more = sound();
        more.mounts.push(Mounted { source: "/srv/data".into(), target: "/data".into(), writable: true, real: None });
        assert_eq!(of(more.clone()), warn);
        let docker = json!({"binds": ["/srv/data:/data"], "user": "1000:1000", "pidsLimit": 100});
        let config = json!({"agents": {"defaults": {"sandbox": {"mode": "all", "docker": docker}}}});
        more.pids_limit = Some(100);
        assert!(said(&install(config.clone(), more.clone()), "live.").is_empty(), "as the config says");
        (more.user, more.pids_limit) = (String::new(), None);
        let found = findings(&install(config, more), "live.");
        assert!(found[0].detail.contains("runs as root") && found[0].detail.contains("pidsLimit (100)"), "{found:?}");
    }

    #[test]
    fn a_bind_that_became_writable_is_seen() {
        let config =
            json!({"agents": {"defaults": {"sandbox": {"mode": "all", "docker": {"binds": ["/srv/data:/data:ro"]}}}}});
        let mut container = sound();
        container.mounts.push(Mounted {
            source: "/srv/data".into(),
            target: "/data".into(),
            writable: true,
            real: None,
        });
        assert_eq!(said(&install(config, container), "live."), ["warn live.container_differs"]);
    }

    #[test]
    fn a_sandbox_of_nobody_is_said() {
        let gone = Container { scope: Some("agent:gone:workspace:1".into()), ..sound() };
        assert_eq!(of(gone.clone()), ["warn live.container_orphaned"]);
        assert_eq!(of(Container { running: false, ..gone }), ["info live.container_orphaned"]);
    }
}
