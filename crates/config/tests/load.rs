//! Whole configs through the one way in, as an operator meets it: what is accepted means what
//! OpenClaw means, and what is refused says why without repeating a secret.
#![allow(clippy::tests_outside_test_module, reason = "an integration test is a test module")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use proptest::prelude::*;
use stockade_config::model::{
    AuthMode, Bind, ExecAsk, ExecSecurity, Exposure, MdnsMode, SandboxMode, SandboxScope, WorkspaceAccess,
};
use stockade_config::{ConfigError, Env, Loaded, NoteKind, Paths, load, startup_refusals, weak_points, write_new};
use stockade_core::AgentId;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_brings_the_loader_down(
        name in "openclaw\\.(json|yaml)",
        text in "(\\{|\\[|\\}|\\]|:|,| |\n|'|\"|\\$\\{[A-Z]\\}|\\$include|gateway|tools|agents|list|entries|exec|-|&a|\\*a|[0-9.]|\\PC){0,80}",
    ) {
        let folder = tempfile::tempdir().expect("temp dir");
        write_new(&folder.path().join(name), &text).expect("written");
        if let Err(error) = load(&Paths::in_state_dir(folder.path()), &Env::default()) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

const TOKEN: &str = "9c1f0b7a5e38d24611fa0c93b7e2d85f40a6c97be1138d52";

struct State(tempfile::TempDir);

impl State {
    fn new(config: &str) -> Self {
        let state = Self(tempfile::tempdir().expect("temp dir"));
        state.file("openclaw.json", config);
        state
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        write_new(&path, text).expect("written");
        path
    }

    fn load(&self, env: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
        load(&Paths::in_state_dir(self.0.path()), &env.iter().copied().collect::<Env>())
    }

    fn error(&self, env: &[(&str, &str)]) -> String {
        let error = self.load(env).expect_err("is refused").to_string();
        error.replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn loaded(config: &str) -> Loaded {
    State::new(config).load(&[]).expect("loads")
}

fn error(config: &str) -> String {
    State::new(config).error(&[])
}

fn agent(id: &str) -> AgentId {
    AgentId::parse(id).expect("valid")
}

#[test]
fn an_empty_config_means_what_it_means_to_openclaw() {
    let loaded = loaded("{}");
    let config = &loaded.config;
    assert_eq!((config.gateway.port(), config.gateway.bind), (18_789, Bind::Loopback));
    assert_eq!(config.gateway.auth.effective_mode(), AuthMode::Token);
    assert_eq!(config.discovery.mdns.mode, MdnsMode::Minimal);
    let sandbox = config.agents.sandbox(&agent("main"));
    assert_eq!((sandbox.mode, sandbox.scope), (SandboxMode::Off, SandboxScope::Agent));
    assert_eq!(sandbox.workspace_access, WorkspaceAccess::None);
    assert_eq!((config.tools.exec.security(), config.tools.exec.ask()), (ExecSecurity::Full, ExecAsk::Off));
    assert_eq!(loaded.own.approvals.timeout_seconds, 120);
}

#[test]
fn both_generations_of_agents_mean_the_same() {
    let now = loaded(
        "{agents: {defaults: {sandbox: {mode: 'all', scope: 'session'}}, entries: {ops: {default: true, sandbox: {mode: 'off'}, tools: {deny: ['exec']}}}}}",
    );
    let then = loaded(
        "{agents: {defaults: {sandbox: {mode: 'all', scope: 'session'}}, list: [{id: 'ops', default: true, sandbox: {mode: 'off'}, tools: {deny: ['exec']}}]}}",
    );
    for loaded in [&now, &then] {
        let agents = &loaded.config.agents;
        assert_eq!(agents.default_id(), Some(&agent("ops")));
        let sandbox = agents.sandbox(&agent("ops"));
        assert_eq!((sandbox.mode, sandbox.scope), (SandboxMode::Off, SandboxScope::Session));
        assert_eq!(agents.find(&agent("ops")).expect("is there").keys.tools.deny, ["exec"]);
    }
    assert_eq!(now.notes, []);
    assert_eq!(then.notes.iter().map(|note| note.kind).collect::<Vec<_>>(), [NoteKind::RetiredKey]);
    assert!(error("{agents: {entries: {ops: {}}, list: [{id: 'OPS'}]}}").contains("\"ops\" is there twice"));
}

#[test]
fn exec_mode_stands_for_its_pair() {
    let config =
        loaded("{tools: {exec: {mode: 'ask'}}, agents: {entries: {a: {tools: {exec: {security: 'deny'}}}}}}").config;
    assert_eq!((config.tools.exec.security(), config.tools.exec.ask()), (ExecSecurity::Allowlist, ExecAsk::OnMiss));
    let own = &config.agents.find(&agent("a")).expect("is there").keys.tools.exec;
    assert_eq!((own.own_security(), own.own_ask()), (Some(ExecSecurity::Deny), None));
}

#[test]
fn an_unknown_word_never_falls_back() {
    for (text, expected) in [
        (
            "{\n gateway: {\n  bind: 'localhost'}}",
            "openclaw.json:3: gateway.bind: expected one of `auto`, `lan`, `loopback`, `custom`, `tailnet`",
        ),
        (
            "{tools: {exec: {ask: 'allways'}}}",
            "openclaw.json:1: tools.exec.ask: expected one of `off`, `on-miss`, `always`",
        ),
        (
            "{tools: {exec: {security: 'Deny'}}}",
            "openclaw.json:1: tools.exec.security: expected one of `deny`, `allowlist`, `full`",
        ),
        (
            "{agents: {list: [{id: 'a', sandbox: {mode: 'on'}}]}}",
            "openclaw.json:1: agents.list.0.sandbox.mode: expected one of `off`, `non-main`, `all`",
        ),
        ("{gateway: {port: 0}}", "openclaw.json:1: gateway.port: expected a port from 1 to 65535"),
        ("{gateway: {port: 70000}}", "openclaw.json:1: gateway.port: expected a port from 1 to 65535"),
        ("{tools: {deny: 'exec'}}", "openclaw.json:1: tools.deny: expected a list"),
        ("{tools: {fs: {workspaceOnly: 'yes'}}}", "openclaw.json:1: tools.fs.workspaceOnly: expected a boolean"),
        ("{agents: {entries: {'../x': {}}}}", "openclaw.json:1: agents.entries"),
    ] {
        let found = error(text);
        assert!(found.starts_with(expected), "{text}: {found}");
    }
}

#[test]
fn what_contradicts_itself_is_refused_as_openclaw_refuses_it() {
    for (text, expected) in [
        (
            "{tools: {exec: {mode: 'full',\n security: 'deny'}}}",
            "openclaw.json:1: tools.exec.mode: expected either mode",
        ),
        (
            "{agents: {entries: {a: {tools: {exec: {mode: 'full', ask: 'always'}}}}}}",
            "openclaw.json:1: agents.entries.a.tools.exec.mode: ",
        ),
        (
            "{tools: {allow: ['a'], alsoAllow: ['b']}}",
            "openclaw.json:1: tools.alsoAllow: expected either allow or alsoAllow",
        ),
        (
            "{tools: {byProvider: {x: {allow: [], alsoAllow: []}}}}",
            "openclaw.json:1: tools.byProvider.x.alsoAllow: expected either",
        ),
        (
            "{tools: {toolsBySender: {'id:7': {allow: [], alsoAllow: []}}}}",
            "openclaw.json:1: tools.toolsBySender.id:7.alsoAllow: expected either",
        ),
        (
            "{agents: {entries: {a: {tools: {toolsBySender: {'id:': {deny: ['exec']}}}}}}}",
            "openclaw.json:1: agents.entries.a.tools.toolsBySender.id:: expected channel:",
        ),
        ("{gateway: {customBindHost: 'localhost'}}", "openclaw.json:1: gateway.customBindHost: expected an IP address"),
    ] {
        let found = error(text);
        assert!(found.starts_with(expected), "{text}: {found}");
    }
}

#[test]
fn a_retired_key_that_has_a_meaning_keeps_it() {
    let config =
        loaded("{agents: {defaults: {sandbox: {mode: 'all', perSession: true}}}, tools: {exec: {timeoutSec: 5}}}")
            .config;
    assert_eq!(config.agents.sandbox(&agent("main")).scope, SandboxScope::Session);
    assert_eq!(config.tools.exec.timeout_seconds, Some(5));
    let shared = loaded("{agents: {defaults: {sandbox: {perSession: false}}}}").config;
    assert_eq!(shared.agents.sandbox(&agent("main")).scope, SandboxScope::Shared);
}

#[test]
fn errors_and_debug_never_hold_a_secret() {
    let secret = "sk-live-31415926535897932384";
    let env = [("THE_KEY", secret)];
    for config in [
        "{gateway: {bind: '${THE_KEY}'}}",
        "{gateway: {port: '${THE_KEY}'}}",
        "{gateway: {customBindHost: '${THE_KEY}'}}",
        "{agents: {list: [{id: '${THE_KEY}/'}]}}",
        "{agents: {list: [{id: 'a', model: {primary: ['${THE_KEY}']}}]}}",
        "{gateway: {trustedProxies: '${THE_KEY}'}}",
        "{models: {providers: {x: {apiKey: ['${THE_KEY}']}}}}",
        "{models: {providers: {x: {api: 'x, expected ${THE_KEY}'}}}}",
    ] {
        let error = State::new(config).error(&env);
        assert!(!error.contains("31415926"), "{config}: {error}");
    }
    let state = State::new("{gateway: {auth: {token: 31415926}}}");
    assert!(!state.error(&[]).contains("31415926"));
    let state = State::new(
        "{gateway: {auth: {token: '${THE_KEY}'}}, models: {providers: {x: {apiKey: '$THE_KEY', headers: {A: '${THE_KEY}'}}}}}",
    );
    let loaded = state.load(&env).expect("loads");
    assert!(!format!("{loaded:?}").contains("31415926"));
    assert!(loaded.config.models.providers["x"].api_key.as_ref().is_some_and(|key| key.matches(secret)));
    assert_eq!(loaded.secrets.iter().filter(|known| known.matches(secret)).count(), 4);
}

#[test]
fn the_environment_fills_in_the_order_of_openclaw() {
    let state = State::new(
        "{env: {vars: {A: 'config', B: 'config', C: 'config'}}, agents: {defaults: {workspace: '${A} ${B} ${C}'}}}",
    );
    state.file(".env", "A=file\nB=file\nOPENCLAW_GATEWAY_TOKEN=from-the-file-0123456789abcdef\n");
    let loaded = state.load(&[("A", "process"), ("OPENCLAW_GATEWAY_PORT", "2000")]).expect("loads");
    assert_eq!(loaded.config.agents.defaults.workspace.as_deref(), Some("process file config"));
    assert_eq!(loaded.config.gateway.port(), 2000);
    assert!(
        loaded.config.gateway.auth.shared_secret().is_some_and(|token| token.matches("from-the-file-0123456789abcdef"))
    );
    assert!(state.error(&[("OPENCLAW_GATEWAY_PORT", "0x50")]).contains("OPENCLAW_GATEWAY_PORT: expected a port"));
    let error = State::new("{gateway: {auth: {token: '${NO_SUCH}'}}}").error(&[("NO_SUCH", "")]);
    assert!(
        error.starts_with("openclaw.json:1: gateway.auth.token: the environment variable NO_SUCH is not set or empty")
    );
}

#[test]
fn references_resolve_from_environment_and_private_files() {
    let state = State::new(
        "{secrets: {providers: {files: {source: 'file', path: 'secrets.json'}, one: {source: 'file', path: 'token', mode: 'singleValue'}}},
          gateway: {auth: {mode: 'token', token: {source: 'file', provider: 'one', id: 'value'}, password: {source: 'env', provider: 'default', id: 'PW'}}},
          models: {providers: {p: {apiKey: {source: 'file', provider: 'files', id: '/a~1b/key'}}}}}",
    );
    state.file("secrets.json", r#"{"a/b": {"key": "from-json"}}"#);
    let token = state.file("token", &format!("{TOKEN}\n"));
    let loaded = state.load(&[("PW", "from-env")]).expect("loads");
    let auth = &loaded.config.gateway.auth;
    assert!(auth.token.as_ref().is_some_and(|secret| secret.matches(TOKEN)));
    assert!(auth.password.as_ref().is_some_and(|secret| secret.matches("from-env")));
    assert!(loaded.config.models.providers["p"].api_key.as_ref().is_some_and(|secret| secret.matches("from-json")));
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644)).expect("ours");
    let error = state.error(&[("PW", "from-env")]);
    assert!(error.contains("token: others may open it (mode 0644); run `chmod 600"), "{error}");
}

#[test]
fn what_a_variable_holds_is_a_value_and_not_a_reference() {
    let state = State::new("{gateway: {auth: {token: '${TOKEN}'}}, models: {providers: {p: {apiKey: '$$${A}'}}}}");
    let env = [("TOKEN", "$HOME_SECRET"), ("HOME_SECRET", "another"), ("A", "one")];
    let config = state.load(&env).expect("loads").config;
    assert!(config.gateway.auth.token.as_ref().is_some_and(|token| token.matches("$HOME_SECRET")));
    assert!(config.models.providers["p"].api_key.as_ref().is_some_and(|key| key.matches("$${A}")));
    let state = State::new(
        "{gateway: {auth: {token: {source: 'file', provider: 'f', id: 'value'}}}, secrets: {providers: {f: {source: 'file', path: 's', mode: 'singleValue'}}}}",
    );
    let file = state.file("s", "${A}$A");
    let loaded = state.load(&env).expect("loads");
    assert!(loaded.config.gateway.auth.token.as_ref().is_some_and(|token| token.matches("${A}$A")));
    assert!(loaded.files.contains(&file), "a rotated secret file must be noticed");
}

#[test]
fn references_that_do_not_resolve_say_why() {
    let with = |reference: &str, providers: &str| {
        error(&format!("{{gateway: {{auth: {{token: {reference}}}}}, secrets: {{providers: {{{providers}}}}}}}"))
    };
    for (reference, providers, expected) in [
        ("{source: 'exec', provider: 'v', id: 'x'}", "", "not run"),
        ("{source: 'store', provider: 'default', id: 'X'}", "", "not read"),
        (
            "{source: 'env', provider: 'default', id: 'NO_SUCH'}",
            "",
            "the environment variable NO_SUCH is not set or empty",
        ),
        (
            "{source: 'env', provider: 'other', id: 'PATH'}",
            "",
            "secrets.providers.other with source \"env\" is not configured",
        ),
        (
            "{source: 'env', provider: 'default', id: 'PATH'}",
            "default: {source: 'env', allowlist: []}",
            "PATH is not in the provider's allowlist",
        ),
        ("{source: 'env', provider: 'default', id: 'a b'}", "", "expected an id"),
        ("{source: 'file', provider: 'f', id: '/x'}", "", "secrets.providers.f with source \"file\" is not configured"),
        ("{source: 'file', provider: 'f', id: '/x'}", "f: {source: 'exec', command: '/bin/sh'}", "is not configured"),
        ("{source: 'file', provider: '../f', id: '/x'}", "", "expected a provider name"),
        (
            "{source: 'file', provider: 'f', id: 'x'}",
            "f: {source: 'file', path: 'openclaw.json'}",
            "expected a JSON pointer",
        ),
        (
            "{source: 'file', provider: 'f', id: 'x'}",
            "f: {source: 'file', path: '/etc/hostname', mode: 'singleValue'}",
            "/etc/hostname: ",
        ),
        ("{source: 'vault', provider: 'f', id: 'x'}", "", "expected a string or {source"),
        ("'$NO_SUCH'", "", "the environment variable NO_SUCH is not set or empty"),
    ] {
        let found = with(reference, providers);
        assert!(found.contains(expected), "{reference}: {found}");
        assert!(
            found.starts_with("openclaw.json:1: gateway.auth.token: ") || found.contains("/etc/hostname"),
            "{found}"
        );
    }
}

#[test]
fn the_own_config_knows_its_keys() {
    let state = State::new("{}");
    state.file("stockade.yaml", "egress: {allow: ['http://127.0.0.1:9000']}\nsandbox: {acceptDegraded: [landlock]}\n");
    let loaded = state.load(&[]).expect("loads");
    assert_eq!(loaded.own.egress.allow, ["http://127.0.0.1:9000"]);
    assert!(weak_points(&loaded).iter().any(|weak| weak.what.contains("landlock")));
    for (text, expected) in [
        ("{egress: {alow: []}}", "stockade.json:1: unknown key `egress.alow`; did you mean `egress.allow`?"),
        ("{tools: {}}", "stockade.json:1: unknown key `tools`"),
        (
            "{sandbox: {acceptDegraded: ['everything']}}",
            "stockade.json:1: sandbox.acceptDegraded.0: expected one of `user-namespace`",
        ),
    ] {
        let state = State::new("{}");
        state.file("stockade.json", text);
        assert!(state.error(&[]).starts_with(expected), "{}", state.error(&[]));
    }
}

#[test]
fn startup_is_refused_for_open_doors_and_for_nothing_else() {
    let keys =
        |config: &str| startup_refusals(&loaded(config)).into_iter().map(|refusal| refusal.key).collect::<Vec<_>>();
    let good = format!("token: '{TOKEN}'");
    for (gateway, expected) in [
        (format!("bind: 'lan', auth: {{{good}}}"), vec![]),
        ("bind: 'loopback', auth: {mode: 'none'}".into(), vec![]),
        ("bind: 'custom', customBindHost: '127.0.0.1', auth: {mode: 'none'}".into(), vec![]),
        ("bind: 'lan', auth: {mode: 'none'}".into(), vec!["gateway.auth.mode"]),
        ("bind: 'auto', auth: {mode: 'none'}".into(), vec!["gateway.auth.mode"]),
        ("bind: 'custom', customBindHost: '0.0.0.0', auth: {mode: 'none'}".into(), vec!["gateway.auth.mode"]),
        ("bind: 'custom', customBindHost: '::', auth: {mode: 'none'}".into(), vec!["gateway.auth.mode"]),
        ("tailscale: {mode: 'funnel'}, auth: {mode: 'none'}".into(), vec!["gateway.auth.mode"]),
        ("bind: 'lan'".into(), vec!["gateway.auth.token"]),
        ("auth: {token: ''}".into(), vec!["gateway.auth.token"]),
        ("auth: {token: 'undefined'}".into(), vec!["gateway.auth.token"]),
        ("auth: {token: '0123456789abcdef0123456'}".into(), vec!["gateway.auth.token"]),
        ("auth: {mode: 'password', password: 'changeme'}".into(), vec!["gateway.auth.password"]),
        ("auth: {mode: 'password', password: 'tGk39-vQmz2Lp'}".into(), vec![]),
        (format!("auth: {{{good}, password: 'tGk39-vQmz2Lp'}}"), vec!["gateway.auth.mode"]),
        ("auth: {mode: 'trusted-proxy', trustedProxy: {userHeader: 'x'}}".into(), vec!["gateway.trustedProxies"]),
        (
            "trustedProxies: ['0.0.0.0/0'], auth: {mode: 'trusted-proxy', trustedProxy: {userHeader: 'x'}}".into(),
            vec!["gateway.trustedProxies"],
        ),
        (format!("mode: 'remote', auth: {{{good}}}"), vec!["gateway.mode"]),
    ] {
        assert_eq!(keys(&format!("{{gateway: {{{gateway}}}}}")), expected, "{gateway}");
    }
}

#[test]
fn what_is_weak_is_said_key_by_key() {
    let weak = weak_points(&loaded(&format!("{{gateway: {{auth: {{token: '{TOKEN}'}}}}}}")));
    let keys: Vec<_> = weak.iter().map(|weak| weak.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "discovery.mdns.mode",
            "agents.defaults.sandbox.mode",
            "agents.defaults.sandbox.scope",
            "tools.exec.security",
            "tools.fs.workspaceOnly"
        ]
    );
    let keys = |config: &str| weak_points(&loaded(config)).into_iter().map(|weak| weak.key).collect::<Vec<_>>();
    let funnel = keys("{gateway: {tailscale: {mode: 'funnel'}}}");
    assert!(funnel.contains(&"gateway.tailscale.mode".to_owned()) && !funnel.contains(&"gateway.bind".to_owned()));
    assert!(keys("{tools: {exec: {security: 'allowlist', ask: 'off'}}}").contains(&"tools.exec.ask".to_owned()));
    assert!(!keys("{tools: {exec: {security: 'deny'}}}").iter().any(|key| key.starts_with("tools.exec")));
    let config = "{gateway: {bind: 'lan', controlUi: {allowedOrigins: ['*']}}, channels: {defaults: {groupPolicy: 'open'}},
        agents: {entries: {ops: {sandbox: {mode: 'off', workspaceAccess: 'rw'}, tools: {exec: {mode: 'full'}, fs: {workspaceOnly: false}}}}},
        tools: {elevated: {allowFrom: {telegram: [1]}}}}";
    let weak = weak_points(&loaded(config));
    for key in [
        "gateway.bind",
        "gateway.controlUi.allowedOrigins",
        "channels.defaults.groupPolicy",
        "agents.entries.ops.sandbox.mode",
        "agents.entries.ops.sandbox.workspaceAccess",
        "agents.entries.ops.tools.exec.mode",
        "agents.entries.ops.tools.fs.workspaceOnly",
        "tools.elevated.enabled",
    ] {
        assert!(weak.iter().any(|weak| weak.key == key), "{key}: {weak:?}");
    }
}

