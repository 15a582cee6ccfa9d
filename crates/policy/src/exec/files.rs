//! Copies and moves inside the working folder. A file that another program acts on by its name, or that a person's editor,
//! shell or agent does, is armed by a copy: only names of documents, data and sources pass, none hidden, none above, none that a
//! tool is known to look for. Answers the class "arms another tool" (`cp x .git/hooks/pre-commit`, `mv x Makefile`,
//! `cp x conftest.py`, `cp -t`).

use super::arguments::Why;
use super::grammar::Grammar;
use crate::command::Word;

/// Judges the words after `cp` or `mv`.
pub(super) fn moves(arguments: &[Word]) -> Result<(), Why> {
    let options = Grammar::of("vnip", "", &["verbose", "no-clobber", "interactive"]).with(is_plain_file, 16);
    match options.read(arguments).as_deref() {
        Some([sources @ .., to]) if !sources.is_empty() => {
            let folder = to.text.ends_with('/') || to.text == ".";
            if sources.iter().all(|word| is_document(&word.text)) && (folder || is_document(&to.text)) {
                Ok(())
            } else {
                Err(ARMS)
            }
        }
        _ => Err(ARMS),
    }
}

/// Whether a name below the working folder is one that nothing acts on by itself.
pub(super) fn is_document(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or_default();
    let known = name.rsplit_once('.').is_some_and(|(stem, ext)| !stem.is_empty() && EXTENSIONS.contains(&ext));
    let first = name.split('.').next().unwrap_or_default();
    let settings = name.contains(".config.") || name.starts_with("config.");
    let instructions = name.ends_with(".md") && INSTRUCTIONS.contains(&first);
    known && !settings && !instructions && !ARMED.contains(&name) && !ARMED_STEMS.contains(&first)
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

/// Documents, data and sources.
const EXTENSIONS: &[&str] = &[
    "md", "txt", "rst", "adoc", "log", "csv", "tsv", "json", "jsonl", "bak", "old", "orig", "tmp", "out", "diff",
    "patch", "png", "jpg", "jpeg", "gif", "webp", "svg", "pdf", "html", "css", "scss", "xml", "sql", "rs", "py", "js",
    "jsx", "ts", "tsx", "go", "c", "h", "cc", "cpp", "hpp", "java", "kt", "rb", "php", "swift", "cs", "scala", "ex",
    "hs", "ml", "lua", "ipynb", "tex", "bib", "mp3", "wav", "mp4", "example", "sample", "dist", "snap", "vue",
    "svelte",
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
    "launchsettings.json", "docker-bake.json", "artisan.php",
];

/// First parts of documents that agents take instructions from.
const INSTRUCTIONS: &[&str] = &[
    "agents", "agent", "claude", "gemini", "soul", "tools", "identity", "user", "heartbeat", "bootstrap", "boot",
    "memory", "skill", "copilot-instructions", "conventions", "rules", "cursorrules",
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
    "autostart", "skills", "memory", "cron", "etc", "proc", "dev", "sys", "__pycache__", "husky",
];
