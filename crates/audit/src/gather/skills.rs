//! Skills in the workspaces: which of their texts stand elsewhere, and the servers that `mcporter` knows.
//!
//! What it must never do: go on for ever. A link in a workspace can lead to the whole disk, so folders, files, time and
//! the depth beyond the workspace are bounded.

use std::collections::{BTreeSet, VecDeque};
use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use stockade_core::text::{clip, single_line};

use super::regular::json;
use crate::snapshot::Skills;

/// What the workspaces have of skills.
#[must_use]
pub fn skills(state: &Path, workspaces: &[PathBuf]) -> Skills {
    let mut skills = Skills { mcporter: mcporter(state), ..Skills::default() };
    let mut seen = BTreeSet::new();
    for workspace in workspaces.iter().filter(|workspace| seen.insert((*workspace).clone())) {
        let walk = Walk::of(workspace);
        let shown = workspace.display().to_string();
        if walk.truncated {
            skills.truncated.push(shown.clone());
        }
        let escape =
            |(file, real): (PathBuf, PathBuf)| (shown.clone(), file.display().to_string(), real.display().to_string());
        skills.escapes.extend(walk.escapes.into_iter().map(escape));
    }
    skills
}

/// The walk through one workspace's skills.
struct Walk {
    root: PathBuf,
    /// Folders to look into, and how deep beyond the workspace they are.
    queue: VecDeque<(PathBuf, usize)>,
    seen: BTreeSet<PathBuf>,
    files: usize,
    escapes: Vec<(PathBuf, PathBuf)>,
    truncated: bool,
}

impl Walk {
    fn of(workspace: &Path) -> Self {
        let root = std::fs::canonicalize(workspace).unwrap_or_else(|_| workspace.to_owned());
        let queue = VecDeque::from([(workspace.join("skills"), 0)]);
        let mut walk = Self { root, queue, seen: BTreeSet::new(), files: 0, escapes: Vec::new(), truncated: false };
        let end = Instant::now() + PATIENCE;
        for _ in 0..MAX_VISITS {
            let Some((folder, outside)) = walk.queue.pop_front() else { break };
            if walk.files >= MAX_FILES || Instant::now() > end {
                walk.truncated = true;
                break;
            }
            walk.folder(&folder, outside);
        }
        walk.truncated |= !walk.queue.is_empty();
        walk
    }

    fn folder(&mut self, folder: &Path, outside: usize) {
        let Ok(real) = std::fs::canonicalize(folder) else { return };
        let outside = if real.starts_with(&self.root) { 0 } else { outside + 1 };
        if outside > MAX_OUTSIDE {
            self.truncated = true;
            return;
        }
        if !self.seen.insert(real) {
            return;
        }
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        let mut count = 0;
        for entry in entries.flatten() {
            count += 1;
            if count > MAX_VISITS || self.files >= MAX_FILES {
                self.truncated = true;
                return;
            }
            self.entry(&entry, outside);
        }
    }

    fn entry(&mut self, entry: &DirEntry, outside: usize) {
        let name = entry.file_name();
        let hidden = name.as_encoded_bytes().starts_with(b".") || name == "node_modules";
        let Ok(kind) = entry.file_type() else { return };
        if hidden {
            return;
        }
        let path = entry.path();
        let target =
            if kind.is_symlink() { std::fs::metadata(&path).ok().map(|meta| meta.file_type()) } else { Some(kind) };
        match target {
            Some(kind) if kind.is_dir() => self.queue.push_back((path, outside)),
            Some(kind) if kind.is_file() && name == "SKILL.md" => {
                self.files += 1;
                if let Ok(real) = std::fs::canonicalize(&path)
                    && !real.starts_with(&self.root)
                {
                    self.escapes.push((path, real));
                }
            }
            _ => {}
        }
    }
}

fn mcporter(state: &Path) -> Option<Result<Vec<String>, String>> {
    let path = state.join("skills/config/mcporter.json");
    let servers = |value: Value| match value.get("mcpServers") {
        None => Ok(Vec::new()),
        Some(Value::Object(servers)) => Ok(servers.keys().map(|name| clip(&single_line(name), 128)).collect()),
        Some(_) => Err("mcpServers is not an object".to_owned()),
    };
    json(&path, MAX_REGISTRY).map_err(|trouble| trouble.what).transpose().map(|value| value.and_then(servers))
}

/// OpenClaw's own bounds.
const MAX_FILES: usize = 2000;
const MAX_VISITS: usize = 40_000;
const MAX_REGISTRY: u64 = 16 * 1024 * 1024;
/// How far folders outside a workspace are followed.
const MAX_OUTSIDE: usize = 4;
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::testing::write;

    #[test]
    fn texts_that_stand_elsewhere_are_found_and_those_inside_are_not() {
        let folder = tempfile::tempdir().expect("temp dir");
        let at = |name: &str| folder.path().join(name);
        for path in ["w/skills/own", "w/shared", "w/skills/.hidden", "w/skills/node_modules", "out/deep"] {
            std::fs::create_dir_all(at(path)).expect("made");
        }
        for path in ["w/skills/own/SKILL.md", "w/shared/SKILL.md", "out/SKILL.md", "out/deep/SKILL.md", "out/other.md"]
        {
            write(&at(path), "x");
        }
        symlink(at("w/shared"), at("w/skills/inside")).expect("linked");
        symlink(at("out"), at("w/skills/ext")).expect("linked");
        symlink(at("out"), at("w/skills/.hidden/ext")).expect("linked");
        symlink(at("out/SKILL.md"), at("w/skills/node_modules/SKILL.md")).expect("linked");
        symlink("..", at("w/skills/own/loop")).expect("linked");
        symlink("/nowhere", at("w/skills/own/dangling")).expect("linked");
        let mut skills = skills(folder.path(), &[at("w"), at("w"), at("none")]);
        skills.escapes.sort();
        let shown: Vec<_> =
            skills.escapes.iter().map(|(_, file, _)| file.rsplit("skills/").next().expect("below")).collect();
        assert_eq!(shown, ["ext/SKILL.md", "ext/deep/SKILL.md"]);
        assert!(skills.escapes[0].2.ends_with("out/SKILL.md"));
        assert_eq!((skills.truncated, skills.mcporter), (Vec::new(), None));
    }

    #[test]
    fn a_link_to_everything_ends() {
        let folder = tempfile::tempdir().expect("temp dir");
        std::fs::create_dir_all(folder.path().join("skills")).expect("made");
        symlink("/usr", folder.path().join("skills/all")).expect("linked");
        let begun = Instant::now();
        let skills = skills(folder.path(), &[folder.path().to_owned()]);
        assert_eq!(skills.truncated.len(), 1);
        assert!(begun.elapsed() < PATIENCE * 2);
    }

    #[test]
    fn the_registry_of_servers_is_read_or_said_to_be_unreadable() {
        let state = tempfile::tempdir().expect("temp dir");
        std::fs::create_dir_all(state.path().join("skills/config")).expect("made");
        let path = state.path().join("skills/config/mcporter.json");
        let with = |text: &str| {
            write(&path, text);
            mcporter(state.path())
        };
        assert_eq!(with(r#"{"mcpServers":{"a":{"command":"x"}}}"#), Some(Ok(vec!["a".to_owned()])));
        assert_eq!(with("{}"), Some(Ok(Vec::new())));
        assert!(matches!(with("{"), Some(Err(_))));
        assert!(matches!(with(r#"{"mcpServers":[]}"#), Some(Err(_))));
    }
}
