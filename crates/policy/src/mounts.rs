//! Which host folders may stand in a session's view. Owns the question for every mount, whoever asks:
//! the gateway before it builds a view, and batch questions about bind strings.
//!
//! A source is judged in every form that something between here and the kernel could make of it: as
//! cleaned text (container engines do that first), as the links resolve (the kernel), and both again
//! without the prefixes under which a host shows itself a second time, and by the names of the protected
//! paths that are links to it. Each form is refused when it is
//! a protected path, lies inside one, or holds one: a parent of a secret shows the secret
//! (attack classes `sandbox-mount-config` GHSA-575v-8hfq-m3mc, CVE-2026-27523, SEED-3.3-sock).
//!
//! It never looks at a disk: what a link points to is a fact that the caller brings.

mod bind;
mod canonical;
mod flags;
mod protected;

use std::path::{Path, PathBuf};

use stockade_core::{Decision, Denial, Rule, text};

pub use bind::{BadBind, Bind, Propagation, parse_bind};
pub use canonical::{Unresolved, lexical, resolve};
pub use flags::judge_flag;

use crate::view::Access;

/// What the judge of mounts knows about the machine and the config. Adding to `homes`, `state` or
/// `blocked` only ever refuses more; adding to `granted` lifts only what its own words say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MountPolicy {
    /// Home folders beside the usual places (`HOME`, `USERPROFILE`, the operating system's record):
    /// each is refused as a whole, and so is every hidden entry in it.
    pub homes: Vec<PathBuf>,
    /// State directories and config files of the gateway.
    pub state: Vec<PathBuf>,
    /// More paths that are refused: themselves, what is inside and what holds them.
    pub blocked: Vec<PathBuf>,
    /// Folders that the config gives to a session: its workspace, its scratch folder. They may lie
    /// inside the state directory or a hidden folder of a home; no other rule is lifted.
    pub granted: Vec<PathBuf>,
    /// When not empty, a source lies in one of these.
    pub roots: Vec<PathBuf>,
}

/// May `bind` stand in a view. `links` says what a path points to when it is a symbolic link, as
/// `readlink` does, and `None` for everything else, also for what does not exist: the links of the
/// deepest existing ancestor are followed, the rest is taken as written. Allow or deny.
pub fn judge_mount(policy: &MountPolicy, bind: &Bind, links: impl Fn(&Path) -> Option<PathBuf>) -> Decision {
    match refusal(policy, bind, &links) {
        Some(because) => Decision::Deny(Denial::policy(Rule::Workspace, because)),
        None => Decision::Allow { rule: Rule::Workspace },
    }
}

/// Judges a bind string or a structured mount (`type=bind,source=…,target=…`) as text.
pub fn judge_bind(policy: &MountPolicy, text: &str, links: impl Fn(&Path) -> Option<PathBuf>) -> Decision {
    match parse_bind(text) {
        // The gateway mounts these itself, and a second mount would lie over its own.
        Ok(bind) if RESERVED.iter().any(|own| protected::meets(&lexical(&bind.target), own)) => {
            let because =
                format!("the target {} is the gateway's own; choose another, as in /data", shown(&bind.target));
            Decision::Deny(Denial::policy(Rule::Workspace, because))
        }
        Ok(bind) => judge_mount(policy, &bind, links),
        Err(bad) => Decision::Deny(Denial::policy(Rule::Workspace, bad.to_string())),
    }
}

fn refusal<L: Fn(&Path) -> Option<PathBuf>>(policy: &MountPolicy, bind: &Bind, links: &L) -> Option<String> {
    if let Err(bad) = bind.check() {
        return Some(bad.to_string());
    }
    if matches!(bind.propagation, Propagation::Shared | Propagation::Slave) {
        return Some("mounts must not propagate between the host and a sandbox; leave the propagation private".into());
    }
    let target = lexical(&bind.target);
    if !bind::is_target(&target) {
        // `/etc /` in its normal form ends in a blank, and engines trim those.
        return Some(BadBind::Target(shown(&bind.target)).to_string());
    }
    if let Some(why) = protected::target(&target) {
        return Some(format!("the target {} {why}; choose another, as in /data", shown(&bind.target)));
    }
    let known = match Known::new(policy, links) {
        Ok(known) => known,
        Err(error) => return Some(format!("a path of the policy cannot be judged: {error}")),
    };
    let forms = match forms(&bind.source, links) {
        Ok(forms) => forms,
        Err(error) => return Some(format!("the source {} cannot be judged: {error}", shown(&bind.source))),
    };
    if let Some(form) = forms.iter().find(|form| !bind::is_source(form)) {
        // An engine that is handed the resolved path reads `/srv/a:/etc` as two fields.
        let why = "leads through a link to a path that is not plain";
        return Some(format!("the source {} {why} ({})", shown(&bind.source), shown(form)));
    }
    forms.iter().find_map(|form| {
        let why = known.refusal(form, bind.access)?;
        let through = if *form == bind.source { String::new() } else { format!(" (that is, {})", shown(form)) };
        Some(format!("the source {}{through} {why}", shown(&bind.source)))
    })
}

