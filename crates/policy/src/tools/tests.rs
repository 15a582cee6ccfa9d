//! Deny wins, layers only tighten, spelling decides nothing, a name proves nothing.

use proptest::prelude::*;

use super::*;

fn entries(list: &[&str]) -> Entries {
    list.iter().collect()
}

fn layer(allow: Option<&[&str]>, deny: &[&str]) -> Layer {
    Layer { origin: "tools".into(), allow: allow.map(entries), deny: entries(deny), ..Layer::default() }
}

fn judged(layers: &[Layer], tool: &Tool) -> Result<(), Denial> {
    judge_tool(layers, &Sender::owner(), tool)
}

fn allowed(layers: &[Layer], tool: &str) -> bool {
    judged(layers, &Tool::core(tool)).is_ok()
}

fn plugin(id: &str, name: &str) -> Tool {
    Tool { name: ToolName::new(name), origin: Origin::Plugin(id.into()) }
}

fn mcp(server: &str, name: &str) -> Tool {
    Tool { name: ToolName::new(name), origin: Origin::Mcp(server.into()) }
}

#[test]
fn deny_wins_over_allow_by_name_group_alias_and_pattern() {
    for deny in ["exec", "bash", "group:runtime", "ex*", "*", " EXEC ", "e*c", "ba*", "mcp__openclaw__exec"] {
        for tool in ["exec", "Bash", "mcp__openclaw__exec", "mcp__openclaw__bash"] {
            assert!(!allowed(&[layer(Some(&["exec"]), &[deny])], tool), "{deny:?} {tool}");
            assert!(!allowed(&[layer(None, &[deny])], tool), "{deny:?} {tool}");
        }
    }
    assert!(allowed(&[layer(Some(&["group:runtime"]), &["group:fs"])], "exec"));
    assert!(!allowed(&[layer(None, &["image"])], "view_image") && !allowed(&[layer(None, &["canvas"])], "show_widget"));
    assert!(allowed(&[layer(None, &["mcp__openclaw__x*"])], "read"));
}

#[test]
fn an_empty_allow_list_allows_nothing() {
    assert!(!allowed(&[layer(Some(&[]), &[])], "read"));
    assert!(allowed(&[layer(None, &[])], "read"));
    assert!(!allowed(&[layer(Some(&["group:nonsense", ""]), &[])], "read"));
}

#[test]
fn also_allow_widens_its_own_profile_only() {
    let mut minimal = layer(None, &[]);
    minimal.profile = profile("minimal");
    assert!(!allowed(std::slice::from_ref(&minimal), "read"));
    minimal.also_allow = entries(&["group:fs"]);
    assert!(allowed(std::slice::from_ref(&minimal), "read"));
    assert!(!allowed(&[minimal, layer(Some(&["exec"]), &[])], "read"));
    assert_eq!(profile("no-such-profile"), Some(&[][..]));
    assert_eq!(profile("full"), None);
}

#[test]
fn the_catalogue_is_of_one_piece() {
    let mut tools: Vec<_> = known_tools().collect();
    assert_eq!(tools.len(), 61, "OpenClaw 2026.9.6 has so many");
    tools.sort_unstable();
    tools.dedup();
    assert_eq!(tools.len(), 61, "a tool is in one section");
    for name in catalogue::OWNER_ONLY.iter().chain(catalogue::OUTSIDE_SANDBOX) {
        assert!(tools.contains(name), "{name}");
    }
    for name in ["minimal", "coding", "messaging"] {
        for tool in profile(name).expect("restricts") {
            assert!(tools.contains(tool) || *tool == catalogue::MCP_ENTRY, "{name}: {tool}");
        }
    }
    assert!(!allowed(&[layer(Some(&["group:openclaw"]), &[])], "exec"));
    assert!(allowed(&[layer(Some(&["group:openclaw"]), &[])], "web_fetch"));
}

#[test]
fn nobody_but_the_owner_reaches_what_changes_the_gateway() {
    let open = [
        layer(Some(&["*"]), &[]),
        layer(Some(&["gateway", "cron", "nodes", "group:automation", "group:nodes", "automations"]), &[]),
        layer(Some(&["g*", "*s", "a*"]), &[]),
    ];
    for tool in [
        "gateway", "GATEWAY", " Gateway ", "cron", "Cron", "automations", "mcp__openclaw__cron", "nodes", "plugins",
        "openclaw", "terminal", "computer", "sessions_spawn", "secrets", "skill_workshop", "MCP__OpenClaw__gateway",
    ] {
        let denial = judge_tool(&[], &Sender::default(), &Tool::core(tool)).expect_err(tool);
        assert_eq!(denial.rule, Rule::ToolOwner, "{tool}");
        for layer in &open {
            assert!(judge_tool([layer], &Sender::default(), &Tool::core(tool)).is_err(), "{tool} {layer:?}");
        }
        assert!(judge_tool(&[], &Sender::owner(), &Tool::core(tool)).is_ok(), "{tool}");
    }
    for tool in ["read", "exec", "web_fetch", "session_status"] {
        assert!(judge_tool(&[], &Sender::default(), &Tool::core(tool)).is_ok(), "{tool}");
    }
}

