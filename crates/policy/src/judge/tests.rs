//! The head of every decision, the file and web rules, and the way from a decision to a permit.

use std::time::Duration;

use stockade_core::{ApprovalId, Because, Principal};

use super::*;
use crate::exec;
use crate::permit::{Approval, PERMIT_LIFE, Settled, Verdict};
use crate::policy::tests::compiled;
use crate::view::{Access, Mount};

const NOW: Timestamp = Timestamp(1_000_000);

fn policy(config: &str) -> Policy {
    compiled(config, "{}", None).expect("compiles")
}

fn exec_call(policy: &Policy, command: &str) -> ExecCall {
    let mut call = exec::tests::call(command);
    call.context.generation = policy.generation;
    call
}

fn file_call(policy: &Policy, path: &str, op: FileOp) -> FileCall {
    let call = exec_call(policy, "x");
    let mount = |host: &str, target: &str, access| Mount { host: host.into(), target: target.into(), access };
    let mut view = call.view;
    view.mounts = vec![mount("/scratch", "/workspace", Access::Rw), mount("/ws", "/agent", Access::Ro)];
    FileCall { context: call.context, path: view.absolute(path.as_ref()), op, view }
}

fn because(judged: &Judged<impl Bound>) -> String {
    match judged.decision() {
        Decision::Deny(denial) => denial.rule.id().to_owned(),
        other => other.verdict().to_owned(),
    }
}

const ALWAYS: &str = "{tools:{exec:{security:'full',ask:'always'}}}";

#[test]
fn containment_closes_everything_and_an_unreadable_lock_is_closed() {
    let policy = policy("{}");
    for lock in [Lock::Contained { since: NOW }, Lock::Unreadable("mode".into())] {
        let judge = Judge::new(&policy, &lock);
        assert_eq!(because(&judge.exec(exec_call(&policy, "ls"))), "containment");
        let read = FileOp::Read { offset: 1, limit: 1 };
        assert_eq!(because(&judge.file(file_call(&policy, "x", read))), "containment");
        let agent = policy.default_agent().expect("an agent");
        assert!(judge.tool(agent, &SessionKey::main(&agent.id), &Sender::owner(), &Tool::core("read")).is_err());
    }
    assert_eq!(because(&Judge::new(&policy, &Lock::Released).exec(exec_call(&policy, "ls"))), "allow");
}

#[test]
fn a_denied_tool_is_refused_even_when_it_is_called() {
    let policy = policy("{tools:{deny:['group:runtime','write']}}");
    let judge = Judge::new(&policy, &Lock::Released);
    assert_eq!(because(&judge.exec(exec_call(&policy, "ls"))), "tool.layers");
    let write = FileOp::Write { content: "x".into() };
    assert_eq!(because(&judge.file(file_call(&policy, "x", write))), "tool.layers");
    let read = FileOp::Read { offset: 1, limit: 1 };
    assert_eq!(because(&judge.file(file_call(&policy, "x", read))), "allow");
}

#[test]
fn what_cannot_be_bound_cannot_be_approved_and_runs_where_nobody_is_asked() {
    for (config, verdict) in [(ALWAYS, "exec.opaque"), ("{}", "allow")] {
        let policy = policy(config);
        let mut call = exec_call(&policy, "ls");
        call.unbound = Some("it names more files than one approval can bind".into());
        assert_eq!(because(&Judge::new(&policy, &Lock::Released).exec(call)), verdict);
    }
}

