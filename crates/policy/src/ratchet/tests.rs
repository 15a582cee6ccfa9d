//! Both comparisons, and what an attacker may hide between them.

use serde_json::{Value, json};

use super::*;
use crate::policy::tests::compiled;

mod coverage;
mod properties;

fn documents(openclaw: Value) -> Documents {
    Documents { openclaw, ..Documents::default() }
}

fn parsed(text: &str) -> Value {
    loaded(text, "{}").openclaw
}

fn loaded(openclaw: &str, own: &str) -> Documents {
    let folder = tempfile::tempdir().expect("a folder");
    let paths = stockade_config::Paths::in_state_dir(folder.path());
    stockade_config::write_new(&paths.config, openclaw).expect("written");
    stockade_config::write_new(&paths.own_config, own).expect("written");
    stockade_config::load(&paths, &stockade_config::Env::default()).expect("a valid config").resolved
}

/// The changes as `key direction`.
fn way(old: &Value, new: &Value) -> Vec<String> {
    weaker(&documents(old.clone()), &documents(new.clone())).iter().map(said).collect()
}

fn said(change: &Change) -> String {
    format!("{} {}", change.key, change.direction.id())
}

#[test]
fn each_key_is_ordered_as_it_is_enforced() {
    use Direction::{Neutral, Tightening, Widening};
    for (old, new, key, there, back) in [
        ("{}", "{gateway:{bind:'lan'}}", "gateway.bind", Widening, Tightening),
        ("{gateway:{bind:'tailnet'}}", "{gateway:{bind:'custom'}}", "gateway.bind", Widening, Widening),
        ("{}", "{gateway:{bind:'loopback'}}", "gateway.bind", Neutral, Neutral),
        ("{}", "{tools:{exec:{security:'allowlist'}}}", "tools.exec.security", Tightening, Widening),
        ("{tools:{exec:{ask:'always'}}}", "{tools:{exec:{ask:'off'}}}", "tools.exec.ask", Widening, Tightening),
        ("{tools:{exec:{mode:'ask'}}}", "{tools:{exec:{mode:'full'}}}", "tools.exec.security", Widening, Tightening),
        (
            "{tools:{exec:{mode:'ask'}}}",
            "{tools:{exec:{security:'deny'}}}",
            "tools.exec.security",
            Tightening,
            Widening,
        ),
        ("{}", "{tools:{allow:['read']}}", "tools.allow", Tightening, Widening),
        ("{tools:{allow:['read']}}", "{tools:{allow:['*']}}", "tools.allow", Widening, Tightening),
        ("{tools:{allow:['read']}}", "{tools:{allow:['read','exec']}}", "tools.allow", Widening, Tightening),
        ("{tools:{allow:['read','exec']}}", "{tools:{allow:['exec','read']}}", "tools.allow", Neutral, Neutral),
        ("{tools:{deny:['exec']}}", "{tools:{deny:['exec','read']}}", "tools.deny", Tightening, Widening),
        ("{tools:{deny:['exec']}}", "{tools:{deny:['*']}}", "tools.deny", Tightening, Widening),
        ("{}", "{tools:{elevated:{enabled:false}}}", "tools.elevated.enabled", Tightening, Widening),
        ("{}", "{tools:{fs:{workspaceOnly:true}}}", "tools.fs.workspaceOnly", Tightening, Widening),
        ("{}", "{channels:{telegram:{botToken:'x'}}}", "channels.telegram", Widening, Tightening),
        (
            "{channels:{a:{dmPolicy:'allowlist'}}}",
            "{channels:{a:{dmPolicy:'open'}}}",
            "channels.a.dmPolicy",
            Widening,
            Tightening,
        ),
        ("{channels:{a:{}}}", "{channels:{a:{dmPolicy:'allowlist'}}}", "channels.a.dmPolicy", Tightening, Widening),
        (
            "{channels:{a:{allowFrom:['1']}}}",
            "{channels:{a:{allowFrom:['1','*']}}}",
            "channels.a.allowFrom",
            Widening,
            Tightening,
        ),
        (
            "{channels:{a:{accounts:{b:{}}}}}",
            "{channels:{a:{accounts:{b:{allowFrom:[1]}}}}}",
            "channels.a.accounts.b.allowFrom",
            Widening,
            Tightening,
        ),
        (
            "{}",
            "{hooks:{gmail:{allowUnsafeExternalContent:true}}}",
            "hooks.gmail.allowUnsafeExternalContent",
            Widening,
            Tightening,
        ),
        ("{}", "{mcp:{servers:{a:{command:'x'}}}}", "mcp.servers.a", Widening, Tightening),
        (
            "{mcp:{servers:{a:{command:'x'}}}}",
            "{mcp:{servers:{a:{command:'y'}}}}",
            "mcp.servers.a.command",
            Widening,
            Widening,
        ),
        ("{}", "{plugins:{entries:{a:{enabled:false}}}}", "plugins.entries.a", Tightening, Widening),
        ("{gateway:{auth:{token:'x'}}}", "{gateway:{auth:{token:'y'}}}", "gateway.auth.token", Widening, Widening),
        (
            "{}",
            "{gateway:{auth:{rateLimit:{maxAttempts:100}}}}",
            "gateway.auth.rateLimit.maxAttempts",
            Widening,
            Tightening,
        ),
        ("{}", "{gateway:{auth:{rateLimit:{lockoutMs:0}}}}", "gateway.auth.rateLimit.lockoutMs", Widening, Widening),
        ("{}", "{session:{identityLinks:{me:['a:1']}}}", "session.identityLinks.me", Widening, Widening),
        ("{}", "{env:{vars:{NODE_OPTIONS:'x'}}}", "env.vars.NODE_OPTIONS", Widening, Widening),
        ("{}", "{logging:{level:'debug'}}", "logging.level", Neutral, Neutral),
        ("{}", "{ui:{seamColor:'#fff'}}", "ui.seamColor", Neutral, Neutral),
        ("{}", "{agents:{entries:{main:{}}}}", "", Neutral, Neutral),
        ("{}", "{agents:{list:[{id:'main'}]}}", "", Neutral, Neutral),
        (
            "{agents:{entries:{main:{}}}}",
            "{agents:{entries:{main:{},more:{}}}}",
            "agents.entries.more",
            Widening,
            Tightening,
        ),
        (
            "{agents:{list:[{id:'b'},{id:'a'}]}}",
            "{agents:{list:[{id:'a'},{id:'b'}]}}",
            "agents.entries.*.default",
            Widening,
            Widening,
        ),
        ("{}", "{agents:{defaults:{sandbox:{mode:'all'}}}}", "agents.defaults.sandbox.mode", Tightening, Widening),
        (
            "{agents:{defaults:{sandbox:{mode:'all'}}}}",
            "{agents:{defaults:{sandbox:{mode:'all'}},entries:{main:{sandbox:{mode:'non-main'}}}}}",
            "agents.entries.main.sandbox.mode",
            Widening,
            Tightening,
        ),
        (
            "{agents:{defaults:{sandbox:{mode:'all'}}}}",
            "{agents:{defaults:{sandbox:{mode:'all'}},entries:{main:{sandbox:{mode:'all'}}}}}",
            "agents.entries.main.sandbox.mode",
            Neutral,
            Neutral,
        ),
        (
            "{}",
            "{agents:{defaults:{sandbox:{docker:{binds:['/:/host']}}}}}",
            "agents.defaults.sandbox.docker.binds",
            Widening,
            Tightening,
        ),
        ("{}", "{agents:{defaults:{model:'p/m'}}}", "agents.defaults.model", Widening, Widening),
        ("{}", "{plugins:{entries:{x:{config:{}}}}}", "plugins.entries.x", Widening, Tightening),
        ("{}", "{mystery:1}", "mystery", Widening, Widening),
        ("{}", "{mystery:{}}", "mystery", Widening, Widening),
        ("{}", "{gateway:{auth:{rateLimit:{}}}}", "", Neutral, Neutral),
    ] {
        let (old, new) = (parsed(old), parsed(new));
        for (from, to, direction) in [(&old, &new, there), (&new, &old, back)] {
            let found = way(from, to);
            let expected = format!("{key} {}", direction.id());
            let silent = key.is_empty() && found.is_empty();
            assert!(silent || found.contains(&expected), "{from} to {to}: {found:?}, not {expected}");
            let widens = found.iter().any(|change| change.ends_with("widening"));
            assert_eq!(widens, direction == Widening, "{from} to {to}: {found:?}");
        }
    }
}

