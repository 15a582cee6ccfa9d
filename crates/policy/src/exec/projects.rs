// table: tools that run the project, and what they may be told
//! Build and test tools, which run what the project's own files name. In the sandbox that is no more than the command
//! itself could do; on the host they always ask. What passes builds, tests or checks the project with its own settings:
//! other settings, other folders, other programs and what leaves the project ask. Answers the classes "build tool with
//! another compiler" (`npm --script-shell`, `make SHELL=`), "test runner with a plugin" (`pytest -p`), "linter whose
//! configuration is code" (`eslint -c`).

use super::grammar::{Grammar, Verb, is_name, is_path, plain_value};
use crate::command::Word;

/// A target or a script by its name. What by convention leaves the project is none.
fn is_target(word: &Word) -> bool {
    let text = word.text.as_str();
    let outward = |part: &str| OUTWARD.contains(&part.to_ascii_lowercase().as_str());
    word.is_plain()
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:/".contains(c))
        && !text.contains("..")
        && !text.split([':', '-', '_', '/', '.']).any(outward)
}

const OUTWARD: &[&str] = &[
    "install", "uninstall", "deploy", "publish", "release", "upload", "push", "postinstall", "preinstall", "prepare",
    "exec", "eval", "ssh", "shell",
];

/// Of `pytest -k`: names, `and`, `or`, `not` and groups. Older versions evaluated it as Python.
fn selects(option: &str, value: &str) -> bool {
    if !matches!(option, "k" | "m") {
        return plain_value(option, value);
    }
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "_- ()".contains(c));
    let calls = value.split('(').rev().skip(1).any(|before| before.ends_with(|c: char| !matches!(c, ' ' | '(')));
    plain && !calls || value.chars().all(|c| c.is_ascii_alphanumeric() || "_-[]".contains(c))
}

/// A number of jobs.
fn is_number(_: &str, value: &str) -> bool {
    value.chars().all(|c| c.is_ascii_digit())
}

const ANY: usize = 64;

const NPM_RUN: Grammar =
    Grammar::of("s", "w", &["silent", "if-present", "workspaces", "workspace="]).with(is_target, 1).valued(plain_value);
const NPM_TEST: Grammar =
    Grammar::of("s", "w", &["silent", "if-present", "workspaces", "workspace="]).valued(plain_value).for_script();
const NPM_LIST: Grammar = Grammar::of(
    "agl",
    "",
    &["all", "json", "long", "global", "depth=", "prod", "production", "omit=", "workspaces", "parseable"],
)
.with(is_name, ANY)
.valued(plain_value);
const VERSION: Grammar = Grammar::of("", "", &[]);

pub(super) const NPM: &[Verb] = &[
    (&["test"], NPM_TEST),
    (&["t"], NPM_TEST),
    (&["run"], NPM_RUN.for_script()),
    (&["run-script"], NPM_RUN.for_script()),
    (&["ls"], NPM_LIST),
    (&["list"], NPM_LIST),
    (&["outdated"], NPM_LIST),
    (&["why"], NPM_LIST),
    (&["explain"], NPM_LIST),
    (&["root"], VERSION),
    (&["prefix"], VERSION),
    (&["--version"], VERSION),
    (&["-v"], VERSION),
];

/// Words after the script's name are the script's, and options of theirs are not read: there are none here.
pub(super) const YARN: &[Verb] = &[
    (&["test"], Grammar::of("s", "", &["silent"])),
    (&["run"], Grammar::of("s", "", &["silent"]).with(is_target, 1)),
    (&["build"], Grammar::of("s", "", &["silent"])),
    (&["lint"], Grammar::of("s", "", &["silent"])),
    (&["why"], Grammar::of("", "", &[]).with(is_name, 1)),
    (&["outdated"], VERSION),
    (&["--version"], VERSION),
    (&["-v"], VERSION),
];

