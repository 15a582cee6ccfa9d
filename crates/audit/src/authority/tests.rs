use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Authority, text};
use crate::model::Model;
use crate::testing::snapshot;

fn of(config: Value) -> (Vec<String>, Option<Vec<String>>) {
    let snapshot = snapshot(config);
    let authority = Authority::of(&Model::of(&snapshot));
    let ends = authority.witnesses.iter().map(|witness| witness.nodes.join(" > ")).collect();
    let cut = authority.cut.map(|cut| cut.edits.iter().map(|edit| authority.edits[*edit].to_string()).collect());
    (ends, cut)
}

/// What is left when the edits of the cut are made in the config itself, and everything is derived anew.
fn left_after_the_cut(config: &Value) -> Vec<String> {
    let snapshot = snapshot(config.clone());
    let authority = Authority::of(&Model::of(&snapshot));
    let Some(cut) = authority.cut else { return Vec::new() };
    let mut edited = config.clone();
    for edit in cut.edits {
        authority.edits[edit].apply(&mut edited, &json!("k3jd92lsm0qpz7xv1bak3jd92lsm0"));
    }
    of(edited).0
}

#[test]
fn a_stranger_in_an_open_group_reaches_the_host_and_closing_what_it_uses_is_the_cut() {
    let config = json!({
        "channels": {"telegram": {"enabled": true, "botToken": "1:a", "groupPolicy": "open"}},
        "tools": {"deny": ["group:web", "browser", "group:fs", "gateway", "plugins", "cron", "nodes", "computer", "openclaw", "mobile_ui"]},
    });
    let (ends, cut) = of(config.clone());
    assert_eq!(
        ends,
        ["anybody who finds the bot > Telegram: groups > agent main > exec of main > commands on the host, unasked"]
    );
    assert_eq!(cut.expect("can be cut"), ["set channels.telegram.groupPolicy to \"allowlist\""]);
    assert!(left_after_the_cut(&config).is_empty());
}

#[test]
fn the_seed_guide_leaves_no_way() {
    let config = json!({
        "agents": {"defaults": {"sandbox": {"mode": "all", "scope": "session", "workspaceAccess": "ro"}}},
        "tools": {"deny": ["group:runtime", "gateway", "cron"], "exec": {"security": "allowlist", "ask": "always"}},
        "channels": {"telegram": {"botToken": "1:a", "dmPolicy": "pairing", "groupPolicy": "allowlist"}},
        "gateway": {"auth": {"token": "k3jd92lsm0qpz7xv1bak3jd92lsm0"}},
    });
    let (ends, _) = of(config);
    assert!(ends.is_empty(), "{ends:#?}");
}

#[test]
fn a_socket_in_the_sandbox_is_the_host() {
    let config = json!({
        "agents": {"defaults": {"sandbox": {"mode": "all", "docker": {"binds": ["/var/run/docker.sock:/s"]}}}},
        "tools": {"allow": ["exec", "web_fetch"], "sandbox": {"tools": {"allow": ["exec", "web_fetch"]}}},
    });
    let (ends, cut) = of(config.clone());
    assert_eq!(ends.len(), 1, "{ends:#?}");
    assert!(
        ends[0].starts_with("whoever wrote what is read > web pages > agent main > exec in the sandbox"),
        "{ends:?}"
    );
    let cut = cut.expect("can be cut");
    assert_eq!(cut, ["take \"/var/run/docker.sock:/s\" out of agents.defaults.sandbox.docker.binds"]);
    assert!(left_after_the_cut(&config).is_empty());
}

/// Two agents: what is said to one of them, and what that can reach.
fn two(bindings: Value, tools: Value, more: Value) -> Value {
    let weak = json!({"sandbox": {"mode": "off"}, "tools": {"allow": ["session_status", "sessions_send"]}});
    let mut config = json!({
        "agents": {"entries": {"main": {"default": true, "tools": {"allow": ["exec"]}}, "desk": weak}},
        "bindings": bindings, "tools": tools,
        "channels": {"telegram": {"botToken": "1:a", "groupPolicy": "open"}},
    });
    config.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
    config
}

#[test]
fn a_binding_keeps_strangers_from_the_agent_that_acts_and_a_message_between_agents_brings_them_there() {
    let bound = json!([{"agentId": "desk", "match": {"channel": "telegram"}}]);
    let apart = json!({"sessions": {"visibility": "agent"}});
    let way = |config: &Value| of(config.clone()).0;
    assert!(way(&two(bound.clone(), apart.clone(), json!({}))).is_empty(), "all of it goes to the desk");
    assert!(way(&two(bound.clone(), json!({"agentToAgent": {"allow": ["desk"]}}), json!({}))).is_empty());
    let through = two(bound, json!({}), json!({}));
    assert_eq!(
        way(&through),
        [
            "anybody who finds the bot > Telegram: groups > agent desk > agent main > exec of main > commands on the host, unasked"
        ]
    );
    assert!(left_after_the_cut(&through).is_empty());
    let some = json!([{"agentId": "desk", "match": {"channel": "telegram", "peer": {"kind": "group", "id": "7"}}}]);
    assert_eq!(way(&two(some, apart, json!({}))).len(), 1, "the other groups are main's");
}