#[test]
fn input_to_a_running_command_is_judged_as_a_command() {
    let verdict = |config: &str, action: ProcessAction| {
        let policy = policy(config);
        let context = exec_call(&policy, "x").context;
        Judge::new(&policy, &Lock::Released).process(ProcessCall { context, action }).decision().verdict()
    };
    let write = || ProcessAction::Write { id: "1".into(), data: "id\n".into() };
    assert_eq!(verdict(ALWAYS, write()), "ask");
    assert_eq!(verdict("{tools:{exec:{security:'allowlist',ask:'off'}}}", write()), "deny");
    assert_eq!(verdict("{tools:{exec:{security:'allowlist',ask:'on-miss'}}}", write()), "ask");
    assert_eq!(verdict("{tools:{exec:{security:'deny'}}}", write()), "deny");
    assert_eq!(verdict("{}", write()), "allow");
    assert_eq!(verdict(ALWAYS, ProcessAction::List), "allow");
}

#[test]
fn every_layer_that_the_config_can_hold_is_enforced() {
    for config in [
        "{agents:{defaults:{model:'m/x'},entries:{main:{tools:{byProvider:{m:{deny:['exec']}}}}}}}",
        "{agents:{defaults:{model:'m/x'}},tools:{byProvider:{'m/x':{allow:['read']}}}}",
        "{agents:{defaults:{model:'OpenAI/GPT-5'}},tools:{byProvider:{' openai ':{deny:['exec']}}}}",
        "{agents:{defaults:{model:'m/x'}},tools:{byProvider:{'M/X':{deny:['exec']},'m/x':{}}}}",
        "{agents:{defaults:{model:'m/x'}},tools:{byProvider:{m:{deny:['exec']},'m/x':{}}}}",
        "{tools:{toolsBySender:{'*':{deny:['exec']}}}}",
        "{agents:{entries:{main:{tools:{toolsBySender:{'*':{allow:['read']}}}}}}}",
        "{agents:{defaults:{sandbox:{mode:'all'}}},tools:{sandbox:{tools:{deny:['exec']}}}}",
        "{agents:{defaults:{sandbox:{mode:'all'}},entries:{main:{tools:{sandbox:{tools:{deny:['group:runtime']}}}}}}}",
    ] {
        let policy = policy(config);
        let judged = Judge::new(&policy, &Lock::Released).exec(exec_call(&policy, "ls"));
        assert_eq!(because(&judged), "tool.layers", "{config}");
    }
    // The sandbox's layer is for the sandbox.
    let open = policy("{tools:{sandbox:{tools:{deny:['exec']}}}}");
    assert_eq!(because(&Judge::new(&open, &Lock::Released).exec(exec_call(&open, "ls"))), "allow");
}

#[test]
fn a_required_sandbox_never_falls_through_to_the_host() {
    let policy = policy("{tools:{exec:{host:'sandbox'}}}");
    let mut call = exec_call(&policy, "ls");
    call.view.backend = Backend::Host;
    assert_eq!(because(&Judge::new(&policy, &Lock::Released).exec(call)), "sandbox.required");
}

#[test]
fn calls_of_another_policy_agent_or_session_are_refused() {
    let policy = policy("{agents:{entries:{main:{},other:{}}}}");
    let judge = Judge::new(&policy, &Lock::Released);
    let stale = exec::tests::call("ls");
    assert_eq!(because(&judge.exec(stale)), "permit");
    let mut foreign = exec_call(&policy, "ls");
    foreign.context.session = stockade_core::SessionKey::parse("agent:other:main").expect("a key");
    assert_eq!(because(&judge.exec(foreign)), "admission");
}

#[test]
fn files_stay_in_the_view_and_read_only_folders_stay_so() {
    let policy = policy("{}");
    let judge = Judge::new(&policy, &Lock::Released);
    let read = || FileOp::Read { offset: 1, limit: 1 };
    let write = || FileOp::Write { content: "x".into() };
    for path in
        ["/etc/passwd", "../../etc/passwd", "/workspace/../etc/passwd", "/workspacex", "/", "/proc/self/environ"]
    {
        assert_eq!(because(&judge.file(file_call(&policy, path, read()))), "workspace", "{path}");
    }
    assert_eq!(because(&judge.file(file_call(&policy, "a/b", write()))), "allow");
    assert_eq!(because(&judge.file(file_call(&policy, "/agent/x", read()))), "allow");
    assert_eq!(because(&judge.file(file_call(&policy, "/agent/x", write()))), "workspace.access");
}

