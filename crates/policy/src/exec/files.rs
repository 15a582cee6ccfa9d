//! Copies and moves inside the working folder. A file that another program acts on by its name, or that a person's editor,
//! shell or agent does, is armed by a copy. No list of such names is complete: what is written is a document by its ending, or
//! code and settings below a folder where a project keeps its sources, and none of the names that a tool is known to look for
//! there. Answers the class "arms another tool" (`cp x .git/hooks/pre-commit`, `mv x Makefile`, `cp x conftest.py`,
//! `cp x opencode.json`, `cp -t`).

use super::arguments::Why;
use super::grammar::Grammar;
use crate::command::Word;

/// Judges the words after `cp` or `mv`.
pub(super) fn moves(arguments: &[Word]) -> Result<(), Why> {
    let options = Grammar::of("vnip", "", &["verbose", "no-clobber", "interactive"]).with(is_plain_file, 16);
    match options.read(arguments).as_deref() {
        Some([sources @ .., to]) if !sources.is_empty() => {
            if sources.iter().all(|from| is_move(&from.text, &to.text)) {
                Ok(())
            } else {
                Err(ARMS)
            }
        }
        _ => Err(ARMS),
    }
}

/// The file that a copy of `from` to `to` writes.
fn destination(from: &str, to: &str) -> Option<String> {
    let name = from.rsplit('/').next().filter(|name| !name.is_empty())?;
    match to {
        "." | "./" => Some(name.to_owned()),
        _ if to.ends_with('/') => Some(format!("{to}{name}")),
        _ => Some(to.to_owned()),
    }
}

/// Whether a copy or a move to another name, or into a folder, leaves nothing that is acted on.
pub(super) fn is_move(from: &str, to: &str) -> bool {
    is_ordinary(from) && destination(from, to).is_some_and(|path| is_document(&path))
}

/// Whether nothing acts on a file of this name below the working folder by itself.
fn is_document(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "." | "")).collect();
    let Some((name, folders)) = parts.split_last() else { return false };
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
    let is_text = extension == "md";
    // The instructions that an agent reads are called in capitals, and the agents are many.
    let shouts = is_text && name.starts_with(|c: char| c.is_ascii_uppercase()) && !READ_BY_PEOPLE.contains(name);
    let kept = folders.first().is_some_and(|first| SOURCES.contains(first));
    let of_project = is_text && folders.is_empty() || COMPILED.contains(&extension.as_str());
    is_ordinary(path) && !shouts && (kept || of_project || INERT.contains(&extension.as_str()))
}

/// Whether a name has a known ending, and is none that a tool looks for.
fn is_ordinary(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or_default();
    let ends = |ext: &str| INERT.contains(&ext) || COMPILED.contains(&ext) || EXTENSIONS.contains(&ext);
    let known = name.rsplit_once('.').is_some_and(|(stem, ext)| !stem.is_empty() && ends(ext));
    let first = name.split('.').next().unwrap_or_default();
    let settings = name.contains(".config.")
        || name.contains(".conf.")
        || ["config.", "requirements", "constraints"].iter().any(|start| name.starts_with(start));
    let instructions = name.ends_with(".md") && INSTRUCTIONS.contains(&first);
    // Python takes a file beside the script for a module of its own.
    let shadows = name.ends_with(".py") && (SHADOWED.contains(&first) || first.starts_with('_'));
    known && !settings && !instructions && !shadows && !is_armed(name) && !ARMED_STEMS.contains(&first)
}

/// Whether a tool reads a file of this name by itself.
pub(super) fn is_armed(name: &str) -> bool {
    ARMED.contains(&name)
}

/// A name below the working folder, with nothing hidden and nothing that tools search by itself on its way.
pub(super) fn is_plain_file(word: &Word) -> bool {
    let text = word.text.as_str();
    let part = |part: &str| {
        let searched = FOLDERS.contains(&part.to_ascii_lowercase().as_str());
        (part == "." || !part.starts_with(['.', '-', '~'])) && !searched
    };
    word.is_plain()
        && !text.is_empty()
        && !text.starts_with(['/', '-', '~'])
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./+@, ".contains(c))
        && text.split('/').all(part)
}

pub(super) const ARMS: Why = "it may write a file that another program acts on, or one elsewhere";

/// Documents and data, which nothing runs or is configured by.
const INERT: &[&str] = &[
    "txt", "rst", "adoc", "log", "csv", "tsv", "bak", "old", "orig", "tmp", "out", "diff", "patch", "png", "jpg",
    "jpeg", "gif", "webp", "svg", "pdf", "tex", "bib", "mp3", "wav", "mp4", "example", "sample", "snap",
];

/// Sources that are code only once another file names them.
const COMPILED: &[&str] = &["rs", "c", "h", "cc", "cpp", "hpp"];

/// Sources and settings, which some tool may look for in the folder that it is started in.
const EXTENSIONS: &[&str] = &[
    "md", "json", "jsonl", "html", "css", "scss", "xml", "sql", "py", "js", "jsx", "ts", "tsx", "go", "java", "kt",
    "rb", "php", "swift", "cs", "scala", "ex", "hs", "ml", "lua", "ipynb", "vue", "svelte", "dist",
];

/// First folders below which a project keeps sources, tests and texts.
const SOURCES: &[&str] = &[
    "src", "docs", "doc", "tests", "test", "testdata", "test-data", "test_data", "fixtures", "data", "examples",
    "samples", "assets", "notes",
];

/// Documents in capitals that are for people.
const READ_BY_PEOPLE: &[&str] = &[
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "HISTORY.md", "NOTES.md", "TODO.md", "LICENSE.md", "SECURITY.md",
    "AUTHORS.md", "NEWS.md", "ROADMAP.md", "CODE_OF_CONDUCT.md", "Readme.md", "Notes.md",
];

