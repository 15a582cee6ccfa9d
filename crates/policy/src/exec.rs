//! May this command run: `tools.exec.security` and `ask`, the allowlist, the environment.

use std::collections::BTreeMap;
use std::path::Path;

use stockade_config::model::{ExecAsk, ExecSecurity};
use stockade_core::{Decision, Denial, Question, Rule};

use crate::call::{ExecCall, Executable};
use crate::command::{self, Analysis};

/// The exec policy of an agent: the strictest of every layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecPolicy {
    /// Which commands may run.
    pub security: ExecSecurity,
    /// When a human is asked.
    pub ask: ExecAsk,
    /// Patterns of programs that need no question under `on-miss`.
    pub allowlist: Vec<String>,
}

impl ExecPolicy {
    /// Judges a command whose facts are gathered.
    pub fn judge(&self, call: &ExecCall) -> Decision {
        if let Err(denial) = judge_env(&call.env) {
            return Decision::Deny(denial);
        }
        if self.security == ExecSecurity::Deny {
            return deny(Rule::ExecSecurity, "tools.exec.security is deny");
        }
        let miss = self.miss(call);
        match (self.security, self.ask, miss) {
            (_, ExecAsk::Always, _) => ask(Rule::ExecAsk, "tools.exec.ask is always"),
            (ExecSecurity::Full, _, _) => Decision::Allow { rule: Rule::ExecSecurity },
            (_, _, None) => Decision::Allow { rule: Rule::ExecAllowlist },
            (_, ExecAsk::OnMiss, Some((rule, because))) => ask(rule, &because),
            (_, ExecAsk::Off, Some((rule, because))) => deny(rule, because),
        }
    }

    /// Judges input to a running command. No allowlist covers it: what it means is up to the program.
    pub fn judge_input(&self) -> Decision {
        match (self.security, self.ask) {
            (ExecSecurity::Deny, _) => deny(Rule::ExecSecurity, "tools.exec.security is deny"),
            (_, ExecAsk::Always) => ask(Rule::ExecAsk, "tools.exec.ask is always"),
            (ExecSecurity::Full, _) => Decision::Allow { rule: Rule::ExecSecurity },
            (ExecSecurity::Allowlist, ExecAsk::OnMiss) => ask(Rule::ExecAllowlist, "it is input to a running program"),
            (ExecSecurity::Allowlist, ExecAsk::Off) => {
                deny(Rule::ExecAllowlist, "input to a running program is not on the exec allowlist")
            }
        }
    }

    /// Why the allowlist does not cover the command; `None` when it covers all of it.
    fn miss(&self, call: &ExecCall) -> Option<(Rule, String)> {
        let analysis = command::analyze(&call.command);
        if let Some(why) = analysis.opaque {
            return Some((Rule::ExecOpaque, format!("the command holds {why}, which is not analysed")));
        }
        if call.background {
            return Some((Rule::ExecAllowlist, "it goes on in the background".into()));
        }
        self.miss_of(&analysis, &call.programs)
    }

    fn miss_of(&self, analysis: &Analysis, programs: &[Executable]) -> Option<(Rule, String)> {
        if analysis.commands.is_empty() {
            return Some((Rule::ExecOpaque, "there is no command".into()));
        }
        if analysis.commands.iter().any(|simple| simple.writes.iter().any(|name| name != "/dev/null")) {
            return Some((Rule::ExecAllowlist, "it writes to a file by redirection".into()));
        }
        analysis.programs().find_map(|word| {
            let resolved = programs.iter().find(|program| program.word == word).and_then(|p| p.path.as_deref());
            let covered = resolved.is_some_and(|path| self.covers(path));
            (!covered).then(|| (Rule::ExecAllowlist, "a program is not on the exec allowlist".into()))
        })
    }

    /// Whether an allowlist entry names this file. Entries match the resolved path of a program in a
    /// system folder, never a base name alone. Programs that run other programs or code are trusted
    /// with nothing, whatever the list says.
    fn covers(&self, path: &Path) -> bool {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return false;
        };
        let trusted = TRUSTED_FOLDERS.iter().any(|trusted| folder == Path::new(trusted));
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
        let carrier = CARRIERS.iter().any(|carrier| *carrier == name || *carrier == stem);
        trusted
            && !carrier
            && self.allowlist.iter().any(|pattern| {
                let pattern = Path::new(pattern.as_str());
                if pattern.is_absolute() { pattern == path } else { pattern == Path::new(name) }
            })
    }
}

