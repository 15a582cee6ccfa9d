//! One config out of several files: `$include`, as OpenClaw does it. A path is relative to the file
//! that names it; one path stands for its object, several are merged in order, and keys beside
//! `$include` win over what is included.
//!
//! Answers: an include that reaches out of the config directory by `..` or a link and reads (and then
//! reports, or merges) someone else's file; cycles; and fans of includes that never end.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::bounds::{Node, Outline};
use crate::error::ConfigError;
use crate::files::{FileText, MAX_CONFIG, read_text};
use crate::note::{Note, NoteKind};
use crate::origin::{Origin, Spot, Traced, merge};
use crate::survey::{Fault, FaultKind};
use crate::syntax::{Format, parse};

/// A config with its includes merged in, and where its keys came from.
pub(crate) struct Tree {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
    pub(crate) notes: Vec<Note>,
    /// What is wrong; a strict reading fails on the first instead.
    pub(crate) faults: Vec<Fault>,
    pub(crate) sources: Vec<Source>,
}

/// A file that was read.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) prefix: Vec<String>,
    pub(crate) outline: Option<Outline>,
    pub(crate) format: Format,
    /// The file as it was; `None` for a document that was read before.
    pub(crate) file: Option<FileText>,
}

/// What becomes of a part that cannot be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The config is refused.
    Strict,
    /// The part is left out, and listed.
    Lenient,
}

impl Tree {
    /// Reads a config and what it includes. Includes may lie in the config's directory or in `roots`.
    pub(crate) fn read(path: &Path, roots: &[PathBuf], reading: Reading) -> Result<Self, ConfigError> {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut reader =
            Reader { reading, roots: Vec::new(), bytes: 0, sources: Vec::new(), notes: Vec::new(), faults: Vec::new() };
        let read = reader.config(path, folder, roots);
        let (value, origin) = reader.tolerate(read, path, None, &[])?.unwrap_or_else(empty);
        let Reader { notes, faults, sources, .. } = reader;
        Ok(Self { value, origin, notes, faults, sources })
    }

    /// A config that was read before; errors name the file without a line.
    pub(crate) fn of(value: Value, path: &Path) -> Self {
        let (prefix, format) = (Vec::new(), Format::of(path));
        let source = Source { path: path.to_owned(), prefix, outline: None, format, file: None };
        let (origin, notes, faults) = (Origin::default(), Vec::new(), Vec::new());
        Self { value, origin, notes, faults, sources: vec![source] }
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
        match (self.spot(key), self.sources.first()) {
            (Some((source, Some(node))), _) => format!("{}:{}", source.path.display(), node.line),
            (Some((source, None)), _) => source.path.display().to_string(),
            (None, Some(config)) => config.path.display().to_string(),
            (None, None) => String::new(),
        }
    }

    /// The file in which a key counts, and where it stands there.
    pub(crate) fn spot(&self, key: &[String]) -> Option<(&Source, Option<&Node>)> {
        if key.is_empty() {
            return None;
        }
        located(&self.sources, *self.origin.find(key)?.at.last()?)
    }
}

struct Reader {
    reading: Reading,
    roots: Vec<PathBuf>,
    bytes: usize,
    sources: Vec<Source>,
    notes: Vec<Note>,
    faults: Vec<Fault>,
}

impl Reader {
    fn config(&mut self, path: &Path, folder: &Path, roots: &[PathBuf]) -> Result<Traced, ConfigError> {
        let home = folder.canonicalize().map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        self.roots = roots.iter().filter_map(|root| root.canonicalize().ok()).collect();
        self.roots.push(home.clone());
        self.file(path, &home, &mut Vec::new(), &[])
    }

