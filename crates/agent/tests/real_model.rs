//! A real model server, with real weights, asked through the real client: llama.cpp's own HTTP server
//! with the SmolLM2 weights, as `stockade models fetch` installs them.
#![allow(clippy::disallowed_methods, reason = "the test starts the server that `sandbox` would start")]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use stockade_agent::model::{Endpoint, Model, ModelEvent, ModelRequest, Patience, StopReason};
use stockade_agent::models::{SERVE, WEIGHTS};
use stockade_agent::{Api, tools};
use stockade_policy::context::Speaker;
use support::entry;
use url::Url;

/// Where the wheels are installed, if they are.
fn installed() -> Option<PathBuf> {
    let folder = std::env::var_os("STOCKADE_TEST_PY").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/interop/py"));
    folder.join(WEIGHTS.file).is_file().then_some(folder)
}

/// The server process; it ends when its standard input closes, and so with this value.
struct Served {
    child: Child,
    base_url: Url,
}

impl Served {
    fn start(folder: &Path) -> Self {
        let weights = folder.join(WEIGHTS.file);
        WEIGHTS.verify(std::fs::File::open(&weights).expect("the weights")).expect("the pinned weights");
        let mut child = Command::new("python3")
            .args(["-c", SERVE])
            .arg(&weights)
            .arg("0")
            .env("PYTHONPATH", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 on the PATH");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let address = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("listening ").map(str::to_owned));
        let base_url = format!("{}/v1", address.expect("the server says where it listens"));
        Self { child, base_url: Url::parse(&base_url).expect("a URL") }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_real_model_answers() {
    let Some(folder) = installed() else {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: no model server; run `stockade models fetch` or set STOCKADE_TEST_PY"
        );
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "the model server must be there in CI");
        return;
    };
    let served = Served::start(&folder);
    let endpoint = Endpoint {
        id: "local".to_owned(),
        base_url: served.base_url.clone(),
        api_key: None,
        api: Api::OpenAiCompletions,
        headers: std::collections::BTreeMap::new(),
    };
    let model = Model::new(endpoint, Patience::default()).expect("an endpoint");
    let context = [entry(Speaker::User, "Write a short poem about cats.")];
    let request = ModelRequest {
        model: WEIGHTS.alias,
        context: &context,
        tools: &[],
        max_tokens: Some(48),
        temperature: Some(0.0),
    };
    let mut answer = model.stream(&request).await.expect("the model answers");
    let (mut text, mut pieces, mut end) = (String::new(), 0, None);
    while let Some(event) = answer.next().await.expect("the stream is whole") {
        match event {
            ModelEvent::Text(more) => {
                pieces += 1;
                text.push_str(&more);
            }
            ModelEvent::Finished { stop, usage } => end = Some((stop, usage)),
            ModelEvent::Call(call) => panic!("no tool was offered, and {call:?} came"),
        }
    }
    assert!(pieces > 1, "the answer streams: {text:?}");
    // So small a model knows little, but it speaks about what it was asked.
    assert!(text.to_lowercase().contains("cat"), "{text:?}");
    let (stop, usage) = end.expect("an end");
    assert!(matches!(stop, StopReason::End | StopReason::Length), "{stop:?}");
    let usage = usage.expect("the server counts");
    assert!(usage.input > 0 && usage.output > 0 && usage.output <= 48, "{usage:?}");

    // With tools offered, a full history, and a call in it, the request is still one that it accepts.
    let definitions: Vec<_> = tools::ALL.iter().map(tools::Tool::definition).collect();
    let calls = vec![stockade_core::ToolCall {
        id: "call_1".to_owned(),
        tool: stockade_core::ToolName::new("read"),
        arguments: serde_json::json!({"path": "a.txt"}),
    }];
    let result = Speaker::Tool { call_id: "call_1".to_owned(), name: "read".to_owned(), is_error: false };
    let context = [
        entry(Speaker::User, "Read a.txt"),
        entry(Speaker::Assistant { calls }, ""),
        entry(result, "Hello from a.txt"),
    ];
    let request = ModelRequest { context: &context, tools: &definitions, max_tokens: Some(8), ..request };
    let mut answer = model.stream(&request).await.expect("the model answers");
    let mut finished = false;
    while let Some(event) = answer.next().await.expect("the stream is whole") {
        finished |= matches!(event, ModelEvent::Finished { .. });
    }
    assert!(finished);
}
