//! `cargo xtask generate`: what the docs say about the command line, the stages and the drill is made from the program
//! itself. With `--check` nothing is written and a stale page is a finding.

use std::path::Path;

use anyhow::{Context as _, Result};
use stockade_core::{Rule, Stage};

use crate::process;

/// Writes the generated pages, or with `check` only compares them. Answers whether all were current.
pub(crate) fn run(root: &Path, check: bool) -> Result<bool> {
    let stale = pages(root)?.into_iter().filter(|(path, text)| is_stale(root, path, text)).collect::<Vec<_>>();
    for (path, text) in &stale {
        if check {
            println!("{path} is stale; run `cargo xtask generate`");
            continue;
        }
        let file = root.join(path);
        std::fs::create_dir_all(file.parent().unwrap_or(root))?;
        std::fs::write(&file, text).with_context(|| format!("cannot write {path}"))?;
        println!("wrote {path}");
    }
    Ok(stale.is_empty() || !check)
}

fn is_stale(root: &Path, path: &str, text: &str) -> bool {
    std::fs::read_to_string(root.join(path)).ok().as_deref() != Some(text)
}

fn pages(root: &Path) -> Result<Vec<(&'static str, String)>> {
    process::must(root, "cargo", &["build", "--quiet", "--package", "stockade-cli"])?;
    Ok(vec![
        ("docs/reference/cli.md", command_line(root)?),
        ("docs/reference/life-of-a-message.md", stages()),
        ("docs/checks/README.md", checks(root)?),
        ("docs/reference/openclaw-differences.md", differences(root)?),
        ("docs/reference/openapi.json", stockade(root, &["decide", "--openapi"])?),
        ("docs/drill.svg", picture(&stockade(root, &["drill", "--baseline"])?)),
    ])
}

fn stockade(root: &Path, arguments: &[&str]) -> Result<String> {
    let program = root.join("target/debug/stockade");
    process::must(root, &program.display().to_string(), arguments)
}

fn command_line(root: &Path) -> Result<String> {
    let mut page = String::from("# The command line\n\nMade from `stockade --help`.\n");
    for command in COMMANDS {
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        arguments.push("--help");
        let help = stockade(root, &arguments)?;
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        page.push_str(&format!("\n## `stockade {command}`\n\n```text\n{}\n```\n", lines.join("\n").trim_end()));
    }
    Ok(page.replace("## `stockade `", "## `stockade`"))
}

fn stages() -> String {
    let mut page = String::from(
        "# The life of a message\n\nMade from the stage and rule tables. Every arrow is one record of the journal; \
         `stockade trace TURN` prints them.\n\n| stage | what it establishes |\n|---|---|\n",
    );
    for stage in Stage::ALL {
        page.push_str(&format!("| `{stage}` | {} |\n", stage.what()));
    }
    page.push_str("\n## The rules that can answer\n\n");
    for rule in Rule::ALL {
        page.push_str(&format!("- `{rule}`\n"));
    }
    page
}

/// The list of the pages about checks: the id and the second paragraph of each, which begins with the severity.
fn checks(root: &Path) -> Result<String> {
    let mut page = String::from(
        "# The checks\n\nMade from the pages beside this one. Each page is a test: what it shows as found is found, \
         exactly; what it shows as mended is what `--fix` writes.\n\n| check | how bad | what is weak |\n|---|---|---|\n",
    );
    for path in sorted(&root.join("docs/checks"))? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if !name.ends_with(".md") || name == "README.md" {
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        let mut paragraphs = text.split("\n\n");
        let id = paragraphs.next().unwrap_or_default().trim_start_matches("# ").to_owned();
        let legend = paragraphs.next().unwrap_or_default().replace('\n', " ");
        let what = paragraphs.next().unwrap_or_default().replace('\n', " ");
        let what = what.split_inclusive(". ").next().unwrap_or_default().trim().to_owned();
        page.push_str(&format!("| [{id}]({name}) | {} | {what} |\n", legend.replace('|', "\\|")));
    }
    Ok(page)
}

/// Where our audit and OpenClaw's say different things of the same home: made from the lists that the tests hold to.
fn differences(root: &Path) -> Result<String> {
    let mut page = String::from(
        "# Where the audit differs from OpenClaw's\n\nMade from the cases in `crates/audit/tests/cases`: homes with what \
         `openclaw security audit` of 2026.9.6 (of 2026.2.6-3 for February's) said of them. A test holds both lists \
         to what the two really say. Findings that are Stockade's alone stand beside OpenClaw's and are not listed.\n",
    );
    for case in sorted(&root.join("crates/audit/tests/cases"))? {
        let name = case.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let about = std::fs::read_to_string(case.join("about.txt")).unwrap_or_default();
        let about = about.lines().next().unwrap_or_default();
        page.push_str(&format!("\n## {name}\n\n{about}\n\n"));
        page.push_str(&listed(&case.join("differences.txt"), "The same."));
        if case.join("expected.deep.ids.txt").exists() {
            page.push_str("\nWith `--deep`, besides (`gateway.probe_failed`, which is of what runs, apart):\n\n");
            page.push_str(&listed(&case.join("differences.deep.txt"), "Nothing differs."));
        }
    }
    Ok(page)
}

/// A list of differences as a table, or what is said where there are none.
fn listed(file: &Path, none: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    if text.trim().is_empty() {
        return format!("{none}\n");
    }
    let mut table = String::from("| by | finding | why |\n|---|---|---|\n");
    for line in text.lines() {
        let (finding, why) = line.split_once(" | ").unwrap_or((line, ""));
        let (by, finding) = finding.split_once(' ').unwrap_or(("", finding));
        table.push_str(&format!("| {by} | `{finding}` | {why} |\n"));
    }
    table
}

fn sorted(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

/// The drill's terminal as a picture: what it printed, line by line.
fn picture(output: &str) -> String {
    // What was said on standard error comes after the data here; the first line of it opened the drill.
    let (opening, rest): (Vec<&str>, Vec<&str>) = output.lines().partition(|line| line.starts_with("drill against"));
    let lines: Vec<&str> = std::iter::once("$ stockade drill").chain(opening).chain(rest).collect();
    let height = 24 + lines.len() * 18;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1040 {height}\" font-family=\"ui-monospace, Menlo, Consolas, \
         monospace\" font-size=\"13\">\n<rect width=\"1040\" height=\"{height}\" rx=\"8\" fill=\"#14181d\"/>\n"
    );
    for (number, line) in lines.iter().enumerate() {
        let y = 26 + number * 18;
        let word = line.split_whitespace().next().unwrap_or_default();
        let fill = match word {
            "held" | "held:" => "#7bd88f",
            "BREACHED" | "UNCLEAR" | "breached:" => "#fc618d",
            "by" => "#8b949e",
            _ => "#e6edf3",
        };
        let shown: String = line.chars().take(128).collect();
        let escaped = shown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        svg.push_str(&format!("<text x=\"16\" y=\"{y}\" fill=\"{fill}\" xml:space=\"preserve\">{escaped}</text>\n"));
    }
    svg.push_str("</svg>\n");
    svg
}

const COMMANDS: &[&str] = &[
    "", "up", "drill", "chat", "approvals", "approvals list", "approvals watch", "approvals allow", "approvals deny",
    "config", "config held", "config confirm", "incident", "incident contain", "incident release", "incident status",
    "security", "security audit", "security undo", "journal", "journal verify", "journal tail", "trace", "decide",
    "models", "models fetch", "models serve", "completions",
];