#[test]
fn the_other_documents_are_compared_too() {
    let own = |value: Value| Documents { own: value, ..Documents::default() };
    let host = |value: Value| Documents { approvals: value, ..Documents::default() };
    let entry = |pattern: &str, used: u64| json!({ "pattern": pattern, "id": used, "lastUsedAt": used });
    let layer = |entries: Value| host(json!({ "version": 1, "agents": { "main": { "allowlist": entries } } }));
    for (old, new, expected) in [
        (
            own(json!({})),
            own(json!({ "egress": { "allow": ["http://h:1"] } })),
            "egress.allow (stockade.json) widening",
        ),
        (own(json!({})), own(json!({ "egress": { "deny": ["h"] } })), "egress.deny (stockade.json) tightening"),
        (
            own(Value::Null),
            own(json!({ "turn": { "maxToolCalls": 1 } })),
            "turn.maxToolCalls (stockade.json) tightening",
        ),
        (
            host(json!({ "defaults": { "security": "deny" } })),
            host(Value::Null),
            "defaults.security (exec-approvals.json) widening",
        ),
        (layer(json!([])), layer(json!([entry("/bin/ls", 1)])), "agents.main.allowlist (exec-approvals.json) widening"),
        (layer(json!([entry("/bin/ls", 1)])), layer(json!([entry("/bin/ls", 2)])), ""),
        (
            host(json!({})),
            host(json!({ "defaults": { "askFallback": "full" } })),
            "defaults.askFallback (exec-approvals.json) widening",
        ),
    ] {
        let found: Vec<String> = weaker(&old, &new).iter().map(said).collect();
        assert!(
            found.iter().any(|it| it == expected) || expected.is_empty() && found.is_empty(),
            "{expected}: {found:?}"
        );
    }
}

