//! What holds for every pair of documents, and for every way from one config to another.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::documents;
use crate::ratchet::{Change, Direction, weaker};

/// Any JSON, with keys that the table knows among others.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "gateway", "auth", "token", "bind", "tools", "exec", "security", "ask", "mode", "allow", "deny", "agents",
            "entries", "list", "defaults", "main", "id", "default", "sandbox", "scope", "channels", "telegram",
            "accounts", "allowFrom", "dmPolicy", "enabled", "dangerouslyAllowPrivateNetwork", "mcp", "servers", "ui",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,8}",
    ]
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "deny", "allowlist", "full", "off", "on-miss", "always", "lan", "loopback", "all", "*", "!x", "open",
            "main"
        ])
        .prop_map(str::to_owned),
        "\\PC{0,6}",
    ]
}

/// A config whose every key is ordered, each absent or with one of its values.
fn ordered_config() -> impl Strategy<Value = Value> {
    let fields = ORDERED.iter().map(|(key, values)| {
        let values: Vec<Option<Value>> = std::iter::once(None)
            .chain(values.iter().map(|text| Some(serde_json::from_str(text).expect("JSON"))))
            .collect();
        prop::sample::select(values).prop_map(move |value| (*key, value))
    });
    fields.collect::<Vec<_>>().prop_map(|fields| {
        let mut config = json!({});
        for (key, value) in fields {
            if let Some(value) = value {
                put(&mut config, &key.split('.').collect::<Vec<_>>(), value);
            }
        }
        config
    })
}

fn put(into: &mut Value, path: &[&str], value: Value) {
    match path {
        [] => *into = value,
        [first, rest @ ..] => {
            if !into.is_object() {
                *into = Value::Object(Map::new());
            }
            put(into.as_object_mut().expect("an object").entry(*first).or_insert(Value::Null), rest, value);
        }
    }
}

const ORDERED: &[(&str, &[&str])] = &[
    ("gateway.bind", &["\"loopback\"", "\"tailnet\"", "\"custom\"", "\"lan\"", "\"odd\""]),
    ("gateway.auth.mode", &["\"token\"", "\"password\"", "\"none\"", "\"odd\""]),
    ("gateway.auth.allowTailscale", &["true", "false"]),
    ("gateway.auth.rateLimit.maxAttempts", &["0", "5", "10", "50"]),
    ("gateway.trustedProxies", &["[]", "[\"10.0.0.1\"]", "[\"10.0.0.1\",\"10.0.0.2\"]"]),
    ("tools.exec.security", &["\"deny\"", "\"allowlist\"", "\"full\""]),
    ("tools.exec.ask", &["\"always\"", "\"on-miss\"", "\"off\""]),
    ("tools.exec.safeBins", &["[]", "[\"head\"]", "[\"head\",\"cut\"]"]),
    ("tools.exec.timeoutSeconds", &["0", "10", "4000"]),
    ("tools.profile", &["\"minimal\"", "\"coding\"", "\"messaging\"", "\"full\""]),
    ("tools.allow", &["[]", "[\"read\"]", "[\"read\",\"write\"]", "[\"*\"]"]),
    ("tools.deny", &["[]", "[\"exec\"]", "[\"exec\",\"read\"]", "[\"*\"]", "[\"!exec\"]"]),
    ("tools.elevated.enabled", &["true", "false"]),
    ("agents.defaults.sandbox.mode", &["\"all\"", "\"non-main\"", "\"off\""]),
    ("agents.defaults.sandbox.docker.network", &["\"none\"", "\"bridge\"", "\"host\""]),
    ("channels.defaults.groupPolicy", &["\"disabled\"", "\"allowlist\"", "\"open\""]),
    ("channels.defaults.requireMention", &["true", "false"]),
];

fn changes(old: &Value, new: &Value) -> Vec<Change> {
    weaker(&documents(old.clone()), &documents(new.clone()))
}

fn widens(old: &Value, new: &Value) -> bool {
    changes(old, new).iter().any(|change| change.direction == Direction::Widening)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn total_deterministic_and_silent_on_the_same(old in any_json(), new in any_json()) {
        prop_assert_eq!(changes(&old, &new), changes(&old, &new));
        prop_assert_eq!(changes(&old, &old), Vec::new());
        let found = changes(&old, &new);
        prop_assert!(found.windows(2).all(|pair| pair[0].key < pair[1].key), "in the order of the keys, each once");
    }

    #[test]
    fn no_difference_is_passed_over(old in any_json(), new in any_json()) {
        // Each of the three documents as JSON may have what the others have.
        let own = |value: &Value| stockade_config::Documents { own: value.clone(), ..Default::default() };
        let strict = |value: &Value| without_nothing(value.clone());
        if strict(&old) != strict(&new) {
            prop_assert!(!weaker(&own(&old), &own(&new)).is_empty(), "{} to {}", old, new);
        }
    }

    #[test]
    fn the_way_back_of_what_widens_is_seen(old in ordered_config(), new in ordered_config()) {
        let back = changes(&new, &old);
        for change in changes(&old, &new).iter().filter(|change| change.direction == Direction::Widening) {
            let reverse = back.iter().find(|found| found.key == change.key);
            prop_assert!(reverse.is_some_and(|found| found.direction != Direction::Neutral), "{:?}: {:?}", change, reverse);
        }
    }

    #[test]
    fn steps_without_widening_lead_nowhere_wider(a in ordered_config(), b in ordered_config(), c in ordered_config()) {
        // Key by key, because whole configs are seldom all tighter than one another.
        for (key, _) in ORDERED {
            let only = |config: &Value| {
                let path: Vec<&str> = key.split('.').collect();
                let mut alone = json!({});
                if let Some(value) = path.iter().try_fold(config, |value, part| value.get(part)) {
                    put(&mut alone, &path, value.clone());
                }
                alone
            };
            let (a, b, c) = (only(&a), only(&b), only(&c));
            if !widens(&a, &b) && !widens(&b, &c) {
                prop_assert!(!widens(&a, &c), "{} then {} then {}", a, b, c);
            }
        }
    }

    #[test]
    fn a_further_denial_never_widens(
        config in ordered_config(),
        entry in "[a-z_:*]{1,12}",
        key in prop::sample::select(vec!["tools.deny", "agents.entries.main.tools.deny", "plugins.deny", "tools.byProvider.p.deny"]),
    ) {
        let path: Vec<&str> = key.split('.').collect();
        let mut old = config;
        put(&mut old, &path, json!(["exec"]));
        let mut new = old.clone();
        put(&mut new, &path, json!(["exec", entry]));
        prop_assert!(!widens(&old, &new), "{:?}", changes(&old, &new));
    }
}

/// Without what stands for nothing: null fields, and objects that hold nothing else.
fn without_nothing(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().map(|(key, value)| (key, without_nothing(value)));
            let kept: std::collections::BTreeMap<String, Value> = kept.filter(|(_, value)| !value.is_null()).collect();
            if kept.is_empty() { Value::Null } else { Value::Object(kept.into_iter().collect()) }
        }
        other => other,
    }
}
