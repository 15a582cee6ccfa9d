//! Promise: a config that allows more is in force only after an operator said so, also when it was edited while
//! the gateway was down; and he always has a way to say so.
#![allow(clippy::disallowed_methods, reason = "the tests start processes and write files as an operator would")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::{Value, json};
use stockade_core::Secret;
use stockade_gateway::client::Client;
use support::model::Model;
use support::raw::{Heard, Raw, params};
use support::{Home, Ran, TOKEN, Up, chat, wait_until};

/// The tools that a turn is offered now.
async fn offered(up: &Up, model: &Model) -> Vec<String> {
    model.says("Yes.");
    chat(&mut up.operator().await, "hello").await.expect("an answer");
    model.offered()
}

fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// What waits: its generation and its changes, as `key direction`.
fn held(home: &Home) -> (String, Vec<String>) {
    let held = json_of(&home.run(&["config", "held", "--json"]));
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let changes = held["held"]["changes"].as_array().unwrap_or_else(|| panic!("nothing waits: {held}"));
    let said = |change: &Value| format!("{} {}", text(&change["key"]), text(&change["direction"]));
    (text(&held["held"]["generation"]), changes.iter().map(said).collect())
}

fn acts(home: &Home) -> Vec<String> {
    let ran = home.run(&["journal", "tail", "-n", "200", "--json"]);
    let records = ran.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    records.filter_map(|record| record["detail"]["act"].as_str().map(str::to_owned)).collect()
}

const DENIED: &str = "tools: {\n    deny: [\"write\"],\n";

/// A home on the baseline whose agents may not write files.
fn without_write(model: &Model) -> Home {
    let home = Home::baseline(&model.url);
    home.edit("openclaw.json", "tools: {\n", DENIED);
    home
}

#[tokio::test]
async fn what_widened_while_the_gateway_was_down_waits() {
    let model = Model::start();
    let home = without_write(&model);
    let up = home.up();
    assert!(!offered(&up, &model).await.contains(&"write".to_owned()));
    up.terminate();
    assert!(acts(&home).contains(&"config first seen".to_owned()));

    home.edit("openclaw.json", DENIED, "tools: {\n");
    home.edit("openclaw.json", "\"always\"", "\"off\"");
    let up = home.up();
    let said = up.said();
    for piece in ["would allow more than the confirmed one", "tools.deny", "tools.exec.ask", "stockade config confirm"]
    {
        assert!(said.contains(piece), "{piece:?} is not said: {said}");
    }
    assert!(!offered(&up, &model).await.contains(&"write".to_owned()), "the confirmed config is in force");
    model.calls("write", json!({ "path": "a.txt", "content": "x" })).says("Done.");
    chat(&mut up.operator().await, "hello").await.expect("an answer");
    assert!(model.heard().contains("refused") && !home.workspace().join("a.txt").exists(), "{}", model.heard());
    let (generation, changes) = held(&home);
    for change in ["tools.deny widening", "tools.exec.ask widening"] {
        assert!(changes.contains(&change.to_owned()), "{changes:?}");
    }
    let shown = home.run(&["config", "held"]);
    assert!(shown.stdout.contains("widening") && shown.stdout.contains("tools.deny: "), "{shown:?}");
    assert!(shown.stdout.contains("from \"always\" to \"off\""), "{shown:?}");
    // Starting again does not wear it down.
    up.terminate();
    let up = home.up();
    assert!(!offered(&up, &model).await.contains(&"write".to_owned()));

    let confirmed = home.run(&["config", "confirm", &generation[..12]]);
    assert!(confirmed.status.success(), "{confirmed:?}");
    assert!(offered(&up, &model).await.contains(&"write".to_owned()));
    up.terminate();
    let up = home.up();
    assert!(!up.said().contains("waits"), "{}", up.said());
    assert!(offered(&up, &model).await.contains(&"write".to_owned()), "confirmed once, for good");
    assert_eq!(json_of(&home.run(&["config", "held", "--json"]))["held"], Value::Null);
    let acts = acts(&home);
    assert!(acts.contains(&"config held".to_owned()) && acts.contains(&"config confirmed".to_owned()), "{acts:?}");
    assert!(!home.written().contains(TOKEN));
}

