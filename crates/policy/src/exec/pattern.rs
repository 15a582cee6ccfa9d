//! Which program files an allowlist entry names. Answers the classes "base name matches a trojan elsewhere",
//! "`?` crosses a slash", "dot segments match a recursive glob".

use std::path::{Component, Path};

use crate::call::ExecCall;

/// Whether `pattern` names the file at `path`, which was found for `word`, all links resolved.
///
/// A bare name stands for a file in a system folder. A path may hold `*` and `?`, which stay within one segment, and
/// `**`, which does not. Outside the system folders an entry counts only when it names its folder literally, and
/// never for a folder that the agent works in.
pub(super) fn names(pattern: &str, word: &str, path: &Path, call: &ExecCall) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if !plain || !path.is_absolute() {
        return false;
    }
    let trusted = in_system_folder(path);
    if !pattern.contains('/') {
        // `awk` is found as `/usr/bin/awk`, a link that the distribution made to `mawk`.
        return trusted && (pattern == name || pattern == word);
    }
    let Some(text) = path.to_str() else { return false };
    let linked = trusted && in_system_folder(Path::new(word)) && matches(pattern, word);
    (matches(pattern, text) || linked) && (trusted || names_folder(pattern, path) && !is_reachable(path, call))
}

/// Whether a file lies directly in a folder that only the system's administrator writes to.
pub(crate) fn in_system_folder(path: &Path) -> bool {
    path.parent().is_some_and(|folder| TRUSTED_FOLDERS.iter().any(|trusted| folder == Path::new(trusted)))
}

fn names_folder(pattern: &str, path: &Path) -> bool {
    pattern.rsplit_once('/').is_some_and(|(folder, _)| path.parent() == Some(Path::new(folder)))
}

/// Where a tool of the agent's could have put the file.
fn is_reachable(path: &Path, call: &ExecCall) -> bool {
    let home = call.env.get("HOME").map(Path::new).filter(|home| *home != Path::new("/"));
    let temporary = ["/tmp", "/var/tmp", "/dev", "/proc", "/run"].map(Path::new);
    let own = [Some(call.cwd.as_path()), Some(call.view.workdir.as_path()), home];
    own.into_iter().flatten().chain(temporary).any(|folder| path.starts_with(folder))
}

/// Segment-bound wildcards, case-sensitive. Works back from the last `*` only, so its cost is bounded by the
/// product of the lengths.
fn matches(pattern: &str, text: &str) -> bool {
    if pattern.len() > MAX_PATTERN || text.len() > MAX_PATTERN {
        return false;
    }
    if !pattern.contains(['*', '?']) {
        return pattern == text;
    }
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    // reach[i]: the pattern so far can end before text[i].
    let mut reach: Vec<bool> = (0..=text.len()).map(|at| at == 0).collect();
    let mut at = 0;
    while let Some(&piece) = pattern.get(at) {
        let deep = piece == b'*' && pattern.get(at + 1) == Some(&b'*');
        at += if deep { 2 } else { 1 };
        let mut next = Vec::with_capacity(reach.len());
        let mut carried = false;
        let mut before = false;
        for (index, &here) in reach.iter().enumerate() {
            let last = index.checked_sub(1).and_then(|last| text.get(last)).copied();
            let step = match piece {
                b'*' => {
                    carried = here || carried && (deep || last != Some(b'/'));
                    carried
                }
                b'?' => before && last.is_some_and(|c| c != b'/'),
                literal => before && last == Some(literal),
            };
            next.push(step);
            before = here;
        }
        reach = next;
    }
    reach.last().copied().unwrap_or(false)
}

const MAX_PATTERN: usize = 1024;

const TRUSTED_FOLDERS: &[&str] = &["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];
