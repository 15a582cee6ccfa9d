//! One config out of several files: `$include`, as OpenClaw does it. A path is relative to the file
//! that names it; one path stands for its object, several are merged in order, and keys beside
//! `$include` win over what is included.
//!
//! Answers: an include that reaches out of the config directory by `..` or a link and reads (and then
//! reports, or merges) someone else's file; cycles; and fans of includes that never end.

use std::cmp::Reverse;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::bounds::Outline;
use crate::error::ConfigError;
use crate::files::{FileText, MAX_CONFIG, read_text};
use crate::note::{Note, NoteKind};
use crate::syntax::parse;

/// A config with its includes merged in, and where its keys came from.
pub(crate) struct Tree {
    pub(crate) value: Value,
    pub(crate) notes: Vec<Note>,
    sources: Vec<Source>,
}

struct Source {
    path: PathBuf,
    prefix: Vec<String>,
    outline: Option<Outline>,
}

impl Tree {
    /// Reads a config and what it includes. Includes may lie in the config's directory or in `roots`.
    pub(crate) fn read(path: &Path, roots: &[PathBuf]) -> Result<Self, ConfigError> {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let home = folder.canonicalize().map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let mut roots: Vec<PathBuf> = roots.iter().filter_map(|root| root.canonicalize().ok()).collect();
        roots.push(home.clone());
        let mut reader = Reader { roots, bytes: 0, sources: Vec::new(), notes: Vec::new() };
        let value = reader.file(path, &home, &mut Vec::new(), &[])?;
        Ok(Self { value, notes: reader.notes, sources: reader.sources })
    }

    /// A config that was read before; errors name the file without a line.
    pub(crate) fn of(value: Value, path: &Path) -> Self {
        let source = Source { path: path.to_owned(), prefix: Vec::new(), outline: None };
        Self { value, notes: Vec::new(), sources: vec![source] }
    }

    /// The files that were read, the config first.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = Vec::new();
        for source in &self.sources {
            if !files.contains(&source.path) {
                files.push(source.path.clone());
            }
        }
        files
    }

    /// Where a key stands: `file:line`, or the file alone when the line is not known.
    pub(crate) fn place(&self, key: &[String]) -> String {
        let found = self.sources.iter().enumerate().filter_map(|(at, source)| {
            let rest = key.strip_prefix(source.prefix.as_slice())?;
            let line = source.outline.as_ref()?.line_of(rest).filter(|_| !rest.is_empty())?;
            Some(((source.prefix.len(), Reverse(at)), source, line))
        });
        // What stands beside an include wins over it, and later includes win over earlier ones.
        let found = found.min_by_key(|(rank, ..)| *rank);
        match (found, self.sources.first()) {
            (Some((_, source, line)), _) => format!("{}:{line}", source.path.display()),
            (None, Some(config)) => config.path.display().to_string(),
            (None, None) => String::new(),
        }
    }
}

struct Reader {
    roots: Vec<PathBuf>,
    bytes: usize,
    sources: Vec<Source>,
    notes: Vec<Note>,
}

impl Reader {
    fn file(
        &mut self,
        path: &Path,
        folder: &Path,
        prefix: &mut Vec<String>,
        chain: &[PathBuf],
    ) -> Result<Value, ConfigError> {
        let mut chain = chain.to_vec();
        chain.push(path.to_owned());
        let limit = if chain.len() == 1 { MAX_CONFIG } else { MAX_INCLUDE };
        let file = read_text(path, limit)?;
        self.bytes += file.text.len();
        if self.bytes > MAX_TOTAL || self.sources.len() >= MAX_FILES {
            return Err(refuse(&chain, format!("expected at most {MAX_FILES} files of {MAX_TOTAL} bytes in all")));
        }
        if chain.len() > 1 && file.links != 1 {
            return Err(refuse(&chain, "the file has more than one name (hard links); copy it into place".into()));
        }
        self.note_file(path, &file);
        let parsed = parse(path, &file.text, prefix.len())?;
        for (key, line) in parsed.outline.iter().flat_map(|outline| &outline.duplicates) {
            let key = shown(key);
            let what = format!("`{key}` stands twice in this object; the last one counts, so delete the other");
            self.notes.push(Note { kind: NoteKind::DuplicateKey, place: format!("{}:{line}", path.display()), what });
        }
        self.sources.push(Source { path: path.to_owned(), prefix: prefix.clone(), outline: parsed.outline });
        self.expand(parsed.value, folder, prefix, &chain)
    }