pub(super) const PNPM: &[Verb] = &[
    (&["test"], Grammar::of("rs", "", &["recursive", "silent"])),
    (&["run"], Grammar::of("rs", "", &["recursive", "silent", "if-present"]).with(is_target, 1)),
    (&["build"], Grammar::of("rs", "", &["recursive", "silent"])),
    (&["lint"], Grammar::of("rs", "", &["recursive", "silent"])),
    (&["ls"], NPM_LIST),
    (&["list"], NPM_LIST),
    (&["why"], NPM_LIST),
    (&["outdated"], NPM_LIST),
    (&["--version"], VERSION),
    (&["-v"], VERSION),
];

pub(super) const MAKE: &[Verb] = &[(
    &[],
    Grammar::of(
        "nskBqw",
        "j",
        &[
            "dry-run",
            "just-print",
            "recon",
            "silent",
            "quiet",
            "keep-going",
            "always-make",
            "question",
            "jobs=",
            "no-print-directory",
            "print-directory",
            "version",
            "warn-undefined-variables",
        ],
    )
    .with(is_target, ANY)
    .valued(is_number),
)];

pub(super) const PYTEST: &[Verb] = &[(
    &[],
    Grammar::of(
        "qvxsl",
        "kmrn",
        &[
            "quiet", "verbose", "exitfirst", "maxfail=", "lf", "last-failed", "ff", "failed-first", "nf", "new-first",
            "sw", "stepwise", "collect-only", "co", "durations=", "tb=", "no-header", "no-summary", "color=",
            "strict-markers", "showlocals", "version", "markers", "fixtures",
        ],
    )
    .with(is_path, ANY)
    .valued(selects),
)];

/// Type checkers and linters that only report, with the project's own settings.
pub(super) const CHECKERS: &[Verb] = &[(
    &[],
    Grammar::of("qv", "", &["quiet", "verbose", "version", "strict", "no-color", "noEmit", "pretty", "max-warnings="])
        .with(is_path, ANY)
        .valued(is_number),
)];

/// The compiler in the forms that only check: without `--noEmit` it writes scripts beside the sources. The option takes a
/// value, and `false` undoes it.
pub(super) const TSC: &[Verb] = &[
    (&["--noEmit"], CHECKED),
    (&["--pretty", "--noEmit"], CHECKED),
    (&["-p", "tsconfig.json", "--noEmit"], CHECKED),
    (&["-p", ".", "--noEmit"], CHECKED),
    (&["--version"], VERSION),
    (&["-v"], VERSION),
];

const CHECKED: Grammar =
    Grammar::of("", "p", &["pretty", "strict", "skipLibCheck"]).with(is_source, ANY).valued(is_settings);

fn is_source(word: &Word) -> bool {
    is_path(word) && (word.text.ends_with(".ts") || word.text.ends_with(".tsx"))
}

fn is_settings(_: &str, value: &str) -> bool {
    matches!(value, "." | "tsconfig.json")
}

/// Formatters, which write unless they are told to check.
pub(super) const FORMATTERS: &[Verb] = &[
    (&["--check"], Grammar::of("qv", "", &["quiet", "verbose", "diff"]).with(is_path, ANY)),
    (&["-c"], Grammar::of("qv", "", &["quiet", "verbose"]).with(is_path, ANY)),
    (&["--version"], VERSION),
];

pub(super) const RUFF: &[Verb] = &[
    (&["check"], Grammar::of("qv", "", &["quiet", "verbose", "no-fix", "diff", "statistics"]).with(is_path, ANY)),
    (&["format", "--check"], Grammar::of("qv", "", &["quiet", "verbose", "diff"]).with(is_path, ANY)),
    (&["--version"], VERSION),
];

pub(super) const GOFMT: &[Verb] = &[
    (&["-l"], Grammar::of("ds", "", &[]).with(is_path, ANY)),
    (&["-d"], Grammar::of("ls", "", &[]).with(is_path, ANY)),
];