/// Each of these says "less" at one place and is more.
#[test]
fn what_looks_tighter_and_is_not() {
    for (old, new) in [
        // An agent's exception from what holds for all.
        (
            "{agents:{defaults:{sandbox:{mode:'all'}}}}",
            "{agents:{defaults:{sandbox:{mode:'all',scope:'session'}},entries:{main:{sandbox:{mode:'off'}}}}}",
        ),
        // The only agent, which was restricted, goes; an unrestricted one takes its place.
        ("{agents:{entries:{main:{tools:{deny:['exec']}}}}}", "{agents:{entries:{}}}"),
        // An entry that takes another back.
        ("{tools:{deny:['exec']}}", "{tools:{deny:['exec','!exec']}}"),
        // The stricter list goes, and the other one holds.
        (
            "{tools:{exec:{safeBins:['head']}},agents:{entries:{main:{tools:{exec:{safeBins:['head','sh']}}}}}}",
            "{agents:{entries:{main:{tools:{exec:{safeBins:['head','sh']}}}}}}",
        ),
        // A list of another kind.
        ("{channels:{a:{groupAllowFrom:['1']}}}", "{channels:{a:{}}}"),
        // A switched-off plugin is left out, and is on by default.
        ("{plugins:{entries:{a:{enabled:false}}}}", "{plugins:{entries:{}}}"),
        // A neutral section that holds what is not.
        ("{channels:{slack:{}}}", "{channels:{slack:{dangerouslyAllowNameMatching:true}}}"),
        ("{messages:{tts:{auto:'off'}}}", "{messages:{tts:{provider:'x'}}}"),
        // An account falls back to what the default account says, not to what its channel says.
        (
            "{channels:{whatsapp:{accounts:{default:{dmPolicy:'open'},b:{dmPolicy:'pairing'}}}}}",
            "{channels:{whatsapp:{accounts:{default:{dmPolicy:'open'},b:{}}}}}",
        ),
        // A name that looks like a key; a switch that the part does not have.
        ("{}", "{mcp:{servers:{fooKey:{}}}}"),
        ("{channels:{a:{}}}", "{channels:{a:{accounts:{streaming:{}}}}}"),
        ("{}", "{agents:{entries:{main:{},humanDelay:{}}}}"),
        ("{}", "{models:{providers:{x:{enabled:false}}}}"),
        ("{plugins:{deny:['x']}}", "{plugins:{deny:[' x']}}"),
        ("{commands:{bash:false}}", "{commands:{bash:'yes'}}"),
        // Wizards and dates are neutral, what is said in them about access is not.
        ("{}", "{wizard:{accessMode:'open'}}"),
    ] {
        let value = |text: &str| serde_json::from_str::<Value>(&quoted(text)).expect("JSON");
        let found = way(&value(old), &value(new));
        assert!(found.iter().any(|change| change.ends_with("widening")), "{old} to {new}: {found:?}");
    }
}

