//! Mounts beside a real Docker engine: what the judge says a bind means is what Docker mounts, and what the judge
//! allows shows no canary. The engine is the one that answers, or one of our own in a temporary folder.
#![allow(clippy::print_stdout, reason = "the counts are what the test is run for")]
#![allow(clippy::disallowed_methods, reason = "starts a container engine, and lays folders out for it")]

mod engine;

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;
use stockade_core::Decision;
use stockade_policy::Access;
use stockade_policy::mounts::{Bind, MountPolicy, Unresolved, judge_bind, lexical, parse_bind, resolve};

use engine::{Engine, Mounted};

#[test]
fn docker_mounts_what_was_judged_and_shows_no_canary() {
    let Some(engine) = Engine::find() else { return };
    let stage = Stage::new();
    let mut binds = stage.generated();
    let generated = binds.len();
    binds.extend(stage.corpus());
    let mut counts = Counts::default();
    let asked: Vec<Asked> = binds.iter().filter_map(|bind| stage.ask(bind, &mut counts)).collect();
    for batch in distinct(&asked) {
        let texts: Vec<&str> = batch.iter().map(|asked| asked.text.as_str()).collect();
        if let Ok(seen) = engine.run(&texts) {
            batch.iter().for_each(|asked| asked.compare(&seen, &mut counts));
            continue;
        }
        // One that the engine refuses takes its container with it.
        for (asked, text) in batch.iter().zip(&texts) {
            match engine.run(&[text]) {
                Ok(seen) => asked.compare(&seen, &mut counts),
                Err(why) => counts
                    .refused_by_docker
                    .push(format!("{}{text}: {why}", ["", "allowed: "][usize::from(asked.allowed)])),
            }
        }
    }
    println!("{generated} generated and {} of the corpus: {counts:?}", binds.len() - generated);
    assert!(counts.allowed_alike > 150 && counts.denied_alike > 100, "{counts:?}");
    assert!(counts.denied_with_canary > 50, "the canaries are seen by nobody: {counts:?}");
}

/// Batches without two mounts at one place.
fn distinct(asked: &[Asked]) -> Vec<Vec<&Asked>> {
    let mut batches: Vec<(BTreeSet<String>, Vec<&Asked>)> = Vec::new();
    for one in asked {
        let target = lexical(&one.bind.target);
        let fits = |(targets, batch): &&mut (BTreeSet<String>, Vec<&Asked>)| {
            batch.len() < 24 && !targets.iter().any(|other| meets(other, &target))
        };
        match batches.iter_mut().find(fits) {
            Some((targets, batch)) => {
                targets.insert(target);
                batch.push(one);
            }
            None => batches.push((BTreeSet::from([target]), vec![one])),
        }
    }
    batches.into_iter().map(|(_, batch)| batch).collect()
}

fn meets(one: &str, other: &str) -> bool {
    Path::new(one).starts_with(other) || Path::new(other).starts_with(one)
}

#[derive(Debug, Default)]
struct Counts {
    no_bind: usize,
    unresolved: usize,
    outside_the_stage: usize,
    refused_by_docker: Vec<String>,
    allowed_alike: usize,
    denied_alike: usize,
    denied_with_canary: usize,
}

/// One bind, and what we made of it.
struct Asked {
    text: String,
    bind: Bind,
    arrives: String,
    allowed: bool,
}