/// Every path that a source could come to mean. The last is where the kernel arrives.
fn forms<L: Fn(&Path) -> Option<PathBuf>>(source: &str, links: &L) -> Result<Vec<String>, Unresolved> {
    let clean = lexical(source);
    let mut forms = vec![clean.clone()];
    let mut add = |form: String| {
        if !forms.contains(&form) {
            forms.push(form);
        }
    };
    add(resolve(&clean, links)?);
    if source != clean {
        // `a/link/..` is not `a` for the kernel, though it is for an engine that cleans the text first.
        add(resolve(source, links)?);
    }
    Ok(forms)
}

/// The policy's paths in both their forms.
struct Known {
    homes: Vec<String>,
    state: Vec<String>,
    blocked: Vec<String>,
    granted: Vec<String>,
    roots: Vec<String>,
    /// Places of protected paths that are links, each with the path's own name.
    moved: Vec<(String, String)>,
}

impl Known {
    fn new<L: Fn(&Path) -> Option<PathBuf>>(policy: &MountPolicy, links: &L) -> Result<Self, Unresolved> {
        let both = |paths: &[PathBuf]| -> Result<Vec<String>, Unresolved> {
            let mut known = Vec::with_capacity(paths.len());
            for path in paths {
                let text = path.to_str().ok_or(Unresolved::NotText)?;
                let (clean, real) = (lexical(text), resolve(text, links)?);
                if clean != real {
                    known.push(real);
                }
                known.push(clean);
            }
            Ok(known)
        };
        let homes = both(&policy.homes)?;
        Ok(Self {
            moved: protected::moved(&homes, links)?,
            homes,
            state: both(&policy.state)?,
            blocked: both(&policy.blocked)?,
            granted: granted(&policy.granted, links)?,
            roots: both(&policy.roots)?,
        })
    }

    fn refusal(&self, form: &str, access: Access) -> Option<String> {
        let granted = self.granted.iter().any(|granted| protected::exactly_inside(form, granted));
        let names = self.moved.iter().filter_map(|(place, name)| {
            let rest = protected::beneath(form, place)?;
            Some(if rest.is_empty() { name.clone() } else { format!("{name}/{rest}") })
        });
        std::iter::once(form.to_owned())
            .chain(names)
            .find_map(|name| {
                let seen_as = protected::seen_as(&name);
                let names = [Some(name.as_str()), seen_as.as_deref()];
                names.into_iter().flatten().find_map(|path| self.refusal_of(path, access, granted))
            })
            .or_else(|| {
                let (_, name) = self.moved.iter().find(|(place, _)| protected::inside(place, form))?;
                Some(format!("holds {name}, which is a link to a folder in it"))
            })
            .or_else(|| {
                let inside = |root: &String| protected::exactly_inside(form, root);
                let outside = !self.roots.is_empty() && !self.roots.iter().any(inside);
                outside.then(|| "is outside the folders that may be mounted".to_owned())
            })
    }

    fn refusal_of(&self, path: &str, access: Access, granted: bool) -> Option<String> {
        if let Some(held) = self.blocked.iter().find(|own| protected::meets(path, own)) {
            return Some(format!("is, holds or lies in {}, which is blocked", shown(held)));
        }
        for own in &self.state {
            if protected::inside(own, path) {
                return Some(
                    "holds the gateway's own state, which is not shown to a sandbox; choose a folder beside it".into(),
                );
            }
            if let Some(rest) = protected::beneath(path, own)
                && (!granted || protected::secret_state(rest))
            {
                return Some("lies in the gateway's own state, which is not shown to a sandbox".into());
            }
        }
        if let Some(home) = self.homes.iter().find(|home| protected::inside(home, path)) {
            return Some(format!("is or holds the home folder {}; mount a folder in it", shown(home)));
        }
        let homes = self.homes.iter().map(String::as_str);
        protected::source(path, access == Access::Rw, granted, homes).map(str::to_owned)
    }
}

/// Granted folders where the kernel finds them, except that their own last part is not followed: a
/// workspace that was replaced by a link to something else is not what the config granted.
fn granted<L: Fn(&Path) -> Option<PathBuf>>(paths: &[PathBuf], links: &L) -> Result<Vec<String>, Unresolved> {
    let mut known = Vec::with_capacity(paths.len());
    for path in paths {
        let clean = lexical(path.to_str().ok_or(Unresolved::NotText)?);
        if let Some((parent, name)) = clean.rsplit_once('/') {
            let parent = resolve(if parent.is_empty() { "/" } else { parent }, links)?;
            let parent = parent.trim_end_matches('/');
            known.push(format!("{parent}/{name}"));
        }
        known.push(clean);
    }
    // A grant of `/` would be none of a folder.
    known.retain(|granted| granted.len() > 1);
    Ok(known)
}

/// Where a session's scratch folder and its agent's workspace are seen.
const RESERVED: &[&str] = &["/workspace", "/agent"];

fn shown(path: &str) -> String {
    text::clip(&text::visible(path), 128)
}
