//! Cedar under rules that say the same, as far as they can be said: tools by agent and group, hosts and addresses by
//! pattern and range, mounts and variables by prefix.

use std::collections::HashMap;
use std::str::FromStr as _;

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, RestrictedExpression};
use url::{Host, Url};

use crate::Facts;

/// The engine with its rules and entities.
pub struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
}

impl Cedar {
    /// Parses the rules.
    #[must_use]
    pub fn new() -> Self {
        Self {
            authorizer: Authorizer::new(),
            policies: PolicySet::from_str(&rules()).expect("rules"),
            entities: Entities::from_json_value(entities(), None).expect("entities"),
        }
    }

    /// The request, with every fact that Cedar cannot find out by itself; `None` for what it cannot be asked.
    #[must_use]
    pub fn prepare(&self, facts: &Facts) -> Option<Request> {
        let text = |value: &str| RestrictedExpression::new_string(value.to_owned());
        let (action, resource, context) = match facts {
            Facts::Tool(name) => ("call", format!("Tool::{name:?}"), Vec::new()),
            Facts::Mount(bind) => {
                // Split and cleaned for it: Cedar has no paths.
                let (source, rest) = bind.split_once(':')?;
                let target = rest.split(':').next()?;
                let clean = stockade_policy::mounts::lexical;
                let context = vec![("source", text(&clean(source))), ("target", text(&clean(target)))];
                ("mount", "Host::\"host\"".to_owned(), context)
            }
            Facts::Url(url) => {
                // Parsed for it: Cedar has no URLs.
                let url = Url::parse(url).ok()?;
                let port = i64::from(url.port_or_known_default()?);
                let mut context = vec![("port", RestrictedExpression::new_long(port)), ("scheme", text(url.scheme()))];
                match url.host()? {
                    Host::Domain(name) => context.push(("host", text(name))),
                    Host::Ipv4(address) => context.push(("ip", RestrictedExpression::new_ip(address.to_string()))),
                    Host::Ipv6(address) => context.push(("ip", RestrictedExpression::new_ip(address.to_string()))),
                }
                ("fetch", "Host::\"web\"".to_owned(), context)
            }
            Facts::Variable(name, _) => ("set", "Host::\"environment\"".to_owned(), vec![("name", text(name))]),
            Facts::Headers(_) | Facts::Command(_) => return None,
        };
        let uid = |text: &str| EntityUid::from_str(text).expect("a name");
        let context: HashMap<String, RestrictedExpression> =
            context.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let context = Context::from_pairs(context).expect("a context");
        let action = uid(&format!("Action::{action:?}"));
        Some(Request::new(uid("Agent::\"main\""), action, uid(&resource), context, None).expect("a request"))
    }

    /// One decision.
    #[must_use]
    pub fn decide(&self, request: &Request) -> bool {
        self.authorizer.is_authorized(request, &self.policies, &self.entities).decision() == Decision::Allow
    }
}

impl Default for Cedar {
    fn default() -> Self {
        Self::new()
    }
}