impl Asked {
    /// Holds what Docker did to what was judged.
    fn compare(&self, seen: &[Mounted], counts: &mut Counts) {
        let target = lexical(&self.bind.target);
        let mounted = seen.iter().find(|mounted| mounted.destination == target);
        let mounted = mounted.unwrap_or_else(|| panic!("{:?} is not mounted at {target}", self.text));
        assert_eq!(mounted.source, lexical(&self.bind.source), "the source of {:?}", self.text);
        assert_eq!(mounted.writable, self.bind.access == Access::Rw, "the mode of {:?}", self.text);
        let host = std::fs::metadata(&self.arrives).expect("Docker makes what is missing");
        let inode = format!("{}:{}", host.dev(), host.ino());
        assert_eq!(mounted.inode, inode, "{:?} is another file than {}", self.text, self.arrives);
        let canary = mounted.files.iter().find(|file| file.contains(CANARY));
        if self.allowed {
            assert_eq!(canary, None, "{:?} was allowed and shows a canary", self.text);
            assert!(mounted.propagation.is_empty() || mounted.propagation.ends_with("private"), "{mounted:?}");
            counts.allowed_alike += 1;
        } else {
            counts.denied_alike += 1;
            counts.denied_with_canary += usize::from(canary.is_some());
        }
    }
}

