use proptest::prelude::*;
use serde_json::{Map, Value, json};
use stockade_config::model::{ExecAsk, ExecSecurity, SandboxMode, SandboxScope, WorkspaceAccess};

use super::Model;
use crate::snapshot::{Approvals, Snapshot};
use crate::testing::{findings, snapshot};

fn allows(tools: Value, tool: &str) -> bool {
    Model::of(&snapshot(json!({"tools": tools}))).agents.list[0].may_use(tool)
}

#[test]
fn ids_are_folded_and_every_form_of_the_list_is_read() {
    let config = json!({"agents": {
        "entries": {"Main Agent!": {}, "  ": {}},
        "list": [{"id": "Öps"}, {"noid": 1}, "x", {"id": "__A__"}],
    }});
    let snapshot = snapshot(config);
    let model = Model::of(&snapshot);
    let ids: Vec<&str> = model.agents.list.iter().map(|agent| agent.id.as_str()).collect();
    assert_eq!(ids, ["main-agent", "main", "ps", "__a__"]);
    assert_eq!(model.agents.list[2].label(), "agents.list.0");
    assert!(model.agents.find(" MAIN agent ").is_some());
}

#[test]
fn the_default_agent_is_the_marked_one_the_first_or_main() {
    let default = |agents: Value| Model::of(&snapshot(json!({ "agents": agents }))).agents.default_id;
    assert_eq!(default(json!({})).as_deref(), Some("main"));
    assert_eq!(default(json!({"list": [{"id": "a"}, {"id": "b", "default": true}]})).as_deref(), Some("b"));
    assert_eq!(default(json!({"list": [{"id": "a"}, {"id": "b"}]})).as_deref(), Some("a"));
    assert_eq!(default(json!({"ownership": "explicit", "entries": {"a": {}}})), None);
}

#[test]
fn without_a_default_the_only_agent_answers_and_of_two_none() {
    for (entries, answering) in [(json!({"a": {}}), Some("a")), (json!({"a": {}, "b": {}}), None)] {
        let found = snapshot(json!({"agents": {"ownership": "explicit", "entries": entries}}));
        assert_eq!(Model::of(&found).agents.answering(), answering);
    }
}

#[test]
fn a_tool_cannot_be_hidden_behind_a_spelling() {
    for deny in ["exec", "EXEC", " Bash\t", "group:runtime", "Group:Runtime", "e*c", "*"] {
        assert!(!allows(json!({"deny": [deny]}), "exec"), "{deny}");
        assert!(!allows(json!({"deny": [deny]}), "bash"), "{deny}");
    }
    assert!(!allows(json!({"deny": ["cron"]}), "automations"));
    assert!(!allows(json!({"deny": ["apply-patch"]}), "apply_patch"));
    for deny in ["exe", "exec2", "group:runtimes", "group:web", "", "xexec*"] {
        assert!(allows(json!({"deny": [deny]}), "exec"), "{deny}");
    }
    assert!(allows(json!({"deny": "exec"}), "exec"), "a text is no list, and OpenClaw would not start with it");
}

#[test]
fn layers_only_tighten() {
    assert!(allows(json!({"allow": []}), "exec"), "an empty list is none");
    assert!(!allows(json!({"allow": ["read"]}), "exec"));
    assert!(allows(json!({"allow": ["write"]}), "apply_patch"), "writing is patching");
    assert!(!allows(json!({"allow": ["write"], "deny": ["apply_patch"]}), "apply_patch"));
    assert!(allows(json!({"allow": ["write", "edit"], "deny": ["write"]}), "apply_patch"), "as OpenClaw judges it");
    assert!(!allows(json!({"profile": "minimal"}), "exec"));
    assert!(allows(json!({"profile": "minimal", "alsoAllow": ["group:runtime"]}), "exec"));
    assert!(allows(json!({"profile": "no such profile"}), "exec"));
    let own = json!({"tools": {"profile": "minimal"},
        "agents": {"entries": {"a": {"tools": {"profile": "coding", "deny": ["bash"]}}}}});
    let snapshot = snapshot(own);
    let agent = &Model::of(&snapshot).agents.list[0];
    assert!(agent.may_use("web_fetch") && !agent.may_use("exec") && !agent.may_use("message"));
}

#[test]
fn a_tool_is_there_when_one_of_the_models_has_it() {
    let config = |model: Value| {
        json!({"agents": {"defaults": {"model": model}},
        "tools": {"byProvider": {" OpenAI ": {"deny": ["exec"]}, "openai/gpt-5": {"deny": ["read"]}}}})
    };
    let may = |model: Value, tool: &str| Model::of(&snapshot(config(model))).agents.list[0].may_use(tool);
    assert!(!may(json!("gpt-5.3"), "exec") && may(json!("gpt-5.3"), "read"));
    assert!(may(json!("GPT-5"), "exec") && !may(json!("gpt-5"), "read"), "the model is nearer than its provider");
    assert!(may(json!({"primary": "gpt-5.3", "fallbacks": ["anthropic/x"]}), "exec"));
}

