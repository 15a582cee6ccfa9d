//! The container options that stand beside mounts and undo them: namespaces of the host or of another
//! container, privileges, devices, unconfined profiles. What is not known to be harmless is refused
//! (attack class `sandbox-mount-config`: CVE-2026-27002, CVE-2026-32038, CL-2026.5.5-caps).

use stockade_core::{Decision, Denial, Rule, text};

use super::canonical::lexical;
use super::protected;

/// May a container be given this option. `name` is the engine's word in any spelling (`cap_add`,
/// `capAdd`, `--cap-add`); a list is judged value by value. Allow or deny.
pub fn judge_flag(name: &str, value: &str) -> Decision {
    let name: String =
        name.chars().filter(|c| !matches!(c, '-' | '_')).take(64).collect::<String>().to_ascii_lowercase();
    let value = value.to_ascii_lowercase();
    if harmless(&name, value.trim()) {
        return Decision::Allow { rule: Rule::SandboxRequired };
    }
    let shown = text::clip(&text::visible(&value), 64);
    let because = format!("the container option {} = {shown} weakens the sandbox", text::visible(&name));
    Decision::Deny(Denial::policy(Rule::SandboxRequired, because))
}

fn harmless(name: &str, value: &str) -> bool {
    match name {
        "network" | "networkmode" | "net" => value != "host" && value != "default" && plain_name(value),
        "userns" | "usernsmode" => matches!(value, "private" | "auto"),
        "pid" | "pidmode" | "uts" | "utsmode" | "cgroupns" | "cgroupnsmode" => value == "private",
        "ipc" | "ipcmode" => matches!(value, "private" | "none"),
        "privileged" | "publishallports" | "oomkilldisable" => value == "false",
        name if name.starts_with("dangerously") => value == "false",
        "nonewprivileges" => value == "true",
        "readonly" | "readonlyroot" | "readonlyrootfs" | "init" => matches!(value, "true" | "false"),
        "capdrop" => plain_name(value),
        "securityopt" => SECURITY.contains(&value),
        "user" => user(value),
        "seccomp" | "apparmor" | "seccompprofile" | "apparmorprofile" => {
            matches!(value, "default" | "builtin" | "docker-default")
        }
        "workdir" | "workingdir" => open_target(value),
        "tmpfs" => {
            let path = value.split(':').next().unwrap_or_default();
            matches!(path, "/tmp" | "/var/tmp" | "/run" | "/dev/shm") || open_target(path)
        }
        "cpus" => limit(value, 0.01),
        "memory" | "memoryswap" | "pidslimit" | "shmsize" | "stoptimeout" => limit(value, 1.0),
        _ => false,
    }
}

/// A limit that limits: engines take zero, what rounds to it and what overflows for "unlimited", in any spelling
/// (`0b`, `00`, `0.4b`).
fn limit(value: &str, least: f64) -> bool {
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = value.strip_prefix(number).unwrap_or_default();
    let Some((_, scale)) = UNITS.iter().find(|(names, _)| names.contains(&unit)) else { return false };
    number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && number.parse::<f64>().is_ok_and(|number| (least..=MOST).contains(&(number * scale)))
}

fn open_target(path: &str) -> bool {
    path.starts_with('/') && protected::target(&lexical(path)).is_none()
}

/// A name of the container's own: no `container:id`, `ns:/path`, `service:x`.
fn plain_name(value: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_alphanumeric())
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// `uid[:gid]`, or a name, that is not root in either part.
fn user(value: &str) -> bool {
    let part = |part: &str| plain_name(part) && part != "root" && !part.trim_start_matches('0').is_empty();
    match value.split_once(':') {
        Some((uid, gid)) => part(uid) && part(gid),
        None => part(value),
    }
}

const SECURITY: &[&str] = &[
    "no-new-privileges",
    "no-new-privileges:true",
    "no-new-privileges=true",
    "seccomp=builtin",
    "seccomp=default",
    "apparmor=docker-default",
];

/// Units of a limit, as engines read them.
const UNITS: &[(&[&str], f64)] = &[
    (&["", "b", "s"], 1.0),
    (&["k", "kb", "kib"], 1024.0),
    (&["m", "mb", "mib"], 1_048_576.0),
    (&["g", "gb", "gib"], 1_073_741_824.0),
    (&["t", "tb", "tib"], 1_099_511_627_776.0),
];

/// A petabyte: more than any machine has, and less than any integer that an engine keeps a limit in.
const MOST: f64 = 1e15;
