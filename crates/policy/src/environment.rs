//! Which environment variables a command may be given, and by whom. Owns the whole environment of a
//! child: it is built from a fixed base and judged additions, never inherited, and a call that
//! reaches the judge with anything else is refused.
//!
//! What may be set is an allowlist by purpose ([`harmless`]): a variable of a known harmless purpose,
//! or an application's own setting by its words. The families in [`families`] are refused before that
//! by name, so that a refusal says why. Denylists of variable names have missed one in every release
//! (attack classes `exec-env` CVE-2026-43584, CVE-2026-53864, GHSA-6p8r-6m93-557f): here a name that
//! nobody thought of is refused too.

mod families;
mod harmless;

use std::collections::BTreeMap;

use stockade_core::{Decision, Denial, Rule, text};

use families::Family;

/// Who asks for a variable, from the least to the most trusted. What one may set, every later one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A `.env` in a working directory: whatever the last cloned repository put there.
    Workspace,
    /// The `env` argument of a tool call: the model's words.
    Request,
    /// The config of an agent or a skill (`agents.entries.*.env`, `skills.entries.*.env`).
    Agent,
    /// The operator's own `env.vars`.
    Operator,
}

impl Source {
    /// Every source, least trusted first.
    pub const ALL: [Self; 4] = [Self::Workspace, Self::Request, Self::Agent, Self::Operator];

    /// The stable id, as question rows and journals spell it.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Workspace => "workspace-env",
            Self::Request => "request-env",
            Self::Agent => "agent-config",
            Self::Operator => "operator",
        }
    }

    /// The source of an id; an unknown one is the least trusted, so that a misspelling never widens.
    #[must_use]
    pub fn of(id: &str) -> Self {
        Self::ALL.into_iter().find(|source| source.id() == id).unwrap_or(Self::Workspace)
    }
}

/// May `source` set the variable `name` to `value`. Total on any text; the answer is allow or deny.
pub fn judge_variable(source: Source, name: &str, value: &str) -> Decision {
    match refusal(source, name, value) {
        Some(because) => Decision::Deny(Denial::policy(Rule::ExecEnv, because)),
        None => Decision::Allow { rule: Rule::ExecEnv },
    }
}

/// The whole environment of a command: a fixed base and the variables that the request may set.
///
/// # Errors
/// A [`Denial`] that names the first variable that may not be set, or says that there are too many.
pub fn build_env(requested: &BTreeMap<String, String>, home: &str) -> Result<BTreeMap<String, String>, Denial> {
    let base = [("PATH", PATH), ("HOME", home), ("LANG", "C.UTF-8"), ("TERM", "dumb"), (MARK, MARK_VALUE)];
    let mut env: BTreeMap<String, String> =
        base.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    for (name, value) in requested {
        allowed(name, value)?;
        env.insert(name.clone(), value.clone());
    }
    judge_env(&env)?;
    Ok(env)
}

/// An environment that reached a call must be one that [`build_env`] could have made.
pub(crate) fn judge_env(env: &BTreeMap<String, String>) -> Result<(), Denial> {
    let refuse = |because: &str| Err(Denial::policy(Rule::ExecEnv, because));
    let bytes: usize = env.iter().map(|(name, value)| name.len().saturating_add(value.len())).sum();
    if env.len() > MAX_VARIABLES || bytes > MAX_BYTES {
        return refuse("the environment of the call is too large (64 variables, 16 KiB)");
    }
    env.iter().try_for_each(|(name, value)| match name.as_str() {
        "PATH" if value == PATH => Ok(()),
        MARK if value == MARK_VALUE => Ok(()),
        "HOME" if value.starts_with('/') && !value.chars().any(char::is_control) => Ok(()),
        "HOME" => refuse("HOME of a command is the gateway's to set, to an absolute path"),
        _ => allowed(name, value),
    })
}

fn allowed(name: &str, value: &str) -> Result<(), Denial> {
    refusal(Source::Request, name, value).map_or(Ok(()), |because| Err(Denial::policy(Rule::ExecEnv, because)))
}

/// Why a variable may not be set; `None` when it may.
fn refusal(source: Source, name: &str, value: &str) -> Option<String> {
    if !plain_name(name) {
        return Some(format!("{} is not a plain variable name", shown(name)));
    }
    if !readable(value) {
        return Some(format!("the value of {name} is not a plain short text"));
    }
    if let Some(known) = harmless::known(name) {
        if source < known.by {
            return Some(format!("{name} may not be set by {}", source.id()));
        }
        return (!known.value.holds(value))
            .then(|| format!("the value of {name} is not one that is known to be harmless"));
    }
    if let Some(family) = families::of(name) {
        return family_refusal(family, source, name);
    }
    if source == Source::Operator {
        return None;
    }
    if !harmless::application(name) {
        return Some(format!("{name} is no variable of a known harmless purpose, so {} may not set it", source.id()));
    }
    (!harmless::Value::Text.holds(value)).then(|| format!("the value of {name} is more than plain words"))
}

fn family_refusal(family: &Family, source: Source, name: &str) -> Option<String> {
    match family.by {
        Some(least) if source >= least => None,
        Some(Source::Operator) => Some(format!("{name} {}; only the operator's env.vars may set it", family.why)),
        Some(_) => Some(format!("{name} {}; only the config may set it", family.why)),
        None => Some(format!("{name} {}; nothing may set it for a command", family.why)),
    }
}

/// POSIX names of bounded length. Everything else is a way around a list: `BASH_FUNC_x%%`, `X()`,
/// `A=B` as a name, NUL, look-alikes from other scripts, a space before the name.
fn plain_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.len() <= MAX_NAME
}

/// Bounded, free of control and invisible characters, and no exported shell function (Shellshock).
fn readable(value: &str) -> bool {
    value.len() <= MAX_VALUE
        && !value.trim_start().starts_with("()")
        && !value.contains('\n')
        && (value.bytes().all(|b| matches!(b, b' '..=b'~')) || text::visible(value) == value)
}

fn shown(name: &str) -> String {
    if name.is_empty() { "an empty name".into() } else { text::clip(&text::visible(name), 64) }
}

/// Where programs of a command are searched; the same for facts and for the run.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What tells a program that it runs under the gateway, as OpenClaw spells it.
const MARK: &str = "OPENCLAW_SHELL";
const MARK_VALUE: &str = "exec";

const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 1024;
const MAX_VARIABLES: usize = 64;
const MAX_BYTES: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use stockade_config::model::{ExecAsk, ExecSecurity};

    use crate::exec::{ExecPolicy, tests::call};

    /// Whoever made the call: under the laxest policy there is, the judge itself refuses.
    #[test]
    fn a_variable_smuggled_into_a_call_is_refused() {
        let policy = ExecPolicy { security: ExecSecurity::Full, ask: ExecAsk::Off, ..ExecPolicy::default() };
        assert_eq!(policy.judge(&call("ls")).verdict(), "allow");
        for (name, value) in [
            ("LD_PRELOAD", "x"),
            ("BASH_ENV", "x"),
            ("PATH", "/tmp:/usr/bin"),
            ("HOME", "x"),
            ("OPENCLAW_SHELL", "x"),
            ("LANG", "() { :; }; id"),
            ("BASH_FUNC_ls%%", "x"),
            ("", "x"),
        ] {
            let mut smuggled = call("ls");
            smuggled.env.insert(name.to_owned(), value.to_owned());
            assert_eq!(policy.judge(&smuggled).verdict(), "deny", "{name:?}={value:?}");
        }
    }
}
