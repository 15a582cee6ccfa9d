//! table: the tools that a model is offered. One file each; a new one is a file and a row.
//!
//! A tool here is a shape: what it is called, what it takes, and the typed [`Proposal`] that a call
//! of it means. Whether a proposal may run is not decided here, and nothing here runs it.

mod edit;
mod exec;
mod process;
mod read;
mod shape;
mod web_fetch;
mod write;

use std::collections::BTreeMap;

use serde_json::Value;
use stockade_core::ToolCall;
use stockade_policy::ProcessAction;
use url::Url;

pub use shape::ShapeError;
use shape::{Arguments, Parameter};

/// A tool as it is offered to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolDefinition {
    /// Its name.
    pub name: &'static str,
    /// What it does, for the model.
    pub description: &'static str,
    /// JSON Schema of its arguments.
    pub parameters: Value,
}

/// What a call means, checked against the tool's shape. It is still only a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proposal {
    /// Run a shell command.
    Exec {
        /// The command; at most 64 KiB.
        command: String,
        /// Where; relative to the session's working directory.
        workdir: Option<String>,
        /// Environment variables to set; names are `[A-Za-z_][A-Za-z0-9_]*`.
        env: BTreeMap<String, String>,
        /// Wall-clock bound, in seconds.
        timeout_seconds: Option<u64>,
        /// Keep it running after the call returns.
        background: bool,
    },
    /// Look after a background process.
    Process(ProcessAction),
    /// Read a text file.
    Read {
        /// Which.
        path: String,
        /// First line, from 1.
        offset: usize,
        /// At most this many lines.
        limit: usize,
    },
    /// Create or replace a file.
    Write {
        /// Which.
        path: String,
        /// Its whole new content; at most 1 MiB.
        content: String,
    },
    /// Replace one exact occurrence of a text.
    Edit {
        /// Which.
        path: String,
        /// The text to find; not empty.
        old: String,
        /// What stands there afterwards.
        new: String,
    },
    /// Fetch a web page.
    Fetch {
        /// Its address.
        url: Url,
        /// At most this many characters of text come back.
        max_chars: usize,
    },
}