#[test]
fn the_gateways_state_is_out_of_reach_even_on_an_open_host() {
    let policy = policy("{}");
    let judge = Judge::new(&policy, &Lock::Released);
    let mut call = file_call(&policy, "/state/openclaw.json", FileOp::Write { content: "{}".into() });
    call.view.mounts = vec![Mount { host: "/".into(), target: "/".into(), access: Access::Rw }];
    assert_eq!(because(&judge.file(call.clone())), "workspace");
    // A workspace inside the state directory, where OpenClaw puts it, is the agent's own.
    call.path = "/workspace/notes".into();
    call.view.mounts = vec![Mount { host: "/state/workspace".into(), target: "/workspace".into(), access: Access::Rw }];
    assert_eq!(because(&judge.file(call)), "allow");
}

#[test]
fn a_model_that_read_a_page_does_not_spell_out_what_it_knows() {
    let policy = policy("{}");
    let verdict = |url: &str, words, untrusted| {
        let url = url::Url::parse(url).expect("a URL");
        let call = FetchCall { context: exec_call(&policy, "x").context, url, words, untrusted, max_chars: 1 };
        because(&Judge::new(&policy, &Lock::Released).fetch(call))
    };
    let public = "https://example.org/?said=everything";
    assert_eq!(verdict(public, Words::Composed, true), "egress.composed");
    assert_eq!(verdict(public, Words::Composed, false), "allow");
    assert_eq!(verdict(public, Words::Source, true), "allow");
    assert_eq!(verdict(public, Words::Owner, true), "allow");
    assert_eq!(verdict("http://127.0.0.1/", Words::Owner, false), "egress");
}

