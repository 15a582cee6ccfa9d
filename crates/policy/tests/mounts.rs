//! Mounts against the judge: the corpus with its confusion matrix, and what must hold for every path.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;
use stockade_policy::Access;
use stockade_policy::mounts::{Bind, MountPolicy, judge_bind, judge_flag, judge_mount, lexical, parse_bind, resolve};

#[derive(serde::Deserialize)]
struct Row {
    id: String,
    bind: String,
    expect: String,
    class: String,
    why: String,
    #[serde(default, alias = "symlinks")]
    links: BTreeMap<PathBuf, PathBuf>,
    #[serde(default)]
    allowed_roots: Vec<PathBuf>,
    #[serde(default)]
    state: Vec<PathBuf>,
    #[serde(default)]
    homes: Vec<PathBuf>,
    #[serde(default)]
    blocked: Vec<PathBuf>,
    #[serde(default)]
    granted: Vec<PathBuf>,
    #[serde(default)]
    extra: BTreeMap<String, Value>,
}

impl Row {
    fn policy(&self) -> MountPolicy {
        let mut policy = MountPolicy {
            homes: self.homes.clone(),
            state: self.state.clone(),
            blocked: self.blocked.clone(),
            granted: self.granted.clone(),
            roots: self.allowed_roots.clone(),
        };
        policy.homes.push("/home/u".into());
        policy.state.push("/home/u/.openclaw".into());
        policy
    }

    fn text(&self) -> String {
        self.bind.replace("{WS}", "/home/u/ws").replace("{HOME}", "/home/u")
    }

    fn decide(&self, policy: &MountPolicy) -> &'static str {
        let flags = self
            .extra
            .iter()
            .all(|(name, value)| texts(value).iter().all(|value| judge_flag(name, value).verdict() == "allow"));
        let mount = judge_bind(policy, &self.text(), |path| self.links.get(path).cloned());
        if flags && mount.verdict() == "allow" { "allow" } else { "block" }
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

fn rows() -> Vec<Row> {
    let text = include_str!("corpus/mounts.jsonl");
    text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

#[test]
#[expect(clippy::print_stdout, reason = "the matrix is the result of this test")]
fn no_attack_passes_and_ordinary_folders_do() {
    let rows = rows();
    let mut matrix: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in &rows {
        let decided = row.decide(&row.policy());
        *matrix.entry((&row.class, &row.expect, decided)).or_default() += 1;
        if decided != row.expect {
            wrong.push(format!("{} {:?}: {decided}, though {}", row.id, row.bind, row.why));
        }
    }
    for ((class, expect, decided), count) in &matrix {
        println!("{class:14} expected {expect:5} decided {decided:5} {count:4}");
    }
    let ids: BTreeSet<_> = rows.iter().map(|row| &row.id).collect();
    assert_eq!(ids.len(), rows.len(), "ids are unique");
    assert!(rows.len() >= 200 && rows.iter().all(|row| !row.why.is_empty()));
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn a_parent_of_what_is_refused_is_refused() {
    for row in rows().iter().filter(|row| ["system", "socket-parent", "home", "blocked"].contains(&row.class.as_str()))
    {
        let Ok(bind) = parse_bind(&row.text()) else { continue };
        for parent in Path::new(&lexical(&bind.source)).ancestors() {
            // Root's tree shown a second time under another name has an ordinary parent.
            if ["/root", "/proc", "/sys", "/dev"].iter().any(|tree| bind.source.starts_with(tree))
                || parent.components().count() < 3
            {
                let bind = Bind::new(parent.to_str().expect("text"), "/x", Access::Ro);
                let decision = judge_mount(&row.policy(), &bind, |_| None);
                assert_eq!(decision.verdict(), "deny", "{} and its parent {}", row.bind, parent.display());
            }
        }
    }
}

#[test]
fn a_mount_made_by_its_parts_is_checked_too() {
    for (source, target) in
        [("srv/x", "/x"), ("", "/x"), ("/srv/x", "x"), ("/srv/\0x", "/x"), ("~", "/x"), ("/srv/a:b", "/x")]
    {
        let decision = judge_mount(&MountPolicy::default(), &Bind::new(source, target, Access::Ro), |_| None);
        assert_eq!(decision.verdict(), "deny", "{source:?} {target:?}");
    }
    let decision = judge_mount(&MountPolicy::default(), &Bind::new("/srv/x", "/x", Access::Rw), |_| None);
    assert_eq!(decision.verdict(), "allow");
}

#[test]
fn a_refusal_names_the_path_behind_the_link() {
    let links = |path: &Path| (path == Path::new("/srv/l")).then(|| PathBuf::from("/etc"));
    let stockade_core::Decision::Deny(denial) = judge_bind(&MountPolicy::default(), "/srv/l/ssl:/x", links) else {
        panic!("a link into /etc passed");
    };
    assert!(denial.to_string().contains("/srv/l/ssl (that is, /etc/ssl)"), "{denial}");
}

#[test]
fn a_link_to_what_no_bind_could_say_is_refused() {
    for target in ["/srv/a:/etc", "/srv/a\tb", "/srv/$HOME", "/srv/b\\c", "~"] {
        let links = |path: &Path| (path == Path::new("/srv/l")).then(|| PathBuf::from(target));
        assert_eq!(judge_bind(&MountPolicy::default(), "/srv/l:/x", links).verdict(), "deny", "{target:?}");
    }
    // What ends in a blank once its slash is gone.
    assert_eq!(judge_bind(&MountPolicy::default(), "/srv/a:/etc /", |_| None).verdict(), "deny");
    assert_eq!(judge_bind(&MountPolicy::default(), "/srv/a /:/x", |_| None).verdict(), "deny");
    let links = |path: &Path| (path == Path::new("/srv/l")).then(|| PathBuf::from("/srv/a b"));
    assert_eq!(judge_bind(&MountPolicy::default(), "/srv/l/c:/x", links).verdict(), "allow");
}

fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]{1,2}",
        prop::sample::select(vec![
            "", ".", "..", "etc", "run", "home", "u", ".ssh", "ws", "srv", "var", "proc", "docker.sock"
        ])
        .prop_map(str::to_owned),
    ]
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(part(), 0..7).prop_map(|parts| format!("/{}", parts.join("/")))
}

