//! Mounts: what is allowed leads to no protected path, by a walk written here and not there.
//!
//! Input, a line each: the bind; then `l link<TAB>what it holds`, `b` a blocked path, `g` a granted folder, `h` a
//! home, `s` a state directory, `r` a folder that sources must lie in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use stockade_core::Decision;
use stockade_policy::mounts::{
    Bind, MountPolicy, Propagation, judge_bind, judge_flag, judge_mount, lexical, parse_bind, resolve,
};

/// Checks one input.
pub fn holds(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let mut lines = text.split('\n');
    let bind = lines.next().unwrap_or_default();
    let world = World::read(lines.take(32));
    let decision = world.judge(&world.policy, bind);
    assert_eq!(decision, world.judge(&world.policy, bind), "the answer is deterministic");
    let _ = judge_flag(bind, bind).verdict();
    for tighter in world.tighter() {
        let after = world.judge(&tighter, bind).verdict();
        assert!(decision.verdict() == "allow" || after != "allow", "a tighter policy allows more: {tighter:?}");
    }
    let Ok(parsed) = parse_bind(bind) else {
        assert_eq!(decision.verdict(), "deny", "what is no bind was allowed");
        return;
    };
    assert!(parsed.source.starts_with('/') && parsed.target.starts_with('/'));
    if decision.verdict() == "allow" {
        world.allowed_is_harmless(&parsed);
        world.normal_form_is_idempotent(&parsed);
    }
}

struct World {
    policy: MountPolicy,
    links: BTreeMap<String, String>,
}