/// A row of the table.
#[derive(Debug)]
pub struct Tool {
    /// The tool's name, in lower case.
    pub name: &'static str,
    description: &'static str,
    parameters: &'static [Parameter],
    propose: fn(Arguments<'_>) -> Result<Proposal, ShapeError>,
}

/// The tools, in the order in which they are offered.
pub const ALL: &[Tool] = &[read::TOOL, write::TOOL, edit::TOOL, exec::TOOL, process::TOOL, web_fetch::TOOL];

/// The definition of the tool with this name.
#[must_use]
pub fn definition(name: &str) -> Option<ToolDefinition> {
    ALL.iter().find(|tool| tool.name == name).map(Tool::definition)
}

/// What a call means.
///
/// # Errors
/// A [`ShapeError`] when there is no such tool, or the arguments do not fit it.
pub fn parse(call: &ToolCall) -> Result<Proposal, ShapeError> {
    let tool = ALL.iter().find(|tool| tool.name == call.tool.as_str());
    let tool = tool.ok_or_else(|| ShapeError::UnknownTool { tool: call.tool.to_string() })?;
    (tool.propose)(Arguments::check(tool.name, tool.parameters, &call.arguments)?)
}

impl Tool {
    /// What the model is told.
    #[must_use]
    pub fn definition(&self) -> ToolDefinition {
        ToolDefinition { name: self.name, description: self.description, parameters: shape::schema(self.parameters) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stockade_core::{Rule, ToolName};

    use super::*;

    fn propose(tool: &str, arguments: Value) -> Result<Proposal, ShapeError> {
        parse(&ToolCall { id: "1".to_owned(), tool: ToolName::new(tool), arguments })
    }

    #[test]
    fn honest_calls_are_understood() {
        let variables = BTreeMap::from([("LANG".to_owned(), "C".to_owned())]);
        let full =
            json!({"command": "ls", "workdir": "src", "env": {"LANG": "C"}, "timeoutSeconds": 5, "background": true});
        let exec = |workdir: Option<&str>, env, timeout_seconds, background| Proposal::Exec {
            command: "ls".to_owned(),
            workdir: workdir.map(str::to_owned),
            env,
            timeout_seconds,
            background,
        };
        assert_eq!(propose("exec", full), Ok(exec(Some("src"), variables, Some(5), true)));
        assert_eq!(
            propose("Exec", json!({"cmd": "ls", "workdir": null})),
            Ok(exec(None, BTreeMap::new(), None, false))
        );
        let read = Proposal::Read { path: "a".to_owned(), offset: 3, limit: 2000 };
        assert_eq!(propose("read", json!({"file_path": "a", "offset": 3})), Ok(read));
        let edit = Proposal::Edit { path: "a".to_owned(), old: "x".to_owned(), new: String::new() };
        assert_eq!(propose("edit", json!({"path": "a", "old_string": "x", "newText": ""})), Ok(edit));
        let poll = ProcessAction::Poll { id: "p1".to_owned() };
        assert_eq!(propose("process", json!({"action": "poll", "sessionId": "p1"})), Ok(Proposal::Process(poll)));
        let Ok(Proposal::Fetch { url, max_chars }) = propose("web_fetch", json!({"url": "HTTP://0x7f.1/%41"})) else {
            panic!("a fetch");
        };
        assert_eq!((url.as_str(), max_chars), ("http://127.0.0.1/%41", 20_000));
    }

    #[test]
    fn what_a_model_may_not_choose_is_refused_by_name() {
        for name in ["host", "node", "elevated", "security", "ask", "pty", "sandbox", "approved"] {
            let error = propose("exec", json!({"command": "ls", name: "x"})).expect_err("refused");
            assert!(matches!(&error, ShapeError::Unknown { name: refused, .. } if refused == name), "{error}");
            assert_eq!(error.denial().rule, Rule::ToolShape);
        }
        let error = propose("read", json!({"path": "a", "x\u{202e}\u{1b}[2K": 1})).expect_err("refused").to_string();
        assert!(!error.contains('\u{202e}') && !error.contains('\u{1b}'), "{error}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let long = "x".repeat((64 << 10) + 1);
        let many: serde_json::Map<String, Value> = (0..65).map(|n| (format!("V{n}"), json!(""))).collect();
        for (tool, arguments) in [
            ("exec", Value::Null),
            ("exec", json!([{"command": "ls"}])),
            ("exec", json!("{\"command\": \"ls\"}")),
            ("exec", json!({})),
            ("exec", json!({"command": null})),
            ("exec", json!({"command": ["ls"]})),
            ("exec", json!({"command": "  "})),
            ("exec", json!({"command": "ls\0 -la"})),
            ("exec", json!({"command": long})),
            ("exec", json!({"command": "ls", "cmd": "rm -rf ."})),
            ("exec", json!({"command": "ls", "timeoutSeconds": 0})),
            ("exec", json!({"command": "ls", "timeoutSeconds": "5"})),
            ("exec", json!({"command": "ls", "timeoutSeconds": -1})),
            ("exec", json!({"command": "ls", "timeoutSeconds": 1e300})),
            ("exec", json!({"command": "ls", "background": "true"})),
            ("exec", json!({"command": "ls", "env": {"A=B": "x"}})),
            ("exec", json!({"command": "ls", "env": {"": "x"}})),
            ("exec", json!({"command": "ls", "env": {"1A": "x"}})),
            ("exec", json!({"command": "ls", "env": {"A": 1}})),
            ("exec", json!({"command": "ls", "env": {"A": "x\0y"}})),
            ("exec", json!({"command": "ls", "env": many})),
            ("read", json!({"path": "x".repeat(4097)})),
            ("read", json!({"path": "a", "file_path": "b"})),
            ("read", json!({"path": "a", "offset": 0})),
            ("write", json!({"path": "a"})),
            ("write", json!({"path": "a", "content": "x".repeat((1 << 20) + 1)})),
            ("edit", json!({"path": "a", "oldText": "", "newText": "x"})),
            ("process", json!({"action": "send-keys", "sessionId": "p"})),
            ("process", json!({"action": "kill"})),
            ("process", json!({"action": "write", "sessionId": "p"})),
            ("web_fetch", json!({"url": "example.org"})),
            ("web_fetch", json!({"url": "http://"})),
            ("web_fetch", json!({"url": "https://example.org", "maxChars": 200_001})),
            ("exec.", json!({"command": "ls"})),
            ("", json!({})),
        ] {
            let result = propose(tool, arguments.clone());
            assert!(result.is_err(), "{tool} {arguments} became {result:?}");
        }
    }

    #[test]
    fn the_schema_and_the_check_are_one_table() {
        for tool in ALL {
            assert_eq!(tool.name, ToolName::new(tool.name).as_str());
            let definition = definition(tool.name).expect("a row");
            let properties = definition.parameters["properties"].as_object().expect("properties");
            assert_eq!(properties.len(), tool.parameters.len());
            let mut names: Vec<&str> =
                tool.parameters.iter().flat_map(|it| [&[it.name], it.synonyms].concat()).collect();
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all, "{}: one spelling for two arguments", tool.name);
        }
    }
}
