//! What the protected paths and names of [`tables`] mean for one path. Paths are in normal form. What refuses
//! ignores the case of letters, as macOS and the drives of Windows do; what lifts a refusal does not.

mod tables;

use std::path::{Path, PathBuf};

use super::Unresolved;
use super::canonical::resolve;
use tables::{
    CREDENTIAL_STARTS, CREDENTIALS, HOME_FOLDERS, HOME_HIDDEN, HOME_PROGRAMS, HOMES, MOVABLE, OPEN_TARGETS, READ_ONLY,
    REPOSITORY_PROGRAMS, ROOT_HOMES, SECRET_FILES, SERVICES, SHARED_TMP, SOCKETS, STARTED, STATE_SECRETS, STATES,
    TWICE,
};
pub(super) use tables::{TARGETS, TREES, WHOLE};

/// Whether `path` is `tree` or lies in it, in whatever case.
pub(super) fn inside(path: &str, tree: &str) -> bool {
    beneath(path, tree).is_some()
}

/// The rest of `path` beneath `tree`, empty when they are the same.
pub(super) fn beneath<'a>(path: &'a str, tree: &str) -> Option<&'a str> {
    if tree == "/" {
        return Some(path.trim_start_matches('/'));
    }
    let (start, rest) = path.split_at_checked(tree.len())?;
    let same = start == tree || start.eq_ignore_ascii_case(tree);
    (same && (rest.is_empty() || rest.starts_with('/'))).then(|| rest.trim_start_matches('/'))
}

/// Whether `path` is `tree` or lies in it, letter by letter: for what lifts a refusal.
pub(super) fn exactly_inside(path: &str, tree: &str) -> bool {
    path.starts_with(tree) && inside(path, tree)
}

/// Whether one of the two lies in the other.
pub(super) fn meets(path: &str, tree: &str) -> bool {
    agree(path, tree) && (inside(path, tree) || inside(tree, path))
}