    /// Replaces every `$include` in a value.
    fn expand(
        &mut self,
        value: Value,
        folder: &Path,
        prefix: &mut Vec<String>,
        chain: &[PathBuf],
    ) -> Result<Value, ConfigError> {
        match value {
            Value::Object(mut fields) => {
                let include = fields.shift_remove("$include");
                let mut own = Map::new();
                for (key, field) in fields {
                    prefix.push(key.clone());
                    own.insert(key, self.expand(field, folder, prefix, chain)?);
                    prefix.pop();
                }
                let Some(include) = include else { return Ok(Value::Object(own)) };
                let included = self.included(&include, folder, prefix, chain)?;
                match included {
                    included if own.is_empty() => Ok(included),
                    Value::Object(_) => Ok(merge(included, Value::Object(own))),
                    _ => Err(refuse(chain, "keys beside `$include` need an included file that is an object".into())),
                }
            }
            Value::Array(items) => {
                let mut expanded = Vec::with_capacity(items.len());
                for (at, item) in items.into_iter().enumerate() {
                    prefix.push(at.to_string());
                    expanded.push(self.expand(item, folder, prefix, chain)?);
                    prefix.pop();
                }
                Ok(Value::Array(expanded))
            }
            scalar => Ok(scalar),
        }
    }

    fn included(
        &mut self,
        include: &Value,
        folder: &Path,
        prefix: &mut Vec<String>,
        chain: &[PathBuf],
    ) -> Result<Value, ConfigError> {
        match include {
            Value::String(path) => self.follow(path, folder, prefix, chain),
            Value::Array(paths) if !paths.is_empty() => {
                let mut merged = None;
                for path in paths {
                    let Value::String(path) = path else { return Err(refuse(chain, EXPECTED.into())) };
                    let next = self.follow(path, folder, prefix, chain)?;
                    merged = Some(match merged {
                        Some(before) => merge(before, next),
                        None => next,
                    });
                }
                Ok(merged.unwrap_or(Value::Null))
            }
            _ => Err(refuse(chain, EXPECTED.into())),
        }
    }

    fn follow(
        &mut self,
        written: &str,
        folder: &Path,
        prefix: &mut Vec<String>,
        chain: &[PathBuf],
    ) -> Result<Value, ConfigError> {
        let joined = folder.join(written);
        let mut chain_to = chain.to_vec();
        chain_to.push(joined.clone());
        if chain.len() > MAX_INCLUDES {
            return Err(refuse(&chain_to, format!("includes go deeper than {MAX_INCLUDES} files")));
        }
        if written.contains('\0') || joined.as_os_str().as_bytes().len() >= MAX_PATH {
            return Err(refuse(chain, format!("expected a path of less than {MAX_PATH} bytes without NUL")));
        }
        let real = joined.canonicalize().map_err(|error| refuse(&chain_to, error.to_string()))?;
        if !self.roots.iter().any(|root| real.starts_with(root)) {
            let why = "the file lies outside the config directory; move it there, or name its directory in OPENCLAW_INCLUDE_ROOTS";
            return Err(refuse(&chain_to, why.into()));
        }
        // The first file of the chain is the config as it was named, which may be a link.
        if chain.iter().any(|earlier| earlier.canonicalize().is_ok_and(|earlier| earlier == real)) {
            return Err(refuse(&chain_to, "the file includes itself".into()));
        }
        let folder = real.parent().unwrap_or(folder).to_owned();
        self.file(&real, &folder, prefix, chain)
    }