/// A config in short form as JSON; here what the loader refuses is compared too.
fn quoted(short: &str) -> String {
    let mut json = String::new();
    let mut word = String::new();
    let mut text = false;
    for c in short.chars() {
        match c {
            '\'' => {
                text = !text;
                json.push('"');
            }
            c if text => json.push(c),
            c if c.is_ascii_alphanumeric() => word.push(c),
            c => {
                let key = c == ':' && !word.is_empty();
                json.push_str(&if key { format!("\"{word}\"") } else { word.clone() });
                word.clear();
                json.push(c);
            }
        }
    }
    json
}

#[test]
fn no_value_is_ever_in_a_change() {
    let secret = "hunter2-hunter2-hunter2";
    let old = json!({ "tools": { "allow": ["read"], "exec": { "security": "deny" } }, "gateway": { "auth": { "token": "t" } } });
    let new = json!({
        "tools": { "allow": ["read", secret], "deny": [secret], "exec": { "security": secret, "timeoutSeconds": 7_919 } },
        "gateway": { "auth": { "token": secret }, "bind": secret }, "env": { "vars": { "A": secret } }, "ui": { "seamColor": secret },
    });
    for (from, to) in [(&old, &new), (&new, &old)] {
        let shown = format!("{:?}", weaker(&documents(from.clone()), &documents(to.clone())));
        assert!(shown.contains("gateway.auth.token") && !shown.contains(secret) && !shown.contains("7919"), "{shown}");
    }
}

#[test]
fn a_key_cannot_paint_another_line() {
    let changes = weaker(
        &documents(json!({})),
        &documents(json!({ "a\n\u{1b}[2Ktools.deny": { "\u{202e}x": 1 }, "k".repeat(500): 1 })),
    );
    for change in &changes {
        assert!(!change.key.chars().any(char::is_control) && !change.key.contains('\u{202e}'), "{change:?}");
        assert!(change.key.chars().count() < 200, "{change:?}");
    }
    assert_eq!(changes.len(), 2);
}

#[test]
fn there_are_bounds() {
    let many: serde_json::Map<String, Value> = (0..5_000).map(|at| (format!("k{at}"), json!(1))).collect();
    let changes = weaker(&documents(json!({})), &documents(Value::Object(many)));
    assert_eq!(changes.len(), MAX_CHANGES + 1);
    assert_eq!(changes.last().map(|change| change.direction), Some(Direction::Widening));
    let mut deep = json!(1);
    for _ in 0..1_000 {
        deep = json!({ "a": deep });
    }
    let found = way(&json!({}), &deep);
    assert_eq!(found, ["openclaw.json widening"]);
}

