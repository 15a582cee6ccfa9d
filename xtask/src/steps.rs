//! `cargo xtask test`: one table of steps, run in order, each with its own line; what failed shows what it said.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;

use crate::tally::Tally;
use crate::{generate, interop, lint, process};

/// What came of a step.
pub(crate) enum Outcome {
    /// It did what it should.
    Passed,
    /// It ran tests.
    Tested(Tally),
    /// It could not run here, and why.
    Skipped(String),
    /// It failed, with what it said.
    Failed(String, Tally),
}

/// One step.
struct Step {
    name: &'static str,
    when: When,
    run: Run,
}

/// How a step runs.
enum Run {
    /// A function here.
    Here(fn(&Path) -> Result<Outcome>),
    /// A program that must end well.
    Program(&'static str, &'static [&'static str]),
    /// A program that runs tests and says how many.
    Tests(&'static str, &'static [&'static str]),
}

/// In which runs a step takes part.
#[derive(PartialEq, Eq)]
enum When {
    Always,
    /// Not with `--fast`.
    Full,
}

const STEPS: &[Step] = &[
    Step { name: "system packages", when: When::Full, run: Run::Here(|_| interop::system_packages()) },
    Step { name: "the real client, from npm", when: When::Full, run: Run::Here(interop::npm_packages) },
    Step { name: "a real model server, from pip", when: When::Full, run: Run::Here(interop::python_packages) },
    Step { name: "format", when: When::Always, run: Run::Program("cargo", &["fmt", "--all", "--check", "--", "-l"]) },
    Step {
        name: "clippy",
        when: When::Always,
        run: Run::Program("cargo", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]),
    },
    Step { name: "lint", when: When::Always, run: Run::Here(lint_step) },
    Step { name: "build", when: When::Always, run: Run::Program("cargo", &["build", "--workspace"]) },
    Step { name: "generated pages", when: When::Always, run: Run::Here(generated) },
    Step { name: "tests", when: When::Always, run: Run::Here(tests) },
    Step { name: "doc tests", when: When::Always, run: Run::Tests("cargo", &["test", "--workspace", "--doc"]) },
    Step {
        name: "release build",
        when: When::Full,
        run: Run::Program("cargo", &["build", "--release", "--package", "stockade-cli"]),
    },
    Step {
        name: "the drill holds",
        when: When::Full,
        run: Run::Program("target/release/stockade", &["drill", "--baseline"]),
    },
    // The release has fewer features of its dependencies than the tests have, which bring some of their own.
    Step {
        name: "the released audit answers",
        when: When::Full,
        run: Run::Program(
            "target/release/stockade",
            &["--state-dir", "crates/audit/tests/cases/40-personal-typical/home/.openclaw", "security", "audit", "--fix", "--dry-run"],
        ),
    },
    Step {
        name: "benchmarks build",
        when: When::Full,
        run: Run::Program("cargo", &["bench", "--workspace", "--no-run"]),
    },
    Step { name: "fuzz targets and the bench beside Cedar check", when: When::Full, run: Run::Here(outside) },
];

/// Runs the steps. Answers whether all is well: nothing failed, and in CI nothing was skipped either.
pub(crate) fn run(root: &Path, fast: bool) -> Result<bool> {
    let strict = std::env::var_os("CI").is_some_and(|value| value == "true");
    let steps: Vec<&Step> = STEPS.iter().filter(|step| !fast || step.when == When::Always).collect();
    let mut tally = Tally::default();
    for (number, step) in steps.iter().enumerate() {
        println!("[{}/{}] {} …", number + 1, steps.len(), step.name);
        let start = Instant::now();
        let (counted, said) = match step.run(root) {
            Ok(Outcome::Passed) => (Tally::PASSED, "ok".to_owned()),
            Ok(Outcome::Tested(counted)) => (counted, counted.to_string()),
            Ok(Outcome::Skipped(why)) if strict => (Tally::FAILED, format!("FAILED: in CI nothing is skipped: {why}")),
            Ok(Outcome::Skipped(why)) => (Tally::SKIPPED, format!("skipped: {why}")),
            Ok(Outcome::Failed(output, counted)) => (counted, format!("FAILED\n{output}")),
            Err(error) => (Tally::FAILED, format!("FAILED: {error:#}")),
        };
        println!("[{}/{}] {}: {said} ({:.1} s)", number + 1, steps.len(), step.name, start.elapsed().as_secs_f64());
        tally = tally.plus(counted);
    }
    if strict && tally.skipped > 0 {
        println!("in CI nothing is skipped, ignored tests neither");
    }
    println!("{tally}");
    Ok(tally.failed == 0 && !(strict && tally.skipped > 0))
}

impl Step {
    fn run(&self, root: &Path) -> Result<Outcome> {
        match self.run {
            Run::Here(run) => run(root),
            Run::Program(program, arguments) => {
                let ran = process::run(root, &located(root, program), arguments, &environment(root))?;
                Ok(if ran.ok { Outcome::Passed } else { Outcome::Failed(ran.output, Tally::FAILED) })
            }
            Run::Tests(program, arguments) => test_program(root, program, arguments),
        }
    }
}

/// Nextest where it is installed, libtest otherwise: a newcomer needs nothing but Rust.
fn tests(root: &Path) -> Result<Outcome> {
    if process::answers("cargo", &["nextest", "--version"]) {
        return test_program(root, "cargo", &["nextest", "run", "--workspace", "--no-fail-fast", "--color", "never"]);
    }
    test_program(root, "cargo", &["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"])
}

fn test_program(root: &Path, program: &str, arguments: &[&str]) -> Result<Outcome> {
    let ran = process::run(root, program, arguments, &environment(root))?;
    Ok(match (ran.ok, Tally::read(&ran.output)) {
        (true, Some(tally)) if tally.failed == 0 => Outcome::Tested(tally),
        // It did not come as far as a count: it did not compile, say.
        (_, None) => Outcome::Failed(ran.output, Tally::FAILED),
        (_, Some(tally)) => Outcome::Failed(ran.output, Tally { failed: tally.failed.max(1), ..tally }),
    })
}

/// The workspaces that the product does not carry. They share a folder, and with it most of what they compile.
fn outside(root: &Path) -> Result<Outcome> {
    for manifest in ["fuzz/Cargo.toml", "benches/cedar/Cargo.toml"] {
        let arguments =
            ["check", "--locked", "--all-targets", "--target-dir", "target/outside", "--manifest-path", manifest];
        let ran = process::run(root, "cargo", &arguments, &[])?;
        if !ran.ok {
            return Ok(Outcome::Failed(ran.output, Tally::FAILED));
        }
    }
    Ok(Outcome::Passed)
}

fn generated(root: &Path) -> Result<Outcome> {
    let stale = "a generated page is stale; run `cargo xtask generate`".to_owned();
    Ok(if generate::run(root, true)? { Outcome::Passed } else { Outcome::Failed(stale, Tally::FAILED) })
}

fn lint_step(root: &Path) -> Result<Outcome> {
    let findings = lint::findings(root)?;
    if findings.is_empty() {
        return Ok(Outcome::Passed);
    }
    Ok(Outcome::Failed(findings.join("\n"), Tally::FAILED))
}

/// Tests are told only of what is there.
fn environment(root: &Path) -> Vec<(&'static str, PathBuf)> {
    interop::environment(root).into_iter().filter(|(_, folder)| folder.exists()).collect()
}

/// A program of this workspace by its path, any other by its name.
fn located(root: &Path, program: &str) -> String {
    if program.contains('/') { root.join(program).display().to_string() } else { program.to_owned() }
}
