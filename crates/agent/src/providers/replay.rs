//! Recorded shapes of real providers, read whole and in every split.

use serde_json::{Value, json};
use stockade_core::{Integrity, Label, Labeled, Readers, ToolCall, ToolName};
use stockade_policy::ContextEntry;
use stockade_policy::context::Speaker;
use url::Url;

use super::sse::EventReader;
use super::{Api, Draft, WireError};
use crate::model::{ModelEvent, ModelRequest, StopReason, Usage};

const OPENAI: &str = include_str!("../../tests/fixtures/openai.sse");
const LLAMA_CPP: &str = include_str!("../../tests/fixtures/llama_cpp.sse");
const OLLAMA: &str = include_str!("../../tests/fixtures/ollama.sse");
const ANTHROPIC: &str = include_str!("../../tests/fixtures/anthropic.sse");

fn read(api: Api, pieces: &[&[u8]]) -> Result<Vec<ModelEvent>, WireError> {
    let (mut reader, mut draft) = (EventReader::default(), Draft::default());
    for piece in pieces {
        reader.push(piece)?;
        while let Some(event) = reader.next() {
            api.read(&mut draft, &event)?;
        }
    }
    Ok(draft.ready.into())
}

fn text(text: &str) -> ModelEvent {
    ModelEvent::Text(text.to_owned())
}

fn call(id: &str, tool: &str, arguments: Value) -> ModelEvent {
    ModelEvent::Call(ToolCall { id: id.to_owned(), tool: ToolName::new(tool), arguments })
}

const fn finished(stop: StopReason, input: u64, output: u64) -> ModelEvent {
    ModelEvent::Finished { stop, usage: Some(Usage { input, output }) }
}

#[test]
fn recorded_streams_read_as_they_were_meant() {
    let openai = [
        text("Let me löök"),
        call("call_A", "read", json!({"path": "a.txt"})),
        call("call_B", "exec", json!({"command": "ls"})),
        finished(StopReason::Calls, 19, 10),
    ];
    assert_eq!(read(Api::OpenAiCompletions, &[OPENAI.as_bytes()]).expect("reads"), openai);
    let llama_cpp = [text("🌍"), finished(StopReason::Length, 32, 12)];
    assert_eq!(read(Api::OpenAiCompletions, &[LLAMA_CPP.as_bytes()]).expect("reads"), llama_cpp);
    let anthropic = [
        text("Okay, "),
        text("schön"),
        call("toolu_01", "web_fetch", json!({"url": "https://example.org"})),
        finished(StopReason::Calls, 472, 89),
    ];
    assert_eq!(read(Api::AnthropicMessages, &[ANTHROPIC.as_bytes()]).expect("reads"), anthropic);
}

#[test]
fn servers_that_number_every_call_zero_are_understood() {
    let events = read(Api::OpenAiCompletions, &[OLLAMA.as_bytes()]).expect("reads");
    assert_eq!(events[0], call("call_x", "read", json!({"path": "a"})));
    assert_eq!(events[1], call("call_y", "read", json!({"path": "b"})));
    let ModelEvent::Call(third) = &events[2] else { panic!("a third call, not {:?}", events[2]) };
    assert!(third.id.starts_with("call_") && third.arguments.is_null());
    assert_eq!(events[3], ModelEvent::Finished { stop: StopReason::Calls, usage: None });
}

