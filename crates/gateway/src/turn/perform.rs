//! From a proposal to an output. Each tool is prepared into a typed call, passes the gate, and is
//! handed to the one executor that takes its permit.

use serde_json::{Value, json};
use stockade_agent::{FetchRefusal, Proposal, fetch, tools};
use stockade_core::{Denial, Integrity, Label, Labeled, Readers, Rule, Stage, text};
use stockade_policy::call::{ExecCall, FetchCall, FileCall, FileOp, ProcessAction, ProcessCall};
use stockade_policy::{AgentPolicy, Backend, Judge, Judged, command};
use stockade_sandbox::{ExecOutput, ExecStatus, Refusal, files};

use super::gate::Gated;
use super::{Proposed, ToolResult, Turn, TurnError};
use crate::prepare::{Asking, ExecWish, FetchWish};

type Performed = Result<Labeled<ToolResult>, Denial>;

impl Turn<'_> {
    /// Stages 5 to 8 for one proposal.
    pub(super) async fn perform(&self, proposed: &Proposed) -> Result<Performed, TurnError> {
        let id = proposed.call.id.as_str();
        match tools::parse(&proposed.call) {
            Err(shape) => Ok(Err(Denial::policy(Rule::ToolShape, shape.to_string()))),
            Ok(Proposal::Exec { command, workdir, env, timeout_seconds, background }) => {
                let wish = ExecWish { command, workdir, env, timeout_seconds, background };
                self.exec(id, &wish).await
            }
            Ok(Proposal::Process(action)) => self.process(id, &action).await,
            Ok(Proposal::Read { path, offset, limit }) => {
                self.file(id, &FileWish { path, op: FileOp::Read { offset, limit } }).await
            }
            Ok(Proposal::Write { path, content }) => {
                self.file(id, &FileWish { path, op: FileOp::Write { content } }).await
            }
            Ok(Proposal::Edit { path, old, new }) => {
                self.file(id, &FileWish { path, op: FileOp::Edit { old, new } }).await
            }
            Ok(Proposal::Fetch { url, max_chars }) => {
                let written = proposed.call.arguments["url"].as_str().unwrap_or_default();
                let words = self.conversation.words(written)?;
                let untrusted = proposed.label.integrity == Integrity::Untrusted;
                self.fetch(id, &FetchWish { url, words, untrusted, max_chars }).await
            }
        }
    }

    async fn exec(&self, id: &str, wish: &ExecWish) -> Result<Performed, TurnError> {
        let permit = match self.gate(id, wish).await? {
            Ok(permit) => permit,
            Err(denial) => return Ok(Err(denial)),
        };
        let digest = permit.digest();
        let outcome = self.gateway.executor.run(permit, self.stop.cancelled()).await;
        let detail = match &outcome {
            Ok(output) => json!({ "ran": true, "status": output.status, "bytes": output.output.len() }),
            Err(refusal) => json!({ "ran": false, "refusal": refusal.to_string() }),
        };
        self.recorder.write(Stage::Output, None, Some(digest), detail).await?;
        Ok(outcome.map(exec_result).map_err(|refusal: Refusal| refusal.denial()))
    }

    async fn process(&self, id: &str, wish: &ProcessAction) -> Result<Performed, TurnError> {
        let permit = match self.gate(id, wish).await? {
            Ok(permit) => permit,
            Err(denial) => return Ok(Err(denial)),
        };
        let digest = permit.digest();
        let outcome = self.gateway.executor.process(permit).await;
        self.recorder.write(Stage::Output, None, Some(digest), json!({ "ran": outcome.is_ok() })).await?;
        let label = Label::new(Integrity::Untrusted, Readers::Owner, "exec", "process");
        let text = |output| serde_json::to_string(&output).unwrap_or_default();
        Ok(outcome.map(|output| labelled(text(output), label)).map_err(|refusal| refusal.denial()))
    }

    async fn file(&self, id: &str, wish: &FileWish) -> Result<Performed, TurnError> {
        let permit = match self.gate(id, wish).await? {
            Ok(permit) => permit,
            Err(denial) => return Ok(Err(denial)),
        };
        let (digest, path) = (permit.digest(), permit.call().path.clone());
        let outcome = tokio::task::block_in_place(|| files::run(permit, self.gateway.clock.now()));
        let detail = json!({ "ran": outcome.is_ok(), "path": path });
        self.recorder.write(Stage::Output, None, Some(digest), detail).await?;
        // What stands in a file may have been put there by anyone who could write it.
        let label = Label::new(Integrity::Untrusted, Readers::Owner, "file", path.to_string_lossy());
        Ok(outcome.map(|output| labelled(output.text, label)).map_err(|refusal| refusal.denial()))
    }

    async fn fetch(&self, id: &str, wish: &FetchWish) -> Result<Performed, TurnError> {
        let permit = match self.gate(id, wish).await? {
            Ok(permit) => permit,
            Err(denial) => return Ok(Err(denial)),
        };
        let (digest, url) = (permit.digest(), permit.call().url.clone());
        let running = self.gateway.running();
        let outcome = fetch(&self.gateway.client, permit, &running.policy.egress, &*self.gateway.clock).await;
        let status = outcome.as_ref().ok().map(|output| output.status);
        let detail = json!({ "ran": outcome.is_ok(), "url": url, "status": status });
        self.recorder.write(Stage::Output, None, Some(digest), detail).await?;
        let label = Label::new(Integrity::Untrusted, Readers::Public, "web", url.as_str());
        match outcome {
            Ok(page) => {
                let text = format!("{} {}\n{}", page.status, page.url, page.text);
                Ok(Ok(labelled(text, label)))
            }
            Err(FetchRefusal::Denied(denial)) => Ok(Err(denial)),
            Err(FetchRefusal::Failed(error)) => {
                let failed = ToolResult { text: format!("the fetch failed: {error}"), is_error: true };
                Ok(Ok(Labeled::new(failed, label)))
            }
        }
    }
}

