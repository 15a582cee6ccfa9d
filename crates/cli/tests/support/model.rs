//! The scripted model: a server process of its own that answers what the test tells it to.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use serde_json::{Value, json};

/// A model server; it ends when its standard input closes, and so with this value.
pub struct Model {
    child: Child,
    folder: tempfile::TempDir,
    answers: Mutex<Vec<Value>>,
    pub url: String,
}

impl Model {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("script.json"), "[]").expect("written");
        std::fs::write(folder.path().join("log.jsonl"), "").expect("written");
        let mut child = Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/model.py"))
            .args(["script.json", "log.jsonl"])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 on the PATH");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("it says where it listens");
        let url = line.trim().strip_prefix("listening ").expect("it listens").to_owned();
        Self { child, folder, answers: Mutex::default(), url }
    }

    /// Its next unscripted answer is this text.
    pub fn says(&self, text: &str) -> &Self {
        self.then(json!({ "text": text }))
    }

    /// Its next unscripted answer is this one call.
    pub fn calls(&self, name: &str, arguments: Value) -> &Self {
        self.then(json!({ "calls": [{ "name": name, "arguments": arguments }] }))
    }

    fn then(&self, answer: Value) -> &Self {
        let mut answers = self.answers.lock().expect("not poisoned");
        answers.push(answer);
        let next = self.folder.path().join("script.next");
        std::fs::write(&next, Value::from(answers.clone()).to_string()).expect("written");
        std::fs::rename(next, self.script()).expect("in place");
        self
    }

    fn script(&self) -> PathBuf {
        self.folder.path().join("script.json")
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.folder.path().join("log.jsonl")).expect("a log");
        log.lines().map(|line| serde_json::from_str(line).expect("a request")).collect()
    }

    /// The names of the tools that the latest request offers.
    pub fn offered(&self) -> Vec<String> {
        let requests = self.requests();
        let tools = requests.last().expect("a request")["tools"].as_array().cloned().unwrap_or_default();
        tools.iter().map(|tool| tool["function"]["name"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The text of the latest tool result that it was given.
    pub fn heard(&self) -> String {
        let requests = self.requests();
        let messages = requests.last().expect("a request")["messages"].as_array().cloned().unwrap_or_default();
        let result = messages.iter().rev().find(|message| message["role"] == "tool").cloned().unwrap_or_default();
        match &result["content"] {
            Value::String(text) => text.clone(),
            Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
            _ => String::new(),
        }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
