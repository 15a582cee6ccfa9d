//! What a bind of a sandbox shows of the host: as OpenClaw's check sees it, and as the gateway's own judge of mounts
//! does. The second is the same that decides when a sandbox is made.

use std::path::{Path, PathBuf};

use serde_json::Value;
use stockade_config::KeyPath;
use stockade_core::decision::{Because, Decision, Denial};
use stockade_policy::Access;
use stockade_policy::mounts::{Bind, MountPolicy, judge_bind, judge_mount, lexical, parse_bind, resolve};

use super::agents::{Agent, Agents};
use crate::snapshot::Snapshot;

/// A bind as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Written<'s> {
    /// `source:target[:options]`, or whatever else stands there.
    pub value: &'s Value,
    /// The list that it stands in; or where it stands alone.
    pub list: KeyPath,
    /// Whether it is for a browser's container.
    pub browser: bool,
}

impl<'s> Written<'s> {
    /// Every bind that the config writes, in force or not: those of the defaults, then those of each agent.
    pub fn all(agents: &Agents<'s>) -> impl Iterator<Item = Self> {
        agents.contexts().flat_map(|agent| [false, true].into_iter().flat_map(|browser| Self::of(agent, browser)))
    }

    fn of(agent: &Agent<'s>, browser: bool) -> impl Iterator<Item = Self> + use<'s> {
        let key = if browser { "sandbox.browser.binds" } else { "sandbox.docker.binds" };
        let setting = if agent.key.is_some() { agent.own(key) } else { agent.setting(key) };
        setting.into_iter().flat_map(move |setting| {
            // One that stands there without a list counts as one.
            let items = setting.value.as_array().map_or(std::slice::from_ref(setting.value), Vec::as_slice);
            items.iter().map(move |value| Self { value, list: setting.key.clone(), browser })
        })
    }
}

/// Judges binds.
pub struct Binds<'l> {
    policy: MountPolicy,
    blocked: Vec<String>,
    links: &'l dyn Fn(&Path) -> Option<PathBuf>,
}

/// What OpenClaw's check says of a bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Its source is no absolute path.
    NotAbsolute,
    /// Its source is, holds or lies in this path.
    Blocked(String),
}

/// Why the gateway's own judge would not mount it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// As a sentence without a full stop.
    pub why: String,
    /// Whether it is the source: not even a read-only copy of it elsewhere would be allowed.
    pub source: bool,
}

impl<'l> Binds<'l> {
    /// With what is known of the install, and of symbolic links.
    #[must_use]
    pub fn new(snapshot: &Snapshot, links: &'l dyn Fn(&Path) -> Option<PathBuf>) -> Self {
        let install = &snapshot.install;
        let variables = ["OPENCLAW_HOME", "HOME", "USERPROFILE"].into_iter().filter_map(|name| snapshot.env.text(name));
        let mut homes: Vec<String> = install.home.as_deref().into_iter().chain(variables).map(lexical).collect();
        homes.retain(|home| home != "/");
        let real: Vec<String> = homes.iter().filter_map(|home| resolve(home, &links).ok()).collect();
        homes.extend(real);
        homes.sort();
        homes.dedup();
        let below = |home: &String| HOME_ENTRIES.iter().map(|entry| format!("{home}/{entry}")).collect::<Vec<_>>();
        let blocked = SYSTEM.iter().map(|path| (*path).to_owned()).chain(homes.iter().flat_map(below)).collect();
        let state = [&install.state, &install.config].into_iter().filter(|path| path.starts_with('/'));
        let policy = MountPolicy {
            homes: homes.iter().map(PathBuf::from).collect(),
            state: state.map(PathBuf::from).collect(),
            ..MountPolicy::default()
        };
        Self { policy, blocked, links }
    }

    /// What OpenClaw's check says of a bind; `None` when it finds nothing.
    #[must_use]
    pub fn known_to_openclaw(&self, bind: &str) -> Option<Known> {
        let source = source(bind);
        if !source.starts_with('/') && !is_drive(source) {
            return Some(Known::NotAbsolute);
        }
        let clean = lexical(source);
        let real = resolve(&clean, &self.links).ok();
        std::iter::once(clean).chain(real).find_map(|path| self.blocked_by(&path)).map(Known::Blocked)
    }

    /// Why the gateway's own judge would not mount it; `None` when it would.
    #[must_use]
    pub fn refusal(&self, bind: &str) -> Option<Refused> {
        let why = match judge_bind(&self.policy, bind, self.links) {
            Decision::Allow { .. } => return None,
            Decision::Deny(Denial { because: Because::Policy(why), .. }) => why,
            Decision::Deny(denial) => denial.to_string(),
            Decision::Ask(question) => question.because,
        };
        let elsewhere = parse_bind(bind).map(|bind| Bind::new(bind.source, "/data", Access::Ro));
        let is_allowed = |bind: &Bind| matches!(judge_mount(&self.policy, bind, self.links), Decision::Allow { .. });
        let source = elsewhere.is_ok_and(|bind| !is_allowed(&bind));
        Some(Refused { why, source })
    }

    fn blocked_by(&self, path: &str) -> Option<String> {
        if path == "/" {
            return Some("/".to_owned());
        }
        let lies_in = |path: &str, tree: &str| {
            path.strip_prefix(tree).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.blocked.iter().find(|blocked| lies_in(path, blocked) || lies_in(blocked, path)).cloned()
    }
}

/// The part before the colon that ends the source.
fn source(bind: &str) -> &str {
    let from = if is_drive(bind) { 2 } else { 0 };
    let end = bind.get(from..).and_then(|rest| rest.find(':')).map(|at| at.saturating_add(from));
    end.and_then(|end| bind.get(..end)).unwrap_or(bind)
}

fn is_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic())
}

/// What OpenClaw keeps out of sandboxes.
const SYSTEM: &[&str] =
    &["/etc", "/private/etc", "/proc", "/sys", "/dev", "/root", "/boot", "/run", "/var/run", "/private/var/run"];

/// The same below a home.
const HOME_ENTRIES: &[&str] = &[".aws", ".cargo", ".config", ".docker", ".gnupg", ".netrc", ".npm", ".ssh"];