fn rules() -> String {
    let any = |conditions: Vec<String>| conditions.join(" || ");
    let trees = |key: &str, paths: &[&str]| {
        let tree = |path: &&str| format!("context.{key} == {path:?} || context.{key} like \"{path}/*\"");
        any(paths.iter().map(tree).collect())
    };
    let ranges = |nets: &[&str]| any(nets.iter().map(|net| format!("context.ip.isInRange(ip({net:?}))")).collect());
    format!(
        r#"
        permit(principal in Group::"agents", action == Action::"call", resource in Tools::"coding");
        forbid(principal, action == Action::"call", resource in Tools::"ui");
        forbid(principal, action == Action::"call", resource in Tools::"nodes");
        forbid(principal, action == Action::"call", resource == Tool::"browser");
        forbid(principal == Agent::"main", action == Action::"call", resource == Tool::"process");
        forbid(principal == Agent::"main", action == Action::"call", resource == Tool::"gateway");

        permit(principal, action == Action::"mount", resource);
        forbid(principal, action == Action::"mount", resource) when {{ {sources} }};
        forbid(principal, action == Action::"mount", resource) when {{ {targets} }};
        forbid(principal, action == Action::"mount", resource) when {{ {names} }};

        permit(principal, action == Action::"fetch", resource) when {{
            (context.scheme == "http" || context.scheme == "https") && (context.port == 80 || context.port == 443) }};
        forbid(principal, action == Action::"fetch", resource) when {{ context has host && ({hosts}) }};
        forbid(principal, action == Action::"fetch", resource) when {{ context has ip && context.ip.isIpv4() && ({v4}) }};
        forbid(principal, action == Action::"fetch", resource) when {{ context has ip && context.ip.isIpv6() && ({v6}) }};

        permit(principal, action == Action::"set", resource) when {{ {variables} }};
        "#,
        sources = trees("source", SOURCES),
        targets = trees("target", TARGETS),
        names = any(NAMES
            .iter()
            .map(|name| format!("context.source like \"*/{name}\" || context.source like \"*/{name}/*\""))
            .collect()),
        hosts = any(ZONES
            .iter()
            .map(|zone| format!("context.host == {zone:?} || context.host like \"*.{zone}\""))
            .collect()),
        v4 = ranges(V4),
        v6 = ranges(V6),
        variables = any(VARIABLES.iter().map(|name| format!("context.name == {name:?}")).collect()),
    )
}

fn entities() -> serde_json::Value {
    let entity = |kind: &str, id: &str, parents: &[(&str, &str)]| {
        let parents: Vec<_> = parents.iter().map(|(kind, id)| serde_json::json!({ "type": kind, "id": id })).collect();
        serde_json::json!({ "uid": { "type": kind, "id": id }, "attrs": {}, "parents": parents })
    };
    let mut all = vec![entity("Agent", "main", &[("Group", "agents")]), entity("Group", "agents", &[])];
    for (group, tools) in GROUPS {
        let parents: &[(&str, &str)] = if CODING.contains(group) { &[("Tools", "coding")] } else { &[] };
        all.push(entity("Tools", group, parents));
        all.extend(tools.iter().map(|tool| entity("Tool", tool, &[("Tools", group)])));
    }
    all.push(entity("Tools", "coding", &[]));
    serde_json::Value::Array(all)
}

const CODING: &[&str] = &["fs", "runtime", "web", "sessions", "memory"];
const GROUPS: &[(&str, &[&str])] = &[
    ("fs", &["read", "write", "edit", "apply_patch"]),
    ("runtime", &["exec", "process", "code_execution"]),
    ("web", &["web_search", "x_search", "web_fetch"]),
    ("sessions", &["sessions", "sessions_list", "sessions_history", "sessions_send", "sessions_spawn"]),
    ("memory", &["memory_search", "memory_get"]),
    ("ui", &["browser", "screen", "canvas", "terminal"]),
    ("nodes", &["nodes", "computer"]),
    ("automation", &["gateway", "automations", "plugins"]),
];
const SOURCES: &[&str] = &[
    "/etc", "/proc", "/sys", "/dev", "/boot", "/run", "/var/run", "/bin", "/sbin", "/lib", "/lib64", "/usr/bin",
    "/usr/sbin", "/usr/lib", "/usr/libexec", "/usr/local/bin", "/var/lib/docker", "/var/lib/containerd",
    "/var/lib/kubelet", "/var/lib/systemd", "/var/log", "/var/spool", "/var/backups", "/root", "/home/u/.openclaw",
];
const TARGETS: &[&str] = &["/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/proc", "/sys", "/dev", "/run", "/root"];
const NAMES: &[&str] = &[
    ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".config/gcloud", ".config/gh", ".netrc", ".npmrc",
    ".pypirc", ".git-credentials", ".env", "id_rsa", "id_ed25519", "docker.sock", "podman.sock", "containerd.sock",
];
const ZONES: &[&str] = &["evil.example", "localhost", "local", "internal", "lan", "home.arpa", "nip.io", "sslip.io"];
const V4: &[&str] = &[
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
    "240.0.0.0/4",
];
const V6: &[&str] = &["::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];
const VARIABLES: &[&str] = &["TZ", "LANG", "LC_ALL", "TERM", "COLUMNS", "LINES", "NO_COLOR", "CI"];