#[tokio::test]
async fn what_tightened_while_the_gateway_was_down_is_in_force_at_once() {
    let model = Model::start();
    let home = Home::baseline(&model.url);
    let up = home.up();
    assert!(offered(&up, &model).await.contains(&"write".to_owned()));
    up.terminate();
    home.edit("openclaw.json", "tools: {\n", DENIED);
    let up = home.up();
    assert!(!up.said().contains("waits"), "{}", up.said());
    assert!(!offered(&up, &model).await.contains(&"write".to_owned()));
    up.terminate();
    // And it is what the next edit is measured by.
    home.edit("openclaw.json", DENIED, "tools: {\n");
    let up = home.up();
    assert!(up.said().contains("tools.deny"), "{}", up.said());
    assert!(!offered(&up, &model).await.contains(&"write".to_owned()));
    // Taken back, nothing waits any more.
    home.edit("openclaw.json", "tools: {\n", DENIED);
    wait_until("nothing waits", || home.run(&["config", "held"]).stderr.contains("no changed config waits"));
    let mode = fs::metadata(home.data().join("confirmed.json")).expect("a record").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[tokio::test]
async fn another_token_in_the_file_does_not_let_anyone_in() {
    let home = Home::baseline("http://127.0.0.1:1");
    home.up().terminate();
    let fresh: String = TOKEN.chars().rev().collect();
    home.edit("openclaw.json", TOKEN, &fresh);
    let up = home.up();
    assert!(up.said().contains("gateway.auth.token") && !up.said().contains(&fresh), "{}", up.said());
    let intruder = Client::connect(up.address, Some(&Secret::new(fresh.as_str())), &["operator.read"]).await;
    assert!(intruder.is_err(), "the new token is nobody's yet");
    up.operator().await.call("health", json!({})).await.expect("the old one opens");
    // The operator's command line has a key of its own.
    let (generation, _) = held(&home);
    assert!(home.run(&["config", "confirm", &generation]).status.success());
    Client::connect(up.address, Some(&Secret::new(fresh.as_str())), &["operator.read"]).await.expect("opens");
    assert!(!home.written().contains(&fresh) && !home.written().contains(TOKEN));
}

#[test]
fn the_host_approvals_are_part_of_it() {
    let home = Home::baseline("http://127.0.0.1:1");
    home.write("exec-approvals.json", r#"{"version":1,"defaults":{"security":"deny"}}"#);
    home.up().terminate();
    fs::remove_file(home.state().join("exec-approvals.json")).expect("removed");
    let up = home.up();
    assert!(up.said().contains("defaults.security (exec-approvals.json)"), "{}", up.said());
    assert!(held(&home).1.contains(&"defaults.security (exec-approvals.json) widening".to_owned()));
}

#[test]
fn a_damaged_record_stops_the_start_and_the_operator_can_go_on() {
    type Spoil = fn(&std::path::Path);
    let spoils: [(&str, Spoil); 7] = [
        ("removed", |record| fs::remove_file(record).expect("removed")),
        ("empty", |record| fs::write(record, "").expect("written")),
        ("cut", |record| {
            let text = fs::read(record).expect("a record");
            fs::write(record, &text[..text.len() / 2]).expect("written");
        }),
        ("another version", |record| {
            let text = fs::read_to_string(record).expect("a record");
            fs::write(record, text.replace("\"version\": 1,", "\"version\": 7,")).expect("written");
        }),
        ("open to others", |record| fs::set_permissions(record, fs::Permissions::from_mode(0o666)).expect("ours")),
        ("a dangling link", |record| {
            fs::remove_file(record).expect("removed");
            symlink("/nonexistent", record).expect("linked");
        }),
        ("a config that is refused", |record| {
            let text = fs::read_to_string(record).expect("a record");
            fs::write(record, text.replace(TOKEN, "changeme")).expect("written");
        }),
    ];
    let home = Home::baseline("http://127.0.0.1:1");
    home.up().terminate();
    let record = home.data().join("confirmed.json");
    let good = fs::read(&record).expect("a record");
    for (what, spoil) in spoils {
        spoil(&record);
        let refused = home.run(&["up"]);
        assert_eq!(refused.status.code(), Some(2), "{what}: {refused:?}");
        for piece in ["confirmed.json", "stockade config accept"] {
            assert!(refused.stderr.contains(piece), "{what}: {piece:?} is not in: {}", refused.stderr);
        }
        assert!(!refused.stderr.contains("listening") && !refused.stderr.contains(TOKEN), "{what}: {}", refused.stderr);

        // Looking accepts nothing; a name that was not shown neither.
        let shown = home.run(&["config", "accept"]);
        assert!(shown.status.success() && shown.stdout.contains("cannot be shown"), "{what}: {shown:?}");
        assert_eq!(home.run(&["config", "accept", "000000000000"]).status.code(), Some(2), "{what}");
        assert_eq!(home.run(&["up"]).status.code(), Some(2), "{what}");
        let generation = json_of(&home.run(&["config", "accept", "--json"]))["generation"].clone();
        let accepted = home.run(&["config", "accept", generation.as_str().expect("text")]);
        assert!(accepted.status.success(), "{what}: {accepted:?}");
        home.up().terminate();
        assert!(acts(&home).contains(&"config accepted".to_owned()), "{what}");
        fs::remove_file(&record).expect("removed");
        fs::write(&record, &good).expect("written");
        fs::set_permissions(&record, fs::Permissions::from_mode(0o600)).expect("ours");
    }
    assert!(home.run(&["journal", "verify"]).status.success());
}

#[test]
fn a_wider_config_is_accepted_by_its_name_and_only_without_a_gateway() {
    let model = Model::start();
    let home = without_write(&model);
    let up = home.up();
    home.edit("openclaw.json", DENIED, "tools: {\n");
    wait_until("the edit is held", || up.said().contains("`stockade config held`"));
    let generation = json_of(&home.run(&["config", "accept", "--json"]))["generation"].clone();
    let generation = generation.as_str().expect("text");
    let running = home.run(&["config", "accept", generation]);
    assert!(!running.status.success() && running.stderr.contains("stockade config confirm"), "{running:?}");
    up.terminate();
    let shown = home.run(&["config", "accept"]);
    assert!(shown.stdout.contains("widening") && shown.stdout.contains("tools.deny"), "{shown:?}");
    assert!(home.run(&["config", "accept", &generation[..12]]).status.success());
    assert!(!home.up().said().contains("waits"));
}

#[test]
fn a_value_of_the_environment_is_confirmed_too() {
    let home = Home::with_config(
        "{ gateway: { port: PORT, auth: { token: '${CLAW_TOKEN}' } }, tools: { exec: { security: '${CLAW_EXEC}' } } }",
    );
    let with = |arguments: &[&str], token: &str, exec: &str| {
        let mut command = home.command(arguments);
        command.env("CLAW_TOKEN", token).env("CLAW_EXEC", exec);
        command
    };
    let run = |arguments: &[&str], exec: &str| support::finish(with(arguments, TOKEN, exec), support::PATIENCE);
    Up::start(with(&["up"], TOKEN, "deny")).terminate();
    assert!(!fs::read_to_string(home.data().join("confirmed.json")).expect("a record").contains(TOKEN));
    Up::start(with(&["up"], TOKEN, "deny")).terminate();
    let refused = run(&["up"], "full");
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(refused.stderr.contains("tools.exec.security") && refused.stderr.contains("config accept"), "{refused:?}");
    let generation = json_of(&run(&["config", "accept", "--json"], "full"))["generation"].clone();
    assert!(run(&["config", "accept", generation.as_str().expect("text")], "full").status.success());
    Up::start(with(&["up"], TOKEN, "full")).terminate();
    // The same with the token, which no message shows.
    let fresh: String = TOKEN.chars().rev().collect();
    let refused = support::finish(with(&["up"], &fresh, "full"), support::PATIENCE);
    assert!(refused.stderr.contains("gateway.auth.token") && !refused.stderr.contains(&fresh), "{refused:?}");
}

#[tokio::test]
async fn what_was_shown_is_what_is_confirmed() {
    let model = Model::start();
    let home = without_write(&model);
    let up = home.up();
    let mut operator = up.operator().await;
    let good = home.read("openclaw.json");
    home.write("openclaw.json", &good.replace(DENIED, "tools: {\n"));
    wait_until("the edit is held", || up.said().contains("(tools (agent main), tools.deny)"));
    let (first, _) = held(&home);
    // While the operator reads, the file changes again, to what is worse.
    home.write("openclaw.json", &good.replace(DENIED, "tools: {\n").replace("\"always\"", "\"off\""));
    wait_until("the next edit is held", || held(&home).0 != first);
    let late = home.run(&["config", "confirm", &first]);
    assert!(!late.status.success() && late.stderr.contains("not what you were shown"), "{late:?}");
    operator.call("stockade.config.confirm", json!({ "generation": first })).await.expect_err("it is gone");
    // Or to what comes into force at once: then nothing waits, whatever was shown.
    let (second, _) = held(&home);
    home.write("openclaw.json", &good.replace(DENIED, "tools: {\n    deny: [\"write\", \"read\"],\n"));
    support::event(&mut operator, "the tighter config is in force", |event| event.name == "config.changed").await;
    let late = home.run(&["config", "confirm", &second]);
    assert!(!late.status.success() && late.stderr.contains("no changed config waits"), "{late:?}");
    operator.call("stockade.config.confirm", json!({ "generation": second })).await.expect_err("it is gone");
    let offered = offered(&up, &model).await;
    assert!(!offered.contains(&"write".to_owned()) && !offered.contains(&"read".to_owned()), "{offered:?}");
}

#[tokio::test]
async fn turns_of_the_old_secret_end_with_it() {
    let model = Model::start();
    let home = Home::baseline(&model.url);
    let up = home.up();
    let mut old = Raw::open(up.address).await;
    assert_eq!(old.connect(&params(&["operator.admin"])).await["ok"], true);
    let mut operator = up.operator().await;
    let line = format!("sleep 8{}", home.port);
    model.calls("exec", json!({ "command": line })).says("Done.");
    support::send(&mut operator, "wait").await;
    let asked = support::event(&mut operator, "a question", |event| event.name == "exec.approval.requested").await;
    let yes = json!({ "id": asked.payload["id"], "decision": "allow-once" });
    operator.call("exec.approval.resolve", yes).await.expect("allowed");
    wait_until("the command runs", || runs(&line));
    let asked_so_far = model.requests().len();

    home.edit("openclaw.json", TOKEN, &TOKEN.chars().rev().collect::<String>());
    wait_until("the edit is held", || up.said().contains("would allow more (gateway.auth.token)"));
    assert!(runs(&line), "held is not confirmed");
    let (generation, _) = held(&home);
    assert!(home.run(&["config", "confirm", &generation]).status.success());
    wait_until("its command ends", || !runs(&line));
    let close = loop {
        match old.hear().await {
            Heard::Frame(_) => {}
            other => break other,
        }
    };
    assert!(matches!(close, Heard::Closed(4001, _)), "{close:?}");
    // The turn is over: the model is not asked how to go on.
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(model.requests().len(), asked_so_far);
}

/// Whether any process runs this command line.
fn runs(piece: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.map(|line| stockade_core::text::lossy(&line).replace('\0', " ")).any(|line| line.contains(piece))
}

/// With the host open to the file tools, the record still is not: neither to read nor to write.
#[tokio::test]
async fn no_agent_writes_its_own_confirmation() {
    let model = Model::start();
    let home = Home::baseline(&model.url);
    home.edit("openclaw.json", "mode: \"all\"", "mode: \"off\"");
    home.edit("openclaw.json", "workspaceOnly: true", "workspaceOnly: false");
    symlink(home.data(), home.path().join("link")).expect("linked");
    let up = home.up();
    let record = home.data().join("confirmed.json");
    let before = fs::read(&record).expect("a record");
    for path in [
        record.clone(),
        home.path().join("link/confirmed.json"),
        home.state().join("workspace/../stockade/confirmed.json"),
    ] {
        for (tool, arguments) in [
            ("write", json!({ "path": path, "content": "{}" })),
            ("edit", json!({ "path": path, "edits": [{ "oldText": "version", "newText": "x" }] })),
            ("read", json!({ "path": path })),
        ] {
            model.calls(tool, arguments).says("Done.");
            chat(&mut up.operator().await, "hello").await.expect("an answer");
            assert!(!model.heard().contains("documents"), "{tool} {}: {}", path.display(), model.heard());
            assert_eq!(fs::read(&record).expect("a record"), before, "{tool} {}", path.display());
        }
    }
}

/// No document says that a folder is another one now; the record does.
#[tokio::test]
async fn a_workspace_that_a_link_replaced_while_the_gateway_was_down_stops_the_start() {
    let model = Model::start();
    let home = Home::baseline(&model.url);
    home.edit("openclaw.json", "workspaceAccess: \"none\"", "workspaceAccess: \"rw\"");
    home.up().terminate();
    home.up().terminate();
    let elsewhere = home.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("made");
    let root = home.data().join("sandboxes");
    for (place, key) in [(home.workspace(), "workspace"), (root, "sandbox.workspaceRoot")] {
        let key = format!("agents.entries.main.{key}");
        if place.exists() {
            fs::rename(&place, home.path().join(&key)).expect("moved away");
        }
        symlink(&elsewhere, &place).expect("linked");
        let refused = |what: &str| {
            let refused = home.run(&["up"]);
            assert_eq!(refused.status.code(), Some(2), "{what}: {refused:?}");
            let (now, was) = (elsewhere.display().to_string(), place.display().to_string());
            for piece in [key.as_str(), &now, &was, "stockade config accept"] {
                assert!(refused.stderr.contains(piece), "{what}: {piece:?} is not in: {}", refused.stderr);
            }
            assert!(!refused.stderr.contains("listening"), "{what}: {}", refused.stderr);
        };
        refused("the same documents");
        let explained = home.run(&["explain", "tool", "read"]);
        assert!(explained.stderr.contains("config accept"), "as if it were in force: {explained:?}");
        // The confirmed config would show the folder too, so that no change of a document lets it in.
        let good = home.read("openclaw.json");
        home.write("openclaw.json", &good.replace("tools: {\n", DENIED));
        refused("tighter");
        home.write("openclaw.json", &good.replace("\"always\"", "\"off\""));
        refused("wider");
        let both = json_of(&home.run(&["config", "accept", "--json"]))["changes"].to_string();
        assert!(both.contains(&key) && both.contains("tools.exec.ask"), "{both}");
        home.write("openclaw.json", &good);

        let shown = json_of(&home.run(&["config", "accept", "--json"]));
        let because = "it is another folder now";
        let expected = json!([{ "key": key, "direction": "widening", "because": because }]);
        assert_eq!(shown["changes"], expected);
        refused("looking accepts nothing");
        let generation = shown["generation"].as_str().expect("text");
        assert!(home.run(&["config", "accept", generation]).status.success());
        home.up().terminate();
    }
}

/// A record from before folders were remembered does not know where they were.
#[test]
fn a_record_without_folders_is_not_taken_over() {
    let home = Home::baseline("http://127.0.0.1:1");
    home.up().terminate();
    let record = home.data().join("confirmed.json");
    let mut older = serde_json::from_str::<Value>(&fs::read_to_string(&record).expect("a record")).expect("JSON");
    older.as_object_mut().expect("an object").remove("folders").expect("folders");
    fs::write(&record, older.to_string()).expect("written");
    let refused = home.run(&["up"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    for piece in ["agents.entries.main.", "none was confirmed", "stockade config accept"] {
        assert!(refused.stderr.contains(piece), "{piece:?} is not in: {}", refused.stderr);
    }
    let generation = json_of(&home.run(&["config", "accept", "--json"]))["generation"].clone();
    assert!(home.run(&["config", "accept", generation.as_str().expect("text")]).status.success());
    home.up().terminate();
}

/// Less is in force at once wherever the files really stand, and also after a config that was refused.
#[tokio::test]
async fn a_config_that_is_a_link_is_watched_where_it_stands() {
    let model = Model::start();
    let home = Home::baseline(&model.url);
    let elsewhere = home.path().join("dotfiles");
    fs::create_dir(&elsewhere).expect("made");
    let (place, target) = (home.state().join("openclaw.json"), elsewhere.join("openclaw.json"));
    fs::rename(&place, &target).expect("moved");
    symlink(&target, &place).expect("linked");
    let up = home.up();
    assert!(offered(&up, &model).await.contains(&"write".to_owned()));
    let mut operator = up.operator().await;
    let good = fs::read_to_string(&target).expect("a config");
    let reloaded = |event: &stockade_gateway::client::Event| event.name == "config.changed";
    fs::write(&target, good.replace("tools: {\n", DENIED)).expect("written");
    support::event(&mut operator, "the target is read", reloaded).await;
    assert!(!offered(&up, &model).await.contains(&"write".to_owned()));

    // The file that mends a refused config is one that only the refused one names.
    let more = home.state().join("more");
    fs::create_dir(&more).expect("made");
    fs::write(more.join("tools.json"), "{ deny: [").expect("written");
    let text = good.replace("tools: {\n", "tools: {\n    $include: \"./more/tools.json\",\n");
    fs::write(elsewhere.join("next"), text).expect("written");
    fs::rename(elsewhere.join("next"), &target).expect("in place");
    wait_until("the include is refused", || up.said().contains("is not used"));
    fs::write(more.join("tools.json"), "{ deny: [\"write\", \"read\"] }").expect("written");
    support::event(&mut operator, "the include is read", reloaded).await;
    assert!(!offered(&up, &model).await.contains(&"read".to_owned()));
    assert_eq!(acts(&home).iter().filter(|act| *act == "config refused").count(), 1, "said once");
}

/// The host's approvals stand in the state directory, or where a link there leads, wherever the config does.
#[tokio::test]
async fn approvals_beside_a_config_elsewhere_are_watched() {
    let home = Home::baseline("http://127.0.0.1:1");
    let (config, approvals) = (home.path().join("config"), home.path().join("approvals"));
    for folder in [&config, &approvals] {
        fs::create_dir(folder).expect("made");
    }
    let config = config.join("openclaw.json");
    fs::rename(home.state().join("openclaw.json"), &config).expect("moved");
    home.write("host.json", r#"{"version":1,"defaults":{"security":"allowlist"}}"#);
    let target = approvals.join("host.json");
    fs::rename(home.state().join("host.json"), &target).expect("moved");
    symlink(&target, home.state().join("exec-approvals.json")).expect("linked");
    let mut command = home.command(&["up"]);
    command.env("OPENCLAW_CONFIG_PATH", &config);
    let up = Up::start(command);
    let mut operator = up.operator().await;
    let reloaded = |event: &stockade_gateway::client::Event| event.name == "config.changed";
    fs::write(&target, r#"{"version":1,"defaults":{"security":"deny"}}"#).expect("written");
    support::event(&mut operator, "the target is read", reloaded).await;
    // Turned elsewhere, it is read there.
    home.write("exec-approvals.json", r#"{"version":1,"defaults":{"security":"deny","ask":"always"}}"#);
    support::event(&mut operator, "the file in its place is read", reloaded).await;
}

/// What waits is watched too, though it is not in force: the operator decides on what stands there.
#[test]
fn the_files_of_a_config_that_waits_are_watched() {
    let model = Model::start();
    let home = without_write(&model);
    fs::create_dir(home.state().join("more")).expect("made");
    home.up().terminate();
    let own = home.read("stockade.json");
    let at = own.find('{').expect("an object") + 1;
    home.write("stockade.json", &format!("{{ $include: \"./more/own.json\", {}", &own[at..]));
    let included = home.state().join("more/own.json");
    fs::write(&included, "{ egress: { allow: [\"http://127.0.0.1:1\"] } }").expect("written");
    let up = home.up();
    let (first, _) = held(&home);
    fs::write(&included, "{ egress: { allow: [\"http://127.0.0.1:2\"] } }").expect("written");
    wait_until("what waits is another one", || held(&home).0 != first);
    assert!(up.said().contains("waits"), "{}", up.said());
}

/// The command that compares two files and the gateway that compares two configs say the same.
#[test]
fn explain_says_what_the_gateway_would_say() {
    let config = |mode: &str| {
        format!(
            "{{ $include: './part.json', agents: {{ defaults: {{ sandbox: {{ mode: '{mode}' }} }} }}, \
             gateway: {{ port: PORT, auth: {{ token: '{TOKEN}' }} }}, tools: {{ exec: {{ host: 'sandbox' }} }} }}"
        )
    };
    let home = Home::with_config(&config("off"));
    home.write("part.json", "{ messages: {} }");
    let other = home.path().join("other");
    fs::create_dir(&other).expect("made");
    let new = home.read("openclaw.json").replace("'off'", "'all'");
    fs::write(other.join("new.json"), &new).expect("written");
    fs::copy(home.state().join("part.json"), other.join("part.json")).expect("copied");
    let explain = |old: &str, new: &str| {
        let ran = home.run(&["explain", "config", old, new, "--json"]);
        assert!(matches!(ran.status.code(), Some(0 | 1)), "{ran:?}");
        json_of(&ran)
    };
    let old = home.state().join("openclaw.json").display().to_string();
    let told = explain(&old, &other.join("new.json").display().to_string());
    assert_eq!(told["widens"], true, "{told}");
    // The same text at another place is no change.
    fs::write(other.join("same.json"), home.read("openclaw.json")).expect("written");
    let same = explain(&old, &other.join("same.json").display().to_string());
    assert_eq!(same, json!({ "widens": false, "changes": [] }));
    home.up().terminate();
    home.write("openclaw.json", &new);
    let gateway = json_of(&home.run(&["config", "accept", "--json"]));
    assert_eq!(gateway["changes"], told["changes"]);
    // What cannot be put in force is not compared.
    fs::write(other.join("bad.json"), new.replace("'sandbox'", "'node'")).expect("written");
    let bad = home.run(&["explain", "config", &old, &other.join("bad.json").display().to_string()]);
    assert!(bad.status.code() == Some(2) && bad.stderr.contains("bad.json"), "{bad:?}");
}
