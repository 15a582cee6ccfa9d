//! Promise: `stockade up` makes a hardened install of nothing, never overwrites one, refuses what would be
//! unsafe in words that name the way out, and follows edits without ever running a worse config.
#![allow(clippy::disallowed_methods, reason = "the tests start processes and write files as an operator would")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use stockade_core::Secret;
use stockade_gateway::client::Client;
use support::model::Model;
use support::raw::{Heard, Raw, params};
use support::{Home, TOKEN, Up, chat, wait_until};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("a file").permissions().mode() & 0o7777
}

#[tokio::test]
async fn a_fresh_machine_gets_a_private_hardened_install() {
    let home = Home::empty();
    let port = home.port.to_string();
    let first = Up::start(home.command(&["up", "--port", &port]));
    assert_eq!(first.address.to_string(), format!("127.0.0.1:{port}"));
    for folder in [home.state(), home.data()] {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
    }
    let config = home.state().join("openclaw.json");
    let files = [config.clone(), home.state().join("stockade.json"), home.data().join("journal.jsonl")];
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    let loaded = stockade_config::load(&stockade_config::Paths::in_state_dir(&home.state()), &Default::default());
    let loaded = loaded.expect("the baseline loads");
    let token = loaded.config.gateway.auth.shared_secret().expect("a token").expose().to_owned();
    assert!(token.len() >= 43, "256 bits");
    let mut client = Client::connect(first.address, Some(&Secret::new(token.as_str())), &["operator.read"])
        .await
        .expect("the token opens");
    assert_eq!(client.call("health", json!({})).await.expect("health")["ok"], true);
    let said = first.said();
    for piece in ["made", "listening on", "authentication", "sandbox", "exec gate", "stockade approvals watch"] {
        assert!(said.contains(piece), "{piece:?} is not said: {said}");
    }
    assert!(!said.contains(&token), "{said}");
    assert!(!said.contains("weak"), "{said}");

    // A second start on the running state changes nothing and says why it will not.
    let before: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).expect("a file")).collect();
    for arguments in [&["up"][..], &["up", "--port", "1"][..]] {
        let second = home.run(arguments);
        assert_eq!(second.status.code(), Some(2), "{second:?}");
        assert!(second.stderr.contains("already in use"), "{}", second.stderr);
        assert!(!second.stderr.contains(&token) && !second.stdout.contains(&token));
    }
    let after: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).expect("a file")).collect();
    assert_eq!(before, after, "nothing was overwritten");
    // On another port the journal's owner is still the first one.
    home.edit("openclaw.json", &format!("port: {port}"), &format!("port: {}", Home::empty().port));
    let third = home.run(&["up"]);
    assert_eq!(third.status.code(), Some(2), "{third:?}");
    home.edit("openclaw.json", "port: ", &format!("port: {port}, // was "));
    assert_eq!(fs::read(&files[2]).expect("a journal"), before[2], "one writer only");

    let (status, took, said) = first.terminate();
    assert!(status.success() && took < Duration::from_secs(5), "{status} after {took:?}");
    assert!(said.contains("stopping: SIGTERM"), "{said}");
    let tail: Value = serde_json::from_str(&home.run(&["journal", "tail", "-n1", "--json"]).stdout).expect("JSON");
    assert_eq!(tail["detail"]["act"], "stop");
    assert!(!home.written().contains(&token));

    let again = home.up();
    assert_eq!(again.get("/readyz").0, 200);
    assert!(!again.said().contains("made"), "{}", again.said());
    drop(again);
    assert!(home.run(&["journal", "verify"]).status.success(), "a killed gateway leaves a whole journal");
    assert_eq!(home.up().get("/readyz").0, 200, "and one can start after it");
}