#[test]
fn a_tool_from_outside_inherits_nothing_by_its_name() {
    for name in ["read", "READ", "bash", "cron", "group:fs", "bundle-mcp", "*", "re*", "mcp__openclaw__read"] {
        assert_eq!(judged(&[], &plugin("evil", name)).expect_err(name).rule, Rule::ToolShape, "{name}");
        assert_eq!(judged(&[], &mcp("evil", name)).expect_err(name).rule, Rule::ToolShape, "{name}");
    }
    // A pattern that was written for built-in tools is for those.
    for allow in ["re*", "r*", "*d", "group:fs", "read", "group:openclaw"] {
        assert!(judged(&[layer(Some(&[allow]), &[])], &plugin("evil", "read_and_send")).is_err(), "{allow}");
    }
    // An id that is the name of a tool, of a group or of all servers stands for nothing.
    for id in ["read", "bundle-mcp", "group:fs", "*", "", " "] {
        assert!(
            judged(&[layer(Some(&["read", "bundle-mcp", "group:fs", ""]), &[])], &plugin(id, "x")).is_err(),
            "{id}"
        );
    }
    assert!(judged(&[], &Tool::core("read_and_send")).is_err());
}

#[test]
fn plugins_and_servers_are_named_by_id_group_name_and_pattern() {
    let tool = plugin("Weather", "forecast");
    for (entry, named) in [
        ("*", true),
        ("group:plugins", true),
        ("weather", true),
        ("forecast", true),
        ("fore*", true),
        ("bundle-mcp", false),
        ("forecasts", false),
        ("group:openclaw", false),
    ] {
        assert_eq!(judged(&[layer(Some(&[entry]), &[])], &tool).is_ok(), named, "allow {entry}");
        assert_eq!(judged(&[layer(None, &[entry])], &tool).is_err(), named, "deny {entry}");
    }
    let tool = mcp("Outlook", "outlook__Create_Issue");
    for (entry, named) in [
        ("*", true),
        ("group:plugins", true),
        ("bundle-mcp", true),
        ("outlook__*", true),
        ("Outlook__create_issue", true),
        ("outl*", true),
        ("outlook", false),
        ("outlooks__*", false),
        ("create_issue", false),
    ] {
        assert_eq!(judged(&[layer(Some(&[entry]), &[])], &tool).is_ok(), named, "allow {entry}");
        assert_eq!(judged(&[layer(None, &[entry])], &tool).is_err(), named, "deny {entry}");
    }
    // The spelling of other tools means the same, but only where it forbids.
    assert!(judged(&[layer(None, &["mcp__*"])], &tool).is_err());
    assert!(judged(&[layer(None, &["mcp__outlook__create_issue"])], &tool).is_err());
    assert!(judged(&[layer(Some(&["mcp__*"]), &[])], &tool).is_err());
    for (name, holds) in [("coding", true), ("messaging", true), ("minimal", false)] {
        let profiled = Layer { profile: profile(name), ..layer(None, &[]) };
        assert_eq!(judged(std::slice::from_ref(&profiled), &tool).is_ok(), holds, "{name}");
        assert!(judged(&[profiled], &plugin("weather", "forecast")).is_err(), "{name}");
    }
}

#[test]
fn a_server_cannot_take_the_name_of_another() {
    assert_eq!(judged(&[], &mcp("evil", "github__create_issue")).expect_err("a lie").rule, Rule::ToolShape);
    let github = [layer(Some(&["github__*", "git__hub__x"]), &[])];
    // `b__c` of `a` is spelled as `c` of `a__b` is.
    for tool in [mcp("git", "git__hub__x"), mcp("git__hub", "git__hub__x"), mcp("git_", "git___hub")] {
        assert!(judged(&github, &tool).is_err(), "{tool:?}");
        assert!(judged(&[layer(Some(&["bundle-mcp"]), &[])], &tool).is_ok(), "{tool:?}");
    }
}

#[test]
fn what_nobody_knows_is_not_in_a_list() {
    let profiled = Layer { profile: profile("coding"), ..layer(None, &[]) };
    for tool in ["no_such_tool", "read2", "", "é", "exec ute"] {
        assert!(!allowed(std::slice::from_ref(&profiled), tool), "{tool}");
        assert!(!allowed(&[layer(Some(&["read", "r*", "e*", "group:fs", ""]), &[])], tool), "{tool}");
    }
}

#[test]
fn a_sandbox_lacks_what_openclaw_keeps_out_of_it_unless_it_is_named() {
    let named = [layer(Some(&["read", "group:nodes"]), &[])];
    let default = outside_sandbox(&named);
    assert!(judged(std::slice::from_ref(&default), &Tool::core("gateway")).is_err());
    assert!(judged(&[default], &Tool::core("nodes")).is_ok());
}