/// Folders with a home, its secrets, ordinary places, and links between them.
struct Stage {
    _folder: tempfile::TempDir,
    root: String,
    policy: MountPolicy,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("stage-").tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("it is there");
        let at = |path: &str| root.join(path);
        for path in ["home/.ssh", "home/.openclaw/credentials", "home/.config/gh", "home/.aws", "run", "blocked/deep"] {
            std::fs::create_dir_all(at(path)).expect("made");
            std::fs::write(at(path).join(CANARY), "a secret").expect("written");
        }
        std::fs::write(at("run/docker.sock"), "").expect("written");
        for path in ["home/ws/src", "home/project", "work/a/b/c", "work/with space", "home/.openclaw/workspace/src"] {
            std::fs::create_dir_all(at(path)).expect("made");
            std::fs::write(at(path).join("plain"), "").expect("written");
        }
        for (link, to) in [
            ("work/ssh", "../home/.ssh"),
            ("work/home", "../home"),
            ("work/project", "../home/project"),
            ("work/chain", "a/next"),
            ("work/a/next", "../project"),
            ("work/here", "."),
            ("work/up", ".."),
            ("work/a/back", "../../home/ws"),
            ("work/a/b/out", "../../../blocked"),
            ("work/loop", "loop"),
            ("work/dangling", "a/not there"),
            ("work/sock", "../run/docker.sock"),
            ("home/ws/state", "../.openclaw"),
            ("home/ws/granted", "../.openclaw/workspace"),
        ] {
            symlink(to, at(link)).expect("linked");
        }
        symlink(at("work/a"), at("work/absolute")).expect("linked");
        symlink(at("home/.config"), at("home/ws/config")).expect("linked");
        let policy = MountPolicy {
            homes: vec![at("home")],
            state: vec![at("home/.openclaw")],
            blocked: vec![at("blocked"), at("run")],
            granted: vec![at("home/.openclaw/workspace")],
            roots: Vec::new(),
        };
        Self { root: root.to_str().expect("text").to_owned(), _folder: folder, policy }
    }

    /// What the judge makes of a bind; `None` when there is nothing to compare.
    fn ask(&self, text: &str, counts: &mut Counts) -> Option<Asked> {
        let links = |path: &Path| std::fs::read_link(path).ok();
        let decision = judge_bind(&self.policy, text, links);
        let allowed = matches!(decision, Decision::Allow { .. });
        let Ok(bind) = parse_bind(text) else {
            assert!(!allowed, "{text:?} is no bind and was allowed");
            counts.no_bind += 1;
            return None;
        };
        // Docker cleans the text, and the kernel follows the links of that.
        let arrives: Result<String, Unresolved> = resolve(&lexical(&bind.source), &links);
        let Ok(arrives) = arrives else {
            assert!(!allowed, "{text:?} leads nowhere and was allowed");
            counts.unresolved += 1;
            return None;
        };
        let inside = |path: &str| Path::new(path).starts_with(&self.root);
        if !inside(&arrives) || !inside(&lexical(&bind.source)) || lexical(&bind.target) == "/" {
            assert!(!allowed || lexical(&bind.target) != "/", "{text:?} covers everything");
            counts.outside_the_stage += 1;
            return None;
        }
        if !allowed && shadows(&lexical(&bind.target)) {
            counts.outside_the_stage += 1;
            return None;
        }
        Some(Asked { text: text.to_owned(), bind, arrives, allowed })
    }

    fn generated(&self) -> Vec<String> {
        let parts = [
            "", ".", "..", "a", "b", "c", "work", "home", "ws", "src", "ssh", ".ssh", "project", "chain", "here", "up",
            "back", "out", "absolute", "dangling", "loop", "with space", "state", "granted", ".openclaw", "workspace",
            "run", "sock", "blocked", "config", "gh", "new",
        ];
        let ends = ["", "/", "//", "/.", "/./"];
        let options = ["", ":ro", ":rw", ":ro,z", ":rprivate", ":rw,private", ":Z"];
        let mut random = 0x5eed_u64;
        let mut next = |below: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(random >> 33).expect("small") % below
        };
        let mut binds = BTreeSet::new();
        // Most random walks end nowhere, where there is nothing to mount.
        for _ in 0..60_000 {
            let mut source = format!("{}/{}", self.root, ["work", "home", "work/a"][next(3)]);
            for _ in 0..next(7) {
                source.push('/');
                source.push_str(parts[next(parts.len())]);
            }
            source.push_str(ends[next(ends.len())]);
            let known = Path::new(&lexical(&source)).exists() || next(400) == 0;
            let target = [format!("/m{}", next(90)), format!("/x//m{}/", next(90)), format!("/x/../m{}/.", next(90))];
            let target = &target[next(3)];
            let option = options[next(options.len())];
            if known && binds.len() < 400 {
                let structured = next(4) == 0 && matches!(option, "" | ":ro");
                let ro = if option.is_empty() { "" } else { ",readonly" };
                binds.insert(if structured {
                    format!("type=bind,source={source},target={target}{ro}")
                } else {
                    format!("{source}:{target}{option}")
                });
            }
        }
        binds.into_iter().collect()
    }

    /// The corpus, with the stage for its root: what it links is linked, and what it names is made.
    fn corpus(&self) -> Vec<String> {
        let text = include_str!("corpus/mounts.jsonl");
        let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a row"));
        rows.enumerate()
            .map(|(number, row)| {
                let placed = |text: &str| self.placed(&text.replace("{WS}", "/home/u/ws").replace("{HOME}", "/home/u"));
                for (link, to) in row["links"].as_object().into_iter().flatten() {
                    let (link, to) = (PathBuf::from(placed(link)), placed(to.as_str().expect("text")));
                    if let Some(parent) = link.parent() {
                        let _ = std::fs::create_dir_all(parent);
                    }
                    let _ = symlink(to, link);
                }
                let mut bind = placed(row["bind"].as_str().expect("text"));
                if let Ok(parsed) = parse_bind(&bind)
                    && ["/x", "/data", "/w", "/app"].contains(&parsed.target.as_str())
                    && let Some(at) = bind.rfind(&parsed.target)
                {
                    // Each at its own place, so that one container takes many.
                    bind.replace_range(at..at + parsed.target.len(), &format!("/x{number}"));
                }
                if let Ok(parsed) = parse_bind(&bind) {
                    let folder = lexical(&parsed.source);
                    if folder.starts_with(&self.root) {
                        let _ = std::fs::create_dir_all(folder);
                    }
                }
                bind
            })
            .collect()
    }

    /// An absolute path, or a mount of one, under the stage.
    fn placed(&self, text: &str) -> String {
        let root = &self.root;
        let text = text.replace("/home/u", "/home");
        if text.starts_with('/') {
            return format!("{root}{text}");
        }
        ["source=/", "src=/"].iter().fold(text, |text, key| {
            let end = key.len() - 1;
            text.replacen(key, &format!("{}{root}/", &key[..end]), 1)
        })
    }
}

/// Places in the container without which nothing runs in it.
fn shadows(target: &str) -> bool {
    ["/bin", "/proc", "/sys", "/dev", "/etc"].iter().any(|tree| meets(target, tree))
}

const CANARY: &str = "canary";