/// What the model hears of a refusal: the gateway's own words.
pub(super) fn refused(denial: &Denial) -> Labeled<ToolResult> {
    let label = Label::new(Integrity::Service, Readers::Public, "gateway", "refusal");
    Labeled::new(ToolResult { text: format!("The gateway refused this call: {denial}."), is_error: true }, label)
}

impl Gated for ExecWish {
    type Call = ExecCall;

    fn prepare(&self, turn: &Turn<'_>, asking: &Asking<'_>) -> Result<ExecCall, Denial> {
        asking.exec(self, turn.gateway.view(asking.agent, asking.session)?)
    }

    fn judge(judge: &Judge<'_>, call: ExecCall) -> Judged<ExecCall> {
        judge.exec(call)
    }

    fn unattended(judge: &Judge<'_>, call: ExecCall) -> Option<Judged<ExecCall>> {
        Some(judge.unattended(call))
    }

    fn card(call: &ExecCall, agent: &AgentPolicy, because: &str) -> (String, Value) {
        let command = text::visible(&call.command);
        let complete = command::analyze(&call.command).opaque.is_none();
        let resolved: Vec<_> =
            call.programs.iter().map(|program| json!({ "word": program.word, "path": program.path })).collect();
        let host = match call.view.backend {
            Backend::Native => "sandbox",
            Backend::Host => "gateway",
        };
        let only = match call.programs.as_slice() {
            [program] => program.path.clone(),
            _ => None,
        };
        let request = json!({
            "command": command,
            "cwd": call.cwd,
            "nodeId": null,
            "host": host,
            "security": agent.exec.security.id(),
            "ask": agent.exec.ask.id(),
            "warningText": because,
            "allowedDecisions": ["allow-once", "deny"],
            "unavailableDecisions": ["allow-always"],
            "agentId": call.context.agent,
            "sessionKey": call.context.session,
            "resolvedPath": only,
            "runId": call.context.turn,
            "toolCallId": call.context.call_id,
            "stockade": {
                "programs": resolved,
                "files": call.operands,
                "bindsEverything": complete,
                "env": call.env,
                "sees": call.view.mounts,
                "network": call.view.network,
                "background": call.background,
                "timeoutSeconds": call.timeout.as_secs(),
            },
        });
        (command, request)
    }
}