    fn note_file(&mut self, path: &Path, file: &FileText) {
        let place = path.display().to_string();
        if file.symlink {
            let what = "is a symbolic link; whoever can change the link or its target changes the policy".to_owned();
            self.notes.push(Note { kind: NoteKind::Symlink, place: place.clone(), what });
        }
        if file.mode & 0o077 != 0 {
            let act = if file.mode & 0o022 != 0 { "write" } else { "read" };
            let what = format!("others may {act} it (mode {:04o}); run `chmod 600 {place}`", file.mode);
            self.notes.push(Note { kind: NoteKind::FileMode, place, what });
        }
    }
}

/// `over` on top of `base`: objects merge, lists are joined, everything else is replaced.
fn merge(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            for (key, value) in over {
                let merged = match base.shift_remove(&key) {
                    Some(below) => merge(below, value),
                    None => value,
                };
                base.insert(key, merged);
            }
            Value::Object(base)
        }
        (Value::Array(mut base), Value::Array(over)) => {
            base.extend(over);
            Value::Array(base)
        }
        (_, over) => over,
    }
}

/// A key as it may be shown.
pub(crate) fn shown(key: &str) -> String {
    stockade_core::text::clip(&stockade_core::text::visible(key).replace('\n', "\\n"), 80)
}

/// A key path as it may be shown.
pub(crate) fn dotted(key: &[String]) -> String {
    key.iter().map(|part| shown(part)).collect::<Vec<_>>().join(".")
}

fn refuse(chain: &[PathBuf], why: String) -> ConfigError {
    let chain = chain.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" -> ");
    ConfigError::Include { chain, why }
}

