//! Anthropic Messages.

use serde_json::{Value, json};
use stockade_policy::context::Speaker;

use super::sse::Event;
use super::{Draft, WireError, failed, parsed, plain};
use crate::model::{ModelRequest, StopReason, Usage};

pub(super) fn body(request: &ModelRequest<'_>) -> Value {
    let mut body = json!({
        "model": request.model,
        "messages": messages(request),
        "max_tokens": request.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS),
        "stream": true,
    });
    let system = request.context.iter().filter(|entry| *entry.speaker() == Speaker::System).map(|entry| entry.text());
    let system = system.collect::<Vec<_>>().join("\n\n");
    if !system.is_empty() {
        body["system"] = json!(system);
    }
    if !request.tools.is_empty() {
        let tools = request
            .tools
            .iter()
            .map(|tool| json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters}));
        body["tools"] = tools.collect();
    }
    if let Some(temperature) = request.temperature {
        body["temperature"] = json!(temperature);
    }
    body
}

/// The turns. The API wants the two roles to alternate, so neighbours of one role become one turn;
/// results of calls are the person's side of it.
fn messages(request: &ModelRequest<'_>) -> Vec<Value> {
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    for entry in request.context {
        // Empty text blocks are refused.
        let text = Some(entry.text()).filter(|text| !text.is_empty()).map(|text| json!({"type": "text", "text": text}));
        let (role, blocks) = match entry.speaker() {
            Speaker::System => continue,
            Speaker::User => ("user", Vec::from_iter(text)),
            Speaker::Assistant { calls } => {
                let calls = calls.iter().map(|call| {
                    let input = if call.arguments.is_object() { call.arguments.clone() } else { json!({}) };
                    json!({"type": "tool_use", "id": plain(&call.id), "name": plain(call.tool.as_str()), "input": input})
                });
                ("assistant", text.into_iter().chain(calls).collect())
            }
            Speaker::Tool { call_id, is_error, .. } => {
                let result = json!({"type": "tool_result", "tool_use_id": plain(call_id),
                    "content": Vec::from_iter(text), "is_error": is_error});
                ("user", vec![result])
            }
        };
        match turns.last_mut() {
            _ if blocks.is_empty() => {}
            Some((last, held)) if *last == role => held.extend(blocks),
            _ => turns.push((role, blocks)),
        }
    }
    turns.into_iter().map(|(role, content)| json!({"role": role, "content": content})).collect()
}

pub(super) fn read(draft: &mut Draft, event: &Event) -> Result<(), WireError> {
    let data = parsed(event)?;
    let text = |pointer: &str| data.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let slot = data.get("index").and_then(Value::as_u64);
    match text("/type") {
        "message_start" => count(draft, data.pointer("/message/usage")),
        "content_block_start" => match text("/content_block/type") {
            "text" => draft.text(text("/content_block/text")),
            "tool_use" => {
                // The input is empty here and follows in pieces; a server that sends it whole is heard too.
                let input = data.pointer("/content_block/input");
                let input = input.filter(|input| input.as_object().is_none_or(|input| !input.is_empty()));
                draft.call(slot, text("/content_block/id"), text("/content_block/name"), input)?;
            }
            _ => {}
        },
        "content_block_delta" => match text("/delta/type") {
            "text_delta" => draft.text(text("/delta/text")),
            "input_json_delta" => draft.call(slot, "", "", data.pointer("/delta/partial_json"))?,
            _ => {}
        },
        "message_delta" => {
            count(draft, data.get("usage"));
            draft.stop = match text("/delta/stop_reason") {
                "" => draft.stop,
                "end_turn" | "stop_sequence" => Some(StopReason::End),
                "tool_use" => Some(StopReason::Calls),
                "max_tokens" | "model_context_window_exceeded" => Some(StopReason::Length),
                "refusal" => Some(StopReason::Filtered),
                _ => Some(StopReason::Other),
            };
        }
        "message_stop" => {
            draft.stop.get_or_insert(StopReason::Other);
            draft.finish();
        }
        "error" => return Err(failed(data.get("error").unwrap_or(&Value::Null))),
        // `ping`, `content_block_stop`, and what the API adds later.
        _ => {}
    }
    Ok(())
}

/// Counts are running totals; a later one replaces an earlier one.
fn count(draft: &mut Draft, usage: Option<&Value>) {
    let count = |key: &str| usage.and_then(|usage| usage.get(key)).and_then(Value::as_u64);
    let held = draft.usage.unwrap_or_default();
    let (input, output) = (count("input_tokens"), count("output_tokens"));
    if input.is_some() || output.is_some() {
        draft.usage = Some(Usage { input: input.unwrap_or(held.input), output: output.unwrap_or(held.output) });
    }
}

/// The API requires a bound; this one is used when the config gives none.
const DEFAULT_MAX_TOKENS: u32 = 8192;
