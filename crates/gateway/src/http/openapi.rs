//! The OpenAPI document of the HTTP interface, made from the tables that the code itself runs on: the
//! tools' arguments, the rules, the bounds.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use stockade_agent::tools;
use stockade_core::Rule;

use super::decide::{MAX_BODY, MAX_QUESTIONS};

pub(super) async fn serve() -> Response {
    Json(document()).into_response()
}

/// The document, OpenAPI 3.1.
#[must_use]
pub fn document() -> Value {
    let question = json!({ "$ref": "#/components/schemas/Question" });
    let answer = json!({ "$ref": "#/components/schemas/Answer" });
    let refusals = [
        ("400", "What was sent is no question."),
        ("401", "The secret is missing or wrong."),
        ("403", "A web page asked, from an Origin that is not listed in gateway.controlUi.allowedOrigins."),
        ("413", "The body is larger than 1 MiB."),
        ("415", "The body is not declared as JSON."),
        ("429", "Too many wrong secrets; see Retry-After."),
        ("503", "The answer could not be journaled, or the gateway is stopping. Take it as a denial."),
    ];
    let mut responses = json!({ "200": {
        "description": "The answer, or the answers in the order of the questions. Each is in the journal already.",
        "content": { "application/json": {
            "schema": { "oneOf": [answer, { "type": "array", "items": answer }] },
        }},
    }});
    for (status, description) in refusals {
        responses[status] = json!({
            "description": description,
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Refusal" } } },
        });
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Stockade",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The judge as a policy decision point for other agent frameworks.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "http://127.0.0.1:18789" }],
        "security": [{ "gatewaySecret": [] }],
        "paths": { "/v1/decide": { "post": {
            "operationId": "decide",
            "summary": "May this session make this tool call?",
            "description": format!(
                "One question, or a list of at most {MAX_QUESTIONS} in at most {MAX_BODY} bytes. The gateway looks \
                 up what the call would really do as it does for its own agents, judges it, journals the decision and \
                 answers. Nothing runs and nothing is approved by it. Take anything but `allow` with status 200 as a no."
            ),
            "requestBody": { "required": true, "content": { "application/json": {
                "schema": { "oneOf": [question, {
                    "type": "array", "items": question, "minItems": 1, "maxItems": MAX_QUESTIONS,
                }] },
                "examples": {
                    "command": { "value": {
                        "session": "main", "tool": "exec", "arguments": { "command": "git status" },
                    }},
                    "fetch": { "value": {
                        "tool": "web_fetch", "arguments": { "url": "https://example.org/" }, "labels": ["untrusted"],
                    }},
                },
            }}},
            "responses": responses,
        }}},
        "components": {
            "securitySchemes": { "gatewaySecret": {
                "type": "http", "scheme": "bearer", "description": "gateway.auth.token, or the password.",
            }},
            "schemas": {
                "Question": question_schema(),
                "Answer": answer_schema(),
                "Refusal": refusal_schema(),
                "Arguments": arguments_schema(),
            },
        },
    })
}

fn question_schema() -> Value {
    json!({
        "type": "object",
        "required": ["tool"],
        "additionalProperties": false,
        "properties": {
            "id": { "description": "Comes back with the answer." },
            "agent": { "type": "string", "description": "Absent: the session's, or the default agent." },
            "session": {
                "type": "string", "description": "agent:<id>:<name>, or main. Absent: the agent's main session.",
            },
            "turn": { "type": "string", "maxLength": 128, "description": "For the journal: `stockade trace TURN`." },
            "sender": {
                "type": ["object", "null"],
                "additionalProperties": false,
                "description": "Who asked, from your own records. Absent: the owner of the gateway. Given, whoever is not \
                    marked as the owner is a stranger: control-plane tools are refused, and tools.toolsBySender holds.",
                "properties": {
                    "owner": { "type": "boolean", "default": false },
                    "channel": { "type": ["string", "null"] },
                    "id": { "type": ["string", "null"], "description": "On that channel." },
                    "e164": { "type": ["string", "null"] },
                    "username": { "type": ["string", "null"] },
                    "name": { "type": ["string", "null"], "description": "What they show; only ever makes it stricter." },
                },
            },
            "origin": {
                "description": "Who provides the tool. Absent: it is a built-in tool of this name.",
                "oneOf": [
                    { "const": "core" },
                    { "type": "object", "required": ["plugin"], "properties": { "plugin": { "type": "string" } } },
                    { "type": "object", "required": ["mcp"], "properties": { "mcp": { "type": "string" } } },
                ],
            },
            "tool": { "type": "string", "description": "The tool's name; case and OpenClaw's other names do not matter." },
            "arguments": {
                "type": "object",
                "description": "As the model gave them. For the tools in #/components/schemas/Arguments they have that \
                    form, and are judged. Of any other tool the name is judged alone.",
            },
            "labels": {
                "type": "array",
                "description": "Everything that the session has read so far. Labels only make the answer stricter.",
                "items": { "oneOf": [
                    { "$ref": "#/components/schemas/Question/$defs/integrity" },
                    {
                        "type": "object",
                        "required": ["integrity"],
                        "additionalProperties": false,
                        "properties": {
                            "integrity": { "$ref": "#/components/schemas/Question/$defs/integrity" },
                            "source": { "type": ["string", "null"] },
                        },
                    },
                ]},
            },
            "words": {
                "enum": ["owner", "source", "composed", null],
                "description": "Where the address of a web_fetch stands, whole: in the owner's words, in what was read, or \
                    nowhere. Say it from your own records, never because the model says so. Absent: composed.",
            },
        },
        "$defs": { "integrity": { "enum": ["owner", "service", "untrusted"] } },
    })
}

fn answer_schema() -> Value {
    let rules: Vec<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    let digest = json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" });
    json!({
        "type": "object",
        "required": ["decision", "rule", "reason", "agent", "session", "tool", "facts", "digest", "policy"],
        "additionalProperties": false,
        "properties": {
            "id": { "description": "The question's." },
            "decision": {
                "enum": ["allow", "ask", "deny"],
                "description": "`ask`: only a human may allow it, having seen what would run.",
            },
            "rule": { "enum": rules, "description": "The rule that decided." },
            "reason": { "type": "string", "description": "Why, for people. Holds no text of the model's." },
            "agent": { "type": ["string", "null"] },
            "session": { "type": ["string", "null"] },
            "tool": { "type": "string", "description": "The tool's own name." },
            "facts": {
                "type": ["object", "null"],
                "description": "What the judge knew: programs and where they are, hosts, files, variables. Null when it \
                    was refused before there were any.",
            },
            "digest": { "oneOf": [digest, { "type": "null" }], "description": "Binds everything that was judged." },
            "policy": { "$ref": "#/components/schemas/Answer/properties/digest/oneOf/0", "description": "The policy that decided." },
        },
    })
}

fn refusal_schema() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": { "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": { "type": { "type": "string" }, "message": { "type": "string" } },
        }},
    })
}

/// The arguments of each tool whose calls are judged by them.
fn arguments_schema() -> Value {
    let shapes = tools::ALL.iter().map(|tool| (tool.name.to_owned(), tool.definition().parameters));
    json!({ "type": "object", "properties": Value::Object(shapes.collect()) })
}
