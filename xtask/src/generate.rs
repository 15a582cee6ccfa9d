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
    "journal", "journal verify", "journal tail", "trace", "decide", "models", "models fetch", "models serve",
    "completions",
];
