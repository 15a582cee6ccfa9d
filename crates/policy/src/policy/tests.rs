//! Compiling a config: layers only tighten, views hold what the keys say.

use std::path::Path;

use stockade_config::{Env, Paths, approvals_file, load};

use super::*;

/// Compiles a config with these keys, these own keys and these host approvals.
pub(crate) fn compiled(config: &str, own: &str, approvals: Option<&str>) -> Result<Policy, PolicyError> {
    let folder = tempfile::tempdir().expect("a folder");
    let paths = Paths { home: Some("/home/op".into()), ..Paths::in_state_dir(folder.path()) };
    let write = |path: &Path, text: &str| stockade_config::write_new(path, text).expect("written");
    write(&paths.config, config);
    write(&paths.own_config, own);
    if let Some(text) = approvals {
        write(&paths.state.join("exec-approvals.json"), text);
    }
    let approvals = approvals_file(&paths).expect("readable approvals");
    let mut loaded = load(&paths, &Env::default()).expect("a valid config");
    // The folder is gone when the test looks; a fixed one makes the views comparable.
    loaded.paths.state = "/state".into();
    loaded.paths.data = "/state/stockade".into();
    loaded.files = vec!["/state/openclaw.json".into()];
    Policy::compile(&loaded, approvals.as_ref())
}

fn policy(config: &str) -> Policy {
    compiled(config, "{}", None).expect("compiles")
}

fn main_of(policy: &Policy) -> &AgentPolicy {
    policy.default_agent().expect("an agent")
}

fn session(key: &str) -> SessionKey {
    SessionKey::parse(key).expect("a key")
}

#[test]
fn openclaws_permissive_defaults_are_kept_and_every_layer_tightens() {
    let bare = policy("{}");
    let exec = &main_of(&bare).exec;
    assert_eq!((exec.security, exec.ask), (ExecSecurity::Full, ExecAsk::Off));
    // An agent's own keys cannot loosen the global ones, nor can the host file.
    let loosened = compiled(
        "{tools:{exec:{security:'allowlist',ask:'always'}},agents:{entries:{main:{tools:{exec:{security:'full',ask:'off'}}}}}}",
        "{}",
        Some(r#"{"version":1,"defaults":{"security":"full","ask":"off"}}"#),
    );
    let loosened = loosened.expect("compiles");
    let exec = &main_of(&loosened).exec;
    assert_eq!((exec.security, exec.ask), (ExecSecurity::Allowlist, ExecAsk::Always));
    let host = compiled("{}", "{}", Some(r#"{"version":1,"agents":{"*":{"security":"deny"}}}"#)).expect("compiles");
    assert_eq!(main_of(&host).exec.security, ExecSecurity::Deny);
}

#[test]
fn allowlist_entries_for_certain_arguments_are_not_for_all() {
    let file = r#"{"version":1,"agents":{"main":{"allowlist":[
        {"pattern":"/usr/bin/ls"},{"pattern":"/usr/bin/cat","argPattern":"^x$"}]}}}"#;
    let policy = compiled("{}", "{}", Some(file)).expect("compiles");
    assert_eq!(main_of(&policy).exec.allowlist, ["/usr/bin/ls"]);
    assert_eq!(main_of(&policy).exec.argument_entries.len(), 1);
    assert_eq!(policy.remarks, Vec::<String>::new());
}

#[test]
fn what_has_no_effect_is_said_without_its_value() {
    let file = r#"{"version":1,"defaults":{"askFallback":"full"},"agents":{"main":{"allowlist":[
        {"pattern":"/usr/bin/cat"},{"pattern":"/usr/bin/ls","argPattern":"(?<secret>x)"}]}}}"#;
    let config = "{tools:{exec:{safeBins:['head','jq','wc'],safeBinProfiles:{JQ:{deniedFlags:['-f']},wc:{}},\
                  safeBinTrustedDirs:['/opt'],pathPrepend:['/opt']}}}";
    let policy = compiled(config, "{}", Some(file)).expect("compiles");
    assert_eq!(main_of(&policy).exec.safe_bins, ["head", "wc"]);
    for key in
        ["safeBinProfiles.jq", "safeBinTrustedDirs", "pathPrepend", "askFallback", "main.allowlist[1].argPattern"]
    {
        assert!(policy.remarks.iter().any(|remark| remark.contains(key)), "{key}: {:?}", policy.remarks);
    }
    assert_eq!(policy.remarks.len(), 5);
    assert!(!policy.remarks.concat().contains("secret"));
}

