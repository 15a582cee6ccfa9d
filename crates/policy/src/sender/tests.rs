//! Layers for who asks: whom a key names, and what a person cannot choose for themselves.

use proptest::prelude::*;
use stockade_core::SessionKey;

use super::*;
use crate::judge::{Judge, Lock};
use crate::policy::Policy;
use crate::policy::tests::compiled;
use crate::tools::Tool;

fn policy(tools: &str) -> Policy {
    compiled(&format!("{{tools:{tools}}}"), "{}", None).expect("compiles")
}

fn has(policy: &Policy, sender: &Sender, tool: &str) -> bool {
    let agent = policy.default_agent().expect("an agent");
    let session = SessionKey::main(&agent.id);
    Judge::new(policy, &Lock::Released).tool(agent, &session, sender, &Tool::core(tool)).is_ok()
}

fn member(channel: &str, id: &str) -> Sender {
    Sender { channel: Some(channel.into()), id: Some(id.into()), ..Sender::default() }
}

#[test]
fn a_layer_holds_for_whom_its_key_names() {
    let by = |key: &str| policy(&format!("{{toolsBySender:{{'{key}':{{deny:['read']}}}}}}"));
    let ann = Sender {
        e164: Some("+15551234567".into()),
        username: Some("@Ann".into()),
        name: Some("Ann Lee".into()),
        ..member("Teams", "29:AnN")
    };
    for key in [
        "*", "channel:msteams:29:ann", "channel:teams:29:ANN", "id:29:ann", "29:ann", "e164:+15551234567",
        "username:ann", "username:@ANN", "name:ann lee",
    ] {
        assert!(!has(&by(key), &ann, "read"), "{key}");
    }
    for key in ["channel:irc:29:ann", "id:29", "id:29:ann2", "e164:+1555", "username:an", "name:ann"] {
        assert!(has(&by(key), &ann, "read"), "{key}");
    }
    let handle = member("matrix", "@ann:hs.org");
    assert!(!has(&by("id:@ann:hs.org"), &handle, "read") && !has(&by("ann:hs.org"), &handle, "read"));
}

#[test]
fn everybody_is_also_the_owner_and_nobody_in_particular() {
    let policy = policy("{toolsBySender:{'*':{deny:['group:runtime']}}}");
    for sender in [Sender::owner(), Sender::default(), member("irc", "a")] {
        assert!(!has(&policy, &sender, "exec") && has(&policy, &sender, "read"));
    }
}

#[test]
fn an_identity_of_the_channel_stands_in_the_place_of_everybody() {
    let policy =
        policy("{toolsBySender:{'*':{deny:['exec']},'channel:telegram:7':{alsoAllow:['group:fs']},'e164:+1':{}}}");
    assert!(!has(&policy, &member("telegram", "8"), "exec"));
    assert!(has(&policy, &member("telegram", "7"), "exec"));
    assert!(has(&policy, &Sender { e164: Some("+1".into()), ..Sender::default() }, "exec"));
    // The same id on another channel is another person.
    assert!(!has(&policy, &member("irc", "7"), "exec"));
}

#[test]
fn what_a_person_chooses_for_themselves_frees_them_of_nothing() {
    let policy = policy(
        "{toolsBySender:{'*':{deny:['exec']},'name:The Owner':{allow:['*']},'username:owner':{alsoAllow:['exec']},\
         'id:1':{},'name:mallory':{deny:['read']}}}",
    );
    let spoofed = Sender { username: Some("Owner".into()), name: Some("the owner".into()), ..member("irc", "1") };
    assert!(!has(&policy, &spoofed, "exec"), "a display name lifts what holds for everybody");
    assert!(!has(&policy, &spoofed, "gateway"), "a display name makes an owner");
    assert!(has(&policy, &spoofed, "read"));
    assert!(!has(&policy, &Sender { name: Some(" Mallory ".into()), ..spoofed }, "read"));
}

#[test]
fn an_agents_layer_adds_to_the_global_one() {
    let config = "{tools:{toolsBySender:{'channel:irc:a':{deny:['exec']}}},\
                  agents:{entries:{main:{tools:{toolsBySender:{'channel:irc:a':{}}}}}}}";
    let policy = compiled(config, "{}", None).expect("compiles");
    assert!(!has(&policy, &member("irc", "a"), "exec"));
}