#[test]
fn every_split_reads_the_same() {
    for (api, stream) in [(Api::OpenAiCompletions, OPENAI), (Api::AnthropicMessages, ANTHROPIC)] {
        let bytes = stream.as_bytes();
        let whole = read(api, &[bytes]).expect("reads");
        for at in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(at);
            assert_eq!(read(api, &[head, tail]).expect("reads"), whole, "split at {at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(api, &single).expect("reads"), whole);
    }
}

#[test]
fn a_stream_cut_anywhere_proposes_no_call() {
    for (api, stream, end) in [
        (Api::OpenAiCompletions, OPENAI, OPENAI.find("data: [DONE]")),
        (Api::AnthropicMessages, ANTHROPIC, ANTHROPIC.find("event: message_stop")),
    ] {
        let bytes = stream.as_bytes();
        for at in 0..end.expect("an end") {
            let events = read(api, &[&bytes[..at]]).expect("reads");
            assert!(events.iter().all(|event| matches!(event, ModelEvent::Text(_))), "cut at {at}: {events:?}");
        }
    }
}

#[test]
fn errors_inside_a_stream_are_errors() {
    let openai = b"data: {\"error\":{\"message\":\"out of memory\",\"code\":500}}\n\n";
    assert_eq!(read(Api::OpenAiCompletions, &[openai]), Err(WireError::Failed("out of memory".to_owned())));
    let anthropic = b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    assert_eq!(read(Api::AnthropicMessages, &[anthropic]), Err(WireError::Failed("Overloaded".to_owned())));
    let deep = format!("data: {}\n\n", "[".repeat(100_000));
    assert!(matches!(read(Api::OpenAiCompletions, &[deep.as_bytes()]), Err(WireError::Malformed(_))));
    let shapes = [
        "null",
        "7",
        "[]",
        "{}",
        "{\"choices\":7}",
        "{\"choices\":[{\"delta\":{\"tool_calls\":[7]}}]}",
        "{\"type\":7}",
    ];
    for shape in shapes {
        for api in Api::ALL {
            read(*api, &[format!("data: {shape}\n\n").as_bytes()]).expect("odd shapes are passed over");
        }
    }
}

fn conversation() -> Vec<ContextEntry> {
    let entry = |speaker, text: &str| {
        let label = Label::new(Integrity::Owner, Readers::Owner, "message", "test");
        ContextEntry::new(speaker, Labeled::new(text.to_owned(), label))
    };
    let calls = vec![
        ToolCall { id: "a:1".to_owned(), tool: ToolName::new("read"), arguments: json!({"path": "x"}) },
        ToolCall { id: "b".to_owned(), tool: ToolName::new("no such/tool"), arguments: Value::Null },
    ];
    let result = |id: &str, is_error| Speaker::Tool { call_id: id.to_owned(), name: "read".to_owned(), is_error };
    vec![
        entry(Speaker::System, "Be kind."),
        entry(Speaker::User, "Read x"),
        entry(Speaker::Assistant { calls }, ""),
        entry(result("a:1", false), "content"),
        entry(result("b", true), "there is no such tool"),
        entry(Speaker::User, "And now?"),
        entry(Speaker::Assistant { calls: Vec::new() }, "Done."),
    ]
}

#[test]
fn requests_say_what_the_conversation_says() {
    let context = conversation();
    let tools = [crate::tools::definition("web_fetch").expect("a tool")];
    let base = Url::parse("http://127.0.0.1:8080/v1").expect("a URL");
    let request =
        ModelRequest { model: "m", context: &context, tools: &tools, max_tokens: Some(99), temperature: Some(0.5) };
    let openai = Api::OpenAiCompletions.body(&request, &base);
    let calls = json!([
        {"id": "a:1", "type": "function", "function": {"name": "read", "arguments": "{\"path\":\"x\"}"}},
        {"id": "b", "type": "function", "function": {"name": "no_such_tool", "arguments": "{}"}},
    ]);
    assert_eq!(
        openai["messages"],
        json!([
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Read x"},
            {"role": "assistant", "content": null, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "a:1", "content": "content"},
            {"role": "tool", "tool_call_id": "b", "content": "there is no such tool"},
            {"role": "user", "content": "And now?"},
            {"role": "assistant", "content": "Done."},
        ])
    );
    assert_eq!((&openai["max_tokens"], &openai["temperature"]), (&json!(99), &json!(0.5)));
    assert_eq!(openai["tools"][0]["function"]["name"], "web_fetch");
    let own = Url::parse("https://api.openai.com/v1").expect("a URL");
    assert_eq!(Api::OpenAiCompletions.body(&request, &own)["max_completion_tokens"], 99);

    let anthropic = Api::AnthropicMessages.body(&request, &base);
    assert_eq!(anthropic["system"], "Be kind.");
    assert_eq!(
        anthropic["messages"],
        json!([
            {"role": "user", "content": [{"type": "text", "text": "Read x"}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "a_1", "name": "read", "input": {"path": "x"}},
                {"type": "tool_use", "id": "b", "name": "no_such_tool", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "a_1", "content": [{"type": "text", "text": "content"}], "is_error": false},
                {"type": "tool_result", "tool_use_id": "b",
                    "content": [{"type": "text", "text": "there is no such tool"}], "is_error": true},
                {"type": "text", "text": "And now?"},
            ]},
            {"role": "assistant", "content": [{"type": "text", "text": "Done."}]},
        ])
    );
    assert_eq!(anthropic["tools"][0]["input_schema"]["required"], json!(["url"]));
}