#[test]
fn of_two_fallbacks_the_stricter_holds() {
    let fallback = |file: &str| main_of(&compiled("{}", "{}", Some(file)).expect("compiles")).exec.ask_fallback;
    assert_eq!(fallback(r#"{"version":1}"#), ExecSecurity::Deny);
    assert_eq!(fallback(r#"{"version":1,"agents":{"other":{"askFallback":"full"}}}"#), ExecSecurity::Deny);
    let both = |all: &str, own: &str| {
        fallback(&format!(
            r#"{{"version":1,"defaults":{{"askFallback":"{all}"}},"agents":{{"main":{{"askFallback":"{own}"}}}}}}"#
        ))
    };
    assert_eq!(both("deny", "full"), ExecSecurity::Deny);
    assert_eq!(both("allowlist", "full"), ExecSecurity::Allowlist);
    assert_eq!(both("full", "nonsense"), ExecSecurity::Deny);
}

#[test]
fn a_changed_approvals_file_is_another_policy() {
    let one = compiled("{}", "{}", Some(r#"{"version":1,"defaults":{"ask":"off"}}"#)).expect("compiles");
    let two = compiled("{}", "{}", Some(r#"{"version":1,"defaults":{"ask":"always"}}"#)).expect("compiles");
    assert_ne!(one.generation, two.generation);
}

#[test]
fn views_hold_what_workspace_access_says() {
    let sandboxed = |access: &str| {
        policy(&format!(
            "{{agents:{{defaults:{{workspace:'/ws',sandbox:{{mode:'all',scope:'session',workspaceAccess:'{access}'}}}}}}}}"
        ))
    };
    let mounts = |policy: &Policy| -> Vec<(String, bool)> {
        let view = main_of(policy).view(&session("agent:main:main"));
        assert_eq!((view.backend, view.network), (Backend::Native, false));
        view.mounts.iter().map(|m| (m.target.display().to_string(), m.access == Access::Rw)).collect()
    };
    assert_eq!(mounts(&sandboxed("none")), [("/workspace".to_owned(), true)]);
    assert_eq!(mounts(&sandboxed("ro")), [("/workspace".to_owned(), true), ("/agent".to_owned(), false)]);
    assert_eq!(mounts(&sandboxed("rw")), [("/workspace".to_owned(), true)]);
    let none = sandboxed("none");
    let host = &main_of(&none).view(&session("agent:main:main")).mounts[0].host;
    assert!(host.starts_with("/state/stockade/sandboxes"), "the workspace itself is not there");
    assert_ne!(main_of(&none).scratch(&session("agent:main:a")), main_of(&none).scratch(&session("agent:main:b")));
}

#[test]
fn non_main_leaves_only_the_main_session_on_the_host() {
    let policy = policy("{agents:{defaults:{sandbox:{mode:'non-main'}}}}");
    let agent = main_of(&policy);
    assert_eq!(agent.view(&session("agent:main:main")).backend, Backend::Host);
    for key in ["agent:main:main2", "agent:main:MAIN", "agent:main:main:x", "agent:main:telegram:group:1"] {
        assert_eq!(agent.view(&session(key)).backend, Backend::Native, "{key}");
    }
}

#[test]
fn a_sandbox_does_not_show_the_gateways_state() {
    let refused = compiled("{agents:{defaults:{workspace:'/',sandbox:{mode:'all',workspaceAccess:'ro'}}}}", "{}", None);
    assert!(matches!(refused, Err(PolicyError::WorkspaceHoldsState { .. })));
}

#[test]
fn what_cannot_be_enforced_is_refused() {
    assert_eq!(compiled("{tools:{exec:{host:'node'}}}", "{}", None), Err(PolicyError::ExecHost));
    assert!(matches!(compiled("{}", "{egress:{allow:['*']}}", None), Err(PolicyError::Egress(_))));
}

#[test]
fn safe_bins_and_strict_inline_eval_only_tighten() {
    let exec = |agent: &str| {
        let tools = "{exec:{safeBins:['head','wc'],strictInlineEval:true}}";
        let agents = format!("{{entries:{{main:{{tools:{{exec:{agent}}}}}}}}}");
        main_of(&policy(&format!("{{tools:{tools},agents:{agents}}}"))).exec.clone()
    };
    assert_eq!(exec("{}").safe_bins, ["head", "wc"]);
    let tighter = exec("{safeBins:['wc','sort'],strictInlineEval:false}");
    assert_eq!((tighter.safe_bins, tighter.strict_inline_eval), (vec!["wc".to_owned()], true));
}