#[test]
fn a_star_beside_an_open_policy_and_the_policy_of_one_group_are_ways_of_their_own() {
    for telegram in [
        json!({"botToken": "1:a", "dmPolicy": "open", "allowFrom": [" * "]}),
        json!({"botToken": "1:a", "dmPolicy": "pairing", "allowFrom": ["*"]}),
        json!({"botToken": "1:a", "groupPolicy": "open", "groupAllowFrom": ["*"]}),
        json!({"botToken": "1:a", "groups": {"-1": {"groupPolicy": "open"}, "-2": {"topics": {"3": {"groupPolicy": "open"}}}}}),
    ] {
        let config = json!({"channels": {"telegram": telegram}, "tools": {"allow": ["exec"]}});
        assert_eq!(of(config.clone()).0.len(), 1, "{config}");
        assert!(left_after_the_cut(&config).is_empty(), "{config}");
    }
}

#[test]
fn a_hook_wakes_the_agent_that_its_mapping_names_if_that_is_allowed() {
    let hooks = |allowed: Value, agent: &str| {
        let mapping = json!({"match": {"path": "gh"}, "agentId": agent});
        let hooks = json!({"enabled": true, "token": "k3jd92lsm0qpz7xv1bak3jd92lsm0", "allowedAgentIds": allowed, "mappings": [mapping]});
        two(json!([]), json!({"sessions": {"visibility": "agent"}}), json!({"hooks": hooks, "channels": {}}))
    };
    assert!(of(hooks(json!(["desk"]), "desk")).0.is_empty());
    let config = hooks(json!(["main"]), "main");
    assert_eq!(
        of(config.clone()).0,
        [
            "whoever wrote what is read > what webhooks bring > agent main > exec of main > commands on the host, unasked"
        ]
    );
    assert!(left_after_the_cut(&config).is_empty());
}

#[test]
fn the_answers_of_an_mcp_server_are_a_way_until_it_is_off() {
    let tools = json!({"profile": "full", "deny": ["group:web", "browser"]});
    let config = json!({"tools": tools, "mcp": {"servers": {"docs": {"url": "https://x.example/mcp"}}}});
    let (ends, cut) = of(config.clone());
    assert!(ends.iter().any(|way| way.contains("MCP server docs > agent main > exec")), "{ends:#?}");
    assert_eq!(cut.expect("can be cut"), ["set mcp.servers.docs.enabled to false"]);
    assert!(left_after_the_cut(&config).is_empty());
}

#[test]
fn a_search_without_a_key_is_no_way() {
    assert!(of(json!({"tools": {"allow": ["exec", "x_search", "web_search"]}})).0.is_empty());
    assert_eq!(
        of(json!({"tools": {"allow": ["exec", "web_search"], "web": {"search": {"enabled": true}}}})).0.len(),
        1
    );
}

#[test]
fn a_gateway_that_lets_in_whoever_reaches_it_is_a_way_until_all_of_it_is_mended() {
    let open =
        |gateway: Value| json!({"gateway": gateway, "tools": {"allow": ["exec", "gateway", "automations", "nodes"]}});
    let token = "k3jd92lsm0qpz7xv1bak3jd92lsm0";
    for (gateway, edits) in [
        (json!({"bind": "lan"}), 1),
        (json!({"bind": "lan", "auth": {"mode": "none"}}), 2),
        (json!({"bind": "lan", "auth": {"mode": "none", "token": token}}), 1),
        (json!({"bind": "lan", "auth": {"mode": "password", "token": token}}), 1),
        (json!({"bind": "loopback", "tailscale": {"mode": "funnel"}, "auth": {"mode": "token"}}), 1),
        (json!({"bind": "loopback", "auth": {"mode": "none"}}), 2),
        (json!({"bind": "lan", "auth": {"mode": "trusted-proxy"}, "trustedProxies": ["10.0.0.2", "0.0.0.0/0"]}), 1),
    ] {
        let (ends, cut) = of(open(gateway.clone()));
        assert_eq!((ends.len(), cut.map(|cut| cut.len())), (4, Some(edits)), "{gateway}");
        assert!(left_after_the_cut(&open(gateway.clone())).is_empty(), "{gateway}");
    }
    for sound in [
        json!({"bind": "loopback"}),
        json!({"bind": "lan", "auth": {"token": token}}),
        json!({"bind": "lan", "auth": {"mode": "trusted-proxy"}, "trustedProxies": ["10.0.0.2"]}),
    ] {
        assert!(of(open(sound.clone())).0.is_empty(), "{sound}");
    }
}

