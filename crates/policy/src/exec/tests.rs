//! Security, ask and allowlist, as OpenClaw's table has them; and what an allowlist does not cover.

use std::collections::BTreeMap;

use stockade_config::model::{ExecAsk, ExecSecurity};
use stockade_core::{AgentId, Digest, SessionKey, TurnId};

use super::*;
use crate::call::{CallContext, Executable};
use crate::environment::build_env;
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
            sender: crate::sender::Sender::owner(),
            turn: TurnId::fresh(),
            call_id: "c".into(),
            generation: Digest::of(b""),
        },
        command: command.to_owned(),
        cwd: "/workspace".into(),
        env: build_env(&BTreeMap::new(), "/home/sandbox").expect("the base is allowed"),
        programs,
        operands: Vec::new(),
        unbound: None,
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
    ExecPolicy { security, ask, allowlist, ..ExecPolicy::default() }.judge(&call(command)).verdict()
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
        "env LD_PRELOAD=x ls",
        "env -S 'ls'",
        "../usr/bin/ls",
        "",
        "ls\nrm x",
        "ls <(id)",
        "/bin/../workspace/ls",
    ] {
        assert_eq!(verdict(ExecSecurity::Allowlist, ExecAsk::Off, command), "deny", "{command:?}");
    }
    let mut background = call("ls");
    background.background = true;
    let policy = ExecPolicy {
        security: ExecSecurity::Allowlist,
        ask: ExecAsk::Off,
        allowlist: vec!["ls".into()],
        ..ExecPolicy::default()
    };
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

fn listed(names: &[&str]) -> ExecPolicy {
    ExecPolicy {
        security: ExecSecurity::Allowlist,
        ask: ExecAsk::OnMiss,
        allowlist: names.iter().map(|name| (*name).to_owned()).collect(),
        ..ExecPolicy::default()
    }
}

#[test]
fn strict_inline_eval_asks_under_every_security() {
    for (command, wanted) in [
        ("python3 -c 'import os'", "ask"),
        ("bash -c 'ls'", "ask"),
        ("node --eval x", "ask"),
        ("perl -ne x", "ask"),
        ("x=$(python3 run.py)", "ask"),
        ("eval \"$X\"", "ask"),
        ("python3 run.py", "allow"),
        ("ls $(pwd)", "allow"),
        ("cargo build", "allow"),
    ] {
        let strict =
            ExecPolicy { security: ExecSecurity::Full, ask: ExecAsk::Off, strict_inline_eval: true, ..listed(&[]) };
        assert_eq!(strict.judge(&call(command)).verdict(), wanted, "{command}");
        let lax = ExecPolicy { strict_inline_eval: false, ..strict };
        assert_eq!(lax.judge(&call(command)).verdict(), "allow", "{command}");
    }
}

#[test]
fn what_the_shell_would_read_in_another_way_asks() {
    let policy = listed(&["ls"]);
    let mut locale = call("ls 'é'");
    assert_eq!(policy.judge(&locale).verdict(), "allow");
    locale.env.insert("LC_ALL".into(), "zh_CN.GBK".into());
    assert_ne!(policy.judge(&locale).verdict(), "allow", "a trail byte may be a quote");
    let mut split = call("ls $PWD");
    assert_eq!(policy.judge(&split).verdict(), "allow");
    split.cwd = "/workspace/a -o b".into();
    assert_eq!(policy.judge(&split).verdict(), "ask");
    assert_eq!(policy.judge(&call("TZ=UTC ls")).verdict(), "allow");
    assert_eq!(policy.judge(&call("TZ=UTC : && ls")).verdict(), "ask", "it stays set in a POSIX shell");
}

#[test]
fn a_program_that_reads_code_whatever_it_is_told_has_no_harmless_form() {
    for command in ["ls | dash -V", "ls | sh --version", "ls | tclsh --version", "ls | zsh --help", "python3 -V x"] {
        let policy = listed(&["ls", "dash", "sh", "tclsh", "zsh", "python3"]);
        assert_eq!(policy.judge(&call(command)).verdict(), "ask", "{command}");
    }
}

#[test]
fn a_link_is_judged_by_both_of_its_names() {
    let mut link = call("pager x");
    link.programs[0].path = Some("/usr/bin/less".into());
    assert_eq!(listed(&["pager"]).judge(&link).verdict(), "ask");
    let mut alternative = call("awk '{print $1}'");
    alternative.programs[0].path = Some("/usr/bin/mawk".into());
    assert_eq!(listed(&["awk"]).judge(&alternative).verdict(), "allow");
    let mut applet = call("ls");
    applet.programs[0].path = Some("/bin/busybox".into());
    assert_eq!(listed(&["ls"]).judge(&applet).verdict(), "ask");
    let mut wrapper = call("env ls");
    wrapper.programs[0].path = Some("/usr/bin/python3".into());
    assert_eq!(listed(&["ls"]).judge(&wrapper).verdict(), "ask");
}

#[test]
fn what_the_project_configures_asks_on_the_host() {
    let policy = ExecPolicy {
        security: ExecSecurity::Allowlist,
        ask: ExecAsk::Off,
        allowlist: ["git", "cargo", "ls", "gulp", "scons", "doxygen"].map(str::to_owned).to_vec(),
        ..ExecPolicy::default()
    };
    for (command, sandbox, host) in [
        ("git status", "allow", "deny"),
        ("cargo build", "allow", "deny"),
        ("gulp", "allow", "deny"),
        ("scons -j4", "allow", "deny"),
        ("doxygen", "allow", "deny"),
        ("ls", "allow", "allow"),
    ] {
        let mut call = call(command);
        assert_eq!(policy.judge(&call).verdict(), sandbox, "{command}");
        call.view.backend = Backend::Host;
        assert_eq!(policy.judge(&call).verdict(), host, "{command}");
    }
}