#[test]
fn the_fingerprint_follows_the_meaning() {
    let print = |config: &str, env: &[(&str, &str)]| State::new(config).load(env).expect("loads").fingerprint;
    let base = print("{gateway: {port: 1, bind: 'lan'}, tools: {deny: ['a']}}", &[]);
    assert_eq!(
        base,
        print("// same\n{tools: {deny: ['a']}, gateway: {bind: 'lan', port: 1}}", &[]),
        "order and comments"
    );
    assert_ne!(base, print("{gateway: {port: 1, bind: 'lan'}, tools: {deny: ['b']}}", &[]));
    let token = "{gateway: {auth: {token: '${T}'}}}";
    assert_ne!(print(token, &[("T", "one")]), print(token, &[("T", "two")]), "a rotated secret is another generation");
    assert_ne!(print("{}", &[("OPENCLAW_GATEWAY_TOKEN", "one")]), print("{}", &[("OPENCLAW_GATEWAY_TOKEN", "two")]));
    let state = State::new("{}");
    let before = state.load(&[]).expect("loads").fingerprint;
    state.file("stockade.json", "{turn: {maxToolCalls: 1}}");
    assert_ne!(before, state.load(&[]).expect("loads").fingerprint);
}

#[test]
fn a_missing_config_is_named_and_yaml_is_found() {
    let folder = tempfile::tempdir().expect("temp dir");
    let missing = load(&Paths::in_state_dir(folder.path()), &Env::default()).expect_err("is missing");
    assert!(matches!(&missing, ConfigError::Missing { .. }), "{missing}");
    write_new(&folder.path().join("openclaw.yml"), "gateway:\n  bind: lan\ndiscovery: {mdns: {mode: off}}\n")
        .expect("written");
    let loaded = load(&Paths::in_state_dir(folder.path()), &Env::default()).expect("loads");
    assert_eq!(loaded.config.gateway.exposure(), Exposure::Network);
    assert_eq!(loaded.config.discovery.mdns.mode, MdnsMode::Off);
}

#[test]
fn a_config_that_others_may_write_is_noted() {
    let state = State::new("{}");
    let path = state.0.path().join("openclaw.json");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o664)).expect("ours");
    let notes = state.load(&[]).expect("loads").notes;
    assert_eq!(notes.len(), 1);
    assert!(
        notes[0].kind == NoteKind::FileMode && notes[0].what.contains("others may write it (mode 0664)"),
        "{notes:?}"
    );
}