/// Whether one could be the beginning of the other, by the second byte alone: the tables are long, and most of their
/// entries end here. The first byte of absolute paths says nothing.
fn agree(one: &str, other: &str) -> bool {
    let second = |text: &str| text.as_bytes().get(1).map(u8::to_ascii_lowercase);
    match (second(one), second(other)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

/// Where the protected paths really are, for those that are links or lie behind one: a disk that grew too small has
/// its `/var/lib/docker` or `/home` elsewhere. Each as its place and its name. Each question is a call of the kernel's,
/// so that only the folders are asked about that are known to be moved, and every tree behind those that were.
pub(super) fn moved<L: Fn(&Path) -> Option<PathBuf>>(
    homes: &[String],
    links: &L,
) -> Result<Vec<(String, String)>, Unresolved> {
    let linked: Vec<&str> = MOVABLE.iter().copied().filter(|tree| links(Path::new(tree)).is_some()).collect();
    let mut names: Vec<String> = Vec::new();
    if !linked.is_empty() {
        let trees = [TREES, WHOLE, HOMES, ROOT_HOMES].into_iter().flatten();
        names.extend(trees.filter(|tree| linked.iter().any(|link| inside(tree, link))).map(|tree| (*tree).to_owned()));
    }
    let mut hidden = String::new();
    for home in homes {
        for name in HOME_HIDDEN {
            hidden.clear();
            hidden.extend([home.as_str(), "/", name]);
            if links(Path::new(&hidden)).is_some() {
                names.push(hidden.clone());
            }
        }
    }
    names.into_iter().map(|name| Ok((resolve(&name, links)?, name))).collect()
}

/// The path that `path` is another name of, on the systems that show a tree twice.
pub(super) fn seen_as(path: &str) -> Option<String> {
    let mut seen: Option<String> = None;
    // Each round takes a prefix off, so that stacked ones end too.
    while let Some(rest) = TWICE.iter().find_map(|(prefix, real)| {
        let rest = beneath(seen.as_deref().unwrap_or(path), prefix)?;
        Some(if rest.is_empty() { (*real).to_owned() } else { format!("{}/{rest}", real.trim_end_matches('/')) })
    }) {
        seen = Some(rest);
    }
    seen
}

/// Why a source is refused, as the end of a sentence. `granted` lifts what keeps a session from its
/// own workspace: hidden folders of a home and root's home, nothing else.
pub(super) fn source<'a>(
    path: &str,
    writable: bool,
    granted: bool,
    homes: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'static str> {
    if TREES.iter().any(|tree| meets(path, tree)) {
        return Some("is, holds or lies in a system folder");
    }
    if ROOT_HOMES.iter().any(|home| inside(home, path) || (!granted && inside(path, home))) {
        return Some("is, holds or lies in root's home");
    }
    if !granted && SERVICES.iter().any(|folder| inside(path, folder)) {
        return Some("is the data of a service of the host");
    }
    if WHOLE.iter().any(|folder| inside(folder, path)) {
        return Some("is a whole system folder; mount a folder in it");
    }
    if writable && READ_ONLY.iter().any(|tree| inside(path, tree)) {
        return Some("is installed software, which is mounted read only (:ro) or not at all");
    }
    if writable && started(path) {
        return Some("is run by the host's tools, and is mounted read only (:ro) or not at all");
    }
    if path.split('/').any(socket) || last(path).is_some_and(socket_file) {
        return Some("is a socket, which speaks to a daemon or an agent of the host");
    }
    if let Some(rest) = beneath(path, "/tmp").or_else(|| beneath(path, "/var/tmp"))
        && SHARED_TMP.iter().any(|start| starts_with(rest, start))
    {
        return Some("is where agents and displays keep their sockets");
    }
    if credential(path) || last(path).is_some_and(secret_file) {
        return Some("is or lies in a credential folder");
    }
    if path.split('/').any(|part| STATES.iter().any(|name| part.eq_ignore_ascii_case(name)))
        && (!granted || secret_state(path))
    {
        return Some("is or lies in a state directory of the gateway");
    }
    let homes = homes.filter_map(|home| beneath(path, home)).chain(usual_home(path));
    homes.into_iter().find_map(|rest| home_entry(rest, writable, granted))
}

/// Why a target is refused, as the end of a sentence.
pub(super) fn target(path: &str) -> Option<&'static str> {
    if !OPEN_TARGETS.iter().any(|tree| inside(path, tree)) && TARGETS.iter().any(|tree| meets(path, tree)) {
        return Some("shadows what the sandbox itself trusts");
    }
    let hidden = usual_home(path).is_some_and(|rest| rest.starts_with('.'));
    (hidden || credential(path)).then_some("shadows the settings of a user")
}

/// Parts of the state directory that no grant reaches.
pub(super) fn secret_state(rest: &str) -> bool {
    rest.is_empty() || rest.split('/').any(|part| STATE_SECRETS.iter().any(|name| part.eq_ignore_ascii_case(name)))
}

/// The rest of a path beneath a home folder in one of the usual places; empty for the home itself.
fn usual_home(path: &str) -> Option<&str> {
    HOMES.iter().find_map(|homes| {
        let user = beneath(path, homes).filter(|rest| !rest.is_empty())?;
        Some(user.split_once('/').map_or("", |(_, rest)| rest))
    })
}

fn home_entry(rest: &str, writable: bool, granted: bool) -> Option<&'static str> {
    if rest.is_empty() {
        return Some("is a whole home folder; mount a folder in it");
    }
    if rest.starts_with('.') && !granted {
        return Some("is a hidden entry of a home folder, where programs keep settings and credentials");
    }
    if writable && HOME_PROGRAMS.iter().any(|name| inside(rest, name)) {
        return Some("is where a user's programs are, and is mounted read only (:ro) or not at all");
    }
    HOME_FOLDERS.iter().any(|name| meets(rest, name)).then_some("is or holds the settings of a user's programs")
}