#[test]
fn a_sandbox_takes_tools_unless_a_list_gives_them_back() {
    let may = |mode: &str, tools: Value, tool: &str| {
        Model::of(&snapshot(
            json!({"agents": {"defaults": {"sandbox": {"mode": mode}}}, "tools": {"sandbox": {"tools": tools}}}),
        ))
        .agents
        .list[0]
            .may_use(tool)
    };
    assert!(may("all", json!({}), "exec") && may("all", json!({}), "view_image"));
    assert!(!may("all", json!({}), "browser") && !may("all", json!({}), "web_fetch"));
    assert!(may("non-main", json!({}), "browser"));
    assert!(may("all", json!({"alsoAllow": ["BROWSER"]}), "browser"));
    assert!(
        may("all", json!({"allow": ["group:ui"]}), "browser") && !may("all", json!({"allow": ["group:ui"]}), "exec")
    );
    assert!(!may("all", json!({"alsoAllow": ["browser"], "deny": ["browser"]}), "browser"));
    assert!(may("all", json!({"allow": []}), "web_fetch") && !may("all", json!({"allow": []}), "browser"));
    assert!(may("all", json!({"allow": [], "deny": []}), "browser"));
}

#[test]
fn commands_are_read_as_written_and_as_they_run() {
    let exec = |config: Value| Model::of(&snapshot(config)).agents.list.remove(0).exec;
    let unset = exec(json!({}));
    assert_eq!(
        (unset.security.value, unset.ask.value, unset.configured),
        (ExecSecurity::Full, ExecAsk::Off, ExecSecurity::Deny)
    );
    let auto = exec(json!({"tools": {"exec": {"mode": "auto"}}}));
    assert_eq!((auto.security.value, auto.ask.value), (ExecSecurity::Allowlist, ExecAsk::OnMiss));
    let own = exec(json!({"tools": {"exec": {"mode": "deny"}},
            "agents": {"entries": {"a": {"tools": {"exec": {"security": "full"}}}}}}));
    assert_eq!(
        (own.security.value, own.security.key.to_string().as_str()),
        (ExecSecurity::Full, "agents.entries.a.tools.exec.security")
    );
}

#[test]
fn a_sandbox_is_the_agents_own_before_the_common_one() {
    let config = json!({"agents": {
        "defaults": {"sandbox": {"mode": "all", "scope": "session", "workspaceAccess": "ro"}},
        "entries": {"a": {"sandbox": {"scope": "shared"}}, "b": {"sandbox": {"mode": 7, "workspaceAccess": "x"}}, "c": "no"},
    }});
    let snapshot = snapshot(config);
    let agents = Model::of(&snapshot).agents;
    let sandbox = |at: usize| &agents.list[at].sandbox;
    assert!(sandbox(0).holds_main() && !sandbox(0).heeds_own());
    assert_eq!((sandbox(1).mode.value, sandbox(1).access.value), (SandboxMode::Off, WorkspaceAccess::Rw));
    assert_eq!(sandbox(1).mode.key.to_string(), "agents.entries.b.sandbox.mode");
    assert_eq!((sandbox(2).scope.value, sandbox(2).access.value), (SandboxScope::Session, WorkspaceAccess::Ro));
    let february = json!({"agents": {"defaults": {"sandbox": {"perSession": true}}}});
    assert_eq!(
        Model::of(&crate::testing::snapshot(february)).agents.list[0].sandbox.scope.value,
        SandboxScope::Session
    );
}

/// Anything that could stand at a key, with words that mean something more often than chance has it.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "*", "all", "off", "open", "full", "deny", "always", "exec", "group:runtime", "/:/x", "/etc:/e", "a:b", "~",
        "/", "ollama/x:8b", "gpt-4-0613", "main", "", "é7b", "container:x", "no", "10.0.0.0/8",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::String),
        word.prop_map(Value::from),
    ];
    let name = prop::sample::select(KEYS.to_vec());
    leaf.prop_recursive(6, 96, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((name.clone(), inner), 0..7).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>()
            )),
        ]
    })
}

const KEYS: &[&str] = &[
    "agents", "defaults", "entries", "list", "id", "default", "model", "primary", "fallbacks", "models", "alias",
    "tools", "allow", "alsoAllow", "deny", "profile", "byProvider", "openai", "exec", "mode", "security", "ask",
    "host", "safeBins", "safeBinTrustedDirs", "safeBinProfiles", "sandbox", "scope", "docker", "binds", "browser",
    "ssh", "network", "env", "capDrop", "user", "elevated", "allowFrom", "channels", "telegram", "dmPolicy", "groups",
    "accounts", "skills", "workspace", "fs", "mcp", "servers", "hooks", "gmail", "bindings", "agentId", "$secret",
    "a.b", "",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_that_stands_in_a_config_makes_the_audit_panic(
        agents in any_json(), tools in any_json(), channels in any_json(), rest in any_json(), document in any_json(),
    ) {
        let mut snapshot: Snapshot = snapshot(json!({"agents": agents, "tools": tools, "channels": channels,
            "mcp": rest, "hooks": rest}));
        snapshot.approvals = Some(Approvals { document, ..Approvals::default() });
        for finding in findings(&snapshot, "") {
            prop_assert!(!finding.check_id.is_empty() && !finding.title.is_empty());
        }
    }
}