#[test]
fn who_starts_a_turn_at_the_gateway_is_its_owner_and_the_gateway_is_nobody() {
    assert!(Sender::of(&Principal::SharedSecret { client: "cli".into() }).owner);
    assert!(Sender::of(&Principal::Device { id: "0".into(), client: "cli".into() }).owner);
    assert_eq!(Sender::of(&Principal::Gateway), Sender::default());
    assert!(!serde_json::from_str::<Sender>("{}").expect("parses").owner);
    assert!(serde_json::from_str::<Sender>(r#"{"isOwner":true}"#).is_err(), "an unknown fact is not overlooked");
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![prop::sample::select(vec!["a", "@a", "A", "1", "*", ""]).prop_map(str::to_owned), any::<String>()]
}

fn any_sender() -> impl Strategy<Value = Sender> {
    let text = || prop::option::of(any_text());
    (any::<bool>(), text(), text(), text(), text(), text())
        .prop_map(|(owner, channel, id, e164, username, name)| Sender { owner, channel, id, e164, username, name })
}

fn any_map() -> impl Strategy<Value = BTreeMap<String, ToolLayer>> {
    let prefix = prop::sample::select(vec!["", "id:", "e164:", "username:", "name:", "channel:a:", "channel:"]);
    let key =
        prop_oneof![Just("*".to_owned()), (prefix, any_text()).prop_map(|(prefix, value)| prefix.to_owned() + &value)];
    let entry = prop::sample::select(vec!["exec", "read", "gateway", "*", "group:fs", "group:openclaw"]);
    let entries = || prop::collection::vec(entry.clone().prop_map(str::to_owned), 0..3);
    let layer = (prop::option::of(entries()), prop::option::of(entries()), entries());
    let layer = layer.prop_map(|(allow, also_allow, deny)| ToolLayer { profile: None, allow, also_allow, deny });
    prop::collection::btree_map(key, layer, 0..5)
}

proptest! {
    #[test]
    fn a_senders_layers_never_widen(map in any_map(), sender in any_sender(), tool in any_text()) {
        let layers = SenderLayers::new("tools", &map);
        for tool in ["exec", "read", "gateway", "cron", &tool] {
            let tool = Tool::core(tool);
            let without = crate::tools::judge_tool([], &sender, &tool).is_ok();
            let with = crate::tools::judge_tool(layers.of(&sender), &sender, &tool).is_ok();
            prop_assert!(without || !with, "{tool:?} for {sender:?}");
        }
    }

    #[test]
    fn a_name_or_a_handle_never_widens(map in any_map(), sender in any_sender()) {
        let layers = SenderLayers::new("tools", &map);
        let bare = Sender { username: None, name: None, ..sender.clone() };
        for tool in ["exec", "read", "write", "gateway"] {
            let tool = Tool::core(tool);
            let plain = crate::tools::judge_tool(layers.of(&bare), &bare, &tool).is_ok();
            let named = crate::tools::judge_tool(layers.of(&sender), &sender, &tool).is_ok();
            prop_assert!(plain || !named, "{tool:?} for {sender:?}");
        }
    }
}

#[test]
fn another_spelling_of_a_person_is_the_same_person() {
    let key = |text: &str| SenderKey::parse(text).expect("a key");
    let telegram = |id: &str| Sender { channel: Some("telegram".into()), id: Some(id.into()), ..Sender::default() };
    for id in ["42", " 42 ", "telegram:42", "Telegram:42"] {
        assert!(telegram(id).is(&key("channel:telegram:42")), "{id}");
    }
    assert!(!telegram("43").is(&key("channel:telegram:42")) && !telegram("signal:42").is(&key("channel:telegram:42")));
    for number in ["+15551234567", "15551234567", "+1 555 123-4567"] {
        let e164 = Sender { e164: Some(number.into()), ..Sender::default() };
        let id = Sender { channel: Some("whatsapp".into()), id: Some(number.into()), ..Sender::default() };
        assert!(e164.is(&key("e164:+15551234567")) && id.is(&key("e164:+15551234567")), "{number}");
    }
    let other = Sender { e164: Some("+15551234568".into()), ..Sender::default() };
    assert!(!other.is(&key("e164:+15551234567")));
}