/// What is refused, and the pieces of the message that let the operator mend it.
#[test]
fn unsafe_and_unreadable_configs_are_refused_in_words() {
    let token = format!("token: \"{TOKEN}\"");
    let with = |gateway: &str| format!("{{ gateway: {{ port: PORT, {gateway} }} }}");
    let short = &TOKEN[..23];
    for (what, config, pieces) in [
        ("no auth on the network", with("bind: 'lan', auth: { mode: 'none' }"), vec!["gateway.auth.mode", "loopback"]),
        (
            "no token on the network",
            with("bind: 'lan', auth: { mode: 'token' }"),
            vec!["gateway.auth.token", "openssl"],
        ),
        ("a placeholder", with("auth: { token: 'replace-with-your-long-random-token' }"), vec!["placeholder"]),
        ("23 characters", with(&format!("auth: {{ token: '{short}' }}")), vec!["gateway.auth.token", "23 characters"]),
        (
            "an unknown security key",
            with(&format!("auth: {{ {token}, rateLimits: {{}} }}")),
            vec!["rateLimits", "rateLimit"],
        ),
        (
            "a misspelt tools key",
            format!("{{ gateway: {{ port: PORT, auth: {{ {token} }} }}, tools: {{ denny: ['exec'] }} }}"),
            vec!["tools.denny", "tools.deny"],
        ),
        ("no JSON5", "{\n  gateway: {\n    port: ]\n}".to_owned(), vec!["openclaw.json:3:11"]),
        ("a missing variable", with("auth: { token: '${MY_GATEWAY_TOKEN}' }"), vec!["MY_GATEWAY_TOKEN"]),
        ("too deep", format!("{{ a: {}", "[".repeat(100_000)), vec!["openclaw.json"]),
        ("a wrong type", with(&format!("auth: {{ {token} }}, bind: 7")), vec!["gateway.bind"]),
        ("TLS that is not there", with(&format!("auth: {{ {token} }}, tls: {{ enabled: true }}")), vec!["gateway.tls"]),
    ] {
        let home = Home::with_config(&config);
        let before = home.read("openclaw.json");
        let refused = home.run(&["up"]);
        assert_eq!(refused.status.code(), Some(2), "{what}: {refused:?}");
        for piece in pieces {
            assert!(refused.stderr.contains(piece), "{what}: {piece:?} is not in: {}", refused.stderr);
        }
        assert!(!refused.stderr.contains(TOKEN) && !refused.stderr.contains(short), "{what}: {}", refused.stderr);
        assert!(!refused.stderr.contains("listening"), "{what}");
        assert_eq!(home.read("openclaw.json"), before, "{what}");
    }
}

#[test]
fn an_existing_weak_config_starts_and_is_told() {
    let config = format!(
        "{{ gateway: {{ port: PORT, auth: {{ token: \"{TOKEN}\" }} }}, tools: {{ exec: {{ security: 'full', ask: 'off' }} }} }}"
    );
    let home = Home::with_config(&config);
    let before = home.read("openclaw.json");
    let up = home.up();
    let said = up.said();
    let weak: Vec<&str> = said.lines().filter(|line| line.trim_start().starts_with("weak")).collect();
    for key in ["tools.exec.security", "agents.defaults.sandbox.mode", "tools.fs.workspaceOnly", "discovery.mdns.mode"]
    {
        assert!(weak.iter().any(|line| line.contains(key)), "{key} is not told: {said}");
    }
    assert!(said.contains("off") && said.contains("every command runs unasked"), "{said}");
    assert!(!said.contains(TOKEN));
    assert_eq!(home.read("openclaw.json"), before, "the operator's meaning stays");
}