/// The compiled policies' own comparison, and that both name a change once.
#[test]
fn each_way_to_widen_is_named_and_its_reverse_is_free() {
    let from_to = |old: (&str, &str), new: (&str, &str)| -> Vec<String> {
        let policy = |(config, own): (&str, &str)| compiled(config, own, None).expect("compiles");
        let documents = |(config, own): (&str, &str)| loaded(config, own);
        let changes = compare((&documents(old), &policy(old)), (&documents(new), &policy(new)));
        let mut keys: Vec<&str> = changes.iter().map(|change| change.key.as_str()).collect();
        keys.dedup();
        assert_eq!(keys.len(), changes.len(), "{changes:?}");
        widenings(&changes).map(str::to_owned).collect()
    };
    let hard = "{agents:{defaults:{sandbox:{mode:'all',scope:'session',workspaceAccess:'none'}}},\
                tools:{exec:{security:'allowlist',ask:'always',host:'sandbox'},fs:{workspaceOnly:true},deny:['process']}}";
    for (weaker, own, key) in [
        (hard.replace("'all'", "'off'"), "{}", "agents.defaults.sandbox.mode"),
        (hard.replace("'all'", "'non-main'"), "{}", "agents.defaults.sandbox.mode"),
        (hard.replace("scope:'session'", "scope:'shared'"), "{}", "agents.defaults.sandbox.scope"),
        (hard.replace("'none'", "'rw'"), "{}", "agents.defaults.sandbox.workspaceAccess"),
        (hard.replace("'allowlist'", "'full'"), "{}", "tools.exec.security"),
        (hard.replace("'always'", "'on-miss'"), "{}", "tools.exec.ask"),
        (hard.replace("host:'sandbox'", "host:'auto'"), "{}", "tools.exec.host"),
        (hard.replace("workspaceOnly:true", "workspaceOnly:false"), "{}", "tools.fs.workspaceOnly"),
        (hard.replace("deny:['process']", "deny:[]"), "{}", "tools (agent main)"),
        (hard.replace("agents:{", "agents:{entries:{main:{},more:{}},"), "{}", "agents.entries.more"),
        (hard.to_owned(), "{egress:{allow:['http://127.0.0.1:1']}}", "egress.allow (stockade.json)"),
        (hard.to_owned(), "{turn:{maxToolCalls:1000}}", "turn.maxToolCalls (stockade.json)"),
        (hard.to_owned(), "{approvals:{timeoutSeconds:86400}}", "approvals.timeoutSeconds (stockade.json)"),
        (hard.to_owned(), "{sandbox:{acceptDegraded:['landlock']}}", "sandbox.acceptDegraded (stockade.json)"),
    ] {
        let keys = from_to((hard, "{}"), (&weaker, own));
        assert!(keys.iter().any(|found| found == key), "{key}: {keys:?}");
        assert!(
            keys.iter().all(|found| found.split(" (").next() == key.split(" (").next()
                || ["tools.deny", "tools (agent main)"].contains(&found.as_str())),
            "{key}: {keys:?}"
        );
        // Without the sandbox that they need, commands were refused; with it they run.
        let back = if key == "agents.defaults.sandbox.mode" { vec!["sandbox.mode (agent main)"] } else { Vec::new() };
        assert_eq!(from_to((&weaker, own), (hard, "{}")), back, "back from {key}");
    }
    assert_eq!(from_to((hard, "{}"), (hard, "{turn:{maxToolCalls:3}}")), Vec::<String>::new());
    let senders = |map: &str| format!("{{tools:{{toolsBySender:{map}}}}}");
    let strict = senders("{'*':{deny:['read','exec']},'id:7':{deny:['write']}}");
    for weaker in [
        "{'*':{deny:['read']},'id:7':{deny:['write']}}",
        "{'*':{deny:['read','exec']}}",
        "{'*':{deny:['read','exec']},'id:7':{deny:['write']},'channel:irc:a':{}}",
    ] {
        let keys = from_to((&strict, "{}"), (&senders(weaker), "{}"));
        assert!(keys.contains(&"tools (agent main)".to_owned()), "{weaker}: {keys:?}");
        assert!(!from_to((&senders(weaker), "{}"), (&strict, "{}")).iter().any(|key| key.starts_with("tools (")));
    }
    // Tools that only the config knows of.
    for entry in ["weather", "outlook__send*", "mcp__outlook__*", "forecast", "group:plugins", "bundle-mcp"] {
        let config = |deny: &str| format!("{{tools:{{deny:[{deny}'exec']}}}}");
        let strict = config(&format!("'{entry}',"));
        let gain = "tools (agent main)".to_owned();
        assert!(from_to((&strict, "{}"), (&config(""), "{}")).contains(&gain), "{entry}");
        assert_eq!(from_to((&config(""), "{}"), (&strict, "{}")), Vec::<String>::new(), "back from {entry}");
        let listed = format!("{{tools:{{allow:['read','{entry}']}}}}");
        let keys = from_to(("{tools:{allow:['read']}}", "{}"), (&listed, "{}"));
        assert_eq!(keys.contains(&gain), !entry.starts_with("mcp__"), "{entry}: {keys:?}");
    }
    // What the main session has outside the sandbox is no reason to give it to the others.
    let split = "{agents:{defaults:{sandbox:{mode:'non-main'}}},tools:{sandbox:{tools:{deny:['exec']}}}}";
    let keys = from_to((split, "{}"), (&split.replace("['exec']", "[]"), "{}"));
    assert!(keys.contains(&"tools (agent main)".to_owned()), "{keys:?}");
}

