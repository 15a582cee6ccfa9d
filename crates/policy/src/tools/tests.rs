//! Deny wins, layers only tighten, spelling decides nothing.

use proptest::prelude::*;

use super::*;

fn layer(allow: Option<&[&str]>, deny: &[&str]) -> Layer {
    let own = |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>();
    Layer { origin: "tools".into(), allow: allow.map(own), deny: own(deny), ..Layer::default() }
}

fn allowed(layers: &[Layer], tool: &str) -> bool {
    judge_tool(layers, &ToolName::new(tool)).is_ok()
}

#[test]
fn deny_wins_over_allow_by_name_group_alias_and_pattern() {
    for deny in ["exec", "bash", "group:runtime", "ex*", "*", " EXEC ", "e*c"] {
        assert!(!allowed(&[layer(Some(&["exec"]), &[deny])], "exec"), "{deny:?}");
        assert!(!allowed(&[layer(None, &[deny])], "Bash"), "{deny:?}");
    }
    assert!(allowed(&[layer(Some(&["group:runtime"]), &["group:fs"])], "exec"));
}

#[test]
fn an_empty_allow_list_allows_nothing() {
    assert!(!allowed(&[layer(Some(&[]), &[])], "read"));
    assert!(allowed(&[layer(None, &[])], "read"));
    assert!(!allowed(&[layer(Some(&["group:nonsense"]), &[])], "read"));
}

#[test]
fn also_allow_widens_its_own_profile_only() {
    let mut minimal = layer(None, &[]);
    minimal.profile = profile("minimal");
    assert!(!allowed(std::slice::from_ref(&minimal), "read"));
    minimal.also_allow = vec!["group:fs".into()];
    assert!(allowed(std::slice::from_ref(&minimal), "read"));
    assert!(!allowed(&[minimal, layer(Some(&["exec"]), &[])], "read"));
    assert_eq!(profile("no-such-profile"), Some(Vec::new()));
    assert_eq!(profile("full"), None);
}

#[test]
fn patterns_match_whole_names() {
    assert!(matches("a*c*e", "abcde") && matches("*", "") && matches("a*", "a"));
    assert!(!matches("a*c", "abcd") && !matches("ab", "abc") && !matches("a*b*b", "ab"));
}

fn any_layer() -> impl Strategy<Value = Layer> {
    let entry = prop::sample::select(vec!["exec", "bash", "read", "group:fs", "group:runtime", "*", "w*", "web_fetch"]);
    let entries = prop::collection::vec(entry.prop_map(str::to_owned), 0..4);
    (prop::option::of(entries.clone()), entries).prop_map(|(allow, deny)| Layer {
        origin: "tools".into(),
        allow,
        deny,
        ..Layer::default()
    })
}

proptest! {
    #[test]
    fn a_further_layer_or_deny_never_allows_more(
        layers in prop::collection::vec(any_layer(), 0..4),
        extra in any_layer(),
        deny in prop::sample::select(vec!["exec", "group:fs", "*"]),
    ) {
        for tool in ["exec", "read", "write", "web_fetch", "process"] {
            let before = allowed(&layers, tool);
            let mut more = layers.clone();
            more.push(extra.clone());
            prop_assert!(before || !allowed(&more, tool));
            if let Some(first) = more.first_mut() {
                let after_layer = layers.is_empty() || before;
                first.deny.push(deny.to_owned());
                prop_assert!(after_layer || !allowed(&more, tool));
            }
        }
    }
}