impl World {
    fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut world = Self { policy: MountPolicy::default(), links: BTreeMap::new() };
        world.policy.homes.push(HOME.into());
        world.policy.state.push(Path::new(HOME).join(".openclaw"));
        for line in lines {
            let Some((kind, rest)) = line.split_once(' ') else { continue };
            let policy = &mut world.policy;
            let paths = match kind {
                "b" => &mut policy.blocked,
                "g" => &mut policy.granted,
                "h" => &mut policy.homes,
                "s" => &mut policy.state,
                "r" => &mut policy.roots,
                "l" => {
                    let (link, to) = rest.split_once('\t').unwrap_or((rest, "/etc"));
                    world.links.insert(lexical(link), to.to_owned());
                    continue;
                }
                _ => continue,
            };
            paths.push(rest.into());
        }
        world
    }

    fn judge(&self, policy: &MountPolicy, bind: &str) -> Decision {
        judge_bind(policy, bind, |path| self.link(path))
    }

    fn link(&self, path: &Path) -> Option<PathBuf> {
        self.links.get(path.to_str()?).map(PathBuf::from)
    }

    /// Every policy that knows of more to protect, or grants less.
    fn tighter(&self) -> Vec<MountPolicy> {
        let own = &self.policy;
        let more = |paths: &[PathBuf]| paths.iter().cloned().chain(["/srv/more".into()]).collect::<Vec<PathBuf>>();
        let mut tighter = vec![
            MountPolicy { blocked: more(&own.blocked), ..own.clone() },
            MountPolicy { homes: more(&own.homes), ..own.clone() },
            MountPolicy { state: more(&own.state), ..own.clone() },
        ];
        // A grant that leads nowhere is a policy that cannot be judged, and refuses everything.
        let leads =
            |path: &PathBuf| resolve(&lexical(path.to_str().expect("text")), &|path: &Path| self.link(path)).is_ok();
        if own.granted.iter().all(leads) {
            tighter.push(MountPolicy { granted: Vec::new(), ..own.clone() });
        }
        tighter
    }

    fn allowed_is_harmless(&self, bind: &Bind) {
        assert_eq!(bind.propagation, Propagation::Private, "mounts travel");
        for tree in ["/etc", "/usr/bin", "/bin", "/proc", "/sys", "/dev", "/root"] {
            assert!(!meets(&lexical(&bind.target), tree), "the target shadows {tree}");
        }
        for source in [bind.source.clone(), lexical(&bind.source)] {
            let arrived = self.kernel(&source).expect("a walk without an end was allowed");
            for tree in SYSTEM {
                assert!(!meets(&arrived, tree), "{arrived} meets {tree}");
            }
            for name in ["docker.sock", ".ssh", ".aws", ".gnupg"] {
                assert!(!arrived.split('/').any(|part| part == name), "{arrived} holds {name}");
            }
            self.allowed_by_the_policy(&arrived);
        }
    }

    fn allowed_by_the_policy(&self, arrived: &str) {
        let both = |path: &PathBuf| {
            let text = path.to_str().expect("made from text");
            [lexical(text), self.kernel(text).expect("a policy that leads nowhere allows nothing")]
        };
        let blocked = self.policy.blocked.iter().flat_map(both);
        blocked.for_each(|path| assert!(!meets(arrived, &path), "{arrived} meets the blocked {path}"));
        let homes = self.policy.homes.iter().flat_map(both);
        homes.for_each(|home| assert!(!inside(&home, arrived), "{arrived} holds the home {home}"));
        for state in self.policy.state.iter().flat_map(both) {
            assert!(!inside(&state, arrived), "{arrived} holds the state {state}");
            let lifted = !self.policy.granted.is_empty();
            assert!(lifted || !inside(arrived, &state), "{arrived} lies in the state {state}");
        }
        let mut roots = self.policy.roots.iter().flat_map(both).peekable();
        assert!(roots.peek().is_none() || roots.any(|root| inside(arrived, &root)), "{arrived} is outside the roots");
    }

    fn normal_form_is_idempotent(&self, bind: &Bind) {
        let source = resolve(&bind.source, &|path: &Path| self.link(path)).expect("it was resolved to be allowed");
        assert_eq!(Some(&source), self.kernel(&bind.source).as_ref(), "two walks arrive at the same place");
        assert_eq!(resolve(&source, &|path: &Path| self.link(path)).as_ref(), Ok(&source));
        assert_eq!(lexical(&source), source);
        let canonical = Bind { source, target: lexical(&bind.target), ..bind.clone() };
        let decision = judge_mount(&self.policy, &canonical, |path| self.link(path));
        assert_eq!(decision.verdict(), "allow", "the normal form {canonical:?} gets another answer: {decision:?}");
        // What an executor would write for it is read back as the same.
        let written = format!("{}:{}", canonical.source, canonical.target);
        let read = parse_bind(&written).expect("the normal form of a bind can be written");
        assert_eq!((read.source, read.target), (canonical.source, canonical.target));
    }

    /// Where the kernel arrives (path_resolution(7)); `None` after more than 40 links.
    fn kernel(&self, path: &str) -> Option<String> {
        let (mut at, mut left) = (Vec::new(), 40);
        self.walk(&mut at, path, &mut left)?;
        Some(format!("/{}", at.join("/")))
    }

    fn walk(&self, at: &mut Vec<String>, path: &str, left: &mut u32) -> Option<()> {
        if path.starts_with('/') {
            at.clear();
        }
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    at.pop();
                }
                name => {
                    at.push(name.to_owned());
                    if let Some(to) = self.links.get(&format!("/{}", at.join("/"))) {
                        *left = left.checked_sub(1)?;
                        at.pop();
                        self.walk(at, to, left)?;
                    }
                }
            }
        }
        Some(())
    }
}

fn inside(path: &str, tree: &str) -> bool {
    Path::new(path).starts_with(tree)
}

fn meets(path: &str, tree: &str) -> bool {
    inside(path, tree) || inside(tree, path)
}

const HOME: &str = "/home/u";
const SYSTEM: &[&str] = &[
    "/etc", "/proc", "/sys", "/dev", "/boot", "/run", "/var/run", "/bin", "/sbin", "/lib", "/usr/bin",
    "/var/lib/docker",
];
