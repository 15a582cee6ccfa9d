//! OpenAI chat completions, as OpenAI, llama.cpp, vLLM and Ollama speak it.

use serde_json::{Value, json};
use stockade_policy::ContextEntry;
use stockade_policy::context::Speaker;
use url::Url;

use super::sse::Event;
use super::{Draft, WireError, failed, parsed, plain};
use crate::model::{ModelRequest, StopReason, Usage};

pub(super) fn body(request: &ModelRequest<'_>, base: &Url) -> Value {
    let mut body = json!({
        "model": request.model,
        "messages": request.context.iter().map(message).collect::<Vec<_>>(),
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({"type": "function", "function": {
                "name": tool.name, "description": tool.description, "parameters": tool.parameters,
            }})
        });
        body["tools"] = tools.collect();
    }
    if let Some(max_tokens) = request.max_tokens {
        // OpenAI's own newer models refuse the old name; most other servers know only that one.
        let own = base.host_str() == Some("api.openai.com");
        body[if own { "max_completion_tokens" } else { "max_tokens" }] = json!(max_tokens);
    }
    if let Some(temperature) = request.temperature {
        body["temperature"] = json!(temperature);
    }
    body
}

fn message(entry: &ContextEntry) -> Value {
    match entry.speaker() {
        Speaker::System => json!({"role": "system", "content": entry.text()}),
        Speaker::User => json!({"role": "user", "content": entry.text()}),
        Speaker::Assistant { calls } if calls.is_empty() => json!({"role": "assistant", "content": entry.text()}),
        Speaker::Assistant { calls } => {
            let calls = calls.iter().map(|call| {
                // What was refused by its shape was no object; it is echoed as an empty one.
                let arguments = if call.arguments.is_object() { call.arguments.to_string() } else { "{}".to_owned() };
                json!({"id": call.id, "type": "function",
                    "function": {"name": plain(call.tool.as_str()), "arguments": arguments}})
            });
            let content = Some(entry.text()).filter(|text| !text.is_empty());
            json!({"role": "assistant", "content": content, "tool_calls": calls.collect::<Vec<_>>()})
        }
        Speaker::Tool { call_id, .. } => json!({"role": "tool", "tool_call_id": call_id, "content": entry.text()}),
    }
}

pub(super) fn read(draft: &mut Draft, event: &Event) -> Result<(), WireError> {
    if event.data.trim() == "[DONE]" {
        // Some servers end without a finish reason; the marker is the end all the same.
        draft.stop.get_or_insert(StopReason::Other);
        draft.finish();
        return Ok(());
    }
    let chunk = parsed(event)?;
    if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
        return Err(failed(error));
    }
    if let Some(usage) = chunk.get("usage").filter(|usage| usage.is_object()) {
        let count = |key: &str| usage.get(key).and_then(Value::as_u64).unwrap_or(0);
        draft.usage = Some(Usage { input: count("prompt_tokens"), output: count("completion_tokens") });
    }
    let Some(choice) = chunk.get("choices").and_then(|choices| choices.get(0)) else {
        return Ok(());
    };
    let delta = choice.get("delta").unwrap_or(&Value::Null);
    draft.text(delta.get("content").and_then(Value::as_str).unwrap_or_default());
    for call in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let function = call.get("function").unwrap_or(&Value::Null);
        let (slot, id) = (call.get("index").and_then(Value::as_u64), text(call.get("id")));
        draft.call(slot, &id, &text(function.get("name")), function.get("arguments"))?;
    }
    if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
        draft.stop = Some(match reason {
            "stop" => StopReason::End,
            "tool_calls" | "function_call" => StopReason::Calls,
            "length" => StopReason::Length,
            "content_filter" => StopReason::Filtered,
            _ => StopReason::Other,
        });
    }
    Ok(())
}