/// The whole environment of a command: a fixed base and the variables that the request may set.
///
/// # Errors
/// A [`Denial`] that names the first variable that may not be set.
pub fn build_env(requested: &BTreeMap<String, String>, home: &str) -> Result<BTreeMap<String, String>, Denial> {
    let mut env: BTreeMap<String, String> = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("HOME", home),
        ("LANG", "C.UTF-8"),
        ("TERM", "dumb"),
        ("OPENCLAW_SHELL", "exec"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    for (name, value) in requested {
        judge_variable(name, value)?;
        env.insert(name.clone(), value.clone());
    }
    Ok(env)
}

/// An environment that reached a call must be one that [`build_env`] could have made.
fn judge_env(env: &BTreeMap<String, String>) -> Result<(), Denial> {
    env.iter()
        .filter(|(name, _)| !matches!(name.as_str(), "PATH" | "HOME" | "OPENCLAW_SHELL"))
        .try_for_each(|(name, value)| judge_variable(name, value))
}

/// A request may set only variables that say how output looks. Loader, interpreter, tool-configuration
/// and proxy variables turn a harmless program into another one.
fn judge_variable(name: &str, value: &str) -> Result<(), Denial> {
    if !HARMLESS_VARIABLES.contains(&name) {
        let shown = stockade_core::text::clip(&stockade_core::text::visible(name), 64);
        return Err(Denial::policy(Rule::ExecEnv, format!("a call may not set the variable {shown}")));
    }
    if value.len() > 256 || value.contains(['\0', '\n']) || value.starts_with("()") {
        return Err(Denial::policy(Rule::ExecEnv, format!("the value of {name} is not a plain short text")));
    }
    Ok(())
}

fn ask(rule: Rule, because: &str) -> Decision {
    Decision::Ask(Question { rule, because: because.to_owned() })
}

fn deny(rule: Rule, because: impl Into<String>) -> Decision {
    Decision::Deny(Denial::policy(rule, because))
}

const HARMLESS_VARIABLES: &[&str] = &[
    "LANG", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_NUMERIC", "LC_TIME", "LC_COLLATE", "LANGUAGE", "TZ", "TERM",
    "COLUMNS", "LINES", "NO_COLOR", "CLICOLOR", "FORCE_COLOR", "COLORTERM", "CI", "SOURCE_DATE_EPOCH",
];

const TRUSTED_FOLDERS: &[&str] = &["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];

/// Programs whose arguments are programs or code. No allowlist entry makes them pass unasked.
const CARRIERS: &[&str] = &[
    "sh", "bash", "dash", "zsh", "ksh", "fish", "csh", "tcsh", "busybox", "toybox", "env", "nice", "nohup", "timeout",
    "xargs", "find", "sudo", "su", "doas", "ssh", "scp", "rsync", "strace", "ltrace", "gdb", "perf", "setsid",
    "stdbuf", "script", "unshare", "nsenter", "chroot", "watch", "parallel", "flock", "time", "ionice", "taskset",
    "chrt", "runuser", "setpriv", "python", "perl", "ruby", "node", "nodejs", "php", "lua", "tclsh", "awk", "gawk",
    "mawk", "nawk", "sed", "ed", "ex", "vi", "vim", "nvim", "emacs", "nano", "less", "more", "man", "git", "tar",
    "zip", "make", "cmake", "gcc", "cc", "cargo", "rustc", "go", "npm", "npx", "pip", "docker", "podman", "kubectl",
    "systemctl", "systemd-run", "at", "batch", "crontab", "curl", "wget", "nc", "ncat", "socat", "openssl", "dd",
    "tee", "install", "cp", "mv", "ln", "mount", "ld.so", "jq", "sqlite3", "psql", "mysql", "expect", "tmux", "screen",
    "dpkg", "apt", "apt-get", "rpm", "java", "dotnet", "deno", "bun", "osascript",
];

#[cfg(test)]
#[path = "exec/tests.rs"]
pub(crate) mod tests;