/// Modules of Python's library that scripts and tools import.
const SHADOWED: &[&str] = &[
    "abc", "argparse", "array", "ast", "asyncio", "base64", "bisect", "builtins", "calendar", "cmath", "code",
    "codecs", "collections", "configparser", "contextlib", "copy", "copyreg", "csv", "ctypes", "dataclasses",
    "datetime", "decimal", "difflib", "dis", "email", "encodings", "enum", "errno", "fnmatch", "fractions",
    "functools", "gc", "getopt", "getpass", "gettext", "glob", "gzip", "hashlib", "heapq", "hmac", "html", "http",
    "importlib", "inspect", "io", "ipaddress", "itertools", "json", "keyword", "linecache", "locale", "logging",
    "lzma", "math", "mimetypes", "multiprocessing", "ntpath", "numbers", "opcode", "operator", "os", "pathlib", "pdb",
    "pickle", "pkgutil", "platform", "posixpath", "pprint", "queue", "random", "re", "readline", "reprlib", "runpy",
    "secrets", "select", "selectors", "shlex", "shutil", "signal", "site", "socket", "sqlite3", "ssl", "stat",
    "statistics", "string", "struct", "subprocess", "symtable", "sys", "sysconfig", "tempfile", "test", "textwrap",
    "threading", "time", "timeit", "token", "tokenize", "tomllib", "trace", "traceback", "types", "typing", "unittest",
    "urllib", "uuid", "venv", "warnings", "weakref", "xml", "zipfile", "zipimport", "zlib", "zoneinfo", "pytest",
    "pip", "setuptools", "numpy", "requests", "yaml", "six", "attr", "packaging", "pluggy", "certifi", "idna", "click",
    "plugin", "settings", "wsgi", "asgi", "gunicorn", "celeryconfig", "local_settings",
];

/// Files that a tool reads by their name, wherever they lie.
const ARMED: &[&str] = &[
    "build.rs", "setup.py", "conftest.py", "conf.py", "sitecustomize.py", "usercustomize.py", "noxfile.py", "tasks.py",
    "fabfile.py", "manage.py", "wscript.py", "sconstruct.py", "__init__.py", "__main__.py", "package.json",
    "composer.json", "deno.json", "bower.json", "nx.json", "turbo.json", "lerna.json", "project.json", "angular.json",
    "rush.json", "launch.json", "tasks.json", "settings.json", "hooks.json", "mcp.json", "plugin.json",
    "manifest.json", "openclaw.json", "stockade.json", "extensions.json", "devcontainer.json", "global.json",
    "requirements.txt", "constraints.txt", "cmakelists.txt", "pom.xml", "build.xml", "nuget.xml",
    "directory.build.xml", "gulpfile.js", "gruntfile.js", "package-lock.json", "npm-shrinkwrap.json", "magefile.go",
    "build.sc", "package.swift", "mix.ex", "rebar.ex", "runtime.txt", "renovate.json", "vercel.json", "firebase.json",
    "now.json", "app.json", "biome.json", "wrangler.json", "jsr.json", "import_map.json", "appsettings.json",
    "launchsettings.json", "docker-bake.json", "artisan.php", "opencode.json", "nodemon.json", "cmakepresets.json",
    "cmakeuserpresets.json", "pnpmfile.js", "phpunit.xml", "psalm.xml", "phpstan.xml", "conanfile.py", "conanfile.txt",
    "gems.rb", "setup.hs", "meson_options.txt", "dune.ml", "xmake.lua", "premake5.lua", "vcpkg.json", "dub.json",
    "haxelib.json", "elm.json", "esy.json", "gradle.xml", "ivy.xml", "logback.xml", "log4j2.xml", "web.xml",
    "persistence.xml", "applicationcontext.xml", "settings.xml", "extensions.xml", "main.lua", "init.lua",
];

/// First parts of documents that agents take instructions from.
const INSTRUCTIONS: &[&str] = &[
    "agents", "agent", "claude", "gemini", "soul", "tools", "identity", "user", "heartbeat", "bootstrap", "boot",
    "memory", "skill", "copilot-instructions", "conventions", "rules", "cursorrules", "crush", "qwen", "warp", "goose",
    "goosehints", "amp", "opencode", "jules", "windsurf", "cline", "clinerules", "roo", "kiro", "codex", "cursor",
    "copilot", "devin", "instructions", "prompt", "system", "persona", "llm", "llms", "ai",
];

/// First parts of names that tools read as settings.
const ARMED_STEMS: &[&str] = &[
    "tsconfig", "jsconfig", "makefile", "gnumakefile", "dockerfile", "jenkinsfile", "vagrantfile", "gulpfile",
    "gruntfile", "jakefile", "cakefile", "brewfile", "rakefile", "gemfile", "dangerfile", "fastfile", "podfile",
    "webpack", "rollup", "vite", "vitest", "babel", "jest", "karma", "eslint", "eslintrc", "prettier", "prettierrc",
    "next", "nuxt", "metro", "snowpack", "gatsby-node", "gatsby-config", "protractor", "playwright", "cypress",
    "mocharc", "babelrc",
];

/// Folders whose files programs load by themselves.
const FOLDERS: &[&str] = &[
    "node_modules", "vendor", "site-packages", "dist-packages", "venv", "target", "hooks", "plugins", "extensions",
    "autostart", "skills", "memory", "cron", "etc", "proc", "dev", "sys", "__pycache__", "husky", "agents", "commands",
    "rules", "prompts", "instructions", "workflows", "modes", "chatmodes", "steering", "subagents", "initializers",
    "config", "conf.d", "conf", "cron.d", "profile.d", "init.d", "systemd", "blib", "inc", "bin", "sbin", "scripts",
    "patches",
];