/// With `tools.exec.host: "sandbox"`, a session outside the sandbox runs no command; one that is put in it does.
#[test]
fn a_sandbox_gives_commands_to_who_had_none() {
    let config = |mode: &str, exec: &str, main: &str| {
        format!(
            "{{agents:{{defaults:{{sandbox:{{mode:'{mode}'}}}},entries:{{main:{{{main}}}}}}},tools:{{exec:{{{exec}}}}}}}"
        )
    };
    let changes = |old: &str, new: &str| {
        let policy = |text: &str| compiled(text, "{}", None).expect("compiles");
        compare((&loaded(old, "{}"), &policy(old)), (&loaded(new, "{}"), &policy(new)))
    };
    let opens = "sandbox.mode (agent main) widening".to_owned();
    for (exec, from, to, opened) in [
        ("host:'sandbox'", "off", "all", true),
        // For the sessions beside the main one, and for the main one.
        ("host:'sandbox'", "off", "non-main", true),
        ("host:'sandbox'", "non-main", "all", true),
        ("host:'auto'", "off", "all", false),
        ("", "non-main", "all", false),
        ("host:'sandbox',security:'deny'", "off", "all", false),
    ] {
        let (old, new) = (config(from, exec, ""), config(to, exec, ""));
        let found: Vec<String> = changes(&old, &new).iter().map(said).collect();
        // What the key by itself says is said too, and hides nothing.
        assert!(found.contains(&"agents.defaults.sandbox.mode tightening".to_owned()), "{exec} {from}: {found:?}");
        assert_eq!(found.contains(&opens), opened, "{exec} {from} to {to}: {found:?}");
        assert_eq!(found.len(), 1 + usize::from(opened), "{found:?}");
        // Back, the document says it already.
        let back: Vec<String> = changes(&new, &old).iter().map(said).collect();
        assert!(back.contains(&"agents.defaults.sandbox.mode widening".to_owned()), "{exec} {to}: {back:?}");
        assert!(!back.contains(&opens), "{exec} {to} to {from}: {back:?}");
    }
    // The agent's own key; and what hides in a change of both.
    let (old, new) = (config("off", "host:'sandbox'", ""), config("off", "host:'sandbox'", "sandbox:{mode:'all'}"));
    assert!(changes(&old, &new).iter().map(said).any(|change| change == opens));
    let new = config("all", "host:'sandbox',ask:'always'", "tools:{deny:['write']}");
    assert_eq!(widenings(&changes(&old, &new)).collect::<Vec<_>>(), ["sandbox.mode (agent main)"]);
}