fn links() -> impl Strategy<Value = BTreeMap<PathBuf, PathBuf>> {
    let target = prop_oneof![path(), path().prop_map(|path| path.trim_start_matches('/').to_owned())];
    prop::collection::btree_map(path().prop_map(|path| lexical(&path).into()), target.prop_map(PathBuf::from), 0..5)
}

proptest! {
    #[test]
    fn normal_forms_are_idempotent(path in path(), links in links()) {
        let follow = |path: &Path| links.get(path).cloned();
        let clean = lexical(&path);
        prop_assert_eq!(&lexical(&clean), &clean);
        if let Ok(real) = resolve(&path, &follow) {
            prop_assert_eq!(resolve(&real, &follow), Ok(real.clone()));
            prop_assert_eq!(&lexical(&real), &real);
        }
        prop_assert_eq!(resolve(&path, &|_: &Path| None), Ok(clean));
    }

    #[test]
    fn blocking_more_never_allows_more(
        path in path(), more in path(), links in links(), which in 0usize..3, access in any::<bool>(),
    ) {
        let follow = |path: &Path| links.get(path).cloned();
        let bind = Bind::new(path, "/x", if access { Access::Rw } else { Access::Ro });
        let mut policy = MountPolicy { homes: vec!["/srv/u".into()], state: vec!["/srv/a".into()], ..MountPolicy::default() };
        let before = judge_mount(&policy, &bind, follow).verdict();
        match which {
            0 => policy.blocked.push(more.into()),
            1 => policy.state.push(more.into()),
            _ => policy.homes.push(more.into()),
        }
        let after = judge_mount(&policy, &bind, follow).verdict();
        prop_assert!(before == "deny" || after == "deny" || before == after);
        prop_assert!(!(before == "deny" && after == "allow"));
    }

    #[test]
    fn a_blocked_path_its_parents_and_children_are_refused(blocked in path(), rest in path(), up in 0usize..6) {
        let policy = MountPolicy { blocked: vec![blocked.clone().into()], ..MountPolicy::default() };
        let decide = |source: &str| judge_mount(&policy, &Bind::new(source, "/x", Access::Ro), |_| None).verdict();
        let clean = lexical(&blocked);
        prop_assert_eq!(decide(&blocked), "deny");
        let child = format!("{clean}{}", lexical(&rest));
        prop_assert_eq!(decide(&child), "deny");
        let parent = Path::new(&clean).ancestors().nth(up).unwrap_or(Path::new("/"));
        prop_assert_eq!(decide(parent.to_str().expect("text")), "deny");
    }

    #[test]
    fn spelling_changes_no_answer(path in path()) {
        let decide = |source: &str| judge_mount(&MountPolicy::default(), &Bind::new(source, "/x", Access::Ro), |_| None).verdict();
        let clean = lexical(&path);
        // `//./` begins a device path on another system, and is refused for that.
        if !path.starts_with("//./") {
            prop_assert_eq!(decide(&path), decide(&clean));
        }
        prop_assert_eq!(decide(&format!("{}/./", clean.trim_end_matches('/'))), decide(&clean));
        prop_assert_eq!(decide(&format!("//zz/..{clean}")), decide(&clean));
    }

    #[test]
    fn a_link_is_no_way_around(path in path()) {
        let decide = |source: &str, links: &dyn Fn(&Path) -> Option<PathBuf>| {
            judge_mount(&MountPolicy::default(), &Bind::new(source, "/x", Access::Ro), links).verdict()
        };
        let follow = |at: &Path| (at == Path::new("/srv/app/l")).then(|| PathBuf::from(&path));
        let straight = decide(&lexical(&path), &|_: &Path| None);
        prop_assert_eq!(straight == "deny", decide("/srv/app/l", &follow) == "deny");
    }

    #[test]
    fn any_text_is_answered(text in any::<String>(), flag in any::<String>()) {
        let _ = judge_bind(&MountPolicy::default(), &text, |_| Some(PathBuf::from("x"))).verdict();
        let _ = judge_flag(&flag, &text).verdict();
        if let Ok(bind) = parse_bind(&text) {
            prop_assert!(bind.source.starts_with('/') && bind.target.starts_with('/'));
        }
    }
}