    fn file(
        &mut self,
        path: &Path,
        folder: &Path,
        prefix: &mut Vec<String>,
        chain: &[PathBuf],
    ) -> Result<Traced, ConfigError> {
        let mut chain = chain.to_vec();
        chain.push(path.to_owned());
        if self.bytes > MAX_TOTAL || self.sources.len() >= MAX_FILES {
            return Err(refuse(&chain, format!("expected at most {MAX_FILES} files of {MAX_TOTAL} bytes in all")));
        }
        let limit = if chain.len() == 1 { MAX_CONFIG } else { MAX_INCLUDE };
        let file = read_text(path, limit)?;
        self.bytes += file.text.len();
        if self.bytes > MAX_TOTAL {
            return Err(refuse(&chain, format!("expected at most {MAX_FILES} files of {MAX_TOTAL} bytes in all")));
        }
        if chain.len() > 1 && file.links != 1 {
            return Err(refuse(&chain, "the file has more than one name (hard links); copy it into place".into()));
        }
        self.note_file(path, &file);
        let parsed = parse(path, &file.text, prefix.len());
        let (parsed, failed) = match parsed {
            Ok(parsed) => (Some(parsed), None),
            Err(error) => (None, Some(error)),
        };
        let (value, outline) = parsed.map(|parsed| (parsed.value, parsed.outline)).unwrap_or_default();
        for (key, line) in outline.iter().flat_map(|outline| &outline.duplicates) {
            let key = shown(key);
            let what = format!("`{key}` stands twice in this object; the last one counts, so delete the other");
            let place = format!("{}:{line}", path.display());
            self.notes.push(Note { kind: NoteKind::DuplicateKey, place, what: what.clone() });
            self.add(Fault::at(FaultKind::DuplicateKey, path, Some(*line), what));
        }
        let format = Format::of(path);
        let origin = Origin::root(self.sources.len());
        // A file that is not well-formed is a source all the same: its mode and its text are facts.
        self.sources.push(Source { path: path.to_owned(), prefix: prefix.clone(), outline, format, file: Some(file) });
        if let Some(error) = failed {
            return Err(error);
        }
        self.expand((value, origin), folder, prefix, &chain)
    }

    /// Replaces every `$include` in a value.
    fn expand(
        &mut self,
        (value, mut origin): Traced,
        folder: &Path,
        prefix: &mut Vec<String>,
        chain: &[PathBuf],
    ) -> Result<Traced, ConfigError> {
        match value {
            Value::Object(mut fields) => {
                let include = fields.shift_remove("$include");
                let mut own = Map::new();
                for (key, field) in fields {
                    let below = self.below(&origin, &key);
                    prefix.push(key.clone());
                    let (field, below) = self.expand((field, below), folder, prefix, chain)?;
                    prefix.pop();
                    own.insert(key.clone(), field);
                    origin.put(key, below);
                }
                let Some(include) = include else { return Ok((Value::Object(own), origin)) };
                let line = self.line(&self.below(&origin, "$include"));
                let holder = Holder { path: chain.last().map_or(folder, PathBuf::as_path), line };
                let included = self.included(&include, holder, folder, prefix, chain)?;
                match included {
                    None => Ok((Value::Object(own), origin)),
                    Some(included) if own.is_empty() => Ok(included),
                    Some(included) if included.0.is_object() => {
                        Ok(self.merged(included, (Value::Object(own), origin), prefix))
                    }
                    Some(_) => {
                        let why = "keys beside `$include` need an included file that is an object";
                        self.tolerate(Err::<(), _>(refuse(chain, why.into())), holder.path, line, prefix)?;
                        Ok((Value::Object(own), origin))
                    }
                }
            }
            Value::Array(items) => {
                let mut expanded = Vec::with_capacity(items.len());
                for (at, item) in items.into_iter().enumerate() {
                    let below = self.below(&origin, &at.to_string());
                    prefix.push(at.to_string());
                    let (item, below) = self.expand((item, below), folder, prefix, chain)?;
                    prefix.pop();
                    expanded.push(item);
                    origin.push(below);
                }
                Ok((Value::Array(expanded), origin))
            }
            scalar => Ok((scalar, origin)),
        }
    }

