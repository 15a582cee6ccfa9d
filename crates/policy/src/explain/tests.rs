//! What an explanation says would change a decision does change it, and the keys that it names are there.

use serde_json::{Value, json};
use stockade_core::Denial;

use super::*;
use crate::exec::tests::call;
use crate::judge::{Judge, Lock};
use crate::policy::tests::compiled;

/// A config, as values.
#[derive(Clone)]
struct Config {
    documents: Documents,
}

/// What is asked.
#[derive(Clone, Copy)]
enum Asked {
    Exec(&'static str),
    Tool(&'static str),
    Fetch(&'static str),
}

impl Config {
    fn new(openclaw: Value, own: Value, approvals: Value) -> Self {
        Self { documents: Documents { openclaw, own, approvals } }
    }

    fn explained(&self, asked: Asked) -> (Decision, Explanation) {
        let Documents { openclaw, own, approvals } = &self.documents;
        let approvals = (!approvals.is_null()).then(|| approvals.to_string());
        let policy = compiled(&openclaw.to_string(), &own.to_string(), approvals.as_deref()).expect("compiles");
        let agent = policy.default_agent().expect("an agent");
        let session = SessionKey::main(&agent.id);
        let sender = Sender::owner();
        let judge = Judge::new(&policy, &Lock::Released);
        let own_call = |command: &str| {
            let mut call = call(command);
            call.context.generation = policy.generation;
            call.context.sender = sender.clone();
            call
        };
        let subject = Subject {
            agent: Some(agent),
            session: &session,
            sender: &sender,
            tool: &Tool::core("exec"),
            exec: None,
            url: None,
            again: None,
        };
        match asked {
            Asked::Exec(command) => {
                let call = own_call(command);
                let (decision, call) = judge.exec(call).told();
                let explanation =
                    explain(&policy, &self.documents, Subject { exec: Some(&call), ..subject }, &decision);
                (decision, explanation)
            }
            Asked::Tool(name) => {
                let tool = Tool::core(name);
                let decision = match judge.tool(agent, &session, &sender, &tool) {
                    Ok(()) => Decision::Allow { rule: Rule::ToolLayers },
                    Err(denial) => Decision::Deny(denial),
                };
                let explanation = explain(&policy, &self.documents, Subject { tool: &tool, ..subject }, &decision);
                (decision, explanation)
            }
            Asked::Fetch(address) => {
                let url = Url::parse(address).expect("a URL");
                let decision = match crate::egress::judge_url(&policy.egress, &url) {
                    Ok(()) => Decision::Allow { rule: Rule::Egress },
                    Err(denial) => Decision::Deny(denial),
                };
                let tool = Tool::core("web_fetch");
                let again = |rules: &crate::egress::EgressPolicy| match crate::egress::judge_url(rules, &url) {
                    Ok(()) => Decision::Allow { rule: Rule::Egress },
                    Err(denial) => Decision::Deny(denial),
                };
                let subject = Subject { tool: &tool, url: Some(&url), again: Some(&again), ..subject };
                let explanation = explain(&policy, &self.documents, subject, &decision);
                (decision, explanation)
            }
        }
    }

    fn edited(&self, edit: &Edit) -> Self {
        let mut edited = self.clone();
        let document = match edit.file {
            File::OpenClaw => &mut edited.documents.openclaw,
            File::Own => &mut edited.documents.own,
            File::Approvals => &mut edited.documents.approvals,
        };
        let mut at = document;
        for part in edit.key.split('.') {
            if at.is_null() {
                *at = json!({});
            }
            at = at.as_object_mut().expect("an object").entry(part).or_insert(Value::Null);
        }
        let list = |at: &mut Value| at.as_array().cloned().unwrap_or_default();
        *at = match &edit.act {
            Act::Set(value) => value.clone(),
            Act::Add(value) => list(at).into_iter().chain([value.clone()]).collect(),
            Act::Remove(value) => list(at).into_iter().filter(|entry| entry != value).collect(),
        };
        if let Value::Object(approvals) = &mut edited.documents.approvals {
            approvals.insert("version".into(), json!(1));
        }
        edited
    }
}

#[test]
fn what_would_change_a_decision_changes_it() {
    let exec = |exec: Value| json!({ "tools": { "exec": exec } });
    let listed = json!({ "version": 1, "agents": { "main": { "allowlist": [{ "pattern": "/usr/bin/ls" }] } } });
    let none = Value::Null;
    for (openclaw, own, approvals, asked, rule) in [
        (json!({ "tools": { "deny": ["Exec"] } }), none.clone(), none.clone(), Asked::Tool("exec"), "tool.layers"),
        (
            json!({ "tools": { "deny": ["group:runtime"] } }),
            none.clone(),
            none.clone(),
            Asked::Tool("exec"),
            "tool.layers",
        ),
        (json!({ "tools": { "allow": ["read"] } }), none.clone(), none.clone(), Asked::Tool("exec"), "tool.layers"),
        (
            json!({ "tools": { "profile": "messaging" } }),
            none.clone(),
            none.clone(),
            Asked::Tool("exec"),
            "tool.layers",
        ),
        (
            json!({ "agents": { "entries": { "main": { "tools": { "deny": ["message"] } } } } }),
            none.clone(),
            none.clone(),
            Asked::Tool("message"),
            "tool.layers",
        ),
        (
            json!({ "agents": { "defaults": { "sandbox": { "mode": "all" } } } }),
            none.clone(),
            none.clone(),
            Asked::Tool("browser"),
            "tool.layers",
        ),
        (
            json!({ "tools": { "web": { "fetch": { "enabled": false } } } }),
            none.clone(),
            none.clone(),
            Asked::Tool("web_fetch"),
            "tool.layers",
        ),
        (exec(json!({ "security": "deny" })), none.clone(), none.clone(), Asked::Exec("ls"), "exec.security"),
        (exec(json!({ "mode": "deny" })), none.clone(), none.clone(), Asked::Exec("ls"), "exec.security"),
        (exec(json!({ "ask": "always" })), none.clone(), none.clone(), Asked::Exec("ls"), "exec.ask"),
        (
            none.clone(),
            none.clone(),
            json!({ "version": 1, "defaults": { "ask": "always" } }),
            Asked::Exec("ls"),
            "exec.ask",
        ),
        (
            exec(json!({ "strictInlineEval": true })),
            none.clone(),
            none.clone(),
            Asked::Exec("python3 -c 'print(1)'"),
            "exec.ask",
        ),
        (exec(json!({ "mode": "ask" })), none.clone(), listed.clone(), Asked::Exec("wc -l"), "exec.allowlist"),
        (exec(json!({ "mode": "allowlist" })), none.clone(), listed.clone(), Asked::Exec("wc -l"), "exec.allowlist"),
        (none.clone(), none.clone(), none.clone(), Asked::Fetch("http://127.0.0.1:9000/x"), "egress"),
        (
            none.clone(),
            json!({ "egress": { "deny": ["evil.example"] } }),
            none.clone(),
            Asked::Fetch("https://a.evil.example/"),
            "egress",
        ),
        // What is allowed can be forbidden.
        (exec(json!({ "mode": "ask" })), none.clone(), listed, Asked::Exec("ls"), "exec.allowlist"),
        (none.clone(), none.clone(), none.clone(), Asked::Exec("ls"), "exec.security"),
        (none.clone(), none.clone(), none.clone(), Asked::Tool("message"), "tool.layers"),
        (none.clone(), none.clone(), none, Asked::Fetch("https://example.org/"), "egress"),
    ] {
        let object = |value: Value| if value.is_null() { json!({}) } else { value };
        let config = Config::new(object(openclaw), object(own), approvals);
        let (before, explanation) = config.explained(asked);
        let shown = format!("{before:?} {explanation:?}");
        assert_eq!(before.rule().id(), rule, "{shown}");
        assert!(!explanation.from.is_empty(), "{shown}");
        let edits: Vec<&Edit> = explanation.change.iter().filter_map(|change| change.edit.as_ref()).collect();
        assert!(!edits.is_empty(), "{shown}");
        // A tool that is denied as a whole is asked about as a tool.
        for edit in edits {
            let (after, _) = match (asked, edit.key.as_str()) {
                (Asked::Fetch(_), "tools.deny") => config.edited(edit).explained(Asked::Tool("web_fetch")),
                _ => config.edited(edit).explained(asked),
            };
            assert!(after != before, "{edit:?} changes nothing: {shown} {after:?}");
            let loosens = !matches!(before, Decision::Allow { .. });
            assert!(!loosens || after.verdict() != "deny" || before.verdict() != "ask", "{edit:?} {after:?}");
        }
    }
}

#[test]
fn the_settings_that_are_named_are_the_ones_that_stand_there() {
    let openclaw = json!({
        "tools": { "exec": { "security": "allowlist", "ask": "on-miss" } },
        "agents": { "entries": { "main": { "tools": { "exec": { "ask": "always" } } } } },
        "gateway": { "auth": { "mode": "token", "token": "the-secret-of-the-gateway-0123456789" } },
    });
    let config = Config::new(openclaw, json!({}), Value::Null);
    let (decision, explanation) = config.explained(Asked::Exec("ls"));
    assert_eq!(decision.rule(), Rule::ExecAsk);
    let named: Vec<(&str, Option<&str>)> =
        explanation.from.iter().map(|set| (set.key.as_str(), set.value.as_deref())).collect();
    assert_eq!(
        named,
        [
            ("tools.exec.security", Some("\"allowlist\"")),
            ("tools.exec.ask", Some("\"on-miss\"")),
            ("agents.entries.main.tools.exec.ask", Some("\"always\"")),
        ]
    );
    let keys: Vec<&str> =
        explanation.change.iter().filter_map(|change| change.edit.as_ref()).map(|edit| edit.key.as_str()).collect();
    assert_eq!(keys, ["agents.entries.main.tools.exec.ask"], "the key that is the strictest");
    assert!(!format!("{explanation:?}").contains("the-secret"));
}

#[test]
fn every_rule_says_what_to_do() {
    let config = Config::new(json!({}), json!({}), Value::Null);
    let policy = compiled("{tools:{exec:{mode:'ask'}}}", "{}", None).expect("compiles");
    let agent = policy.default_agent().expect("an agent");
    let session = SessionKey::main(&agent.id);
    let (tool, sender, call) = (Tool::core("exec"), Sender::owner(), call("nosuch $(id)"));
    let url = Url::parse("http://10.0.0.1/").expect("a URL");
    for rule in Rule::ALL {
        let decision = Decision::Deny(Denial::policy(*rule, "x"));
        let subject = Subject {
            agent: Some(agent),
            session: &session,
            sender: &sender,
            tool: &tool,
            exec: Some(&call),
            url: Some(&url),
            again: None,
        };
        let explanation = explain(&policy, &config.documents, subject, &decision);
        let about_a_turn =
            [Rule::Approval, Rule::Permit, Rule::TurnLimit, Rule::ToolLayers, Rule::ExecSecurity, Rule::ExecAsk];
        assert!(!explanation.change.is_empty() || about_a_turn.contains(rule), "{rule}");
        let nobody = Subject { agent: None, exec: None, url: None, ..subject };
        let _ = explain(&policy, &config.documents, nobody, &decision);
    }
}

#[test]
fn what_would_not_change_it_is_not_proposed() {
    let ask = json!({ "tools": { "exec": { "mode": "ask" } } });
    let config = Config::new(ask, json!({}), Value::Null);
    // Listing an interpreter, or a program with an option that writes, would widen and still ask.
    for command in ["python3 a.py", "find . -delete", "ls > out"] {
        let (_, explanation) = config.explained(Asked::Exec(command));
        assert!(explanation.change.iter().all(|change| change.edit.is_none()), "{command}: {explanation:?}");
    }
    let own = json!({ "egress": { "deny": ["10.0.0.0/8", "evil.example", "other.example"] } });
    let config = Config::new(json!({}), own, Value::Null);
    let (_, explanation) = config.explained(Asked::Fetch("https://a.evil.example/"));
    let edits: Vec<&Edit> = explanation.change.iter().filter_map(|change| change.edit.as_ref()).collect();
    assert_eq!(edits.iter().map(|edit| &edit.act).collect::<Vec<_>>(), [&Act::Remove(json!("evil.example"))]);
    // All that refuse are named, since the first alone changes nothing.
    let twice = json!({
        "tools": { "deny": ["exec", "group:runtime"] },
        "agents": { "list": [{ "id": "other" }, { "id": "main", "default": true, "tools": { "deny": ["bash"] } }] },
    });
    let (_, explanation) = Config::new(twice, json!({}), Value::Null).explained(Asked::Tool("exec"));
    let keys: Vec<&str> = explanation.from.iter().map(|set| set.key.as_str()).collect();
    assert_eq!(keys, ["tools.deny", "tools.deny", "agents.list.1.tools.deny"], "{explanation:?}");
}