impl Gated for ProcessAction {
    type Call = ProcessCall;

    fn prepare(&self, _: &Turn<'_>, asking: &Asking<'_>) -> Result<ProcessCall, Denial> {
        Ok(asking.process(self.clone()))
    }

    fn judge(judge: &Judge<'_>, call: ProcessCall) -> Judged<ProcessCall> {
        judge.process(call)
    }

    fn card(call: &ProcessCall, _: &AgentPolicy, because: &str) -> (String, Value) {
        let command = match &call.action {
            Self::Write { id, data } => format!("(input to the running command {id}) {}", text::visible(data)),
            Self::List | Self::Poll { .. } | Self::Kill { .. } => "process".to_owned(),
        };
        let request = json!({
            "command": command, "warningText": because, "allowedDecisions": ["allow-once", "deny"],
            "agentId": call.context.agent, "sessionKey": call.context.session, "runId": call.context.turn,
            "toolCallId": call.context.call_id,
        });
        (command, request)
    }
}

struct FileWish {
    path: String,
    op: FileOp,
}

impl Gated for FileWish {
    type Call = FileCall;

    fn prepare(&self, turn: &Turn<'_>, asking: &Asking<'_>) -> Result<FileCall, Denial> {
        Ok(asking.file(&self.path, self.op.clone(), turn.gateway.view(asking.agent, asking.session)?))
    }

    fn judge(judge: &Judge<'_>, call: FileCall) -> Judged<FileCall> {
        judge.file(call)
    }

    fn card(call: &FileCall, _: &AgentPolicy, because: &str) -> (String, Value) {
        let shown = text::visible(&call.path.to_string_lossy());
        (shown.clone(), json!({ "command": shown, "warningText": because }))
    }
}

impl Gated for FetchWish {
    type Call = FetchCall;

    fn prepare(&self, _: &Turn<'_>, asking: &Asking<'_>) -> Result<FetchCall, Denial> {
        Ok(asking.fetch(self))
    }

    fn judge(judge: &Judge<'_>, call: FetchCall) -> Judged<FetchCall> {
        judge.fetch(call)
    }

    fn card(call: &FetchCall, _: &AgentPolicy, because: &str) -> (String, Value) {
        (call.url.to_string(), json!({ "command": call.url, "warningText": because }))
    }
}

fn labelled(text: String, label: Label) -> Labeled<ToolResult> {
    Labeled::new(ToolResult { text, is_error: false }, label)
}

fn exec_result(output: ExecOutput) -> Labeled<ToolResult> {
    let (note, is_error) = match &output.status {
        ExecStatus::Exited { code: 0 } => (String::new(), false),
        ExecStatus::Exited { code } => (format!("\n[exit code {code}]"), true),
        ExecStatus::Signaled { signal } => (format!("\n[killed by signal {signal}]"), true),
        ExecStatus::TimedOut => ("\n[timed out; the whole process tree was killed]".to_owned(), true),
        ExecStatus::Cancelled => ("\n[cancelled; the whole process tree was killed]".to_owned(), true),
        ExecStatus::Background { id } => {
            (format!("\n[running in the background as {id}; see the tool process]"), false)
        }
    };
    let label = Label::new(Integrity::Untrusted, Readers::Owner, "exec", "output");
    Labeled::new(ToolResult { text: format!("{}{note}", output.output), is_error }, label)
}