/// Whether the parts of a credential's name stand one after the other in `path`.
fn credential(path: &str) -> bool {
    let mut rest = path;
    while let Some((_, after)) = rest.split_once('/') {
        let begins = after.bytes().next().is_some_and(|first| CREDENTIAL_STARTS.contains(&first.to_ascii_lowercase()));
        if begins && CREDENTIALS.iter().any(|name| agree(after, name) && inside(after, name)) {
            return true;
        }
        rest = after;
    }
    false
}

/// Whether a path is or lies in what the host's own tools run: hooks of a repository, also of a bare one or of a
/// submodule, and what a shell runs on entering a folder. A folder that holds such things is a workspace.
fn started(path: &str) -> bool {
    let mut in_repository = false;
    path.split('/').any(|part| {
        let found = STARTED.iter().any(|name| part.eq_ignore_ascii_case(name))
            || in_repository && REPOSITORY_PROGRAMS.iter().any(|name| part.eq_ignore_ascii_case(name));
        in_repository |= part.len() >= 4 && ends_with(part, ".git");
        found
    })
}

fn last(path: &str) -> Option<&str> {
    path.rsplit('/').next()
}

fn socket(name: &str) -> bool {
    SOCKETS.iter().any(|socket| name.eq_ignore_ascii_case(socket))
        || name.starts_with("S.gpg-agent")
        || name.starts_with("S.dirmngr")
        || name.starts_with("S.keyboxd")
}

fn socket_file(name: &str) -> bool {
    [".sock", ".socket", "-sock", "_socket", "-socket", ".sock.raw"].iter().any(|end| ends_with(name, end))
}

fn starts_with(name: &str, start: &str) -> bool {
    name.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

fn ends_with(name: &str, end: &str) -> bool {
    let at = name.len().checked_sub(end.len());
    at.and_then(|at| name.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

fn secret_file(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    // A browser's `Cookies` is one; a folder `cookies` is anybody's.
    [name, &lower].iter().any(|name| SECRET_FILES.contains(name))
        || [".pem", ".key", ".p12", ".pfx", ".ppk", ".kdbx", ".keystore", ".jks", ".keytab", ".ovpn"]
            .iter()
            .any(|end| lower.ends_with(end))
        || (lower.starts_with(".env.") && !lower.ends_with("example") && !lower.ends_with("sample"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_moved_is_protected_and_so_is_the_way_to_it() {
        let trees: Vec<&str> = [TREES, WHOLE, HOMES, ROOT_HOMES].into_iter().flatten().copied().collect();
        for tree in MOVABLE {
            assert!(trees.contains(tree), "{tree} is asked about for nothing");
            for parent in Path::new(tree).ancestors().skip(1).filter(|parent| *parent != Path::new("/")) {
                assert!(MOVABLE.iter().any(|other| Path::new(other) == parent), "{} on the way", parent.display());
            }
        }
    }

    #[test]
    fn credentials_begin_as_is_said() {
        for name in CREDENTIALS {
            let first = name.bytes().next().map(|first| first.to_ascii_lowercase());
            assert!(first.is_some_and(|first| CREDENTIAL_STARTS.contains(&first)), "{name}");
        }
    }

    #[test]
    fn a_tree_behind_two_links_is_found() {
        let links = |path: &Path| match path.to_str() {
            Some("/var") => Some("/data/var".into()),
            Some("/data/var/lib/docker" | "/data/var/snap") => Some("/big/moved".into()),
            _ => None,
        };
        let moved = moved(&[], &links).expect("no loop");
        let place = |name: &str| moved.iter().find(|(_, tree)| tree == name).map(|(place, _)| place.as_str());
        assert_eq!(place("/var/lib/docker"), Some("/big/moved"));
        assert_eq!(place("/var/snap"), Some("/big/moved"), "asked about once its parent is a link");
        assert_eq!(place("/var/log"), Some("/data/var/log"));
        assert_eq!(place("/etc"), None);
    }
}