    /// What an `$include` stands for; `None` when nothing of it could be read.
    fn included(
        &mut self,
        include: &Value,
        holder: Holder<'_>,
        folder: &Path,
        prefix: &mut Vec<String>,
        chain: &[PathBuf],
    ) -> Result<Option<Traced>, ConfigError> {
        let one = std::slice::from_ref(include);
        let paths = match include {
            Value::String(_) => one,
            Value::Array(paths) if !paths.is_empty() => paths.as_slice(),
            _ => return self.tolerate(Err(refuse(chain, EXPECTED.into())), holder.path, holder.line, prefix),
        };
        let mut merged: Option<Traced> = None;
        for path in paths {
            let depth = prefix.len();
            let next = match path {
                Value::String(path) => self.follow(path, folder, prefix, chain),
                _ => Err(refuse(chain, EXPECTED.into())),
            };
            prefix.truncate(depth);
            let Some(next) = self.tolerate(next, holder.path, holder.line, prefix)? else { continue };
            merged = Some(match merged {
                Some(before) => self.merged(before, next, prefix),
                None => next,
            });
        }
        Ok(merged)
    }

    fn follow(
        &mut self,
        written: &str,
        folder: &Path,
        prefix: &mut Vec<String>,
        chain: &[PathBuf],
    ) -> Result<Traced, ConfigError> {
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

    fn merged(&mut self, base: Traced, over: Traced, prefix: &[String]) -> Traced {
        let mut shadowed = Vec::new();
        let merged = merge(base, over, &mut prefix.to_vec(), &mut |key, origin| {
            shadowed.extend(origin.at.last().map(|spot| (key.to_vec(), *spot)));
        });
        for (key, spot) in shadowed {
            let Some((source, node)) = located(&self.sources, spot) else { continue };
            let what = format!("`{}` has another value in a file or object that wins over this one", dotted(&key));
            let fault = Fault::at(FaultKind::Shadowed, &source.path, node.map(|node| node.line), what);
            self.add(fault.of(&key));
        }
        merged
    }

    /// Strict: the error. Lenient: a fault, and nothing in the part's place. `path` and `line` are
    /// those of what asked for the part.
    fn tolerate<T>(
        &mut self,
        result: Result<T, ConfigError>,
        path: &Path,
        line: Option<usize>,
        prefix: &[String],
    ) -> Result<Option<T>, ConfigError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.reading == Reading::Strict => Err(error),
            Err(error) => {
                let fault = Fault::from_error(&error, path, line);
                self.add(if prefix.is_empty() { fault } else { fault.of(prefix) });
                Ok(None)
            }
        }
    }

    fn add(&mut self, fault: Fault) {
        if self.reading == Reading::Lenient && self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        }
    }

    fn below(&self, origin: &Origin, part: &str) -> Origin {
        let source = origin.at.last().and_then(|spot| self.sources.get(spot.source));
        origin.below(part, source.and_then(|source| source.outline.as_ref()))
    }

    fn line(&self, origin: &Origin) -> Option<usize> {
        let (_, node) = located(&self.sources, *origin.at.last()?)?;
        Some(node?.line)
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

/// The file that holds an `$include`, and its line.
#[derive(Clone, Copy)]
struct Holder<'p> {
    path: &'p Path,
    line: Option<usize>,
}

fn located(sources: &[Source], spot: Spot) -> Option<(&Source, Option<&Node>)> {
    let source = sources.get(spot.source)?;
    let node = spot.node.and_then(|node| source.outline.as_ref()?.nodes.get(node));
    Some((source, node))
}

fn empty() -> Traced {
    (Value::Object(Map::new()), Origin::default())
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
/// One file can hold a hundred thousand faults; nobody reads them.
const MAX_FAULTS: usize = 1_000;

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
            Tree::read(&self.path("c/openclaw.json"), &[], Reading::Strict).map_err(|error| error.to_string())
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
        let root = Tree::read(&folder.path("c/openclaw.json"), &[], Reading::Strict).expect("loads");
        assert_eq!(root.files().len(), 2);
    }

    #[test]
    fn more_roots_are_allowed_by_name_only() {
        let folder = Folder::new(&[("c/openclaw.json", "{$include: '../r/x.json'}"), ("r/x.json", "{a: 1}")]);
        assert!(folder.read().is_err());
        assert!(Tree::read(&folder.path("c/openclaw.json"), &[folder.path("r")], Reading::Strict).is_ok());
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
