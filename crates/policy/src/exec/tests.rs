//! Security, ask and allowlist, as OpenClaw's table has them; and what an allowlist does not cover.

use stockade_config::model::{ExecAsk, ExecSecurity};
use stockade_core::{AgentId, Digest, SessionKey, TurnId};

use super::*;
use crate::call::CallContext;
use crate::view::{Backend, Limits, View};

/// A call whose program words resolve to `/usr/bin/<word>`.
pub(crate) fn call(command: &str) -> ExecCall {
    let agent = AgentId::parse("main").expect("valid");
    let programs = command::analyze(command)
        .programs()
        .map(|word| Executable {
            word: word.to_owned(),
            path: Some(if word.contains('/') { word.into() } else { format!("/usr/bin/{word}").into() }),
            identity: Some([1, 2, 3, 4]),
        })
        .collect();
    ExecCall {
        context: CallContext {
            session: SessionKey::main(&agent),
            agent,
            turn: TurnId::fresh(),
            call_id: "c".into(),
            generation: Digest::of(b""),
        },
        command: command.to_owned(),
        cwd: "/workspace".into(),
        env: build_env(&BTreeMap::new(), "/home/sandbox").expect("the base is allowed"),
        programs,
        operands: Vec::new(),
        view: View {
            backend: Backend::Native,
            mounts: Vec::new(),
            workdir: "/workspace".into(),
            network: false,
            hidden: Vec::new(),
            accept_degraded: Vec::new(),
            limits: Limits::default(),
        },
        background: false,
        timeout: std::time::Duration::from_secs(1),
    }
}

fn verdict(security: ExecSecurity, ask: ExecAsk, command: &str) -> &'static str {
    let allowlist = ["ls", "/usr/bin/wc", "git", "bash", "python3", "/workspace/run"].map(str::to_owned).to_vec();
    ExecPolicy { security, ask, allowlist }.judge(&call(command)).verdict()
}

#[test]
fn security_and_ask_follow_openclaws_table() {
    use ExecAsk::{Always, Off, OnMiss};
    use ExecSecurity::{Allowlist, Deny, Full};
    for (security, ask, hit, miss) in [
        (Deny, Off, "deny", "deny"),
        (Deny, Always, "deny", "deny"),
        (Allowlist, Off, "allow", "deny"),
        (Allowlist, OnMiss, "allow", "ask"),
        (Allowlist, Always, "ask", "ask"),
        (Full, Off, "allow", "allow"),
        (Full, OnMiss, "allow", "allow"),
        (Full, Always, "ask", "ask"),
    ] {
        assert_eq!(
            (verdict(security, ask, "ls -l | wc"), verdict(security, ask, "rm x")),
            (hit, miss),
            "{security} {ask}"
        );
    }
}

#[test]
fn what_an_allowlist_entry_does_not_cover_is_refused() {
    for command in [
        "ls; rm x",
        "ls $(id)",
        "ls `id`",
        "X=1 ls",
        "ls > /etc/x",
        "ls &",
        "bash -c id",
        "git -c core.pager=id log",
        "python3 x.py",
        "/workspace/ls",
        "/workspace/run",
        "./ls",
        "/tmp/../usr/bin/ls/..",
        "ls && bash",
        "env ls",
        "",
        "ls\nrm x",
        "ls <(id)",
        "/bin/../workspace/ls",
    ] {
        assert_eq!(verdict(ExecSecurity::Allowlist, ExecAsk::Off, command), "deny", "{command:?}");
    }
    let mut background = call("ls");
    background.background = true;
    let policy = ExecPolicy { security: ExecSecurity::Allowlist, ask: ExecAsk::Off, allowlist: vec!["ls".into()] };
    assert_eq!(policy.judge(&background).verdict(), "deny");
    let mut unresolved = call("ls");
    unresolved.programs[0].path = None;
    assert_eq!(policy.judge(&unresolved).verdict(), "deny");
    let mut elsewhere = call("ls");
    elsewhere.programs[0].path = Some("/workspace/bin/ls".into());
    assert_eq!(policy.judge(&elsewhere).verdict(), "deny", "the name alone is not enough");
}

#[test]
fn harmless_things_stay_harmless() {
    for command in ["ls 2>/dev/null", "ls -l 2>&1 | wc -l", "ls 'a b'"] {
        assert_eq!(verdict(ExecSecurity::Allowlist, ExecAsk::Off, command), "allow", "{command:?}");
    }
}

#[test]
fn a_call_may_not_set_what_changes_programs() {
    for name in [
        "LD_PRELOAD", "LD_LIBRARY_PATH", "PATH", "HOME", "BASH_ENV", "ENV", "PYTHONPATH", "NODE_OPTIONS",
        "GIT_SSH_COMMAND", "PAGER", "EDITOR", "http_proxy", "HTTPS_PROXY", "IFS", "PS4", "PERL5OPT", "RUBYOPT",
        "JAVA_TOOL_OPTIONS", "BASH_FUNC_ls%%", "lang", "LANG\n", "", "OPENCLAW_SHELL", "XDG_RUNTIME_DIR",
        "GLIBC_TUNABLES",
    ] {
        let requested = BTreeMap::from([(name.to_owned(), "x".to_owned())]);
        assert!(build_env(&requested, "/h").is_err(), "{name:?}");
        let mut smuggled = call("ls");
        smuggled.env.insert(name.to_owned(), "x".to_owned());
        let base = matches!(name, "PATH" | "HOME" | "OPENCLAW_SHELL");
        let policy = ExecPolicy { security: ExecSecurity::Full, ask: ExecAsk::Off, allowlist: Vec::new() };
        assert_eq!(policy.judge(&smuggled).verdict() == "deny", !base, "{name:?}");
    }
    let requested = BTreeMap::from([("LANG".to_owned(), "() { :; }; id".to_owned())]);
    assert!(build_env(&requested, "/h").is_err());
    let requested = BTreeMap::from([("TZ".to_owned(), "UTC".to_owned())]);
    assert_eq!(build_env(&requested, "/h").expect("harmless")["TZ"], "UTC");
}