#[tokio::test]
async fn yaml_and_the_environment_are_read() {
    let home = Home::empty();
    stockade_config::create_state_dir(&home.state()).expect("a state directory");
    home.write(
        "openclaw.yaml",
        &format!("gateway:\n  port: {}\n  auth:\n    mode: token\n    token: ${{CLAW_TOKEN}}\n", home.port),
    );
    let missing = home.run(&["up"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(missing.stderr.contains("CLAW_TOKEN") && missing.stderr.contains("openclaw.yaml"), "{}", missing.stderr);
    let mut command = home.command(&["up"]);
    command.env("CLAW_TOKEN", TOKEN);
    let up = Up::start(command);
    assert_eq!(up.operator().await.call("health", json!({})).await.expect("health")["ok"], true);
    assert!(!home.state().join("openclaw.json").exists(), "no second config is made beside it");
    assert!(!up.said().contains(TOKEN));
}

#[tokio::test]
async fn an_edit_is_followed_and_a_bad_edit_is_not() {
    let model = Model::start();
    let home = Home::baseline(&model.url);
    let up = home.up();
    let mut operator = up.operator().await;
    model.says("One.");
    chat(&mut operator, "hello").await.expect("an answer");
    assert!(model.offered().iter().any(|name| name == "write"), "{:?}", model.offered());

    home.edit("openclaw.json", "tools: {\n", "tools: {\n    deny: [\"write\"],\n");
    support::event(&mut operator, "the config is reloaded", |event| event.name == "config.changed").await;
    model.calls("write", json!({ "path": "a.txt", "content": "x" })).says("Two.");
    chat(&mut operator, "hello").await.expect("an answer");
    assert!(!model.offered().iter().any(|name| name == "write"), "{:?}", model.offered());
    assert!(model.heard().contains("refused"), "{}", model.heard());
    assert!(!home.workspace().join("a.txt").exists());

    // Each of these would be worse than what runs, or nothing at all: what runs stays.
    let good = home.read("openclaw.json");
    for (bad, why) in [
        (good.replace("deny:", "dney:"), "tools.dney"),
        (good.replace(TOKEN, "changeme"), "gateway.auth.token is a placeholder"),
        ("{ gateway: ".to_owned(), "the file ends"),
    ] {
        home.write("openclaw.json", &bad);
        wait_until("the bad edit is noticed", || up.said().contains(why));
        model.says("Three.");
        chat(&mut operator, "hello").await.expect("an answer");
        assert!(!model.offered().iter().any(|name| name == "write"), "{:?}", model.offered());
    }
    assert!(up.said().contains("the running one stays in force"), "{}", up.said());
    fs::remove_file(home.state().join("openclaw.json")).expect("removed");
    wait_until("the removal is noticed", || up.said().contains("no config here"));
    up.client(&["operator.read"]).await;

    // An edit that would allow more waits for the operator, who confirms exactly what was held.
    home.write("openclaw.json", &good.replace("deny: [\"write\"]", "deny: [\"read\"]"));
    wait_until("the edit is held", || up.said().contains("`stockade config held`"));
    model.says("Still three.");
    chat(&mut operator, "hello").await.expect("an answer");
    assert!(!model.offered().iter().any(|name| name == "write"), "{:?}", model.offered());
    let held = home.run(&["config", "held"]);
    assert!(held.status.success() && held.stdout.contains("tools"), "{held:?}");
    let guess = json!({ "generation": "0".repeat(64) });
    operator.call("stockade.config.confirm", guess).await.expect_err("no such config is held");
    let other = home.run(&["config", "confirm", "000000000000"]);
    assert!(!other.status.success() && other.stderr.contains("not what you were shown"), "{other:?}");
    let confirmed = home.run(&["config", "confirm", &generation(&home)]);
    assert!(confirmed.status.success(), "{confirmed:?}");
    support::event(&mut operator, "the config is reloaded", |event| event.name == "config.changed").await;
    model.says("Four.");
    chat(&mut operator, "hello").await.expect("an answer");
    assert!(model.offered().iter().any(|name| name == "write"), "{:?}", model.offered());
    assert!(!model.offered().iter().any(|name| name == "read"), "{:?}", model.offered());
    let (_, _, said) = up.terminate();
    assert!(!said.contains(TOKEN) && !home.written().contains(TOKEN));
}

#[tokio::test]
async fn a_rotated_token_closes_what_the_old_one_opened() {
    let home = Home::baseline("http://127.0.0.1:1");
    let up = home.up();
    let mut old = Raw::open(up.address).await;
    assert_eq!(old.connect(&params(&["operator.admin"])).await["ok"], true);
    let fresh = TOKEN.chars().rev().collect::<String>();
    home.edit("openclaw.json", TOKEN, &fresh);
    // Whoever can write the file could let himself in: another secret waits for the operator, whose command line
    // still gets through although the file names the new one.
    wait_until("the edit is held", || up.said().contains("would allow more (gateway.auth.token)"));
    assert!(matches!(Raw::open(up.address).await.connect(&params(&[])).await["ok"], serde_json::Value::Bool(true)));
    let confirmed = home.run(&["config", "confirm", &generation(&home)]);
    assert!(confirmed.status.success(), "{confirmed:?}");
    let close = loop {
        match old.hear().await {
            Heard::Frame(_) => {}
            other => break other,
        }
    };
    assert!(matches!(close, Heard::Closed(4001, _)), "{close:?}");
    let refused = Raw::open(up.address).await.connect(&params(&[])).await;
    assert_eq!(refused["error"]["details"]["code"], "AUTH_TOKEN_MISMATCH", "{refused}");
    let mut client =
        Client::connect(up.address, Some(&Secret::new(fresh.as_str())), &["operator.read"]).await.expect("in");
    client.call("health", json!({})).await.expect("health");
    let said = up.said();
    assert!(!said.contains(TOKEN) && !said.contains(&fresh), "{said}");
    assert!(!home.written().contains(&fresh) && !home.written().contains(TOKEN));
}

/// Whether any process runs this command line.
fn runs(piece: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.map(|line| stockade_core::text::lossy(&line).replace('\0', " ")).any(|line| line.contains(piece))
}

#[tokio::test]
async fn stopping_takes_running_commands_along() {
    for (way, signal) in [("a stop", "TERM"), ("a crash", "KILL")] {
        let model = Model::start();
        let home = Home::baseline(&model.url);
        let up = home.up();
        let mut operator = up.operator().await;
        let canary = format!("7{}", home.port);
        let command = format!("sleep {canary} & setsid sleep {canary} & sleep {canary}");
        model.calls("exec", json!({ "command": command })).says("Done.");
        support::send(&mut operator, "wait").await;
        let asked = support::event(&mut operator, "a question", |event| event.name == "exec.approval.requested").await;
        let yes = json!({ "id": asked.payload["id"], "decision": "allow-once" });
        operator.call("exec.approval.resolve", yes).await.expect("allowed");
        let line = format!("sleep {canary}");
        wait_until("the command runs", || runs(&line));
        if signal == "TERM" {
            let (status, took, _) = up.terminate();
            assert!(status.success() && took < Duration::from_secs(10), "{status} after {took:?}");
        } else {
            drop(up);
        }
        wait_until(&format!("{way} ends the command"), || !runs(&line));
        assert!(home.run(&["journal", "verify"]).status.success(), "{way}");
    }
}

/// Another address of a provider is where the operator's key and the conversations would go.
#[tokio::test]
async fn a_provider_that_moves_waits_for_the_operator() {
    let model = Model::start();
    let home = Home::baseline(&model.url);
    let up = home.up();
    let mut operator = up.operator().await;
    home.edit("openclaw.json", &model.url, "http://127.0.0.1:9");
    wait_until("the edit is held", || up.said().contains("would allow more (models.providers.local.baseUrl)"));
    model.says("Still here.");
    chat(&mut operator, "hello").await.expect("the old provider answers");
}

/// With the host open to the file tools, the gateway's own state still is not, by whatever name.
#[tokio::test]
async fn the_state_is_hidden_from_an_open_host_too() {
    let model = Model::start();
    let home = Home::baseline(&model.url);
    home.edit("openclaw.json", "mode: \"all\"", "mode: \"off\"");
    home.edit("openclaw.json", "workspaceOnly: true", "workspaceOnly: false");
    std::os::unix::fs::symlink(home.state().file_name().expect("a name"), home.path().join("link")).expect("linked");
    let up = home.up();
    let config = home.path().join("link/openclaw.json");
    model.calls("read", json!({ "path": config })).says("Done.");
    chat(&mut up.operator().await, "hello").await.expect("an answer");
    assert!(!model.heard().contains("gateway: {"), "{}", model.heard());
    assert!(model.heard().contains("leads out of the folders"), "{}", model.heard());
}

/// The config that waits for the operator.
fn generation(home: &Home) -> String {
    let held = home.run(&["config", "held", "--json"]);
    let held: serde_json::Value =
        serde_json::from_str(&held.stdout).unwrap_or_else(|error| panic!("{error}: {held:?}"));
    held["held"]["generation"].as_str().expect("one waits").to_owned()
}