#[test]
fn patterns_match_whole_names() {
    assert!(matches("a*c*e", "abcde") && matches("*", "") && matches("a*", "a"));
    assert!(!matches("a*c", "abcd") && !matches("ab", "abc") && !matches("a*b*b", "ab"));
}

fn any_entry() -> impl Strategy<Value = String> {
    let known = vec![
        "exec", "bash", "read", "cron", "gateway", "group:fs", "group:runtime", "group:plugins", "group:automation",
        "bundle-mcp", "*", "w*", "g*", "web_fetch", "a__*", "a__b", "mcp__*", "p",
    ];
    prop_oneof![9 => prop::sample::select(known).prop_map(str::to_owned), 1 => any::<String>()]
}

fn any_layer() -> impl Strategy<Value = Layer> {
    let entries = || prop::collection::vec(any_entry(), 0..4).prop_map(|list| list.iter().collect::<Entries>());
    let profile_name = prop::sample::select(vec!["full", "full", "coding", "minimal", "x"]);
    (profile_name, prop::option::of(entries()), entries(), entries()).prop_map(|(name, allow, also_allow, deny)| {
        Layer { origin: "tools".into(), profile: profile(name), allow, also_allow, deny }
    })
}

fn any_tool() -> impl Strategy<Value = Tool> {
    let name = prop_oneof![
        prop::sample::select(vec!["exec", "Bash", "read", "cron", "gateway", "a__b", "x"]).prop_map(str::to_owned),
        any::<String>(),
    ];
    let origin = prop_oneof![
        Just(Origin::Core),
        prop::sample::select(vec!["p", "read", ""]).prop_map(|id| Origin::Plugin(id.into())),
        prop::sample::select(vec!["a", ""]).prop_map(|id| Origin::Mcp(id.into())),
    ];
    (name, origin).prop_map(|(name, origin)| Tool { name: ToolName::new(&name), origin })
}

proptest! {
    #[test]
    fn a_further_layer_or_deny_never_allows_more(
        layers in prop::collection::vec(any_layer(), 0..4),
        extra in any_layer(),
        deny in any_entry(),
        owner in any::<bool>(),
        tool in any_tool(),
    ) {
        let sender = Sender { owner, ..Sender::default() };
        let allowed = |layers: &[Layer]| judge_tool(layers, &sender, &tool).is_ok();
        let before = allowed(&layers);
        let mut more = layers.clone();
        more.push(extra);
        prop_assert!(before || !allowed(&more), "a layer allows more");
        for at in 0..layers.len() {
            let mut denied = layers.clone();
            denied[at].deny.0.push(deny.trim().to_ascii_lowercase());
            prop_assert!(before || !allowed(&denied), "a deny allows more");
        }
    }

    #[test]
    fn only_the_owner_has_the_owners_tools(layers in prop::collection::vec(any_layer(), 0..4), stranger in any_tool()) {
        for name in catalogue::OWNER_ONLY {
            for alias in catalogue::aliases(name).chain([*name]) {
                prop_assert!(judge_tool(&layers, &Sender::default(), &Tool::core(alias)).is_err(), "{alias}");
            }
        }
        // Who owns the gateway decides nothing else.
        let owners = judge_tool(&layers, &Sender::owner(), &stranger);
        let others = judge_tool(&layers, &Sender::default(), &stranger);
        prop_assert!(owners == others || others.is_err_and(|denial| denial.rule == Rule::ToolOwner));
    }

    #[test]
    fn the_same_question_has_the_same_answer(layers in prop::collection::vec(any_layer(), 0..4), tool in any_tool()) {
        prop_assert_eq!(judged(&layers, &tool), judged(&layers, &tool));
    }
}

/// What is spelled like no built-in tool is none, so that no list is passed by an odd spelling of a name.
#[test]
fn a_name_that_is_no_tool_is_refused_whatever_the_layers_say() {
    for name in [
        "",
        "shell",
        "exec\0",
        "gateway\u{200b}",
        "ｅｘｅｃ",
        "functions.gateway",
        "gateway.restart",
        "cron.add",
        "config",
        "mcp__gh__delete",
        "exec exec",
        &"x".repeat(129),
    ] {
        for origin in [Origin::Core, Origin::Mcp("openclaw".into()), Origin::Plugin(String::new())] {
            let tool = Tool { name: ToolName::new(name), origin };
            assert!(judge_tool([], &Sender::owner(), &tool).is_err(), "{tool:?}");
        }
    }
    let bridged = Tool::core("mcp__openclaw__mcp__openclaw__mcp__openclaw__gateway");
    assert_eq!(bridged.canonical(), "gateway");
    assert!(judge_tool([], &Sender::default(), &bridged).is_err());
    assert!(judge_tool([], &Sender::owner(), &Tool::core(" Exec ")).is_ok());
}