#[test]
fn turning_sandboxes_on_is_no_advice_where_they_are_shown_the_host() {
    let config = json!({
        "agents": {"defaults": {"sandbox": {"mode": "off", "docker": {"binds": ["/run/docker.sock:/s"]}}}},
        "channels": {"discord": {"botToken": "1:a", "dmPolicy": "open", "allowFrom": ["*"], "groupPolicy": "open"}},
    });
    let (_, cut) = of(config.clone());
    assert!(!cut.expect("can be cut").iter().any(|edit| edit.contains("sandbox.mode")));
    assert!(left_after_the_cut(&config).is_empty());
}

#[test]
fn a_network_in_the_sandbox_is_a_way_out() {
    let config = json!({
        "agents": {"defaults": {"sandbox": {"mode": "all", "workspaceAccess": "ro", "docker": {"network": "bridge"}}}},
        "tools": {"allow": ["exec", "web_fetch"], "sandbox": {"tools": {"allow": ["exec", "web_fetch"]}}},
    });
    let (ends, cut) = of(config.clone());
    assert!(ends.iter().any(|end| end.ends_with("the workspace, sent anywhere")), "{ends:?}");
    assert_eq!(cut.expect("can be cut"), ["set agents.defaults.sandbox.docker.network to \"none\""]);
    assert!(left_after_the_cut(&config).is_empty());
    let mut closed = config;
    closed["agents"]["defaults"]["sandbox"]["docker"]["network"] = json!("none");
    assert!(of(closed).0.is_empty());
}

#[test]
fn hostile_names_do_not_become_lines_or_markup() {
    let snapshot = snapshot(json!({
        "channels": {"tele\n\u{1b}[2Jgram<b>": {"groupPolicy": "open"}},
        "agents": {"entries": {"main": {}}},
    }));
    let authority = Authority::of(&Model::of(&snapshot));
    let shown = text(&authority);
    assert!(!shown.contains('\u{1b}') && !shown.contains("gram<b>\n"), "{shown}");
    let svg = super::svg(&authority);
    assert!(!svg.contains("<b>") && !svg.contains('\u{1b}'), "{svg}");
}

#[test]
fn nothing_to_reach_is_said() {
    let snapshot = snapshot(json!({"tools": {"allow": ["session_status"]}}));
    let authority = Authority::of(&Model::of(&snapshot));
    assert!(authority.witnesses.is_empty());
    assert_eq!(authority.cut.map(|cut| cut.edits), Some(BTreeSet::new()));
}

fn configs() -> impl Strategy<Value = Value> {
    let policy = prop_oneof![Just(json!("open")), Just(json!("allowlist")), Just(Value::Null)];
    let channel = (policy.clone(), policy, any::<bool>()).prop_map(|(dm, group, star)| {
        json!({"botToken": "1:a", "dmPolicy": dm, "groupPolicy": group, "allowFrom": if star { json!(["*"]) } else { json!([]) }})
    });
    let deny = proptest::collection::vec(
        prop_oneof![
            Just("exec"),
            Just("group:runtime"),
            Just("web_fetch"),
            Just("group:fs"),
            Just("gateway"),
            Just("cron")
        ],
        0..4,
    );
    let mode = prop_oneof![Just("off"), Just("non-main"), Just("all")];
    let exec = prop_oneof![
        Just(json!({})),
        Just(json!({"mode": "ask"})),
        Just(json!({"security": "full", "ask": "off"})),
        Just(json!({"host": "gateway"}))
    ];
    let bind = prop_oneof![Just(json!([])), Just(json!(["/run/docker.sock:/s"])), Just(json!(["/home/op/.ssh:/k:ro"]))];
    (
        proptest::collection::btree_map("telegram|discord", channel, 0..3),
        deny,
        mode,
        exec,
        bind,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(channels, deny, mode, exec, binds, elevated, workspace_only)| {
            json!({
                "channels": channels,
                "tools": {"deny": deny, "exec": exec, "fs": {"workspaceOnly": workspace_only},
                    "elevated": {"allowFrom": if elevated { json!({"telegram": ["*"]}) } else { json!({}) }}},
                "agents": {"defaults": {"sandbox": {"mode": mode, "docker": {"binds": binds}}},
                    "entries": {"main": {"default": true}, "second": {"tools": {"deny": ["write"]}}}},
                "gateway": {"bind": "lan"},
            })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_cut_cuts_when_it_is_made_in_the_config_itself(config in configs()) {
        let left = left_after_the_cut(&config);
        prop_assert!(left.is_empty(), "{left:#?}");
    }
}