const EXPECTED: &str = "expected a path, or a list of paths";
/// OpenClaw's limits: files below one another, bytes in a path, bytes in an included file.
const MAX_INCLUDES: usize = 10;
const MAX_PATH: usize = 4096;
const MAX_INCLUDE: u64 = 2 * 1024 * 1024;
/// Ours: includes of includes multiply.
const MAX_FILES: usize = 256;
const MAX_TOTAL: usize = 8 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::files::write_new;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new(files: &[(&str, &str)]) -> Self {
            let folder = Self(tempfile::tempdir().expect("temp dir"));
            for (name, text) in files {
                let path = folder.path(name);
                std::fs::create_dir_all(path.parent().expect("has a parent")).expect("made");
                write_new(&path, text).expect("written");
            }
            folder
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn read(&self) -> Result<Tree, String> {
            Tree::read(&self.path("c/openclaw.json"), &[]).map_err(|error| error.to_string())
        }
    }

    fn key(path: &str) -> Vec<String> {
        path.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn includes_merge_in_order_and_siblings_win() {
        let folder = Folder::new(&[
            (
                "c/openclaw.json",
                "{\n tools: {$include: ['a.json', 'sub/b.yaml'],\n  deny: ['x'] },\n agents: {$include: './d.json'}}",
            ),
            ("c/a.json", "{profile: 'full',\n deny: ['a'], fs: {workspaceOnly: false}}"),
            ("c/sub/b.yaml", "profile: coding\nfs: {workspaceOnly: true}\n"),
            ("c/d.json", "{defaults: {\n workspace: '/w'}}"),
        ]);
        let tree = folder.read().expect("loads");
        let expected = json!({"tools": {"profile": "coding", "fs": {"workspaceOnly": true}, "deny": ["a", "x"]},
            "agents": {"defaults": {"workspace": "/w"}}});
        assert_eq!(tree.value, expected);
        assert_eq!(tree.files().len(), 4);
        assert!(tree.notes.is_empty(), "{:?}", tree.notes);
        assert!(tree.place(&key("agents.defaults.workspace")).ends_with("d.json:2"));
        assert!(tree.place(&key("tools.deny")).ends_with("openclaw.json:3"));
        assert!(tree.place(&key("no.such")).ends_with("openclaw.json"));
    }

    #[test]
    fn includes_stay_in_the_config_directory() {
        let folder = Folder::new(&[("secret.json", "{a: 1}"), ("c/ok.json", "{b: 1}"), ("c2/x.json", "{a: 1}")]);
        std::os::unix::fs::symlink(folder.path("secret.json"), folder.path("c/link.json")).expect("linked");
        let outside = folder.path("secret.json").display().to_string();
        for written in ["../secret.json", "link.json", "../c2/x.json", outside.as_str(), "sub/../../secret.json"] {
            let config = folder.path("c/openclaw.json");
            write_new(&config, &format!("{{$include: '{written}'}}")).expect("written");
            let error = folder.read().err().unwrap_or_default();
            assert!(error.contains("$include"), "{written}: {error}");
            std::fs::remove_file(&config).expect("removed");
        }
        write_new(&folder.path("c/openclaw.json"), "{$include: '../c/ok.json'}").expect("written");
        assert_eq!(folder.read().expect("stays inside").value, json!({"b": 1}));
        let root = Tree::read(&folder.path("c/openclaw.json"), &[]).expect("loads");
        assert_eq!(root.files().len(), 2);
    }

    #[test]
    fn more_roots_are_allowed_by_name_only() {
        let folder = Folder::new(&[("c/openclaw.json", "{$include: '../r/x.json'}"), ("r/x.json", "{a: 1}")]);
        assert!(folder.read().is_err());
        assert!(Tree::read(&folder.path("c/openclaw.json"), &[folder.path("r")]).is_ok());
    }

    #[test]
    fn cycles_depth_and_fans_end() {
        let own = Folder::new(&[
            ("c/openclaw.json", "{$include: 'a.json'}"),
            ("c/a.json", "{b: {$include: 'openclaw.json'}}"),
        ]);
        let error = own.read().err().unwrap_or_default();
        assert!(error.contains("includes itself") && error.contains("a.json -> "), "{error}");

        let mut files = vec![("c/openclaw.json".to_owned(), "{$include: '1.json'}".to_owned())];
        files.extend((1..=12).map(|n| (format!("c/{n}.json"), format!("{{a{n}: {{$include: '{}.json'}}}}", n + 1))));
        let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        assert!(Folder::new(&files).read().err().unwrap_or_default().contains("deeper than 10"));

        let mut files =
            vec![("c/openclaw.json".to_owned(), "{$include: ['1.json','1.json','1.json','1.json']}".to_owned())];
        files.extend(
            (1..=8).map(|n| {
                (format!("c/{n}.json"), format!("{{$include: [{}]}}", format!("'{}.json',", n + 1).repeat(8)))
            }),
        );
        files.push(("c/9.json".to_owned(), "{}".to_owned()));
        let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        assert!(Folder::new(&files).read().err().unwrap_or_default().contains("at most 256 files"));
    }

    #[test]
    fn nesting_counts_through_includes() {
        let inner = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        let outer = format!("{}{{$include: 'i.json'}}{}", "{a:".repeat(60), "}".repeat(60));
        let folder = Folder::new(&[("c/openclaw.json", &outer), ("c/i.json", &inner)]);
        assert!(folder.read().err().unwrap_or_default().contains("128 levels"));
    }

    #[test]
    fn open_modes_links_and_duplicates_are_noted() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new(&[("c/real.json", "{a: 1,\n a: 2}")]);
        std::fs::set_permissions(folder.path("c/real.json"), std::fs::Permissions::from_mode(0o666)).expect("ours");
        std::os::unix::fs::symlink("real.json", folder.path("c/openclaw.json")).expect("linked");
        let kinds: Vec<_> = folder.read().expect("loads").notes.iter().map(|note| note.kind).collect();
        assert_eq!(kinds, [NoteKind::Symlink, NoteKind::FileMode, NoteKind::DuplicateKey]);
    }
}