#[test]
fn what_nobody_answered_runs_only_when_the_allowlist_covers_it() {
    let verdict = |config: &str, fallback: &str, command: &str| {
        let list = r#"[{"pattern":"ls"},{"pattern":"wc","argPattern":"-l"}]"#;
        let file = format!(r#"{{"version":1,"defaults":{{"askFallback":"{fallback}","allowlist":{list}}}}}"#);
        let policy = compiled(config, "{}", Some(&file)).expect("compiles");
        let judge = Judge::new(&policy, &Lock::Released);
        assert_ne!(because(&judge.exec(exec_call(&policy, command))), "allow", "{command}");
        because(&judge.unattended(exec_call(&policy, command)))
    };
    for command in ["ls -l", "ls | wc -l"] {
        assert_eq!(verdict(ALWAYS, "deny", command), "approval");
        assert_eq!(verdict(ALWAYS, "nonsense", command), "approval");
        assert_eq!(verdict(ALWAYS, "allowlist", command), "allow");
        assert_eq!(verdict(ALWAYS, "full", command), "allow");
    }
    let on_miss = "{tools:{exec:{security:'allowlist',ask:'on-miss'}}}";
    for command in ["id", "ls; id", "ls > x", "wc -c", "ls $(id)", "LD_PRELOAD=x ls", "sh -c id"] {
        for fallback in ["allowlist", "full"] {
            assert_eq!(verdict(ALWAYS, fallback, command), "approval", "{command}");
            assert_eq!(verdict(on_miss, fallback, command), "approval", "{command}");
        }
    }
    assert_eq!(verdict("{tools:{exec:{security:'deny'}}}", "full", "ls"), "approval");
    assert_eq!(verdict("{tools:{deny:['exec']}}", "full", "ls"), "tool.layers");
}

#[test]
fn a_stranger_has_the_tools_of_a_stranger() {
    let policy = policy("{tools:{toolsBySender:{'*':{deny:['exec']},'channel:irc:ann':{}}}}");
    let judge = Judge::new(&policy, &Lock::Released);
    let as_sender = |sender: Sender| {
        let mut call = exec_call(&policy, "ls");
        call.context.sender = sender;
        because(&judge.exec(call))
    };
    let on_irc = |id: &str| Sender { channel: Some("irc".into()), id: Some(id.into()), ..Sender::default() };
    assert_eq!(as_sender(on_irc("ann")), "allow");
    assert_eq!(as_sender(on_irc("mallory")), "tool.layers");
    assert_eq!(as_sender(Sender { name: Some("ann".into()), ..on_irc("mallory") }), "tool.layers");
}

fn approval(shown: stockade_core::Digest, verdict: Verdict) -> Approval {
    let expires = NOW.after(Duration::from_secs(60));
    Approval { id: ApprovalId::fresh(), shown, verdict, by: Principal::Gateway, at: NOW, expires }
}

/// Asks, answers with `approval`, and judges again under `lock` with the call changed by `change`.
fn answered(
    approve: impl FnOnce(stockade_core::Digest) -> Approval,
    lock: &Lock,
    at: Timestamp,
    change: impl FnOnce(&mut ExecCall),
) -> Result<(), Because> {
    let policy = policy(ALWAYS);
    let call = exec_call(&policy, "ls");
    let Settled::Ask(pending) = Judge::new(&policy, &Lock::Released).exec(call.clone()).settle(NOW) else {
        panic!("ask: always asks")
    };
    let approval = approve(pending.digest());
    let mut fresh = call;
    change(&mut fresh);
    let fresh = Judge::new(&policy, lock).exec(fresh);
    pending.answer(&approval, fresh, at).map(|_| ()).map_err(|denial| denial.because)
}

#[test]
fn what_was_approved_is_what_runs_or_nothing_does() {
    let yes = |digest| approval(digest, Verdict::AllowOnce);
    let open = &Lock::Released;
    assert_eq!(answered(yes, open, NOW, |_| {}), Ok(()));
    assert_eq!(answered(|digest| approval(digest, Verdict::Deny), open, NOW, |_| {}), Err(Because::Operator));
    let late = NOW.after(Duration::from_secs(61));
    assert_eq!(answered(yes, open, late, |_| {}), Err(Because::Expired));
    let other = stockade_core::Digest::of(b"other");
    assert!(matches!(answered(|_| approval(other, Verdict::AllowOnce), open, NOW, |_| {}), Err(Because::Changed(_))));
    assert!(matches!(answered(yes, &Lock::Contained { since: NOW }, NOW, |_| {}), Err(Because::Policy(_))));
    let changes: [fn(&mut ExecCall); 9] = [
        |call| call.context.sender = Sender::default(),
        |call| call.command.push_str(" -l"),
        |call| call.cwd = "/workspace/sub".into(),
        |call| call.env.insert("LANG".into(), "de".into()).map(|_| ()).unwrap_or_default(),
        |call| call.programs[0].identity = Some([1, 2, 3, 5]),
        |call| call.view.network = true,
        |call| call.background = true,
        |call| call.timeout *= 2,
        |call| {
            let operand =
                crate::call::ScriptOperand { path: "/workspace/a".into(), sha256: stockade_core::Digest::of(b"") };
            call.operands.push(operand);
        },
    ];
    for change in changes {
        assert!(matches!(answered(yes, open, NOW, change), Err(Because::Changed(_))));
    }
}

#[test]
fn a_permit_does_not_keep() {
    let policy = policy("{}");
    let settle = || Judge::new(&policy, &Lock::Released).exec(exec_call(&policy, "ls")).settle(NOW);
    let (Settled::Permit(fresh), Settled::Permit(stale)) = (settle(), settle()) else { panic!("full, off: allowed") };
    assert!(fresh.redeem(NOW.after(PERMIT_LIFE)).is_ok());
    let late = NOW.after(PERMIT_LIFE + Duration::from_millis(1));
    assert_eq!(stale.redeem(late).map(|_| ()).map_err(|denial| denial.because), Err(Because::Expired));
}
